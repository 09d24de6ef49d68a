"""What an adapter must give, told to who writes one: no label among the features above all."""

import polars as pl
import pytest

from folds.findings import Findings
from folds.samples import build_samples
from folds.schema import PATIENT, SPLIT, TARGET, TRAIN, Column, category, identifier, label
from folds.sources import DataConfig
from folds.sources.source import Source, with_core
from workspace.errors import DataError

COLUMNS = (
    identifier("photo"), identifier("person"), label("verdict"), category("colour"),
    Column("thickness", "number", feature=False),
)  # fmt: skip
TABLE = "photo,person,verdict,colour,thickness\na,p,0,red,1\nb,q,1,blue,2\n"
NAMES = {"photo": "isic_id", "person": PATIENT, "verdict": TARGET}


class Clinic(Source):
    table = "clinic.csv"
    has_classes = False

    def read(self, findings):
        rows = self.read_columns(self.table_path(), COLUMNS, findings)
        return self.translated(rows.with_columns(pl.lit(TRAIN).alias(SPLIT)))

    def translated(self, rows):
        return with_core(rows.rename(NAMES).drop("thickness"))


@pytest.fixture
def build(tmp_path):
    (tmp_path / "clinic.csv").write_text(TABLE)
    config = DataConfig(source="image_folder", positive=(), folder=tmp_path, images="none")

    def built(translated=None):
        source = Clinic(config)
        if translated is not None:
            source.translated = translated
        return build_samples(source, Findings())

    return built


def test_a_sound_adapter_gives_the_core_columns_and_features_alone(build):
    rows = build()
    assert rows.columns[-1] == "colour"
    assert rows[TARGET].to_list() == [0, 1]
    assert "thickness" not in rows.columns


@pytest.mark.parametrize(
    ("left", "names", "drops"),
    [
        ("thickness", NAMES, []),
        ("person", {n: v for n, v in NAMES.items() if n != "person"}, ["thickness"]),
        ("photo, thickness", {n: v for n, v in NAMES.items() if n != "photo"}, []),
    ],
)
def test_a_key_or_a_label_under_its_raw_name_is_refused(build, left, names, drops):
    def translated(rows):
        if "photo" not in names:
            rows = rows.with_columns(pl.col("photo").alias("isic_id"))
        return with_core(rows.rename(names).drop(drops))

    with pytest.raises(DataError) as refused:
        build(translated)
    assert str(refused.value) == (
        f"Clinic.read leaves keys or labels among the features: {left}; rename them to core "
        "columns, or drop them."
    )


def test_core_columns_that_are_lacking_are_named(build):
    with pytest.raises(DataError) as refused:
        build(lambda rows: rows.rename(NAMES).drop("thickness"))
    assert str(refused.value) == (
        "Clinic.read gives no diagnosis, lesion_id, hospital; rename columns to these, and end "
        "with with_core(...), which adds the others."
    )


def test_rows_of_which_no_split_is_said_are_refused(build):
    with pytest.raises(DataError) as refused:
        build(lambda rows: with_core(rows.rename(NAMES).drop("thickness", SPLIT)))
    assert str(refused.value) == (
        "Clinic.read leaves 2 rows without split; say 'train', or what the data's own split is."
    )
