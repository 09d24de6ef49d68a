"""What a suite's trainings are worth, put together as a task's maker.

Reads what each training said of its split's validation and test rows; writes leaderboard.json.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from folds.findings import Findings
from folds.groups import GROUP
from folds.schema import ID
from folds.sides import LEAKED, lesion_in_training
from folds.split import Scheme
from metrics.score_sheet import ScoreConfig
from models.networks.columns import shares_of
from models.networks.network import Network, network_of
from models.suite import measure
from models.suite.config import Ensemble, Experiment, Suite, SuiteConfig
from models.suite.measure import BySeed, Truth
from pipeline.networks import SCORES
from pipeline.picture_rows import PictureFiles, PictureRows, open_picture_rows
from pipeline.recipe import Recipe
from pipeline.suite import LEADERBOARD, PAGE, SUITE, TEST_SCORES, Trained
from reports.leaderboard import page
from workspace.arrays import Bools, Floats, Ints
from workspace.units import Draft, Unit, open_unit


@dataclass(frozen=True)
class Answers:
    """What one experiment's networks said, by seed; rows in the order of the truths."""

    validation: Mapping[int, Floats]
    test: Mapping[int, Floats]


@dataclass(frozen=True)
class SplitRows:
    """The rows of one split that are scored, and what one knows of them."""

    validation: Truth
    test: Truth
    leaked: Bools  # (test rows,): the training side has their lesion
    answers: Mapping[str, Answers]  # by the experiment's number

    def suspicion(self, number: str, seed: int) -> tuple[Floats, Floats]:
        """Of the validation's and of the test's rows."""
        said = self.answers[number]
        return (
            self.validation.suspicion(said.validation[seed]), self.test.suspicion(said.test[seed]),
        )  # fmt: skip


def compare_experiments(
    draft: Draft, *, suite: Suite, recipe: Recipe, files: Mapping[Scheme, PictureFiles],
    units: Mapping[Trained, Path], skipped: Mapping[str, str],
) -> None:  # fmt: skip
    """Every experiment and ensemble on every split; the lessons between them."""
    config, score, positive = recipe.suite, recipe.score, recipe.data.positive
    configs = config, score
    opened = {which: open_unit(folder, SUITE) for which, folder in units.items()}
    numbers = [number for number in suite.experiments if any(n == number for _, n, _ in units)]
    splits = {
        scheme: _open(open_picture_rows(one), suite, (config.melanoma, positive), {
            (number, seed): unit for (s, number, seed), unit in opened.items() if s == scheme
        }) for scheme, one in files.items()
    }  # fmt: skip
    with draft.progress("Comparing experiments") as show:
        sheets = {}
        for done, number in enumerate(numbers):
            sheets[number] = _experiment(number, suite, splits, configs)
            sheets[number] |= _cost([u for (_, n, _), u in opened.items() if n == number])
            show(done + 1, len(numbers))
    sheet = {
        "classes": list(next(iter(splits.values())).test.classes), "melanoma": config.melanoma,
        "cancers": list(positive), "sensitivity": config.sensitivity, "level": score.level,
        "schemes": {scheme: _of_split(rows) for scheme, rows in splits.items()},
        "experiments": sheets,
        "ensembles": {
            name: _ensemble(one, splits, configs) for name, one in suite.ensembles.items()
            if all(member in numbers for member in one.members)
        },
        "skipped": {n: {**_said(suite.experiments[n]), "why": why} for n, why in skipped.items()},
    }  # fmt: skip
    draft.json(LEADERBOARD, sheet)
    draft.text(PAGE, page(sheet, suite.title))


def _open(
    rows: PictureRows, suite: Suite, watched: tuple[str, tuple[str, ...]],
    units: Mapping[tuple[str, int], Unit],
) -> SplitRows:  # fmt: skip
    some = next(iter(suite.experiments.values())).network
    network = network_of("suite", some, rows.table, Findings())
    learnt, test = rows.by_side
    assert learnt.validation is not None, "a split has validation rows"
    return SplitRows(
        _truth(rows, network, learnt.validation, watched), _truth(rows, network, test, watched),
        _leaked(rows, test), _answers(rows, units, learnt.validation, test),
    )  # fmt: skip


def _truth(
    rows: PictureRows, network: Network, places: Ints, watched: tuple[str, tuple[str, ...]]
) -> Truth:
    patient = None if rows.patient is None else rows.table[GROUP].gather(places)
    return Truth(network.codes[places], network.classes, patient, *watched)


def _leaked(rows: PictureRows, test: Ints) -> Bools:
    """(test rows,): whether the training side has their lesion too."""
    ids = rows.table[ID].gather(test).to_frame()
    known = ids.join(lesion_in_training(rows.table), on=ID, how="left", validate="1:1",
                     maintain_order="left")  # fmt: skip
    found: Bools = (known["lesion"] == LEAKED).to_numpy()
    return found


def _answers(
    rows: PictureRows, units: Mapping[tuple[str, int], Unit], validation: Ints, test: Ints
) -> dict[str, Answers]:
    """By id, in the order of the truths."""
    numbers = dict.fromkeys(number for number, _ in units)
    return {
        number: Answers(*(
            {seed: _said_of(rows, u, file, places) for (n, seed), u in units.items() if n == number}
            for file, places in ((SCORES, validation), (TEST_SCORES, test))
        ))
        for number in numbers
    }  # fmt: skip


def _said_of(rows: PictureRows, unit: Unit, file: str, places: Ints) -> Floats:
    """(places, classes): the probabilities of a unit's file, best weights'."""
    table = unit.parquet(file)
    names = [name for name in table.columns if name.startswith("oof_")]
    ids = rows.table[ID].gather(places).to_frame()
    joined = ids.join(table, on=ID, how="left", validate="1:1", maintain_order="left")
    return shares_of(joined.select(names).to_numpy())


def _experiment(
    number: str, suite: Suite, splits: Mapping[Scheme, SplitRows],
    configs: tuple[SuiteConfig, ScoreConfig],
) -> dict[str, Any]:  # fmt: skip
    experiment, (config, score) = suite.experiments[number], configs
    by_scheme = {
        scheme: _worth(rows, rows.answers[number].test, score)
        | {"flags": _flags(rows, number, config.sensitivity)}
        for scheme, rows in splits.items()
        if number in rows.answers
    }
    return {
        **_said(experiment), "schemes": by_scheme,
        "lessons": [
            {
                **lesson.model_dump(),
                "schemes": {
                    scheme: {"minus": minus, "verdict": measure.verdict(lesson, minus)}
                    for scheme, rows in splits.items()
                    if {number, lesson.than} <= rows.answers.keys()
                    and rows.answers[number].test.keys() & rows.answers[lesson.than].test.keys()
                    for minus in [
                        measure.held_against(
                            rows.test, rows.answers[number].test, rows.answers[lesson.than].test,
                            lesson.metric, score,
                        )
                    ]
                },
            }
            for lesson in experiment.lessons
        ],
    }  # fmt: skip


def _worth(rows: SplitRows, by_seed: BySeed, score: ScoreConfig) -> dict[str, Any]:
    return {
        **measure.worth(rows.test, by_seed, score),
        "seeds": list(by_seed),
        "melanomas_found": measure.melanomas_found(rows.test, by_seed, rows.leaked),
    }


def _flags(rows: SplitRows, number: str, sensitivity: float) -> list[dict[str, Any]]:
    """For each seed."""
    return [
        measure.flags(rows.validation, rows.test, rows.suspicion(number, seed), sensitivity)
        for seed in rows.answers[number].test
    ]


def _ensemble(
    one: Ensemble, splits: Mapping[Scheme, SplitRows], configs: tuple[SuiteConfig, ScoreConfig]
) -> dict[str, Any]:
    config, score = configs
    sheets = {}
    for scheme, rows in splits.items():
        members = [rows.answers[number] for number in one.members if number in rows.answers]
        seeds = sorted(set.intersection(*(set(member.test) for member in members)))
        sheet: dict[str, Any] = {"seeds": seeds}
        if one.rule == "mean":
            means = {
                seed: tuple(
                    np.mean([by[seed] for by in side], axis=0)
                    for side in ([m.validation for m in members], [m.test for m in members])
                )
                for seed in seeds
            }
            sheet |= _worth(rows, {seed: test for seed, (_, test) in means.items()}, score)
            scores = [
                (rows.validation.suspicion(ours), rows.test.suspicion(theirs))
                for ours, theirs in means.values()
            ]
        else:
            scores = [
                measure.either(rows.validation, [rows.suspicion(n, seed) for n in one.members])
                for seed in seeds
            ]
        sheet["flags"] = [
            measure.flags(rows.validation, rows.test, both, config.sensitivity) for both in scores
        ]
        sheets[scheme] = sheet
    return {"title": one.title, "members": list(one.members), "rule": one.rule, "schemes": sheets}


def _said(experiment: Experiment) -> dict[str, Any]:
    return experiment.model_dump(
        mode="json", include={"title", "changed", "teaches", "of", "claims"}
    )


def _cost(units: Sequence[Unit]) -> dict[str, Any]:
    """Parameters, and the median seconds of a training."""
    return {
        "parameters": units[0].facts["parameters"],
        "seconds": float(np.median([unit.manifest.seconds for unit in units])),
    }


def _of_split(rows: SplitRows) -> dict[str, Any]:
    melanoma = rows.test.is_melanoma
    return {
        "n": len(rows.test.codes), "validation": len(rows.validation.codes),
        "melanomas": int(melanoma.sum()), "leaked": int(rows.leaked.sum()),
        "leaked_melanomas": int((melanoma & rows.leaked).sum()),
    }  # fmt: skip
