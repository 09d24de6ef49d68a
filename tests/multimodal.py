"""A tiny run of networks and tables: its settings, its calls, what of it was written when."""

import hashlib
import io

import polars as pl
from rich.console import Console

from pipeline.job import Job
from pipeline.recipe import load_recipe
from reports.desk import ConsoleDesk
from scripts import submission
from tests.manifests import rewrite
from workspace.hashing import HashMemory

TINY = (
    "synthetic.patients=30", "synthetic.rows=300", "synthetic.positives=64",
    "verify.near_duplicates=false", "folds.n_folds=3", "folds.anchor_share=0.2",
    "align.anchors=anchor", "align.least_anchors=10", "networks.stage1.net.backbone=test_convnext",
    "networks.stage1.net.weights=none",
    "networks.stage1.net.size=32", "networks.stage1.net.hidden=[16, 8]",
    "networks.stage1.net.dropout=[0.2, 0.1, 0.1]", "networks.stage2.net.backbone=test_convnext",
    "networks.stage2.net.weights=none",
    "networks.stage2.net.size=32", "networks.stage2.net.hidden=[16, 8]",
    "networks.stage2.net.dropout=[0.2, 0.1, 0.1]", "networks.stage1.training.epoch_samples=256",
    "networks.stage1.training.phases=[{ epochs = 1, lr = 1e-3 }]",
    "networks.stage1.training.inner_folds=3",
    "networks.stage2.training.phases=[{ epochs = 1, lr = 1e-3 }]",
    "networks.stage2.training.inner_folds=2",
    "networks.small.training.phases=[{ epochs = 1, lr = 3e-3 }]",
    "networks.small.training.epoch_samples=256", "networks.small.net.size=48",
    "networks.small.views=one", "score.replicates=100", "score.seeds=[0]", "stack.seeds=1",
    "lightgbm.rounds=10", "lightgbm.min_data_in_leaf=5",
)  # fmt: skip
NETWORKS = ("stage1", "stage2", "small")
KEPT = ("networks", "cascade", "embeddings", "blocks", "boosters", "stack", "submission")


def call(place, stage, *extra, settings=(), code=0):
    return place.call(stage, *extra, settings=(*TINY, *settings), code=code, OMP_NUM_THREADS="1")


def job_of(place, *settings, **values):
    recipe = load_recipe("sample", [*TINY, f"data.folder={place.data}", *settings])
    console = Console(record=True, width=200, file=io.StringIO())
    return Job("stack", recipe, place.run, HashMemory(), ConsoleDesk(console), **values)


def again(place, *settings, stage=submission, **values):
    """Another call of a stage, in this process, which has torch already; what it says."""
    job = job_of(place, *settings, **values)
    stage.run(job)
    return job.desk.console.export_text()


def written(place):
    """When each file of the finished units was written."""
    return {
        path.relative_to(place.run).as_posix(): path.stat().st_mtime_ns
        for folder in KEPT
        for path in (place.run / folder).rglob("*")
        if path.is_file()
    }


def changed(place, before):
    """The units of which a file is new, or gone."""
    after = written(place)
    names = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    return {name.rpartition("/")[0] for name in names}


def units(place, *patterns):
    found = {path for pattern in patterns for path in place.run.glob(pattern) if path.is_dir()}
    return {path.relative_to(place.run).as_posix() for path in found}


def table(place, name):
    return pl.read_parquet(place.run / name)


def record_anew(folder, **facts):
    """As if the unit's own stage had written what now lies there."""

    def anew(manifest):
        for name in manifest["files"]:
            data = (folder / name).read_bytes()
            record = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
            manifest["files"][name] = record
        manifest["facts"] |= facts

    rewrite(folder, anew)


def maker_by_hand(folder):
    weights, use = (
        hashlib.sha256((folder / name).read_bytes()).hexdigest()
        for name in ("best.safetensors", "use.json")
    )
    return hashlib.sha256(f"{weights} {use}".encode()).hexdigest()
