from types import SimpleNamespace

import polars as pl

from pipeline.embeddings import OtherPictures
from pipeline.offline.views import MEMBER, VIEW, shown_pictures, view_of, with_picture
from tests.by_hand.units import kept


def test_shards_are_of_one_set_of_pictures_and_each_network_is_named_once(tmp_path):
    pictures = OtherPictures(tmp_path, "hash", ("a",), ("a.png",))
    nets = [(kept(tmp_path / name, "train-cnn", {}).folder, "train-cnn") for name in ("x", "y")]
    shards = [
        SimpleNamespace(arguments={"some": (pictures, range(1)), "network": net})
        for net in (nets[1], nets[0], nets[1])
    ]
    same, units = shown_pictures(shards)
    assert same is pictures
    assert [unit.folder.name for unit in units] == ["y", "x"]
    assert shown_pictures([]) == (None, [])


def test_a_view_is_read_by_member_and_one_that_is_lacking_is_empty(tmp_path):
    table = pl.DataFrame(
        {"isic_id": ["a", "b", "a"], "score": [0.1, 0.2, 0.3], MEMBER: ["stack", "stack", "net"]}
    )
    kept(tmp_path / "view", "submit", {VIEW: table})
    view = view_of(tmp_path / "view", ["net", "stack"])
    assert list(view) == ["net", "stack"]
    assert view["net"].rows() == [("a", 0.3)]
    assert view["stack"].rows() == [("a", 0.1), ("b", 0.2)]


def test_a_row_without_a_reference_has_no_picture():
    rows = pl.DataFrame({"image": ["a.png", None]})
    assert with_picture(rows).to_list() == [True, False]
