"""The paper's classes on the real HAM10000 table."""

import numpy as np
import pytest

from folds.findings import Findings
from folds.samples import build_samples
from folds.sources import open_source
from models.networks.network import network_of
from pipeline.recipe import load_recipe


@pytest.mark.real_data
def test_mel_bcc_and_vasc_are_as_many_as_the_paper_took(real_data):
    recipe = load_recipe("two_stage_ham10000", [f'data.folder="{real_data}"', "data.images=none"])
    samples = build_samples(open_source(recipe.data), Findings())
    networks = {
        name: network_of(name, config, samples, Findings()) for name, config in recipe.used.items()
    }
    second = networks["stage2"]
    counts = dict(zip(second.classes, np.bincount(second.codes[second.codes >= 0]), strict=True))
    assert counts == {"MEL": 1113, "BCC": 514, "VASC": 142}
    assert networks["stage1"].codes.sum() == 1769
    assert samples["lesion_id"].n_unique() == 7470
