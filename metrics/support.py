"""How many patients an interval must rest on, and what is said where there is none."""

# With a positive or, where any lack one, without: whichever are fewer (docs/decisions/0007).
FEWEST = 20
NO_INTERVAL = (
    f"No interval where fewer than {FEWEST} patients with a positive, or 1 to {FEWEST - 1} without "
    "one, stand behind a value: it would cover too little."
)
NONE_OF_A_DISTANCE = (
    "No interval of a calibration error (ECE): luck alone keeps it above 0 and drawing again adds "
    "to that, so it would never cover 0."
)
NONE_OF_ONE_ANSWER = (
    "No interval where resamples cannot say how sure a value is: all agree on it, or none has one."
)
