"""The page of `make eda`: what the data say before any model."""
