import shutil

import polars as pl
import pytest

from folds.findings import Findings
from folds.frozen import FILE, fold_hash, load_folds, save_folds, splits
from folds.groups import joined_groups, own_groups
from folds.split import FoldConfig, assign_folds
from tests.manifests import rewrite
from tests.unit.folds.test_split import NO_PAIRS, table
from workspace.errors import ArtifactError
from workspace.hashing import sha256_file
from workspace.manifest import Wanted
from workspace.units import making, open_unit

# Folds of the small table by scikit-learn 1.9. A version that draws others must fail here, not
# change anyone's folds silently; then this line is changed by hand and the reason written down.
GOLDEN = "0231cbe0a8e254175006f26acc16483f84492633543f0388e0181a7a46c6ec27"


@pytest.fixture
def kept(tmp_path):
    samples, config = table(), FoldConfig()
    groups = joined_groups(own_groups(samples, "patient"), NO_PAIRS)
    folds = assign_folds(samples, groups, config, 0, Findings())
    wanted = Wanted(stage="folds", settings={}, inputs={}, recipe={}, seed=0)
    with making(tmp_path / "folds", wanted) as draft:
        save_folds(draft, folds, config, 0)
    return tmp_path / "folds", samples, folds


def resign(folder):
    """Make the manifest agree with a changed file, as a careful forger would."""
    sha256 = sha256_file(folder / FILE)
    rewrite(folder, lambda manifest: manifest["files"][FILE].update(sha256=sha256))


def test_folds_come_back_and_explain_themselves(kept):
    folder, samples, folds = kept
    unit = open_unit(folder, "folds")
    assert load_folds(unit, samples).equals(folds)
    facts = unit.parquet_facts(FILE)
    assert facts["scheme"] == "stratified_groups"
    assert facts["seed"] == "0"
    assert facts["scikit_learn"].count(".") == 2
    assert facts["fold_hash"] == fold_hash(folds) == unit.facts["fold_hash"]


def test_check_75_the_golden_hash(kept):
    assert fold_hash(kept[2]) == GOLDEN


def test_check_22_one_row_edited_is_caught(kept):
    folder, samples, folds = kept
    folds.with_columns(pl.col("fold").reverse()).write_parquet(folder / FILE)
    with pytest.raises(ArtifactError) as caught:
        load_folds(open_unit(folder, "folds"), samples)
    assert str(caught.value) == (
        f"{folder / FILE} does not match its hash: it was changed after it was written; "
        "restore it, or delete the folder folds and run 'make folds', which makes it alone anew."
    )


def test_check_22_a_forged_manifest_does_not_help(kept):
    folder, samples, folds = kept
    swapped = folds.with_columns(((pl.col("fold") + 1) % 5).cast(pl.Int16).alias("fold"))
    facts = open_unit(folder, "folds").parquet_facts(FILE)
    swapped.write_parquet(folder / FILE, metadata=facts)
    resign(folder)
    with pytest.raises(ArtifactError) as caught:
        load_folds(open_unit(folder, "folds"), samples)
    assert str(caught.value) == (
        "folds.parquet does not match the hash it was written with; restore it, or run "
        "'make folds FRESH=1'."
    )


def test_check_22_a_patient_split_by_hand_is_named(kept):
    folder, samples, folds = kept
    split = folds.with_columns(
        pl.when(pl.col("isic_id") == "ISIC_0000000")
        .then(None)
        .otherwise(pl.col("fold"))
        .alias("fold")
    )
    split.write_parquet(folder / FILE)
    resign(folder)
    was = folds["fold"][0]
    with pytest.raises(ArtifactError) as caught:
        load_folds(open_unit(folder, "folds"), samples)
    assert str(caught.value) == (
        f"1 group of folds.parquet is on more than one side (IP_0000000 in fold {was}, no fold); "
        "run 'make folds FRESH=1'."
    )


def test_other_samples_than_the_folds_are_named(kept):
    folder, samples, _ = kept
    with pytest.raises(ArtifactError) as caught:
        load_folds(open_unit(folder, "folds"), samples[1:])
    assert str(caught.value) == (
        "folds.parquet and samples.parquet do not hold the same images: [ISIC_0000000]; "
        "run 'make folds FRESH=1'."
    )


def test_a_copied_unit_is_as_good(kept, tmp_path):
    shutil.copytree(kept[0], tmp_path / "copy")
    assert load_folds(open_unit(tmp_path / "copy", "folds"), kept[1]).equals(kept[2])


def test_splits_are_disjoint_and_whole(kept):
    _, samples, folds = kept
    for number, training, held_out in splits(folds):
        assert not set(training) & set(held_out)
        assert set(training) | set(held_out) == set(samples["isic_id"])
        assert set(folds.filter(pl.col("fold") == number)["isic_id"]) == set(held_out)
