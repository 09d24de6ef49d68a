"""Planted copies: whose picture they show, and that the search for near-duplicates sees them."""

import numpy as np
import polars as pl
import pytest
import simplejpeg

from folds.audit.fingerprint import fingerprint
from folds.audit.near import near_duplicates
from synthetic.cohort import draw_cohort, stream
from synthetic.config import SyntheticConfig
from synthetic.copies import PICTURE, choose_copies, show_copies
from synthetic.crops import draw_crops
from synthetic.shown import choose_crops
from synthetic.tables import isic_ids
from synthetic.textures import weave
from synthetic.traits import draw_traits

CONFIG = SyntheticConfig(patients=12, rows=240, positives=9, copies=25)
SEED = 3


@pytest.fixture(scope="module")
def traits() -> pl.DataFrame:
    return draw_traits(draw_cohort(CONFIG, SEED), SEED)


def test_a_copy_and_its_original_are_two_benign_rows_of_one_patient(traits: pl.DataFrame) -> None:
    copies = choose_copies(traits, 25, SEED)
    assert len(copies) == 25
    every = [*copies["number"], *copies[PICTURE]]
    assert len(set(every)) == 50  # no copy of a copy, none copied twice
    of = {row["number"]: row for row in traits.iter_rows(named=True)}
    assert not any(of[number]["test"] or of[number]["target"] for number in every)
    assert all(
        of[number]["patient"] == of[original]["patient"] for number, original in copies.iter_rows()
    )


def test_fewer_copies_are_the_first_of_more(traits: pl.DataFrame) -> None:
    few, many = (choose_copies(traits, count, SEED) for count in (5, 25))
    assert set(few["number"]) < set(many["number"])


def test_a_copy_shows_its_original_and_keeps_its_own_name(traits: pl.DataFrame) -> None:
    copies = pl.DataFrame({"number": traits["number"][[4]], PICTURE: traits["number"][[7]]})
    shown = show_copies(traits, copies)
    assert shown["number"].to_list() == traits["number"].to_list()
    looks = pl.exclude("number", PICTURE)
    assert shown[4].select(looks).equals(traits[7].select(looks))
    others = pl.int_range(pl.len()) != 4
    assert shown.filter(others).drop(PICTURE).equals(traits.filter(others))


def test_the_search_finds_the_planted_copies_and_nothing_else(traits: pl.DataFrame) -> None:
    shown, copies = choose_crops(traits, CONFIG, SEED)
    crops = dict(draw_crops(shown, SEED, weave(stream(SEED, "textures"))))
    names = sorted(crops)
    prints = [fingerprint(simplejpeg.decode_jpeg(crops[name])) for name in names]
    pairs = near_duplicates(
        np.stack([one.key for one in prints]), np.stack([one.thumb for one in prints])
    )
    reported = {frozenset((names[i], names[j])) for i, j in pairs.select("i", "j").iter_rows()}
    originals = isic_ids(copies.select(number=PICTURE))
    planted = {frozenset(pair) for pair in zip(isic_ids(copies), originals, strict=True)}
    assert reported <= planted
    assert len(reported) >= 23  # of 25: a shift of two pixels may lose one
    assert len({crops[name] for name in names}) == len(names)


def test_without_copies_nothing_is_drawn_otherwise(traits: pl.DataFrame) -> None:
    plain, none = choose_crops(traits, CONFIG.model_copy(update={"copies": 0}), SEED)
    assert none.is_empty()
    assert plain[PICTURE].equals(plain["number"].alias(PICTURE))
    assert "copies" not in SyntheticConfig().settings()
    assert CONFIG.settings()["copies"] == 25
