"""Checks A 1-21 on the competition's own format: whole messages."""

import os
import random
from pathlib import Path

import pytest

from folds.findings import Findings
from folds.samples import select_features
from folds.schema import CORE
from folds.sources import DataConfig, Source, open_source
from workspace.errors import ConfigError, DataError, shorten
from workspace.hdf5 import ImageArchive


def test_a_sound_folder_has_no_errors(competition):
    assert competition.errors(images="all") == []


def test_the_table_has_core_columns_first_and_no_training_only_ones(competition):
    samples, _ = competition.write().build()
    assert tuple(samples.columns[: len(CORE)]) == CORE
    assert not {"iddx_full", "iddx_1", "mel_thick_mm", "tbp_lv_dnn_lesion_confidence"} & set(
        samples.columns
    )
    assert samples["isic_id"].is_sorted()
    assert samples.filter(samples["split"] == "test")["target"].null_count() == 3


def test_check_2_duplicate_ids_in_any_spelling(competition):
    competition.train[1]["isic_id"] = "ISIC_0000000"
    competition.train[3]["isic_id"] = "isic_0000002"
    competition.train[5]["isic_id"] = "ISIC_0000004.jpg"
    assert competition.errors() == [
        "Not allowed as isic_id in train-metadata.csv: [isic_0000002, ISIC_0000004.jpg]; "
        "ids look like ISIC_0000001.",
        "Duplicate isic_id rows: [ISIC_0000000, ISIC_0000000, ISIC_0000002, isic_0000002, "
        "ISIC_0000004] (+1 more).",
    ]


@pytest.mark.parametrize("blank", ["", "  ", "NA", "nan", "Null", "None", "unknown"])
def test_check_3_a_missing_patient_is_named_never_pooled(competition, blank):
    competition.train[1]["patient_id"] = competition.train[7]["patient_id"] = blank
    assert competition.errors() == ["Missing patient_id for images: [ISIC_0000001, ISIC_0000007]."]


def test_check_4_spellings_of_one_patient_are_one(competition):
    competition.train[1]["patient_id"] = "IP_0000000 "
    competition.train[2]["patient_id"] = "ip_0000000"
    samples, findings = competition.write().build()
    assert samples["patient_id"][:4].to_list() == ["IP_0000000"] * 4
    assert [f.message for f in findings.notices if f.check == "spelling"] == [
        "2 rows with another spelling of the same patient_id joined to it: "
        "['IP_0000000 ', 'ip_0000000']."
    ]


@pytest.mark.parametrize(
    "spelling", ["\uff29\uff30_0000000", "IP_000000\uff10", "IP_0000000\u00a0", "\u3000ip_0000000"]
)
def test_check_4_wide_letters_and_spaces_are_another_spelling(competition, spelling):
    competition.train[1]["patient_id"] = spelling
    samples, findings = competition.write().build()
    assert samples["patient_id"][:4].to_list() == ["IP_0000000"] * 4
    assert [f.count for f in findings.notices if f.check == "spelling"] == [1]


@pytest.mark.parametrize("column", ["patient_id", "lesion_id"])
@pytest.mark.parametrize(
    "mark", ["\u200b", "\x1b[0m", "\ufeff", "\u202e", "\u00ad", "\ufe0f", "\u3164", "\x07"]
)
def test_check_4_characters_that_nobody_sees_are_refused(competition, column, mark):
    spelt = f"IP_00{mark}00000"
    competition.train[1][column] = spelt
    [message] = competition.errors()
    assert message == (
        f"Not allowed as {column}: [{shorten(ascii(spelt))}]; characters that nobody sees make "
        "two of one, so write it without."
    )
    assert message.isascii()


@pytest.mark.parametrize("dash", ["\u2010", "\u2011", "\u2013", "\u2014", "\u2212"])
def test_check_4_a_dash_is_a_dash_and_an_apostrophe_one(competition, dash):
    for row, spelt in enumerate(["IP-1", f"ip{dash}1", "O'Brien", "O\u2019Brien"]):
        competition.train[row]["patient_id"] = spelt
    samples, findings = competition.write().build()
    assert samples["patient_id"][:4].to_list() == ["IP-1", "IP-1", "O'Brien", "O'Brien"]
    assert [f.count for f in findings.notices if f.check == "spelling"] == [2]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("IP_1", "\u0406\u0420_1"),  # all Cyrillic
        ("ip_1", "\u0456\u0440_1"),
        ("O1", "\u039f1"),  # a Greek omicron
        ("\u041e1", "\u039f1"),  # neither of them Latin
        ("v1", "\u03bd1"),
        ("IP_1", "IP_\u0661"),  # an Arabic one
        ("AB-1", "\u0410\u0412\u20131"),
    ],
)
@pytest.mark.parametrize("column", ["patient_id", "lesion_id"])
def test_check_4_ids_that_look_alike_in_two_alphabets_are_refused(competition, column, one, other):
    competition.train[1][column], competition.train[9][column] = other, one
    noun = column.removesuffix("_id")
    names = ", ".join(shorten(ascii(name)) for name in sorted([one, other]))
    assert competition.errors() == [
        f"Not allowed as {column} together: [{names}]; they look or read alike in characters of "
        f"two alphabets, so write one {noun} in one spelling, and two so that one sees it."
    ]


def test_check_4_ids_that_differ_stay_apart(competition):
    """Letters that only their own alphabet has, accents, and what ASCII alone tells apart."""
    different = ["O1", "01", "I1", "l1", "Muller", "M\u00fcller", "\u0416\u042f1", "\u0394\u03a91"]
    for row, name in enumerate(different):
        competition.train[row]["patient_id"] = name
    samples, findings = competition.write().build()
    assert findings.errors == []
    assert samples["patient_id"][: len(different)].to_list() == different
    assert not [f for f in findings.notices if f.check == "spelling"]


def test_check_4_letters_of_two_alphabets_are_noticed(competition):
    competition.train[1]["patient_id"] = "I\u0420_0000000"  # a Cyrillic letter
    competition.train[2]["patient_id"] = "M\u00fcller"
    samples, findings = competition.write().build()
    assert samples["patient_id"][2] == "M\u00fcller"
    assert [f.message for f in findings.notices if f.check == "mixed-alphabets"] == [
        "1 patient_id in letters of two alphabets, of which some look alike: ['I\\u0420_0000000']."
    ]


@pytest.mark.parametrize("put", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to("nowhere")])
@pytest.mark.parametrize("table", ["train-metadata.csv", "test-metadata.csv"])
def test_what_is_no_file_in_a_tables_place_is_refused(competition, put, table):
    path = competition.write().folder / table
    path.unlink()
    put(path)
    for ask in (Source.inputs, Source.read, Source.places):
        with pytest.raises(DataError) as refused:
            source = open_source(DataConfig(source="isic2024", folder=competition.folder))
            getattr(source, ask.__name__)(*([Findings()] if ask is Source.read else []))
        assert str(refused.value) == (
            f"{table} in {path.parent} is not a file; put the file in its place."
        )


def test_check_5_targets_that_are_no_0_or_1(competition):
    for row, value in enumerate(["2.0", "nan", "0.5", "yes", ""]):
        competition.train[row]["target"] = value
    assert competition.errors() == [
        "Target must be 0 or 1; found [2.0, nan, 0.5, yes, nothing] for images: "
        "[ISIC_0000000, ISIC_0000001, ISIC_0000002, ISIC_0000003, ISIC_0000004]."
    ]


@pytest.mark.parametrize(("value", "count"), [("0", 0), ("1", 24)])
def test_check_6_training_needs_both_classes(competition, value, count):
    for row in competition.train:
        row["target"] = value
    assert competition.errors() == [
        f"Training needs both classes; found {count} positives in 24 rows."
    ]


def test_check_11_ages_that_are_no_number(competition):
    competition.train[0]["age_approx"] = "85+"
    competition.train[1]["age_approx"] = "NA"
    samples, findings = competition.write().build()
    assert samples["age_approx"][:2].to_list() == [None, None]
    assert (
        "1 value of age_approx in train-metadata.csv is not a number and read as missing: '85+'."
        in [f.message for f in findings.notices]
    )


def test_check_12_ids_of_digits_keep_their_zeros(competition):
    for n, row in enumerate(competition.train):
        row["isic_id"] = f"00{n:05d}"
    competition.test = competition.test[:1]
    competition.test[0]["isic_id"] = "0900000"
    samples, findings = competition.write().build(id_pattern="[0-9]{7}")
    assert findings.errors == []
    assert samples["isic_id"][0] == "0000000"


def test_check_13_an_unseen_level_of_the_test_is_unknown(competition):
    competition.test[0]["sex"] = "other"
    competition.test[1]["tbp_lv_location"] = "Left Ear"
    samples, findings = competition.write().build()
    test = samples.filter(samples["split"] == "test")
    assert test["sex"].to_list()[0] == "unknown"
    assert [f.message for f in findings.notices if f.check == "unseen-category"] == [
        "1 row of test-metadata.csv whose sex training never saw (other) read as 'unknown'.",
        "1 row of test-metadata.csv whose tbp_lv_location training never saw (Left Ear) read as "
        "'unknown'.",
    ]


def test_check_14_shuffled_columns_and_rows_give_the_same_table(competition):
    first, _ = competition.write().build()
    random.Random(0).shuffle(competition.test_columns)
    random.Random(1).shuffle(competition.train_columns)
    random.Random(2).shuffle(competition.train)
    again, _ = competition.write().build()
    assert again.equals(first)


def test_check_15_training_columns_in_the_test_are_ignored(competition):
    first, _ = competition.write().build()
    competition.test_columns += ["target", "iddx_full"]
    for row in competition.test:
        row |= {"target": "1", "iddx_full": "Malignant"}
    samples, findings = competition.write().build()
    assert samples.equals(first)
    assert "Ignored columns of test-metadata.csv: target, iddx_full." in [
        f.message for f in findings.notices
    ]


def test_check_16_a_feature_column_missing_in_the_test(competition):
    competition.test_columns.remove("tbp_lv_areaMM2")
    with pytest.raises(DataError) as refused:
        competition.write().build()
    assert str(refused.value) == (
        "Feature columns missing in test-metadata.csv: ['tbp_lv_areaMM2']."
    )


def test_check_17_an_empty_test_is_an_error_and_one_row_is_fine(competition):
    del competition.test[1:]
    samples, findings = competition.write().build()
    assert findings.errors == []
    assert (samples["split"] == "test").sum() == 1
    competition.test.clear()
    with pytest.raises(DataError) as refused:
        competition.write().build()
    assert str(refused.value) == "test-metadata.csv has no rows; there is nothing to predict."


def test_targets_in_words_are_one_mistake_and_not_two(competition):
    for row in competition.train:
        row["target"] = "malignant" if row["target"] == "1" else "benign"
    [said] = competition.errors()
    assert said.startswith("Target must be 0 or 1; found [malignant, benign] for images: [ISIC_")


def test_check_17_training_of_no_rows(competition):
    competition.train.clear()
    assert competition.errors() == ["Training needs both classes; found 0 positives in 0 rows."]


def test_check_18_columns_that_say_nothing_are_dropped(competition):
    for row in competition.train:
        row["tbp_lv_x"] = ""
        row["tbp_lv_y"] = "3"
    samples, findings = competition.write().build()
    assert not {"tbp_lv_x", "tbp_lv_y", "image_type"} & set(samples.columns)
    assert [f.message for f in findings.notices if f.check.endswith("-column")] == [
        "1 column dropped because empty: tbp_lv_x.",
        "2 columns dropped because constant: image_type, tbp_lv_y.",
    ]


def test_check_19_sizes_that_cannot_be(competition):
    competition.train[0]["tbp_lv_areaMM2"] = "inf"
    competition.train[1]["tbp_lv_areaMM2"] = "-1"
    assert competition.errors() == [
        "tbp_lv_areaMM2 must be finite, at least 0 and at most 1e+12; found [inf, -1.0] in "
        "train-metadata.csv for images: [ISIC_0000000, ISIC_0000001]."
    ]


def test_check_20_images_and_rows_are_compared_both_ways(competition):
    competition.write()
    competition.train[0]["isic_id"] = "ISIC_0000777"
    competition._write("train", competition.train_columns, competition.train, images=False)
    _, findings = competition.build(images="all")
    assert [f.message for f in findings.errors] == [
        "Images missing from train-image.hdf5, test-image.hdf5: [ISIC_0000777] (1 of 27); add "
        "them, name their place in data.images_in, or take data.images=some."
    ]
    assert [f.message for f in findings.notices if f.check == "images-extra"] == [
        "1 image of train-image.hdf5, test-image.hdf5 without a row in the table is ignored: "
        "[ISIC_0000000]."
    ]


@pytest.mark.parametrize("spelling", ["IP_0000002", "ip_0000002 "])
def test_check_21_a_patient_of_the_test_in_training(competition, spelling):
    competition.test[0]["patient_id"] = spelling
    assert (
        "1 patient of the source's test also in training: IP_0000002; features of one side never "
        "use the other's rows."
    ) in competition.notices()


@pytest.mark.parametrize(
    "name",
    [
        *("../../x", "/etc/passwd", "a\0b", "ISIC_0000001\n"),
        *("ISIC_٠٠٠٠٠٠١", "ISIC_000\u202e0001", "x" * 10_000),
    ],
)
def test_check_136_ids_that_are_no_ids(competition, name):
    competition.train[0]["isic_id"] = name
    if "\0" in name:
        with pytest.raises(DataError, match=r"^train-metadata\.csv has a NUL byte in line 2; "):
            competition.errors()
        return
    message = competition.errors()[0]
    assert message.startswith("Not allowed as isic_id in train-metadata.csv: [")
    assert message.endswith("]; ids look like ISIC_0000001.")
    assert len(message) <= 280
    assert message.isprintable()


def test_only_the_test_files_are_read_whole(competition):
    competition.write()
    (competition.folder / "train-metadata.csv").unlink()
    samples, findings = competition.build(images="all")
    assert findings.errors == []
    assert len(samples) == 3


def test_jpeg_folders_do_as_well_as_hdf5(competition):
    first, _ = competition.write().build(images="all")
    for split in ("train", "test"):
        archive = ImageArchive(competition.folder / f"{split}-image.hdf5")
        crops = competition.folder / f"{split}-image" / "image"
        crops.mkdir(parents=True)
        for name in archive.names()[0]:
            (crops / f"{name}.jpg").write_bytes(archive.read(name))
        archive.close()
        archive.path.unlink()
    again, findings = competition.build(images="all")
    assert findings.errors == []
    assert again["image"][0] == "train-image/image/ISIC_0000000.jpg"
    assert again.drop("image").equals(first.drop("image"))


def test_features_come_from_an_allow_list(competition):
    samples, _ = competition.write().build()
    assert select_features(["sex", "tbp_lv_A"], samples) == ["sex", "tbp_lv_A"]
    with pytest.raises(ConfigError) as refused:
        select_features(["sex", "target", "iddx_full", "patient_id"], samples)
    assert str(refused.value) == (
        "Not allowed as features: target, iddx_full, patient_id; labels, keys and columns that "
        "only training rows have are refused. Take columns of the sample table."
    )
