"""The scores of new rows by a run's stack, as a task.

Whether it is done is known before a row is read: the same data by the same stack have the same
scores. What must be there for it are the rows (`new_data.reading`) and, if pictures are of use,
what the networks see of them (`new_columns.looking`).
"""

from pathlib import Path

import polars as pl
from pydantic import ValidationError

from features.build import build, single_lesion_patients
from features.state import State
from folds.findings import Findings
from folds.schema import ID, IMAGE, PATIENT, SPLIT, TARGET, TEST
from pipeline.asked import as_made
from pipeline.feature_table import STATE
from pipeline.job import Job, show_notices
from pipeline.new_data import PREDICT, ROWS, NewData
from pipeline.new_scores import Scorer, Stacked, choose
from pipeline.samples import SAMPLES
from stacking.blending.policies import flag_scores
from stacking.calibration.kept import PROBABILITY
from stacking.fold import SCORE
from workspace.errors import ArtifactError
from workspace.orders import Needs
from workspace.tasks import Task
from workspace.units import Draft, Unit, open_unit

FILE, DETAILS = "predictions.csv", "details.csv"
TRAINED_ON, FLAGGED = "trained_on", "flagged"
NAME = r"([^/]+?)(?i:\.(?:jpe?g|png))?$"  # a picture's own, without folders and suffix


def predicting(job: Job, stacked: Stacked, data: NewData) -> Task:
    """The new rows' scores, of what is kept of them in `data.working`."""
    return Task(
        job.results / "predictions" / data.name,
        PREDICT,
        score_rows,
        settings={
            "average": stacked.unit.manifest.settings["average"], "policy": stacked.policy,
        },
        inputs=data.hashes | stacked.hashes() | {STATE: stacked.featured.sha256(STATE)},
        arguments={"run": job.run, "results": job.results, "data": data},
        needs=Needs(memory_gb=2.0),
        as_of=as_made(stacked.unit.manifest, job.recipe),
    )  # fmt: skip


def score_rows(draft: Draft, run: Path, results: Path, data: NewData) -> None:
    """Scores by the functions that score the test set, with what each network says beside them."""
    stacked, rows = Stacked.open(run), open_rows(results, data)
    table, findings = None, Findings()
    if not data.alone:
        table = build(rows, feature_state(stacked.featured), findings, "the new data")
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
    draft.csv(DETAILS, scores.join(details, on=ID, how="left", maintain_order="left"))
    draft.facts.update(
        rows=len(scores), single_lesion_patients=single_lesion_patients(rows),
        scored_by=choice.name, used=choice.told,
        comparable=comparable,
    )  # fmt: skip


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


def feature_state(featured: Unit) -> State:
    """What the run's features are made by."""
    try:
        return State.model_validate_json(featured.text(STATE))
    except ValidationError as error:
        raise ArtifactError(
            f"{featured.path(STATE)} was written by another version of the features; run "
            "'make stack' anew."
        ) from error
