"""The sample table: what it hangs on, what looking at pictures finds shard by shard."""

import io

import cv2
import numpy as np
import polars as pl
import pytest
from PIL import Image
from rich.console import Console

from folds.audit.pictures import FINGERPRINT_SCHEMA
from folds.findings import Findings
from folds.sources import DataConfig, open_source
from folds.sources.image_folder import ImageFolder
from folds.verify import VerifyConfig
from pipeline import samples
from pipeline.drawn_data import draw, drawing, is_drawn
from pipeline.job import Job
from pipeline.recipe import load_recipe
from pipeline.samples import (
    DUPLICATES,
    IMAGES,
    REPORT,
    SAMPLES,
    look,
    looking,
    verify_samples,
    verifying,
)
from reports.desk import ConsoleDesk
from synthetic.config import SyntheticConfig
from tests.by_hand.tasks import check_travels, depends_on
from tests.by_hand.units import kept, made
from workspace.errors import ConfigError, DataError
from workspace.hashing import HashMemory, sha256_file, sha256_text

IDS = ["mel__a", "mel__b", "nv__c", "nv__d", "nv__e"]
FEW = SyntheticConfig(patients=4, rows=12, positives=2, images=0)


@pytest.fixture
def pictures(tmp_path):
    """Five pictures of three patients, in class folders."""
    folder, rng = tmp_path / "pictures", np.random.default_rng(0)
    for number, name in enumerate(IDS):
        path = folder / f"{name.replace('__', '/')}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        coarse = rng.integers(0, 255, (4, 4 + number, 3), dtype=np.uint8)
        cv2.imwrite(str(path), cv2.resize(coarse, None, fx=8, fy=8))
    names = [f"{name.replace('__', '/')}.png" for name in IDS]
    owners = pl.DataFrame({"image": names, "patient_id": ["p", "p", "q", "q", "r"]})
    owners.write_csv(folder / "groups.csv")
    return folder


def config_of(folder, **values):
    given = {"group": "patient", "positive": ("mel",)} | values
    return DataConfig(source="image_folder", folder=folder, **given)


@pytest.fixture
def job(tmp_path):
    def call(folder, *settings, recipe="image_folder"):
        real = ["data.group=patient", 'data.positive=["mel"]'] if recipe == "image_folder" else []
        given = load_recipe(recipe, [f"data.folder={folder}", *real, *settings])
        desk = ConsoleDesk(Console(file=io.StringIO()))
        return Job("verify", given, tmp_path / "run", HashMemory(), desk)

    return call


def tasks(job):
    source = open_source(job.recipe.data)
    shards = looking(job, source)
    return verifying(job, source, shards), shards


def depending(job):
    table, shards = tasks(job)
    return depends_on(table), [depends_on(shard) for shard in shards]


def verified(folder, data, sizes=(5,), verify=None, name="samples"):
    """The sample table of the pictures, looked at so many at a time."""
    shards, ids = [], list(IDS)
    for size in sizes:
        some, ids = ids[:size], ids[size:]
        references = [f"{one.replace('__', '/')}.png" for one in some]
        place = folder / name / f"shard_{len(shards)}"
        shards.append(made(place, look, stage="verify", folder=data.folder,
                           pixel_limit=data.pixel_limit, ids=some,
                           references=references).folder)  # fmt: skip
    return made(folder / name / "table", verify_samples, stage="verify", data=data,
                verify=verify or VerifyConfig(), shards=shards)  # fmt: skip


def told(unit, kind="notices"):
    return [finding["message"] for finding in unit.json(REPORT)[kind]]


def test_a_competition_is_drawn_only_where_the_recipe_has_one(job, tmp_path):
    task = drawing(job(tmp_path / "data", recipe="sample"))
    assert (task.folder, task.stage, task.on_change) == (tmp_path / "data", "sample", "stop")
    check_travels(task)
    with pytest.raises(ConfigError) as refused:
        drawing(job(tmp_path / "data", recipe="isic2024"))
    assert str(refused.value) == (
        "Recipe isic2024 has no [synthetic] section: its data are real and lie in "
        f"{tmp_path / 'data'}."
    )


def test_what_is_drawn_hangs_on_its_own_seed_alone(job, tmp_path):
    def settings(*some):
        return depends_on(drawing(job(tmp_path / "data", *some, recipe="sample")))

    assert settings("seed=3", "folds.n_folds=3") == settings()
    assert settings("synthetic.seed=3") != settings()
    assert settings("synthetic.rows=1599") != settings()


def test_nothing_is_drawn_over_files_of_others(job, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    drawing(job(data, recipe="sample"))  # an empty folder is anyone's
    (data / "mine.csv").write_text("x")
    with pytest.raises(DataError) as refused:
        drawing(job(data, recipe="sample"))
    assert str(refused.value) == (
        f"{data} holds files that 'make sample' did not write; name another folder with DATA=, or "
        "move them away."
    )
    with pytest.raises(DataError, match="did not write"):
        drawing(job(data / "mine.csv", recipe="sample"))


def test_only_what_make_sample_wrote_is_drawn(tmp_path):
    drawn = made(tmp_path / "drawn", draw, stage="sample", config=FEW).folder
    assert is_drawn(drawn)
    other = kept(tmp_path / "other", "folds", {}).folder
    assert not is_drawn(other)
    assert not is_drawn(tmp_path)
    (other / "manifest.json").write_text("{}")  # anybody's
    assert not is_drawn(other)


def test_the_same_numbers_draw_the_same_files(tmp_path):
    one, two = (made(tmp_path / name, draw, stage="sample", config=FEW) for name in ("one", "two"))
    assert one.content() == two.content()
    assert is_drawn(one.folder)
    assert len(pl.read_csv(one.path("train-metadata.csv"))) == 12
    other = FEW.model_copy(update={"seed": 1})
    three = made(tmp_path / "three", draw, stage="sample", config=other)
    assert three.sha256("train-metadata.csv") != one.sha256("train-metadata.csv")


def test_pictures_are_looked_at_in_shards_by_id_each_picture_once(job, pictures, monkeypatch):
    monkeypatch.setattr(samples, "SHARD", 2)
    table, shards = tasks(job(pictures))
    assert [one.folder.name for one in shards] == ["00000", "00001", "00002"]
    assert [name for one in shards for name in one.arguments["ids"]] == IDS
    assert shards[1].arguments["references"] == ["nv/c.png", "nv/d.png"]
    assert {(one.on_damage, one.on_change, one.stays) for one in shards} == {("redo", "redo", True)}
    assert table.waits_for() == shards
    assert table.arguments["shards"] == [one.folder for one in shards]
    check_travels(table)
    for one in shards:
        check_travels(one)


def test_no_table_is_read_for_pictures_that_nobody_wants(job, pictures, monkeypatch):
    """At full size reading it takes as long as all else that make folds does."""
    call = job(pictures, "data.images=none")
    source = open_source(call.recipe.data)
    monkeypatch.setattr(samples, "build_samples", None)
    assert looking(call, source) == []


def test_the_table_is_known_without_the_shards(job, pictures):
    """So that a call with nothing to do need not list them."""
    call = job(pictures)
    source = open_source(call.recipe.data)
    assert depends_on(verifying(call, source)) == depending(call)[0]


@pytest.mark.parametrize(
    ("setting", "shards_too"),
    [
        ('data.positive=["nv"]', False),
        ("data.group=none", False),
        ("verify.near_duplicates=false", False),
        ("verify.corrupt_images=drop", False),
        ("verify.look_at_images=false", True),  # there are none
    ],
)
def test_what_is_seen_of_pictures_outlasts_other_rules(job, pictures, setting, shards_too):
    before, after = depending(job(pictures)), depending(job(pictures, setting))
    assert before[0] != after[0]
    assert (before[1] != after[1]) == shards_too


@pytest.mark.parametrize("setting", ["seed=1", "folds.n_folds=3", "score.replicates=200"])
def test_values_of_later_stages_change_nothing_here(job, pictures, setting):
    assert depending(job(pictures)) == depending(job(pictures, setting))


def test_a_changed_table_leaves_the_shards_and_a_changed_picture_does_not(job, pictures):
    call = job(pictures)
    table, shard = depending(call)
    text = (pictures / "groups.csv").read_text()
    (pictures / "groups.csv").write_text(text.replace("r\n", "q\n"))
    other, same = depending(call)
    assert (other != table, same == shard) == (True, True)
    cv2.imwrite(str(pictures / "nv" / "e.png"), np.zeros((8, 8, 3), np.uint8))
    assert depending(call)[1] != shard


def test_other_pictures_make_another_shard_even_of_as_many(job, pictures):
    """By names too: settings name what is looked at."""
    _, [before] = tasks(job(pictures))
    assert before.settings["images"] == sha256_text(
        "\n".join([*IDS, *before.arguments["references"]])
    )
    (pictures / "nv" / "e.png").rename(pictures / "nv" / "f.png")
    (pictures / "groups.csv").unlink()
    _, [after] = tasks(job(pictures, "data.group=none"))
    assert after.settings["images"] != before.settings["images"]


def test_a_shard_knows_bytes_sizes_and_damage_of_its_pictures(pictures, tmp_path):
    (pictures / "nv" / "d.png").write_bytes(b"no picture")
    shown = ["nv/c.png", "nv/d.png"]
    unit = made(tmp_path / "shard", look, stage="verify", folder=pictures, pixel_limit=9999,
                ids=IDS[2:4], references=shown)  # fmt: skip
    table = unit.parquet("looks.parquet")
    assert table.schema == FINGERPRINT_SCHEMA
    assert table["isic_id"].to_list() == IDS[2:4]
    assert table["sha256"].to_list() == [sha256_file(pictures / "nv" / "c.png"), None]
    assert table.select("width", "height").row(0) == (8 * 6, 8 * 4)
    assert table["problem"].is_null().to_list() == [True, False]
    assert len(unit.array("keys.npy")) == len(unit.array("thumbs.npy")) == 2
    assert not unit.array("keys.npy")[1].any()


def test_shards_of_any_size_give_the_same_table_and_find_pairs_between_them(pictures, tmp_path):
    (pictures / "nv" / "e.png").write_bytes((pictures / "mel" / "a.png").read_bytes())
    one = verified(tmp_path, config_of(pictures), name="one")
    several = verified(tmp_path, config_of(pictures), (2, 2, 1), name="several")
    assert one.content() == several.content()
    pairs = one.parquet(DUPLICATES).select("isic_id_a", "isic_id_b", "kind").rows()
    assert pairs == [("mel__a", "nv__e", "bytes")]
    assert told(one) == [
        "1 pair of images with the same bytes, 1 across patients, whose rows are folded as one "
        "group: mel__a = nv__e."
    ]


def test_the_table_has_what_the_files_say(pictures, tmp_path):
    unit = verified(tmp_path, config_of(pictures))
    table = unit.parquet(SAMPLES)
    assert table["isic_id"].to_list() == IDS
    assert table["target"].to_list() == [1, 1, 0, 0, 0]
    assert table["patient_id"].to_list() == ["p", "p", "q", "q", "r"]
    assert unit.parquet(IMAGES)["isic_id"].to_list() == IDS
    facts = {name: unit.facts[name] for name in ("errors", "synthetic", "rows", "positives")}
    assert facts == {"errors": 0, "synthetic": False, "rows": 5, "positives": 2}
    assert unit.json(REPORT) == {"counts": unit.json(REPORT)["counts"], "errors": [], "notices": []}


def test_a_damaged_picture_is_an_error_or_goes_with_its_row(pictures, tmp_path):
    (pictures / "nv" / "d.png").write_bytes(b"no picture")
    unit = verified(tmp_path, config_of(pictures), name="stops")
    assert unit.facts["errors"] == 1
    [message] = told(unit, "errors")
    assert message.endswith(
        " Mend them, or leave them out with verify.corrupt_images='drop'."
    )  # fmt: skip
    dropped = verified(
        tmp_path, config_of(pictures), verify=VerifyConfig(corrupt_images="drop"), name="drops"
    )
    assert dropped.facts["errors"] == 0
    assert dropped.parquet(SAMPLES)["isic_id"].to_list() == [n for n in IDS if n != "nv__d"]
    assert told(dropped) == ["1 image that cannot be read left out: [nv__d]."]


def test_pictures_that_exif_turns_are_counted_and_seen_so(pictures, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 32)).save(pictures / "nv" / "c.png", exif=exif)
    unit = verified(tmp_path, config_of(pictures), sizes=(2, 3))
    assert "1 picture turned as EXIF says, here and wherever it is looked at." in told(unit)
    sizes = dict(unit.parquet("images.parquet").select("isic_id", "width").iter_rows())
    assert sizes["nv__c"] == 32


def test_classes_are_counted_after_damage_took_rows(pictures, tmp_path):
    for name in "ab":
        (pictures / "mel" / f"{name}.png").write_bytes(b"no picture")
    unit = verified(tmp_path, config_of(pictures), verify=VerifyConfig(corrupt_images="drop"))
    assert told(unit, "errors") == ["Training needs both classes; found 0 positives in 3 rows."]
    assert unit.facts["errors"] == 1


def test_pictures_that_nobody_looked_at_are_said_to_be(pictures, tmp_path):
    unit = verified(tmp_path, config_of(pictures), ())
    assert told(unit) == [
        "Images were not looked at (verify.look_at_images): damage and duplicates go unseen."
    ]
    assert unit.parquet(DUPLICATES).is_empty()


def test_pairs_that_the_owners_list_count_and_those_of_no_row_are_named(
    pictures, tmp_path, monkeypatch
):
    listed = pl.DataFrame({"isic_id_a": ["mel__a", "gone"], "isic_id_b": ["nv__e", "nv__c"]})
    monkeypatch.setattr(ImageFolder, "known_pairs", lambda self, findings: listed)
    unit = verified(tmp_path, config_of(pictures))
    assert unit.parquet(DUPLICATES).select("isic_id_a", "isic_id_b", "kind").rows() == [
        ("mel__a", "nv__e", "listed")
    ]
    assert told(unit)[0] == "1 listed duplicate with an image that no row has ignored: gone."


def test_numbers_of_what_was_drawn_are_said_to_say_nothing(tmp_path):
    data = made(tmp_path / "data", draw, stage="sample", config=FEW).folder
    config = DataConfig(source="isic2024", folder=data, images="none")
    unit = made(tmp_path / "samples", verify_samples, stage="verify", data=config,
                verify=VerifyConfig(), shards=[])  # fmt: skip
    assert unit.facts["synthetic"]
    assert (
        "data was drawn by 'make sample': it shows no person, and no number measured on it says "
        "anything about skin."
    ) in told(unit)
    assert not [message for message in told(unit) if "not looked at" in message]  # there are none
    assert len(unit.parquet(SAMPLES)) == len(open_source(config).read(Findings()))
