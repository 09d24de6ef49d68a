"""Whose each DermaMNIST image is, by the pictures of HAM10000: once, and as a file to read."""

import io

import cv2
import numpy as np
import polars as pl
import pytest
from rich.console import Console

from pipeline.job import Job
from pipeline.lesions import FILE, matching, with_lesions
from pipeline.notices import NOTICES
from pipeline.recipe import load_recipe
from pipeline.samples import REPORT, SAMPLES
from reports.desk import ConsoleDesk
from scripts import verify
from tests.by_hand.tasks import check_travels, depends_on
from tests.unit.folds.test_matching import picture
from workspace.errors import ConfigError, DataError
from workspace.hashing import HashMemory

# The number of a picture, its lesion, its class, the image that is made of it.
PICTURES = (
    (0, "A", "mel", "train_00000"), (1, "A", "mel", "test_00000"), (2, "B", "nv", "train_00001"),
    (3, "C", "nv", "val_00000"), (4, "C", "nv", "test_00001"), (5, "D", "mel", "val_00001"),
)  # fmt: skip


def isic(number):
    return f"ISIC_{number:07d}"


class Collections:
    """Two folders of the same lesions, and calls on a run."""

    def __init__(self, folder):
        self.derma, self.ham, self.run = (folder / name for name in ("derma", "ham", "run"))
        self.said = io.StringIO()
        for place in (self.derma, self.ham):
            (place / "images").mkdir(parents=True)
        labels, rows = ["image_id,dx"], ["lesion_id,image_id,dx,dx_type,age,sex,localization"]
        for number, lesion, name, image in PICTURES:
            self.draw(number, picture(number), image)
            labels.append(f"DermaMNIST_{image}.jpg,{name}")
            rows.append(f"{lesion},{isic(number)},{name},histo,50,male,back")
        (self.derma / "labels.csv").write_text("\n".join(labels) + "\n")
        (self.ham / "HAM10000_metadata.csv").write_text("\n".join(rows) + "\n")

    def draw(self, number, pixels, image):
        assert cv2.imwrite(str(self.ham / "images" / f"{isic(number)}.jpg"), pixels)
        square = pixels[:, 25:175]
        small = cv2.resize(square, (28, 28), interpolation=cv2.INTER_AREA)
        assert cv2.imwrite(str(self.derma / "images" / f"DermaMNIST_{image}.jpg"), small)

    def job(self, *settings, **values):
        given = [f"data.folder={self.derma}", "data.table='labels.csv'",
                 f"data.lesions={self.ham}", 'data.positive=["mel"]', *settings]  # fmt: skip
        desk = ConsoleDesk(Console(file=self.said, width=200), "verify")
        return Job(
            "verify", load_recipe("dermamnist", given), self.run, HashMemory(), desk, **values
        )

    def lines(self):
        text = self.said.getvalue()
        self.said.seek(0)
        self.said.truncate()
        return [line for line in text.splitlines() if ": making " not in line]


@pytest.fixture
def both(tmp_path):
    return Collections(tmp_path)


def lesions_of(path):
    table = pl.read_csv(path, infer_schema=False)
    return {name.removeprefix("DermaMNIST_"): lesion
            for name, lesion in table.select("dermamnist_id", "lesion_id").iter_rows()}  # fmt: skip


def test_each_image_has_the_lesion_of_its_picture_and_the_file_says_which_that_is(both):
    job = both.job()
    data = with_lesions(job)
    assert data.lesions == both.run / "lesions" / FILE
    assert lesions_of(data.lesions) == {image: lesion for _, lesion, _, image in PICTURES}
    table = pl.read_csv(data.lesions, infer_schema=False)
    assert table.columns == ["dermamnist_id", "isic_id", "lesion_id", "dx", "split", "corr"]
    assert dict(table.select("dermamnist_id", "isic_id").iter_rows()) == {
        f"DermaMNIST_{image}": isic(number) for number, _, _, image in PICTURES
    }
    assert table["split"].sort().to_list() == ["test"] * 2 + ["train"] * 2 + ["val"] * 2
    assert table["corr"].cast(pl.Float64).min() > 0.95
    assert both.lines() == [
        f"verify: 6 of 6 images are pictures of ham; see {both.run / 'lesions' / FILE}."
    ]
    with_lesions(both.job())
    assert both.lines() == []  # nothing is matched twice


def test_the_match_hangs_on_both_collections_and_on_nothing_else(both):
    task = matching(both.job())
    check_travels(task)
    assert (task.stage, task.stays) == ("verify", True)
    assert set(depends_on(task)[1]) == {
        "images/labels.csv", "images/images", "pictures/HAM10000_metadata.csv", "pictures/images",
    }  # fmt: skip
    before = depends_on(task)
    assert depends_on(matching(both.job("folds.scheme=corrected", "data.group=lesion"))) == before
    both.draw(5, picture(50), "val_00001")
    assert depends_on(matching(both.job())) != before


def test_a_file_of_lesions_is_read_as_it_is(both):
    file = both.ham / "HAM10000_metadata.csv"
    assert with_lesions(both.job(f"data.lesions={file}")).lesions == file
    assert not (both.run / "lesions").exists()


def test_an_image_that_is_no_picture_there_is_named_and_has_no_lesion(both):
    noise = np.random.default_rng(9).integers(0, 255, (28, 28, 3), dtype=np.uint8)
    assert cv2.imwrite(str(both.derma / "images" / "DermaMNIST_test_00001.jpg"), noise)
    job = both.job()
    data = with_lesions(job)
    assert "test_00001" not in lesions_of(data.lesions)
    message = (
        "1 image without a lesion: no picture of ham correlates by 0.9 or more with it: "
        "[DermaMNIST_test_00001]."
    )
    assert both.lines()[0] == f"notice: {message}"
    done = verify.run(both.job())
    [notice] = [n for n in done.json(REPORT)["notices"] if n["check"] == "unknown-lesion"]
    assert notice["message"] == (
        "lesions.csv does not say which lesion 1 image of 6 show: [DermaMNIST_test_00001]."
    )
    sheet = done.json(REPORT)["crossings"][0]
    assert sheet["all"]["test"] == {"rows": 2, "leaked": 1, "unknown": 1}


def test_verify_reads_the_lesions_that_were_matched_and_tells_what_leaks(both):
    done = verify.run(both.job())
    samples = done.parquet(SAMPLES)
    assert dict(samples.select("isic_id", "lesion_id").iter_rows()) == {
        f"DermaMNIST_{image}": lesion for _, lesion, _, image in PICTURES
    }
    assert done.manifest.inputs.keys() == {"labels.csv", "images", "lesions.csv"}
    assert str(both.run) not in str(done.manifest.model_dump(mode="json")["settings"])
    assert done.manifest.recipe["data"]["lesions"] == "ham"
    [sheet] = done.json(REPORT)["crossings"]
    mel, nv = sheet["classes"]
    assert (mel["across"], mel["test"]["leaked"], mel["test"]["rows"]) == (1, 1, 1)
    assert (nv["across"], nv["test"]["leaked"], nv["test"]["rows"]) == (1, 0, 1)  # C: valid, test
    assert (
        "verify: 1 of 2 test images of the official split are leaked: their lesion is in training "
        "too (copies of a picture under another lesion are not counted here)."
    ) in both.lines()
    again = verify.run(both.job())
    assert again.manifest == done.manifest
    (both.ham / "HAM10000_metadata.csv").write_text(
        (both.ham / "HAM10000_metadata.csv").read_text().replace("D,", "E,")
    )
    changed = verify.run(both.job())
    assert changed.sha256(SAMPLES) != done.sha256(SAMPLES)


def test_without_pictures_nothing_can_be_matched(both):
    with pytest.raises(ConfigError) as refused:
        with_lesions(both.job("data.images=none"))
    assert str(refused.value) == (
        "data.lesions names a folder, with whose pictures the images are matched, and data.images "
        "is 'none'; name a CSV of lesions, or take data.images='all'."
    )


def test_a_folder_without_a_table_of_lesions_is_refused(both):
    (both.ham / "HAM10000_metadata.csv").unlink()
    with pytest.raises(DataError) as refused:
        with_lesions(both.job())
    assert str(refused.value) == (
        f"{both.ham} holds no HAM10000_metadata.csv; name a folder of HAM10000 in data.lesions, "
        "or a CSV of lesions."
    )
    with pytest.raises(DataError) as refused:
        verify.run(both.job(f"data.lesions={both.ham / 'gone'}"))
    assert str(refused.value) == f"gone is missing in {both.ham}; see data.lesions."


def test_an_image_is_matched_among_all_pictures_or_not_at_all(both):
    """Without its own, an image is most like another lesion's picture."""
    path = both.ham / "images" / f"{isic(3)}.jpg"
    kept = path.read_bytes()
    path.unlink()
    with pytest.raises(DataError) as refused:
        with_lesions(both.job())
    assert str(refused.value) == (
        f"Pictures missing in {both.ham}: [ISIC_0000003]; all are wanted, for an image without its "
        "own is most like another lesion's."
    )
    path.write_bytes(kept)
    table = both.ham / "HAM10000_metadata.csv"
    table.write_text("\n".join(table.read_text().splitlines()[:-1]) + "\n")
    with pytest.raises(DataError) as refused:
        with_lesions(both.job())
    assert str(refused.value) == (
        f"{both.ham} has 5 pictures, fewer than there are images (6); name the whole HAM10000 in "
        "data.lesions."
    )


def test_matches_are_noticed_as_their_unit_keeps_them(both):
    job = both.job()
    with_lesions(job)
    unit, new = job.make(matching(job))
    assert (new, unit.json(NOTICES)) == (False, [])
    assert (unit.facts["images"], unit.facts["matched"]) == (6, 6)
