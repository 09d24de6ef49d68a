"""Check 168: a stop's sentence for the log, without what it names."""

import pickle

import pytest

from workspace.errors import ArtifactError, ConfigError, DataError, DermstackError, name_some
from workspace.sentences import unnamed

PATIENTS = ["IP_1", "IP_2"]
SENTENCE = "No such thing."


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


def within(name, about):
    try:
        raise DataError(f"{PATIENTS[0]} is odd; mend {about}.")
    except DermstackError as error:
        raise type(error)(f"networks.{name}: {error}") from error


def test_check_168_a_sentence_in_another_is_said_with_it_also_from_another_process():
    with pytest.raises(DataError) as refused:
        within("lite", PATIENTS[1])
    for error in (refused.value, pickle.loads(pickle.dumps(refused.value))):
        assert str(error) == "networks.lite: IP_1 is odd; mend IP_2."
        assert unnamed(error) == "networks....: ... is odd; mend ...."


def test_check_168_a_word_of_the_code_is_said():
    assert unnamed(ConfigError(SENTENCE)) == SENTENCE
    assert unnamed(ConfigError(f"Missing {SENTENCE} for {PATIENTS}{PATIENTS}.")) == (
        "Missing No such thing. for ...."
    )


def test_check_168_a_sentence_of_parts_says_what_of_it_is_public():
    words = f"Fold of {PATIENTS[0]}."
    error = pickle.loads(pickle.dumps(ConfigError(words, public="Fold of\none.")))
    assert (str(error), unnamed(error)) == (words, "Fold of one.")


def test_check_168_a_sentence_from_elsewhere_is_left_out_whole():
    message = f"Patient {PATIENTS[0]} is odd."
    assert unnamed(ConfigError(message)) == "..."
    error = ConfigError(message)
    error.raised_at = ("/nowhere/at_all.py", 3)
    assert unnamed(error) == "..."
