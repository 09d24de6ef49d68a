"""Faults, really made, of which no other test makes the like: a share of `make faults`."""

import os

import pytest

from tests.faults import elsewhere, hardships, machine
from tests.faults.damage import ARTEFACTS, DAMAGES, OTHER, UNREAD, damage
from tests.faults.dying import boundary
from tests.faults.kills import Bench, left_over
from tests.faults.stages import ELSEWHERE, STAGES, TOO_LONG, of_the_makefile
from tests.launcher import ROOT
from tests.manifests import hashes

MADE = [stage for stage in STAGES if stage.script not in TOO_LONG]
WHOLE = "features"  # what is made under a hardship; 'make faults' makes all
KEEPS_NOTHING = {"study database", "memory of hashes"}  # of what is done, nothing asks them again
CHECKED = ("train_cnn", "stack", "submission", "report")


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, "OMP_NUM_THREADS", "1")
        yield


@pytest.fixture(scope="module")
def survived(tmp_path_factory):
    """Every stage, one after the other, killed on the way; the bench, and what became of each."""
    bench = Bench(tmp_path_factory.mktemp("faults") / "bench")
    bench.keep("nothing")
    results = {}
    for stage in MADE:
        kills = 0 if stage.script in ELSEWHERE else 2
        results[stage.script] = bench.survive(stage, kills)
    bench.keep("after")
    return bench, results


@pytest.fixture(scope="module")
def bench(survived):
    return survived[0]


@pytest.fixture(scope="module")
def unbroken(bench):
    return hashes(bench.folder / "after")


def test_every_stage_that_writes_is_killed():
    assert {stage.name for stage in STAGES} == set(of_the_makefile()) - {"plan"}


@pytest.mark.parametrize("row", elsewhere.ROWS, ids=[row[0] for row in elsewhere.ROWS])
def test_what_the_table_names_is_there(row):
    file, name = row[-1].split("::")
    assert f"def {name}(" in (ROOT / file).read_text()


def test_a_boundary_is_known_by_what_changes_and_numbers_do_not_count(tmp_path):
    inside = tmp_path / "run" / "alone_fold_12"
    assert boundary(tmp_path, "os.mkdir", (inside, 0o777, -1)) == "mkdir run/alone_fold_#"
    moved = (f"{inside}.0a1b2c3d.tmp", str(inside), -1, -1)
    assert boundary(tmp_path, "os.rename", moved) == "rename run/alone_fold_#"
    assert boundary(tmp_path, "open", (str(inside), "w", os.O_WRONLY)) == "open run/alone_fold_#"
    assert boundary(tmp_path, "open", (str(inside), "r", os.O_RDONLY)) is None
    assert boundary(tmp_path, "open", (3, "w", os.O_WRONLY)) is None
    assert boundary(tmp_path, "os.remove", ("/elsewhere/a", -1)) is None
    folder = os.open(tmp_path, os.O_RDONLY)
    assert boundary(tmp_path, "os.remove", ("a", folder)) == "remove a"
    os.close(folder)


@pytest.mark.slow
@pytest.mark.parametrize("script", [one.script for one in MADE if one.script not in ELSEWHERE])
def test_killed_at_boundaries_it_ends_in_the_bytes_of_an_unbroken_run(survived, script):
    result = survived[1][script]
    assert len(result.chosen) == 2
    assert sorted(result.killed) == sorted(result.chosen)
    assert result.lost == []


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(ARTEFACTS)), ids=[one.kind for one in ARTEFACTS])
def test_a_damaged_artefact_is_a_sentence_or_a_redo_and_its_mend_restores_the_bytes(
    bench, unbroken, number
):
    artefact = ARTEFACTS[number]
    name = list(DAMAGES)[number % len(DAMAGES)]
    outcome = damage(bench, artefact, name, unbroken)
    assert outcome.lost == [], outcome
    if artefact.kind.startswith("SVG"):
        assert outcome.what == "noticed"
    if name != "one bit turned":
        assert outcome.what != OTHER
    if artefact.kind not in KEEPS_NOTHING:
        assert outcome.what != UNREAD


@pytest.mark.slow
def test_check_59_where_no_file_may_grow_it_is_one_line_each_time(bench, unbroken):
    assert hardships.small_files(bench, unbroken, WHOLE).lost == []


@pytest.mark.slow
def test_a_clock_that_jumps_changes_no_byte(bench, unbroken):
    assert hardships.clock(bench, unbroken, WHOLE).lost == []


@pytest.mark.slow
def test_check_63_files_of_next_year_and_of_1980_are_as_they_were(bench, unbroken):
    assert hardships.file_times(bench, unbroken, CHECKED).lost == []


@pytest.mark.slow
@pytest.mark.skipif(not machine.may_mount(), reason="no right to mount a file system")
def test_check_59_a_disk_that_is_full_again_and_again(bench, unbroken):
    assert hardships.full_disk(bench, unbroken, WHOLE).lost == []
    assert left_over(bench.here) == []


@pytest.mark.slow
@pytest.mark.skipif(not machine.may_mount(), reason="no right to mount a file system")
def test_check_60_a_disk_that_may_only_be_read(bench, unbroken):
    assert hardships.read_only(bench, unbroken, ("verify", "folds"), WHOLE).lost == []


@pytest.mark.slow
@pytest.mark.skipif(not machine.may_group(), reason="no memory group of Linux that may be written")
def test_check_66_the_kernel_takes_memory_back(bench, unbroken):
    assert hardships.out_of_memory(bench, unbroken, ((40, 1), (60, 1)), WHOLE).lost == []


@pytest.mark.slow
@pytest.mark.skipif(not machine.may_group(), reason="no memory group of Linux that may be written")
def test_check_66_the_kernel_takes_a_worker_and_the_stage_says_so(bench, unbroken):
    assert hardships.worker_out_of_memory(bench, unbroken, "train_cnn").lost == []
