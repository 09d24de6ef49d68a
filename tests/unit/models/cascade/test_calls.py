import numpy as np

from metrics.score_sheet import ScoreConfig
from models.cascade.calls import cascade_calls, cascade_sheet


def test_what_goes_on_is_called_as_the_second_network_calls_it():
    second = np.array([[0.2, 0.8], [0.6, 0.4], [0.1, 0.9]])
    assert cascade_calls(np.array([True, True, False]), second).tolist() == [2, 1, 0]


def test_end_to_end_a_row_counts_by_both():
    true, called = np.array([0, 0, 1, 2, 2, 1]), np.array([0, 1, 1, 2, 0, 1])
    patient = [f"p{number}" for number in range(6)]
    found = cascade_sheet(
        true, called, ("no", "MEL", "BCC"), patient, ScoreConfig(replicates=100, seeds=(0,))
    )
    assert found["patients"] == 6
    assert found["metrics"]["accuracy"]["value"] == 4 / 6
    assert found["report"]["confusion"]["counts"] == [[1, 1, 0], [0, 2, 0], [1, 0, 1]]
