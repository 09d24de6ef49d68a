"""Faults that are really made, and what becomes of a run: `make faults`, `make fuzz`."""
