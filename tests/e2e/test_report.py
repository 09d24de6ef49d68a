"""`make report` as people meet it: of half a run, of a whole one, made anew when a part changes."""

import json
import shutil

import pytest

from tests.stages import Place

SMALL = (
    "synthetic.patients=30", "synthetic.rows=400", "synthetic.positives=60",
    "synthetic.images=0", "data.images=none", "stack.networks=false",
    "folds.n_folds=2", "stack.seeds=1", "lightgbm.rounds=10", "lightgbm.min_data_in_leaf=5",
    "score.replicates=100", "score.seeds=[0]",
)  # fmt: skip

MOST = 3e6  # bytes


def call(place, stage, *extra, settings=(), code=0):
    return place.call(stage, *extra, settings=(*SMALL, *settings), code=code, OMP_NUM_THREADS="1")


def page(place):
    return (place.run / "report" / "report.html").read_text()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    place = Place(tmp_path_factory.mktemp("reported"))
    call(place, "folds")
    return place, call(place, "report")


@pytest.fixture
def place(made, tmp_path):
    shutil.copytree(made[0].folder, tmp_path / "copy")
    return Place(tmp_path / "copy")


def test_half_a_run_has_a_report_that_says_so_and_nothing_else_is_made(made):
    place, done = made
    assert done.stdout.splitlines() == [
        f"report: making {place.run / 'report'}.",
        f"report: wrote {place.run / 'report' / 'report.html'}.",
    ]
    assert "make stack RECIPE=sample" in page(place)
    assert "synthetic.patients=30" in page(place)  # as it was typed, for whoever goes on
    assert json.loads((place.run / "folds" / "manifest.json").read_text())["facts"][
        "fold_hash"
    ] in page(place)
    folders = {path.name for path in place.run.iterdir() if path.is_dir()}
    assert folders == {"samples", "folds", "report"}
    card = (place.run / "report" / "model_card.md").read_text()
    for text in (page(place), card):
        assert str(place.folder) not in text  # they are passed on: no path of this machine
    assert "make stack RECIPE=sample" in card


def test_a_second_call_does_nothing_and_a_new_part_is_shown(place):
    before = (place.run / "report" / "report.html").stat().st_mtime_ns
    again = call(place, "report")
    assert again.stdout.splitlines() == [
        f"report: nothing to do, {place.run / 'report' / 'report.html'} is up to date."
    ]
    assert (place.run / "report" / "report.html").stat().st_mtime_ns == before
    call(place, "submission")
    call(place, "report")
    kept = json.loads((place.run / "stack" / "metrics.json").read_text())
    pauc = kept["stack"]["metrics"]["pauc"]
    assert f'<data value="{pauc["value"]!r}">{pauc["value"]:.4f}</data>' in page(place)
    assert f"{pauc['low']:.4f} to {pauc['high']:.4f}" in page(place)
    for drawn in ("ROC curve", "Decision curve", "Operating points"):
        assert drawn in page(place)
    assert len(page(place).encode()) < MOST
    card = (place.run / "report" / "model_card.md").read_text()
    assert f"{pauc['value']:.4f} ({pauc['low']:.4f} to {pauc['high']:.4f})" in card
    assert "make submission" not in page(place)
    once = page(place)
    call(place, "report", "--fresh")
    assert page(place) == once


def test_its_own_section_is_read_anew_and_no_other(place):
    once, shown = page(place), "report.pictures=false"
    call(place, "report", settings=(shown,))
    kept = json.loads((place.run / "report" / "manifest.json").read_text())
    assert kept["recipe"]["report"]["pictures"] is False
    again = call(place, "report", settings=(shown,))
    assert len(again.stdout.splitlines()) == 1  # nothing to do, and no notice
    call(place, "report")
    assert page(place) == once


def test_folds_drawn_anew_after_the_stack_are_told(place):
    call(place, "stack")
    call(place, "folds", "--fresh", settings=("seed=1",))
    call(place, "report")
    assert "was made from another folds.parquet" in page(place)
    assert "No lesion is looked at: the stack was made of other samples or folds" in page(place)


def test_a_run_that_is_not_there_or_damaged_ends_in_one_line(place):
    other = Place(place.folder / "nowhere")
    failed = call(other, "report", code=2)
    assert failed.stderr == (
        f"report: There is no run {other.run}; name a finished one with RUN=.\n"
    )
    (place.run / "folds" / "balance.json").write_text("[]")
    call(place, "report")  # nothing to do: the manifests say what was shown
    failed = call(place, "report", "--fresh", code=2)
    assert "balance.json" in failed.stderr
    assert len(failed.stderr.splitlines()) == 1
    shutil.rmtree(place.run)
    place.run.mkdir()
    failed = call(place, "report", code=2)
    assert failed.stderr == (
        f"report: {place.run} holds nothing finished; run 'make folds' first.\n"
    )
