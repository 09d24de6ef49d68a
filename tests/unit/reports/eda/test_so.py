"""What each section led to: pages that are there, keys that a recipe has, words by its values."""

import re
from pathlib import Path

import pytest

from pipeline.exploration import quoted
from pipeline.recipe import load_recipe
from reports.eda.so import SENTENCES, so

ROOT = Path(__file__).resolve().parents[4]


def quotes(*settings, recipe="sample"):
    return {**quoted(load_recipe(recipe, settings)), "compared": True}


def has(recipe, key):
    value = recipe
    for part in key.split("."):
        name = next(iter(value)) if part == "<name>" else part
        value = value.get(name, "nothing") if isinstance(value, dict) else "nothing"
    return value != "nothing"


@pytest.mark.parametrize("section", SENTENCES)
def test_every_page_and_every_key_that_is_named_is_there(section):
    note = so(section, quotes())
    assert note.words.startswith("So: ")
    assert note.words.endswith(".")
    pages = re.findall(r"[\w/-]+\.md", note.command)
    for page in pages:
        path = page if page.startswith("docs/") else f"docs/decisions/{page}"
        assert (ROOT / path).is_file(), page
    recipe = load_recipe("sample").resolved()
    keys = re.findall(r"\b\w+\.[\w.<>]+", re.sub(r"[\w/-]+\.md", "", note.command))
    assert pages or keys
    for key in keys:
        assert has(recipe, key), key


@pytest.mark.parametrize(
    ("section", "settings", "words"),
    [
        ("classes", ["score.min_tpr=0.9"], "above 90% sensitivity"),
        ("classes", ["folds.stratify=diagnosis"], "stratified by diagnosis"),
        ("classes", ["folds.scheme=official"], "folds follow the scheme 'official'"),
        ("groups", ["data.group=lesion"], "a lesion is on one side"),
        ("groups", ["data.group=none"], "nobody says whose rows are"),
        ("hospitals", [], "the hospital is no column of the boosters"),
        ("hospitals", ['features.families=["raw", "provenance"]'], "a column here"),
        ("sizes", ['use_networks=["small"]'], "(small 48 px)"),
        ("colours", [], "(no network of this recipe)"),
        ("colours", ["networks.small.augment.gray_world_p=0.5"], "(small)"),
        ("sheet", ['use_networks=["small"]'], "(small four)"),
        ("numbers", [], "the stack has z-scores"),
        ("numbers", ['features.families=["raw"]'], "the stack has no z-scores"),
        ("source", [], "of this recipe: stage1"),
        ("pairs", ["verify.look_alikes=60"], "60 are asked for here"),
    ],
)
def test_the_words_follow_the_recipe(section, settings, words):
    assert words in so(section, quotes(*settings)).words


def test_without_patients_the_stack_has_no_z_scores_whatever_is_asked_for():
    assert "has no z-scores" in so("numbers", {**quotes(), "compared": False}).words


def test_a_size_that_the_recipe_leaves_to_the_backbone_is_said():
    assert "(big as its backbone was made)" in so("sizes", {"size": {"big": None}}).words
