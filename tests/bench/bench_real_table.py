"""Our columns beside the public way's on a real table: 1,042 rows of ISIC 2024, repeated folds.

The other side is written after the formulas that the winners of ISIC 2024 share: row formulas,
their z-scores within the patient, lesions per patient, categories one-hot, the hospital among
them. Both go through the same boosters, the same seeds and the same folds, grouped by patient.
What could make the difference is taken away or given to both by turns: a family of columns, the
hospital's name, the booster, seeds, half of the patients. Needs DERMSTACK_REAL_DATA.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from scipy.special import expit
from sklearn.model_selection import LeaveOneGroupOut, StratifiedGroupKFold

from features.build import make_features
from features.config import FeatureConfig
from folds.schema import HOSPITAL
from folds.sources.isic2024_columns import TRAIN_ONLY
from metrics.score_sheet import ScoreConfig
from models.networks.measure import ScoredRows, variant_sheet
from stacking.blending.percentiles import Reference
from stacking.boosters.booster import BoosterConfig
from stacking.boosters.catboost import CatBoostConfig
from stacking.boosters.lightgbm import LightGBMConfig
from stacking.boosters.xgboost import XGBoostConfig
from tests.bench.record import keep
from workspace.arrays import Floats, Floats32, Ints

REPEATS, SEEDS = 5, 3
PUBLIC = "public"
LIGHTGBM = LightGBMConfig(min_data_in_leaf=20)  # the default is for four hundred times as many rows
CATBOOST, XGBOOST = CatBoostConfig(), XGBoostConfig()
ATTRIBUTION = "attribution"  # the table's word for the hospital
WORDS = (
    "sex", "anatom_site_general", "tbp_tile_type", "tbp_lv_location", "tbp_lv_location_simple",
    ATTRIBUTION,
)  # fmt: skip
TINY = 1e-5  # the winners' epsilon


@dataclass(frozen=True, eq=False)
class Side:
    """Columns, and how a booster learns from them."""

    values: Floats32
    booster: BoosterConfig = LIGHTGBM
    seeds: int = SEEDS
    patients: float = 1.0  # share of those to learn from
    by_hospital: bool = False  # folds that leave a hospital out; repeats are of the seeds


@dataclass(frozen=True, eq=False)
class Rows:
    """Of each row the target, whose it is, and where from."""

    target: Ints
    patient: Any
    hospital: Any

    @classmethod
    def of(cls, table: pl.DataFrame) -> "Rows":
        """The rows of the table, in its order."""
        target = table["target"].to_numpy().astype(np.int64)
        return cls(target, table["patient_id"].to_numpy(), table[ATTRIBUTION].to_numpy())


def run() -> None:
    """Each side's scores out of fold, and by how much each is above the public way, paired."""
    table = _table(Path(os.environ["DERMSTACK_REAL_DATA"]))
    rows, measured = Rows.of(table), []
    for name, (sides, other) in _asked(table).items():
        measured.append(_row(name, sides, _scored(rows, sides), _scored(rows, (other,))))
        print({key: str(value) for key, value in measured[-1].items()}, flush=True)
    keep("real_table", "Columns on a real table, beside the public way's", __doc__ or "", measured)


def _asked(table: pl.DataFrame) -> Mapping[str, tuple[tuple[Side, ...], Side]]:
    """What is measured by name, and the public way as it stands beside it.

    Of several sides the places within the held-out fold are averaged.
    """
    families = FeatureConfig().families
    public, ours = Side(_public(table, WORDS)), Side(_ours(table, families))
    asked = {PUBLIC: ((public,), public), "ours": ((ours,), public)}
    for way, side in {"public": public, "ours": ours}.items():
        others = {"XGBoost": replace(side, booster=XGBOOST),
                  "CatBoost": replace(side, booster=CATBOOST)}  # fmt: skip
        asked |= {f"{way}, {name}": ((one,), public) for name, one in others.items()}
        asked[f"{way}, the three together"] = ((side, *others.values()), public)
    without = tuple(word for word in WORDS if word != ATTRIBUTION)
    asked["public without the hospital"] = ((Side(_public(table, without)),), public)
    asked["ours with the hospital"] = ((Side(_ours(table, (*families, "provenance"))),), public)
    asked["both columns"] = ((Side(np.hstack([public.values, ours.values])),), public)
    for name, other in (
        ("one seed", replace(public, seeds=1)),
        ("half of the patients", replace(public, patients=0.5)),
        ("a quarter of the patients", replace(public, patients=0.25)),
        ("hospital left out", replace(public, by_hospital=True)),
    ):
        asked[f"public, {name}"] = ((other,), public)
        asked[f"ours, {name}"] = ((replace(other, values=ours.values),), other)
    for one in families:
        fewer = tuple(name for name in families if name != one)
        asked[f"ours without {one}"] = ((Side(_ours(table, fewer)),), public)
    return asked


def _table(folder: Path) -> pl.DataFrame:
    table = pl.read_csv(folder / "isic2024_tabular_dev.csv", infer_schema=False)
    table = table.filter(pl.col("tbp_lv_A").is_not_null()).drop("kfold")  # no patient-wise folds
    numbers = [pl.col(name).replace("NA", None).cast(pl.Float64) for name in _numbers(table)]
    return table.with_columns(*numbers, pl.col("target").cast(pl.Int8))


def _numbers(table: pl.DataFrame) -> list[str]:
    scanner = [name for name in table.columns if name.startswith("tbp_lv_")]
    others = {*WORDS, "tbp_lv_dnn_lesion_confidence"}
    return [*(name for name in scanner if name not in others), "age_approx",
            "clin_size_long_diam_mm"]  # fmt: skip


def _ours(table: pl.DataFrame, families: tuple[str, ...]) -> Floats32:
    labels = {"target", *(column.name for column in TRAIN_ONLY)}
    known = table.drop([name for name in table.columns if name in labels])
    known = known.rename({ATTRIBUTION: HOSPITAL})
    made = make_features(known, FeatureConfig(families=families))
    joined = table.select("isic_id").join(made, on="isic_id", how="left", maintain_order="left")
    return joined.drop("isic_id").cast(pl.Float32).to_numpy()


def _public(table: pl.DataFrame, words: tuple[str, ...]) -> Floats32:
    formulas = _formulas()
    made = table.with_columns(**formulas)
    numbers = [*_numbers(table), *formulas]
    relative = [
        (
            (pl.col(name) - pl.col(name).mean().over("patient_id"))
            / (pl.col(name).std().over("patient_id") + TINY)
        ).alias(f"z_{name}")
        for name in numbers
    ]
    made = made.with_columns(*relative, count=pl.len().over("patient_id"))
    told = made.select(words).fill_null("NA").to_dummies()
    chosen = made.select(*numbers, *(f"z_{name}" for name in numbers), "count")
    return pl.concat([chosen, told], how="horizontal").cast(pl.Float32).to_numpy()


def _formulas() -> dict[str, pl.Expr]:
    def lesion(name: str) -> pl.Expr:
        return pl.col(f"tbp_lv_{name}")

    size, age = pl.col("clin_size_long_diam_mm"), pl.col("age_approx")
    area, perimeter = lesion("areaMM2"), lesion("perimeterMM")
    border, colour = lesion("norm_border"), lesion("norm_color")
    symmetry, eccentricity = lesion("symm_2axis"), lesion("eccentricity")
    radial, spread = lesion("radial_color_std_max"), lesion("color_std_mean")
    place = (lesion("x") ** 2 + lesion("y") ** 2 + lesion("z") ** 2).sqrt()
    deltas = [lesion(f"delta{one}") for one in "ABL"]
    difference = (deltas[0] ** 2 + deltas[1] ** 2 + deltas[2] ** 2).sqrt()
    both = {one: (lesion(one) - lesion(f"{one}ext")).abs() for one in "LAB"}
    return {
        "lesion_size_ratio": lesion("minorAxisMM") / size,
        "lesion_shape_index": area / perimeter**2,
        "hue_contrast": (lesion("H") - lesion("Hext")).abs(),
        "luminance_contrast": both["L"],
        "lesion_color_difference": difference,
        "border_complexity": border + symmetry,
        "color_uniformity": spread / (radial + TINY),
        "position_distance_3d": place,
        "perimeter_to_area_ratio": perimeter / area,
        "area_to_perimeter_ratio": area / perimeter,
        "lesion_visibility_score": lesion("deltaLBnorm") + colour,
        "symmetry_border_consistency": symmetry * border,
        "consistency_symmetry_border": symmetry * border / (symmetry + border),
        "color_consistency": lesion("stdL") / lesion("Lext"),
        "consistency_color": lesion("stdL") * lesion("Lext") / (lesion("stdL") + lesion("Lext")),
        "size_age_interaction": size * age,
        "hue_color_std_interaction": lesion("H") * spread,
        "lesion_severity_index": (border + colour + eccentricity) / 3,
        "shape_complexity_index": border + symmetry + area / perimeter**2,
        "color_contrast_index": deltas[0] + deltas[1] + deltas[2] + lesion("deltaLBnorm"),
        "log_lesion_area": (area + 1).log(),
        "normalized_lesion_size": size / age,
        "mean_hue_difference": (lesion("H") + lesion("Hext")) / 2,
        "std_dev_contrast": difference / 3**0.5,
        "color_shape_composite_index": (spread + lesion("area_perim_ratio") + symmetry) / 3,
        "lesion_orientation_3d": pl.arctan2(lesion("y"), lesion("x")),
        "overall_color_difference": (deltas[0] + deltas[1] + deltas[2]) / 3,
        "symmetry_perimeter_interaction": symmetry * perimeter,
        "comprehensive_lesion_index": (
            lesion("area_perim_ratio") + eccentricity + colour + symmetry
        ) / 4,
        "color_variance_ratio": spread / lesion("stdLExt"),
        "border_color_interaction": border * colour,
        "border_color_interaction_2": border * colour / (border + colour),
        "size_color_contrast_ratio": size / lesion("deltaLBnorm"),
        "age_normalized_nevi_confidence": lesion("nevi_confidence") / age,
        "color_asymmetry_index": radial * symmetry,
        "volume_approximation_3d": area * place,
        "color_range": both["L"] + both["A"] + both["B"],
        "shape_color_consistency": eccentricity * spread,
        "border_length_ratio": perimeter / (2 * np.pi * (area / np.pi).sqrt()),
        "age_size_symmetry_index": age * size * symmetry,
        "index_age_size_symmetry": age * area * symmetry,
    }  # fmt: skip


def _scored(rows: Rows, sides: Sequence[Side]) -> list[ScoredRows]:
    """Out of fold, once a repeat."""
    scored = []
    for repeat in range(REPEATS):
        scores = [_out_of_fold(rows, side, repeat) for side in sides]
        if len(sides) > 1:
            scores = [_places(rows, sides[0], repeat, one) for one in scores]
        mean = np.mean(scores, axis=0)
        probability = np.stack([1 - mean, mean], axis=1)
        scored.append(ScoredRows(rows.target, probability, rows.patient.tolist()))
    return scored


def _places(rows: Rows, side: Side, repeat: int, score: Floats) -> Floats:
    """Each score's place among those of its fold."""
    places = np.zeros(len(score))
    for _, held_out in _folds(rows, side, repeat):
        places[held_out] = Reference.of(score[held_out]).percentiles(score[held_out])
    return places


@cache
def _out_of_fold(rows: Rows, side: Side, repeat: int) -> Floats:
    names = [f"c{at}" for at in range(side.values.shape[1])]
    target, score = rows.target.astype(np.float64), np.zeros(len(rows.target))
    for fold, (learnt, held_out) in enumerate(_folds(rows, side, repeat)):
        binned = side.booster.bin_rows([side.values[learnt]], target[learnt], names, 1)
        for seed in range(side.seeds):
            own = 1000 * repeat + 10 * fold + seed
            grown = binned.grow(np.arange(len(learnt)), own, side.booster.rounds)
            score[held_out] += expit(grown.log_odds(side.values[held_out], 1)) / side.seeds
    return score


def _folds(rows: Rows, side: Side, repeat: int) -> Iterator[tuple[Ints, Ints]]:
    patient = rows.patient
    if side.by_hospital:
        yield from LeaveOneGroupOut().split(patient, rows.target, rows.hospital)
        return
    draws = np.random.default_rng(repeat)
    splitter = StratifiedGroupKFold(5, shuffle=True, random_state=repeat)
    for learnt, held_out in splitter.split(patient, rows.target, patient):
        known = np.unique(patient[learnt])
        chosen = draws.permutation(known)[: round(side.patients * len(known))]
        yield learnt[np.isin(patient[learnt], chosen)], held_out


def _row(
    name: str, sides: Sequence[Side], scored: list[ScoredRows], public: list[ScoredRows]
) -> dict[str, Any]:
    row: dict[str, Any] = {"columns of": name, "number": sides[0].values.shape[1],
                           "n": len(scored[0].true)}  # fmt: skip
    for metric, title in (("pauc", "pAUC"), ("auc", "AUC")):
        sheet = variant_sheet("auc", public, scored, ("0", "1"), ScoreConfig(), metric)
        row[title] = _interval(sheet["value"])
        row[f"{title} minus public"] = "" if name == PUBLIC else _interval(sheet["minus_whole"])
    return row


def _interval(sheet: dict[str, Any]) -> str:
    if sheet["low"] is None:
        return f"{sheet['value']:.4f}"
    return f"{sheet['value']:.4f} [{sheet['low']:.4f}, {sheet['high']:.4f}]"
