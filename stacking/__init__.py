"""Embeddings and tabular features to scores: alignment, LightGBM, importance, baselines."""
