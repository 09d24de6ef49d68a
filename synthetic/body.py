"""Where on the body: the real table's location names, and a mannequin to place them on.

Nothing is read. Coordinates are millimetres from the floor's middle: x to the side, y up,
z to the back, as a 1.75 m person standing with arms held away.
"""

from dataclasses import dataclass

import numpy as np

from workspace.arrays import Floats, Ints


@dataclass(frozen=True)
class Place:
    """One location: its names, and a middle and spread in mm."""

    location: str
    simple: str
    site: str | None
    share: int  # weight among a person's lesions
    centre: tuple[int, int, int]
    spread: tuple[int, int, int]


def _pair(part: str, site: str, share: int, centre: tuple[int, int, int]) -> list[Place]:
    """The left and the right of an arm's or leg's part."""
    x, y, z = centre
    limb = part.partition(" - ")[0]
    return [
        Place(f"{side} {part}", f"{side} {limb}", site, share, (sign * x, y, z), (45, 85, 45))
        for side, sign in (("Left", -1), ("Right", 1))
    ]


_BACK, _FRONT = "posterior torso", "anterior torso"
_ARM, _LEG = "upper extremity", "lower extremity"

PLACES = (
    Place("Torso Back Top Third", "Torso Back", _BACK, 180, (0, 1375, 135), (95, 75, 40)),
    Place("Torso Back Middle Third", "Torso Back", _BACK, 110, (0, 1190, 140), (95, 65, 40)),
    Place("Torso Back Bottom Third", "Torso Back", _BACK, 25, (0, 930, 155), (100, 50, 35)),
    Place("Torso Back", "Torso Back", _BACK, 4, (0, 1150, 140), (100, 150, 40)),
    Place("Torso Front Top Half", "Torso Front", _FRONT, 130, (0, 1310, -45), (100, 80, 50)),
    Place("Torso Front Bottom Half", "Torso Front", _FRONT, 75, (0, 1045, -58), (105, 75, 50)),
    Place("Torso Front", "Torso Front", _FRONT, 3, (0, 1180, -50), (100, 130, 50)),
    Place("Head & Neck", "Head & Neck", "head/neck", 32, (0, 1590, -45), (50, 60, 70)),
    *_pair("Arm - Upper", _ARM, 55, (290, 1345, 62)),
    *_pair("Arm - Lower", _ARM, 40, (400, 1110, 0)),
    *_pair("Arm", _ARM, 4, (340, 1240, 45)),
    *_pair("Leg - Upper", _LEG, 62, (155, 615, 20)),
    *_pair("Leg - Lower", _LEG, 72, (215, 290, 72)),
    *_pair("Leg", _LEG, 5, (190, 450, 60)),
    Place("Unknown", "Unknown", None, 14, (0, 900, 40), (200, 350, 60)),
)


def shares() -> Ints:
    """(places,): how many of a thousand or so lesions lie there."""
    return np.array([place.share for place in PLACES], dtype=np.int64)


def centres() -> Floats:
    """(places, 3): each middle in mm."""
    return np.array([place.centre for place in PLACES], dtype=np.float64)


def spreads() -> Floats:
    """(places, 3): each standard deviation in mm."""
    return np.array([place.spread for place in PLACES], dtype=np.float64)
