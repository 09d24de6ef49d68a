"""New rows as the run's networks see them: the very columns that the stack learnt from."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from folds.sources import DataConfig
from models.networks.columns import TargetColumns
from models.networks.use import maker_of
from pipeline.block_columns import anchors_of
from pipeline.blocks import block_files, config_of, fill_block
from pipeline.embeddings import OtherPictures, embedding
from pipeline.machine import Machine
from pipeline.new_columns import NewColumns, _kept, looking, open_columns
from pipeline.new_data import NewData
from pipeline.picture_rows import open_picture_rows
from tests.by_hand.pictures import PicturesByHand, random_weights
from tests.manifests import rewrite
from workspace.errors import ArtifactError

PAIRS = [(0, 1), (0, 2), (1, 2)]
NESTED = "stack.nested=true"
SCALARS = "align.scalars=true"


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        yield


@pytest.fixture
def made(tmp_path):
    return PicturesByHand(tmp_path)


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    """With the block of `flag`, flat."""
    made = PicturesByHand(tmp_path_factory.mktemp("once"))
    keep_block(made, made.job(SCALARS))
    return made


@pytest.fixture
def blocked(once, tmp_path):
    """The same for one test, which may change it."""
    return once.copy(tmp_path)


def keep_block(made, job, name="flag", seed=0):
    """The networks as they are drawn, and their block as it is made of what they say."""
    files = made.files(job)
    held_out = [0, 1, 2, *(PAIRS if job.recipe.stack.nested else [])]
    if job.recipe.networks[name].task.learns:
        for at, one in enumerate(held_out):
            made.keep_network(name, one, weights=random_weights(seed + at))
    block = block_files(job, files, name, anchors_of(job, open_picture_rows(files)))
    for unit, some in block.columns().sets():
        job.carry_out(*embedding(job.run, Machine.of(job), unit, some))
    # Three anchors are here, and ten are the least that a recipe may ask for.
    align = config_of(job, name).model_copy(update={"least_anchors": 10})
    with made.making(
        "blocks", name, stage="embed",
        settings={"align": align.model_dump(mode="json"),
                  "classes": list(block.columns().classes),
                  **({"nested": True} if block.columns().pairs else {})},
    ) as draft:  # fmt: skip
        fill_block(draft, block, (name, job.recipe.networks[name]), config_of(job, name))
    return made.unit("blocks", name, stage="embed")


def new_rows(made, names=("h0", "t0", "t1")):
    """Rows of the run, as if they came from elsewhere: in the order given."""
    rows = {"isic_id": list(names), "patient_id": ["p"] * len(names)}
    seen = made.rows.filter(pl.col("seen"))["isic_id"].to_list()
    images = [f"pictures/{name}.png" if name in seen else None for name in names]
    return pl.DataFrame({**rows, "image": pl.Series(images, dtype=pl.String)})


def data(made, mark="a"):
    config = DataConfig(source="isic2024", folder=made.data)
    return NewData(config, alone=True, blind=False, hashes={"pictures": mark * 64})


def new_columns(job, data, rows, names):
    """What these networks say of the rows, once they have looked."""
    job.carry_out(*looking((job.run, job.results), Machine.of(job), data, rows, names))
    return open_columns((job.run, job.results), data, rows, names)


@pytest.mark.parametrize("settings", [(NESTED,), ("align.method=procrustes",)])
def test_a_row_gets_the_columns_that_the_block_has_of_it(made, settings):
    job = made.job(SCALARS, *settings)
    kept = keep_block(made, job).parquet("test.parquet")
    [found] = new_columns(job, data(made), new_rows(made), ["flag"]).values()
    for fold in range(3):
        table = found.table(fold)
        assert table["isic_id"].to_list() == ["h0", "t0", "t1"]
        of_fold = kept.filter(pl.col("fold") == fold)
        # The probability and its likes; what compares a patient's lesions hangs on who else is new.
        names = [n for n in table.columns if n.startswith("emb_") or n.endswith("_probability")]
        both = table.join(of_fold, on="isic_id", suffix="_kept", validate="1:1")
        assert len(both) == 3
        for name in names:  # a network's last bits hang on which rows share a batch
            found_here, there = both[name].to_list(), both[f"{name}_kept"].to_list()
            assert found_here == [None if v is None else pytest.approx(v, rel=1e-6) for v in there]


def test_an_encoder_looks_once_for_all_folds(made):
    job = made.job()
    keep_block(made, job, "plain")
    found = new_columns(job, data(made), new_rows(made), ["plain"])["plain"]
    assert len({id(one) for one in found.by_fold.values()}) == 1
    shards = sorted((made.run / "embeddings" / "plain").glob("new_*"))
    assert [path.name for path in shards] == [f"new_{data(made).hash}_00000"]
    assert found.table(0).equals(found.table(2))
    assert found.target is None


def test_other_data_are_looked_at_anew_and_the_same_are_not(blocked, monkeypatch):
    made, looked = blocked, []

    def counted(*given):
        looked.append(1)
        return score(*given)

    from pipeline import embedded_shard  # noqa: PLC0415

    score = embedded_shard.score_in_memory
    monkeypatch.setattr(embedded_shard, "score_in_memory", counted)
    for mark, calls in (("a", 3), ("a", 3), ("b", 6)):
        new_columns(made.job(), data(made, mark), new_rows(made), ["flag"])
        assert len(looked) == calls


def test_a_network_that_was_put_in_the_place_of_the_blocks_is_refused(blocked):
    job, block = blocked.job(), blocked.unit("blocks", "flag", stage="embed")
    other = blocked.keep_network("flag", 1, weights=random_weights(9))
    with pytest.raises(ArtifactError) as refused:
        _kept(job.run, "flag")
    assert str(refused.value) == (
        f"{other.folder} is not the network that {block.folder} was made by; restore it, or run "
        "'make stack' again."
    )


def test_a_block_of_another_version_is_refused_in_words(blocked):
    job, block = blocked.job(), blocked.unit("blocks", "flag", stage="embed")
    assert _kept(job.run, "flag").classes == ("benign", "malignant")

    def of_before(manifest):
        align = manifest["settings"]["align"]
        align["few_anchors"] = align.pop("least_anchors")

    rewrite(block.folder, of_before)
    with pytest.raises(ArtifactError, match="was made by another version; run 'make stack' anew"):
        _kept(job.run, "flag")


def test_nested_each_folds_boosters_have_maps_of_their_own(made):
    job = made.job(NESTED, "align.method=procrustes")
    keep_block(made, job)
    kept = _kept(job.run, "flag")
    assert list(kept.aligned) == [0, 1, 2]
    assert len({id(one) for one in kept.aligned.values()}) == 3
    assert set(kept.aligned[1].maps.folds) == {0, 1, 2}
    assert {k: maker_of(one) for k, one in kept.units.items()} == {
        k: maker_of(made.unit("networks", f"flag_fold_{k}", stage="train-cnn")) for k in range(3)
    }
    keep_block(made, made.job("align.method=procrustes"))
    flat = _kept(made.run, "flag").aligned
    assert len({id(one) for one in flat.values()}) == 1


class Shard:
    """What a fold's network says of two rows."""

    def __init__(self, first, second):
        self.shares = pl.DataFrame({"isic_id": ["y", "x"], "oof_net_b": [first, second]})

    def rows(self):
        return self.shares

    def embedding(self):
        return np.zeros((2, 1), np.float16)


class Plain:
    """Columns that say what the network said."""

    def columns(self, fold, output, patients, size):
        share = output.probability[:, 0]
        return {"oof_net_probability": share, "emb_net_0000": share * 10}


def by_hand(target=TargetColumns(("oof_net_probability",))):  # noqa: B008 - frozen
    seen = pl.DataFrame({
        "isic_id": ["y", "x"], "patient_id": ["p", "p"], "clin_size_long_diam_mm": [None, None],
    })  # fmt: skip
    return NewColumns(
        "net", {0: Plain(), 1: Plain()}, ("a", "b"), seen, pl.DataFrame({"isic_id": ["blind"]}),
        {0: Shard(0.25, 0.5), 1: Shard(0.75, 1.0)}, target, OtherPictures(Path(), "", (), ()),
    )  # fmt: skip


def test_rows_without_a_picture_have_nulls_and_the_others_are_told_by_id():
    assert by_hand().table(1).rows() == [("y", 0.75, 7.5), ("x", 1.0, 10.0), ("blind", None, None)]


def test_a_source_has_the_wanted_columns_alone():
    source = by_hand().source(0, {"emb_net_0000", "meta_age"})
    assert source.columns == ("emb_net_0000",)
    assert source.name == "net of the new data"
    assert source.read(["isic_id", "emb_net_0000"]).rows() == [
        ("y", 2.5), ("x", 5.0), ("blind", None),
    ]  # fmt: skip


def test_a_members_scores_are_of_one_fold():
    assert by_hand().scores_of(0).rows() == [("y", 0, 0.25), ("x", 0, 0.5), ("blind", 0, None)]
    assert by_hand().scores_of(1).rows() == [("y", 1, 0.75), ("x", 1, 1.0), ("blind", 1, None)]
    turned = by_hand(TargetColumns(("oof_net_probability",), of_zero=True)).scores_of(0)
    assert turned["score"].to_list()[:2] == [0.75, 0.5]
    with pytest.raises(AssertionError, match="it is no member"):
        by_hand(None).scores_of(0)


def test_means_over_the_folds_are_by_id_under_the_classes_names():
    assert by_hand().means().rows() == [("y", 0.5), ("x", 0.75)]
    assert by_hand().means().columns == ["isic_id", "net_b"]
