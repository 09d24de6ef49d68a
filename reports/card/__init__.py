"""A run's model card: what it is for, what it rests on, what is not known, as Markdown."""
