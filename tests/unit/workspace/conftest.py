import pytest

from tests.makers import Listening, copy, write
from workspace import work
from workspace.executors import ThisProcess
from workspace.hashing import HashMemory
from workspace.tasks import Context, Output, Task


@pytest.fixture(autouse=True)
def _no_long_waits(monkeypatch):
    monkeypatch.setattr(work, "RETRY_S", 0.05)


@pytest.fixture
def desk():
    return Listening()


@pytest.fixture
def context(desk):
    return Context({"name": "r"}, 0, HashMemory(), desk, ThisProcess(desk))


@pytest.fixture
def make(tmp_path):
    """A task that writes a text; every making leaves a line in the log."""
    log = tmp_path / "log"

    def task(name, text="x", **values):
        values = {"settings": {"name": name, "text": text}, **values}
        arguments = values.pop("arguments", {"text": text, "log": log})
        return Task(
            tmp_path / name, "stack", values.pop("maker", write), arguments=arguments, **values
        )

    task.copy_of = lambda name, other, **values: task(
        name, maker=copy, inputs={"it": Output(other)}, settings={"name": name},
        arguments={"folder": other.folder, "log": log}, **values,
    )  # fmt: skip
    task.log = lambda: log.read_text().split() if log.exists() else []
    return task
