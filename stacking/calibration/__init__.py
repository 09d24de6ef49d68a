"""Scores that mean how often: maps fitted on other folds' rows, and the prior of another clinic."""
