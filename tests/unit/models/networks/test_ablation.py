import pytest

from models.networks.ablation import VARIANTS
from models.networks.config import NetworkConfig
from pipeline.recipe_files import on_base
from tests.unit.models.networks.conftest import base

GROUPS = {"MEL": ["mel"], "BCC": ["bcc"]}


def network(name, **stated):
    if name == "second_stage":
        stated |= {"task": {"classes": GROUPS}}
    return NetworkConfig.model_validate(on_base(base(name), stated))


def changed(name, config):
    """Which of the sections the variant changes, and what it makes."""
    other = VARIANTS[name](config)
    return {
        key for key in NetworkConfig.model_fields if getattr(other, key) != getattr(config, key)
    }, other


TWO = {"no_attention"}  # which changes two: what SE and CBAM together are worth


@pytest.mark.parametrize("name", sorted(VARIANTS.keys() - {"fast_view", "no_auxiliary"}))
def test_each_variant_changes_one_value(name):
    config = network("second_stage")
    sections, other = changed(name, config)
    [section] = sections
    before, after = (getattr(one, section).model_dump() for one in (config, other))
    assert sum(before[key] != after[key] for key in before) == (2 if name in TWO else 1)


def test_without_phases_there_are_as_many_epochs():
    one = VARIANTS["no_phases"](network("second_stage")).learning
    assert len(one.phases) == 1
    assert one.epochs == network("second_stage").learning.epochs == 80


@pytest.mark.parametrize("name", ["no_hair", "fast_view"])
def test_a_first_stage_has_no_hair_to_leave_out_and_is_shown_by_the_fast_view_as_it_is(name):
    assert changed(name, network("first_stage"))[0] == set()


@pytest.mark.parametrize(("has", "other"), [("fast", "exact"), ("exact", "fast")])
def test_the_other_view_is_the_recipes_augmentation_shown_otherwise(has, other):
    config = network("second_stage", augment={"kind": has})
    assert changed(f"{has}_view", config)[0] == set()
    sections, made = changed(f"{other}_view", config)
    assert sections == {"augment"}
    assert made.augment == config.augment.model_copy(update={"kind": other})


def test_without_auxiliary_targets_the_classes_alone_are_learnt():
    families, weights = {"a": ["x"], "b": ["y"]}, {"families_weight": 0.2, "questions_weight": 0.1}
    for asked in ({"families": families}, {"questions": ["suspicious"]},
                  {"families": families, "questions": ["suspicious"], **weights}):  # fmt: skip
        config = network("extractor", task={**asked, "names": ["no", "yes"]})
        sections, other = changed("no_auxiliary", config)
        assert sections == {"task"}
        assert (other.task.families, other.task.questions) == ({}, ())
        assert other.task.names == ("no", "yes")
        assert NetworkConfig.model_validate(other.model_dump()) == other
    assert changed("no_auxiliary", network("second_stage"))[0] == set()
    assert changed("no_auxiliary", network("encoder"))[0] == set()
