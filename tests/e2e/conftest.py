"""What several files of end-to-end tests start from; nobody may change it."""

import fcntl
import os

import pytest

from tests.multimodal import call
from tests.stages import Place


@pytest.fixture(scope="session")
def multimodal(tmp_path_factory):
    """A finished run of networks and tables, made by the test process that is first to ask."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent  # which all test processes of a call have in common
    place = Place(base / "multimodal")
    with (base / "multimodal.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place.run / "submission" / "manifest.json").exists():
            call(place, "submission")
    return place
