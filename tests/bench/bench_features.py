"""Features of the full-size table, beside the pandas style of public solutions.

pandas is no dependency of this project: PYTHON_WITH_PANDAS names an interpreter that has pandas
and pyarrow. Without one there is no other side, so nothing is measured.
"""

import importlib.util
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench.record import Child, full_size, in_child, keep

ROOT = Path(__file__).resolve().parents[2]
PAIRS = 5
LIKE = "raw,lesion,z,counts"
Measured = tuple[float, float, float, int]  # processor and wall seconds, peak GB, columns

OURS = """
import sys, time
import polars as pl
from features.build import build, fit
from features.config import FeatureConfig
samples = pl.read_parquet(sys.argv[1]).filter(pl.col("split") == "train").rechunk()
families = tuple(sys.argv[2].split(",")) if len(sys.argv) > 2 else None
config = FeatureConfig()
if families:
    config = FeatureConfig(families=families, z_over={"patient": "main"})
started, used = time.perf_counter(), time.process_time()
table = build(samples, fit(samples, config))
print(time.process_time() - used, time.perf_counter() - started, table.width - 1)
"""

# What notebooks of the competition do, one column after the other: 41 row formulas, z-scores of
# all numbers by groupby and transform (the quick way; lambdas are five times slower), counts.
PUBLIC = """
import sys, time
import numpy as np
import pandas as pd
df = pd.read_parquet(sys.argv[1])
df = df[df["split"] == "train"].reset_index(drop=True)
err = 1e-5
numbers = [c for c in df.columns if df[c].dtype == "float64"]
started, used = time.perf_counter(), time.process_time()
def t(name):
    return df["tbp_lv_" + name]
size, age = df["clin_size_long_diam_mm"], df["age_approx"]
df["lesion_size_ratio"] = t("minorAxisMM") / size
df["lesion_shape_index"] = t("areaMM2") / t("perimeterMM") ** 2
df["hue_contrast"] = (t("H") - t("Hext")).abs()
df["luminance_contrast"] = (t("L") - t("Lext")).abs()
df["lesion_color_difference"] = np.sqrt(t("deltaA") ** 2 + t("deltaB") ** 2 + t("deltaL") ** 2)
df["border_complexity"] = t("norm_border") + t("symm_2axis")
df["color_uniformity"] = t("color_std_mean") / (t("radial_color_std_max") + err)
df["position_distance_3d"] = np.sqrt(t("x") ** 2 + t("y") ** 2 + t("z") ** 2)
df["perimeter_to_area_ratio"] = t("perimeterMM") / t("areaMM2")
df["area_to_perimeter_ratio"] = t("areaMM2") / t("perimeterMM")
df["lesion_visibility_score"] = t("deltaLBnorm") + t("norm_color")
df["symmetry_border_consistency"] = t("symm_2axis") * t("norm_border")
df["consistency_symmetry_border"] = (
    t("symm_2axis") * t("norm_border") / (t("symm_2axis") + t("norm_border")))
df["color_consistency"] = t("stdL") / t("Lext")
df["consistency_color"] = t("stdL") * t("Lext") / (t("stdL") + t("Lext"))
df["size_age_interaction"] = size * age
df["hue_color_std_interaction"] = t("H") * t("color_std_mean")
df["lesion_severity_index"] = (t("norm_border") + t("norm_color") + t("eccentricity")) / 3
df["shape_complexity_index"] = df["border_complexity"] + df["lesion_shape_index"]
df["color_contrast_index"] = t("deltaA") + t("deltaB") + t("deltaL") + t("deltaLBnorm")
df["log_lesion_area"] = np.log(t("areaMM2") + 1)
df["normalized_lesion_size"] = size / age
df["mean_hue_difference"] = (t("H") + t("Hext")) / 2
df["std_dev_contrast"] = np.sqrt((t("deltaA") ** 2 + t("deltaB") ** 2 + t("deltaL") ** 2) / 3)
df["color_shape_composite_index"] = (
    t("color_std_mean") + t("area_perim_ratio") + t("symm_2axis")) / 3
df["lesion_orientation_3d"] = np.arctan2(t("y"), t("x"))
df["overall_color_difference"] = (t("deltaA") + t("deltaB") + t("deltaL")) / 3
df["symmetry_perimeter_interaction"] = t("symm_2axis") * t("perimeterMM")
df["comprehensive_lesion_index"] = (
    t("area_perim_ratio") + t("eccentricity") + t("norm_color") + t("symm_2axis")) / 4
df["color_variance_ratio"] = t("color_std_mean") / t("stdLExt")
df["border_color_interaction"] = t("norm_border") * t("norm_color")
df["border_color_consistency"] = (
    t("norm_border") * t("norm_color") / (t("norm_border") + t("norm_color")))
df["size_color_contrast_ratio"] = size / t("deltaLBnorm")
df["age_normalized_nevi_confidence"] = t("nevi_confidence") / age
df["color_asymmetry_index"] = t("radial_color_std_max") * t("symm_2axis")
df["volume_approximation_3d"] = t("areaMM2") * df["position_distance_3d"]
df["color_range"] = (
    (t("L") - t("Lext")).abs() + (t("A") - t("Aext")).abs() + (t("B") - t("Bext")).abs())
df["shape_color_consistency"] = t("eccentricity") * t("color_std_mean")
df["border_length_ratio"] = t("perimeterMM") / (2 * np.pi * np.sqrt(t("areaMM2") / np.pi))
df["age_size_symmetry_index"] = age * size * t("symm_2axis")
df["index_age_size_symmetry"] = age * t("areaMM2") * t("symm_2axis")
formulas = [c for c in df.columns if df[c].dtype == "float64" and c not in numbers]
for column in numbers + formulas:
    grouped = df.groupby("patient_id")[column]
    df[column + "_z"] = (df[column] - grouped.transform("mean")) / (grouped.transform("std") + err)
df["count_per_patient"] = df.groupby("patient_id")["isic_id"].transform("count")
for key in ("tbp_tile_type", "tbp_lv_location", "tbp_lv_location_simple", "anatom_site_general"):
    df["count_by_" + key] = df.groupby(["patient_id", key])["isic_id"].transform("count")
df["visit"] = age - df.groupby("patient_id")["age_approx"].transform("min")
z = sum(c.endswith("_z") for c in df.columns)
columns = len(numbers) + len(formulas) + z + 6
print(time.process_time() - used, time.perf_counter() - started, columns)
"""

# The other habit: one function for mean and spread, called for every patient and column.
BY_FUNCTION = PUBLIC.replace(
    '(df[column] - grouped.transform("mean")) / (grouped.transform("std") + err)',
    "grouped.transform(lambda x: (x - x.mean()) / (x.std() + err))",
)
assert BY_FUNCTION != PUBLIC

# From the CSV, as a user starts: `OURS` and `PUBLIC` with the reading, and what it costs to keep
# the table checked, converted and folded first, as our stages do.
OURS_FROM_CSV = """
import sys, time
import polars as pl
from features.build import make_features
from features.config import FeatureConfig
from folds.schema import CORE
from folds.sources.isic2024_columns import TRAIN_ONLY
started, used = time.perf_counter(), time.process_time()
guessed = None if sys.argv[3] == "all" else int(sys.argv[3])
table = pl.read_csv(sys.argv[1], null_values=["NA"], infer_schema_length=guessed)
labels = [c.name for c in TRAIN_ONLY if c.name in table.columns and c.name not in CORE]
families = tuple(sys.argv[2].split(","))
made = make_features(
    table.drop(labels), FeatureConfig(families=families, z_over={"patient": "main"}))
print(time.process_time() - used, time.perf_counter() - started, made.width - 1)
"""
READING = "started, used = time.perf_counter(), time.process_time()\n"
PUBLIC_FROM_CSV = PUBLIC.replace(READING, "").replace(
    """import sys, time
import numpy as np
import pandas as pd
df = pd.read_parquet(sys.argv[1])
df = df[df["split"] == "train"].reset_index(drop=True)
""",
    """import sys, time
import numpy as np
import pandas as pd
started, used = time.perf_counter(), time.process_time()
df = pd.read_csv(sys.argv[1], low_memory=False)
""",
)
assert "read_csv" in PUBLIC_FROM_CSV


def run() -> None:
    """Draw the table and its samples once; each side runs in processes of its own, by turns."""
    pandas = _python_with_pandas()
    if pandas is None:
        print("features: set PYTHON_WITH_PANDAS to an interpreter with pandas and pyarrow; skipped")
        return
    theirs = [pandas, "-W", "ignore", "-c"]
    with tempfile.TemporaryDirectory() as folder:
        samples, stages = _samples(Path(folder))
        table = str(Path(folder) / "data" / "train-metadata.csv")
        like = [sys.executable, "-c", OURS, samples, LIKE]
        pairs = [(_run(like), _run([*theirs, PUBLIC, samples])) for _ in range(PAIRS)]
        by_function = [(pairs[0][0], _run([*theirs, BY_FUNCTION, samples]))]
        csv = {
            guessed: [
                (
                    _run([sys.executable, "-c", OURS_FROM_CSV, table, LIKE, guessed]),
                    _run([*theirs, PUBLIC_FROM_CSV, table]),
                )
                for _ in range(PAIRS)
            ]
            for guessed in ("all", "10000")
        }
        whole = _run([sys.executable, "-c", OURS, samples])
        quick = "raw,categories,lesion,z,ranks,ugly_duckling,counts"
        no_context = _run([sys.executable, "-c", OURS, samples, quick])
    ours, other = pairs[0]
    rows = [
        *(
            _beside(
                f"from the CSV, types guessed from {guessed} rows: {taken[0][0][3]} columns by "
                f"polars and make_features; theirs: {taken[0][1][3]} by pandas",
                taken,
            )
            for guessed, taken in csv.items()
        ),
        _beside(
            f"from a table in memory: numbers, row formulas, patient z-scores, counts: {ours[3]} "
            f"columns; theirs: {other[3]} by groupby and transform",
            pairs,
        ),
        _beside("the same; theirs: z-scores by a function of each group", by_function),
        _alone("the default without context and outlier", no_context),
        _alone("the default families", whole),
        *(
            {"what": f"make {name}, with start, checks and what it keeps; once a data set",
             **_cells(child.processor_s, child.peak_gb)}
            for name, child in stages.items()
        ),
    ]  # fmt: skip
    version = subprocess.run(
        [pandas, "-c", "import pandas; print(pandas.__version__)"],
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    keep(
        "features",
        "Features of the full-size table",
        f"401,059 drawn rows of 1,042 patients. pandas {version}, which uses one core; polars and "
        "we use two, so the ratio on the wall is the larger where the machine is idle. The pandas "
        "style is written down in tests/bench/bench_features.py. From the CSV the limit is reading "
        "it, and guessing types from all rows parses it twice; from fewer it fails where a later "
        "row does not fit. Our stages read, check, fold and keep the table "
        "once, and make all features of it later: their rows are below.",
        rows,
    )


def _samples(place: Path) -> tuple[str, dict[str, Child]]:
    """The sample table, and what our stages cost."""
    options = full_size(place)
    stages = {
        stage: in_child([sys.executable, "-m", f"scripts.{stage}", *options], cwd=ROOT)
        for stage in ("sample", "folds", "features")
    }
    return str(place / "run" / "samples" / "samples.parquet"), stages


def _run(command: list[str]) -> Measured:
    """Both times by its own watch, peak GB, columns made."""
    child: Child = in_child(command, cwd=ROOT)
    used, seconds, columns = child.output.split()[-3:]
    return float(used), float(seconds), child.peak_gb, int(columns)


def _beside(what: str, pairs: list[tuple[Measured, Measured]]) -> dict[str, object]:
    """Both sides' medians, the medians of the ratios, and either's highest peak."""
    ours, theirs = zip(*pairs, strict=True)
    return {
        "what": what,
        "ours, processor s": statistics.median(one[0] for one in ours),
        "theirs, processor s": statistics.median(one[0] for one in theirs),
        "ratio": statistics.median(theirs[0] / ours[0] for ours, theirs in pairs),
        "ratio on the wall": statistics.median(theirs[1] / ours[1] for ours, theirs in pairs),
        "ours, peak GB": max(one[2] for one in ours),
        "theirs, peak GB": max(one[2] for one in theirs),
    }


def _alone(what: str, measured: Measured) -> dict[str, object]:
    used, _, peak, columns = measured
    return {"what": f"{what}: {columns} columns", **_cells(used, peak)}


def _cells(used: float, peak: float) -> dict[str, object]:
    return {
        "ours, processor s": used,
        "theirs, processor s": "-",
        "ratio": "-",
        "ratio on the wall": "-",
        "ours, peak GB": peak,
        "theirs, peak GB": "-",
    }


def _python_with_pandas() -> str | None:
    named = os.environ.get("PYTHON_WITH_PANDAS")
    if named:
        return named
    needed = ("pandas", "pyarrow")  # which pandas reads Parquet by
    return sys.executable if all(map(importlib.util.find_spec, needed)) else None
