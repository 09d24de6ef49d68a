"""Embeddings + tabular -> out-of-fold and test scores.

Alignment, LightGBM, tuning, blending, calibration.
"""
