import numpy as np
import pytest

from models.nets.config import NetConfig
from models.networks.use import Use
from pipeline.answers import Answer, Cascade, alone

IDS = ["p", "q", "r"]
FIRST = np.array([[0.8, 0.2], [0.3, 0.7], [0.1, 0.9]])
SECOND = np.array([[0.6, 0.4], [0.6, 0.4], [0.2, 0.8]])
THREE = np.array([[0.2, 0.5, 0.3], [0.7, 0.2, 0.1], [0.1, 0.1, 0.8]])


def answer(name, probability, classes, *limits):
    uses = [
        Use(
            network=name, held_out=fold, classes=classes, net=NetConfig(), views=("identity",),
            bfloat16=False, threshold=limit, last_threshold=limit, best_epoch=0, inner_score=None,
        )
        for fold, limit in enumerate(limits or (None, None))
    ]  # fmt: skip
    return Answer(name, probability, uses)


FLAG = answer("flag", FIRST, ("no", "yes"), 0.6, 0.8)
WHICH = answer("which", SECOND, ("MEL", "BCC"))
SEVEN = answer("seven", THREE, ("a", "b", "c"))


def test_a_network_calls_by_the_mean_of_its_folds_thresholds_else_the_most_probable():
    assert FLAG.limit == pytest.approx(0.7)
    assert FLAG.called.tolist() == [0, 1, 1]
    assert SEVEN.limit is None
    assert SEVEN.called.tolist() == [1, 0, 2]


def test_networks_alone_say_their_classes_and_what_they_call():
    rows = alone(IDS, [FLAG, SEVEN, answer("rank", FIRST, ("no", "yes"))])
    assert rows[0] == {
        "picture": "p", "flag_yes": 0.2, "flag_threshold": FLAG.limit, "flag_called": "no",
        "seven_a": 0.2, "seven_b": 0.5, "seven_c": 0.3, "seven_called": "b", "rank_yes": 0.2,
    }  # fmt: skip
    assert [row["seven_called"] for row in rows] == ["b", "a", "c"]


def test_a_cascade_says_who_goes_on_and_calls_those():
    both = Cascade(FLAG, WHICH)
    rows = both.rows(IDS)
    assert rows[1] == {
        "picture": "q", "flag_yes": 0.7, "threshold": FLAG.limit, "goes_on": True,
        "which_MEL": 0.6, "which_BCC": 0.4, "called": "MEL",
    }  # fmt: skip
    assert [row["called"] for row in rows] == ["no", "MEL", "BCC"]
    assert list(Cascade(FLAG, None).rows(IDS)[0]) == ["picture", "flag_yes", "threshold", "goes_on"]


def test_overlays_are_of_the_second_of_two_classes_or_of_what_is_called():
    shown = {name: [part.tolist() for part in which] for name, which in Cascade(
        FLAG, WHICH
    ).shown().items()}  # fmt: skip
    assert shown == {"flag": [[0, 1, 2], [1, 1, 1]], "which": [[1, 2], [0, 1]]}
    assert SEVEN.shown.tolist() == [1, 0, 2]
