"""A lazy module is what it stands for, from its first use on."""

import gc
import sys
import weakref

import pytest

from workspace.lazy import LazyModule, imported

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


@pytest.fixture
def gathering(tmp_path, monkeypatch):
    """A module that says whether garbage was looked for while it was imported."""
    (tmp_path / "gathering.py").write_text("import gc\n\nLOOKING = gc.isenabled()\nMADE = [[]]\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield "gathering"
    sys.modules.pop("gathering", None)
    gc.unfreeze()
    gc.enable()


@pytest.mark.parametrize("looking", [True, False])
def test_no_garbage_is_looked_for_in_what_is_imported(gathering, looking):
    if not looking:
        gc.disable()
    module = imported(gathering)
    assert module.LOOKING is False
    assert gc.isenabled() is looking
    assert not any(one is module.MADE for one in gc.get_objects())  # nor later


def test_what_is_imported_already_is_not_waited_for(gathering, monkeypatch):
    module = imported(gathering)
    monkeypatch.setattr(gc, "collect", pytest.fail)
    assert imported(gathering) is module


def test_what_was_garbage_before_an_import_is_not_kept(gathering):
    class Large:
        pass

    large = Large()
    large.itself, seen = large, weakref.ref(large)
    gc.disable()
    del large
    assert seen() is not None
    imported(gathering)
    assert seen() is None


def test_after_an_import_that_fails_garbage_is_looked_for_too():
    with pytest.raises(ModuleNotFoundError):
        imported("nobody_wrote_this")
    assert gc.isenabled()
    gc.unfreeze()
