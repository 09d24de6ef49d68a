"""What a task says it depends on, held against what its maker is given."""

import dataclasses
import pickle
from functools import cache
from pathlib import Path

import pytest
from pydantic import BaseModel

from folds.findings import Findings
from folds.sources import open_source
from pipeline import ablations, joined, leak_audit, networks
from pipeline.block_columns import anchors_of
from pipeline.blocks import block_files, blocking, embeddings
from pipeline.comparisons import OWN, comparing, stacking_variant
from pipeline.feature_table import featuring
from pipeline.fold_table import folding
from pipeline.handed_in import submitting
from pipeline.job import Job
from pipeline.machine import Machine
from pipeline.picture_rows import PictureFiles, networks_of, open_picture_rows
from pipeline.recipe import Recipe
from pipeline.samples import SAMPLES, drawing, looking, verifying
from pipeline.stack_rows import StackFiles
from pipeline.stacked import boosting, joining
from pipeline.submission_scores import scoring
from scripts import compare
from workspace.hashing import HashMemory
from workspace.sources import sources_of
from workspace.units import open_unit

# Of what a maker is given, these decide nothing: where things lie, and hashes that are inputs.
PLACES = (Path, PictureFiles, StackFiles, Machine)


@pytest.fixture(scope="module")
def declared(tiny, verified, folded, picture_files, stack_files):
    """All tasks of a run by name, as a recipe with these settings declares them."""

    @cache
    def declare(*settings, **values):
        job = tiny.job(*settings, **values)
        files, stacked = picture_files, stack_files
        source = open_source(job.recipe.data)
        network = networks_of(job, open_picture_rows(files), Findings())["small"]
        trained = {k: networks.training(job, files, network, k) for k in range(3)}
        blocks = {  # an encoder is made at once: not by a recipe with other values
            name: block_files(tiny.job(), files, name, anchors_of(job, open_picture_rows(files)))
            for name in ("small", "plain")
        }
        shards = embeddings(job, blocks["small"])
        boosters = boosting(job, stacked)
        submission = tiny.run / "submission" / "submission.csv"
        own = compare._variants(job, tables=True)[OWN]
        variant = stacking_variant(job, stacked, blocks, (OWN, own), [])
        whole = {"whole": network}
        return {
            "sample": drawing(job), "verify": verifying(job, source),
            "shard": looking(job, source)[0], "folds": folding(job, verified),
            "features": featuring(job, verified), "network": trained[0],
            "joined": joined.joining(job, files, network, trained),
            "cascade": joined.cascading(
                job, files, (network, network), (trained[0], trained[1])
            ),
            "encoder": networks.encoding(job, files, "plain", job.recipe.networks["plain"]),
            "embedding": shards[0], "block": blocking(job, "small", blocks["small"], shards),
            "boosters": boosters["stack"][0], "stack": joining(job, stacked, boosters),
            "submission": submitting(job, open_unit(tiny.run / "stack", "stack")),
            "audit": leak_audit.auditing(job, stacked),
            "ablation": ablations.ablating(
                job, files, whole, {("whole", 0, 0): trained[0].folder}, [trained[0]]
            ),
            "variant": variant, "comparison": comparing(job, stacked, [variant]),
            "score": scoring(job, submission, submission),
        }  # fmt: skip

    return declare


def parts(value):
    """A value and all that it holds."""
    yield value
    if isinstance(value, dict):
        for one in value.values():
            yield from parts(one)
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from parts(one)
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from parts(getattr(value, name))
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from parts(getattr(value, field.name))


def test_every_task_travels_and_none_takes_the_job_with_it(declared):
    for name, task in declared().items():
        make, arguments = pickle.loads(pickle.dumps((task.make, dict(task.arguments))))
        assert make is task.make, name
        assert arguments.keys() == task.arguments.keys()
        held = list(parts(dict(task.arguments)))
        assert not [one for one in held if isinstance(one, Job)], name
        assert name == "audit" or not [one for one in held if isinstance(one, Recipe)], name
        assert len(sources_of(task.make, HashMemory())) == 64


# What a task depends on: one other value of each field of the recipe that its maker gets.
CHANGES = {
    "sample": ("synthetic.rows=300", "synthetic.seed=3", "synthetic.positives=50"),
    "verify": ("data.group=lesion", "verify.near_duplicates=true", "verify.corrupt_images=drop"),
    "folds": ("folds.n_folds=4", "seed=1", "folds.stratify=diagnosis", "data.group=lesion"),
    "features": ('features.families=["row"]',),
    "network": (
        "seed=1", "networks.small.net.size=48", "networks.small.net.pace=fast",
        "networks.small.training.epoch_samples=128", "networks.small.augment.noise_p=0.5",
        "networks.small.views=four", "networks.small.training.choose=best",
    ),
    "joined": ("score.replicates=200", "score.min_tpr=0.7", "networks.small.source_only=true"),
    "cascade": ("score.replicates=200",),
    "encoder": ("seed=1", "networks.plain.net.size=48"),
    "block": ("align.pca=5", "align.method=relative", "align.scalars=false"),
    "boosters": ("seed=1", "lightgbm.rounds=6", "stack.seeds=2", "stack.negative_ratio=0.5"),
    "stack": ("score.replicates=200", "stack.average=rank", "blend.policy=mean"),
    "audit": ("seed=1", "audit.rounds=4", "lightgbm.rounds=6", "stack.negative_ratio=0.5"),
    "ablation": ("score.replicates=200", "ablation.folds=2"),
    "variant": (
        "align.pca=5", "compare.seeds=[0, 1]", "lightgbm.rounds=6", "stack.negative_ratio=0.5",
    ),
    "comparison": ("score.replicates=200", "score.min_tpr=0.7"),
    "score": ("score.replicates=200",),
}  # fmt: skip
CASES = [(name, change) for name, changes in CHANGES.items() for change in changes]


@pytest.mark.parametrize(("name", "change"), CASES)
def test_another_value_of_the_recipe_is_another_task(declared, name, change):
    before, after = declared()[name], declared(change)[name]
    assert (before.settings, before.inputs.keys()) != (after.settings, after.inputs.keys())


MACHINES = {"device": "cpu", "deterministic": True}


@pytest.mark.parametrize("word", MACHINES)
def test_where_it_is_computed_makes_no_other_task(declared, word):
    before, after = declared(), declared(**{word: MACHINES[word]})
    for name, task in before.items():
        other = after[name]
        assert (task.settings, task.inputs.keys()) == (other.settings, other.inputs.keys())


def test_how_it_is_scored_makes_no_other_network_and_no_other_booster(declared):
    before, after = declared(), declared("score.seeds=[1]", "blend.policy=mean")
    for name in ("network", "embedding", "block", "boosters", "variant"):
        assert before[name].settings == after[name].settings


def models_of(value):
    """The parts of the recipe that a maker is given."""
    return [one for one in parts(value) if isinstance(one, BaseModel)]


def said(settings):
    """All keys of the settings, at any depth."""
    found = set()
    for one in parts(dict(settings)):
        if isinstance(one, dict):
            found |= one.keys()
    return found


# Given to a maker, though its result does not hang on it (why).
IDLE = {
    "network": {
        "checkpoint_s", "weights", "claim", "source_only",  # an input; said of the joined folds
        "training", "learns",
    },
    "boosters": {"average", "blocks", "networks", "nested", "leave_out"},  # columns and inputs
}  # fmt: skip


@pytest.mark.parametrize("name", ["verify", "folds", "features", "boosters", "variant", "audit"])
def test_no_field_that_a_maker_gets_is_forgotten(declared, name):
    task = declared()[name]
    keys = said(task.settings)
    for model in models_of({k: v for k, v in task.arguments.items() if name != "audit"}):
        fields = set(type(model).model_fields) - IDLE.get(name, set()) - {"folder", "pictures"}
        own = fields - keys
        if name in ("folds", "features"):
            own -= fields - model.used().keys()  # what this scheme has no use for
        if name == "variant":
            own -= {"average", "blocks", "shap_rows"}
        assert not own, type(model).__name__


def test_labels_are_an_input_of_whatever_learns_or_measures(declared):
    """Folds and features may stay the same to the byte where labels do not."""
    for name in ("network", "boosters", "stack", "variant", "audit", "block"):
        assert SAMPLES in declared()[name].inputs, name
