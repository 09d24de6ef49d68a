"""The stack as tasks: what boosters and their join hang on; the join by id, checked by hand."""

import io
import shutil

import polars as pl
import polars.selectors as cs
import pytest
from rich.console import Console

from metrics.pauc import pauc_above_tpr
from metrics.ranking import auc
from metrics.score_sheet import ScoreConfig
from pipeline.samples import SAMPLES
from pipeline.stack_rows import StackFiles, open_stack
from pipeline.stacked import (
    IMPORTANCE,
    METRICS,
    OOF,
    SCORES,
    TEST,
    JoinConfigs,
    boosting,
    grow_boosters,
    join_stack,
    joining,
)
from pipeline.unseen_members import MEMBERS, RULE, kept_blend
from reports.desk import ConsoleDesk
from stacking.blending.config import BlendConfig
from stacking.blending.members import COLUMN
from stacking.boosters.lightgbm import LightGBMConfig
from stacking.calibration.config import CalibrationConfig
from stacking.calibration.kept import Calibrated
from stacking.config import StackConfig
from stacking.unseen import score_unseen
from stacking.use import USE
from tests.by_hand.stack import stack_units
from tests.by_hand.tasks import check_travels, depends_on
from tests.by_hand.units import made
from workspace.errors import ArtifactError, ConfigError
from workspace.units import open_unit

QUICK = (
    StackConfig(seeds=1, positive_ratio=0.5, negative_ratio=1.0, shap_rows=5),
    LightGBMConfig(rounds=5, min_data_in_leaf=3),
)
SCORED = ScoreConfig(replicates=100, seeds=(0,))
NAMES = ("stack", "tabular", "images", "own_row_only")


def configs(policy="stack", **values):
    given = {"average": "probability", "group": "patient"} | values
    return JoinConfigs(score=SCORED, blend=BlendConfig(policy=policy), **given)


@pytest.fixture(scope="module")
def hand(tmp_path_factory):
    """A stack by hand with its boosters: its files, and their folders by name and fold."""
    folder = tmp_path_factory.mktemp("hand")
    units, blocks = stack_units(folder)
    files = StackFiles.of(*units.values(), blocks, ())
    return files, grown(folder, files, NAMES)


def grown(folder, files, names):
    rows = open_stack(files)
    columns = {
        name: rows.columns_of(name if name != "own_row_only" else "tabular") for name in names
    }
    return {
        name: {
            fold: made(
                folder / "boosters" / f"{name}_fold_{fold}", grow_boosters, stage="stack",
                files=files, what=(name, fold), columns=columns[name], configs=QUICK, seed=0,
            ).folder
            for fold in rows.fold_numbers
        }
        for name in names
    }  # fmt: skip


def joined(folder, hand, desk=None, boosters=None, **values):
    return made(
        folder / "stack", join_stack, stage="stack", desk=desk, files=hand[0],
        boosters=boosters or hand[1], configs=configs(**values),
    )  # fmt: skip


@pytest.fixture(scope="module")
def stack(hand, tmp_path_factory):
    """It joined as the recipe's default says."""
    return joined(tmp_path_factory.mktemp("joined"), hand)


def tasks(job, hand, *settings):
    call = job(*settings)
    boosters = boosting(call, hand[0])
    return boosters, joining(call, hand[0], boosters)


def depending(job, hand, *settings):
    boosters, join = tasks(job, hand, *settings)
    each = {n: [depends_on(task) for task in by.values()] for n, by in boosters.items()}
    return each, depends_on(join)


def test_there_are_boosters_for_each_fold_of_the_stack_its_parts_and_its_baselines(blank, hand):
    boosters, join = tasks(blank.job, hand)
    assert list(boosters) == ["stack", "tabular", "images", "age_sex_site", "own_row_only"]
    assert all(list(by) == [0, 1, 2] for by in boosters.values())
    one = boosters["images"][1]
    assert (one.folder, one.stage) == (blank.run / "boosters" / "images_fold_1", "stack")
    assert one.settings["columns"] == ["emb_net_0000", "oof_net_probability"]
    assert (one.settings["fold"], one.arguments["what"]) == (1, ("images", 1))
    assert (join.folder, join.on_change) == (blank.run / "stack", "redo")
    assert set(join.inputs_from()) == {task for by in boosters.values() for task in by.values()}
    for task in (one, join):
        check_travels(task)


def test_only_the_stack_itself_is_explained(blank, hand):
    boosters, _ = tasks(blank.job, hand)
    rows = {name: by[0].arguments["configs"][0].shap_rows for name, by in boosters.items()}
    assert rows.pop("stack") == 10
    assert set(rows.values()) == {0}


@pytest.mark.parametrize(
    ("setting", "boosters", "join"),
    [
        ("seed=1", True, False),  # the join has the boosters' own hashes
        ("stack.seeds=2", True, False),
        ("lightgbm.rounds=6", True, False),
        ("stack.average=rank", False, True),
        ("blend.policy=mean", False, True),
        ("score.bins=5", False, True),
        ("stack.networks=true", False, False),
        ('stack.blocks=["elsewhere"]', False, False),
        ("audit.rounds=4", False, False),
        ("folds.n_folds=4", False, False),  # their hash tells
    ],
)
def test_what_changes_boosters_and_what_their_join(blank, hand, setting, boosters, join):
    before, after = depending(blank.job, hand), depending(blank.job, hand, setting)
    assert (before[0] != after[0], before[1] != after[1]) == (boosters, join)


def test_boosters_of_tables_do_not_hang_on_networks(blank, hand):
    boosters, join = tasks(blank.job, hand)
    assert "net" in boosters["stack"][0].inputs
    assert "net" in boosters["images"][0].inputs
    assert "net" not in boosters["tabular"][0].inputs
    assert {"net", "net test", SAMPLES, "test_features.parquet"} <= join.inputs.keys()


def test_a_block_is_a_member_still_where_none_of_its_columns_is_used(blank, hand, tmp_path):
    files, _ = hand
    few = StackFiles(
        files.samples, files.folded, files.featured, files.blocks, ("emb_*", "oof_*"), "x"
    )
    boosters, join = tasks(blank.job, (few, None))
    assert all("net" not in task.inputs for by in boosters.values() for task in by.values())
    assert {"net", "net test"} <= join.inputs.keys()


def test_boosters_keep_their_models_and_what_they_say_of_the_fold_they_never_saw(hand):
    unit = open_unit(hand[1]["stack"][1], "stack")
    rows = open_stack(hand[0]).rows
    assert unit.manifest.files.keys() == {"importance.parquet", SCORES, "seed_0.txt", USE}
    held = rows.filter(pl.col("fold") == 1)["isic_id"]
    assert unit.parquet(SCORES)["isic_id"].to_list() == held.to_list()
    assert unit.facts["rounds"] == [5]
    assert tuple(unit.json(USE)["columns"]) == open_stack(hand[0]).columns


def test_the_stack_is_every_row_once_by_the_fold_that_holds_it_out(hand, stack):
    oof = stack.parquet(OOF)
    assert oof["isic_id"].to_list() == [f"r{number:03d}" for number in range(90)]
    for fold, folder in hand[1]["stack"].items():
        theirs = open_unit(folder, "stack").parquet(SCORES)
        both = oof.filter(pl.col("fold") == fold).join(theirs, on="isic_id", validate="1:1")
        assert len(both) == len(theirs) == 30
        assert (both["score"] == both["score_right"]).all()
    metrics = stack.json(METRICS)
    own = auc(oof["target"].to_numpy(), oof["score"].to_numpy())
    assert metrics["stack"]["metrics"]["auc"]["value"] == pytest.approx(own)
    assert stack.facts["pauc"] == metrics["stack"]["metrics"]["pauc"]["value"]
    assert set(metrics["baselines"]) == {"constant", "best_column", "own_row_only"}
    assert metrics["baselines"]["constant"]["metrics"]["auc"]["value"] == 0.5
    assert (metrics["stack"]["unit"], metrics["stack"]["patients"]) == ("patient", 30)


def rewritten(folder, boosters, name, change):
    """The same boosters, with another table of scores for one name."""
    others = {}
    for fold, old in boosters[name].items():
        unit = open_unit(old, "stack")
        tables = {SCORES: change(unit.parquet(SCORES)), "importance.parquet": unit.parquet(
            "importance.parquet")}  # fmt: skip

        def write(draft, old=old, tables=tables):
            for file in ("seed_0.txt", USE):
                shutil.copy(old / file, draft.folder / file)
            for file, table in tables.items():
                draft.parquet(file, table)

        others[fold] = made(folder / f"{name}_fold_{fold}", write, stage="stack").folder
    return boosters | {name: others}


def test_scores_in_another_order_of_rows_join_to_the_same(hand, stack, tmp_path):
    boosters = rewritten(tmp_path / "turned", hand[1], "stack", pl.DataFrame.reverse)
    assert joined(tmp_path, hand, boosters=boosters).content() == stack.content()


def test_a_row_without_a_score_is_refused(hand, tmp_path):
    boosters = rewritten(tmp_path / "few", hand[1], "stack", lambda table: table.head(29))
    with pytest.raises(ArtifactError) as refused:
        joined(tmp_path, hand, boosters=boosters)
    assert str(refused.value).startswith(
        "OOF of the stack has images that are not the images the folds hold out: [r0"
    )


def test_test_rows_and_then_the_holdout_are_scored_by_all_folds(stack):
    table = stack.parquet(TEST)
    assert table.columns == ["isic_id", "score", "fold_sd", "log_odds_sd", "split"]
    assert table["split"].to_list() == ["test"] * 6 + ["holdout"] * 6
    assert table["isic_id"].to_list() == [f"r{n:03d}" for n in (*range(96, 102), *range(90, 96))]
    assert table["fold_sd"].null_count() == 0


def test_importance_is_of_the_stacks_own_columns(hand, stack):
    table = pl.read_csv(stack.path(IMPORTANCE))
    assert sorted(table["column"]) == sorted(open_stack(hand[0]).columns)
    assert table["gain"].sum() == pytest.approx(1.0)


def test_what_is_handed_in_is_the_stack_unless_a_blend_is(hand, stack, tmp_path):
    mean = joined(tmp_path, hand, policy="mean")
    assert RULE not in stack.manifest.files
    assert set(mean.json(RULE)["members"]) == {"stack", "tabular", "images", "net"}
    score = pl.mean_horizontal(cs.starts_with(COLUMN)).alias("mean")
    members = mean.parquet(MEMBERS).select("isic_id", score)
    both = mean.parquet(OOF).join(members, on="isic_id", validate="1:1")
    assert both["score"].to_list() == pytest.approx(both["mean"].to_list())
    assert mean.parquet(OOF)["isic_id"].to_list() == stack.parquet(OOF)["isic_id"].to_list()
    # What the stack is worth is the same, whatever is handed in.
    assert mean.json(METRICS)["stack"] == stack.json(METRICS)["stack"]
    sheets = [unit.json(METRICS)["blend"] for unit in (stack, mean)]
    assert [sheet["policy"] for sheet in sheets] == ["stack", "mean"]
    worth = [
        {name: {k: v for k, v in one.items() if k != "chosen_minus_this"} for name, one in
         sheet["scores"].items()} for sheet in sheets
    ]  # fmt: skip
    assert worth[0] == worth[1]
    assert mean.parquet(TEST)["score"].to_list() != stack.parquet(TEST)["score"].to_list()


def test_where_one_member_flags_the_threshold_is_for_its_own_scores(hand, tmp_path):
    unit = joined(tmp_path, hand, policy="rank_and_flag")
    blend, threshold = unit.json(METRICS)["blend"], unit.json("threshold.json")
    roles = blend["roles"]["all_rows"]
    assert unit.json(RULE)["members"] == sorted({roles["ranks"], roles["flags"]})
    assert threshold["flagged_by"] == roles["flags"]
    told = blend["operating"]["scores"]["rank_and_flag"]["threshold_of_all_rows"]
    assert threshold["out_of_fold"] == told
    assert (
        threshold["out_of_fold"]
        == (blend["operating"]["scores"][roles["flags"]]["threshold_of_all_rows"])
    )
    table = unit.parquet(TEST)
    own = ["score", "fold_sd", "log_odds_sd"]
    assert table.columns == ["isic_id", *own, *(f"flag_{name}" for name in own), "split"]
    some, rule = kept_blend(unit)
    assert set(some.names) == {roles["ranks"], roles["flags"]}
    assert rule.roles == (roles["ranks"], roles["flags"])
    pauc = pauc_above_tpr(*unit.parquet(OOF).select("target", "score").to_numpy().T)
    assert pauc == pytest.approx(blend["scores"]["rank_and_flag"]["metrics"]["pauc"]["value"])


def test_the_threshold_of_any_other_score_is_for_those_that_rank(stack):
    assert stack.json("threshold.json")["flagged_by"] is None


def test_by_rank_the_test_scores_are_on_another_scale(hand, tmp_path):
    table = joined(tmp_path, hand, average="rank").parquet(TEST)
    ranks = [(place + 0.5) / 6 for place in range(6)]
    mean = table.filter(pl.col("split") == "test")["score"].mean()
    assert mean == pytest.approx(sum(ranks) / 6)


def test_without_groups_rows_are_drawn_again_as_if_independent(hand, tmp_path):
    sheet = joined(tmp_path, hand, group="none").json(METRICS)
    assert (sheet["group"], sheet["stack"]["unit"]) == ("none", "row")


def test_a_stack_of_tables_alone_has_nothing_to_blend(tmp_path):
    units, _ = stack_units(tmp_path, block=False)
    files = StackFiles.of(*units.values(), [], ())
    alone = (files, grown(tmp_path, files, ("stack",)))
    desk = ConsoleDesk(Console(file=io.StringIO(), width=200))
    metrics = joined(tmp_path / "joined", alone, desk).json(METRICS)
    assert "blend" not in metrics
    assert set(metrics["baselines"]) == {"constant", "best_column"}
    with pytest.raises(ConfigError, match="the stack is the only member"):
        joined(tmp_path / "mean", alone, policy="mean")


def test_boosters_that_are_not_there_are_named(hand, tmp_path):
    gone = hand[1] | {"stack": {0: tmp_path / "gone"}}
    with pytest.raises(ArtifactError) as refused:
        joined(tmp_path, hand, boosters=gone)
    assert str(refused.value) == (
        f"{tmp_path / 'gone'} is not there or unfinished; run 'make stack' first."
    )


def test_asked_for_probabilities_stand_beside_the_scores_of_rows_outside_the_folds(hand, tmp_path):
    asked = CalibrationConfig(method="platt", prevalence=0.02)
    unit = joined(tmp_path, hand, calibration=asked)
    calibrated = Calibrated.of_json(unit.json("calibration.json"))
    oof = unit.parquet(OOF)
    assert calibrated.prevalence == oof["target"].mean()
    test = unit.parquet(TEST)
    rows = open_stack(hand[0])
    for split in ("test", "holdout"):
        ids = rows.ids(split)
        file = "test_features.parquet" if split == "test" else "features.parquet"
        views = [
            score_unseen(
                lambda _, fold=fold: rows.unseen(ids, file, fold),  # noqa: B023 - called at once
                {fold: open_unit(folder, "stack")}, "probability",
            )
            for fold, folder in hand[1]["stack"].items()
        ]  # fmt: skip
        slow = sum(calibrated(view["score"].to_numpy()) for view in views) / len(views)
        both = test.join(ids.with_columns(slow=slow), on="isic_id", validate="1:1")
        assert len(both) == len(ids) > 0
        assert both["probability"].to_list() == pytest.approx(both["slow"].to_list(), abs=1e-15)


def test_without_asking_there_are_scores_alone_and_every_method_is_measured(stack):
    assert "probability" not in stack.parquet(TEST).columns
    assert "calibration.json" not in stack.manifest.files
    methods = stack.json(METRICS)["calibration"]["methods"]
    assert methods.keys() == {"none", "platt", "beta", "temperature", "isotonic"}
