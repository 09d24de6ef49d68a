"""What is kept between trials of a process: bins of the same rows, columns and copies alone."""

from types import SimpleNamespace

from pipeline import tuning
from stacking.tuning.space import Setting
from tests.unit.stacking.conftest import QUICK, STACK, drawn


def test_bins_with_other_blind_copies_are_others(monkeypatch):
    """Two calls from one notebook, where the second asks for copies."""
    matrix = drawn()
    monkeypatch.setattr(tuning, "open_stack", lambda files: SimpleNamespace(matrix=matrix))
    files = SimpleNamespace(content="these")

    def inner(blind, booster=QUICK):
        stack = STACK.model_copy(update={"blind": blind, "shap_rows": 0})
        setting = Setting(stack, booster, matrix.columns)
        return tuning._inner_folds(files, None, setting).pauc(setting, 0, 0.8, lambda *_: None)

    plain = inner(())
    assert tuning._inner_folds(files, None, Setting(STACK, QUICK, matrix.columns)).bins
    copied = inner(("cat_site",))
    tuning._KEPT.clear()
    assert inner(("cat_site",)) == copied
    assert copied != plain
