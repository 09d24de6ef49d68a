"""A bundle of a few lines and a competition's folder, for whoever begins the launcher."""

import pytest

from tests.offline_bundle import fake_bundle


@pytest.fixture
def bundle(tmp_path):
    return fake_bundle(tmp_path / "bundle")


@pytest.fixture
def data(tmp_path):
    """A competition's folder."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "test-metadata.csv").write_text("isic_id\n")
    return folder
