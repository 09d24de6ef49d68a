"""What was typed beside what a run was made with: what changes nothing is told or refused."""

import json

import pytest

from pipeline.asked import idle, keys_of, refuse_idle
from pipeline.recipe import load_recipe
from tests.makers import write
from workspace.errors import ConfigError
from workspace.manifest import load_manifest
from workspace.tasks import Task


def test_a_key_is_named_once_however_often_it_is_set():
    assert keys_of(["a.b=1", "seed=2", " a.b = 3", "c=x=y"]) == ["a.b", "seed", "c"]


@pytest.fixture
def run(blank):
    """A run of the sample with two units, the second of other values."""
    for name, setting in (("folds", "stack.seeds=1"), ("networks/small", "stack.seeds=4")):
        job = blank.job(setting)
        job.make(Task(blank.run / name, "write", write, arguments={"text": name}))
    return blank


@pytest.mark.parametrize(
    ("setting", "unused"),
    [
        ("stack.seeds=1", False), ("stack.seeds=4", False), ("stack.seeds=5", True),
        ("folds.n_folds=3", False), ("networks.small.base=extractor", False),
        ("networks.small.views=one", True), ("networks.small.training.gamma=1.5", True),
    ],
)  # fmt: skip
def test_a_value_is_idle_that_nothing_was_made_with(run, setting, unused):
    made = [load_manifest(run.run / name) for name in ("folds", "networks/small")]
    found = idle(run.job(setting).recipe, keys_of([setting]), made)
    assert found == (keys_of([setting]) if unused else [])
    assert idle(run.job(setting).recipe, keys_of([setting]), []) == []  # nothing is made yet


def test_check_169_a_finished_run_is_not_up_to_date_with_what_it_was_not_made_with(run):
    recipe = run.job("stack.seeds=7", "lightgbm.learning_rate=0.5").recipe
    refuse_idle("report", recipe, run.run, ["seed", "data.folder"])  # as they were
    with pytest.raises(ConfigError) as refused:
        refuse_idle("report", recipe, run.run, ["stack.seeds", "lightgbm.learning_rate", "seed"])
    assert str(refused.value) == (
        f"Nothing in {run.run} was made with stack.seeds=7, lightgbm.learning_rate=0.5, and "
        "'report' makes none of it anew; call the stage that uses it first, or leave it out."
    )


def test_a_run_of_another_recipe_is_named_by_its_own(run):
    with pytest.raises(ConfigError) as refused:
        refuse_idle("report", load_recipe("tabular"), run.run, ["name"])
    assert str(refused.value) == (
        f"{run.run} is a run of sample, not of tabular; leave out RECIPE=, or name that one's run "
        "with RUN=."
    )


def test_what_was_predicted_or_reported_or_is_damaged_says_nothing_of_the_run(run):
    for name in ("predictions/x", "report"):
        run.job("stack.seeds=9").make(Task(run.run / name, "w", write, arguments={"text": name}))
    (run.run / "odd").mkdir()
    (run.run / "odd" / "manifest.json").write_text(json.dumps({"recipe": {"stack": {"seeds": 9}}}))
    with pytest.raises(ConfigError, match=r"stack\.seeds=9"):
        refuse_idle("report", run.job("stack.seeds=9").recipe, run.run, ["stack.seeds"])
