"""The bundle that answers where there is no network: its launcher, its notebook, its papers."""
