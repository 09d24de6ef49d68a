"""Trainings with auxiliary questions: whose answers count, and what may go on."""

import polars as pl
import pytest

from models.networks.use import BEST
from pipeline import fold_network
from pipeline.networks import SCORES
from tests.by_hand.pictures import PicturesByHand, random_weights
from tests.by_hand.trainings import LAST, declared
from workspace.errors import ArtifactError

pytestmark = pytest.mark.usefixtures("one_thread")

ASKING = (*LAST, 'networks.flag.task.questions=["suspicious", "has_lesion_id"]')
LEARNT = ["c0", "c1", "e0", "e1", "f0"]  # with a picture, without fold 0


@pytest.fixture
def made(tmp_path):
    return PicturesByHand(tmp_path)


def test_answers_of_rows_that_are_not_learnt_from_change_no_bit(made):
    def trained(turned):
        """With these rows' answers turned: diagnosed further, and with a lesion's id or not."""
        is_turned = pl.col("isic_id").is_in(turned)
        further = pl.when(is_turned).then(pl.format("{}::more", "diagnosis"))
        given = pl.col("isic_id").is_in(["a0", "c0", "e0", "g0"]) != is_turned
        made.keep_samples(
            diagnosis=further.otherwise("diagnosis"),
            lesion_id=pl.when(given).then(pl.format("IL_{}", "isic_id")),
        )
        unit, _ = made.job(fresh=True).make(declared(made, *ASKING))
        return unit.tensors(BEST), unit.parquet(SCORES)

    others = [name for name in made.rows["isic_id"] if name not in LEARNT]
    (weights, scores), (same, same_scores), (other, _) = map(trained, ([], others, LEARNT[-1:]))
    assert all((same[name] == value).all() for name, value in weights.items())
    assert same_scores.equals(scores)
    assert any((other[name] != value).any() for name, value in weights.items())
    assert scores.columns == ["isic_id", "oof_flag_malignant", "last_oof_flag_malignant"]
    assert same.keys() == random_weights(0).keys()


def test_a_training_goes_on_with_the_same_questions_alone(made, monkeypatch):
    def stopping(self, draft, trained):
        raise KeyboardInterrupt

    asking = (*LAST, 'networks.flag.task.questions=["suspicious"]')
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(fold_network.FoldNetwork, "fill", stopping)
        made.job().make(declared(made, *asking))
    for settings, changed in (
        (LAST, "task.questions, task.questions_weight"),
        ((*asking, "networks.flag.task.questions_weight=0.2"), "task.questions_weight"),
    ):
        with pytest.raises(ArtifactError, match=rf"made from other values \({changed}\)"):
            made.job().make(declared(made, *settings))
    assert made.job().make(declared(made, *asking))[1]
