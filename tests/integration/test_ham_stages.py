"""The paper's classes on the real HAM10000 table."""

import os
from pathlib import Path

import numpy as np
import pytest

from folds.findings import Findings
from folds.samples import build_samples
from folds.sources import open_source
from models.cascade.labels import first_labels, second_labels
from scripts.recipe import load_recipe

REAL = os.environ.get("DERMSTACK_REAL_DATA")


@pytest.mark.real_data
@pytest.mark.skipif(not REAL, reason="DERMSTACK_REAL_DATA does not name the real tables")
def test_mel_bcc_and_vasc_are_as_many_as_the_paper_took():
    recipe = load_recipe(
        "two_stage_ham10000", [f'data.folder="{Path(str(REAL))}"', "data.images=none"]
    )
    samples = build_samples(open_source(recipe.data), Findings())
    labels = second_labels(samples, recipe.stage2, Findings())
    counts = dict(zip(recipe.stage2.classes, np.bincount(labels[labels >= 0]), strict=True))
    assert counts == {"MEL": 1113, "BCC": 514, "VASC": 142}
    assert first_labels(samples).sum() == 1769
    assert samples["lesion_id"].n_unique() == 7470
