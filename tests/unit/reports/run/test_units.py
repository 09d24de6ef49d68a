import pytest

from reports.run.units import part_of, took_of, unit_table, version_table
from workspace.manifest import Code, Making


def making(stage, seconds, commit="a" * 40, dirty=False, seed=0, numpy="2.4.6"):
    return Making(
        stage=stage, seed=seed, code=Code(commit=commit, dirty=dirty), lock="l" * 64,
        versions={"numpy": numpy}, seconds=seconds,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("folder", "part"),
    [
        ("folds", "folds"),
        ("networks/small", "networks/small"),
        ("networks/small_fold_0", "networks/small"),
        ("networks/small_fold_0_3", "networks/small"),
        ("networks/simclr_fold_all", "networks/simclr"),
        ("networks/no_se_seed_1_small_fold_0", "networks/no_se_small"),
        ("networks/fold_back_fold_1", "networks/fold_back"),
        ("embeddings/small_fold_0/held_out_00000", "embeddings/small"),
        ("boosters/stack_fold_0", "boosters/stack"),
        ("boosters/tuned_fold_0", "boosters/tuned"),
        ("trials/all_folds_0003", "trials"),
        ("trials/fold_2_0003", "trials"),
        ("audit/00000", "audit"),
        ("distill/holdout/networks/mobile_seed_0", "distill/holdout/networks/mobile"),
        ("hospitals/run/trials/fold_2_0003", "hospitals/run/trials"),
    ],
)
def test_units_that_differ_by_fold_seed_shard_or_trial_are_one_part(folder, part):
    assert part_of(folder) == part


def test_the_seconds_of_every_unit_are_added_up_in_the_order_of_a_run():
    parts = took_of({
        "networks/small": making("train-cnn", 0.5),
        "boosters/stack_fold_0": making("stack", 4.0),
        "networks/small_fold_0": making("train-cnn", 10.0),
        "networks/small_fold_1": making("train-cnn", 20.0),
        "folds": making("folds", 1.0),
    })  # fmt: skip
    assert [(one.stage, one.part, len(one.makings), one.seconds) for one in parts] == [
        ("folds", "folds", 1, 1.0), ("train-cnn", "networks/small", 3, 30.5),
        ("stack", "boosters/stack", 1, 4.0),
    ]  # fmt: skip


def test_the_table_has_all_units_seconds_commits_and_seeds():
    table = unit_table({
        "networks/small_fold_0": making("train-cnn", 3000.0, commit="a" * 40),
        "networks/small_fold_1": making("train-cnn", 1000.0, commit="b" * 40, dirty=True, seed=1),
        "folds": making("folds", 1.0),
    })  # fmt: skip
    assert [[cell.brief for cell in row] for row in table.rows] == [
        ["folds", "folds", "1", "1.0", "a" * 12, "0"],
        ["train-cnn", "networks/small", "2", "4,000.0", f"{'a' * 12}, {'b' * 12}, changed", "0, 1"],
        ["all", "", "3", "4,001.0", "", ""],
    ]
    assert (table.rows[0][3].share, table.rows[1][3].share) == (1 / 4000, 1.0)
    assert table.apart == 1


def test_versions_of_every_unit_are_told_each_once():
    table = version_table([making("folds", 1.0), making("stack", 1.0, numpy="2.5.0")])
    assert [[cell.brief for cell in row] for row in table.rows] == [
        ["numpy", "2.4.6, 2.5.0"], ["requirements.lock (SHA-256)", "l" * 64],
    ]  # fmt: skip
