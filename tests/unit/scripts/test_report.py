"""`make report`: which parts of a run it reads, when it is made anew, what it refuses."""

import polars as pl
import pytest

from pipeline import run_report
from scripts import report
from tests.by_hand.units import files_in, made
from workspace.errors import ArtifactError

METRICS = "metrics.json"


class Run:
    """Parts of a run, none with more in it than its name; the page is what was read of them."""

    def __init__(self, calls, monkeypatch):
        self.calls, self.folder, self.sheets = calls, calls.run, []
        monkeypatch.setattr(run_report, "report", self.page)
        monkeypatch.setattr(run_report, "card", lambda sheets, spent: f"# {spent.seconds}")
        monkeypatch.setattr(run_report, "sources_of", lambda function: "the code")

    def page(self, sheets):
        self.sheets.append(sheets)
        return f"<html>{sorted(sheets.manifests)}</html>"

    def keep(self, name, stage, *files, seed=0, recipe="sample"):
        def write(draft):
            for file in files:
                draft.json(file, {"of": name, "seed": seed})

        return made(self.folder / name, write, stage=stage, of_recipe={"name": recipe})

    def make(self, **values):
        done = report.run(self.calls.job(stage="report", **values))
        return done, self.calls.lines()


@pytest.fixture
def run(blank, monkeypatch):
    return Run(blank, monkeypatch)


def test_a_run_with_nothing_finished_is_told_what_to_do_first(run):
    run.folder.mkdir()
    (run.folder / "log.jsonl").write_text("")
    with pytest.raises(ArtifactError) as refused:
        run.make()
    assert str(refused.value) == f"{run.folder} holds nothing finished; run 'make folds' first."
    assert [path.name for path in run.folder.iterdir()] == ["log.jsonl"]


def test_parts_are_read_in_the_pages_order_and_only_whole_ones(run):
    run.keep("networks/which", "train-cnn", METRICS)
    run.keep("networks/flag", "train-cnn", METRICS)
    run.keep("networks/flag_fold_0", "train-cnn", "use.json")  # no network's joined one
    run.keep("blocks/net", "embed", "drift.json")
    run.keep("boosters/stack_fold_0", "stack", "use.json")
    run.keep("folds", "folds", "balance.json")
    run.keep("samples", "verify", "verify.json")
    (run.folder / "leaks").mkdir()  # a folder without a manifest is none of ours
    (run.folder / ".stack.aside").mkdir()
    done, _ = run.make()
    [sheets] = run.sheets
    assert list(sheets.manifests) == [
        "samples", "folds", "blocks/net", "networks/flag", "networks/which",
    ]  # fmt: skip
    assert sheets.verified["of"] == "samples"
    assert {name: sheet["of"] for name, sheet in sheets.networks.items()} == {
        "flag": "networks/flag", "which": "networks/which",
    }  # fmt: skip
    assert (sheets.stacked, sheets.rows, sheets.leaks, sheets.handed_in) == (None,) * 4
    assert done.text("report.html").startswith("<html>")
    by_stage = done.text("model_card.md")
    assert all(f"'{name}'" in by_stage for name in ("verify", "folds", "train-cnn", "stack"))


def test_the_same_parts_make_no_other_page_and_the_page_is_no_part(run):
    run.keep("folds", "folds", "balance.json")
    done, lines = run.make()
    assert lines[1:] == [f"report: wrote {done.folder / 'report.html'}."]
    _, lines = run.make()
    assert lines == [f"report: nothing to do, {done.folder / 'report.html'} is up to date."]
    assert len(run.sheets) == 1
    run.make(fresh=True)
    assert len(run.sheets) == 2


def test_a_part_that_changed_or_was_added_makes_the_page_anew(run):
    run.keep("folds", "folds", "balance.json")
    run.make()
    run.keep("folds", "folds", "balance.json", seed=1)
    run.make()
    run.keep("cascade", "train-cnn", METRICS)
    run.make()
    assert [sheets.balance["seed"] for sheets in run.sheets] == [0, 1, 1]
    assert [sheets.cascade is None for sheets in run.sheets] == [True, True, False]


def test_a_damaged_part_is_refused_and_the_page_before_it_stays(run):
    unit = run.keep("folds", "folds", "balance.json")
    done, _ = run.make()
    before = files_in(done.folder)
    run.keep("cascade", "train-cnn", METRICS)  # so that a page is due
    path = unit.folder / "balance.json"
    path.write_text(path.read_text().replace('"seed": 0', '"seed": 9'))
    with pytest.raises(ArtifactError, match="does not match its hash"):
        run.make()
    assert files_in(done.folder) == before


@pytest.mark.parametrize(
    ("name", "again"), [("tabular", " RECIPE=tabular"), ("my_own", " RECIPE=<path>/my_own.toml")]
)
def test_the_page_shows_the_recipe_of_the_last_part_and_how_to_call_it(run, name, again):
    run.keep("samples", "verify", "verify.json", recipe="sample")
    run.keep("folds", "folds", "balance.json", recipe=name)
    run.make()
    assert run.sheets[0].recipe["name"] == name
    assert run.sheets[0].again == again


def test_scores_are_read_of_the_stack_and_of_what_is_handed_in(run):
    table = pl.DataFrame({
        "isic_id": ["a", "b"], "target": [0, 1], "score": [0.25, 0.5], "fold": [0, 1],
    })  # fmt: skip

    def stack(draft):
        draft.parquet("oof_stack.parquet", table)
        draft.json(METRICS, {"stack": 1})
        draft.csv("importance.csv", pl.DataFrame({"column": ["x"], "gain": [1.0]}))

    def submission(draft):
        draft.csv("submission.csv", table.select("isic_id", target="score"))

    made(run.folder / "stack", stack, stage="stack", of_recipe={"name": "sample"})
    made(run.folder / "submission", submission, stage="submission")
    run.make()
    [sheets] = run.sheets
    assert sheets.rows.columns == ["target", "score", "fold"]
    assert sheets.handed_in.to_list() == [0.25, 0.5]
    assert sheets.importance.rows() == [("x", 1.0)]


def test_with_out_the_page_lies_there_and_the_run_is_not_written_to(run, tmp_path):
    run.keep("folds", "folds", "balance.json")
    before = files_in(run.folder)
    done, _ = run.make(files={"out": tmp_path / "out"})
    assert done.folder == tmp_path / "out" / "report"
    assert files_in(run.folder) == before
