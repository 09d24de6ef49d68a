"""Two networks as one: is it a cancer, and if so which."""
