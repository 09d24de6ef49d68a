"""What makes a bundle: the network as ONNX, what it decides by, and proof that it agrees.

The exported file is asked of every picture that chooses or measures, by the loader that is handed
out, and so is the library: where the two differ by more than is allowed, no bundle is written.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import onnx

from models.export.answering import Answering
from models.export.choosing import (
    Platt,
    SaidRows,
    calibrated,
    changed,
    chosen,
    measured,
    platt,
)
from models.export.config import BOUND
from models.export.licence import Ancestry, began_with, licence_of
from models.export.onnx_file import halved, onnx_of
from models.export.parity import Answers, parity
from models.export.predict import Detector
from models.export.resizing import is_alike
from models.inference.familiar import familiar
from models.inference.scores import Scores, Way, score_pictures
from models.inference.views import SIX
from models.nets.config import BITS, Precision
from models.nets.network import LesionNet
from models.networks.config import NetworkConfig
from models.networks.names import HeldOut
from models.networks.opened import open_network
from models.networks.rounding import rounded, some_of
from models.networks.use import BEST, USE, Use
from pipeline.bundle_sides import Sides, check_sides, sides_of
from pipeline.declared import declaration
from pipeline.export import CARD, LABELS, LICENSE, LOADED_FROM, LOADER, MODEL, PAGE, SHEET, Asked
from pipeline.fold_network import FoldNetwork, open_fold_network
from pipeline.machine import Machine
from pipeline.picture_rows import PictureFiles, PictureRows, open_picture_rows
from pipeline.unit_files import TRAIN_CNN
from reports.bundle import page as bundle_page
from reports.bundle.model_card import NOTE, card
from reports.bundle.runtime import open_runtime
from workspace.arrays import Floats, Ints
from workspace.manifest import REPOSITORY
from workspace.units import Draft, Unit, open_unit

FAMILIAR = 2000  # pictures that were learnt from, whose embeddings are looked at
UNCALIBRATED = (
    "none: the probability is the network's own, to be read beside the threshold, not as a chance"
)


def make_bundle(
    draft: Draft, *, files: PictureFiles, network: tuple[str, NetworkConfig],
    run: tuple[HeldOut, int], machine: Machine, asked: Asked,
) -> None:  # fmt: skip
    """All files of a bundle."""
    fold, rows = open_fold_network(files, network, run, machine), open_picture_rows(files)
    unit = open_unit(asked.unit, TRAIN_CNN)
    net, use = open_network(unit, fold.network.classes)
    sides = sides_of(fold, rows.groups, run[1])
    check_sides(fold, sides)
    way = machine.way(use.net, use.views, bfloat16=False)
    whole = _Exporting(draft, fold, (net, use), sides, way, asked)
    exporting = whole.rounded()
    seen = exporting.scores_of("pictures learnt from", some_of(sides.learnt, FAMILIAR))
    (library, by), apart = exporting.by_library(), len(sides.choosing)
    model = exporting.exported(seen, by)
    said = exporting.file(model)
    parity = exporting.parity(said, library)
    choice = chosen(_said_rows(fold, rows, sides.choosing, said[:apart]), asked.config)
    held_out = _said_rows(fold, rows, sides.measuring, said[apart:])
    worth = measured(held_out, choice, asked.score)
    labels = {
        **exporting.labels(unit, model, by),
        **{k: choice[k] for k in ("threshold", "distance")},
    }
    sheet = {
        "chosen": choice, "chosen_on": sides.chosen_on, "measured": worth,
        "measured_on": sides.measured_on, "parity": parity, "level": asked.score.level,
        "parameters": sum(one.numel() for one in net.parameters()), "model_mb": len(model) / 1e6,
        "licence": licence_of(asked.origin), "learnt": _learnt(files, sides, asked),
        **declaration(asked.declared),
    }  # fmt: skip
    if exporting is not whole:
        sheet["rounding"] = whole.rounding(held_out)
    _write(draft, (labels, sheet), model, asked)


@dataclass(frozen=True)
class _Exporting:
    """A network on its way into a file."""

    draft: Draft
    fold: FoldNetwork
    opened: tuple[LesionNet, Use]
    sides: Sides
    way: Way
    of: Asked

    @property
    def target(self) -> tuple[int, ...]:
        target = self.fold.network.labels.target
        assert target is not None, "it says nothing of target 1"
        return target

    @property
    def precision(self) -> Precision:
        use = self.opened[1]
        return self.of.config.precision_of(use.network, use.net.weight_bits)

    def rounded(self) -> Self:
        """In the bits that were asked for, if it did not learn in them: by ranges of some pictures
        that it learnt from.
        """
        net, use = self.opened
        if self.precision not in BITS or use.net.weight_bits is not None:
            return self
        rows = self.sides.rows(self.fold)
        few = rounded(net, self.precision, self.fold.pictures, rows, self.way)
        return replace(self, opened=(few, use))

    def scores_of(self, what: str, indices: Ints) -> Scores:
        """What the library says of these pictures."""
        with self.draft.progress(f"{self.fold.title}, {what}") as show:
            return score_pictures(self.opened[0], self.fold.pictures, indices, self.way, show)

    def by_library(self) -> tuple[Floats, Platt | None]:
        """(asked,): the probability of target 1, and the map of its own that it went through."""
        said = self.target_by_library()
        by = self.calibration(said[: len(self.sides.choosing)])
        return calibrated(said, by), by

    def rounding(self, held_out: SaidRows) -> dict[str, Any]:
        """What was said of the held-out rows in few bits beside what this network, in all of its
        bits, would have been handed out to say.
        """
        said, _ = self.by_library()
        return changed(held_out, said[len(self.sides.choosing) :], self.of.score)

    def target_by_library(self) -> Floats:
        """(asked,): the same as the network has it."""
        scores = self.scores_of("by the library", self.sides.asked)
        of_target: Floats = scores.probability[:, list(self.target)].sum(axis=1)
        return of_target

    def calibration(self, choosing: Floats) -> Platt | None:
        """By the rows that choose, if one is asked for: by what the library says of them, since the
        map lies in the file.
        """
        if self.of.config.calibration == "none":
            return None
        return platt(np.isin(self.fold.network.codes[self.sides.choosing], self.target), choosing)

    def exported(self, seen: Scores, by: Platt | None) -> bytes:
        """The file."""
        net, use = self.opened
        known = {view.name: view for view in SIX}
        views = [known[name] for name in use.views]
        module = Answering(net, views, self.target, familiar(seen.embedding), by)
        with self.draft.progress(f"{self.fold.title}, as ONNX") as show:
            model = onnx_of(module)
            show(1, 1)
        if self.precision == "float16":
            model = halved(model)
        onnx.checker.check_model(onnx.load_from_string(model))
        return model

    def file(self, model: bytes) -> Floats:
        """(asked, 2): probability and distance as the exported file has them."""
        detector = Detector(model, {"model_sha256": _sha256(model)}, self.opened[1].net.threads)
        said, indices = [], self.sides.asked
        with self.draft.progress(f"{self.fold.title}, by the exported file") as show:
            for index in indices:
                one = detector.outputs(self.fold.pictures.pixels(int(index)))
                said.append((float(one["probability"]), float(one["distance"])))
                show(len(said), len(indices))
        return np.array(said, np.float64).reshape(-1, 2)

    def parity(self, said: Floats, library: Floats) -> dict[str, Any]:
        """How far file and library are apart; refused beyond what is allowed."""
        ids = self.fold.pictures.ids.gather(self.sides.asked)
        answers = Answers(ids, library, said[:, 0])
        return parity(self.fold.title, answers, self.precision, self._mend(answers))

    def _mend(self, answers: Answers) -> str:
        """Where the two are too far apart: other pixels, or the same ones and other sums."""
        (net, use), pictures = self.opened, self.fold.pictures
        beyond = self.sides.asked[answers.beyond(BOUND[self.precision][0])]
        others = [at for at in beyond if not is_alike(pictures.pixels(int(at)), net.size)]
        if others:
            return (
                f"the installed OpenCV resizes {len(others)} of them otherwise than the file; take "
                "the versions of requirements.lock"
            )
        if use.net.weight_bits is not None:
            return "its layers hang on last bits; name another export.network"
        other = "float32" if self.precision == "float16" else "float16"
        return f"its layers hang on last bits; take export.precision={other!r}"

    def labels(self, unit: Unit, model: bytes, by: Platt | None) -> dict[str, Any]:
        """What the loader and the page must know, and what the file was made of."""
        use = self.opened[1]
        return {
            "note": NOTE, "network": use.network, "fold": use.held_out,
            "classes": list(use.classes), "target": [use.classes[code] for code in self.target],
            "calibration": _in_words(by, self.sides), "platt": by,
            "precision": self.precision,
            "size": use.net.size, "mean": use.net.mean, "std": use.net.std,
            "views": list(use.views), "model_sha256": _sha256(model),
            "made_of": {BEST: unit.sha256(BEST), USE: unit.sha256(USE)},
            **_taught_by(self.of.origin),
        }  # fmt: skip


def _in_words(by: Platt | None, sides: Sides) -> str:
    if by is None:
        return UNCALIBRATED
    return (
        f"Platt's, {by[0]:.4f} times the log odds {by[1]:+.4f}, fitted on {sides.chosen_on} "
        f"({len(sides.choosing)} pictures)"
    )


def _taught_by(origin: Ancestry) -> dict[str, dict[str, str]]:
    """Each teacher and what its weights began with; nothing, where there is none."""
    taught = {name: began_with(one) for name, one in origin.teachers}
    return {"taught_by": taught} if taught else {}


def _said_rows(fold: FoldNetwork, rows: PictureRows, indices: Ints, said: Floats) -> SaidRows:
    target = fold.network.labels.target or ()
    positive = np.isin(fold.network.codes[indices], target)
    patient = None if rows.patient is None else rows.patient.gather(indices)
    return SaidRows(positive, said[:, 0], said[:, 1], patient)


def _learnt(files: PictureFiles, sides: Sides, asked: Asked) -> str:
    """Where its pictures came from."""
    if open_unit(files.samples, "verify").facts.get("synthetic"):
        return (
            f"{len(sides.learnt):,} pictures that 'make sample' drew: they show no person, and no "
            "number here says anything about skin."
        )
    return (
        f"{len(sides.learnt):,} pictures of {asked.source}, whose own terms hold for what is "
        "learnt from them."
    )


def _write(
    draft: Draft, said: tuple[Mapping[str, Any], Mapping[str, Any]], model: bytes, asked: Asked
) -> None:
    labels, sheet = said
    draft.encoded(MODEL, model)
    draft.json(LABELS, labels)
    draft.json(SHEET, sheet)
    draft.text(LOADER, LOADED_FROM.read_text(encoding="utf-8"))
    draft.text(CARD, card(labels, sheet))
    own = (REPOSITORY / LICENSE).read_text(encoding="utf-8")
    draft.text(LICENSE, f"model.onnx: {sheet['licence']}\n\nAll other files:\n\n{own}")
    if asked.config.runtime is not None:
        runtime = open_runtime(asked.config.runtime)
        draft.text(PAGE, bundle_page.page(labels, sheet, model, runtime))
    draft.facts.update(parity=sheet["parity"], model_mb=sheet["model_mb"])


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
