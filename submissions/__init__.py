"""Scores -> a CSV that is checked before it is written; the truth to score it against."""
