"""A lazy module is what it stands for, from its first use on."""

import sys

import pytest

from workspace.lazy import LazyModule

NAME = "imported_late"


@pytest.fixture
def late(tmp_path, monkeypatch):
    (tmp_path / f"{NAME}.py").write_text("LIMIT = 7\n\n\ndef twice(x):\n    return 2 * x\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield LazyModule(NAME)
    sys.modules.pop(NAME, None)


def test_it_is_imported_when_it_is_first_asked_for(late):
    assert NAME not in sys.modules
    assert late.twice(late.LIMIT) == 14
    assert NAME in sys.modules


def test_what_it_lacks_is_named_as_by_the_module_itself(late):
    with pytest.raises(AttributeError, match="module 'imported_late' has no attribute 'thrice'"):
        late.thrice  # noqa: B018
