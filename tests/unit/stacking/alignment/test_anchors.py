import re

import numpy as np
import pytest

from stacking.alignment.anchors import anchor_indices, checked
from tests.unit.stacking.alignment.conftest import config, drawn
from workspace.errors import ArtifactError, ConfigError


def test_all_rows_are_anchors_or_some_that_are_spread_evenly():
    few = config(most_anchors=10, least_anchors=10)
    assert anchor_indices(10, few).tolist() == list(range(10))
    assert anchor_indices(28, few).tolist() == [0, 3, 6, 9, 12, 15, 18, 21, 24, 27]
    assert len(np.unique(anchor_indices(11, few))) == 10


def test_folds_come_lowest_first(views):
    assert list(checked({2: views[2], 0: views[0]}, config(), "embeddings")) == [0, 2]


def damaged():
    views = drawn(rows=60, width=2, folds=2)
    views[1][[4, 7], 1] = [np.nan, np.inf]
    return views


@pytest.mark.parametrize(
    ("views", "kind", "message"),
    [
        (
            {},
            ArtifactError,
            "No fold has embeddings of the anchors; run 'make train-cnn'.",
        ),
        (
            {0: np.zeros((60, 3)), 1: np.zeros((60, 4))},
            ArtifactError,
            "The folds' embeddings of the anchors differ in shape (fold 0: 60 x 3, fold 1: 60 x 4);"
            " train all folds with one network and score the same anchors with each.",
        ),
        (
            {0: np.zeros((49, 3))},
            ConfigError,
            "There are 49 anchors (align.anchors='test'), fewer than align.least_anchors=50; set "
            "groups aside with align.anchors=anchor and folds.anchor_share=0.02, or name pictures "
            "of your own in align.pictures, or take align.least_anchors=49.",
        ),
        (
            damaged(),
            ArtifactError,
            "Fold 1's embeddings of the anchors have values that are no finite numbers (row 4, "
            "row 7); leave out rows without a picture, or train that fold anew.",
        ),
    ],
)
def test_views_that_cannot_be_brought_together_are_refused(views, kind, message):
    with pytest.raises(kind, match=f"^{re.escape(message)}$"):
        checked(views, config(), "embeddings")


def test_too_few_rows_are_refused():
    with pytest.raises(ConfigError) as refused:
        anchor_indices(3, config(anchors="anchor"))
    assert str(refused.value) == (  # 3 is no value that align.least_anchors may have
        "There are 3 anchors (align.anchors='anchor'), fewer than align.least_anchors=50; "
        "folds.anchor_share sets groups aside where stack.networks=true; raise it."
    )
