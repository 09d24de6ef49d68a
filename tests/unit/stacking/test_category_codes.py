import numpy as np
import pytest

from stacking.category_codes import (
    CategoryCodes,
    blind_columns,
    blinded,
    check_blind,
    code_columns,
    fit_category_codes,
    never_seen,
    renumbered,
)
from workspace.errors import ConfigError


def test_codes_are_numbered_by_the_training_rows():
    values = np.array([[5], [9], [7], [5], [np.nan]], dtype=np.float32)
    codes = fit_category_codes(values, ["cat_sex"], np.array([True, True, False, True, False]))
    assert codes == CategoryCodes({"cat_sex": [5, 9]})
    with renumbered(values, ["cat_sex"], codes):
        assert values[:, 0].tolist() == [0, 1, -1, 0, -1]
    assert values[:3, 0].tolist() == [5, 9, 7]


def test_an_unseen_code_is_what_an_unknown_word_is():
    values = np.array([[0], [9], [7], [np.nan]], dtype=np.float32)
    codes = fit_category_codes(values, ["cat_sex"], np.array([True, True, False, False]))
    with renumbered(values, ["cat_sex"], codes):
        assert values[:, 0].tolist() == [0, 1, 0, 0]


def test_only_columns_of_codes_are_renumbered_and_an_error_leaves_the_matrix_as_it_was():
    values = np.array([[5, 9, 2], [5, 8, 1]], dtype=np.float32)
    columns = ["meta_age", "cat_sex", "category"]
    assert code_columns(columns) == [1]
    codes = fit_category_codes(values, columns, np.array([True, True]))
    with pytest.raises(RuntimeError, match="half way"), renumbered(values, columns, codes):
        assert values.tolist() == [[5, 1, 2], [5, 0, 1]]
        raise RuntimeError("half way")
    assert values.tolist() == [[5, 9, 2], [5, 8, 1]]


def test_a_column_of_gaps_alone_has_no_codes():
    values = np.full((2, 1), np.nan, dtype=np.float32)
    codes = fit_category_codes(values, ["cat_sex"], np.array([True, True]))
    assert codes == CategoryCodes({"cat_sex": []})


@pytest.mark.parametrize(("word_of_first", "bucket"), [(0, 0), (5, -1)])
def test_a_category_of_the_hospital_that_is_left_out_alone_gets_the_unseen_code(
    word_of_first, bucket
):
    """Hospital B, the last three rows, alone has category 8 of a site; 0 is no word."""
    values = np.array([[word_of_first], [5], [7], [8], [5], [np.nan]], dtype=np.float32)
    training = np.array([True] * 3 + [False] * 3)
    codes = fit_category_codes(values, ["cat_site"], training)
    assert never_seen(values[~training], ["cat_site"], codes)[:, 0].tolist() == [True, False, False]
    with renumbered(values, ["cat_site"], codes):
        assert values[3, 0] == bucket
        assert values[4, 0] == values[1, 0] >= 0  # a category that others have too keeps its own


def test_of_no_column_nothing_is_unseen():
    unseen = never_seen(np.empty((2, 0), dtype=np.float32), [], CategoryCodes({}))
    assert unseen.shape == (2, 0)


def test_a_blind_pattern_must_mean_a_code():
    check_blind(["cat_hospital", "meta_age"], ["cat_h*"])
    with pytest.raises(
        ConfigError,
        match=r"^stack.blind names no column of codes: meta_age; there are cat_hospital. Those "
        r"of a row's origin come with 'provenance' among features.families, and stack.leave_out "
        r"takes codes away.$",
    ):
        check_blind(["cat_hospital", "meta_age"], ["cat_*", "meta_age"])


def test_a_blind_copy_has_the_code_of_what_was_never_seen():
    values = np.array([[1, 5, 0], [2, 9, 8]], dtype=np.float32)
    columns = ["meta_a", "cat_b", "cat_c"]
    codes = fit_category_codes(values, columns, np.array([True, True]))
    assert blind_columns(columns, ["cat_*"]) == [1, 2]
    copy = blinded([values[:1], values[1:]], columns, [1, 2], codes)
    assert copy.tolist() == [[1, -1, 0], [2, -1, 0]]
    assert values[:, 1].tolist() == [5, 9]
