"""The drawn crops: the same bytes whatever their neighbours; pictures that agree with the table."""

import cv2
import numpy as np
import polars as pl
import pytest
import simplejpeg
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from synthetic.cohort import draw_cohort, stream
from synthetic.config import SyntheticConfig
from synthetic.crops import draw_crops
from synthetic.lesion import paint_lesion
from synthetic.textures import Textures, weave
from synthetic.traits import STRUCTURES, draw_traits

SEED = 11


@pytest.fixture(scope="module")
def traits() -> pl.DataFrame:
    """Every positive of the training set and as many others."""
    config = SyntheticConfig(patients=200, rows=2000, positives=200)
    every = draw_traits(draw_cohort(config, SEED), SEED).filter(~pl.col("test"))
    some = pl.concat([every.filter(pl.col("target") == t).head(200) for t in (0, 1)])
    return some.sort("number")


@pytest.fixture(scope="module")
def textures() -> Textures:
    return weave(stream(SEED, "textures"))


def draw(traits: pl.DataFrame, seed: int, textures: Textures) -> dict[str, bytes]:
    return dict(draw_crops(traits, seed, textures))


@pytest.fixture(scope="module")
def crops(traits: pl.DataFrame, textures: Textures) -> dict[str, bytes]:
    return draw(traits, SEED, textures)


@pytest.fixture(scope="module")
def pixels(crops: dict[str, bytes]) -> list[NDArray[np.uint8]]:
    return [simplejpeg.decode_jpeg(data) for data in crops.values()]


def lab(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.asarray(cv2.cvtColor(np.float32(rgb) / 255, cv2.COLOR_RGB2LAB))


def test_bytes_do_not_depend_on_neighbours(
    traits: pl.DataFrame, crops: dict[str, bytes], textures: Textures
) -> None:
    few = traits.gather_every(9)
    alone = draw(few, SEED, textures)
    assert alone == {name: crops[name] for name in alone}
    other = draw(few.head(3), SEED + 1, textures)
    assert all(other[name] != crops[name] for name in other)


def test_crops_are_square_colour_and_of_the_real_sizes(pixels: list[NDArray[np.uint8]]) -> None:
    sides = [image.shape[0] for image in pixels]
    assert all(image.shape == (side, side, 3) for image, side in zip(pixels, sides, strict=True))
    assert 55 <= min(sides) <= max(sides) <= 241
    assert 120 < np.median(sides) < 150


def test_skin_is_as_light_as_the_table_says(
    traits: pl.DataFrame, pixels: list[NDArray[np.uint8]]
) -> None:
    around = [np.median(lab(image)[:10], axis=(0, 1)) for image in pixels]
    for index, name in enumerate(("skin_l", "skin_a", "skin_b")):
        seen = [colour[index] for colour in around]
        assert np.corrcoef(seen, traits[name].to_numpy())[0, 1] > 0.75


def test_a_larger_lesion_covers_more_and_its_mean_colour_is_the_tables(
    traits: pl.DataFrame, textures: Textures
) -> None:
    areas = []
    for row in traits.head(60).iter_rows(named=True):
        painted = paint_lesion(row, 241, 8.0, textures, np.random.default_rng(row["number"]))
        weight = painted.opacity / painted.opacity.sum()
        means = (painted.difference * weight).sum(axis=(1, 2))
        expected = [row["delta_l"], row["delta_a"], row["delta_b"]]
        np.testing.assert_allclose(means, expected, atol=0.01)
        areas.append(float(painted.opacity.sum()))
    sizes = traits.head(60).select(pl.col("long_mm") ** 2 * pl.col("axes")).to_series()
    assert np.corrcoef(np.log(areas), np.log(sizes.to_numpy()))[0, 1] > 0.9


def test_structures_show_in_the_pixels_and_only_there(
    traits: pl.DataFrame, textures: Textures
) -> None:
    """Bluish pixels inside the lesion give malignant ones away though mean colours are equal."""

    def bluest(row: dict[str, float]) -> float:
        painted = paint_lesion(row, 133, 8.0, textures, np.random.default_rng(int(row["number"])))
        depth = row["delta_b"] - painted.difference[2][painted.opacity > 0.6]
        return float(np.quantile(depth, 0.97)) if depth.size else 0.0

    # All measured traits are made equal, so that nothing but structures can tell.
    measured = ("long_mm", "axes", "ragged", "delta_l", "delta_a", "delta_b", "spread", "spread_l")
    same = traits.with_columns(pl.col(name).median() for name in measured)
    target = traits["target"].to_numpy()
    seen = [bluest(row) for row in same.iter_rows(named=True)]
    assert roc_auc_score(target, seen) > 0.75
    plain = same.with_columns(pl.lit(0.0).alias(name) for name in STRUCTURES)
    nothing = [bluest(row) for row in plain.iter_rows(named=True)]
    assert 0.4 < roc_auc_score(target, nothing) < 0.6


def test_neither_bytes_nor_sides_give_the_target_away(
    traits: pl.DataFrame, crops: dict[str, bytes], pixels: list[NDArray[np.uint8]]
) -> None:
    target = traits["target"].to_numpy()
    per_pixel = [len(data) / image.size for data, image in zip(crops.values(), pixels, strict=True)]
    for cheap in (per_pixel, [len(data) for data in crops.values()], [len(i) for i in pixels]):
        assert 0.35 < roc_auc_score(target, cheap) < 0.65
