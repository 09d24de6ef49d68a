"""A trained network as a file that others can ask: one graph from the picture to the answer."""
