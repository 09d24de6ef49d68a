"""Embeddings and scores of several folds' networks, brought to one meaning without a label."""
