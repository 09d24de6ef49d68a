"""Networks that others begin with: named by a recipe, trained within the fold, declared if not."""

import cv2
import numpy as np
import pytest

from folds.findings import Findings
from models.networks.network import network_of
from models.networks.use import BEST, HISTORY, use_of
from pipeline.beforehand import check_beforehand
from pipeline.networks import needed_by, training, trainings_of
from pipeline.picture_rows import open_picture_rows
from pipeline.recipe import load_recipe
from tests.by_hand.pictures import HELD_OUT, PicturesByHand
from tests.by_hand.trainings import LAST
from workspace.errors import ArtifactError, ConfigError

pytestmark = pytest.mark.usefixtures("one_thread")

SIMCLR = (
    "networks.simclr.base=contrastive", "networks.simclr.net.backbone=test_resnet",
    "networks.simclr.net.size=32", "networks.simclr.net.hidden=[8]",
    "networks.simclr.training.choose=last", "networks.simclr.training.batch_size=2",
    "networks.simclr.training.phases=[{ epochs = 1, lr = 1e-3 }]",
)  # fmt: skip
BEGUN = (*SIMCLR, *LAST, "networks.flag.net.weights=simclr")
ALL = "networks.simclr.task.rows=all"


@pytest.fixture
def made(tmp_path):
    return PicturesByHand(tmp_path)


def network(job, rows, name):
    return network_of(name, job.recipe.networks[name], rows.table, Findings())


def tasks_of(made, *settings, every=(0,), **values):
    """A call, the tasks of the network `flag`, and those of what it begins with."""
    job = made.job(*BEGUN, *settings, **values)
    files = made.files(job)
    flag = network(job, open_picture_rows(files), "flag")
    trainings = [training(job, files, flag, held_out) for held_out in every]
    return job, trainings, needed_by(trainings)


def hashes(folder):
    return {path.name: path.read_bytes() for path in folder.glob("*.safetensors")}


def test_check_87_each_folds_network_begins_with_the_weights_of_its_own_fold(made):
    job, trainings, first = tasks_of(made, every=(0, 1, (1, 2)))
    assert [task.name for task in first] == ["simclr_fold_0", "simclr_fold_1", "simclr_fold_1_2"]
    assert {task.stage for task in first} == {"pretrain"}
    units = [unit for unit, _ in job.carry_out(*first, *trainings)]
    begun = [unit.manifest.inputs["weights"] for unit in units[3:]]
    assert begun == [unit.sha256(BEST) for unit in units[:3]]
    assert len(set(begun)) == 3
    for unit, held_out in zip(units[:3], (0, 1, (1, 2)), strict=True):
        assert use_of(unit).held_out == held_out
        assert set(unit.manifest.files) == {
            "use.json", "best.safetensors", "last.safetensors", HISTORY, "curves.svg"
        }  # fmt: skip
        assert unit.facts["signs"].keys() == {"loss"}


def test_it_really_begins_with_them(made):
    """A step of nought later the backbone is the other's, to the bit."""
    still = "networks.flag.training.phases=[{ epochs = 1, lr = 1e-30, frozen = ['backbone'] }]"
    job, trainings, first = tasks_of(made, still)
    theirs, ours = (unit.tensors(BEST) for unit, _ in job.carry_out(*first, *trainings))
    backbone = [name for name in theirs if name.startswith("backbone.")]
    assert backbone
    assert all(np.array_equal(theirs[name], ours[name]) for name in backbone)
    assert theirs["head.1.weight"].shape != ours["head.2.weight"].shape  # the projector is gone


def test_several_networks_begin_with_one_task_and_a_call_of_its_own_makes_the_same(made):
    job, [flag], [first] = tasks_of(made)
    files = made.files(job)
    rows = open_picture_rows(files)
    again = training(job, files, network(job, rows, "flag"), 0)
    assert needed_by([flag, again]) == [first]
    own = trainings_of(job, files, network(job, rows, "simclr"), [0])
    assert own == {0: first}


def redrawn(made, names):
    for name in names:
        pixels = np.random.default_rng(77).integers(0, 255, (34, 36, 3)).astype(np.uint8)
        assert cv2.imwrite(str(made.data / "pictures" / f"{name}.png"), pixels)
    made.keep_samples()


@pytest.mark.parametrize("rows", ["fold", "all"])
def test_check_87_held_out_pictures_change_nothing_of_it_unless_it_is_asked_to_see_all(made, rows):
    setting = f"networks.simclr.task.rows={rows}"
    job, _, first = tasks_of(made, setting)
    [(unit, _)] = job.carry_out(*first)
    before = unit.tensors(BEST)
    redrawn(made, HELD_OUT[0])
    job, _, first = tasks_of(made, setting, fresh=True)
    [(unit, _)] = job.carry_out(*first)
    after = unit.tensors(BEST)
    same = all(np.array_equal(after[name], before[name]) for name in before)
    assert same == (rows == "fold")


def test_one_that_sees_all_is_one_for_all_folds_and_sees_no_anchor_holdout_or_test(made):
    job, trainings, first = tasks_of(made, ALL, every=(0, 1))
    assert [task.name for task in first] == ["simclr_fold_all"]
    rows = open_picture_rows(made.files(job))
    learnt, out = rows.without(())
    seen = sorted(name for some in HELD_OUT.values() for name in some)
    assert rows.table["isic_id"].gather(learnt.training).to_list() == seen
    assert len(out) == 0
    units = [unit for unit, _ in job.carry_out(*first, *trainings)]
    assert {u.manifest.inputs["weights"] for u in units[1:]} == {units[0].sha256(BEST)}
    assert use_of(units[0]).held_out == ()
    said = [line for line in made.lines() if line.startswith("notice: simclr")]
    assert said == [
        "notice: simclr sees the held-out pictures too, without their labels "
        "(networks.simclr.task.rows='all'); every number of what begins with it is to be read so."
    ]
    assert job.recipe.declared_of("flag") == [
        "flag began with the weights of simclr, which had seen the held-out pictures too, without "
        "their labels (networks.simclr.task.rows='all')."
    ]
    assert job.recipe.declared_of("which") == []


def test_within_folds_there_is_nothing_to_declare(made):
    job, _, _ = tasks_of(made)
    assert job.recipe.declared_of("flag") == []
    assert not [line for line in made.lines() if line.startswith("notice: simclr")]


def test_other_weights_to_begin_with_are_another_network_which_stops(made):
    job, trainings, first = tasks_of(made)
    job.carry_out(*first, *trainings)
    other = "networks.simclr.task.temperature=0.1"
    job, trainings, first = tasks_of(made, other)
    with pytest.raises(ArtifactError, match=r"made from other values \(task\.temperature\)"):
        job.carry_out(*first, *trainings)
    job, trainings, first = tasks_of(made, other, fresh=True)
    job.carry_out(*first)
    job, trainings, first = tasks_of(made, other)
    with pytest.raises(ArtifactError, match=r"other values \(input weights\)"):
        job.carry_out(*first, *trainings)


def test_one_that_was_deleted_is_made_again_and_the_others_stay(made):
    job, trainings, first = tasks_of(made)
    job.carry_out(*first, *trainings)
    before = hashes(first[0].folder)
    for path in first[0].folder.iterdir():
        path.unlink()
    first[0].folder.rmdir()
    job, trainings, first = tasks_of(made)
    states = job.states_of([*first, *trainings])
    assert [states[task].why for task in (*first, *trainings)] == [
        "not made yet", "simclr_fold_0 may change"
    ]  # fmt: skip
    assert [new for _, new in job.carry_out(*first, *trainings)] == [True, False]
    assert hashes(first[0].folder) == before


def test_before_it_is_made_what_begins_with_it_is_looked_at_without_its_weights(made):
    job, _, first = tasks_of(made)
    rows = open_picture_rows(made.files(job))
    flag, simclr = (network(job, rows, name) for name in ("flag", "simclr"))
    check_beforehand(job, rows, [(simclr, [0]), (flag, [0])])
    assert not first[0].folder.exists()


def recipe(*settings):
    return load_recipe("sample", [*SIMCLR, *settings])


SMALL = "networks.small.net.weights=simclr"


def test_what_a_network_of_the_run_begins_with_is_of_the_run_without_being_listed():
    some = recipe(SMALL, 'use_networks=["small", "stage1"]', "cascade.first=stage1")
    assert list(some.used) == ["small", "stage1"]
    assert list(some.beginnings) == ["simclr"]
    assert some.needed == ("simclr",)
    assert recipe('use_networks=["small"]').beginnings == {}
    listed = recipe('use_networks=["small", "simclr"]')
    assert (list(listed.used), list(listed.beginnings)) == (["small"], ["simclr"])
    assert listed.needed == ()
    assert "simclr" not in recipe().used
    assert list(recipe().beginnings) == ["simclr"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ([SMALL.replace("simclr", "simcrl")],
         "networks.small.net.weights is 'simcrl'; there is no such network (simclr to begin with), "
         "and no file"),
        ([SMALL.replace("simclr", "stage1")],
         "networks.small.net.weights is 'stage1', which learns task.kind='target'; name a network "
         "that is learnt for its weights, or a file"),
        (["networks.simclr.net.weights=simclr"],
         "networks.simclr.net.weights is 'simclr'; what others begin with begins with none of this "
         "recipe itself"),
        ([SMALL, "networks.simclr.net.backbone=resnet18"],
         "networks.small.net.weights is 'simclr', whose net.backbone is 'resnet18' and not "
         "'test_resnet'; give both one"),
        ([SMALL, "networks.simclr.net.mean=[0.5, 0.5, 0.5]"],
         "networks.small.net.weights is 'simclr', whose net.mean is (0.5, 0.5, 0.5) and not None; "
         "give both one"),
        ([SMALL, f"networks.small.net.sha256={'a' * 64}"],
         "networks.small.net.weights is 'simclr', a network of this recipe, and net.sha256 is of a "
         "file; drop it"),
        (["networks.plain.base=encoder", "networks.plain.net.backbone=test_resnet",
          "networks.plain.net.weights=simclr"],
         "networks.plain.net.weights is 'simclr', and task.kind='nothing' is one for all folds; "
         'take one that learns with frozen = ["backbone"] in its phases'),
        (["networks.simclr_fold_all.base=contrastive"],
         "no network can be called simclr_fold_all"),
    ],
)  # fmt: skip
def test_what_cannot_be_begun_with_is_refused_in_one_sentence(settings, words):
    with pytest.raises(ConfigError) as refused:
        recipe(*settings)
    assert words in str(refused.value)
    assert str(refused.value).endswith(".")


def test_no_network_is_called_as_net_weights_says_whence_they_come():
    with pytest.raises(ConfigError) as refused:
        load_recipe("sample", ["networks.installed.base=extractor"])
    assert str(refused.value) == (
        "Recipe sample.toml: no network can be called installed: in net.weights, which names "
        "networks too, it says whence weights come."
    )
