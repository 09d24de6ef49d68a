"""Tiny runs that all tests of the pipeline look at: one with networks, one of tables alone."""

import io
import os
import shutil

import pytest
import torch
from rich.console import Console

from pipeline.job import Job
from pipeline.recipe import load_recipe
from reports.desk import ConsoleDesk
from scripts import compare, folds, stack, submission, train_cnn, verify
from workspace.hashing import HashMemory

SETTINGS = (
    "synthetic.patients=30", "synthetic.rows=240", "synthetic.positives=48",
    "verify.near_duplicates=false", "folds.n_folds=3", "folds.anchor_share=0.2",
    "align.anchors=anchor", "align.least_anchors=10", "align.pca=4",
    'use_networks=["small", "plain"]', "networks.small.base=extractor",
    "networks.small.training.choose=last",
    "networks.small.training.phases=[{ epochs = 1, lr = 3e-3 }]",
    "networks.small.training.epoch_samples=96", "networks.small.views=one",
    "networks.small.net.size=32", "networks.plain.base=encoder",
    "networks.plain.net.backbone=test_resnet", "networks.plain.net.weights=none",
    "networks.plain.net.size=32", "score.replicates=100", "score.seeds=[0]", "stack.seeds=1",
    "lightgbm.rounds=5", "lightgbm.min_data_in_leaf=5", "compare.seeds=[0]",
    'compare.variants=["tables"]', "audit.rounds=3", "audit.permutations=2",
)  # fmt: skip
TABLES = (
    "synthetic.patients=30", "synthetic.rows=240", "synthetic.positives=48", "synthetic.images=0",
    "data.images=none", "use_networks=[]", "stack.networks=false", "folds.n_folds=3",
    "score.replicates=100", "score.seeds=[0]", "stack.seeds=1", "stack.shap_rows=10",
    "lightgbm.rounds=5", "lightgbm.min_data_in_leaf=5", "audit.rounds=3", "audit.permutations=2",
)  # fmt: skip


class Tiny:
    """A run folder with its data; `job` is a call on it."""

    def __init__(self, folder, settings=SETTINGS):
        self.data, self.run, self.settings = folder / "data", folder / "run", settings

    def job(self, *settings, stage="stack", **values):
        given = [*self.settings, f"data.folder={self.data}", *settings]
        desk = ConsoleDesk(Console(file=io.StringIO(), width=200), stage)
        return Job(stage, load_recipe("sample", given), self.run, HashMemory(), desk, **values)

    def copy(self, folder):
        """The same run in another place, whose files may be changed."""
        shutil.copytree(self.run, folder / "run")
        other = Tiny(folder, self.settings)
        other.data = self.data
        return other


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    before, variable = torch.get_num_threads(), os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    made = Tiny(tmp_path_factory.mktemp("tiny"))
    job = made.job()
    job.need(submission.run)
    job.need(compare.run)
    yield made
    torch.set_num_threads(before)
    if variable is None:
        del os.environ["OMP_NUM_THREADS"]
    else:
        os.environ["OMP_NUM_THREADS"] = variable


@pytest.fixture(scope="session")
def tables(tmp_path_factory):
    """A run without pictures, up to its submission: seconds."""
    made = Tiny(tmp_path_factory.mktemp("tables"), TABLES)
    made.job().need(submission.run)
    return made


@pytest.fixture
def blank(tmp_path):
    """The same before anything is made, for those who only ask what would be."""
    return Tiny(tmp_path, TABLES)


@pytest.fixture(scope="session")
def verified(tiny):
    return tiny.job().need(verify.run)


@pytest.fixture(scope="session")
def folded(tiny):
    return tiny.job().need(folds.run)


@pytest.fixture(scope="session")
def picture_files(tiny):
    return train_cnn.files_of(tiny.job())


@pytest.fixture(scope="session")
def stack_files(tiny):
    return stack.files_of(tiny.job())
