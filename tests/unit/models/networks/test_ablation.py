import pytest
from models.cascade.ablation import VARIANTS

from models.cascade.config import Stage1Config, Stage2Config
from models.nets.config import NetConfig


def changed(name, stage):
    """Which of the sections the variant changes, and the stage that it makes."""
    net = NetConfig()
    other_net, other = VARIANTS[name](net, stage)
    return (other_net != net, other != stage), other


@pytest.mark.parametrize("name", sorted(VARIANTS.keys() - {"fast_view"}))
def test_each_variant_changes_one_part(name):
    stage = Stage2Config()
    (of_net, of_stage), other = changed(name, stage)
    assert of_net != of_stage
    before, after = stage.model_dump(), other.model_dump()
    assert sum(before[key] != after[key] for key in before) == int(of_stage)


def test_without_phases_there_are_as_many_epochs():
    _, one = VARIANTS["no_phases"](NetConfig(), Stage2Config())
    assert len(one.phases) == 1
    assert one.epochs == Stage2Config().epochs == 80


@pytest.mark.parametrize("name", ["no_hair", "fast_view"])
def test_stage_1_has_no_hair_to_leave_out_and_is_shown_by_the_fast_view_as_it_is(name):
    assert changed(name, Stage1Config())[0] == (False, False)


@pytest.mark.parametrize(("has", "other"), [("fast", "exact"), ("exact", "fast")])
def test_the_other_view_is_the_recipes_augmentation_shown_otherwise(has, other):
    augment = Stage2Config().augment.model_copy(update={"kind": has})
    stage = Stage2Config().model_copy(update={"augment": augment})
    assert changed(f"{has}_view", stage)[0] == (False, False)
    _, made = changed(f"{other}_view", stage)
    assert made.augment == augment.model_copy(update={"kind": other})
    assert made.model_copy(update={"augment": augment}) == stage
