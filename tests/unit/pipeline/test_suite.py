"""A suite as tasks: which recipes have one."""

import pytest

from pipeline.recipe import load_recipe
from pipeline.suite import SUITED, check_suited
from scripts import stages
from workspace.errors import ConfigError


@pytest.mark.parametrize("name", [*SUITED, "dermamnist_corrected"])
def test_recipes_of_a_source_with_a_split_of_its_own_have_a_suite(name):
    check_suited(load_recipe(name))


def test_any_other_source_has_one_on_a_holdout_that_is_drawn():
    check_suited(load_recipe("ham10000", ["suite.schemes=['holdout']"]))


def test_the_recipe_where_none_is_named_is_refused_before_anything_is_made(tmp_path):
    with pytest.raises(ConfigError) as refused:
        stages.suite(run=tmp_path / "run", set={"data.folder": str(tmp_path / "data")}, quiet=True)
    assert str(refused.value) == (
        "Recipe sample has no suite: its source 'isic2024' publishes no split, which "
        "suite.schemes='official' needs; take RECIPE=dermamnist or RECIPE=dermamnist_by_lesion."
    )
    assert not (tmp_path / "data").exists()
