"""Speed, measured on both sides in one run. `make bench` writes JSON and a page a theme."""
