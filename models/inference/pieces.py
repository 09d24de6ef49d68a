"""Scores and overlays of ten thousand pictures, piece by piece, each kept once it is done.

Pieces are cut at fixed places of the list and made whole, so that a call that goes on works on the
batches of an unbroken one and comes to the same bytes. Reads pictures and networks, writes pieces.
"""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from models.inference.overlays import Asked, draw, overlay_names
from models.inference.scores import Way, score_pictures
from models.input.pictures import Pictures
from models.nets.network import LesionNet
from workspace.arrays import Floats, Floats32, Ints
from workspace.hashing import sha256_text
from workspace.pieces import KeptPieces
from workspace.progress import Show
from workspace.units import Unit

SCORED = 1024  # pictures a piece of scores: minutes of work, and always whole batches of a Way
DRAWN = 16  # pictures a piece of overlays, which is one batch: 1 GB with the paper's network
FILE, FAR = "probability.npy", "distance.npy"


@dataclass(frozen=True)
class Piece:
    """Some pictures whose results are kept together."""

    name: str
    places: Ints
    classes: Ints  # what an overlay shows; of scores none
    settings: dict[str, Any]  # what the result depends on, besides what all pieces do


class Measure(Protocol):
    """How far embeddings are from what a network learnt from."""

    @property
    def mark(self) -> str: ...  # by which what is kept is known to be of it

    def far(self, embeddings: Floats32) -> Floats: ...


@dataclass(frozen=True)
class Scored:
    """Row for row: probabilities (n, classes), and distances (n,), if they were measured."""

    probability: Floats
    distance: Floats | None


class PieceByPiece:
    """Work on pictures that goes on from its kept pieces."""

    def __init__(
        self, pictures: Pictures, kept: KeptPieces, scored: int = SCORED, drawn: int = DRAWN
    ) -> None:
        self.pictures, self._kept_pieces = pictures, kept
        self._scored, self._drawn = scored, drawn

    def scores(
        self, name: str, net: LesionNet, way: Way, show: Show, measure: Measure | None = None
    ) -> Scored:
        """What one network says of all pictures."""
        assert self._scored % way.batch_size == 0, "a piece would end in the middle of a batch"
        total = len(self.pictures)
        more = {} if measure is None else {"measure": measure.mark}
        asked = np.arange(total), np.zeros(0, np.int64)
        pieces = self._cut(name, *asked, self._scored, more)
        kept, done = self._kept(pieces, show)
        for piece in pieces:
            if piece.name in kept:
                continue

            def ahead(now: int, _: int, before: int = done) -> None:
                show(before + now, total)

            found = score_pictures(net, self.pictures, piece.places, way, ahead)
            with self._kept_pieces.making(piece.name, piece.settings) as draft:
                draft.array(FILE, found.probability)
                if measure is not None:
                    draft.array(FAR, measure.far(found.embedding))
            kept[piece.name] = self._kept_pieces.open(piece.name)
            done += len(piece.places)
        units = [kept[piece.name] for piece in pieces]
        distance = None if measure is None else np.concatenate([one.array(FAR) for one in units])
        return Scored(np.concatenate([one.array(FILE) for one in units]), distance)

    def overlays(
        self, stage: str, nets: Sequence[LesionNet], way: Way, asked: Asked, show: Show
    ) -> list[Unit]:
        """Pieces with a PNG for each of the pictures asked for, as to the class beside it."""
        words = dict(zip(asked.places.tolist(), asked.words, strict=True))
        more = {"words": sha256_text("\n".join(asked.words))}
        pieces = self._cut(f"overlays_{stage}", asked.places, asked.classes, self._drawn, more)
        names = overlay_names(self.pictures.ids, stage)
        kept, done = self._kept(pieces, show)
        lacking = [piece for piece in pieces if piece.name not in kept]
        plan = [
            Asked(piece.places, piece.classes, [words[at] for at in piece.places.tolist()])
            for piece in lacking
        ]
        with closing(draw(nets, self.pictures, plan, way)) as drawn:
            for piece, images in zip(lacking, drawn, strict=True):
                with self._kept_pieces.making(piece.name, piece.settings) as draft:
                    for place, image in zip(piece.places, images, strict=True):
                        draft.encoded(names[place], image)
                kept[piece.name] = self._kept_pieces.open(piece.name)
                done += len(piece.places)
                show(done, len(asked.places))
        return [kept[piece.name] for piece in pieces]

    def _cut(
        self, name: str, places: Ints, classes: Ints, size: int, more: dict[str, Any]
    ) -> list[Piece]:
        pieces = []
        for start in range(0, len(places), size):
            chosen, of = places[start : start + size], classes[start : start + size]
            ids = "\n".join(self.pictures.ids.gather(chosen))
            settings = {"pictures": sha256_text(ids), "classes": of.tolist(), **more}
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
