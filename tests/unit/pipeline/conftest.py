"""What several tests of the pipeline ask: calls on a run of which nothing is made."""

import pytest
import torch

from scripts import bundle, submission
from tests.by_hand.calls import Calls
from tests.by_hand.disk import unflushed

__all__ = ["blank", "unflushed"]


@pytest.fixture
def blank(tmp_path):
    return Calls(tmp_path)


@pytest.fixture(scope="session")
def of_tables(tmp_path_factory):
    """A finished run of tables alone with its submission and its bundle; nobody may change it."""
    calls = Calls(tmp_path_factory.mktemp("of_tables"))
    submission.run(calls.job(stage="submission"))
    bundle.run(calls.job(stage="bundle"))
    return calls


@pytest.fixture
def one_thread(monkeypatch):
    """For trainings here and in the processes that they start, and as before afterwards."""
    before = torch.get_num_threads()
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    yield
    torch.set_num_threads(before)
