"""What several tests of the pipeline ask: calls on a run of which nothing is made."""

import pytest

from tests.by_hand.calls import Calls
from tests.by_hand.disk import unflushed

__all__ = ["blank", "unflushed"]


@pytest.fixture
def blank(tmp_path):
    return Calls(tmp_path)
