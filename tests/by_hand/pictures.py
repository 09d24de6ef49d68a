"""A run that no stage made: fifteen rows with small pictures, and networks that nobody trained.

Everything in it is stated, so what the pipeline makes of it can be said by hand.
"""

import copy
import hashlib
import io
import shutil

import cv2
import numpy as np
import polars as pl
import torch
from rich.console import Console

from folds.findings import Findings
from models.nets.config import NetConfig
from models.nets.network import LesionNet
from models.nets.weights import pack
from models.networks.columns import probability_columns
from models.networks.names import unit_name
from models.networks.network import network_of
from models.networks.use import BEST, HISTORY, USE, Use, use_of
from pipeline.embeddings import EMBEDDING, ROWS
from pipeline.job import Job
from pipeline.networks import SCORES
from pipeline.picture_rows import picture_files
from pipeline.recipe import load_recipe
from pipeline.samples import DUPLICATES, IMAGES, SAMPLES
from reports.desk import ConsoleDesk
from tests.by_hand.units import drafting, folds_of, kept, pair_table
from workspace.hashing import HashMemory
from workspace.units import open_unit

# Not in the order of their ids: id, patient, split, fold, target, diagnosis, has it a picture.
TABLE = (
    ("c1", "pc", "train", 1, 0, "NV", True), ("a0", "pa", "train", 0, 0, "NV", True),
    ("t1", "pt", "test", None, None, None, False), ("e0", "pe", "train", 2, 1, "MEL", True),
    ("g1", "pg", "anchor", None, 0, "NV", True), ("a1", "pa", "train", 0, 1, "MEL", True),
    ("d0", "pd", "train", 1, 0, "NV", False), ("h0", "ph", "holdout", None, 1, "BCC", True),
    ("b0", "pb", "train", 0, 0, "NV", True), ("f0", "pf", "train", 2, 0, "NV", True),
    ("c0", "pc", "train", 1, 1, "BCC", True), ("g0", "pg", "anchor", None, 0, "NV", True),
    ("t0", "pt", "test", None, None, None, True), ("e1", "pe", "train", 2, 0, "NV", True),
    ("g2", "pg", "anchor", None, 1, "BCC", True),
)  # fmt: skip
HELD_OUT = {0: ["a0", "a1", "b0"], 1: ["c0", "c1"], 2: ["e0", "e1", "f0"]}  # with a picture
NAMES = ("isic_id", "patient_id", "split", "fold", "target", "diagnosis", "seen")
NET = NetConfig(
    backbone="test_resnet", weights="none", size=32, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25),
    se=False, cbam=False, hidden=(), dropout=(0.0,),
)  # fmt: skip
SMALL = (
    "net.backbone=test_resnet", "net.weights=none", "net.size=32", "net.hidden=[]",
    "net.dropout=[0.0]", "net.se=false", "net.cbam=false",
    "training.phases=[{ epochs = 1, lr = 1e-3 }]",
)  # fmt: skip
SETTINGS = (
    "networks.flag.base=first_stage", "networks.flag.source_only=false",
    "networks.flag.claim=two_stage_first", "networks.which.claim=two_stage_second",
    *(f"networks.flag.{one}" for one in SMALL), "networks.which.base=second_stage",
    *(f"networks.which.{one}" for one in SMALL), 'networks.which.task.classes.MEL=["MEL"]',
    'networks.which.task.classes.BCC=["BCC"]', "networks.plain.base=encoder",
    *(f"networks.plain.{one}" for one in SMALL[:3]), 'use_networks=["flag", "which", "plain"]',
    "cascade.first=flag", "cascade.second=which", "align.method=raw", "align.anchors=anchor",
    "align.scalars=false", "align.context=false", "score.replicates=100", "score.seeds=[0]",
    "stack.seeds=1", "compare.seeds=[3]",
)  # fmt: skip


def number_of(name):
    """A number that a row's name stands for: the place of its letter, a tenth for its digit."""
    return ord(name[0]) - ord("a") + int(name[1]) / 8


class PicturesByHand:
    """The run and its data, in a folder of a test; `job` is a call on it."""

    def __init__(self, folder, table=TABLE):
        self.data, self.run = folder / "data", folder / "run"
        self.said = io.StringIO()
        rows = pl.DataFrame(table, NAMES, orient="row")
        self.rows = rows.with_columns(pl.col("fold").cast(pl.Int16), pl.col("target").cast(pl.Int8))
        self.draw()
        self.keep_samples()
        self.keep_folds()

    def draw(self):
        (self.data / "pictures").mkdir(parents=True)
        rng = np.random.default_rng(0)
        for name in self.rows.filter(pl.col("seen"))["isic_id"].sort():
            pixels = rng.integers(0, 255, (34, 36, 3)).astype(np.uint8)
            assert cv2.imwrite(str(self.data / "pictures" / f"{name}.png"), pixels)

    def keep_samples(self, *pairs, **columns):
        """The sample table, the hashes of the pictures, duplicates; `columns` are put into it."""
        image = pl.format("pictures/{}.png", "isic_id")
        nobody = pl.lit(None, dtype=pl.String)
        table = self.rows.select(
            "isic_id", pl.when("seen").then(image).alias("image"), "target", "diagnosis",
            "patient_id", nobody.alias("lesion_id"), nobody.alias("hospital"),
            pl.col("split").replace({"anchor": "train", "holdout": "train"}),
        ).with_columns(**columns)  # fmt: skip
        seen = table.drop_nulls("image").select("isic_id", "image").sort("isic_id")
        hashes = [hashlib.sha256((self.data / p).read_bytes()).hexdigest() for p in seen["image"]]
        looked = seen.select("isic_id", pl.Series("sha256", hashes, dtype=pl.String))
        tables = {SAMPLES: table, IMAGES: looked, DUPLICATES: pair_table(*pairs)}
        kept(self.run / "samples", "verify", tables, {"synthetic": True})

    def keep_folds(self, rows=None):
        rows = self.rows if rows is None else rows
        unit = folds_of(self.run / "folds", rows, rows["fold"].to_list(), n_folds=3)
        self.fold_hash = unit.facts["fold_hash"]

    def keep_features(self):
        """Two columns of the rows that are not the source's test."""
        table = self.rows.filter(pl.col("split") != "test").select("isic_id")
        values = [number_of(name) for name in table["isic_id"]]
        table = table.with_columns(meta_one=pl.Series(values), meta_two=pl.Series(values) * 2)
        facts = {"names": ["meta_one", "meta_two"]}
        return kept(self.run / "features", "features", {"features.parquet": table}, facts)

    def making(self, *where, stage, **values):
        return drafting(self.run.joinpath(*where), stage, **values)

    def copy(self, folder):
        """The same run in another place, whose files may be changed; the pictures are shared."""
        other = copy.copy(self)
        other.run, other.said = folder / "run", io.StringIO()
        shutil.copytree(self.run, other.run)
        return other

    def unit(self, *where, stage):
        return open_unit(self.run.joinpath(*where), stage)

    def job(self, *settings, stage="train-cnn", least_anchors=2, **values):
        recipe = load_recipe("sample", [*SETTINGS, f"data.folder={self.data}", *settings])
        # Ten anchors are the least that a recipe may say; here are three, and two columns.
        align = recipe.align.model_copy(update={"least_anchors": least_anchors, "pca": None})
        recipe = recipe.model_copy(update={"align": align})
        desk = ConsoleDesk(Console(file=self.said, width=200), stage)
        values = {"device": "cpu", **values}
        return Job(stage, recipe, self.run, HashMemory(), desk, **values)

    def lines(self):
        """What was said since the last time."""
        text = self.said.getvalue()
        self.said.seek(0)
        self.said.truncate()
        return text.splitlines()

    def files(self, job=None):
        samples, folded = self.unit("samples", stage="verify"), self.unit("folds", stage="folds")
        return picture_files(job or self.job(), samples, folded)

    def network(self, rows, name="flag", *settings):
        recipe = self.job(*settings).recipe
        return network_of(name, recipe.networks[name], rows.table, Findings())

    def keep_network(
        self, name, held_out, classes=("benign", "malignant"), *, scores=None, last=None,
        limit=None, last_limit=None, weights=None, views=("identity",),
    ):  # fmt: skip
        """A fold's network: `scores` are of each held-out row (id -> its columns' values)."""
        is_encoder = held_out is None
        where = ("encoders", name) if is_encoder else ("networks", unit_name(name, held_out))
        use = Use(
            network=name, held_out=held_out, classes=classes, net=NET, views=views,
            bfloat16=False, threshold=limit, last_threshold=limit if last_limit is None
            else last_limit, best_epoch=1, inner_score=None if limit is None else 0.75,
        )  # fmt: skip
        stage = "embed" if is_encoder else "train-cnn"
        with self.making(*where, stage=stage) as draft:
            draft.json(USE, use.model_dump(mode="json", by_alias=True))
            mark = np.array([len(name), sum(map(ord, "_".join(where)))], np.float32)
            draft.tensors(BEST, {"mark": mark} if weights is None else weights)
            draft.json(HISTORY, [{"epoch": 1}, {"epoch": 2}])
            if scores is not None:
                draft.parquet(SCORES, score_table(name, classes, scores, last or scores))
        return open_unit(self.run.joinpath(*where), stage)

    def keep_shard(self, unit, some, change=0.0):
        """What a network says of some pictures: two columns by their name and by who says it."""
        ids = some_ids(self, some)
        use = use_of(unit)
        own = 0.0 if use.held_out is None else float(np.sum(use.held_out)) + change
        values = np.array([number_of(name) for name in ids]).reshape(-1)
        names = probability_columns(use.network, use.classes)
        shares = {n: (values + at + own) / 100 for at, n in enumerate(names)}
        with self.making(
            "embeddings", unit.folder.name, f"{some.name}_00000", stage="embed"
        ) as draft:
            draft.parquet(ROWS, pl.DataFrame({"isic_id": ids, **shares}))
            both = np.stack([values, 2 * values + own], axis=1)
            draft.tensors(EMBEDDING, {"embedding": both.astype(np.float16)})


def some_ids(made, some):
    """The ids of a set's pictures."""
    seen = made.rows.filter(pl.col("seen"))["isic_id"].sort()
    known = getattr(some.pictures, "ids", None) or tuple(seen)
    return pl.Series([known[index] for index in some.indices], dtype=pl.String)


def score_table(name, classes, scores, last):
    """As a training leaves it; turned round, for nobody may go by the order."""
    names = probability_columns(name, classes)
    ids = list(scores)[::-1]
    columns = {"isic_id": ids}
    for prefix, table in (("", scores), ("last_", last)):
        values = np.array([np.ravel(table[one]) for one in ids], np.float64)
        columns |= {f"{prefix}{n}": values[:, at] for at, n in enumerate(names)}
    return pl.DataFrame(columns)


def random_weights(seed, outputs=1):
    """Those of a small network as it is drawn."""
    torch.manual_seed(seed)
    return pack(LesionNet(NET, outputs).eval())


def weights_file(made, folder, **inputs):
    with made.making(folder, stage="train-cnn", inputs=inputs) as draft:
        draft.tensors("best.safetensors", random_weights(1))
    return made.run / folder / "best.safetensors"
