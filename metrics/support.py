"""How many patients an interval must rest on, and what is said where there are fewer."""

# With a positive or without one, whichever are fewer (docs/decisions/0007; docs/LOG.md).
FEWEST = 20
NO_INTERVAL = (
    f"No interval where fewer than {FEWEST} patients with a positive, or without one, stand behind "
    "a value: it would cover too little."
)
