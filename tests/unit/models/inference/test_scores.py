"""What a GPU has no room for, or no numbers, is scored all the same."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from models.inference import scores
from models.inference.scores import Scores, Way, score_in_memory
from models.inference.speed import EXACT, Pace
from tests.said import Said

WAY = Way(torch.device("cpu"), batch_size=64)


@pytest.fixture
def score(monkeypatch):
    """What is said of each way that was tried; `gives` is the scores by the way, or an error."""

    def scored(gives, way=WAY):
        tried, desk = [], Said()

        def answer(net, pictures, indices, way, show):
            tried.append(way)
            return gives(way)

        monkeypatch.setattr(scores, "score_pictures", answer)
        found = score_in_memory(None, None, np.arange(3), way, desk, "looking")
        return SimpleNamespace(found=found, tried=tried, lines=desk.lines)

    return scored


def of(number):
    return Scores(np.full((3, 2), 0.5), np.full((3, 4), number, np.float32))


def test_batches_are_halved_until_there_is_room(score):
    def gives(way):
        if way.batch_size > 16:
            raise torch.OutOfMemoryError
        return of(1.0)

    made = score(gives)
    assert [way.batch_size for way in made.tried] == [64, 32, 16]
    assert made.lines == [
        "notice: 64 pictures at once are too many for this GPU; 32 now.",
        "notice: 32 pictures at once are too many for this GPU; 16 now.",
    ]


def test_where_one_picture_has_no_room_that_is_the_error(score):
    def gives(way):
        raise torch.OutOfMemoryError

    with pytest.raises(torch.OutOfMemoryError):
        score(gives, replace(WAY, batch_size=2))


def test_what_float16_does_not_hold_is_computed_in_float32(score):
    halved = replace(WAY, pace=Pace("float16"))
    made = score(lambda way: of(np.inf if way.pace.dtype == "float16" else 70_000.0), halved)
    assert [way.pace for way in made.tried] == [Pace("float16"), EXACT]
    assert made.lines == ["notice: what this network computes is beyond float16; in float32 now."]
    assert made.found.embedding.max() == 70_000.0


@pytest.mark.parametrize("pace", [EXACT, Pace("bfloat16")])
def test_in_another_pace_what_is_no_number_stays_so_for_who_refuses_it(score, pace):
    made = score(lambda way: of(np.nan), replace(WAY, pace=pace))
    assert len(made.tried) == 1
    assert made.lines == []
