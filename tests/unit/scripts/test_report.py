"""`make report`: which parts of a run it reads, when it is made anew, what it refuses."""

import numpy as np
import polars as pl
import pytest

from pipeline import run_report
from scripts import report
from stacking.calibration.maps import fit
from tests.by_hand.units import files_in, made
from workspace.errors import ArtifactError

METRICS = "metrics.json"


class Run:
    """Parts of a run, none with more in it than its name; the page is what was read of them."""

    def __init__(self, calls, monkeypatch):
        self.calls, self.folder, self.sheets = calls, calls.run, []
        monkeypatch.setattr(run_report, "report", self.page)
        monkeypatch.setattr(
            run_report, "card", lambda sheets: f"# {[one.stage for one in sheets.makings.values()]}"
        )
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
    ("name", "again"),
    [
        ("tabular", " RECIPE=tabular RUN=<path>/run"),
        ("my_own", " RECIPE=<path>/my_own.toml RUN=<path>/run"),
    ],
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
        "group_id": ["p", "q"],
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
    assert sheets.rows.columns == ["target", "score", "fold", "group_id"]
    assert sheets.mapped_by is None  # of one fold there are no others to map by
    assert sheets.handed_in.to_list() == [0.25, 0.5]
    assert sheets.importance.rows() == [("x", 1.0)]


@pytest.mark.parametrize(("own", "by"), [("none", "platt"), ("isotonic", "isotonic")])
def test_probabilities_are_made_by_maps_of_the_other_folds(run, own, by):
    target, score = np.array([0, 1] * 40), np.random.default_rng(0).random(80)
    columns = {"target": target, "score": score, "fold": np.arange(80) % 4}
    table = pl.DataFrame({"isic_id": map(str, range(80)), **columns, "group_id": "p"})

    def stack(draft):
        draft.parquet("oof_stack.parquet", table)
        draft.json(METRICS, {"stack": 1, "calibration": {"methods": {}}})
        draft.csv("importance.csv", pl.DataFrame({"column": ["x"], "gain": [1.0]}))

    recipe = {"name": "sample", "calibration": {"method": own}}
    made(run.folder / "stack", stack, stage="stack", of_recipe=recipe)
    run.make()
    [sheets] = run.sheets
    assert sheets.mapped_by == by
    mine = columns["fold"] == 0
    alone = fit(by, score[~mine], target[~mine]).probabilities(score[mine])
    assert sheets.rows["probability"].to_numpy()[mine].tolist() == alone.tolist()


def test_with_out_the_page_lies_there_and_the_run_is_not_written_to(run, tmp_path):
    run.keep("folds", "folds", "balance.json")
    before = files_in(run.folder)
    done, _ = run.make(files={"out": tmp_path / "out"})
    assert done.folder == tmp_path / "out" / "report"
    assert files_in(run.folder) == before


def test_every_unit_is_counted_also_those_that_no_page_shows(run):
    for name in (
        "networks/flag_fold_0", "embeddings/flag_fold_0/held_out_00000", "trials/fold_0_0001",
        "hospitals/run/folds", "hospitals/run/checkpoints/flag_fold_1/epoch_1", "report",
    ):  # fmt: skip
        run.keep(name, "report" if name == "report" else "train-cnn", "report.html")
    run.keep("folds", "folds", "balance.json")
    run.keep("blocks/.net.aside", "embed", "drift.json")  # unfinished
    run.make()
    assert sorted(run.sheets[0].makings) == [
        "embeddings/flag_fold_0/held_out_00000", "folds", "hospitals/run/folds",
        "networks/flag_fold_0", "trials/fold_0_0001",
    ]  # fmt: skip
    assert run.sheets[0].makings["folds"].stage == "folds"
    run.keep("trials/fold_0_0002", "tune", "trial.json")
    run.make()
    assert len(run.sheets) == 2  # its seconds are on the page


def test_a_manifest_that_was_changed_is_refused_also_where_only_its_seconds_are_read(run):
    run.keep("folds", "folds", "balance.json")
    path = run.keep("trials/fold_0_0001", "tune").folder / "manifest.json"
    path.write_text(path.read_text().replace('"stage": "tune"', '"stage": "folds"'))
    with pytest.raises(ArtifactError) as refused:
        run.make()
    assert str(refused.value) == (
        f"{path} was changed after it was written; restore it, or move its folder away and run "
        "the stage again."
    )


def test_trainings_are_read_by_network_in_the_order_of_their_folds(run):
    def network(fold, choose="inner", seed=0):
        def write(draft):
            draft.json("history.json", [{"epoch": 1, "loss": 0.5, "auc": 0.75, "lr": 0.1}])
            draft.facts["best_epoch"] = 1

        training = {"watch": "auc", "choose": choose}
        settings = {"fold": fold, "seed": seed, "training": training}
        words = "_".join(map(str, fold)) if isinstance(fold, list) else fold
        name = f"flag_fold_{words}" if seed == 0 else f"less_seed_{seed}_flag_fold_{words}"
        made(run.folder / "networks" / name, write, stage="train-cnn", settings=settings)

    for fold in (10, [0, 2], 2):
        network(fold)
    network(0, choose="last", seed=2)
    network(0, choose="last", seed=1)
    run.keep("folds", "folds", "balance.json")
    run.make()
    trainings = run.sheets[0].trainings
    assert {name: [one.name for one in several] for name, several in trainings.items()} == {
        "flag": ["fold 2", "fold 10", "folds 0 and 2"],
        "less_flag": ["seed 1, fold 0", "seed 2, fold 0"],
    }
    assert (trainings["flag"][0].chosen, trainings["less_flag"][0].chosen) == (True, False)
    assert trainings["flag"][0].scores == [0.75]


def test_what_further_stages_kept_is_read_too(run):
    run.keep("folds", "folds", "balance.json")
    run.keep("comparison/raw", "compare", "scores.parquet")  # a variant, of which all tells
    run.keep("comparison/all", "compare", "comparison.json")
    run.keep("ablation", "ablate", "ablation.json")
    run.keep(
        "label_efficiency", "label-efficiency", "label_efficiency.json", "label_efficiency.svg"
    )
    run.keep("distill/sheet", "distill", "distill.json", "pareto.svg", "abstention.svg")
    run.keep("distill/study", "distill", "study.json")
    run.keep("suite/leaderboard", "suite", "leaderboard.json")
    run.keep("export/flag_fold_0", "export", "sheet.json")
    run.keep("scores/mine-1a2b3c4d", "score", "score.json")
    run.make()
    [sheets] = run.sheets
    assert sheets.comparison["of"] == "comparison/all"
    assert sheets.ablation["of"] == "ablation"
    assert sheets.label_efficiency["of"] == "label_efficiency"
    assert sheets.distill["of"] == "distill/sheet"
    assert sheets.distill_study["of"] == "distill/study"
    assert sheets.suite["of"] == "suite/leaderboard"
    assert {name: sheet["of"] for name, sheet in sheets.bundles.items()} == {
        "flag_fold_0": "export/flag_fold_0"
    }
    assert sheets.scored["mine-1a2b3c4d"]["of"] == "scores/mine-1a2b3c4d"
    assert set(sheets.drawings) == {"label_efficiency.svg", "pareto.svg", "abstention.svg"}
    assert "comparison/raw" not in sheets.manifests
    assert "comparison/raw" in sheets.makings


def test_a_students_trainings_are_named_by_their_seeds(run):
    for seed in (10, 2):

        def write(draft):
            draft.json("history.json", [{"epoch": 1, "loss": 0.5, "lr": 0.1}])
            draft.facts["best_epoch"] = 1

        training = {"watch": "auc", "choose": "inner"}
        made(
            run.folder / "distill/holdout/networks" / f"mobile_seed_{seed}", write,
            stage="distill", settings={"fold": 0, "seed": seed, "training": training},
        )  # fmt: skip
    run.keep("folds", "folds", "balance.json")
    run.make()
    [(name, trainings)] = run.sheets[0].trainings.items()
    assert (name, [one.name for one in trainings]) == (
        "distill/holdout/mobile", ["seed 2", "seed 10"],
    )  # fmt: skip
