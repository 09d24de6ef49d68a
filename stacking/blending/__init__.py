"""Members of a stack and their blends: what is chosen for a fold is chosen on other folds' rows."""
