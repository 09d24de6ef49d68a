"""What a taught student is worth beside its teacher, itself alone, and baselines."""
