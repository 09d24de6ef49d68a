"""A bundle of the run of networks and tables, and the hidden rows that it is asked about."""

import os

import pytest
import torch

from tests.bundled import bundle_of, hidden_rows


@pytest.fixture(scope="session")
def bundled(multimodal, tmp_path_factory):
    """A copy of that run, and its bundle, which lies elsewhere."""
    return bundle_of(multimodal, tmp_path_factory.mktemp("bundle"))


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    """As the run was made: the same bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, "OMP_NUM_THREADS", "1")
        yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def run(bundled):
    return bundled[0]


@pytest.fixture(scope="module")
def handed(bundled):
    return bundled[1]


@pytest.fixture
def new(run, tmp_path):
    return hidden_rows(run, tmp_path / "new")


@pytest.fixture
def output(tmp_path):
    return tmp_path / "there" / "submission.csv"
