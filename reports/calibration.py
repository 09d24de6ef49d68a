"""Whether scores come true as often as they say, as they are and by each way to map them."""

from reports.pages.elements import Note, Section
from reports.sheets import Calibrations
from reports.table import Table, Words, columns, count, measure, plain

SHOWN = {
    "brier": "Brier score", "calibration_slope": "slope", "calibration_intercept": "intercept",
    "ece": "ECE",
}  # fmt: skip
AS_IT_IS = "none"
ORDER = (AS_IT_IS, "platt", "beta", "temperature", "isotonic")


def section(sheet: Calibrations, method: str) -> Section:
    """Each method on rows that its map never saw; `method` is the recipe's, handed out."""
    lead = (
        f"The score handed in and what each method makes of it, fitted on {sheet['fitted_on']}. "
        f"A slope of 1 and an intercept of 0 are perfect; ECE in {sheet['bins']} bins. Pooled pAUC "
        "moves because each fold has a map of its own; within a fold only ties move it."
    )
    what = "the score as it is" if method == AS_IT_IS else f"what {method} makes of the score"
    note = Note(f"'submission' and 'predict' hand out {what}, by calibration.method = {method}.")
    return Section("calibration", "Calibration", (calibration_table(sheet), note), lead)


def calibration_table(sheet: Calibrations) -> Table:
    """Brier score, slope, intercept and ECE; how many scores are still apart."""
    rows = tuple(
        (
            Words("as it is" if name == AS_IT_IS else name),
            *(measure(one["metrics"][key]) for key in SHOWN),
            measure(one["minus_raw"]["brier"]) if one["minus_raw"] else Words("–", short=""),
            plain(one["pauc_pooled"]),
            count(one["distinct"]),
        )
        for name, one in ((name, sheet["methods"][name]) for name in ORDER)
    )
    titles = ("score", *SHOWN.values(), "minus as it is, Brier", "pAUC pooled", "distinct scores")
    return Table(columns(*titles), rows)
