import numpy as np
import pytest

from models.networks.config import NetworkConfig
from models.training.schedule import lr_factor
from pipeline.recipe_files import on_base
from tests.unit.models.networks.conftest import PHASE, base

THREE = {name: [name] for name in "abc"}


def network(name, **stated):
    return NetworkConfig.model_validate(on_base(base(name), stated))


def test_an_extractors_values_are_the_study_guides():
    config = network("extractor")
    training = config.learning
    assert training.sides == (16, 16)
    assert (training.gamma, training.alpha, training.class_weights) == (2.0, 0.25, False)
    assert (training.smoothing, training.mixup_probability, training.accumulate) == (0.0, 0.0, 1)
    [phase] = training.phases
    assert phase.lr == 1e-3
    assert np.isclose(phase.lr * phase.scale["backbone"], 1e-5)
    assert (phase.schedule, phase.patience) == ("cosine", 3)
    assert lr_factor(phase, 0, 100) == 0.1
    assert lr_factor(phase, 9, 100) == 1.0
    assert config.task.names == ("benign", "malignant")


def test_a_bases_net_keeps_what_a_recipe_does_not_state():
    net = network("extractor", net={"backbone": "eva02_small_patch14_224", "size": 112}).net
    assert (net.se, net.cbam, net.hidden, net.dropout) == (False, False, (), (0.0,))
    assert net.size == 112


def test_the_two_stages_values_are_the_papers():
    first, second = network("first_stage"), network("second_stage", task={"classes": THREE})
    assert [phase.epochs for phase in first.learning.phases] == [10, 30, 20]
    assert [phase.patience for phase in first.learning.phases] == [None, 20, 15]
    assert [phase.epochs for phase in second.learning.phases] == [10, 40, 30]
    assert [phase.patience for phase in second.learning.phases] == [None, 25, 15]
    assert (first.learning.sampling, second.learning.sampling) == ("inverse_frequency", "shuffled")
    assert (first.learning.watch, second.learning.watch) == ("auc", "macro_f1")
    assert (first.views, second.views) == ("one", "six")
    assert (first.augment.hair_p, second.augment.hair_p) == (0.0, 0.2)
    assert network("second_stage", task={"classes": THREE}, augment={"hue": 0.03}).augment.hair_p
    assert first.task.by_threshold
    assert second.task.of_positives


def test_a_network_is_the_same_after_a_round_through_plain_values():
    for config in (network("first_stage"), network("encoder"), network("classes", task={
        "classes": "all", "questions": ["suspicious"], "questions_weight": 0.5,
    })):  # fmt: skip
        assert NetworkConfig.model_validate(config.model_dump()) == config


@pytest.mark.parametrize(
    ("name", "stated", "words"),
    [
        ("extractor", {"training": {"choose": "last", "phases": [{**PHASE, "patience": 2}]}},
         "patience needs inner rows"),
        ("extractor", {"training": {"sampling": "shuffled", "class_weights": True, "alpha": 0.25}},
         "alpha and class_weights both weigh"),
        ("extractor", {"training": {"class_weights": True}},
         "sampling='balanced' evens the classes, and class_weights would do so once more; take "
         "class_weights=false, or sampling='shuffled'"),
        ("first_stage", {"training": {"class_weights": True}},
         "sampling='inverse_frequency' evens"),
        ("extractor", {"task": {"names": ["a", "a"]}}, "task.names says the same twice"),
        ("extractor", {"training": {"sampling": "shuffled", "oversample": {"c": 2.0}}},
         "training.oversample names no class: c"),
        ("extractor", {"training": {"oversample": {"malignant": 2.0}}},
         "oversample changes nothing where sampling='bal"),
        ("extractor", {"task": {"families": {"a": ["x"]}}}, "families needs two of them, or none"),
        ("extractor", {"task": {"families": {"a": ["x"], "b": ["x"]}}},
         "task.families lists one diagnosis twice"),
        ("extractor", {"task": {"families": {"a": ["x"], "b": []}}}, "at least 1 item"),
        ("extractor", {"task": {"questions": ["odd"]}},
         "odd is none of suspicious, has_lesion_id"),
        ("extractor", {"task": {"questions": ["suspicious"] * 2}}, "names a question twice"),
        ("extractor", {"task": {"questions_weight": 0.5}},
         "task.questions_weight changes nothing without task.questions"),
        ("extractor", {"training": {"batch_size": 1}}, "leaves none of one class"),
        ("extractor", {"views": "two"}, "Input should be 'one', 'four' or 'six'"),
        ("first_stage", {"training": {"choose": "last"}}, "task.threshold is chosen on inner rows"),
        ("second_stage", {"task": {"classes": {"A": ["x"], "B": ["x"]}}},
         "task.classes lists one diagnosis twice"),
        ("second_stage", {"task": {"classes": {"A": ["x"]}}}, "needs two classes or more"),
        ("second_stage", {"task": {"classes": {"a b": ["x"], "a_b": ["y"]}}}, "two names that"),
        ("classes", {"task": {"classes": THREE}, "training": {"watch": "auc"}},
         "training.watch='auc' is of two classes"),
        ("classes",
         {"task": {"classes": THREE}, "training": {"sampling": "balanced", "class_weights": False}},
         "are of two classes; take"),
        ("classes", {"task": {"classes": THREE}, "source_only": True}, "learn the target"),
        ("encoder", {"net": {"cbam": True}}, "net.cbam is for networks that learn"),
        ("encoder", {"training": {"phases": [PHASE]}}, "training changes nothing where task.kind"),
        ("encoder", {"augment": {"hue": 0.0}}, "augment changes nothing where"),
        ("encoder", {"views": "four"}, "views changes nothing where"),
        ("encoder", {"task": {"kind": "target"}}, "it has no training; state its phases, or name"),
        ("encoder", {"task": {"kind": "odd"}},
         "kind is 'odd'; there are target, classes, nothing, contrastive"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(name, stated, words):
    with pytest.raises(ValueError, match=words):
        network(name, **stated)


def test_two_classes_may_be_balanced_and_weighed_by_alpha():
    two = {"classes": {"a": ["a"], "b": ["b"]}}
    for training in ({"sampling": "balanced"}, {"alpha": 0.25}):
        training["class_weights"] = False
        assert network("second_stage", task=two, training=training)


def test_the_order_of_the_recipe_is_the_order_of_the_classes():
    task = network("second_stage", task={"classes": {"Z": ["z"], "A": ["a"]}}).task
    assert task.known_classes == ("Z", "A")
