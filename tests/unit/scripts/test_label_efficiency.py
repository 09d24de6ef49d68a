"""Which networks have a curve: none that knows of labels beyond its share."""

import pytest

from pipeline.picture_rows import open_picture_rows
from scripts.label_efficiency import _asked
from tests.by_hand.pictures import PicturesByHand
from tests.unit.pipeline.test_distill import FEW, TAUGHT
from workspace.errors import ConfigError

UNTAUGHT = tuple(one for one in FEW if one != "networks.few.teacher.network=big")


@pytest.mark.parametrize(
    ("name", "settings", "words"),
    [
        ("flag", TAUGHT, "flag has a teacher, which learnt from all labels, and so no share of "
         "them; leave it out of label_efficiency.networks, or its teacher."),
        ("few", UNTAUGHT, "few learns in few bits and begins with flag, which learnt from all "
         "labels; leave it out of label_efficiency.networks, or its net.weight_bits."),
    ],
)  # fmt: skip
def test_what_others_learnt_from_all_labels_is_no_curve(tmp_path, name, settings, words):
    made = PicturesByHand(tmp_path)
    rows = open_picture_rows(made.files())
    known = {one: made.network(rows, one, *settings) for one in ("big", name)}
    with pytest.raises(ConfigError) as refused:
        _asked(made.job(*settings), known)
    assert str(refused.value) == words
    alone = {"big": known["big"]}
    assert _asked(made.job(*settings), alone) == [known["big"]]
