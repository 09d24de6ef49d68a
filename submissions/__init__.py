"""Scores -> a CSV that is checked before it is written; the report; the offline bundle."""
