"""Scores and overlays of ten thousand pictures, piece by piece, each kept once it is done.

Pieces are cut at fixed places of the list and made whole, so that a call that goes on works on the
batches of an unbroken one and comes to the same bytes. Reads pictures and networks, writes pieces.
"""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.inference.overlays import draw, overlay_names
from models.inference.scores import Way, score_pictures
from models.input.pictures import Pictures
from models.nets.network import LesionNet
from workspace.arrays import Floats, Ints
from workspace.hashing import sha256_text
from workspace.pieces import KeptPieces
from workspace.progress import Show
from workspace.units import Unit

SCORED = 1024  # pictures a piece of scores: minutes of work, and always whole batches of a Way
DRAWN = 16  # pictures a piece of overlays, which is one batch: 1 GB with the paper's network
FILE = "probability.npy"


@dataclass(frozen=True)
class Piece:
    """Some pictures whose results are kept together."""

    name: str
    places: Ints
    classes: Ints  # what an overlay shows; of scores none
    settings: dict[str, Any]  # what the result depends on, besides what all pieces do


class PieceByPiece:
    """Work on pictures that goes on from its kept pieces."""

    def __init__(
        self, pictures: Pictures, kept: KeptPieces, scored: int = SCORED, drawn: int = DRAWN
    ) -> None:
        self.pictures, self._kept_pieces = pictures, kept
        self._scored, self._drawn = scored, drawn

    def scores(self, name: str, net: LesionNet, way: Way, show: Show) -> Floats:
        """Probabilities (n, classes) of all pictures by one network."""
        assert self._scored % way.batch_size == 0, "a piece would end in the middle of a batch"
        total = len(self.pictures)
        pieces = self._cut(name, np.arange(total), np.zeros(0, np.int64), self._scored)
        kept, done = self._kept(pieces, show)
        for piece in pieces:
            if piece.name in kept:
                continue

            def ahead(now: int, _: int, before: int = done) -> None:
                show(before + now, total)

            found = score_pictures(net, self.pictures, piece.places, way, ahead)
            with self._kept_pieces.making(piece.name, piece.settings) as draft:
                draft.array(FILE, found.probability)
            kept[piece.name] = self._kept_pieces.open(piece.name)
            done += len(piece.places)
        return np.concatenate([kept[piece.name].array(FILE) for piece in pieces])

    def overlays(
        self, stage: str, nets: Sequence[LesionNet], way: Way, asked: tuple[Ints, Ints], show: Show
    ) -> list[Unit]:
        """Pieces with a PNG for each of the pictures asked for, as to the class beside it."""
        pieces = self._cut(f"overlays_{stage}", *asked, self._drawn)
        names = overlay_names(self.pictures.ids, stage)
        kept, done = self._kept(pieces, show)
        lacking = [piece for piece in pieces if piece.name not in kept]
        plan = [(piece.places, piece.classes) for piece in lacking]
        with closing(draw(nets, self.pictures, plan, way)) as drawn:
            for piece, images in zip(lacking, drawn, strict=True):
                with self._kept_pieces.making(piece.name, piece.settings) as draft:
                    for place, image in zip(piece.places, images, strict=True):
                        draft.encoded(names[place], image)
                kept[piece.name] = self._kept_pieces.open(piece.name)
                done += len(piece.places)
                show(done, len(asked[0]))
        return [kept[piece.name] for piece in pieces]

    def _cut(self, name: str, places: Ints, classes: Ints, size: int) -> list[Piece]:
        pieces = []
        for start in range(0, len(places), size):
            chosen, of = places[start : start + size], classes[start : start + size]
            ids = "\n".join(self.pictures.ids.gather(chosen))
            settings = {"pictures": sha256_text(ids), "classes": of.tolist()}
            pieces.append(Piece(f"{name}/{start // size:05d}", chosen, of, settings))
        return pieces

    def _kept(self, pieces: Sequence[Piece], show: Show) -> tuple[dict[str, Unit], int]:
        """What is kept by name, and how many pictures that is, which is shown before work begins.

        So the time left is reckoned from the pictures of this call alone.
        """
        kept = {}
        for piece in pieces:
            unit = self._kept_pieces.find(piece.name, piece.settings)
            if unit is not None:
                kept[piece.name] = unit
        done = sum(len(piece.places) for piece in pieces if piece.name in kept)
        show(done, sum(len(piece.places) for piece in pieces))
        return kept, done
