"""The page of a suite of experiments."""
