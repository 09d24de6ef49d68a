import re

import pytest

from stacking.alignment.names import names
from tests.unit.stacking.alignment.conftest import config
from workspace.errors import ConfigError


def test_every_column_has_its_name_in_order():
    assert names("stage1", config(), 2, sized=True) == (
        "emb_stage1_0000",
        "emb_stage1_0001",
        "emb_stage1_nearest",
        "emb_stage1_mean",
        "emb_stage1_largest",
        "oof_stage1_probability",
        "oof_stage1_logit",
        "oof_stage1_rank",
        "oof_stage1_ratio",
        "oof_stage1_difference",
        "oof_stage1_patient_rank",
    )
    assert names("stage1", config(scalars=False, context=False), 1, sized=True) == (
        "emb_stage1_0000",
    )
    assert names("a", config(scalars=False), 0, sized=False) == ("emb_a_nearest", "emb_a_mean")
    scalars = names("stage2_MEL", config("scalars"), 0, sized=True)
    assert len(scalars) == 6
    assert all(re.fullmatch(r"(emb|oof)_[A-Za-z0-9_]+", name) for name in scalars)


def test_a_name_that_lightgbm_would_not_take_is_refused():
    message = "Network name 'a:b' cannot be part of a column's name; use letters, digits and _."
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        names("a:b", config(), 1, sized=False)
