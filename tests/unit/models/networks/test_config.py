import numpy as np
import pytest
from models.extractors.config import ExtractorConfig

from models.cascade.config import Stage1Config, Stage2Config
from models.training.config import PhaseConfig
from models.training.schedule import lr_factor

PHASE = {"epochs": 2, "lr": 1e-3}


def test_the_defaults_are_the_study_guides():
    config = ExtractorConfig()
    assert config.sides == (16, 16)
    assert (config.gamma, config.alpha, config.class_weights) == (2.0, 0.25, False)
    assert (config.smoothing, config.mixup_probability, config.accumulate) == (0.0, 0.0, 1)
    [phase] = config.phases
    assert phase.lr == 1e-3
    assert np.isclose(phase.lr * phase.scale["backbone"], 1e-5)
    assert (phase.schedule, phase.patience) == ("cosine", 3)
    assert lr_factor(phase, 0, 100) == 0.1
    assert lr_factor(phase, 9, 100) == 1.0
    assert config.classes == ("benign", "malignant")


def test_its_network_is_a_backbone_and_one_linear_layer_whatever_else_is_stated():
    net = ExtractorConfig(net={"backbone": "eva02_small_patch14_224", "size": 112}).net
    assert (net.se, net.cbam, net.hidden, net.dropout) == (False, False, (), (0.0,))
    assert net.size == 112


def test_what_is_stated_takes_the_place_of_a_default_that_it_excludes():
    last = ExtractorConfig(choose="last")
    assert [phase.patience for phase in last.phases] == [None]
    assert last.phases[0].scale == {"backbone": 0.01}
    weighed = ExtractorConfig(class_weights=True)
    assert weighed.alpha is None
    again = ExtractorConfig.model_validate(weighed.model_dump())
    assert again == weighed


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"choose": "last", "phases": [{**PHASE, "patience": 2}]}, "patience needs inner rows"),
        ({"class_weights": True, "alpha": 0.25}, "alpha and class_weights both weigh"),
        ({"names": ["a", "a"]}, "names says the same twice"),
        ({"sampling": "shuffled", "oversample": {"c": 2.0}}, "oversample names no class: c"),
        ({"oversample": {"malignant": 2.0}}, "oversample changes nothing where sampling='bal"),
        ({"families": {"a": ["x"]}}, "families needs two of them, or none"),
        ({"families": {"a": ["x"], "b": ["x"]}}, "families lists one diagnosis twice"),
        ({"families": {"a": ["x"], "b": []}}, "at least 1 item"),
        ({"batch_size": 1}, "leaves none of one class"),
        ({"watch": "macro_f1"}, "Input should be 'auc'"),
        ({"views": "two"}, "Input should be 'one', 'four' or 'six'"),
    ],
)
def test_what_cannot_be_is_refused(values, words):
    with pytest.raises(ValueError, match=words):
        ExtractorConfig(**values)


def test_the_two_stages_choose_on_inner_rows_and_weigh_two_classes_only():
    phases = (PhaseConfig(**PHASE),)
    for config in (Stage1Config, Stage2Config):
        with pytest.raises(ValueError, match="Input should be 'inner'"):
            config(phases=phases, choose="last")
    three = {name: (name,) for name in "abc"}
    for values in ({"sampling": "balanced"}, {"alpha": 0.25, "class_weights": False}):
        assert Stage2Config(diagnoses={"a": ("a",), "b": ("b",)}, **values)
        with pytest.raises(ValueError, match="are of two classes; leave them out"):
            Stage2Config(diagnoses=three, **values)
