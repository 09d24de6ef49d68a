"""The one list of families: what a new family and a new column take."""

import subprocess
import sys
from pathlib import Path

from features.columns import GROUPINGS
from features.config import FAMILY_NAMES, FeatureConfig
from features.families import FAMILIES
from features.formulas import FORMULAS, LESION
from features.plan import planned
from features.request import Request
from features.settings import FeatureSettings
from tests.unit.features.conftest import draw

ROOT = Path(__file__).resolve().parents[3]

NEW_FAMILY = """
import features.families
from features.family import Family
from features.feature import Feature
from features.references import OURS

def twice(request):
    make = lambda rows: 2 * rows.values("tbp_lv_H")
    return [Feature("tw_H", "twice", "2 H", OURS, ("tbp_lv_H",), make)]

features.families.FAMILIES += (Family("twice", twice, "Everything twice."),)

from features.build import build, fit
from features.catalogue import page
from features.config import FeatureConfig
from tests.unit.features.conftest import draw

samples = draw()
table = build(samples, fit(samples, FeatureConfig(families=("twice",))))
assert table.columns == ["isic_id", "tw_H"]
assert "twice" in FeatureConfig().families
assert "## twice" in page() and "Everything twice." in page()
"""


def test_a_family_is_one_line_of_one_list():
    subprocess.run([sys.executable, "-c", NEW_FAMILY], cwd=ROOT, check=True)


def test_a_column_is_one_entry_of_its_family():
    request = Request(FeatureConfig(families=("lesion", "colour_pairs")), dict.fromkeys(
        {name for formula in FORMULAS.values() for name in formula.inputs}, "number"
    ))  # fmt: skip
    names = [feature.name for feature in planned(request)]
    assert names == [f"les_{name}" for name in FORMULAS]
    assert names[: len(LESION)] == [f"les_{name}" for name in LESION]


def test_every_column_says_the_family_that_lists_it():
    samples = draw()
    kinds = dict.fromkeys(samples.columns, "number")
    settings = FeatureSettings(families=FAMILY_NAMES, ugly_over=GROUPINGS)
    for family in FAMILIES:
        for feature in family.features(Request(settings, kinds)):
            assert feature.family == family.name


def test_every_setting_belongs_to_a_family():
    settings = {family.setting for family in FAMILIES if family.setting}
    assert settings == set(FeatureSettings.model_fields) - {"families"}


def test_columns_stand_in_the_order_of_the_list_whatever_the_recipe_says():
    config = FeatureConfig(families=tuple(reversed(FAMILY_NAMES)))
    assert config.families == FAMILY_NAMES
