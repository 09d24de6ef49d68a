"""What the stages are composed of: the recipe, the run's rows and networks, members, new data.

Between `scripts/`, which alone knows the order and the console, and the rooms that do the work.
"""
