"""A suite: many networks that differ by one change each, held against one another."""
