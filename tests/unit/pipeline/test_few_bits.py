"""A network in few bits: begun with all of another of its fold, and used as it was trained."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from models.nets.config import NetConfig
from models.nets.network import LesionNet
from models.nets.quantised import RoundedLayer
from models.nets.work import multiply_adds
from models.networks import fold
from models.networks.opened import open_network
from models.networks.use import BEST, use_of
from pipeline.beforehand import build, check_beforehand
from pipeline.networks import SCORES, needed_by, trainings_of
from pipeline.picture_rows import open_picture_rows
from tests.by_hand.pictures import PicturesByHand
from tests.by_hand.trainings import LAST
from workspace.errors import ConfigError, DataError

pytestmark = pytest.mark.usefixtures("one_thread")

FEW = (
    *LAST, "networks.small.base=first_stage", "networks.small.source_only=false",
    "networks.small.net.backbone=test_resnet", "networks.small.net.weights=flag",
    "networks.small.net.size=32", "networks.small.net.hidden=[]",
    "networks.small.net.dropout=[0.0]", "networks.small.net.se=false",
    "networks.small.net.cbam=false", "networks.small.training.choose=last",
    "networks.small.task.threshold=none", "networks.small.training.batch_size=4",
    "networks.small.training.epoch_samples=8",
    "networks.small.training.phases=[{ epochs = 1, lr = 1e-30 }]",
    'use_networks=["flag", "small"]',
)  # fmt: skip
EIGHT = (*FEW, "networks.small.net.weight_bits=8")


@pytest.fixture
def made(tmp_path):
    return PicturesByHand(tmp_path)


def trained(made, *settings, every=(0,)):
    job = made.job(*settings)
    files = made.files(job)
    small = made.network(open_picture_rows(files), "small", *settings)
    tasks = list(trainings_of(job, files, small, every).values())
    first = needed_by(tasks)
    units = [unit for unit, _ in job.carry_out(*first, *tasks)]
    return units[: len(first)], units[len(first) :]


def test_check_87_it_begins_with_all_of_the_other_of_its_fold(made):
    """A step of nought later its head is the other's, which no other beginning takes over."""
    before, after = trained(made, *EIGHT, every=(0, 1))
    for whole, few in zip(before, after, strict=True):
        assert few.manifest.inputs["weights"] == whole.sha256(BEST)
        theirs, ours = whole.tensors(BEST), few.tensors(BEST)
        [head] = [name for name in theirs if name.startswith("head.") and theirs[name].ndim == 2]
        assert np.array_equal(theirs[head], ours[head.replace(".weight", ".layer.weight")])
        assert not [name for name in ours if "running_mean" in name]


def test_it_is_used_as_it_was_trained(made):
    [whole], [few] = trained(made, *EIGHT)
    use = use_of(few)
    assert (use.net.weight_bits, use.net.weights) == (8, "none")
    net, _ = open_network(few)
    layers = [m for m in net.modules() if isinstance(m, RoundedLayer)]
    assert layers
    assert all(float(layer.high) > float(layer.low) for layer in layers)
    assert net.last_map
    one, other = (unit.parquet(SCORES).sort("isic_id") for unit in (whole, few))
    apart = np.abs(one[:, 1].to_numpy() - other[:, 1].to_numpy())
    assert 0 < apart.max() < 0.05
    assert whole.manifest.settings["net"].keys() == few.manifest.settings["net"].keys() - {
        "weight_bits"
    }


def test_a_frozen_backbone_has_ranges_too(made):
    """It never learns, and layers take their ranges as they learn: so they begin with some."""
    phases = "networks.small.training.phases=[{ epochs = 1, lr = 1e-30, frozen = ['backbone'] }]"
    _, [few] = trained(made, *EIGHT, phases)
    net, _ = open_network(few)
    layers = [m for m in net.modules() if isinstance(m, RoundedLayer)]
    assert all(float(layer.high) > float(layer.low) for layer in layers)


def test_check_87_a_training_takes_no_range_of_what_it_holds_out(made, monkeypatch):
    """Whatever it takes for learnt: here every row."""
    every = len(open_picture_rows(made.files(made.job(*EIGHT))).table)
    monkeypatch.setattr(fold, "begin_ranges", spoilt(fold.begin_ranges, every))
    with pytest.raises(DataError, match=r"Ranges of few bits would be taken from .* holds out"):
        trained(made, *EIGHT)


def spoilt(begin, every):
    """With all rows called learnt."""

    def begun(net, pictures, rows, way):
        begin(net, pictures, replace(rows, learnt=np.arange(every)), way)

    return begun


def test_its_work_is_counted_as_that_of_the_whole():
    config = NetConfig(backbone="test_resnet", weights="none", size=32, se=False, cbam=False)
    few = config.model_copy(update={"weight_bits": 4})
    assert multiply_adds(few) == multiply_adds(config)


def test_a_blank_one_is_filled_with_any_other_of_its_kind():
    config = NetConfig(
        backbone="test_resnet", weights="none", size=32, weight_bits=4, hidden=(), dropout=(0.0,)
    )
    one, other = LesionNet.blank(config, 1), LesionNet.blank(config, 1)
    one.train()(torch.rand(2, 3, 32, 32))
    other.load_state_dict(one.state_dict())
    picture = torch.rand(1, 3, 32, 32)
    assert torch.equal(one.eval()(picture), other.eval()(picture))


@pytest.mark.parametrize(
    ("setting", "why"),
    [
        ("networks.small.net.weights=none", "is trained already; name another of the recipe"),
        ("networks.small.net.weights=small", "is trained already; name another of the recipe"),
        ("networks.small.net.weights=plain", "in few bits it learns the same"),
        ("networks.small.net.size=64", "whose net.size is 32 and not 64; give both one"),
        ("networks.flag.net.weight_bits=8", "in few bits itself; name one that has all its bits"),
        ("networks.small.net.weight_bits=3", "weight_bits"),
        (f"networks.small.net.sha256={'0' * 64}", "and net.sha256 is of a file; drop it"),
        (
            "networks.small.training.choose=inner",
            "learnt from most of what would be its inner rows, and nothing can be chosen on these; "
            "take networks.small.training.choose='last'",
        ),
    ],
)
def test_what_it_cannot_begin_with_is_refused_with_the_recipe(made, setting, why):
    with pytest.raises(ConfigError, match=why):
        made.job(*EIGHT, setting)


def test_a_head_of_other_classes_is_refused_before_anything_is_trained(made):
    with pytest.raises(
        ConfigError,
        match=r"networks\.small\.net\.weights is 'flag', of the classes benign, malignant, and the "
        r"network itself is of no, yes; give both the same, in one order\.",
    ):
        trained(made, *EIGHT, 'networks.small.task.names=["no", "yes"]')


def test_before_the_other_is_made_it_is_looked_at_without_weights(made):
    job = made.job(*EIGHT)
    rows = open_picture_rows(made.files(job))
    both = [made.network(rows, name, *EIGHT) for name in ("flag", "small")]
    check_beforehand(job, rows, [(one, [0]) for one in both])
    few = both[1].config.net.model_copy(update={"backbone": "vit_no_such"})
    with pytest.raises(ConfigError, match=r"^networks\.small: timm knows no backbone"):
        build("small", few, 1, blank=True)


def test_with_all_its_bits_no_network_begins_with_another_that_says_something(made):
    with pytest.raises(ConfigError, match="name a network that is learnt for its weights"):
        made.job(*FEW)
