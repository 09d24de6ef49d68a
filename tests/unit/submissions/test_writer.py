import polars as pl
import pytest

from submissions.writer import submission_table
from workspace.errors import ArtifactError, DataError

SCORES = pl.DataFrame({"isic_id": ["a", "b", "c"], "score": [1.0000001, -1e-9, 1e-19]})


def test_check_37_the_samples_order_and_check_39_nothing_outside_0_and_1():
    table = submission_table(SCORES, pl.Series("isic_id", ["c", "a", "b"]))
    assert table.rows() == [("c", 1e-19), ("a", 1.0), ("b", 0.0)]


def test_check_40_scores_survive_the_csv_to_the_last_bit(tmp_path):
    scores = pl.Series("score", [0.1 + 0.2, 1 / 3, 1e-300, 0.9999999999999999])
    frame = pl.DataFrame({"isic_id": list("abcd"), "score": scores})
    submission_table(frame, frame["isic_id"]).write_csv(tmp_path / "s.csv")
    assert pl.read_csv(tmp_path / "s.csv")["target"].to_list() == scores.to_list()


@pytest.mark.parametrize(
    ("order", "kind", "message"),
    [
        (
            ["a", "b", "c", "d"],
            ArtifactError,
            "Scores are missing for images: [d] (1 of 4); the test table and "
            "sample_submission.csv must name the same images.",
        ),
        (
            ["a", "b"],
            ArtifactError,
            "Scores are there beyond the sample submission for images: [c] (1 of 3); the test "
            "table and sample_submission.csv must name the same images.",
        ),
        (
            ["a", "b", "c", "a"],
            DataError,
            "sample_submission.csv has images twice or without an id: [a].",
        ),
    ],
)
def test_a_sample_that_does_not_fit_the_test_table_is_refused(order, kind, message):
    with pytest.raises(kind) as error:
        submission_table(SCORES, pl.Series("isic_id", order))
    assert str(error.value) == message
