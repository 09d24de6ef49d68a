"""What trials may try; each value goes where the recipe has it, and back into an overlay."""

import optuna
import pytest

from stacking.boosters.known import BOOSTERS
from stacking.boosters.lightgbm import LightGBMConfig
from stacking.config import StackConfig
from stacking.tuning.config import TuneConfig
from stacking.tuning.space import Space

COLUMNS = ("les_gaps", "pz_signal", "pz_size", "cat_site", "meta_noise")
OFF = TuneConfig(sampling=False, families=False)


def space(config=TuneConfig(), stack=StackConfig(), booster=LightGBMConfig(), columns=COLUMNS):  # noqa: B008 - frozen
    return Space.of("lightgbm", stack, booster, columns, config)


@pytest.mark.parametrize("name", BOOSTERS)
def test_every_range_is_of_a_value_that_the_booster_has_and_leaves_its_bins_alone(name):
    config = BOOSTERS[name]()
    assert config.ranges
    assert config.ranges.keys() <= config.model_dump().keys()
    assert not {"max_bin", "border_count", "bin_sample"} & config.ranges.keys()


@pytest.mark.parametrize("name", BOOSTERS)
def test_the_ends_of_every_range_are_values_that_a_recipe_may_state(name):
    kind = BOOSTERS[name]
    for key, one in kind.ranges.items():
        for end in (one.low, one.high):
            assert kind.model_validate({key: end})


def test_the_recipes_own_values_are_in_reach_whatever_they_are():
    own = LightGBMConfig(lambda_l1=0.0, rounds=5000, max_depth=-1)
    wide = space(booster=own)
    assert wide.own["lightgbm.rounds"] == 5000
    for key, distribution in wide.distributions().items():
        assert distribution._contains(distribution.to_internal_repr(wide.own[key])), key
    assert wide.ranges["lightgbm.lambda_l1"].log is False  # from 0 on there are no factors


def test_whole_numbers_stay_whole_and_families_are_switches():
    kinds = {key: type(one) for key, one in space().distributions().items()}
    assert kinds["lightgbm.rounds"] is optuna.distributions.IntDistribution
    assert kinds["lightgbm.learning_rate"] is optuna.distributions.FloatDistribution
    assert kinds["use.pz"] is optuna.distributions.CategoricalDistribution
    assert space().families == ("cat", "les", "meta", "pz")


def test_what_the_recipe_does_not_want_tuned_is_not():
    assert {key.partition(".")[0] for key in space(OFF).distributions()} == {"lightgbm"}
    assert "stack.positive_ratio" not in space(stack=StackConfig(sampling="all")).ranges
    assert space(columns=("pz_a", "pz_b")).families == ()  # one family has no alternative


def test_values_come_to_a_setting_and_to_an_overlay_alike():
    wide = space(stack=StackConfig(leave_out=["les_*"]))
    values = {**wide.own, "lightgbm.rounds": 77, "stack.negative_ratio": 0.2, "use.pz": False}
    setting = wide.setting(values, seeds=3)
    assert setting.booster == LightGBMConfig(rounds=77)
    assert (setting.stack.negative_ratio, setting.stack.seeds) == (0.2, 3)
    assert setting.columns == ("les_gaps", "cat_site", "meta_noise")
    overlay = wide.overlay(values)
    assert overlay["lightgbm"]["rounds"] == 77
    assert overlay["stack"]["leave_out"] == ["les_*", "pz_*"]
    assert LightGBMConfig.model_validate(overlay["lightgbm"]) == setting.booster
    again = StackConfig.model_validate(overlay["stack"])  # whole: who grows it is in it too
    assert again.boosters == ("lightgbm",)


@pytest.mark.parametrize(
    ("use", "blind"), [(True, ["cat_site", "cat_*"]), (False, [])], ids=["used", "left out"]
)
def test_the_overlay_says_what_is_blind_as_far_as_it_is_used_and_says_nothing_too(use, blind):
    """`blind = []` has to be there: a base may say otherwise."""
    wide = space(stack=StackConfig(blind=["cat_site", "cat_*"]))
    assert wide.overlay({**wide.own, "use.cat": use})["stack"]["blind"] == blind
    assert space().overlay(space().own)["stack"]["blind"] == []


def test_where_every_family_would_be_left_out_none_is():
    wide = space()
    values = {key: False if key.startswith("use.") else one for key, one in wide.own.items()}
    assert wide.setting(values, seeds=1).columns == COLUMNS
    assert wide.overlay(values)["stack"]["leave_out"] == []


def test_the_recipes_own_values_are_the_recipe():
    plain = space()
    setting = plain.setting(plain.own, seeds=5)
    assert (setting.booster, setting.columns) == (LightGBMConfig(), COLUMNS)
    assert setting.stack == StackConfig(shap_rows=0)
