import pytest

from scripts.stage import Call, _jobs, _words, carry_out
from workspace.errors import ConfigError
from workspace.progress import Silent


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a.b=1 c.d=2", ["a.b=1", "c.d=2"]),
        ("a=[\"x\",'y']  b=3", ["a=[\"x\",'y']", "b=3"]),
        ("a=[1, 2] b=1", ["a=[1, 2]", "b=1"]),
        ('a="two words" b=1', ['a="two words"', "b=1"]),
        ("folder=/data/isic#1", ["folder=/data/isic#1"]),
        ("", []),
    ],
)
def test_settings_are_split_where_a_new_key_begins(text, words):
    assert _words(text) == words


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5", ""])
def test_jobs_are_a_number_of_processes(text):
    assert _jobs("3") == 3
    with pytest.raises(ConfigError) as refused:
        _jobs(text)
    assert str(refused.value) == f"JOBS={text} is no number of processes; take 1 or more."


def test_what_the_environment_states_of_the_machine_is_looked_at_before_anything(monkeypatch):
    monkeypatch.setenv("DERMSTACK_MEMORY_GB", "8GB")
    with pytest.raises(ConfigError, match="DERMSTACK_MEMORY_GB=8GB is no number of GB"):
        carry_out(None, "stack", Call(None, [], None, None, {}), Silent())
