"""What was typed beside what a run was made with: what changes nothing is told or refused."""

import json
from pathlib import Path

import pytest

from pipeline.asked import as_made, idle, keys_of, own_recipe, recipe_of, refuse_idle, report_config
from pipeline.recipe import load_recipe
from reports.config import ReportConfig
from tests.makers import write
from tests.manifests import rewrite
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
    made = [(Path(name), load_manifest(run.run / name)) for name in ("folds", "networks/small")]
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


def keep(blank, folder, *settings, of=(), inputs=()):
    """A unit made by a call with these settings; `of` are the sections that it reads."""
    job = blank.job(*settings)
    values = {name: job.recipe.resolved()[name] for name in of}
    made = dict.fromkeys(inputs, "0" * 64)
    job.make(
        Task(
            blank.run / folder, "write", write, settings=values, inputs=made,
            arguments={"text": folder},
        )
    )  # fmt: skip


def is_refused(blank, stage, setting):
    recipe = blank.job(setting).recipe
    try:
        refuse_idle(stage, recipe, blank.run, keys_of([setting]))
    except ConfigError:
        return True
    return False


@pytest.mark.parametrize(
    ("setting", "predict", "report"),
    [
        ("lightgbm.learning_rate=0.9", True, True),  # said to the folds, which never read it
        ("lightgbm.learning_rate=0.8", False, False),
        ("lightgbm.learning_rate=0.7", True, True),  # of boosters that the stack has no more
        ("lightgbm.learning_rate=0.6", True, False),  # of the audit, which a report shows
        ("stack.average=rank", False, False),
        ("stack.average=probability", True, True),
        ("folds.n_folds=4", False, False), ("folds.n_folds=3", True, True),
        ("seed=4", False, False), ("seed=5", True, True),
        ('stack.boosters=["lightgbm"]', False, False),
        ("align.least_anchors=70", False, False),  # nothing could be made with it yet
    ],
)  # fmt: skip
def test_a_value_counts_as_those_were_made_that_read_it(blank, setting, predict, report):
    early = ("lightgbm.learning_rate=0.9", "folds.n_folds=4", "seed=4", "align.least_anchors=70")
    boosted = ("seed=4", "stack.average=rank")
    keep(blank, "folds", *early, of=("folds", "seed"))
    for name, rate in (("stack", 0.8), ("tabular", 0.7)):
        rates = (f"lightgbm.learning_rate={rate}", *boosted)
        keep(blank, f"boosters/{name}_fold_0", *rates, of=("lightgbm", "seed"))
    keep(blank, "leaks", "lightgbm.learning_rate=0.6", *boosted, of=("lightgbm", "audit"))
    keep(blank, "stack", *boosted, of=("blend",), inputs=["stack_fold_0"])
    assert is_refused(blank, "predict", setting) == predict
    assert is_refused(blank, "report", setting) == report


@pytest.mark.parametrize(
    ("setting", "refused"),
    [
        ("networks.small.training.gamma=1.5", True), ("networks.small.training.gamma=3.0", False),
        ("networks.stage1.training.gamma=1.5", False),  # of which there is none
        ("network_seed=7", True), ("network_seed=8", False),
        ('use_networks=["small"]', False), ('use_networks=["small", "stage1"]', True),
    ],
)  # fmt: skip
def test_a_networks_value_counts_as_that_network_was_trained(blank, setting, refused):
    early = [f"networks.{name}.training.gamma=1.5" for name in ("small", "stage1")]
    used = 'use_networks=["small"]'
    keep(blank, "folds", *early, "network_seed=7", 'use_networks=["small", "stage1"]')
    trained = ("networks.small.training.gamma=3.0", "network_seed=8", used)
    for name in ("networks/small_fold_0", "networks/small"):
        keep(blank, name, *trained)
    assert is_refused(blank, "predict", setting) == refused


def test_a_run_speaks_for_itself_by_what_came_last(blank):
    assert own_recipe(blank.run) is None
    keep(blank, "folds")
    assert own_recipe(blank.run) == "sample"
    rewrite(blank.run / "folds", lambda values: values["recipe"].update(name="tabular"))
    assert own_recipe(blank.run) == "tabular"
    keep(blank, "networks/small")
    assert own_recipe(blank.run) == "sample"
    rewrite(blank.run / "networks/small", lambda values: values["recipe"].update(name="mine"))
    with pytest.raises(ConfigError) as refused:
        own_recipe(blank.run)
    assert str(refused.value) == (
        f"{blank.run} is a run of mine; name its recipe, RECIPE=<path>/mine.toml."
    )


def test_what_is_made_of_a_run_says_the_runs_recipe_and_how_new_data_were_read(blank):
    keep(blank, "stack", "stack.seeds=2")
    made = load_manifest(blank.run / "stack")
    now = blank.job("stack.seeds=3", "predict.overlays=false", 'data.positive=["x"]').recipe
    recipe = as_made(made, now).recipe
    assert (recipe["stack"]["seeds"], recipe["predict"]["overlays"]) == (2, False)
    assert recipe["data"]["positive"] == ["x"]
    assert as_made(made, now).seed == made.seed


def test_a_report_reads_its_own_section_anew(run):
    asked = run.job("report.pictures=true", "stack.seeds=9").recipe
    refuse_idle("report", asked, run.run, ["report.pictures"])
    with pytest.raises(ConfigError, match=r"stack\.seeds=9"):
        refuse_idle("report", asked, run.run, ["report.pictures", "stack.seeds"])
    with pytest.raises(ConfigError, match=r"report\.pictures=True"):
        refuse_idle("predict", asked, run.run, ["report.pictures"])


def test_a_report_has_the_section_of_its_recipe_or_where_none_is_named_that_of_the_run(run):
    recipe = run.job("report.cases=2").recipe
    kept = {"name": recipe.name, "report": {"pictures": True, "cases": 4}}
    assert report_config(recipe, kept) == ReportConfig(cases=2)  # what the recipe says now
    other = {**kept, "name": "others"}
    assert report_config(recipe, other) == ReportConfig(pictures=True, cases=2)
    assert report_config(recipe, {"name": "of before"}) == ReportConfig(cases=2)


def test_a_runs_recipe_is_the_calls_or_found_by_its_name_or_unknown(run):
    called = run.job("report.cases=2").recipe
    assert recipe_of({"name": called.name}, called) is called
    other = recipe_of({"name": "full_size"}, called)
    assert other is not None
    assert other.data.folder == Path("data/full_size")
    assert recipe_of({"name": "nowhere"}, called) is None
