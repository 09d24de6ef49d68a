"""The old name of `metrics.score_sheet`."""

from metrics.score_sheet import SHEET_VERSION, ScoreConfig, score_sheet

__all__ = ["SHEET_VERSION", "ScoreConfig", "score_sheet"]
