import pytest

from models.cascade.ablation import VARIANTS
from models.cascade.config import Stage1Config, Stage2Config
from models.nets.config import NetConfig

OF_STAGE_1 = {"no_hair"}  # has none to leave out


@pytest.mark.parametrize("name", VARIANTS)
def test_each_variant_leaves_out_one_part(name):
    net, stage = NetConfig(), Stage2Config()
    other_net, other = VARIANTS[name](net, stage)
    assert (other_net != net) != (other != stage)
    before, after = stage.model_dump(), other.model_dump()
    assert sum(before[key] != after[key] for key in before) == int(other != stage)


def test_without_phases_there_are_as_many_epochs():
    _, one = VARIANTS["no_phases"](NetConfig(), Stage2Config())
    assert len(one.phases) == 1
    assert one.epochs == Stage2Config().epochs == 80


def test_stage_1_has_no_hair_to_leave_out():
    stage = Stage1Config()
    assert VARIANTS["no_hair"](NetConfig(), stage)[1] == stage
