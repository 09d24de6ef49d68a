"""Which of a network's trainings one is, by the folds that it left out, and how it is called."""

HeldOut = int | tuple[int, int] | tuple[()]  # the fold that a network leaves out, or two, or none


def in_words(held_out: HeldOut) -> str:
    """As in `fold 0`, `folds 0 and 1`, or `all folds` where none is left out."""
    if isinstance(held_out, int):
        return f"fold {held_out}"
    return f"folds {' and '.join(map(str, held_out))}" if held_out else "all folds"


def unit_name(network: str, held_out: HeldOut) -> str:
    """What the folder of a network is called that leaves out a fold, or two, or none."""
    folds = (held_out,) if isinstance(held_out, int) else held_out or ("all",)
    return "_".join([network, "fold", *map(str, folds)])
