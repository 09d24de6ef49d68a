"""What `make eda` measures, of whom, and that no label of a held-out side gets into it."""

import json

import cv2
import numpy as np
import polars as pl
import pytest

from folds.audit.duplicates import PAIR_SCHEMA
from folds.schema import ID, TARGET
from folds.sources import open_source
from pipeline.exploration import PAGE, SHEET, Asked, Files, explore, exploring, has_sides, quoted
from pipeline.look_alikes import LIST
from pipeline.samples import DUPLICATES, IMAGES, REPORT, SAMPLES, look
from tests.by_hand.tasks import check_travels
from tests.by_hand.units import drafting, folds_of, made, sample_table
from workspace.units import open_unit

ROWS = 48
IDS = [f"ISIC_{at:07d}" for at in range(ROWS + 4)]


def table(**changed):
    """Twelve patients of four lesions, every fourth lesion malignant; four rows of the test."""
    at = np.arange(ROWS + 4)
    tests = at >= ROWS
    columns = {
        "isic_id": IDS,
        "target": [None if test else int(n % 4 == 0) for n, test in zip(at, tests, strict=True)],
        "patient_id": [f"p{n // 4:02d}" for n in at],
        "hospital": ["x" if n % 8 < 4 else "y" for n in at],
        "split": ["test" if test else "train" for test in tests],
        "diagnosis": [f"all::{'mel' if n % 4 == 0 else 'nv'}" for n in at],
        "image": [f"{name}.png" for name in IDS],
        "age_approx": (at % 7 * 10.0).tolist(),
        "size_mm": (at % 4 + at / 100).tolist(),
        "sex": ["f" if n % 3 else None for n in at],
    }
    return sample_table(**(columns | changed))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """A folder of pictures, the lesions of hospital x redder; what `make verify` keeps of them."""
    folder = tmp_path_factory.mktemp("pictures")
    for at, name in enumerate(IDS):
        pixels = np.full((20, 24 + at % 3, 3), (60, 90, 200 if at % 8 < 4 else 140), np.uint8)
        cv2.imwrite(str(folder / f"{name}.png"), pixels)
    unit = made(
        folder / "look", look, stage="verify", folder=folder, pixel_limit=10**6, ids=IDS,
        references=[f"{name}.png" for name in IDS],
    )  # fmt: skip
    return folder, unit


def verified(folder, rows, pictures, *, pairs=(), notices=(), listed=None, synthetic=True):
    """As `make verify` leaves it."""
    found = pl.DataFrame([(a, b, "near", s) for a, b, s in pairs], PAIR_SCHEMA, orient="row")
    images = pictures[1].parquet("looks.parquet") if pictures else pl.DataFrame(
        schema={ID: pl.String, "width": pl.Int32, "height": pl.Int32, "problem": pl.String}
    )  # fmt: skip
    with drafting(folder, "verify") as draft:
        draft.parquet(SAMPLES, rows)
        draft.parquet(IMAGES, images)
        draft.parquet(DUPLICATES, found)
        draft.json(REPORT, {"notices": [{"check": c, "message": m} for c, m in notices]})
        if listed is not None:
            draft.parquet(LIST, listed)
        draft.facts["synthetic"] = synthetic
    return open_unit(folder, "verify")


@pytest.fixture
def explored(blank, pictures, tmp_path):
    """The unit of these samples, under names of its own so that several can stand side by side."""

    def of(name, rows=None, *settings, folds=None, seen=True, allowed=None, **kept):
        job = blank.job(f"data.folder={pictures[0]}", *settings, stage="eda")
        unit = verified(
            tmp_path / name / "samples", table() if rows is None else rows,
            pictures if seen else None, **kept,
        )  # fmt: skip
        asked = Asked("by_hand", "About.", 0, 0.95, allowed, quoted(job.recipe))
        shards = (pictures[1].folder,) if seen else ()
        files = Files(unit.folder, None if folds is None else folds.folder, shards)
        return made(
            tmp_path / name / "eda", explore, stage="eda", files=files, data=job.recipe.data,
            asked=asked,
        )  # fmt: skip

    return of


def test_every_part_is_measured_of_the_rows_that_are_not_the_sources_test(explored):
    sheet = explored("a").json(SHEET)
    seen = sheet["looked_at"]
    assert (seen["rows"], seen["positives"], seen["groups"]) == (48, 12, 12)
    assert seen["left"] == {"the source's test": 4}
    assert seen["every_row"] is True
    assert sheet["share"]["share"]["value"] == 0.25
    assert [(one["diagnosis"], one["n"]) for one in sheet["diagnoses"]] == [
        ("all::nv", 36), ("all::mel", 12),
    ]  # fmt: skip
    assert [(one["column"], one["missing"]) for one in sheet["lacking"]] == [
        ("lesion_id", 48), ("sex", 16),
    ]  # fmt: skip
    [size] = sheet["groups"]["sizes"]
    assert (size["level"], size["patients"], size["n"]) == ("3-5", 12, 48)
    assert [one["n"] for one in sheet["hospitals"]["levels"]] == [24, 24]
    assert [one["name"] for one in sheet["words"]] == ["sex"]
    assert sheet["compared"] is True


def test_a_number_stands_beside_its_z_score(explored):
    numbers = {one["name"]: one for one in explored("a").json(SHEET)["numbers"]}
    size = numbers["size_mm"]  # the malignant lesion is each patient's smallest, by a millimetre
    assert (size["larger"], size["other"]["value"]) == (False, 1.0)
    assert size["gain"]["value"] == pytest.approx(1 - size["auc"]["value"])
    assert list(numbers)[0] == "size_mm"  # noqa: RUF015 - the best first


def test_colours_and_sizes_are_those_of_the_pictures(explored):
    found = explored("a").json(SHEET)["pictures"]
    assert (found["n"], found["shapes"], found["drawn"]) == (48, 3, 48)
    tint = found["tints"][0]
    assert (tint["hospital"], tint["target"], tint["n"]) == ("x", 1, 6)
    assert tint["colour"] == pytest.approx([200, 90, 60], abs=0.1)
    assert tint["brightness"] == pytest.approx([350 / 3] * 3, abs=0.1)
    measured = {one["name"]: one for one in found["measured"]}
    assert measured["height"]["alone"]["reason"] == "All rows have the same value."
    assert measured["width"]["spread"]["distinct"] == 3


def test_the_same_rows_give_the_same_bytes(explored):
    one, other = explored("a"), explored("b", table().sample(fraction=1, shuffle=True, seed=3))
    for name in (SHEET, PAGE):
        assert one.text(name) == other.text(name)


def test_no_label_of_the_sources_test_gets_in(explored):
    rows = table()
    told = rows.with_columns(
        pl.when(pl.col("split") == "test").then(1).otherwise(pl.col(TARGET)).alias(TARGET)
    ).cast({TARGET: pl.Int8})
    assert explored("a", told).text(SHEET) == explored("b", rows).text(SHEET)


def test_no_label_and_no_value_of_a_held_out_side_gets_in(explored, tmp_path):
    """Targets, diagnoses, numbers and words of validation and test rows are changed at once."""
    rows = table()
    sides = ["holdout" if n // 4 in (0, 1) else "train" for n in range(ROWS)] + ["test"] * 4
    folds = [0 if n // 4 in (2, 3) else None for n in range(ROWS)] + [None] * 4
    sided = rows.with_columns(pl.Series("split", sides))
    held = folds_of(tmp_path / "folds", sided, folds, scheme="holdout")
    aside = pl.col(ID).is_in(IDS[:16])
    other = rows.with_columns(
        pl.when(aside)
        .then(1 - pl.col(TARGET))
        .otherwise(pl.col(TARGET))
        .cast(pl.Int8)
        .alias(TARGET),
        pl.when(aside).then(pl.lit("odd")).otherwise("diagnosis").alias("diagnosis"),
        pl.when(aside).then(pl.lit("q")).otherwise("sex").alias("sex"),
        pl.when(aside).then(99.0).otherwise("size_mm").alias("size_mm"),
    )
    one, two = explored("a", rows, folds=held), explored("b", other, folds=held)
    assert one.text(SHEET) == two.text(SHEET)
    assert one.json(SHEET)["looked_at"]["rows"] == ROWS - 16
    assert one.json(SHEET)["looked_at"]["every_row"] is False
    assert "Under cross-validation" not in one.text(PAGE)
    assert explored("c", other).text(SHEET) != explored("d", rows).text(SHEET)


def test_pictures_are_shown_where_the_recipe_lets_them(explored):
    drawn = explored("a").text(PAGE)
    assert drawn.count("<img ") == 4 * 6  # two hospitals, two classes
    assert 'alt="ISIC_0000' in drawn
    for name, allowed, synthetic, shown in (
        ("b", None, False, False), ("c", False, True, False), ("d", True, False, True),
    ):  # fmt: skip
        page = explored(name, allowed=allowed, synthetic=synthetic).text(PAGE)
        assert ("<img " in page) is shown
        assert ("ISIC_0000" in page) is shown
        assert ("report.pictures=true" in page) is not shown


def test_pairs_of_two_patients_are_counted_and_shown_first(explored):
    pairs = [(IDS[0], IDS[1], 0.9), (IDS[2], IDS[9], 0.95), (IDS[3], IDS[ROWS], 0.99)]
    listed = pl.DataFrame(
        {"isic_id_a": [IDS[5]], "isic_id_b": [IDS[20]], "points": [9], "cosine": [0.8]}
    )
    unit = explored("a", pairs=pairs, listed=listed)
    found = unit.json(SHEET)["pairs"]
    assert found["kinds"] == [{"kind": "near", "pairs": 3, "across": 2, "between": 1}]
    assert [tuple(one) for one in found["shown"]] == [
        (IDS[2], IDS[9], "near", 0.95), (IDS[0], IDS[1], "near", 0.9),
        (IDS[5], IDS[20], "look-alike", 0.8),
    ]  # fmt: skip
    assert f"{IDS[2]},{IDS[9]}" in unit.text(PAGE)


def test_patients_who_share_a_picture_are_one(explored):
    sheet = explored("a", pairs=[(IDS[2], IDS[9], 0.95)]).json(SHEET)
    assert sheet["looked_at"]["groups"] == 11


def test_without_patients_hospitals_and_pictures_each_part_says_why(explored):
    rows = table(patient_id=[None] * (ROWS + 4), hospital=["x"] * (ROWS + 4))
    unit = explored("a", rows, "data.group=none", seen=False)
    sheet = unit.json(SHEET)
    assert [sheet[name] for name in ("groups", "hospitals", "pictures", "compared")] == [
        None, None, None, False,
    ]  # fmt: skip
    assert sheet["share"]["share"]["unit"] == "row"
    page = unit.text(PAGE)
    for words in (
        "Nobody says which rows belong together (data.group = none), so there is nothing to count.",
        "The source names no hospital, or one alone, so there is nothing to compare.",
        "No picture was looked at (data.images, verify.look_at_images), so there is none to",
        "No patient is known, so no number can be compared with the patient&#39;s other lesions",
        "Neither pictures nor hospitals are known, so the source alone can tell nothing.",
    ):
        assert words in page
    assert page.count("So: ") == 13  # every section still says what it led to


def test_dropped_columns_are_named(explored):
    dropped = ("constant-column", "1 column dropped because constant: image_type.")
    unit = explored("a", notices=[dropped, ("turned", "1 picture turned.")])
    assert unit.json(SHEET)["dropped"] == [dropped[1]]
    assert dropped[1] in unit.text(PAGE)


def test_a_changed_value_that_the_page_quotes_makes_another(blank, pictures, tmp_path):
    unit = verified(tmp_path / "samples", table(), pictures)

    def task(*settings):
        job = blank.job(f"data.folder={pictures[0]}", *settings, stage="eda")
        return exploring(job, open_source(job.recipe.data), unit, None)

    as_it_is = task()
    check_travels(as_it_is)
    assert set(as_it_is.inputs) == {SAMPLES, IMAGES, DUPLICATES, REPORT}
    assert task("lightgbm.rounds=9").settings == as_it_is.settings
    for changed in ("report.pictures=false", "seed=1", "score.min_tpr=0.9", "score.level=0.9"):
        assert task(changed).settings != as_it_is.settings


@pytest.mark.parametrize(
    ("scheme", "sides"),
    [("stratified_groups", False), ("leave_one_hospital_out", False), ("official", True),
     ("corrected", True), ("by_lesion", True), ("holdout", True), ("by_image", True)],
)  # fmt: skip
def test_which_folds_have_a_side_that_is_not_looked_at(blank, scheme, sides):
    assert has_sides(blank.job(f"folds.scheme={scheme}").recipe) is sides


def test_the_sheet_is_plain_json_without_infinity(explored):
    text = explored("a").text(SHEET)
    json.loads(text, parse_constant=pytest.fail)
