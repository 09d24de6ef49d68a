"""What teacher, students and baselines are worth, put together as a task's maker.

Reads what each unit said of its split's validation and test rows, whatever made it; writes
distill.json and its drawings.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from folds.findings import Findings
from folds.official import SIDE
from folds.schema import ID, TEST
from folds.sides import CLEAN, LEAKED
from folds.split import Scheme
from metrics.score_sheet import ScoreConfig
from models.distill import measure
from models.distill.config import DistillConfig
from models.distill.measure import Answers, Holdout, Side
from models.distill.size import MEGABYTE, megabytes
from models.inference.views import NAMED
from models.nets.work import multiply_adds
from models.networks.config import NetworkConfig
from models.networks.network import Network, network_of
from models.networks.use import BEST
from pipeline.distill import ABSTENTION, DISTILL, LEAK, PARETO, SHEET, Trained
from pipeline.networks import SCORES
from pipeline.picture_rows import PictureFiles, PictureRows, open_picture_rows
from pipeline.sided import TEST_SCORES
from reports.distill import draw_abstention, draw_pareto
from workspace.arrays import Floats, Ints
from workspace.units import Draft, Unit, open_unit

FLOAT32 = "fp32"  # the variant that keeps all bits


@dataclass(frozen=True)
class SplitRows:
    """The two sides of one split that are scored, and what is known of their rows."""

    rows: PictureRows
    network: Network
    validation: Ints  # indices of rows whose label is known
    test: Ints

    @classmethod
    def of(cls, files: PictureFiles, network: tuple[str, NetworkConfig]) -> "SplitRows":
        rows = open_picture_rows(files)
        asked = network_of(*network, rows.table, Findings())
        learnt, test = rows.by_side
        assert learnt.validation is not None, "a split has validation rows"
        known = (some[asked.codes[some] >= 0] for some in (learnt.validation, test))
        return cls(rows, asked, *known)

    def side(self, indices: Ints) -> Side:
        patient = None if self.rows.patient is None else self.rows.patient.gather(indices)
        return Side(self.network.codes[indices] == 1, patient)

    def answers(self, units: Mapping[int, Unit]) -> Answers:
        """By id, of each seed."""
        sides = ((SCORES, self.validation), (TEST_SCORES, self.test))
        return Answers(*(
            {seed: self._said(unit, file, some) for seed, unit in units.items()}
            for file, some in sides
        ))  # fmt: skip

    def _said(self, unit: Unit, file: str, indices: Ints) -> Floats:
        """(indices,): the probability of the target, by the unit's best weights."""
        table = unit.parquet(file)
        [name] = [name for name in table.columns if name.startswith("oof")]
        ids = self.rows.table[ID].gather(indices).to_frame()
        joined = ids.join(table, on=ID, how="left", validate="1:1", maintain_order="left")
        said: Floats = joined[name].cast(pl.Float64).to_numpy()
        return said

    def sheet(self) -> dict[str, Any]:
        """How many rows each side has; of how many test rows training has the lesion or picture."""
        learnt, _ = self.rows.by_side
        known = self.rows.leaks.filter(pl.col(SIDE) == TEST)["lesion"]
        sides = {"train": learnt.training, "validation": self.validation, "test": self.test}
        return {
            side: {"n": len(some), "positives": int((self.network.codes[some] == 1).sum())}
            for side, some in sides.items()
        } | {name: int((known == name).sum()) for name in (LEAKED, CLEAN)}


def compare_students(
    draft: Draft, *, files: Mapping[Scheme, PictureFiles],
    networks: Mapping[str, NetworkConfig], units: Mapping[Trained, Path],
    how: tuple[DistillConfig, ScoreConfig], fewer: Mapping[str, tuple[str, str]],
) -> None:  # fmt: skip
    """Every network and baseline on every split; on the first each held against another.

    `fewer` says of each rounded network which one it was, and in what it is kept.
    """
    (config, score), (first, *_) = how, networks.items()
    splits = {scheme: SplitRows.of(one, first) for scheme, one in files.items()}
    opened = {which: open_unit(folder, DISTILL) for which, folder in units.items()}
    names = list(dict.fromkeys(name for _, name, _ in opened))
    sheets = {name: _of_name(name, networks, fewer, opened) for name in names}
    with draft.progress("Comparing students") as show:
        for done, (scheme, split) in enumerate(splits.items()):
            holdout = Holdout(split.side(split.validation), split.side(split.test), config, score)
            answers = {
                name: split.answers({s: u for (i, n, s), u in opened.items() if (i, n) == which})
                for name in names
                for which in [(scheme, name)]
                if any(key[:2] == which for key in opened)
            }
            for name, said in answers.items():
                sheets[name]["schemes"][scheme] = measure.worth(holdout, said)
            if scheme == config.scheme:
                for name in names:
                    than = fewer[name][0] if name in fewer else config.than(name, tuple(networks))
                    sheets[name]["minus"] = _minus(name, than, answers, holdout)
            show(done + 1, len(splits))
    sheet = {
        "scheme": config.scheme, "sensitivity": config.sensitivity, "level": score.level,
        "group": next(iter(files.values())).group, "seeds": list(config.seeds),
        "reference": config.reference or next(iter(networks)),
        "names": names,  # in order, which a JSON object would not keep
        "splits": {scheme: split.sheet() for scheme, split in splits.items()},
        "scores": sheets, "leak": {name: _leak(sheets[name], config) for name in config.by_image},
    }  # fmt: skip
    draft.json(SHEET, sheet)
    draft.text(PARETO, draw_pareto(sheet))
    draft.text(ABSTENTION, draw_abstention(sheet))


def _of_name(
    name: str, networks: Mapping[str, NetworkConfig], fewer: Mapping[str, tuple[str, str]],
    opened: Mapping[Trained, Unit],
) -> dict[str, Any]:  # fmt: skip
    """What it is and costs."""
    base, precision = fewer.get(name, (name, None))
    if base not in networks:
        return {"kind": "baseline", "schemes": {}}
    config = networks[base]
    some = [unit for (_, n, _), unit in opened.items() if n == name]
    bits = config.net.weight_bits
    return {
        "kind": "network",
        "variant": precision or (FLOAT32 if bits is None else f"int{bits}, learnt"),
        "backbone": config.net.backbone,
        "teacher": None if config.teacher is None else config.teacher.network,
        "parameters": some[0].facts["parameters"],
        "flops": 2 * multiply_adds(config.net) * len(NAMED[config.views]),  # of an answer
        "mb": _megabytes(some[0], bits), "schemes": {},
    }  # fmt: skip


def _megabytes(unit: Unit, bits: int | None) -> float:
    """Of its weights' file, or reckoned where a phone would keep them in few bits."""
    if "mb" in unit.facts:
        return float(unit.facts["mb"])
    if bits is None:
        return unit.manifest.files[BEST].size / MEGABYTE
    return megabytes(unit.tensors(BEST), bits)


def _minus(
    name: str, than: str | None, answers: Mapping[str, Answers], holdout: Holdout
) -> dict[str, Any] | None:
    """It minus what it is held against."""
    if than is None:
        return None
    return {"than": than, **measure.held_against(holdout, answers[name], answers[than])}


def _leak(sheet: Mapping[str, Any], config: DistillConfig) -> dict[str, Any]:
    """What a network gains where its test lesions are in training."""
    ours, other = (sheet["schemes"][scheme]["metrics"] for scheme in (LEAK, config.scheme))
    return {name: measure.between_splits(ours[name], other[name]) for name in measure.COMPARED}
