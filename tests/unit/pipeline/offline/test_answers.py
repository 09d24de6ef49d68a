import polars as pl
import pytest

from pipeline.offline.answers import AnswerFile, filled_in, handed_out, order_of
from workspace.errors import ArtifactError


def scores(**by_id):
    return pl.DataFrame({"isic_id": list(by_id), "score": list(by_id.values())})


def test_rows_without_a_picture_get_the_score_that_lies_where_tables_put_them():
    # By tables d lies halfway between b and c, and e above all: so it does among the scores.
    tables = scores(e=0.5, a=0.01, b=0.02, c=0.03, d=0.025)
    filled = filled_in(scores(c=0.6, a=0.1, b=0.2), pl.Series(list("abcde")), tables)
    assert filled["isic_id"].to_list() == list("abcde")
    assert filled["score"].to_list() == pytest.approx([0.1, 0.2, 0.6, 0.4, 0.6])


def test_rows_with_a_picture_keep_their_score_to_the_bit():
    whole, tables = scores(a=0.3, b=0.1, c=0.0), scores(a=0.5, b=0.7, c=0.6)
    assert filled_in(whole, whole["isic_id"], tables).equals(whole)


def test_without_tables_they_are_in_the_middle():
    filled = filled_in(scores(a=0.3, b=0.1, d=0.2), pl.Series(list("abcd")), None)
    assert filled["score"].to_list() == [0.3, 0.1, 0.2, 0.2]


def test_tables_of_other_rows_are_no_ruler():
    with pytest.raises(AssertionError):
        filled_in(scores(a=0.1), pl.Series(["a", "b"]), scores(a=0.1, c=0.2))


def test_a_calibrated_run_hands_out_its_probability():
    table = scores(a=0.9).with_columns(pl.lit(0.1).alias("probability"))
    assert handed_out(table).rows() == [("a", 0.1)]
    assert handed_out(scores(a=0.9)).rows() == [("a", 0.9)]


def test_the_order_is_the_samples_or_by_id(tmp_path):
    ids = pl.Series(["ISIC_0000002", "ISIC_0000001"])
    assert order_of(tmp_path, ids).to_list() == ["ISIC_0000001", "ISIC_0000002"]
    sample = "isic_id,target\nISIC_0000002,0.3\nISIC_0000001,0.3\n"
    (tmp_path / "sample_submission.csv").write_text(sample)
    assert order_of(tmp_path, ids).to_list() == ["ISIC_0000002", "ISIC_0000001"]


def test_the_file_is_whole_or_as_it_was(tmp_path):
    answer = AnswerFile(tmp_path / "submission.csv")
    order = pl.Series("isic_id", ["ISIC_0000002", "ISIC_0000001"])
    answer.write(scores(ISIC_0000001=1e-17, ISIC_0000002=0.1), order)
    text = "isic_id,target\nISIC_0000002,0.1\nISIC_0000001,1e-17\n"
    assert answer.path.read_text() == text
    assert answer.is_there
    with pytest.raises(ArtifactError, match="Scores are missing for images"):
        answer.write(scores(ISIC_0000001=0.5), order)
    assert answer.path.read_text() == text
    assert [path.name for path in tmp_path.iterdir()] == ["submission.csv"]
