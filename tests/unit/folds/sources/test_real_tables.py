"""The published tables themselves, with their official counts."""

import zipfile

import pytest

from folds.findings import Findings
from folds.samples import build_samples, describe
from folds.sources import DataConfig, open_source

pytestmark = pytest.mark.real_data


def build(source, folder, **config):
    findings = Findings()
    config = {"images": "none", **config}
    samples = build_samples(
        open_source(DataConfig(source=source, folder=folder, **config)), findings
    )
    assert findings.errors == []
    return samples, describe(samples)


@pytest.fixture
def unzipped(real_data, tmp_path):
    """Some members of one of the real archives, unpacked."""

    def unzip(archive, *names):
        with zipfile.ZipFile(real_data / archive) as opened:
            opened.extractall(tmp_path, names or None, None)
        return tmp_path

    return unzip


def test_the_competitions_own_three_rows_are_read_whole(unzipped):
    samples, counts = build(
        "isic2024", unzipped("isic2024_official_public_test_3rows.zip"), images="all"
    )
    assert samples["isic_id"].to_list() == ["ISIC_0015657", "ISIC_0015729", "ISIC_0015740"]
    assert counts["test_rows"] == counts["images"] == 3
    assert samples["tbp_lv_nevi_confidence"].to_list()[2] == 8.05e-13
    assert samples["hospital"].to_list()[2] == "FNQH Cairns"


def test_ham10000(real_data):
    _, counts = build(
        "ham10000", real_data, group="lesion", positive=("mel", "bcc", "akiec"),
        images="all", images_in=("ham10000_200x150.zip",),
    )  # fmt: skip
    assert (counts["rows"], counts["lesions"], counts["images"]) == (10_015, 7_470, 10_015)
    assert counts["positives"] == 1_113 + 514 + 327


def test_isic2020(unzipped):
    folder = unzipped(
        "tabular_dev.zip",
        "ISIC_2020_Training_GroundTruth_v2.csv",
        "ISIC_2020_Training_Duplicates.csv",
    )
    _, counts = build("isic2020", folder)
    assert (counts["rows"], counts["positives"], counts["patients"]) == (33_126, 584, 2_056)
    source = open_source(DataConfig(source="isic2020", folder=folder, images="none"))
    assert len(source.known_pairs(Findings())) == 425


def test_pad_ufes(unzipped):
    folder = unzipped("tabular_dev.zip", "PAD-UFES-20_metadata.csv")
    _, counts = build(
        "pad_ufes", folder, table="PAD-UFES-20_metadata.csv", positive=("MEL", "BCC", "SCC")
    )
    assert (counts["rows"], counts["patients"], counts["lesions"]) == (2_298, 1_373, 1_641)
    assert counts["diagnoses"] == 6


def test_dermamnist(unzipped):
    samples, counts = build(
        "dermamnist", unzipped("dermamnist28_jpg.zip"), table="labels.csv", images="all",
        group="none", positive=("mel", "bcc", "akiec"),
    )  # fmt: skip
    assert (counts["rows"], counts["test_rows"], counts["images"]) == (8_010, 2_005, 10_015)
    assert dict(samples["split"].value_counts().rows()) == {
        "train": 7_007, "valid": 1_003, "test": 2_005,
    }  # fmt: skip


def test_the_real_tabular_rows_of_isic2024(real_data, tmp_path):
    """Rows of two years lie in one table there; the ones of 2024 have their tbp columns."""
    lines = (real_data / "isic2024_tabular_dev.csv").read_text().splitlines(keepends=True)
    (tmp_path / "train-metadata.csv").write_text("".join(lines))
    samples, counts = build("isic2024", tmp_path)
    assert counts["rows"] == 1_476
    assert samples["tbp_lv_A"].drop_nulls().len() == 1_042
