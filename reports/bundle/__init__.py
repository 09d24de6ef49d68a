"""A handed-out network: the page that runs it, its runtime, its model card."""
