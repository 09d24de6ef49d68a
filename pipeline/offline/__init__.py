"""A finished run's answer to unseen data, from a bundle: no training, no recipe, no network."""
