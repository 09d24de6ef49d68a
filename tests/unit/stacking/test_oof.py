import numpy as np
import polars as pl
import pytest

from stacking.oof import averaged, check_oof, out_of_fold
from workspace.errors import ArtifactError

ROWS = pl.DataFrame(
    {"isic_id": ["a", "b", "c", "d", "t"], "fold": [0, 0, 1, 2, -1]},
    schema_overrides={"fold": pl.Int16},
)
MAKERS = {0: "aa", 1: "bb", 2: "cc"}


def part(*ids):
    return pl.DataFrame({"isic_id": list(ids), "score": [0.5] * len(ids)})


def test_each_held_out_id_once_with_its_fold_and_maker():
    table = out_of_fold({0: part("b", "a"), 1: part("c"), 2: part("d")}, MAKERS, ROWS)
    assert table.select("isic_id", "fold", "maker").rows() == [
        ("a", 0, "aa"), ("b", 0, "aa"), ("c", 1, "bb"), ("d", 2, "cc"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (
            {0: part("a", "b"), 1: part("c")},
            "OOF incomplete: fold 2 has no predictions in the stack; finish the stage that makes "
            "them.",
        ),
        (
            {0: part("a", "b", "a"), 1: part("c"), 2: part("d")},
            "OOF of the stack has images more than once: [a].",
        ),
        (
            {0: part("a"), 1: part("c"), 2: part("d")},
            "OOF of the stack has images that are not the images the folds hold out: [b].",
        ),
        (
            {0: part("a", "b"), 1: part("c"), 2: part("d", "t")},
            "OOF of the stack has images that are not the images the folds hold out: [t].",
        ),
        (
            {0: part("a", "c"), 1: part("b"), 2: part("d")},
            "OOF of the stack has images scored by a model of another fold than the one that holds "
            "them out: [b, c].",
        ),
    ],
)
def test_check_62_anything_else_is_refused(parts, message):
    with pytest.raises(ArtifactError) as error:
        out_of_fold(parts, MAKERS, ROWS)
    assert str(error.value) == message


def test_a_good_table_passes():
    table = pl.DataFrame({"isic_id": ["a", "b", "c", "d"], "fold": [0, 0, 1, 2]})
    check_oof(table.cast({"fold": pl.Int16}), ROWS, "block")


def test_folds_are_averaged_by_probability_or_by_rank():
    parts = [np.array([0.1, 0.2, 0.9]), np.array([0.01, 0.03, 0.02])]
    assert averaged(parts, "probability") == pytest.approx([0.055, 0.115, 0.46])
    assert averaged(parts, "rank") == pytest.approx([0.5 / 3, 2 / 3, 2 / 3])
    assert averaged([np.array([1.0, 1, 1])], "rank") == pytest.approx([0.5] * 3)  # check 130
