"""One call of a bundle of tables alone; with pictures in tests/e2e/bundle."""

import shutil
from types import SimpleNamespace

import polars as pl
import pytest

from pipeline.offline.answers import AnswerFile
from pipeline.offline.asked import Asked, open_work
from pipeline.offline.course import Course, follow
from tests.bundled import SAMPLE, TABLE, Diary, answer, follow_until
from workspace.errors import ArtifactError, ConfigError


@pytest.fixture
def handed(of_tables):
    return of_tables.run / "bundle"


@pytest.fixture
def new(of_tables, tmp_path):
    (tmp_path / "new").mkdir()
    for name in (TABLE, SAMPLE):
        shutil.copy(of_tables.data / name, tmp_path / "new")
    return tmp_path / "new"


@pytest.fixture
def output(tmp_path):
    return tmp_path / "there" / "submission.csv"


@pytest.fixture
def call(handed, new, output):
    """What is said, and the exit code."""

    def called(**asked):
        output.parent.mkdir(exist_ok=True)
        usual = {"input": new, "work": output.parent / "work", "output": AnswerFile(output)}
        given = Asked(handed, **usual | asked)
        diary = Diary(given.output.path)
        return diary, follow(given, diary)

    return called


def test_tables_alone_are_scored_to_the_submissions_own_bytes(call, of_tables, output):
    diary, code = call()
    assert code == 0
    assert output.read_bytes() == (of_tables.run / "submission" / "submission.csv").read_bytes()
    rows = len(diary.files[0])
    assert diary.said == [
        f"{rows} rows to score.",
        f"wrote {output}: {rows} rows, by tables alone, fold 0.",
        f"wrote {output}: {rows} rows, by tables alone, 3 folds.",
    ]


def test_all_folds_are_the_mean_of_each(call, output):
    each = []
    for fold in (0, 1, 2):
        assert call(folds=(fold,))[1] == 0
        each.append(pl.read_csv(output)["target"])
    call()
    mean = sum(each) / 3
    assert pl.read_csv(output)["target"].to_list() == pytest.approx(mean.to_list(), abs=1e-15)
    assert not each[0].equals(each[1])


def test_folds_may_be_named_in_any_order_and_twice(call, output):
    call(folds=(2, 0, 2))
    first = output.read_bytes()
    call(folds=(0, 2))
    assert output.read_bytes() == first


@pytest.mark.parametrize(
    ("folds", "words"), [((0, 7, 9), "7, 9"), ((), "none")], ids=["strange", "none"]
)
def test_folds_that_are_not_there_are_refused_with_those_that_are(call, output, folds, words):
    with pytest.raises(ConfigError) as refused:
        call(folds=folds)
    assert str(refused.value) == f"--folds names {words}; the bundle has the folds 0, 1, 2."
    assert not output.exists()


def test_where_the_time_is_over_the_file_is_by_the_folds_that_had_some(handed, new, output):
    diary, code = follow_until(handed, new, output, "by tables alone, fold 0.")
    assert code == 3
    assert len(diary.files) == 1
    one = output.read_bytes()
    assert answer(handed, new, output, folds=(0,)) == 0
    assert output.read_bytes() == one


def test_what_was_done_is_not_done_again(call, output):
    call()
    work, first = output.parent / "work", output.read_bytes()
    before = {path: path.stat().st_mtime_ns for path in work.rglob("*/manifest.json")}
    assert len(before) == 5  # rows, features, the views of three folds
    call()
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert output.read_bytes() == first


def test_other_rows_in_the_same_folder_are_other_data(call, new, output):
    call()
    rows = pl.read_csv(new / TABLE, infer_schema=False)
    rows.head(3).write_csv(new / TABLE)
    (new / SAMPLE).unlink()
    assert call()[1] == 0
    assert pl.read_csv(output)["isic_id"].to_list() == sorted(rows["isic_id"][:3])


@pytest.mark.parametrize(
    ("handed_in", "looks"),
    [(("tabular",), False), (("small", "tabular"), True), (("stack",), True)],
)
def test_a_blend_whose_roles_are_all_of_tables_needs_no_picture(handed_in, looks):
    stacked = SimpleNamespace(
        sees=True, handed_in=handed_in, policy="rank_and_flag", parts=("tabular", "images")
    )
    course = Course(None, None, SimpleNamespace(stacked=stacked, data=SimpleNamespace(alone=False)))
    assert course.looks == looks
    by_tables = course.by_tables
    assert by_tables.name == ("tabular" if looks else "rank_and_flag")
    assert (by_tables.members, by_tables.networks) == (("tabular",), ())


def test_a_folder_that_is_not_there_is_named(call, tmp_path):
    with pytest.raises(ConfigError) as refused:
        call(input=tmp_path / "nowhere")
    assert str(refused.value) == (
        f"{tmp_path / 'nowhere'} is not there; name the folder of the new data."
    )


def test_a_sample_of_other_rows_is_refused_before_a_file_appears(call, new, output):
    (new / SAMPLE).write_text("isic_id,target\nISIC_9999999,0.3\n")
    with pytest.raises(ArtifactError) as refused:
        call()
    assert str(refused.value) == (
        "Scores are missing for images: [ISIC_9999999] (1 of 1); the test table and "
        "sample_submission.csv must name the same images."
    )
    assert not output.exists()


def test_new_rows_are_read_as_the_runs_own_were_but_from_their_own_folder(handed, new, output):
    work = open_work(Asked(handed, new, AnswerFile(output), output.parent / "work"))
    config = work.data.config
    assert (config.source, config.folder, config.limit) == ("isic2024", new, None)
    assert work.folder.parent == output.parent / "work"


@pytest.mark.parametrize("name", [TABLE, SAMPLE])
def test_no_answer_takes_the_place_of_the_input(call, new, name):
    before = (new / name).read_bytes()
    with pytest.raises(ConfigError) as refused:
        call(output=AnswerFile(new / name))
    assert str(refused.value) == f"--output {new / name} is a file of the input; name another."
    assert (new / name).read_bytes() == before


def test_no_answer_lies_in_the_bundle(call, handed):
    with pytest.raises(ConfigError) as refused:
        call(output=AnswerFile(handed / "bundle.json"))
    assert str(refused.value) == (
        f"--output {handed / 'bundle.json'} lies in the bundle; name another place."
    )


def test_an_answer_of_before_is_written_anew(call, new):
    (new / "submission.csv").write_text("isic_id,target\n")
    call(output=AnswerFile(new / "submission.csv"))
    assert len((new / "submission.csv").read_text().splitlines()) > 1
