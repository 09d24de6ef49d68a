"""Check 168: a stop's sentence for the log, without what it names."""

import pickle

from workspace.errors import ArtifactError, ConfigError, name_some
from workspace.sentences import unnamed

PATIENTS = ["IP_1", "IP_2"]


def test_check_168_what_was_put_into_a_sentence_is_left_out():
    error = ConfigError(
        f"{len(PATIENTS)} patients are in two folds ({name_some(PATIENTS)}) in folds.parquet; "
        "rerun 'make folds'."
    )
    assert "IP_1" in str(error)
    assert unnamed(error) == (
        "... patients are in two folds (...) in folds.parquet; rerun 'make folds'."
    )


def test_check_168_it_is_the_same_from_another_process():
    error = ArtifactError(f"{PATIENTS[0]} is gone; " + "restore it.")  # words put together: none
    again = pickle.loads(pickle.dumps(ConfigError("Nothing is there.")))
    assert unnamed(error) == "..."
    assert unnamed(again) == "Nothing is there."


def test_check_168_a_sentence_from_elsewhere_is_left_out_whole():
    message = f"Patient {PATIENTS[0]} is odd."
    assert unnamed(ConfigError(message)) == "..."
    error = ConfigError(message)
    error.raised_at = ("/nowhere/at_all.py", 3)
    assert unnamed(error) == "..."
