"""Networks as tasks: on what one depends, what it may begin with, what a training leaves."""

import numpy as np
import polars as pl
import pytest

from models.inference.scores import Scores
from models.nets.config import GATES
from models.networks.fold import TrainedNetwork, scores_of
from models.networks.use import BEST, maker_of, use_of
from pipeline import fold_network
from pipeline.machine import Machine
from pipeline.networks import (
    SCORES,
    begin_anew,
    held_out_table,
    to_make_anew,
)
from pipeline.picture_rows import open_picture_rows
from tests.by_hand.pictures import HELD_OUT, PicturesByHand, random_weights
from tests.by_hand.trainings import LAST, declared
from tests.by_hand.units import files_in
from workspace.errors import ArtifactError
from workspace.tasks import state_of

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def still(tmp_path_factory):
    """A run that no test changes."""
    return PicturesByHand(tmp_path_factory.mktemp("still"))


@pytest.fixture
def made(tmp_path):
    return PicturesByHand(tmp_path)


@pytest.mark.parametrize(
    ("setting", "key"),
    [
        ("networks.flag.task.threshold=accuracy", "task"),
        ("networks.flag.task.names=[\"no\", \"yes\"]", "classes"),
        ('networks.flag.task.questions=["suspicious"]', "task"),
        ("networks.flag.training.gamma=3.0", "training"),
        ("networks.flag.training.phases=[{ epochs = 2, lr = 1e-3 }]", "training"),
        ("networks.flag.augment.noise_p=0.5", "augment"),
        ("networks.flag.views=four", "views"),
        ("networks.flag.net.size=48", "net"),
        ("seed=7", "seed"),
        ('data.positive=["MEL"]', "positive"),
    ],
)  # fmt: skip
def test_a_value_that_changes_a_network_changes_its_task(still, setting, key):
    before, after = declared(still), declared(still, setting)
    assert before.settings[key] != after.settings[key]
    assert before.inputs == after.inputs


@pytest.mark.parametrize(
    "setting",
    [
        "networks.flag.training.checkpoint_s=1.0",
        "networks.which.training.gamma=3.0",
        "networks.flag.claim=two_stage_second",
        "networks.flag.source_only=true",
        "score.replicates=200",
        "align.method=ridge",
        "stack.nested=true",
        "stack.seeds=3",
        'use_networks=["flag"]',
    ],
)
def test_a_value_that_changes_no_network_changes_no_task(still, setting):
    before, after = declared(still), declared(still, setting)
    assert (before.settings, before.inputs) == (after.settings, after.inputs)


def test_the_fold_or_the_pair_and_the_seed_are_in_the_task(still):
    one, two = declared(still, held_out=1), declared(still, held_out=(0, 2), seed=5)
    assert (one.settings["fold"], one.settings["seed"]) == (1, 0)
    assert (two.settings["fold"], two.settings["seed"]) == ([0, 2], 5)
    assert one.folder == still.run / "networks" / "flag_fold_1"
    assert two.folder == still.run / "networks" / "flag_fold_0_2"
    assert two.arguments["run"] == ((0, 2), 5)
    assert two.arguments["checkpoints"] == still.run / "checkpoints" / "flag_fold_0_2"
    assert one.needs().cores == 1  # a small network, on a CPU


def test_the_order_of_classes_is_in_the_task(still):
    turned = 'networks.which.task.classes={ BCC = ["BCC"], MEL = ["MEL"] }'
    before, after = declared(still, name="which"), declared(still, turned, name="which")
    assert before.settings["task"] == after.settings["task"]  # as dicts compare
    assert before.settings["classes"] == ["MEL", "BCC"]
    assert after.settings["classes"] == ["BCC", "MEL"]


def test_rows_folds_and_pictures_are_inputs(made):
    before = declared(made)
    assert set(before.inputs) == {"samples.parquet", "images.parquet", "folds.parquet", "weights"}
    made.keep_folds(made.rows.with_columns((2 - pl.col("fold")).alias("fold")))
    after = declared(made)
    changed = {name for name in before.inputs if before.inputs[name] != after.inputs[name]}
    assert changed == {"folds.parquet"}


def test_a_network_of_other_values_stops_and_is_not_trained_again(made):
    task = declared(made, "networks.flag.training.gamma=3.0")
    with made.making(
        "networks", "flag_fold_0", stage="train-cnn", settings=dict(declared(made).settings),
        inputs=dict(task.inputs),
    ) as draft:  # fmt: skip
        draft.text("text.txt", "dear")
    job = made.job()
    assert state_of(task, job._context()).stops
    with pytest.raises(ArtifactError, match=r"made from other values \(training.gamma\)"):
        job.make(task)
    assert made.unit("networks", "flag_fold_0", stage="train-cnn").text("text.txt") == "dear"


def test_check_162_gates_that_begin_otherwise_make_another_network(made):
    attending = "networks.flag.net.se=true"
    settings = dict(declared(made, attending).settings)
    assert settings.pop("gates") == GATES
    assert "gates" not in declared(made).settings
    with made.making("networks", "flag_fold_0", stage="train-cnn", settings=settings):
        pass
    with pytest.raises(ArtifactError, match=r"made from other values \(gates, input"):
        made.job(attending).make(declared(made, attending))


def test_check_121_an_average_that_is_taken_otherwise_makes_another_network(made):
    assert "average" not in declared(made).settings
    averaging = declared(made, "networks.flag.training.ema=0.99").settings
    assert averaging["average"] == "warmed up"


class Trainer:
    """In place of a training: remembers what it was given, gives a network as it is drawn."""

    def __init__(self, *, chosen=True, last=None):
        self.given, self.chosen, self.last = None, chosen, last

    def __call__(self, network, rows, run, pictures, checkpoints, show):
        self.given = network, rows, run, pictures
        history = [{"epoch": at, "loss": 1.0, "lr": 0.1, "auc": 0.5} for at in (1, 2)]
        inner = np.zeros(1 if self.chosen else 0, np.int64)
        score, limit = (0.75, 0.25) if self.chosen else (None, None)
        best, last = random_weights(1), self.last or random_weights(2)
        return TrainedNetwork(best, last, 1, limit, limit, inner, score, history, {})


@pytest.fixture
def trainer(monkeypatch):
    def put(**values):
        one = Trainer(**values)
        monkeypatch.setattr(fold_network, "train_network", one)
        drawn = lambda history, watch, chosen: f"<svg>{watch}</svg>"  # noqa: E731
        monkeypatch.setattr(fold_network, "draw", drawn)
        return one

    return put


@pytest.mark.parametrize("held_out", [1, (0, 2)])
def test_a_network_is_given_no_row_that_it_is_to_be_measured_on(made, trainer, held_out):
    one, task = trainer(), declared(made, held_out=held_out, seed=9)
    unit, new = made.job().make(task)
    _, rows, run, pictures = one.given
    folds = (held_out,) if isinstance(held_out, int) else held_out
    out = [name for fold in folds for name in HELD_OUT[fold]]
    learnt = [name for fold in HELD_OUT if fold not in folds for name in HELD_OUT[fold]]
    assert new
    assert pictures.ids.gather(rows.training).to_list() == learnt
    assert (rows.held_out, run.seed) == (held_out, 9)
    assert unit.parquet(SCORES)["isic_id"].to_list() == out
    assert use_of(unit).held_out == held_out
    assert use_of(unit).net.threads == 1
    assert unit.facts == {
        "best_epoch": 2,
        "inner_score": 0.75,
        "repeatable": True,
        "balance": {},
        "processors": [],
        "threads": 1,
    }


def test_fresh_trains_what_is_damaged_or_of_other_values_and_spares_the_rest(made, trainer):
    trainer()
    every = [declared(made, held_out=fold) for fold in HELD_OUT]
    made.job().carry_out(*every)
    made.lines()
    assert to_make_anew(made.job(), every) == every  # all are as they are asked for
    assert made.lines() == []
    (every[1].folder / BEST).write_bytes(b"torn")
    assert to_make_anew(made.job(), every) == [every[1]]
    other = [declared(made, "networks.flag.training.gamma=3.0", held_out=2), *every[:2]]
    assert to_make_anew(made.job(), other) == [other[0], every[1]]
    assert made.lines()[-1] == (
        "train-cnn: FRESH=1 trains flag_fold_2, flag_fold_1 anew; the others are whole and of "
        "these values, and stay."
    )


def test_its_curves_may_be_damaged_and_nothing_is_trained(made, trainer):
    trainer()
    unit, _ = made.job().make(declared(made))
    (unit.folder / "curves.svg").write_text("<svg>auk</svg>")
    assert made.job().make(declared(made))[1] is False


def test_its_best_and_last_weights_score_the_same_rows_under_two_names(made, trainer, monkeypatch):
    asked = []

    def counted(*given):
        asked.append(1)
        return scores_of(*given)

    monkeypatch.setattr(fold_network, "scores_of", counted)
    trainer()
    unit, _ = made.job().make(declared(made))
    assert len(asked) == 2
    table = unit.parquet(SCORES)
    assert table.columns == ["isic_id", "oof_flag_malignant", "last_oof_flag_malignant"]
    assert (table["oof_flag_malignant"] != table["last_oof_flag_malignant"]).all()
    assert unit.text("curves.svg") == "<svg>auc</svg>"
    asked.clear()
    trainer(last=random_weights(1))
    same, _ = made.job(fresh=True).make(declared(made))
    assert len(asked) == 1  # of weights that are the best and the last the scores are made once
    assert same.parquet(SCORES)["last_oof_flag_malignant"].equals(
        same.parquet(SCORES)["oof_flag_malignant"]
    )
    trainer(chosen=False)
    alone, _ = made.job(fresh=True).make(declared(made))
    same = alone.parquet(SCORES)  # nothing was chosen: there is one network
    assert same["last_oof_flag_malignant"].to_list() == same["oof_flag_malignant"].to_list()


def test_scores_are_of_their_pictures_and_views_are_those_of_the_recipe(made, trainer, monkeypatch):
    trainer()
    seen = []

    def by_index(network, run, pictures, weights, indices, show):
        seen.append([view.name for view in run.way.views])
        shares = np.array([[1 - at / 100, at / 100] for at in indices])
        return Scores(shares, np.zeros((len(indices), 1), np.float32))

    monkeypatch.setattr(fold_network, "scores_of", by_index)
    unit, _ = made.job().make(declared(made, "networks.flag.views=four", held_out=2))
    index = {name: at for at, name in enumerate(open_picture_rows(made.files()).table["isic_id"])}
    for name, share, _ in unit.parquet(SCORES).rows():
        assert share == index[name] / 100
    assert seen[0][0] == "identity"
    assert len(seen[0]) == 4


def test_a_training_leaves_a_network_and_no_checkpoint_and_learns_nothing_of_its_fold(made):
    """With other pictures and other labels where it is held out, it is the same network."""
    task = declared(made, *LAST)
    unit, _ = made.job().make(task)
    assert not task.arguments["checkpoints"].exists()
    before = unit.tensors(BEST), unit.parquet(SCORES)
    for name in HELD_OUT[0]:
        path = made.data / "pictures" / f"{name}.png"
        path.write_bytes((made.data / "pictures" / "t0.png").read_bytes())
    other = pl.col("target").replace({0: 1, 1: 0})
    made.rows = made.rows.with_columns(
        pl.when(pl.col("fold") == 0).then(other).otherwise("target").alias("target")
    )
    made.keep_samples()
    after, _ = made.job(fresh=True).make(declared(made, *LAST))
    weights = after.tensors(BEST)
    assert all((weights[name] == value).all() for name, value in before[0].items())
    drawn = random_weights(0)
    assert any((weights[name] != value).any() for name, value in drawn.items())
    assert not after.parquet(SCORES).equals(before[1])


def test_a_stopped_training_keeps_its_checkpoints(made, monkeypatch):
    def stopping(network, rows, run, pictures, checkpoints, show):
        checkpoints.folder.mkdir(parents=True)
        (checkpoints.folder / "kept").write_text("")
        raise KeyboardInterrupt

    monkeypatch.setattr(fold_network, "train_network", stopping)
    task = declared(made)
    with pytest.raises(KeyboardInterrupt):
        made.job().make(task)
    assert (task.arguments["checkpoints"] / "kept").is_file()
    assert not task.folder.exists()


def test_an_operation_without_a_deterministic_form_is_told_in_one_line(made, monkeypatch):
    def refusing(*_):
        raise RuntimeError("some_op does not have a deterministic implementation, but ...")

    monkeypatch.setattr(fold_network, "train_network", refusing)
    with pytest.raises(Exception, match=r"some_op has no deterministic form.*DETERMINISTIC=1 out"):
        made.job().make(declared(made))


def test_a_maker_takes_no_job_and_can_be_called_alone(made, trainer):
    one, task = trainer(), declared(made)
    with made.making("alone", stage="train-cnn") as draft:
        fold_network.train_fold_network(draft, **{**task.arguments, "machine": Machine("cpu")})
    assert one.given is not None
    assert made.unit("alone", stage="train-cnn").parquet(SCORES).height == 3


def test_what_folds_say_is_one_table_by_id_with_who_said_it_and_nulls_without_a_picture(made):
    rows = open_picture_rows(made.files())
    scores = {0: {"a0": 0.1, "a1": 0.9, "b0": 0.2}, 1: {"c0": 0.7, "c1": 0.3}}
    units = {fold: made.keep_network("flag", fold, scores=of) for fold, of in scores.items()}
    table = held_out_table(rows, units, ["oof_flag_malignant"])
    makers = [maker_of(units[fold]) for fold in (0, 0, 0, 1, 1, 1)]
    assert table.rows() == [
        ("a0", 0, makers[0], 0.1), ("a1", 0, makers[0], 0.9), ("b0", 0, makers[0], 0.2),
        ("c0", 1, makers[3], 0.7), ("c1", 1, makers[3], 0.3), ("d0", 1, makers[3], None),
    ]  # fmt: skip
    assert table.schema["fold"] == pl.Int16
    assert makers[0] != makers[3]


def test_to_begin_anew_deletes_these_networks_and_their_checkpoints_and_nothing_else(made):
    for name in ("flag_fold_0", "flag_fold_1"):
        with made.making("networks", name, stage="train-cnn") as draft:
            draft.text("text.txt", "a network")
        (made.run / "checkpoints" / name).mkdir(parents=True)
    with made.making("networks", "strange", stage="embed") as draft:
        draft.text("text.txt", "no network")
    before = files_in(made.run)
    with pytest.raises(ArtifactError, match="holds files that 'make train-cnn' did not write"):
        begin_anew(made.job(), ["flag_fold_0", "strange"])
    assert files_in(made.run) == before
    begin_anew(made.job(), ["flag_fold_0", "never_made"])
    gone = {str(path.parent) for path in before.keys() - files_in(made.run).keys()}
    assert gone == {"networks/flag_fold_0"}
    assert [path.name for path in (made.run / "checkpoints").iterdir()] == ["flag_fold_1"]
