import polars as pl
import pytest

from stacking.blocks import open_block
from stacking.matrix import assemble
from workspace.errors import ArtifactError
from workspace.manifest import Wanted
from workspace.units import making, open_unit

ROWS = pl.DataFrame(
    {"isic_id": ["a", "b", "c"], "fold": [0, 0, 1]}, schema_overrides={"fold": pl.Int16}
)
OOF = pl.DataFrame(
    {
        "isic_id": ["c", "b", "a"],
        "fold": [1, 0, 0],
        "maker": ["m1", "m0", "m0"],
        "oof_net": [0.3, 0.2, 0.1],
    },
    schema_overrides={"fold": pl.Int16},
)
TEST = pl.DataFrame(
    {
        "isic_id": ["t", "t"],
        "fold": [0, 1],
        "maker": ["m0", "m1"],
        "oof_net": [0.6, 0.8],
    },
    schema_overrides={"fold": pl.Int16},
)


def block(folder, oof=OOF, test=TEST, fold_hash="f" * 64, makers=None, rows=ROWS):
    wanted = Wanted(stage="train", settings={}, inputs={}, recipe={}, seed=0)
    with making(folder / "net", wanted) as draft:
        draft.parquet("oof.parquet", oof)
        draft.parquet("test.parquet", test)
        draft.facts["fold_hash"] = fold_hash
        draft.facts["makers"] = {"0": "m0", "1": "m1"} if makers is None else makers
    return open_block(open_unit(folder / "net", "train"), rows, "f" * 64)


def test_training_rows_get_their_fold_and_test_rows_every_fold_in_turn(tmp_path):
    made = block(tmp_path)
    assert made.columns == ("oof_net",)
    found = assemble(ROWS, [made.training()]).values[:, 0].tolist()
    assert found == pytest.approx([0.1, 0.2, 0.3])
    for fold, value in ((0, 0.6), (1, 0.8)):
        rows = pl.DataFrame({"isic_id": ["t"]})
        assert assemble(rows, [made.unseen(fold)]).values[0, 0] == pytest.approx(value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"fold_hash": "0" * 64},
            "Block {} was made on other folds (hash 000000000000, here ffffffffffff); its models "
            "may have seen rows that are held out here.",
        ),
        (
            {"oof": OOF.filter(pl.col("fold") == 0)},
            "OOF incomplete: fold 1 has no predictions in block {}; finish the stage that makes "
            "them.",
        ),
        (
            {"oof": OOF.with_columns(fold=pl.Series([0, 0, 1], dtype=pl.Int16))},
            "OOF of block {} has images scored by a model of another fold than the one that holds "
            "them out: [a, c].",
        ),
        (
            {"makers": {"0": "m0", "1": "other"}},
            "Block {} does not say who made its rows of fold 1; make it anew.",
        ),
        (
            {"rows": pl.concat([ROWS, ROWS.head(1).with_columns(
                isic_id=pl.lit("x"), fold=pl.lit(-1, dtype=pl.Int16))])},
            "Block {} has no out-of-fold values for rows that no fold holds out; take a scheme "
            "that holds out every row.",
        ),
    ],
)  # fmt: skip
def test_a_block_whose_makers_may_have_seen_its_rows_is_refused(tmp_path, changes, message):
    with pytest.raises(ArtifactError) as error:
        block(tmp_path, **changes)
    assert str(error.value) == message.format(tmp_path / "net")


THREE = pl.DataFrame(
    {"isic_id": ["a", "b", "c"], "fold": [0, 1, 2]}, schema_overrides={"fold": pl.Int16}
)
PAIRS = {"0": {"1": "m01", "2": "m02"}, "1": {"0": "m01", "2": "m12"},
         "2": {"0": "m02", "1": "m12"}}  # fmt: skip


def nested(folder, makers=PAIRS, told=None, without=""):
    """A block whose rows say for which fold's boosters they are: 10 x the fold + their own."""
    wanted = Wanted(stage="train", settings={}, inputs={}, recipe={}, seed=0)
    with making(folder / "net", wanted) as draft:
        for fold in range(3):
            rows = THREE.filter(pl.col("fold") != fold, pl.col("isic_id") != without)
            by = rows["fold"].cast(pl.String).replace_strict(makers[str(fold)])
            inner = rows.with_columns(by.alias("maker"), oof_net=10.0 * fold + pl.col("fold"))
            draft.parquet(f"inner_{fold}.parquet", inner)
        own = {"maker": pl.format("m{}", "fold"), "oof_net": 11.0 * pl.col("fold")}
        draft.parquet("oof.parquet", THREE.with_columns(**own))
        draft.parquet("test.parquet", TEST)
        draft.facts["fold_hash"] = "f" * 64
        draft.facts["makers"] = {"0": "m0", "1": "m1", "2": "m2"}
        draft.facts["inner_makers"] = told or makers
    return open_block(open_unit(folder / "net", "train"), THREE, "f" * 64)


def test_the_boosters_of_each_fold_learn_from_rows_of_their_own(tmp_path):
    made = nested(tmp_path)
    assert made.nested
    for fold in range(3):
        values = assemble(THREE, [made.training(fold)]).values[:, 0].tolist()
        assert values == [10 * fold, 10 * fold + 1, 10 * fold + 2]
    assert assemble(THREE, [made.training()]).values[:, 0].tolist() == [0, 11, 22]
    assert made.hashes(0) != made.hashes(1)
    assert made.hashes().keys() == {"net"}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (  # the maker left out fold 1 alone
            {"makers": PAIRS | {"0": {"1": "m1", "2": "m02"}, "1": {"0": "m1", "2": "m12"}}},
            "inner_0.parquet of block {} has rows of fold 1 whose maker is not known to have left "
            "out folds 1 and 0; make it anew.",
        ),
        (  # two makers, where one must have left out both
            {"makers": PAIRS | {"2": {"0": "m02", "1": "other"}}},
            "inner_1.parquet of block {} has rows of fold 2 whose maker is not known to have left "
            "out folds 2 and 1; make it anew.",
        ),
        (
            {"told": PAIRS | {"2": {"0": "m02"}}},
            "inner_1.parquet of block {} has rows of fold 2 whose maker is not known to have left "
            "out folds 2 and 1; make it anew.",
        ),
        (
            {"without": "b"},
            "OOF incomplete: fold 1 has no predictions in inner_0.parquet of block {}; finish the "
            "stage that makes them.",
        ),
    ],
)
def test_rows_whose_makers_may_have_seen_the_boosters_fold_are_refused(tmp_path, wrong, message):
    with pytest.raises(ArtifactError) as error:
        nested(tmp_path, **wrong)
    assert str(error.value) == message.format(tmp_path / "net")


def test_test_rows_of_another_maker_are_refused(tmp_path):
    made = block(tmp_path, test=TEST.with_columns(maker=pl.lit("m0")))
    assert len(made.unseen(0).read(["oof_net"])) == 1
    with pytest.raises(ArtifactError) as error:
        made.unseen(1).read(["oof_net"])
    assert str(error.value) == (
        f"Block {tmp_path / 'net'} has test rows of fold 1 that the fold's maker did not make; "
        "make it anew."
    )


@pytest.mark.parametrize("name", ["cat_net", "oof net", "pz_net", "emb_é"])
def test_columns_that_could_be_taken_for_features_are_refused(tmp_path, name):
    with pytest.raises(ArtifactError) as error:
        block(tmp_path, oof=OOF.rename({"oof_net": name}))
    assert str(error.value) == (
        f"Block {tmp_path / 'net'} has columns that are no numbers or not named emb_ or oof_ and "
        f"letters: {name}."
    )


def test_a_block_that_does_not_say_its_folds_is_refused(tmp_path):
    with pytest.raises(ArtifactError, match=r"lacks the columns fold, maker; make it anew\.$"):
        block(tmp_path, oof=OOF.drop("fold", "maker"))


def test_a_fold_without_test_rows_is_refused(tmp_path):
    made = block(tmp_path, test=TEST.head(1))
    with pytest.raises(ArtifactError, match="fold 1 has no test rows; finish the stage"):
        assemble(pl.DataFrame({"isic_id": ["t"]}), [made.unseen(1)])
