"""The CSV that is handed in: in the sample's order, of the test rows, to the last bit."""

import polars as pl
import pytest

from pipeline import handed_in
from pipeline.handed_in import FILE, SAMPLE, submitting, write_submission
from pipeline.stacked import TEST
from tests.by_hand.tasks import check_travels, depends_on
from tests.by_hand.units import kept, made
from workspace.errors import ArtifactError, DataError
from workspace.units import Draft

THIRD = 1 / 3
SCORES = pl.DataFrame(
    {
        "isic_id": ["ISIC_2", "ISIC_0", "ISIC_1", "ISIC_9"],
        "score": [THIRD, 0.1 + 0.2, 1e-17, 0.9],
        "split": ["test", "test", "test", "holdout"],
    }
)


@pytest.fixture
def stacked(tmp_path):
    return kept(tmp_path / "stack", "stack", {TEST: SCORES})


def sample(folder, *ids):
    path = folder / SAMPLE
    pl.DataFrame({"isic_id": ids, "target": 0.3}).write_csv(path)
    return path


def submission(folder, stacked, path):
    return made(
        folder / "submission", write_submission, stage="submission", stacked=stacked.folder,
        sample=path,
    )  # fmt: skip


def rows(unit):
    return pl.read_csv(unit.path(FILE)).rows()


def test_a_submission_hangs_on_the_scores_and_on_the_order_asked_for(blank, stacked):
    blank.data.mkdir()
    task = submitting(blank.job(), stacked)
    assert (task.folder, task.stage, task.on_change) == (
        blank.run / "submission", "submission", "redo"
    )  # fmt: skip
    assert depends_on(task) == ({}, {TEST: stacked.sha256(TEST)})
    assert task.arguments["sample"] is None
    check_travels(task)
    path = sample(blank.data, "ISIC_0")
    ordered = submitting(blank.job(), stacked)
    assert ordered.inputs.keys() == {TEST, SAMPLE}
    assert ordered.arguments["sample"] == path
    before = depends_on(ordered)
    assert depends_on(submitting(blank.job("seed=1", "score.replicates=200"), stacked)) == before
    sample(blank.data, "ISIC_1")
    assert depends_on(submitting(blank.job(), stacked)) != before


def test_rows_stand_in_the_samples_order_with_every_digit(tmp_path, stacked):
    unit = submission(tmp_path, stacked, sample(tmp_path, "ISIC_1", "ISIC_2", "ISIC_0"))
    assert rows(unit) == [("ISIC_1", 1e-17), ("ISIC_2", THIRD), ("ISIC_0", 0.1 + 0.2)]
    assert unit.facts == {"rows": 3, "distinct": 3}


def test_without_a_sample_they_stand_in_the_order_of_the_ids(tmp_path, stacked):
    unit = submission(tmp_path, stacked, None)
    assert [name for name, _ in rows(unit)] == ["ISIC_0", "ISIC_1", "ISIC_2"]


def test_scores_end_at_0_and_1_and_ties_are_counted(tmp_path):
    scores = SCORES.with_columns(pl.Series("score", [-0.5, 0.0, 1.5, 0.9]))
    unit = submission(tmp_path, kept(tmp_path / "stack", "stack", {TEST: scores}), None)
    assert [score for _, score in rows(unit)] == [0.0, 1.0, 0.0]
    assert unit.facts == {"rows": 3, "distinct": 2}


@pytest.mark.parametrize(
    ("ids", "kind", "message"),
    [
        (
            ["ISIC_0", "ISIC_1", "ISIC_2", "ISIC_3"], ArtifactError,
            "Scores are missing for images: [ISIC_3] (1 of 4); the test table and "
            "sample_submission.csv must name the same images.",
        ),
        (
            ["ISIC_0", "ISIC_2"], ArtifactError,
            "Scores are there beyond the sample submission for images: [ISIC_1] (1 of 3); the test "
            "table and sample_submission.csv must name the same images.",
        ),
        (
            ["ISIC_0", "ISIC_1", "ISIC_2", "ISIC_2"], DataError,
            "sample_submission.csv has images twice or without an id: [ISIC_2].",
        ),
    ],
)  # fmt: skip
def test_a_sample_of_other_images_is_refused_and_nothing_is_left(
    tmp_path, stacked, ids, kind, message
):
    with pytest.raises(kind) as refused:
        submission(tmp_path, stacked, sample(tmp_path, *ids))
    assert str(refused.value) == message
    assert not (tmp_path / "submission").exists()


def test_a_file_that_lost_a_digit_on_its_way_does_not_appear(tmp_path, stacked, monkeypatch):
    def rounding(draft, name, frame):
        frame.with_columns(pl.col("target").round(3)).write_csv(draft.folder / name)

    monkeypatch.setattr(Draft, "csv", rounding)
    with pytest.raises(AssertionError):
        submission(tmp_path, stacked, None)
    assert not (tmp_path / "submission").exists()


def test_a_file_that_no_scorer_would_take_does_not_appear(tmp_path, stacked, monkeypatch):
    def emptying(scores, order):
        return scores.select("isic_id", target=pl.lit(None, dtype=pl.Float64))

    monkeypatch.setattr(handed_in, "submission_table", emptying)
    with pytest.raises(DataError) as refused:
        submission(tmp_path, stacked, None)
    assert str(refused.value).startswith("Missing value(s) in submission.csv for images: [ISIC_2")
    assert not (tmp_path / "submission").exists()
