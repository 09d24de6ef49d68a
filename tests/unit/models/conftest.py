import pytest
import torch


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """For networks this small threads only wait for one another."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
