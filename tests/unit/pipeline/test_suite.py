"""A suite as tasks: which recipes have one."""

import pytest

from models.suite.config import SuiteConfig
from pipeline.recipe import load_recipe
from pipeline.sided import Split
from pipeline.suite import SUITED, check_suited, comparing
from pipeline.suite_file import read_suite
from scripts import stages
from tests.by_hand.pictures import PicturesByHand
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


def test_a_page_led_by_another_split_is_another_page(tmp_path):
    made = PicturesByHand(tmp_path)
    job, suite = made.job(stage="suite"), read_suite(SuiteConfig())
    split = Split(job, made.files(job))
    one, other, alone = (
        comparing(job, suite, dict.fromkeys(schemes, split), {}, {}).settings
        for schemes in (("by_lesion", "official"), ("official", "by_lesion"), ("official",))
    )
    assert other == {**one, "schemes": ["official", "by_lesion"]}
    assert "schemes" not in one  # as pages of old have it
    assert "schemes" not in alone
