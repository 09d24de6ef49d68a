"""Boosters behind one protocol; each has a file of its own, the only one that knows its library."""
