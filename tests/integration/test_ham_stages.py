"""The paper's classes on the real HAM10000 table."""

import numpy as np
import pytest

from folds.findings import Findings
from folds.samples import build_samples
from folds.sources import open_source
from models.cascade.labels import first_labels, second_labels
from pipeline.recipe import load_recipe


@pytest.mark.real_data
def test_mel_bcc_and_vasc_are_as_many_as_the_paper_took(real_data):
    recipe = load_recipe("two_stage_ham10000", [f'data.folder="{real_data}"', "data.images=none"])
    samples = build_samples(open_source(recipe.data), Findings())
    labels = second_labels(samples, recipe.stage2, Findings())
    counts = dict(zip(recipe.stage2.classes, np.bincount(labels[labels >= 0]), strict=True))
    assert counts == {"MEL": 1113, "BCC": 514, "VASC": 142}
    assert first_labels(samples).sum() == 1769
    assert samples["lesion_id"].n_unique() == 7470
