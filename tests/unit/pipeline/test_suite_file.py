"""The suite's TOML: each experiment is the one that it changes, but for its change."""

import pytest

from models.suite.config import SuiteConfig
from pipeline.suite_file import asked_of, read_suite
from workspace.errors import ConfigError

SHARED = """
title = "t"
[shared]
views = "one"
[shared.net]
backbone = "cnn_8_16"
weights = "none"
se = false
cbam = false
hidden = []
dropout = [0.0]
[shared.task]
kind = "classes"
classes = "all"
[shared.training]
watch = "macro_auc"
choose = "last"
phases = [{ epochs = 1, lr = 0.1 }]
"""
ONE = """
[experiments.01]
title = "one"
changed = "-"
teaches = "-"
"""


@pytest.fixture
def reading(tmp_path):
    def read(text, **values):
        path = tmp_path / "some.toml"
        path.write_text(text, encoding="utf-8")
        return read_suite(SuiteConfig(experiments=str(path), **values))

    return read


@pytest.fixture(scope="module")
def suite():
    return read_suite(SuiteConfig())


def net(suite, number):
    return suite.experiments[number].network


def test_the_25_are_there_in_their_order_and_two_of_our_own(suite):
    assert list(suite.experiments) == [f"{number:02d}" for number in range(1, 28)]
    assert list(suite.ensembles) == ["mean", "or"]


def test_each_is_the_one_that_it_changes_but_for_its_change(suite):
    plain, adam = net(suite, "01"), net(suite, "02")
    changed = {"optimiser": "adam", "phases": adam.learning.phases}
    assert adam == plain.model_copy(update={"training": plain.learning.model_copy(update=changed)})
    normed, deep = net(suite, "08").net, net(suite, "07").net
    assert normed == deep.model_copy(update={"options": {"average": True, "batch_norm": True}})
    best = net(suite, "21")
    assert best.learning.class_weights
    assert (best.augment.rotation_degrees, best.augment.jitter_p) == (15.0, 1.0)
    assert [phase.schedule for phase in best.learning.phases] == ["cosine"]
    assert net(suite, "22").learning == best.learning.model_copy(update={"smoothing": 0.1})


def test_one_alone_has_the_trap(suite):
    trapped = [n for n, one in suite.experiments.items() if one.network.augment.trap != "none"]
    assert trapped == ["14"]


def test_imagenets_weights_are_those_that_the_recipe_names(suite):
    assert [net(suite, n).net.weights for n in ("23", "24", "26")] == ["hub", "hub", "installed"]
    named = read_suite(SuiteConfig(imagenet="resnet18.safetensors"))
    assert net(named, "24").net.weights == "resnet18.safetensors"
    assert net(named, "25").net.weights == "none"


def test_a_part_may_be_asked_for(suite):
    assert asked_of(suite, SuiteConfig(only=("20", "02"))) == ["02", "20"]
    with pytest.raises(ConfigError) as refused:
        asked_of(suite, SuiteConfig(only=("2",)))
    assert str(refused.value) == "suite.only names 2; there are 01 to 27."


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (SHARED, "some.toml has no experiments; state some as [experiments.<number>]."),
        (SHARED + ONE + "of = '02'\n", "experiments.01 changes 02, which is not there."),
        (SHARED + ONE + "of = '01'\n", "Experiments change each other: 01."),
        (SHARED + ONE + "network.net.bakbone = 'x'\n",
         "Unknown option 'experiments.01.network.net.bakbone' in some.toml; did you mean "
         "'experiments.01.network.net.backbone'?"),
        (SHARED + ONE + "network.teacher.network = '02'\n",
         "Recipe some.toml: experiments.01 has a teacher, and experiments learn from labels alone; "
         "leave network.teacher out, or take 'make distill'."),
        (SHARED + ONE + "network.net = { weights = 'simclr' }\n",
         "Recipe some.toml: experiments.01 begins with 'simclr', and experiments begin with none "
         "of a recipe's networks; take 'imagenet', 'hub', 'installed', 'none' or a .safetensors "
         "file in network.net.weights."),
        (SHARED + ONE + "network.net = { weights = 'simclr', weight_bits = 8 }\n",
         "Recipe some.toml: experiments.01 learns in few bits, which begins with another network, "
         "and experiments begin with none of a recipe's; leave network.net.weight_bits out, or "
         "take 'make distill'."),
        (SHARED + ONE + "network.training.choose = 'inner'\n",
         "Recipe some.toml: experiments.01 has network.training.choose='inner', and a suite looks "
         "at validation rows for thresholds alone, since it reports them with the test; take "
         "'last', without patience or schedule='plateau'."),
        (SHARED + ONE + "network.training = { choose = 'inner', phases = "
         "[{ epochs = 2, lr = 0.1, patience = 1 }] }\n",
         "Recipe some.toml: experiments.01 has network.training.choose='inner', and a suite looks "
         "at validation rows for thresholds alone, since it reports them with the test; take "
         "'last', without patience or schedule='plateau'."),
        (SHARED + ONE + "lessons = [{says = 'a', than = '09', metric = 'accuracy'}]\n",
         "Recipe some.toml: experiments.01 is held against 09, which is not there."),
        (SHARED + ONE + "[ensembles.or]\ntitle = 'x'\nrule = 'or'\nmembers = ['01', '02']\n",
         "Recipe some.toml: ensembles.or has member 02, which is not there."),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(reading, text, words):
    with pytest.raises(ConfigError) as refused:
        reading(text)
    assert str(refused.value) == words


def test_an_unknown_suite_is_said_with_the_nearest():
    with pytest.raises(ConfigError) as refused:
        read_suite(SuiteConfig(experiments="dermamnst"))
    assert str(refused.value) == (
        "No suite is called 'dermamnst'; there are dermamnist; did you mean 'dermamnist'?"
    )
