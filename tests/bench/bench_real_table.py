"""Our columns beside the public way's on a real table: 1,042 rows of ISIC 2024, repeated folds.

The other side is written after the formulas that the winners of ISIC 2024 share: row formulas,
their z-scores within the patient, lesions per patient, categories one-hot. Both go through the same
LightGBM, the same seeds and the same folds, grouped by patient. Needs DERMSTACK_REAL_DATA.
"""

import os
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import polars as pl
from sklearn.model_selection import StratifiedGroupKFold

from features.build import make_features
from features.config import FeatureConfig
from folds.sources.isic2024_columns import TRAIN_ONLY
from metrics.score_sheet import ScoreConfig
from models.networks.measure import ScoredRows, variant_sheet
from stacking.boosters.lightgbm import LightGBMConfig
from tests.bench.record import keep
from workspace.arrays import Floats, Floats32

REPEATS, SEEDS, ROUNDS = 3, 3, 200
WORDS = (
    "sex", "anatom_site_general", "tbp_tile_type", "tbp_lv_location", "tbp_lv_location_simple",
    "attribution",
)  # fmt: skip
TINY = 1e-5  # the winners' epsilon


def run() -> None:
    """Each side's scores out of fold, and by how much the other differs, paired."""
    table = _table(Path(os.environ["DERMSTACK_REAL_DATA"]))
    public = _scored(table, _public(table))
    sides = {"ours": _ours(table, ())}
    sides |= {f"ours without {one}": _ours(table, (one,)) for one in FeatureConfig().families}
    rows = [_row("public", _public(table).shape[1], public, None)]
    for name, values in sides.items():
        rows.append(_row(name, values.shape[1], _scored(table, values), public))
    keep("real_table", "Columns on a real table, beside the public way's", __doc__ or "", rows)


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


def _ours(table: pl.DataFrame, without: tuple[str, ...]) -> Floats32:
    known = table.drop([name for name in (*TRAIN_ONLY, "target") if name in table.columns])
    families = tuple(name for name in FeatureConfig().families if name not in without)
    made = make_features(known, FeatureConfig(families=families))
    joined = table.select("isic_id").join(made, on="isic_id", how="left", maintain_order="left")
    return joined.drop("isic_id").cast(pl.Float32).to_numpy()


def _public(table: pl.DataFrame) -> Floats32:
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
    words = made.select(WORDS).fill_null("NA").to_dummies()
    chosen = made.select(*numbers, *(f"z_{name}" for name in numbers), "count")
    return pl.concat([chosen, words], how="horizontal").cast(pl.Float32).to_numpy()


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


def _scored(table: pl.DataFrame, values: Floats32) -> list[ScoredRows]:
    """Out of fold, once a repeat."""
    target, group = table["target"].to_numpy().astype(np.int64), table["patient_id"]
    return [
        ScoredRows(target, pl.DataFrame([1 - score, score]).to_numpy(), group)
        for score in (_out_of_fold(values, target, group, repeat) for repeat in range(REPEATS))
    ]


def _out_of_fold(values: Floats32, target: Any, group: pl.Series, repeat: int) -> Floats:
    config = LightGBMConfig(min_data_in_leaf=20)  # the default is for four hundred times as many
    score = np.zeros(len(target))
    folds = StratifiedGroupKFold(5, shuffle=True, random_state=repeat)
    for fold, (learnt, held_out) in enumerate(folds.split(values, target, group.to_numpy())):
        data = lgb.Dataset(values[learnt], target[learnt], params=config.binning())
        for seed in range(SEEDS):
            own = config.training(1000 * repeat + 10 * fold + seed)
            grown = lgb.train({**own, "num_threads": 1}, data, ROUNDS)
            score[held_out] += np.asarray(grown.predict(values[held_out])) / SEEDS
    return score


def _row(
    name: str, columns: int, scored: list[ScoredRows], public: list[ScoredRows] | None
) -> dict[str, Any]:
    row: dict[str, Any] = {"columns of": name, "number": columns, "n": len(scored[0].true)}
    for metric, title in (("pauc", "pAUC"), ("auc", "AUC")):
        sheet = variant_sheet("auc", public or scored, scored, ("0", "1"), ScoreConfig(), metric)
        row[title] = _interval(sheet["value"])
        row[f"{title} minus public"] = _interval(sheet["minus_whole"]) if public else ""
    return row


def _interval(sheet: dict[str, Any]) -> str:
    return f"{sheet['value']:.4f} [{sheet['low']:.4f}, {sheet['high']:.4f}]"
