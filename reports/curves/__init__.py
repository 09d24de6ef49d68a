"""A score's curves, and what each threshold on it does."""
