import inspect
import re

import numpy as np
import pytest
import safetensors.numpy
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge
from threadpoolctl import threadpool_limits

from stacking.alignment import maps
from stacking.alignment.maps import Maps, fit
from tests.unit.stacking.alignment.conftest import METHODS, config, drawn
from workspace.errors import ArtifactError, ConfigError


def standard(view):
    """Slow twin: centred, one scale."""
    off = view.astype(np.float64) - view.astype(np.float64).mean(axis=0)
    return off / np.sqrt((off**2).mean())


def spread(mapped):
    """The squared distance between two folds' views over their variance."""
    first, second = mapped[0].astype(float), mapped[1].astype(float)
    return ((first - second) ** 2).sum() / ((first - first.mean(axis=0)) ** 2).sum()


def mapped_by(fitted, views):
    return {fold: fitted.apply(fold, view) for fold, view in views.items()}


@pytest.mark.parametrize(
    ("method", "most"), [("procrustes", 0.02), ("ridge", 0.02), ("relative", 0.02)]
)
def test_a_planted_rotation_scale_and_shift_is_undone_on_pictures_unseen(method, most):
    every = drawn(rows=800)
    anchors = {fold: view[:400] for fold, view in every.items()}
    unseen = {fold: view[400:] for fold, view in every.items()}
    assert spread(mapped_by(fit(anchors, config(method)), unseen)) < most
    assert spread(mapped_by(fit(anchors, config("raw")), unseen)) > 0.5


def test_raw_changes_nothing(views):
    fitted = fit(views, config("raw"))
    for fold, view in views.items():
        np.testing.assert_array_equal(fitted.apply(fold, view), view)


def test_procrustes_turns_onto_the_lowest_fold_and_only_turns():
    views = drawn(folds=2, noise=0)
    fitted = fit({1: views[1], 0: views[0]}, config("procrustes"))
    wanted = standard(views[0])
    np.testing.assert_allclose(fitted.apply(0, views[0]), wanted, atol=1e-4)
    np.testing.assert_allclose(fitted.apply(1, views[1]), wanted, atol=1e-4)
    turn = fitted.weights[1] * standard_scale(views[1])
    np.testing.assert_allclose(turn @ turn.T, np.eye(12), atol=1e-9)


def standard_scale(view):
    off = view.astype(np.float64) - view.astype(np.float64).mean(axis=0)
    return np.sqrt((off**2).mean())


def rotated_onto_the_first(views):
    """Slow twin of the frame: the polar factor of each cross product."""
    tables = [standard(view) for view in views.values()]
    turned = []
    for table in tables:
        left, _, right = np.linalg.svd(table.T @ tables[0])
        turned.append(table @ (left @ right))
    return tables, turned


@pytest.mark.parametrize("width", [12, 80])
def test_ridge_is_scikit_learns_on_the_mean_of_the_other_folds(width):
    views = drawn(rows=60, width=width)
    fitted = fit(views, config(ridge=0.3))
    tables, turned = rotated_onto_the_first(views)
    for fold, view in views.items():
        others = np.mean([t for at, t in enumerate(turned) if at != fold], axis=0)
        twin = Ridge(alpha=0.3 * len(view), fit_intercept=True).fit(tables[fold], others)
        unseen = drawn(rows=5, width=width, seed=1)[fold]
        off = (unseen.astype(float) - view.astype(float).mean(axis=0)) / standard_scale(view)
        for rows, standardised in ((view, tables[fold]), (unseen, off)):
            np.testing.assert_allclose(
                fitted.apply(fold, rows), twin.predict(standardised), atol=1e-4, rtol=1e-4
            )
    assert fitted.penalties.tolist() == [0.3, 0.3, 0.3]


@pytest.mark.parametrize("method", METHODS)
def test_components_are_the_same_where_anchors_are_fewer_than_columns(method):
    views = drawn(rows=50, width=80)
    mapped = mapped_by(fit(views, config(method)), views)
    together = np.concatenate(list(mapped.values())).astype(float)
    twin = PCA(3).fit(together)
    fewer = fit(views, config(method, pca=3))
    for fold, view in views.items():
        ours, theirs = fewer.apply(fold, view), twin.transform(mapped[fold].astype(float))
        signs = np.sign((ours * theirs).sum(axis=0))
        np.testing.assert_allclose(ours, theirs * signs, atol=1e-3, rtol=1e-3)


def test_the_bits_hang_on_no_number_of_threads():
    views = drawn(rows=150, width=200)
    found = []
    for threads in (1, 2):
        with threadpool_limits(threads, "blas"):
            found.append(fit(views, config(pca=8)))
    np.testing.assert_array_equal(found[0].weights, found[1].weights)


@pytest.mark.parametrize("rows", [60, 400])
def test_the_penalty_has_the_least_generalised_cross_validation(rows):
    views = drawn(rows=rows, width=30, folds=2, noise=2.0)
    tables, turned = rotated_onto_the_first(views)

    def score(amount):
        """Slow twin: the matrix that fits, and the mean beside it."""
        view = tables[0]
        gram = view.T @ view + amount * rows * np.eye(30)
        hat = view @ np.linalg.solve(gram, view.T)
        squares = ((turned[1] - hat @ turned[1]) ** 2).sum()
        return squares / (rows - 1 - np.trace(hat)) ** 2

    best = min(maps.PENALTIES, key=score)
    assert fit(views, config()).penalties[0] == best
    assert maps.PENALTIES[0] < best < maps.PENALTIES[-1]


def test_fewer_anchors_than_columns_are_fitted_too():
    views = drawn(rows=50, width=80)
    for method in METHODS:
        assert np.isfinite(fit(views, config(method)).apply(1, views[1])).all()


def test_relative_is_cosine_with_the_same_anchors_for_every_fold(views):
    fitted = fit(views, config("relative", landmarks=3))
    assert fitted.columns == 3
    for fold, view in views.items():
        off = view.astype(float) - view.astype(float).mean(axis=0)
        found = fitted.apply(fold, view)
        for row in (0, 5, 399):
            for at, mark in enumerate((0, 200, 399)):  # of 399 / 2 the even neighbour
                cosine = off[row] @ off[mark]
                cosine /= np.linalg.norm(off[row]) * np.linalg.norm(off[mark])
                assert found[row, at] == pytest.approx(cosine, abs=1e-6)


def test_a_row_at_the_very_mean_is_like_no_landmark(views):
    fitted = fit(views, config("relative"))
    assert fitted.apply(1, fitted.means[1][None, :]).tolist() == [[0.0] * 16]


def test_a_single_fold_has_nobody_to_agree_with_and_is_only_standardised(views):
    fitted = fit({4: views[0]}, config())
    np.testing.assert_allclose(fitted.apply(4, views[0]), standard(views[0]), atol=1e-5)
    assert np.isnan(fitted.penalties).all()


@pytest.mark.parametrize("method", METHODS)
def test_components_are_those_of_all_folds_mapped_anchors(views, method):
    whole = mapped_by(fit(views, config(method)), views)
    fitted = fit(views, config(method, pca=4))
    together = np.concatenate(list(whole.values())).astype(float)
    twin = PCA(4, svd_solver="full").fit(together)
    assert fitted.columns == 4
    for fold, view in views.items():
        wanted = twin.transform(whole[fold].astype(float))
        found = fitted.apply(fold, view)
        signs = np.sign((wanted * found).sum(axis=0))
        np.testing.assert_allclose(found, wanted * signs, atol=1e-4)
        # Whatever sign a library gives an axis, here its strongest entry points up.
        strongest = twin.components_[np.arange(4), np.abs(twin.components_).argmax(axis=1)]
        np.testing.assert_array_equal(signs, np.sign(strongest))


@pytest.mark.parametrize("method", METHODS)
def test_maps_are_the_same_to_the_bit_after_a_file(views, method):
    fitted = fit(views, config(method, pca=5))
    kept = safetensors.numpy.load(safetensors.numpy.save(fitted.tensors()))
    again = Maps.from_tensors(kept)
    for fold, view in views.items():
        assert again.apply(fold, view).tobytes() == fitted.apply(fold, view).tobytes()
        assert again.apply(fold, view).dtype == np.float32


@pytest.mark.parametrize("method", METHODS)
def test_no_order_of_rows_matters(views, method):
    order = np.random.default_rng(1).permutation(400)
    fitted = fit(views, config(method))
    np.testing.assert_allclose(
        fitted.apply(2, views[2][order]), fitted.apply(2, views[2])[order], atol=1e-6
    )
    if method != "relative":  # whose landmarks are anchors at stated places
        turned = fit({fold: view[order] for fold, view in views.items()}, config(method))
        np.testing.assert_allclose(turned.apply(2, views[2]), fitted.apply(2, views[2]), atol=1e-4)


def test_many_rows_go_through_some_at_a_time(views, monkeypatch):
    fitted = fit(views, config())
    whole = fitted.apply(0, views[0])
    monkeypatch.setattr(maps, "AT_ONCE", 7)
    np.testing.assert_allclose(fitted.apply(0, views[0]), whole, rtol=1e-6, atol=1e-6)


def test_no_row_at_all_is_no_problem(views):
    assert fit(views, config()).apply(0, views[0][:0]).shape == (0, 12)


def test_no_label_can_come_in():
    assert list(inspect.signature(fit).parameters) == ["embeddings", "config"]
    assert list(inspect.signature(Maps.apply).parameters) == ["self", "fold", "embedding"]


def test_a_network_that_tells_no_pictures_apart_is_refused(views):
    views[1] = np.ones_like(views[1]) * 0.1
    message = (
        "Fold 1's embeddings are the same for all anchors: its network tells no pictures apart; "
        "train that fold anew, or take align.method='scalars'."
    )
    for method in ("ridge", "procrustes", "relative"):
        with pytest.raises(ArtifactError, match=f"^{re.escape(message)}$"):
            fit(views, config(method))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"method": "relative", "landmarks": 401},
            "align.landmarks=401 is more than the 400 anchors; lower it.",
        ),
        (
            {"pca": 13},
            "align.pca=13 is more than the 12 mapped columns or the 400 anchors; lower it.",
        ),
    ],
)
def test_more_than_there_is_is_refused(views, changes, message):
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        fit(views, config(**changes))


def test_rows_that_do_not_belong_are_refused(views):
    fitted = fit(views, config())
    holed = views[0].copy()
    holed[3, 3] = np.inf
    tries = (
        (7, views[0], "No map was fitted for fold 7, only for 0, 1, 2; fit anew."),
        (
            0,
            views[0][:, :5],
            "Fold 0's embeddings have the shape (400, 5), but its map was fitted on 12 columns; "
            "fit the maps anew.",
        ),
        (
            0,
            holed,
            "Fold 0's embeddings have values that are no finite numbers (row 3); leave out rows "
            "without a picture, or train that fold anew.",
        ),
    )
    for fold, rows, message in tries:
        with pytest.raises(ArtifactError, match=f"^{re.escape(message)}$"):
            fitted.apply(fold, rows)


def test_tensors_of_something_else_are_refused(views):
    tensors = fit(views, config()).tensors()
    del tensors["unit"]
    message = "The kept maps lack or do not know unit; they are of another version: fit anew."
    with pytest.raises(ArtifactError, match=f"^{re.escape(message)}$"):
        Maps.from_tensors(tensors)
