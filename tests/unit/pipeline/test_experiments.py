"""Every entry of the log can be made again: it names its recipe, which is there and loads."""

import re
from pathlib import Path

import pytest

from pipeline.recipe import load_recipe

ROOT = Path(__file__).parents[3]
EXPERIMENTS = sorted((ROOT / "recipes" / "experiments").glob("*.toml"))
ENTRIES = re.findall(
    r"^## (\d{4}-\d\d-\d\d [^\n]+)\n\n(.+?)(?=^## |\Z)", (ROOT / "docs" / "LOG.md").read_text(),
    re.MULTILINE | re.DOTALL,
)  # fmt: skip


@pytest.mark.parametrize("path", EXPERIMENTS, ids=[path.stem for path in EXPERIMENTS])
def test_an_experiments_recipe_loads_and_names_no_folder_of_a_machine(path):
    recipe = load_recipe(str(path))
    assert not recipe.data.folder.is_absolute()
    for network in recipe.networks.values():
        assert not Path(network.net.weights).is_absolute()


@pytest.mark.parametrize(("title", "text"), ENTRIES, ids=[title for title, _ in ENTRIES])
def test_an_entry_of_the_log_says_how_to_make_it_again(title, text):
    how = re.search(r"^Again: (.+?)\n\n", text, re.MULTILINE | re.DOTALL)
    assert how, f"'{title}' has no line `Again: ...`"
    named = re.findall(r"`((?:recipes|tests)/[^`]+)`", how[1])
    assert named or "`make " in how[1], f"'{title}' names no recipe, test or target"
    assert [one for one in named if not (ROOT / one).is_file()] == []


def test_every_experiment_is_told_of_in_the_log():
    told = "".join(text for _, text in ENTRIES)
    assert [
        path.name for path in EXPERIMENTS if f"recipes/experiments/{path.name}" not in told
    ] == []
