"""Context: a lesion among the patient's other lesions, in colour, in shape and on the body.

Distances in colour and shape are in units of the patient's own spreads, those on the body in mm.
The anchor is the patient's largest lesion. A lesion without others has nulls.
"""

from functools import partial

import numpy as np

from features.distances import FEWEST, by_patient, local_outlier_factor, to_others
from features.family import Family
from features.feature import Feature
from features.formulas import SIZE
from features.groups import Groups
from features.references import FIRST_TEN, OURS
from features.request import Request
from features.rows import Rows
from folds.schema import PATIENT
from workspace.arrays import Floats, Ints

SPACES: dict[str, tuple[str, ...]] = {
    "colour": (
        "tbp_lv_L", "tbp_lv_A", "tbp_lv_B", "tbp_lv_deltaLBnorm", "tbp_lv_color_std_mean",
    ),
    "shape": (
        SIZE, "tbp_lv_areaMM2", "tbp_lv_area_perim_ratio", "tbp_lv_eccentricity",
        "tbp_lv_symm_2axis",
    ),
    "place": ("tbp_lv_x", "tbp_lv_y", "tbp_lv_z"),
}  # fmt: skip
AREA = "tbp_lv_areaMM2"
CLUSTER_MM = 50.0  # lesions that lie within a hand's breadth are counted as one cluster

# The columns of the local outlier factor: seventeen, as public solutions took; which, is ours.
OUTLIER_COLUMNS = (
    SIZE,
    *(f"tbp_lv_{name}" for name in (
        "A", "B", "H", "L", "areaMM2", "area_perim_ratio", "color_std_mean", "deltaLBnorm",
        "eccentricity", "minorAxisMM", "norm_border", "norm_color", "perimeterMM",
        "radial_color_std_max", "stdL", "symm_2axis",
    )),
)  # fmt: skip

_make = partial(Feature, family="context", reference=FIRST_TEN, sign="E")


def features(request: Request) -> list[Feature]:
    """`ctx_<space>_<what>` and `ctx_anchor_<what>`."""
    del request
    return [made for space in SPACES for made in (*_in_space(space), _to_anchor(space))] + _sizes()


def outlier_features(request: Request) -> list[Feature]:
    """`ctx_outlier_factor`."""
    del request
    return [
        Feature(
            "ctx_outlier_factor", "outlier",
            "local outlier factor among the patient's lesions, 20 neighbours, 17 columns in units "
            f"of the patient's spreads; null for fewer than {FEWEST} lesions",
            FIRST_TEN, (PATIENT, *OUTLIER_COLUMNS), _outlier_factor, "E",
        )
    ]  # fmt: skip


def _unit(space: str) -> str:
    return "_mm" if space == "place" else ""


def _points(rows: Rows, space: str) -> Floats:
    return rows.points(SPACES[space], standardised=space != "place")


def _to_others(rows: Rows, space: str) -> Floats:
    measure = partial(to_others, radius=CLUSTER_MM)
    groups = rows.groups("patient")
    return rows.once(
        ("distances", space), lambda: by_patient(_points(rows, space), groups, measure, 4, 2)
    )


def _in_space(space: str) -> list[Feature]:
    def of(rows: Rows, at: int) -> Floats:
        return np.asarray(_to_others(rows, space)[at], np.float64)

    names = ("mean", "nearest", "farthest")
    inputs = (PATIENT, *SPACES[space])
    made = [
        _make(f"ctx_{space}_{name}{_unit(space)}", inputs=inputs,
              formula=f"{name} distance in {space} to the patient's other lesions",
              make=partial(of, at=at))
        for at, name in enumerate(names)
    ]  # fmt: skip
    if space == "place":
        made.append(
            _make("ctx_cluster_size", inputs=inputs, reference=OURS,
                  formula=f"the patient's other lesions within {CLUSTER_MM:.0f} mm",
                  make=partial(of, at=3))
        )  # fmt: skip
    return made


def _to_anchor(space: str) -> Feature:
    def make(rows: Rows) -> Floats:
        points, anchor = _points(rows, space), _anchors(rows)
        off = points - points[anchor]
        return np.where(anchor >= 0, np.sqrt((off * off).sum(axis=1)), np.nan)

    return _make(
        f"ctx_anchor_{space}{_unit(space)}", inputs=(PATIENT, AREA, *SPACES[space]),
        formula=f"distance in {space} to the patient's largest lesion (area; the first if several)",
        make=make,
    )  # fmt: skip


def _sizes() -> list[Feature]:
    def largest(rows: Rows) -> Floats:
        return np.where(_anchors(rows) >= 0, rows.values(AREA)[_anchors(rows)], np.nan)

    def ratio(rows: Rows) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):  # 0/0 is NaN on purpose
            return rows.values(AREA) / largest(rows)

    inputs = (PATIENT, AREA)
    return [
        _make("ctx_anchor_area_ratio", inputs=inputs, make=ratio,
              formula="area / area of the patient's largest lesion"),
        _make("ctx_anchor_area_difference_mm2", inputs=inputs,
              formula="area - area of the patient's largest lesion",
              make=lambda rows: rows.values(AREA) - largest(rows)),
    ]  # fmt: skip


def _anchors(rows: Rows) -> Ints:
    return rows.once("anchors", lambda: anchors(rows.values(AREA), rows.groups("patient")))


def anchors(area: Floats, groups: Groups) -> Ints:
    """(rows,): the row of the largest of each row's group, the first of equals, -1 for none."""
    known = np.where(np.isfinite(area), area, -np.inf)
    most = groups.spread_out(groups.reduce(np.maximum, known))
    index = np.arange(len(area), dtype=np.float64)
    first = groups.reduce(np.minimum, np.where((known == most) & np.isfinite(known), index, np.inf))
    return groups.spread_out(np.where(np.isfinite(first), first, -1.0)).astype(np.int64)


def _outlier_factor(rows: Rows) -> Floats:
    points, groups = rows.points(OUTLIER_COLUMNS, standardised=True), rows.groups("patient")
    factor = by_patient(points, groups, local_outlier_factor, 1, FEWEST)
    return np.asarray(factor[0], np.float64)


CONTEXT = Family(
    "context",
    features,
    "A lesion among the patient's other lesions; distances are null without others; a "
    "lone lesion is its own anchor.",
    from_others=True,
)
OUTLIER = Family(
    "outlier",
    outlier_features,
    "How much sparser it is around a lesion than around its neighbours.",
    from_others=True,
)
