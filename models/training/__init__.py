"""Fitting a network: what is minimised, how batches are mixed, and the loop around it."""
