"""A score's curves as sections: ROC with its band, calibration, decisions, and every threshold."""

from dataclasses import dataclass

import polars as pl

from folds.groups import GROUP
from metrics.bootstrap import BootstrapConfig
from metrics.cohort import cohort
from metrics.roc_band import roc_band
from reports.curves.decision import decision_plot
from reports.curves.explorer import LEAD, explorer, threshold_table, wanted
from reports.pages.elements import Element, Note, Plot, Plots, Section
from reports.pages.plots import calibration_plot, roc_plot
from reports.sheets import Interval, ScoreSheet

STACK = "stack"
LEVEL = 0.95  # where the sheet does not say its own
NO_DECISIONS = (
    "No decision curve: it needs probabilities, and the score that is handed in was mapped to none "
    "by rows of other folds."
)

TWO_ROLES = " It ranks; whom 'predict' flags is for another member's own score to say."


@dataclass(frozen=True)
class HandedIn:
    """The score that is handed in: its name, its pAUC, and its rows out of fold.

    These have target, score, fold and group_id; if there is a `method`, also the probability that
    it makes of the score, fitted on the other folds' rows.
    """

    name: str
    pauc: Interval
    rows: pl.DataFrame
    method: str | None
    by_group: bool  # whether rows belong to patients or lesions


def curve_sections(sheet: ScoreSheet, handed_in: HandedIn | None, min_tpr: float) -> list[Section]:
    """Calibration of the stack, whose sheet it is; all else of what is handed in."""
    reliability = sheet["reliability"]
    calibration = [] if reliability is None else [calibration_plot(reliability)]
    if handed_in is None:
        return [Section("curves", "Curves", (Plots(tuple(calibration)),))]
    plots = [_roc(handed_in, min_tpr), *calibration]
    notes: list[Element] = []
    if handed_in.method is None:
        notes.append(Note(NO_DECISIONS))
    else:
        how = f"mapped to probabilities by {handed_in.method}, fitted on the other folds"
        plots.append(decision_plot(handed_in.rows, how))
    own = handed_in.name == STACK
    lead = "" if own else f"Calibration is of the stack, all else of {handed_in.name}."
    curves = Section("curves", "Curves", (Plots(tuple(plots)), *notes), lead)
    return [curves, _thresholds(handed_in, min_tpr)]


def _roc(handed_in: HandedIn, min_tpr: float) -> Plot:
    rows = handed_in.rows
    target, score = rows["target"].to_numpy(), rows["score"].to_numpy()
    whose = cohort(rows[GROUP] if handed_in.by_group else None, target)
    config = BootstrapConfig(level=handed_in.pauc.get("level", LEVEL))
    band = {rate: one.as_json() for rate, one in roc_band(target, score, whose, config).items()}
    return roc_plot(target, score, rows["fold"], handed_in.pauc["value"], min_tpr, band)


def _thresholds(handed_in: HandedIn, min_tpr: float) -> Section:
    rows = handed_in.rows
    elements = (explorer(rows, min_tpr), threshold_table(rows, wanted(min_tpr)))
    lead = f"{LEAD} The score is {handed_in.name}, which is handed in."
    lead += TWO_ROLES if handed_in.name == "rank_and_flag" else ""
    return Section("thresholds", "Operating points", elements, lead)
