"""The scores of new rows by a run's stack, as a task.

Whether it is done is known before a row is read: the same data by the same stack have the same
scores. What must be there for it are the rows (`new_data.reading`) and, if pictures are of use,
what the networks see of them (`new_columns.looking`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from features.build import build, single_lesion_patients
from folds.findings import Findings
from folds.schema import ID, IMAGE, PATIENT, SPLIT, TARGET, TEST
from models.networks.names import unit_name
from pipeline.asked import as_made
from pipeline.distances import DISTANCE, UNLIKE, mean_distances
from pipeline.job import Job
from pipeline.new_data import PREDICT, ROWS, NewData
from pipeline.new_scores import Choice, Scorer, Stacked, choose
from pipeline.notices import show_notices
from pipeline.samples import SAMPLES
from pipeline.unit_files import STATE, TRAIN_CNN
from reports.predictions.page import look_hash
from stacking.blending.policies import flag_scores
from stacking.calibration.kept import PROBABILITY
from stacking.use import SCORE
from workspace.manifest import load_manifest
from workspace.orders import Needs
from workspace.tasks import Task
from workspace.units import Draft, Unit, open_unit

if TYPE_CHECKING:
    from pipeline.new_columns import NewColumns

FILE, DETAILS, PAGE = "predictions.csv", "details.csv", "predictions.html"
TRAINED_ON, FLAGGED = "trained_on", "flagged"
NAME = r"([^/]+?)(?i:\.(?:jpe?g|png))?$"  # a picture's own, without folders and suffix


@dataclass(frozen=True)
class Gauge:
    """The network by which it is told how far pictures are from those learnt from."""

    network: str
    looks: Mapping[int, Path]  # by fold what its network knows
    false_alarms: float
    tasks: tuple[Task, ...] = field(compare=False)  # that make it known

    def of(self, columns: "NewColumns", facts: dict[str, Any]) -> pl.DataFrame:
        """(ID, distance, unlike) of the rows with a picture."""
        from pipeline import unlike  # noqa: PLC0415 - torch takes seconds to import

        known = {
            fold: unlike.Known.of(open_unit(place, PREDICT), self.false_alarms)
            for fold, place in self.looks.items()
        }
        each = [one.far(columns.by_fold[fold].embedding()) for fold, one in known.items()]
        found = mean_distances(self.network, each, self.false_alarms)
        facts[UNLIKE] = found.facts()
        return columns.rows.select(ID).with_columns(
            pl.Series(DISTANCE, found.each), pl.Series(UNLIKE, found.unlike)
        )


def gauge_of(job: Job, stacked: Stacked, data: NewData) -> "Gauge | str | None":
    """The stack's first network that learnt; why there can be none; None where none is asked."""
    networks, predict = job.recipe.networks, job.recipe.predict
    if not predict.unlike or not stacked.sees or data.config.images == "none":
        return None
    learnt = [n for n in stacked.networks if n in networks and networks[n].task.learns]
    if not learnt:
        return f"no network of {stacked.run} learnt from its pictures"
    from pipeline import unlike  # noqa: PLC0415 - torch takes seconds to import

    by_fold = _folds_of(stacked.run, learnt[0])
    if not by_fold:
        return None  # who asks the networks says what is wrong
    looks = unlike.looking(job, learnt[0], list(by_fold.values()))
    if isinstance(looks, str):
        return looks
    known = {fold: look.folder for fold, look in zip(by_fold, looks, strict=True)}
    return Gauge(learnt[0], known, predict.false_alarms, tuple(looks))


def _folds_of(run: Path, network: str) -> dict[int, Unit]:
    """Its folds' networks; none where one is not there."""
    block = run / "blocks" / network
    if load_manifest(block) is None:
        return {}
    folds = [int(fold) for fold in open_unit(block, "embed").facts["makers"]]
    places = {fold: run / "networks" / unit_name(network, fold) for fold in folds}
    if any(load_manifest(place) is None for place in places.values()):
        return {}
    return {fold: open_unit(place, TRAIN_CNN) for fold, place in places.items()}


def predicting(job: Job, stacked: Stacked, data: NewData, gauge: Gauge | None = None) -> Task:
    """The new rows' scores, of what is kept of them in `data.working`."""
    asked: dict[str, Any] = (
        {} if gauge is None else {UNLIKE: gauge.network, "false_alarms": gauge.false_alarms}
    )
    if stacked.sees and data.config.images != "none":
        asked["look"] = look_hash()
    return Task(
        job.results / "predictions" / data.name,
        PREDICT,
        score_rows,
        settings={
            "average": stacked.unit.manifest.settings["average"], "policy": stacked.policy,
            **asked,
        },
        inputs=data.hashes | stacked.hashes() | {STATE: stacked.featured.sha256(STATE)},
        arguments={"run": job.run, "results": job.results, "data": data, "gauge": gauge},
        needs=Needs(memory_gb=2.0),
        as_of=as_made(stacked.unit.manifest, job.recipe),
    )  # fmt: skip


def score_rows(
    draft: Draft, run: Path, results: Path, data: NewData, gauge: Gauge | None = None
) -> None:
    """Scores by the functions that score the test set, with what each network says beside them."""
    stacked, rows = Stacked.open(run), open_rows(results, data)
    table, findings = None, Findings()
    if not data.alone:
        table = build(rows, stacked.state, findings, "the new data")
        show_notices(draft.desk, findings)
    choice = choose(stacked, data, rows)
    networks = {}
    if choice.networks:
        from pipeline import new_columns  # noqa: PLC0415 - torch takes seconds to import

        networks = new_columns.open_columns((run, results), data, rows, choice.networks)
    scorer = Scorer(stacked, choice, rows.select(ID, PATIENT), table, networks)
    scores, means = scorer.scores(), scorer.means()
    known = rows.select(ID, trained_on(rows, training_rows(run)).alias(TRAINED_ON))
    details = known.join(means, on=ID, how="left", maintain_order="left")
    if gauge is not None and gauge.network in networks:
        far = gauge.of(networks[gauge.network], draft.facts)
        details = details.join(far, on=ID, how="left", maintain_order="left")
    handed_out = PROBABILITY if PROBABILITY in scores.columns else SCORE
    draft.csv(FILE, scores.select(ID, pl.col(handed_out).alias(TARGET)))
    comparable = choice.members == stacked.handed_in
    threshold = stacked.threshold if comparable else None
    if threshold is not None and threshold["on_average"] is not None:
        flagged = flag_scores(scores)[SCORE] >= threshold["on_average"]
        scores = scores.with_columns(flagged.alias(FLAGGED))
        draft.facts.update(
            flagged=int(flagged.sum()), sensitivity=threshold["sensitivity"],
            threshold=threshold["on_average"], flagged_by=threshold.get("flagged_by"),
        )  # fmt: skip
    details = scores.join(details, on=ID, how="left", maintain_order="left")
    draft.csv(DETAILS, details)
    if networks:
        _draw(draft, (stacked, choice), details, networks, data.place.name)
    draft.facts.update(
        rows=len(scores), single_lesion_patients=single_lesion_patients(rows),
        scored_by=choice.name, used=choice.told,
        comparable=comparable,
    )  # fmt: skip


def _draw(
    draft: Draft, by: tuple[Stacked, Choice], details: pl.DataFrame,
    networks: "Mapping[str, NewColumns]", title: str,
) -> None:  # fmt: skip
    """The page of rows whose pictures were looked at."""
    from pipeline import table_page  # noqa: PLC0415 - torch takes seconds to import

    stacked, choice = by
    calibrated = PROBABILITY in details.columns
    by_itself = flag_scores(details)[SCORE].equals(details[SCORE]) and not calibrated
    scored = table_page.Scored(
        choice.name, PROBABILITY if calibrated else SCORE, details, networks,
        samples=stacked.run / "samples",
        limit=draft.facts.get("threshold") if by_itself else None,
        flag=FLAGGED if FLAGGED in details.columns else None,
        measured_by=draft.facts[UNLIKE]["network"] if UNLIKE in draft.facts else None,
        not_counted=table_page.why_not_counted(stacked.unit.manifest.recipe),
    )  # fmt: skip
    oof = table_page.oof_of(stacked.unit) if choice.members == stacked.handed_in else None
    with draft.progress("The page") as show:
        draft.show(PAGE, table_page.table_page(title, scored, oof, show))


def open_rows(results: Path, data: NewData) -> pl.DataFrame:
    """The new rows as they were read."""
    return open_unit(data.working(results) / "rows", PREDICT).parquet(ROWS)


def training_rows(run: Path) -> pl.DataFrame:
    """The run's own rows but its test: ids, pictures and patients."""
    samples = open_unit(run / "samples", "verify")
    rows = samples.parquet(SAMPLES, [ID, IMAGE, PATIENT, SPLIT])
    return rows.filter(pl.col(SPLIT) != TEST)


def trained_on(rows: pl.DataFrame, training: pl.DataFrame) -> pl.Series:
    """Which of the rows are the run's own; pictures are known by their names in any folder."""
    return rows[ID].str.extract(NAME).is_in(training[ID].implode())
