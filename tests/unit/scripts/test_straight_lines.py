"""Stages as straight lines: what each asks for, in which order, with nothing trained or drawn."""

from contextlib import suppress
from dataclasses import dataclass, field, replace

import pytest

from models.networks.names import unit_name
from pipeline import beforehand
from pipeline.job import Job
from pipeline.picture_rows import open_picture_rows
from scripts import ablate, compare, embed, plan, pretrain, train_cnn
from stacking.alignment.variants import VARIANTS, Variant
from tests.by_hand.pictures import PicturesByHand
from tests.by_hand.units import files_in
from workspace.errors import ConfigError
from workspace.tasks import State


class Enough(Exception):  # noqa: N818 - no mistake: the test has seen what it wanted
    """What the stage asked for is known."""


@dataclass(frozen=True)
class Recording(Job):
    """A call that carries nothing out: it keeps what it was to do."""

    asked: list = field(default_factory=list)
    done: bool = False  # what all tasks are said to be

    def carry_out(self, *tasks):
        self.asked.append([task.folder.relative_to(self.run).as_posix() for task in tasks])
        raise Enough

    def state_of(self, task):
        return State(task, unit="kept" if self.done else None)

    def states_of(self, tasks):
        return {task: self.state_of(task) for task in tasks}


@pytest.fixture
def made(tmp_path):
    return PicturesByHand(tmp_path)


@pytest.fixture
def call(made, monkeypatch):
    """Run a stage on the run by hand; gives what it asked for."""

    def called(stage, *settings, done=False, **values):
        job = made.job(*settings, **values)
        known = {name: getattr(job, name) for name in Job.__dataclass_fields__}
        recording = Recording(**known, done=done)
        monkeypatch.setattr(train_cnn, "files_of", made.files)
        monkeypatch.setattr(beforehand, "check_beforehand", lambda *_: None)
        with suppress(Enough):
            stage(recording)
        return recording.asked

    return called


def folds_of(name, *held_out):
    return [f"networks/{unit_name(name, one)}" for one in held_out]


BOTH = [*folds_of("flag", 0, 1, 2), *folds_of("which", 0, 1, 2)]


def test_all_folds_of_all_networks_are_trained_then_joined_then_the_cascade(call):
    assert call(train_cnn.run) == [
        [*BOTH, "networks/flag", "networks/which", "cascade"]
    ]  # the encoder learns nothing


def test_one_fold_joins_nothing(call):
    assert call(train_cnn.run, words={"fold": "1"}) == [
        [*folds_of("flag", 1), *folds_of("which", 1)]
    ]


@pytest.mark.parametrize("fold", ["3", "-1", "one", "1.0"])
def test_a_fold_that_is_not_there_is_refused_with_those_that_are(call, fold):
    with pytest.raises(ConfigError) as refused:
        call(train_cnn.run, words={"fold": fold})
    assert str(refused.value) == f"There is no fold FOLD={fold}; there are 0, 1, 2."


def test_nested_every_pair_is_trained_and_by_single_folds_each_exactly_once(call):
    nested = "stack.nested=true"
    pairs = folds_of("flag", (0, 1), (0, 2), (1, 2))
    [whole] = call(train_cnn.run, nested)
    assert set(pairs) <= set(whole)
    shares = [call(train_cnn.run, nested, words={"fold": str(k)})[0] for k in range(3)]
    asked = [name for share in shares for name in share if name in pairs]
    assert sorted(asked) == sorted(pairs)
    assert all(len(share) == 4 for share in shares)  # of two networks a fold and a pair each


SIMCLR = (
    "networks.simclr.base=contrastive", "networks.simclr.net.backbone=test_resnet",
    "networks.simclr.net.size=32", "networks.flag.net.weights=simclr",
)  # fmt: skip
BEFORE = folds_of("simclr", 0, 1, 2)
SEES_ALL = "networks.simclr.task.rows=all"


def test_what_networks_begin_with_is_trained_with_them_each_fold_once(call):
    both = (*SIMCLR, "networks.which.net.weights=simclr")
    assert call(train_cnn.run, *both) == [
        [*BEFORE, *BOTH, "networks/flag", "networks/which", "cascade"]
    ]
    assert call(train_cnn.run, *both, SEES_ALL) == [
        ["networks/simclr_fold_all", *BOTH, "networks/flag", "networks/which", "cascade"]
    ]
    assert call(train_cnn.run, *both, words={"fold": "1"}) == [
        [*folds_of("simclr", 1), *folds_of("flag", 1), *folds_of("which", 1)]
    ]


def test_what_nothing_begins_with_is_trained_by_its_own_stage_alone(call):
    idle = (*SIMCLR[:-1], 'use_networks=["flag", "simclr"]')
    assert call(train_cnn.run, *idle) == [[*folds_of("flag", 0, 1, 2), "networks/flag"]]
    assert call(pretrain.run, *idle) == [BEFORE]


def test_pretraining_leaves_out_what_is_asked_for_and_pairs_for_a_nested_stack(call):
    assert call(pretrain.run, *SIMCLR) == [BEFORE]
    assert call(pretrain.run, *SIMCLR, words={"fold": "2"}) == [folds_of("simclr", 2)]
    pairs = folds_of("simclr", (0, 1), (0, 2), (1, 2))
    assert call(pretrain.run, *SIMCLR, "stack.nested=true") == [[*BEFORE, *pairs]]
    assert call(pretrain.run, *SIMCLR, SEES_ALL) == [["networks/simclr_fold_all"]]


def test_fresh_of_either_stage_keeps_what_the_other_makes(call, made):
    def kept():
        for name, stage in (("simclr_fold_0", "pretrain"), ("flag_fold_0", "train-cnn")):
            with made.making("networks", name, stage=stage) as draft:
                draft.text("text.txt", "dear")

    kept()
    call(train_cnn.run, *SIMCLR, fresh=True)
    assert (made.run / "networks" / "simclr_fold_0").exists()
    assert not (made.run / "networks" / "flag_fold_0").exists()
    kept()
    call(pretrain.run, *SIMCLR, fresh=True)
    assert not (made.run / "networks" / "simclr_fold_0").exists()
    assert (made.run / "networks" / "flag_fold_0").exists()


def test_without_the_second_network_there_is_no_cascade(call):
    [asked] = call(train_cnn.run, 'use_networks=["flag"]')
    assert asked == [*folds_of("flag", 0, 1, 2), "networks/flag"]


def test_encoders_alone_train_nothing_and_no_network_at_all_is_refused(call, made):
    assert call(train_cnn.run, 'use_networks=["plain"]') == []
    assert made.lines()[-1] == (
        "train-cnn: the recipe has encoders alone, which learn nothing; nothing to do."
    )
    with pytest.raises(ConfigError, match=r"^The recipe has no network; add one"):
        call(train_cnn.run, "use_networks=[]")


def test_fresh_deletes_what_is_asked_for_at_once_and_no_other_fold(call, made):
    for fold in (0, 1):
        made.keep_network("flag", fold, scores={"a0": 0.5})
    call(train_cnn.run, words={"fold": "1"}, fresh=True)
    assert (made.run / "networks" / "flag_fold_0").exists()
    assert not (made.run / "networks" / "flag_fold_1").exists()
    call(train_cnn.run, words={"fold": "0"})
    assert (made.run / "networks" / "flag_fold_0").exists()


@pytest.mark.parametrize(("done", "said"), [(False, 1), (True, 0)])
def test_who_trains_nothing_is_told_nothing_of_a_gpu(call, made, monkeypatch, done, said):
    told = []
    monkeypatch.setattr(train_cnn, "notice_unswitched", told.append)
    call(train_cnn.run, done=done)
    assert len(told) == said


@pytest.mark.parametrize(
    ("settings", "mend"),
    [
        ([], "SET=\"stack.networks=true\" stacks it, given from 'make folds' on"),
        (
            ["folds.scheme=official"],
            "only folds that hold out every row could, not folds.scheme=official",
        ),
        (["stack.networks=true"], None),
    ],
)
def test_pictures_that_no_stack_will_look_at_are_said_before_anything_is_trained(
    call, made, settings, mend
):
    call(train_cnn.run, "stack.networks=false", *settings)
    notices = [line for line in made.lines() if "not in the stack" in line]
    assert notices == ([] if mend is None else [
        "notice: what networks see of the pictures (flag, which, plain) is not in the stack, "
        f"which is of tables alone (stack.networks=false); {mend}."
    ])  # fmt: skip


def test_too_few_anchors_are_said_before_anything_is_trained(call, monkeypatch):
    trained = []
    monkeypatch.setattr(train_cnn, "run", trained.append)
    with pytest.raises(ConfigError, match="There are 3 anchors"):
        call(embed.run, least_anchors=4)
    assert trained == []


@pytest.mark.parametrize("done", [False, True])
def test_shards_of_a_block_that_is_done_are_not_made_again(call, made, monkeypatch, done):
    monkeypatch.setattr(train_cnn, "run", lambda job: {})
    for fold in range(3):
        made.keep_network("flag", fold)
    [asked] = call(embed.run, 'use_networks=["flag"]', done=done)
    shards = [
        f"embeddings/flag_fold_{k}/{name}_00000" for k in range(3)
        for name in ("elsewhere", "held_out")
    ]  # fmt: skip
    assert sorted(asked[:-1]) == ([] if done else shards)
    assert asked[-1] == "blocks/flag"


ABLATION = (
    "ablation.network=flag", "ablation.folds=2", "ablation.seeds=[0, 4]",
    'ablation.variants=["no_focal", "no_se"]', "networks.flag.training.gamma=2.0",
)  # fmt: skip


def test_a_plan_of_what_is_made_anew_is_refused(made):
    with pytest.raises(ConfigError) as refused:
        plan.run(replace(made.job(), fresh=True))
    assert str(refused.value) == (
        "FRESH=1 is of one stage, and redoes what that makes; plan without it."
    )


def test_an_ablation_trains_each_variant_seed_and_fold_and_leaves_out_what_changes_nothing(
    call, made
):
    [asked] = call(ablate.run, *ABLATION)
    assert asked == [
        f"networks/{name}_seed_{seed}_flag_fold_{fold}"
        for name in ("whole", "no_focal") for seed in (0, 4) for fold in (0, 1)
    ]  # fmt: skip
    assert made.lines() == ["notice: no_se changes nothing in this recipe and is left out."]


@pytest.mark.parametrize("network", ["plain", "small"])
def test_an_ablation_of_what_does_not_learn_here_is_refused(call, network):
    with pytest.raises(ConfigError) as refused:
        call(ablate.run, f"ablation.network={network}")
    assert str(refused.value) == (
        f"ablation.network is '{network}'; take a network that learns (flag, which)."
    )


def test_a_fresh_ablation_spares_the_runs_own_networks(call, made):
    made.keep_network("flag", 0)
    made.keep_network("whole_seed_0_flag", 0)
    call(ablate.run, *ABLATION, fresh=True)
    assert (made.run / "networks" / "flag_fold_0").exists()
    assert not (made.run / "networks" / "whole_seed_0_flag_fold_0").exists()


def variants(made, *settings, tables=True):
    return compare._variants(made.job(*settings), tables=tables)


def test_the_recipes_own_way_stands_first_and_asks_whom_the_recipe_asks(made):
    found = variants(made, 'compare.variants=["raw", "tables"]')
    assert list(found) == ["recipe", "raw", "tables"]
    assert found["recipe"] == Variant(trained=True, encoders=True)
    alone = variants(made, 'use_networks=["flag"]', "compare.variants=[]")
    assert alone["recipe"] == Variant(trained=True, encoders=False)
    still = variants(made, 'use_networks=["plain"]', 'compare.variants=["frozen"]')
    assert still["recipe"] == Variant(trained=False, encoders=True)


def test_variants_that_the_run_has_no_networks_or_no_tables_for_are_left_out_and_told(made):
    found = variants(made, 'use_networks=["flag"]', tables=False)
    assert set(VARIANTS) - set(found) == {"tables", "frozen", "scalars_frozen", "ridge_frozen"}
    assert made.lines() == [
        "notice: tables has no column in this run; it is left out.",
        "notice: frozen needs networks that this recipe has not; it is left out.",
        "notice: scalars_frozen needs networks that this recipe has not; it is left out.",
        "notice: ridge_frozen needs networks that this recipe has not; it is left out.",
    ]


def test_there_is_nothing_to_compare_without_networks(made):
    with pytest.raises(ConfigError) as refused:
        compare.run(made.job("stack.networks=false"))
    assert str(refused.value) == (
        "There is nothing to compare without networks; take stack.networks=true."
    )


CHAIN = ["verify", "folds", "features", "stack", "submission"]


@pytest.mark.parametrize(
    ("settings", "values", "names"),
    [
        ((), {}, ["sample", *CHAIN[:3], "train-cnn", "embed", *CHAIN[3:]]),
        ((), {"own_data": True}, [*CHAIN[:3], "train-cnn", "embed", *CHAIN[3:]]),
        (("stack.networks=false",), {"own_data": True}, [*CHAIN[:3], "train-cnn", *CHAIN[3:]]),
        (("data.images=none",), {"own_data": True}, CHAIN),
        (("use_networks=[]",), {"own_data": True}, CHAIN),
    ],
)
def test_a_plan_is_of_the_stages_that_the_recipe_has(made, monkeypatch, settings, values, names):
    asked = []
    monkeypatch.setattr(
        plan, "planned", lambda job, stages: asked.extend(name for name, _ in stages) or ([], [])
    )
    plan.run(made.job(*settings, **values))
    assert asked == names


@pytest.mark.parametrize(("begun", "name"), [("hospitals/run", "hospitals"), ("bundle", "bundle")])
def test_a_plan_has_what_not_every_run_has_once_it_is_begun(made, monkeypatch, begun, name):
    asked = []
    monkeypatch.setattr(
        plan, "planned", lambda job, stages: asked.append(stages[-1][0]) or ([], [])
    )
    plan.run(made.job(own_data=True))
    (made.run / begun).mkdir(parents=True)
    plan.run(made.job(own_data=True))
    assert asked == ["submission", name]


def test_a_plan_of_what_is_not_there_writes_nothing(made):
    before = files_in(made.run.parent)
    job = replace(made.job("data.folder=nowhere"), run=made.run.parent / "other")
    plan.run(job)
    lines = made.lines()
    assert any("sample" in line and "to do: not made yet" in line for line in lines)
    assert any(line.startswith("verify: its tasks are known once") for line in lines)
    assert files_in(made.run.parent) == before
    assert not job.run.exists()


def test_rows_are_opened_as_they_are_now(made):
    assert open_picture_rows(made.files()).table.height == 13
