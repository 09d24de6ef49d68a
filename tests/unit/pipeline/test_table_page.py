"""What the page of a prediction of tables may say of its scores, by the recipe of the stack."""

import pytest

from pipeline.recipe import load_recipe
from pipeline.table_page import why_not_counted


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ((), None),
        (("calibration.method=platt",), "A probability, by a map (platt) fitted on rows held out."),
        (
            ("calibration.method=beta", "calibration.prevalence=0.001"),
            "A probability, by a map (beta) fitted on rows held out, where 0.001 of all are "
            "positive.",
        ),
        (
            ("stack.average=rank",),
            "A place from 0 to 1 among the new rows (stack.average=rank), no probability.",
        ),
        (("stack.average=rank", "blend.policy=mean"), None),  # a blend places among rows held out
    ],
)
def test_new_scores_are_counted_only_where_rows_held_out_have_such(settings, words):
    assert why_not_counted(load_recipe("tabular", settings).resolved()) == words
