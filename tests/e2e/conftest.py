"""What several files of end-to-end tests start from; nobody may change it."""

import pytest

from tests.multimodal import call
from tests.stages import Place


@pytest.fixture(scope="session")
def multimodal(tmp_path_factory):
    """A finished run of networks and tables."""
    place = Place(tmp_path_factory.mktemp("multimodal"))
    call(place, "submission")
    return place
