import re
import shlex
from pathlib import Path

import pytest

from pipeline.recipe import load_recipe
from pipeline.typed import typed_again

SETTINGS = (
    "seed=7", "data.limit=200", 'stack.boosters=["lightgbm", "xgboost"]',
    "networks.stage2.training.oversample.BCC=3.0",  # a class, which no recipe has to know
    "networks.stage1.training.phases=[{ epochs = 1, lr = 0.5 }]",
)  # fmt: skip


@pytest.fixture(autouse=True)
def in_a_place_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def words_of(text):
    """As the command line parts them."""
    return re.split(r"\s+(?=[A-Za-z_][\w.]*=)", text)


def made(*settings, **changes):
    return {**load_recipe("sample", settings).resolved(), **changes}


def again(values, run="runs/sample", typed_now=()):
    return typed_again(load_recipe("sample", typed_now), values, Path(run))


def test_a_run_as_its_recipe_has_it_needs_no_other_word():
    told = again(made())
    assert (told.words, told.unsaid) == (" RECIPE=sample", "")


def test_what_was_typed_is_told_so_that_typing_it_makes_the_same():
    values = made(*SETTINGS)
    told = again(values)
    assert told.unsaid == ""
    recipe, typed = shlex.split(told.words)
    assert recipe == "RECIPE=sample"
    settings = typed.removeprefix("SET=")
    assert settings.startswith("seed=7 data.limit=200")
    assert load_recipe("sample", words_of(settings)).resolved() == values


def test_a_value_that_is_typed_for_the_report_alone_is_none_of_the_runs():
    assert again(made(), typed_now=["seed=7"]).words == " RECIPE=sample"


def test_folders_are_named_without_their_place():
    values = made(data={**made()["data"], "folder": "mine", "lesions": "whose.csv"})
    told = again(values, run="/elsewhere/tried")
    assert told.words == (
        " RECIPE=sample DATA=<path>/mine RUN=<path>/tried SET='data.lesions=\"<path>/whose.csv\"'"
    )


def test_what_no_setting_can_say_is_named():
    values = made(cascade=None)  # TOML has no word for it
    values["folds"] = {**values["folds"], "of_a_version_before": 3}  # nobody knows it today
    told = again(values)
    assert told.words == " RECIPE=sample"
    assert told.unsaid == "No SET= of now can say what it was made with: cascade."


def test_a_report_of_another_recipe_knows_it_by_its_name():
    values = load_recipe("tabular", ["seed=3"]).resolved()
    told = again(values, run="runs/tabular")
    assert (told.words, told.unsaid) == (" RECIPE=tabular SET=seed=3", "")


def test_a_recipe_of_ones_own_is_read_where_it_was_named(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('base = "tabular"\nseed = 5\n')
    told = typed_again(load_recipe(str(path)), load_recipe(str(path), ["seed=6"]).resolved(),
                       Path("runs/mine"))  # fmt: skip
    assert told.words == " RECIPE=<path>/mine.toml SET=seed=6"


def test_of_a_recipe_that_lies_elsewhere_the_settings_are_not_guessed():
    told = again({"name": "my_own", "seed": 3})
    assert told.words == " RECIPE=<path>/my_own.toml RUN=<path>/sample"
    assert told.unsaid == "Its SET= and DATA= are to be added, if any."
