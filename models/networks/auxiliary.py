"""An auxiliary target: what a network learns besides its task, and in training alone.

Families of diagnoses and yes/no questions are made into these from the sample table, of which
training rows know more than others. What learns them is a second layer on the embedding, thrown
away when the training ends: no column, probability or embedding ever comes from it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from workspace.arrays import Ints
from workspace.errors import ConfigError

ANSWERS = ("no", "yes")


@dataclass(frozen=True)
class AuxiliaryTarget:
    """Each row's class by number, what the classes are called, and what their loss counts."""

    name: str
    codes: Ints  # (rows,), NONE where a row's is unknown: it adds nothing to the loss
    classes: tuple[str, ...]
    weight: float  # beside the loss of the task
    is_question: bool = False  # its classes are ANSWERS, learnt by one logit


def refuse_one_sided(network: str, targets: Sequence[AuxiliaryTarget], learnt: Ints) -> None:
    """A question that the rows to learn from do not answer with yes and with no."""
    for target in targets:
        no, yes = (int((target.codes[learnt] == code).sum()) for code in range(len(ANSWERS)))
        if target.is_question and not (no and yes):
            raise ConfigError(
                f"networks.{network}.task.questions asks {target.name}, which the rows to learn "
                f"from answer with yes {yes} times and with no {no} times; leave it out."
            )
