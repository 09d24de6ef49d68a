"""Variants of a network beside the whole: joined by id, paired over seeds."""

from dataclasses import replace

import pytest

from pipeline.ablations import FILE, ablating, compare_variants
from pipeline.networks import training
from pipeline.picture_rows import open_picture_rows
from tests.by_hand.pictures import HELD_OUT, PicturesByHand
from workspace.errors import ArtifactError

RIGHT = {"a0": 0.1, "a1": 0.9, "b0": 0.2, "c0": 0.8, "c1": 0.3, "e0": 0.7, "e1": 0.2, "f0": 0.1}


@pytest.fixture
def made(tmp_path):
    return PicturesByHand(tmp_path)


def wrong(name):
    return 1 - RIGHT[name]


def keep(made, which, say):
    """A variant's network of a fold, whose table of scores is not in the order of ids."""
    variant, seed, fold = which
    name = f"{variant}_seed_{seed}_flag"
    return made.keep_network(name, fold, scores={n: say(n) for n in HELD_OUT[fold]}, limit=0.5)


def compared(made, kept, settings=()):
    """`kept`: (variant, seed, fold) -> what it says of a row."""
    job = made.job(*settings)
    units = {}
    for which, say in kept.items():
        unit = keep(made, which, say)
        table = unit.parquet("scores.parquet")
        columns = {n: n.replace(f"{which[0]}_seed_{which[1]}_", "") for n in table.columns}
        with made.making("networks", unit.folder.name, stage="train-cnn") as draft:
            draft.parquet("scores.parquet", table.rename(columns))
        units[which] = unit.folder
    with made.making("ablation", stage="ablate") as draft:
        compare_variants(
            draft, made.files(job), ("flag", job.recipe.networks["flag"]), units, job.recipe.score,
            job.recipe.declared_of("flag"),
        )  # fmt: skip
    return made.unit("ablation", stage="ablate").json(FILE)


def test_a_variant_is_held_against_the_whole_by_id_and_seed(made):
    kept = {}
    for fold in (0, 1):
        for seed in (0, 7):
            kept["whole", seed, fold] = RIGHT.__getitem__
        kept["no_se", 0, fold] = wrong
        kept["no_se", 7, fold] = RIGHT.__getitem__
    sheet = compared(made, kept)
    assert (sheet["network"], sheet["watch"], sheet["n"]) == ("flag", "auc", 5)
    assert (sheet["seeds"], sheet["folds"]) == ([0, 7], [0, 1])
    whole, other = sheet["variants"]["whole"], sheet["variants"]["no_se"]
    assert whole["value"]["value"] == 1.0
    assert whole["by_seed"] == [0.0, 0.0]
    assert other["by_seed"] == [-1.0, 0.0]
    assert other["value"]["value"] == pytest.approx(0.5)
    assert other["minus_whole"]["value"] == pytest.approx(-0.5)


def test_rows_of_two_folds_are_ranked_together(made):
    """A fold whose scores lie higher than another's costs, as it would in the stack."""

    def high(name):
        return 0.5 + RIGHT[name] / 2

    alike = {("whole", 0, fold): RIGHT.__getitem__ for fold in (0, 1)}
    sheet = compared(made, {**alike, ("no_se", 0, 0): RIGHT.__getitem__, ("no_se", 0, 1): high})
    # c1, 0.65, no longer stands below all positives: of 6 pairs those with a1 and c0 still hold.
    assert sheet["variants"]["no_se"]["value"]["value"] == 1.0
    sheet = compared(
        made, {**alike, ("no_se", 0, 0): lambda n: RIGHT[n] / 2, ("no_se", 0, 1): high}
    )
    assert sheet["variants"]["no_se"]["value"]["value"] == pytest.approx(5 / 6)


def test_a_network_that_is_not_there_is_refused(made):
    job = made.job()
    units = {("whole", 0, 0): made.run / "networks" / "never"}
    network = ("flag", job.recipe.networks["flag"])
    with (
        pytest.raises(ArtifactError, match="never is not there or unfinished"),
        made.making("ablation", stage="ablate") as draft,
    ):
        compare_variants(draft, made.files(), network, units, job.recipe.score)
    assert not (made.run / "ablation").exists()


def declared(made, *settings):
    job = made.job(*settings)
    files = made.files(job)
    whole = made.network(open_picture_rows(files), "flag", *settings)
    other = replace(
        whole, config=whole.config.model_copy(
            update={"net": whole.config.net.model_copy(update={"se": True})}
        )
    )  # fmt: skip
    trainings = [
        training(job, files, network, 0, f"{name}_seed_3_flag_fold_0", 3)
        for name, network in (("whole", whole), ("no_se", other))
    ]
    units = {("whole", 3, 0): trainings[0].folder, ("no_se", 3, 0): trainings[1].folder}
    variants = {"whole": whole, "no_se": other}
    return trainings, ablating(job, files, variants, units, trainings)


def test_the_comparison_waits_for_every_training_and_travels_with_the_whole_network(made):
    trainings, task = declared(made)
    assert task.folder == made.run / "ablation"
    assert task.waits_for() == trainings
    assert task.arguments["network"][0] == "flag"
    assert task.arguments["network"][1].net.se is False
    assert set(task.arguments["units"]) == {("whole", 3, 0), ("no_se", 3, 0)}
    assert trainings[0].settings["net"] != trainings[1].settings["net"]
    assert {one.settings["seed"] for one in trainings} == {3}


@pytest.mark.parametrize(
    ("setting", "changes"),
    [("score.level=0.9", True), ("ablation.seeds=[1]", True), ("stack.seeds=2", False)],
)
def test_it_hangs_on_what_is_compared_and_how(made, setting, changes):
    (_, before), (_, after) = declared(made), declared(made, setting)
    assert (before.settings != after.settings) is changes


def test_a_beginning_that_saw_held_out_rows_is_declared_with_the_comparison(made):
    from_all = (
        "networks.simclr.base=contrastive", "networks.simclr.net.backbone=test_resnet",
        "networks.simclr.training.choose=last", "networks.simclr.task.rows=all",
        "networks.flag.net.weights=simclr",
    )  # fmt: skip
    _, within = declared(made)
    _, task = declared(made, *from_all)
    [sentence] = task.arguments["declared"]
    assert "simclr, which had seen the held-out pictures too" in sentence
    assert task.settings["declared"] == [sentence]
    assert "declared" not in within.settings
    assert "declared" not in compared(made, {("whole", 3, 0): RIGHT.__getitem__})
    sheet = compared(made, {("whole", 3, 0): RIGHT.__getitem__}, from_all)
    assert sheet["declared"] == [sentence]
