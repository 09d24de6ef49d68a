import pytest

from workspace.manifest import Wanted
from workspace.pieces import KeptPieces, begin_anew, is_anew

VALUES = {
    "stage": "predict", "settings": {"version": 1}, "inputs": {"images": "aa"}, "recipe": {},
    "seed": 0,
}  # fmt: skip


def parts_in(folder, told=None, **changes):
    tell = (lambda line: None) if told is None else told.append
    return KeptPieces(folder / "working", Wanted(**{**VALUES, **changes}), tell)


@pytest.fixture
def kept(tmp_path):
    with parts_in(tmp_path).making("scores/00000", {"of": [1, 2]}) as draft:
        draft.text("a.txt", "0.25")
    return tmp_path / "working" / "scores" / "00000"


def test_a_part_is_found_while_it_is_what_is_wanted(tmp_path, kept):
    told = []
    unit = parts_in(tmp_path, told).find("scores/00000", {"of": [1, 2]})
    assert unit.text("a.txt") == "0.25"
    assert parts_in(tmp_path, told).open("scores/00000").text("a.txt") == "0.25"
    assert parts_in(tmp_path, told).find("scores/00000", {"of": [1, 3]}) is None
    assert parts_in(tmp_path, told).find("scores/00001", {"of": [1, 2]}) is None
    other = parts_in(tmp_path, told, inputs={"images": "bb"})
    assert other.find("scores/00000", {"of": [1, 2]}) is None
    assert not told


def flip(folder):
    (folder / "a.txt").write_text("0.35")


def cut(folder):
    (folder / "a.txt").write_text("")


def lose(folder):
    (folder / "a.txt").unlink()


def tear(folder):
    (folder / "manifest.json").write_text('{"stage": "pre')


@pytest.mark.parametrize("damage", [flip, cut, lose, tear])
def test_a_damaged_part_is_told_and_made_anew(tmp_path, kept, damage):
    damage(kept)
    told = []
    parts = parts_in(tmp_path, told)
    assert parts.find("scores/00000", {"of": [1, 2]}) is None
    assert told == [f"WARNING: {kept} is damaged; it is made anew."]
    with parts.making("scores/00000", {"of": [1, 2]}) as draft:
        draft.text("a.txt", "0.5")
    assert parts.find("scores/00000", {"of": [1, 2]}).text("a.txt") == "0.5"


def test_what_fails_is_not_kept(tmp_path):
    parts = parts_in(tmp_path)
    with pytest.raises(RuntimeError), parts.making("one", {}) as draft:
        draft.text("a.txt", "half")
        raise RuntimeError
    assert parts.find("one", {}) is None
    assert not list(parts.folder.iterdir())


def test_begun_anew_says_so_to_later_calls_until_all_is_cleared(tmp_path, kept):
    folder = parts_in(tmp_path).folder
    assert not is_anew(folder)
    begin_anew(folder)
    assert is_anew(folder)
    assert not kept.exists()
    parts_in(tmp_path).clear()
    assert not list(tmp_path.iterdir())
    parts_in(tmp_path).clear()
    assert not is_anew(folder)
