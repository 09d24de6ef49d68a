import numpy as np
import polars as pl
import pytest

from stacking.alignment.columns import (
    MAPS,
    NetworkOutput,
    aligned_from,
    fit_aligned,
    score_names,
)
from stacking.alignment.names import SCALARS
from stacking.alignment.patients import Patients
from tests.unit.stacking.alignment.conftest import config, drawn
from workspace.errors import ArtifactError

BINARY, THREE = ("benign", "malignant"), ("MEL", "BCC", "other one")
PATIENTS = Patients.of(pl.Series([f"p{n // 4}" for n in range(398)] + [None, "alone"]))
SIZE = np.random.default_rng(3).uniform(2, 12, 400)


def views_of(embeddings, scores=1):
    rng = np.random.default_rng(1)
    shares = rng.uniform(0.05, 0.95, (len(embeddings[0]), scores))
    # Each fold has a level of its own, on which columns must not hang.
    return {fold: NetworkOutput(e, shares ** (fold + 1)) for fold, e in embeddings.items()}


def fitted(views, classes=BINARY, **changes):
    return fit_aligned("net", classes, views, config(**changes))


def rows_of(output, rows):
    return NetworkOutput(output.embedding[rows], output.probability[rows])


def test_check_165_scores_that_float32_would_merge_stay_apart(views):
    one, two = (np.array([[1 / (1 + np.exp(-logit))]] * 400) for logit in (17.0, 17.2))
    assert np.float32(one[0, 0]) == np.float32(two[0, 0])
    aligned = fitted(views_of(views), method="raw")
    found = [
        aligned.columns(1, NetworkOutput(views[1], some), PATIENTS, None)["oof_net_probability"]
        for some in (one, two)
    ]
    assert (found[0] < found[1]).all()


@pytest.mark.parametrize("sized", [True, False])
@pytest.mark.parametrize("method", ["ridge", "procrustes", "relative", "raw"])
def test_columns_are_named_for_what_each_part_gives(views, method, sized):
    views = views_of(views)
    aligned = fitted(views, method=method)
    found = aligned.columns(1, views[1], PATIENTS, SIZE if sized else None)
    width = 16 if method == "relative" else 12
    distances = ["nearest", "mean", "largest"][: 3 if sized else 2]
    assert list(found) == [
        *(f"emb_net_{at:04d}" for at in range(width)),
        *(f"emb_net_{what}" for what in distances),
        *(f"oof_net_{what}" for what in SCALARS),
    ]
    assert {found[name].dtype for name in found if name.startswith("emb")} == {np.dtype("float32")}
    mapped = aligned.maps.apply(1, views[1].embedding)
    own = [number for number in range(400) if PATIENTS.codes[number] == PATIENTS.codes[5]]
    far = np.linalg.norm(mapped[own] - mapped[5], axis=1)
    assert len(own) == 4
    for at, name in ((0, "emb_net_0000"), (width - 1, f"emb_net_{width - 1:04d}")):
        np.testing.assert_array_equal(found[name], mapped[:, at])
    assert found["emb_net_nearest"][5] == pytest.approx(min(far[far > 0]), rel=1e-4)
    assert found["emb_net_mean"][5] == pytest.approx(far.sum() / 3, rel=1e-4)
    if sized:
        largest = max(own, key=lambda number: SIZE[number])
        apart = np.linalg.norm(mapped[largest] - mapped[5])
        assert found["emb_net_largest"][5] == pytest.approx(apart, rel=1e-4)
    assert np.isnan(found["emb_net_nearest"][-2:]).all()  # nobody's, and a lone one's


def test_each_fold_goes_through_its_own_map_and_scale():
    """The folds see one truth: by its own map each fold says of a picture what the others say."""
    views = views_of(drawn(noise=0.01))
    aligned = fitted(views)
    found = [aligned.columns(fold, views[fold], PATIENTS, SIZE) for fold in range(3)]
    for name in found[0]:
        if name.startswith("emb_"):
            one, other = (found[fold][name][:398].astype(np.float64) for fold in (0, 2))
            assert np.corrcoef(one, other)[0, 1] > 0.98, name
    ranks = [columns["oof_net_rank"] for columns in found]
    np.testing.assert_allclose(ranks[0], ranks[2], atol=1e-6)
    wrong = aligned.columns(2, views[0], PATIENTS, SIZE)
    both = found[0]["emb_net_0000"], wrong["emb_net_0000"]
    assert abs(np.corrcoef(*both)[0, 1]) < 0.9
    assert np.abs(wrong["oof_net_rank"] - ranks[0]).max() > 0.1
    with pytest.raises(ArtifactError, match="No map was fitted for fold 3, only for 0, 1, 2"):
        aligned.columns(3, views[0], PATIENTS, SIZE)


def test_of_two_classes_there_is_one_score_and_of_more_one_each(views):
    assert score_names("net", BINARY) == ("net",)
    assert score_names("net", THREE) == ("net_MEL", "net_BCC", "net_other_one")
    both = views_of(views, scores=3)
    found = fitted(both, THREE, method="scalars").columns(1, both[1], PATIENTS, None)
    assert list(found) == [
        f"oof_net_{name}_{what}" for name in ("MEL", "BCC", "other_one") for what in SCALARS
    ]
    for at, name in enumerate(("MEL", "BCC", "other_one")):
        shares = both[1].probability[:, at]
        np.testing.assert_allclose(found[f"oof_net_{name}_probability"], shares, rtol=1e-6)
    alone = {k: NetworkOutput(v.embedding, v.probability[:, 1:2]) for k, v in both.items()}
    second = fitted(alone, method="scalars").columns(1, alone[1], PATIENTS, None)
    for what in SCALARS:
        np.testing.assert_array_equal(second[f"oof_net_{what}"], found[f"oof_net_BCC_{what}"])


@pytest.mark.parametrize(
    ("changes", "kinds"),
    [
        ({"scalars": False}, {"emb_net_0000", "emb_net_nearest"}),
        ({"context": False}, {"emb_net_0000", "oof_net_rank"}),
        ({"method": "scalars"}, {"oof_net_rank"}),
        ({"pca": 3}, {"emb_net_0000", "emb_net_nearest", "oof_net_rank"}),
    ],
)
def test_what_the_recipe_leaves_out_is_no_column(views, changes, kinds):
    views = views_of(views)
    aligned = fitted(views, **changes)
    found = aligned.columns(0, views[0], PATIENTS, SIZE)
    assert {"emb_net_0000", "emb_net_nearest", "oof_net_rank"} & set(found) == kinds
    numbered = [name for name in found if name[-4:].isdecimal()]
    assert len(numbered) == ("emb_net_0000" in kinds) * changes.get("pca", 12)
    whole = fitted(views).columns(0, views[0], PATIENTS, SIZE)
    for name in {} if "pca" in changes else found:
        np.testing.assert_array_equal(found[name], whole[name])
    assert (MAPS in aligned.files()) is ("emb_net_0000" in kinds)


def test_the_order_of_rows_changes_no_value_and_no_row_hangs_on_other_patients(views):
    views = views_of(views)
    aligned = fitted(views)
    whole = aligned.columns(1, views[1], PATIENTS, SIZE)
    order = np.random.default_rng(0).permutation(400)
    turned = Patients(PATIENTS.codes[order])
    shuffled = aligned.columns(1, rows_of(views[1], order), turned, SIZE[order])
    some = np.flatnonzero(PATIENTS.codes < 20)
    part = aligned.columns(1, rows_of(views[1], some), Patients(PATIENTS.codes[some]), SIZE[some])
    for name, values in whole.items():
        np.testing.assert_allclose(shuffled[name], values[order], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(part[name], values[some], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("changes", [{}, {"method": "scalars"}, {"scalars": False}, {"pca": 4}])
@pytest.mark.parametrize("classes", [BINARY, THREE])
def test_what_is_kept_gives_the_same_columns_to_the_bit(views, classes, changes):
    views = views_of(views, 1 if classes == BINARY else 3)
    aligned = fitted(views, classes, **changes)
    kept = aligned_from("net", classes, aligned.config, aligned.files())
    for fold, view in views.items():
        one, other = (a.columns(fold, view, PATIENTS, SIZE) for a in (aligned, kept))
        assert list(one) == list(other)
        for name, values in one.items():
            np.testing.assert_array_equal(values, other[name])


def test_no_row_at_all_has_all_columns(views):
    views = views_of(views)
    none = np.zeros(0, np.int64)
    found = fitted(views).columns(0, rows_of(views[0], none), Patients(none), SIZE[none])
    assert len(found) == 12 + 3 + 6
    assert {len(values) for values in found.values()} == {0}
