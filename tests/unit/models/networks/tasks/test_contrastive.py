"""The task `contrastive`: what it makes of rows, what it refuses, what its manifest says."""

import polars as pl
import pytest

from folds.findings import Findings
from models.networks.config import NetworkConfig
from models.networks.tasks.contrastive import ContrastiveTask, collapsed
from pipeline.recipe_files import on_base
from tests.unit.models.networks.conftest import base
from workspace.errors import ConfigError

ROWS = pl.DataFrame(
    {
        "isic_id": ["a", "b", "c", "d", "e", "f"],
        "target": pl.Series([1, 0, 0, None, 0, 1], dtype=pl.Int8),
        "diagnosis": ["mel", "nv", "", None, "nv", "mel"],
        "lesion_id": ["L2", "L1", None, "L1", "", "c"],
    }
)


def network(**stated):
    return NetworkConfig.model_validate(on_base(base("contrastive"), stated))


def labels(**values):
    task = ContrastiveTask(**values)
    return task, task.labels("simclr", ROWS, Findings())


def test_its_values_are_the_sources_and_where_that_is_silent_simclrs():
    config = network()
    [phase] = config.learning.phases
    assert (phase.epochs, phase.lr, phase.schedule) == (100, 1e-3, "fixed")
    assert (config.learning.batch_size, config.learning.accumulate) == (128, 1)
    assert (config.learning.optimiser, config.learning.weight_decay) == ("adam", 0.0)
    assert (config.net.backbone, config.net.hidden, config.task.width) == ("resnet18", (256,), 128)
    assert config.task.temperature == 0.5
    assert (config.augment.area_low, config.augment.grey_p, config.augment.jitter_p) == (
        0.2, 0.2, 0.8
    )  # fmt: skip


def test_every_row_is_learnt_from_alike_and_says_nothing_of_a_class():
    task, found = labels()
    assert found.codes.tolist() == [0] * 6
    assert (found.classes, found.target, task.columns("simclr", found)) == ((), None, [])
    assert task.outputs(found) == 128
    assert task.is_beginning and task.learns  # noqa: PT018
    assert not task.sees_all


def test_a_picture_of_no_known_lesion_is_one_of_its_own_whatever_its_id_is_called():
    _, found = labels()
    whose = found.lesions.tolist()
    assert whose[1] == whose[3]  # L1
    assert len(set(whose)) == 5  # the picture c is not of the lesion c


@pytest.mark.parametrize(
    ("by", "names", "known"),
    [
        ("diagnosis", ("mel", "nv"), [0, 1, -1, -1, 1, 0]),
        ("target", ("0", "1"), [1, 0, 0, -1, 0, 1]),
    ],
)
def test_neighbours_are_held_against_diagnoses_or_the_target_where_these_are_known(
    by, names, known
):
    _, found = labels(signs_by=by)
    assert (found.names, found.known.tolist()) == (names, known)


def test_rows_of_one_class_have_no_neighbours_to_tell_apart():
    task = ContrastiveTask()
    found = task.labels("simclr", ROWS.with_columns(diagnosis=pl.lit("nv")), Findings())
    with pytest.raises(ConfigError) as refused:
        task.check_found("simclr", found, network().learning)
    assert str(refused.value) == (
        "networks.simclr.task.signs_by='diagnosis' tells no two classes of these rows apart; take "
        "the other one, or training.choose='last'."
    )
    task.check_found("simclr", found, network(training={"choose": "last"}).learning)


def test_no_diagnosis_at_all_is_no_class():
    none = ROWS.with_columns(diagnosis=pl.lit(None, dtype=pl.String))
    found = ContrastiveTask().labels("simclr", none, Findings())
    assert (found.names, found.known.tolist()) == ((), [-1] * 6)


@pytest.mark.parametrize(
    ("stated", "words"),
    [
        ({"training": {"mixup_probability": 0.5}},
         r"training\.mixup_probability is of labels, and task\.kind='contrastive' looks at none; "
         r"take mixup_probability=0\.0"),
        ({"training": {"sampling": "inverse_frequency"}}, "take sampling='shuffled'"),
        ({"training": {"class_weights": True}}, "take class_weights=false"),
        ({"training": {"oversample": {"mel": 2.0}}}, r"take oversample=\{\}"),
        ({"training": {"alpha": 0.25}}, "take alpha=none: leave it out"),
        ({"training": {"gamma": 2.0}}, r"take gamma=0\.0"),
        ({"training": {"batch_size": 1}}, "leaves a picture nothing to be told from"),
        ({"training": {"choose": "inner"}}, "would choose by labels; take 'watched', or 'last'"),
        ({"training": {"watch": "auc"}},
         r"training\.watch='auc' says nothing of task\.kind='contrastive'; take 'knn_accuracy' or "
         "'knn_balanced_accuracy'"),
        ({"net": {"se": True}}, "are no part of what others begin with, the backbone alone is"),
        ({"views": "four"}, "views changes nothing where task.kind='contrastive'"),
        ({"claim": "two_stage_first"}, "claim changes nothing where task.kind='contrastive'"),
        ({"source_only": True}, "source_only is of networks that learn the target"),
        ({"task": {"temperature": 0.0}}, "greater than 0"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(stated, words):
    with pytest.raises(ValueError, match=words):
        network(**stated)


def test_a_network_with_classes_is_not_watched_by_neighbours():
    stated = {"training": {"watch": "knn_accuracy"}}
    with pytest.raises(ValueError, match=r"training\.watch='knn_accuracy' says nothing of"):
        NetworkConfig.model_validate(on_base(base("extractor"), stated))


def test_the_manifest_has_the_last_signs_and_the_epochs_in_which_there_were_none():
    history = [
        {"epoch": 1, "loss": 3.0, "knn_accuracy": 0.5, "alignment": 0.0, "uniformity": -0.01},
        {"epoch": 2, "loss": 2.0, "knn_accuracy": 0.6, "alignment": 0.3, "uniformity": -1.5},
        {"epoch": 3, "loss": 2.5, "knn_accuracy": 0.4, "alignment": 0.0, "uniformity": -0.09},
    ]  # alike at first, then apart, then alike again
    assert ContrastiveTask().facts(history) == {
        "signs": {"loss": 2.5, "knn_accuracy": 0.4, "alignment": 0.0, "uniformity": -0.09},
        "collapsed": [3],
    }
    assert ContrastiveTask().facts([{"epoch": 1, "loss": 3.0}]) == {
        "signs": {"loss": 3.0}, "collapsed": []
    }  # fmt: skip


@pytest.mark.parametrize(
    ("uniformity", "found"),
    [
        ([-0.05] * 3, []),  # still as drawn
        ([-0.05] * 5, [4, 5]),  # it never came apart
        ([-0.05, -0.2, -0.3, -0.4], []),
        ([-0.2, -0.05, -0.2, 0.0], [2, 4]),
        ([-0.1, -0.1], []),
    ],
)
def test_a_collapse_is_being_one_point_again_or_still_after_three_epochs(uniformity, found):
    history = [{"epoch": at, "uniformity": value} for at, value in enumerate(uniformity, 1)]
    assert collapsed(history) == found
