import numpy as np
import pytest

from synthetic.spread import (
    apportion,
    lesions_per_patient,
    room_for_positives,
    spread_positives,
)


def test_apportion_gives_the_largest_remainders_their_due() -> None:
    # 10 in proportion 1 : 2 : 3 is 1 4/6, 3 2/6, 5: the first has the largest remainder.
    assert apportion(10, np.array([1, 2, 3])).tolist() == [2, 3, 5]
    assert apportion(4, np.array([0, 0])).tolist() == [2, 2]


@pytest.mark.parametrize(("patients", "rows"), [(2, 2), (3, 50), (80, 1600), (1042, 401_059)])
def test_every_patient_has_a_lesion_and_all_are_dealt(patients: int, rows: int) -> None:
    lesions = lesions_per_patient(patients, rows)
    assert lesions.sum() == rows
    assert lesions.min() >= 1
    assert (np.diff(lesions) <= 0).all()


def test_the_real_size_has_a_heavy_head_and_single_lesions() -> None:
    lesions = lesions_per_patient(1042, 401_059)
    assert 8000 < lesions[0] < 10_000
    assert (lesions == 1).sum() >= 3
    assert np.median(lesions) < lesions.mean() / 3


def test_room_is_one_in_four_up_to_eight() -> None:
    room = room_for_positives(np.array([1, 4, 8, 31, 32, 9000]))
    assert room.tolist() == [1, 1, 2, 7, 8, 8]


@pytest.mark.parametrize("positives", [1, 5, 20, 42])
def test_positives_are_all_dealt_within_the_room(positives: int) -> None:
    lesions = lesions_per_patient(20, 300)
    room = room_for_positives(lesions)
    key = np.random.default_rng(1).permutation(20)
    dealt = spread_positives(positives, lesions, key, np.random.default_rng(0))
    assert dealt.sum() == positives
    assert (dealt <= room).all()


def test_a_full_house_is_dealt() -> None:
    lesions = lesions_per_patient(20, 300)
    room = room_for_positives(lesions)
    dealt = spread_positives(int(room.sum()), lesions, np.arange(20), np.random.default_rng(0))
    assert dealt.tolist() == room.tolist()
