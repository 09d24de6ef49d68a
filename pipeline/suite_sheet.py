"""What a suite's trainings are worth, put together as a task's maker.

Reads what each training said of its split's validation and test rows; writes leaderboard.json.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from folds.findings import Findings
from folds.groups import GROUP
from folds.schema import ID
from folds.sides import LEAKED, UNKNOWN
from folds.split import Scheme
from metrics.score_sheet import ScoreConfig
from models.networks.columns import shares_of
from models.networks.network import Network, network_of
from models.suite import measure
from models.suite.config import Ensemble, Experiment, Lesson, Suite, SuiteConfig
from models.suite.measure import BySeed, Truth
from pipeline.networks import SCORES
from pipeline.picture_rows import PictureFiles, PictureRows, open_picture_rows
from pipeline.recipe import Recipe
from pipeline.sided import TEST_SCORES
from pipeline.suite import LEADERBOARD, PAGE, SUITE, Trained
from reports.suite.leaderboard import page
from workspace.arrays import Floats, Ints
from workspace.units import Draft, Unit, open_unit

PUBLISHED = "official"  # the scheme whose test rows are everybody's


@dataclass(frozen=True)
class Answers:
    """What one experiment's networks said, by seed; rows in the order of the truths."""

    validation: BySeed
    test: BySeed

    @property
    def both(self) -> BySeed:
        """The validation's rows, then the test's."""
        return {s: np.concatenate([one, self.test[s]]) for s, one in self.validation.items()}


@dataclass(frozen=True)
class SplitRows:
    """The rows of one split that are scored, and what one knows of them.

    Of the published split the test rows are scored, as everybody's are. Of one that we drew the
    validation rows as well: nothing but thresholds is chosen on them, and rare classes need them.
    """

    validation: Truth
    test: Truth
    scored: Truth
    together: bool  # scored are the validation's rows, then the test's
    lesions: NDArray[Any]  # (scored rows,): `leaked`, `clean` or `unknown`, as folds.sides has it
    answers: Mapping[str, Answers]  # by the experiment's number

    def said(self, answers: Answers) -> BySeed:
        """Answers of the scored rows."""
        return answers.both if self.together else answers.test

    def suspicions(self, answers: Answers, seed: int) -> tuple[Floats, Floats]:
        """Of the validation's and of the test's rows."""
        ours, theirs = answers.validation[seed], answers.test[seed]
        return self.validation.suspicion(ours), self.test.suspicion(theirs)


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
        }, together=scheme != PUBLISHED) for scheme, one in files.items()
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
        "group": recipe.data.group,
        "order": list(splits),  # which a JSON object would not keep
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
    units: Mapping[tuple[str, int], Unit], *, together: bool,
) -> SplitRows:  # fmt: skip
    some = suite.experiments[next(iter(units))[0]].network  # all that were asked for are alike
    network = network_of("suite", some, rows.table, Findings())
    learnt, test = rows.by_side
    assert learnt.validation is not None, "a split has validation rows"
    scored = np.concatenate([learnt.validation, test]) if together else test
    validation, tested, every = (
        _truth(rows, network, some, watched) for some in (learnt.validation, test, scored)
    )
    answers = _answers(rows, units, learnt.validation, test)
    return SplitRows(validation, tested, every, together, _lesions(rows, scored), answers)


def _truth(
    rows: PictureRows, network: Network, indices: Ints, watched: tuple[str, tuple[str, ...]]
) -> Truth:
    patient = None if rows.patient is None else rows.table[GROUP].gather(indices)
    return Truth(network.codes[indices], network.classes, patient, *watched)


def _lesions(rows: PictureRows, indices: Ints) -> NDArray[Any]:
    """(indices,): whether training has a row's lesion too."""
    ids = rows.table[ID].gather(indices).to_frame()
    joined = ids.join(rows.leaks, on=ID, how="left", validate="1:1", maintain_order="left")
    return joined["lesion"].to_numpy().astype("U")


def _answers(
    rows: PictureRows, units: Mapping[tuple[str, int], Unit], validation: Ints, test: Ints
) -> dict[str, Answers]:
    """By id, in the order of the truths."""
    numbers = dict.fromkeys(number for number, _ in units)
    return {
        number: Answers(*(
            {s: _said_of(rows, unit, file, some) for (n, s), unit in units.items() if n == number}
            for file, some in ((SCORES, validation), (TEST_SCORES, test))
        ))
        for number in numbers
    }  # fmt: skip


def _said_of(rows: PictureRows, unit: Unit, file: str, indices: Ints) -> Floats:
    """(indices, classes): the probabilities of a unit's file, best weights'."""
    table = unit.parquet(file)
    names = [name for name in table.columns if name.startswith("oof_")]
    ids = rows.table[ID].gather(indices).to_frame()
    joined = ids.join(table, on=ID, how="left", validate="1:1", maintain_order="left")
    return shares_of(joined.select(names).to_numpy())


def _experiment(
    number: str, suite: Suite, splits: Mapping[Scheme, SplitRows],
    configs: tuple[SuiteConfig, ScoreConfig],
) -> dict[str, Any]:  # fmt: skip
    experiment, (config, score) = suite.experiments[number], configs
    by_scheme = {
        scheme: _worth(rows, rows.answers[number], config, score)
        for scheme, rows in splits.items()
        if number in rows.answers
    }
    lessons = [
        {**lesson.model_dump(), "schemes": _measured(lesson, number, splits, score)}
        for lesson in experiment.lessons
    ]
    return {**_said(experiment), "schemes": by_scheme, "lessons": lessons}


def _measured(
    lesson: Lesson, number: str, splits: Mapping[Scheme, SplitRows], score: ScoreConfig
) -> dict[Scheme, dict[str, Any]]:
    """On each split where both experiments have a seed in common."""
    measured = {}
    for scheme, rows in splits.items():
        if not {number, lesson.than} <= rows.answers.keys():
            continue
        ours, other = (rows.said(rows.answers[one]) for one in (number, lesson.than))
        if ours.keys() & other.keys():
            minus = measure.held_against(rows.scored, ours, other, lesson.metric, score)
            measured[scheme] = {"minus": minus, "verdict": measure.verdict(lesson, minus)}
    return measured


def _worth(
    rows: SplitRows, answers: Answers, config: SuiteConfig, score: ScoreConfig
) -> dict[str, Any]:
    said = rows.said(answers)
    return {
        **measure.worth(rows.scored, said, score), "seeds": list(said),
        "melanomas_found": measure.melanomas_found(rows.scored, said, rows.lesions),
        "flags": _flags(rows, [rows.suspicions(answers, seed) for seed in said], config),
    }  # fmt: skip


def _flags(
    rows: SplitRows, scores: Sequence[tuple[Floats, Floats]], config: SuiteConfig
) -> list[dict[str, Any]]:
    """For each seed: what the threshold of the validation's rows flags of the test's."""
    return [measure.flags(rows.validation, rows.test, one, config.sensitivity) for one in scores]


def _ensemble(
    one: Ensemble, splits: Mapping[Scheme, SplitRows], configs: tuple[SuiteConfig, ScoreConfig]
) -> dict[str, Any]:
    config, score = configs
    sheets: dict[Scheme, dict[str, Any]] = {}
    for scheme, rows in splits.items():
        members = [rows.answers[number] for number in one.members if number in rows.answers]
        seeds = [s for s in members[0].test if all(s in member.test for member in members)]
        if one.rule == "mean":
            sheets[scheme] = _worth(rows, _mean_of(members, seeds), config, score)
            continue
        scores = [
            measure.either(rows.validation, [rows.suspicions(member, seed) for member in members])
            for seed in seeds
        ]
        sheets[scheme] = {"seeds": seeds, "flags": _flags(rows, scores, config)}
    return {"title": one.title, "members": list(one.members), "rule": one.rule, "schemes": sheets}


def _mean_of(members: Sequence[Answers], seeds: Sequence[int]) -> Answers:
    """Mean probabilities, seed by seed."""
    return Answers(
        {s: np.mean([one.validation[s] for one in members], axis=0) for s in seeds},
        {s: np.mean([one.test[s] for one in members], axis=0) for s in seeds},
    )


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
    melanoma = rows.scored.is_melanoma
    return {
        "n": len(rows.scored.codes), "validation": len(rows.validation.codes),
        "test": len(rows.test.codes), "together": rows.together,
        "melanomas": int(melanoma.sum()), "leaked": int((rows.lesions == LEAKED).sum()),
        "leaked_melanomas": int((melanoma & (rows.lesions == LEAKED)).sum()),
        "unknown": int((rows.lesions == UNKNOWN).sum()),
    }  # fmt: skip
