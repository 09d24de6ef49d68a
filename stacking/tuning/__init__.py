"""Search for settings of the boosters: what may be tried, on which rows, and where it is kept."""
