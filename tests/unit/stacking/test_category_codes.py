import numpy as np
import pytest

from stacking.category_codes import CategoryCodes, code_columns, fit_category_codes, renumbered


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
