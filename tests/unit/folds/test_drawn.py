import polars as pl

from folds.drawn import drawn

ROWS = pl.DataFrame({
    "isic_id": [f"i{at:02d}" for at in range(12)], "target": [0] * 8 + [1] * 4,
    "hospital": ["x", "y"] * 6,
})  # fmt: skip


def test_every_cell_gives_so_many_or_all_that_it_has():
    found = drawn(ROWS, ["target", "hospital"], 3, seed=0)
    assert found.group_by("target", "hospital").len().sort("target", "hospital")["len"].to_list() \
        == [3, 3, 2, 2]  # fmt: skip
    cells = found.select("target", "hospital")
    assert cells.equals(cells.sort("target", "hospital"))


def test_the_draw_hangs_on_seed_and_ids_alone():
    ids = drawn(ROWS, ["target"], 2, seed=0)["isic_id"].to_list()
    assert drawn(ROWS.sample(fraction=1, shuffle=True, seed=1), ["target"], 2, seed=0)[
        "isic_id"].to_list() == ids  # fmt: skip
    assert any(drawn(ROWS, ["target"], 2, seed=s)["isic_id"].to_list() != ids for s in range(1, 4))
    assert drawn(ROWS.filter(pl.col("isic_id").is_in(ids)), ["target"], 2, seed=0)[
        "isic_id"].to_list() == ids  # fmt: skip
