"""Look-alikes as people meet them: found by `make verify`, judged on a page, folded as one."""

import cv2
import polars as pl

from tests.stages import Place
from tests.unit.folds.audit.test_fingerprint import skin
from tests.unit.folds.audit.test_points import photographed

ASKED = (
    'data.positive=["mel"]', "data.group=patient", "folds.n_folds=2", "verify.look_alikes=5",
    "stack.networks=false",
)  # fmt: skip


def call(place, stage, **options):
    return place.call(stage, "--recipe", "image_folder", settings=ASKED, **options)


def draw(place):
    """Six pictures of each class, each of another patient; the first two are of one lesion."""
    lesion = skin(1, 200)
    drawn = [lesion, photographed(lesion, 35, 1.2), *(skin(seed, 200) for seed in range(2, 12))]
    names = [f"{'mel' if at < 6 else 'nv'}/{at:02d}.png" for at in range(12)]
    for name, pixels in zip(names, drawn, strict=True):
        path = place.data / name
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), pixels[..., ::-1])
    owners = pl.DataFrame({"image": names, "patient_id": [f"p{at:02d}" for at in range(12)]})
    owners.write_csv(place.data / "groups.csv")


def groups_of(place):
    table = pl.read_parquet(place.run / "folds" / "folds.parquet")
    return table.select("isic_id", "group_id", "fold").sort("isic_id").rows()


def test_a_pair_is_listed_then_accepted_then_folded_as_one(tmp_path):
    place = Place(tmp_path)
    draw(place)
    said = call(place, "verify").stdout
    assert "notice: 1 pair of pictures of two patients that may be of one: look at" in said
    assert "mel__00,mel__01" in (place.run / "samples" / "look_alikes.html").read_text()
    assert "verify: nothing to do" in call(place, "verify").stdout

    (place.data / "accept.csv").write_text("a,b\nmel__00,mel__01\n")
    said = call(place, "folds").stdout
    assert "1 pair of images that a person takes for one lesion (accept.csv), 1 across" in said
    assert "notice: 0 pairs of pictures of two patients that may be of one" in said
    (_, group, fold), (_, other, same), *_ = groups_of(place)
    assert (group, fold) == (other, same) == ("p00", same)

    (place.data / "accept.csv").write_text("a,b\nmel__00,mel__1\n")
    failed = call(place, "folds", code=2)
    assert failed.stderr == (
        "folds: accept.csv names 1 image that no row has: [mel__1]; correct them, or take the "
        "lines out.\n"
    )
