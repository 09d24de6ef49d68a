"""Distillation within folds: each fold's own teacher, its words by id, no trace without weight."""

import numpy as np
import pytest

from models.networks.teacher import TeacherConfig
from models.networks.use import BEST
from pipeline.fold_network import open_fold_network
from pipeline.machine import Machine
from pipeline.networks import SOFT_LABELS, needed_by, trainings_of
from pipeline.picture_rows import open_picture_rows
from pipeline.teaching import keep_soft_labels, soft_labels_of
from tests.by_hand.pictures import HELD_OUT, PicturesByHand, random_weights
from tests.by_hand.trainings import LAST
from workspace.errors import ArtifactError, ConfigError

pytestmark = pytest.mark.usefixtures("one_thread")

TEACHER = (
    "networks.big.base=first_stage", "networks.big.source_only=false",
    "networks.big.net.backbone=test_resnet", "networks.big.net.weights=none",
    "networks.big.net.size=32", "networks.big.net.hidden=[]", "networks.big.net.dropout=[0.0]",
    "networks.big.net.se=false", "networks.big.net.cbam=false",
    "networks.big.training.choose=last", "networks.big.task.threshold=none",
    "networks.big.training.epoch_samples=8",
    "networks.big.training.phases=[{ epochs = 1, lr = 1e-3 }]",
    'use_networks=["big", "flag"]', "cascade.first=stage1", "cascade.second=stage2",
)  # fmt: skip
TAUGHT = (*LAST, *TEACHER, "networks.flag.teacher.network=big")


@pytest.fixture
def made(tmp_path):
    return PicturesByHand(tmp_path)


def tasks_of(made, *settings, every=(0,), **values):
    """A call, the tasks of the student `flag`, and all that they are made from."""
    job = made.job(*TAUGHT, *settings, **values)
    files = made.files(job)
    flag = made.network(open_picture_rows(files), "flag", *TAUGHT, *settings)
    students = list(trainings_of(job, files, flag, every).values())
    return job, students, needed_by(students)


def same(one, other):
    return all(np.array_equal(one[name], other[name]) for name in one)


def test_check_87_each_folds_student_is_taught_by_the_teacher_of_its_own_fold(made):
    job, students, first = tasks_of(made, every=(0, 1, (1, 2)))
    assert [task.folder.relative_to(made.run).as_posix() for task in first] == [
        "networks/big_fold_0", "soft_labels/big_fold_0", "networks/big_fold_1",
        "soft_labels/big_fold_1", "networks/big_fold_1_2", "soft_labels/big_fold_1_2",
    ]  # fmt: skip
    units = [unit for unit, _ in job.carry_out(*first, *students)]
    teachers, soft, taught = units[0:6:2], units[1:6:2], units[6:]
    for teacher, words, student in zip(teachers, soft, taught, strict=True):
        assert words.manifest.inputs["teacher"] == teacher.sha256(BEST)
        assert student.manifest.inputs["soft_labels"] == words.sha256(SOFT_LABELS)
        assert student.manifest.settings["teacher"] == {"temperature": 2.0, "weight": 0.5}
    for words, held_out in zip(soft, ([0], [1], [1, 2]), strict=True):
        asked = words.parquet(SOFT_LABELS)
        rest = [name for k, some in HELD_OUT.items() if k not in held_out for name in some]
        assert sorted(asked["isic_id"]) == sorted(rest)
        shares = np.exp(asked.select("benign", "malignant").to_numpy())
        assert np.allclose(shares.sum(axis=1), 1)


def test_who_does_not_train_a_student_needs_no_word_of_its_teacher(made):
    job, [student], _ = tasks_of(made)
    (name, config), run = student.arguments["network"], student.arguments["run"]
    nobody = TeacherConfig(network=str(made.run / "no_such_folder"))
    taught = (name, config.model_copy(update={"teacher": nobody}))
    fold = open_fold_network(made.files(job), taught, run, Machine.of(job))
    assert fold.rows.soft_labels is None
    with pytest.raises(ArtifactError, match="no_such_folder is not there"):
        fold.train(None, None)


def test_a_teacher_that_saw_the_fold_is_refused(made):
    teacher = made.keep_network("big", 1, weights=random_weights(3))
    job = made.job(*TAUGHT)
    why = (
        r"big_fold_1 is to teach a network that leaves out fold 0, and left out fold 1: it knows "
        r"held-out patients\. Take the teacher of that fold\."
    )
    with (
        pytest.raises(ArtifactError, match=why),
        made.making("soft_labels", "big_fold_0", stage="train-cnn") as draft,
    ):
        keep_soft_labels(
            draft, files=made.files(job), teacher=teacher.folder, held_out=0, views="one",
            machine=None,
        )  # fmt: skip
    assert not (made.run / "soft_labels" / "big_fold_0").exists()


def test_a_teacher_of_another_split_is_refused_though_it_left_out_a_fold_of_that_number(made):
    with made.making(
        "networks", "big_fold_0", stage="train-cnn", inputs={"folds.parquet": "of another split"}
    ) as draft:
        whole = made.copy(made.run.parent / "other").keep_network(
            "big", 0, weights=random_weights(3)
        )
        for name in ("use.json", "best.safetensors"):
            draft.take(name, whole, name)
    why = (
        r"^big_fold_0 is to teach a network of other folds than its own: it may know held-out "
        r"patients\. Take the teacher of the same folds\.$"
    )
    with (
        pytest.raises(ArtifactError, match=why),
        made.making("soft_labels", "big_fold_0", stage="train-cnn") as draft,
    ):
        keep_soft_labels(
            draft, files=made.files(), teacher=made.run / "networks" / "big_fold_0", held_out=0,
            views="one", machine=None,
        )  # fmt: skip


def test_check_127_a_teacher_without_weight_changes_nothing_to_the_bit(made, tmp_path):
    other = made.copy(tmp_path / "other")
    job, students, first = tasks_of(made, "networks.flag.teacher.weight=0.0")
    *_, (taught, _) = job.carry_out(*first, *students)
    job = other.job(*LAST, *TEACHER)
    files = other.files(job)
    alone = other.network(open_picture_rows(files), "flag", *LAST, *TEACHER)
    [(plain, _)] = job.carry_out(*trainings_of(job, files, alone, [0]).values())
    assert same(taught.tensors(BEST), plain.tensors(BEST))
    assert "teacher" not in plain.manifest.settings
    assert "soft_labels" not in plain.manifest.inputs


def test_what_the_teacher_says_changes_the_student(made, tmp_path):
    other = made.copy(tmp_path / "other")
    job, students, first = tasks_of(made)
    *_, (one, _) = job.carry_out(*first, *students)
    job, students, first = tasks_of(other, "networks.flag.teacher.temperature=8.0")
    *_, (softer, _) = job.carry_out(*first, *students)
    assert not same(one.tensors(BEST), softer.tensors(BEST))


def test_soft_labels_are_joined_by_id_and_nobody_else_has_any(made):
    job, students, first = tasks_of(made)
    job.carry_out(*first, *students)
    rows = open_picture_rows(made.files(job))
    folder = made.run / "soft_labels" / "big_fold_0"
    said = soft_labels_of(folder, rows.table, ("benign", "malignant"))
    table = made.unit("soft_labels", "big_fold_0", stage="train-cnn").parquet(SOFT_LABELS)
    by_id = {name: tuple(values) for name, *values in table.iter_rows()}
    for name, values in zip(rows.table["isic_id"], said, strict=True):
        if name in by_id:
            assert tuple(values) == by_id[name]
        else:
            assert np.isnan(values).all()
    assert set(HELD_OUT[0]).isdisjoint(by_id)
    turned = soft_labels_of(folder, rows.table.reverse(), ("malignant", "benign"))
    assert np.array_equal(turned, said[::-1, ::-1], equal_nan=True)


def test_another_teacher_is_another_student_which_stops(made):
    job, students, first = tasks_of(made)
    job.carry_out(*first, *students)
    settings = ("networks.big.training.phases=[{ epochs = 1, lr = 2e-3 }]",)
    job, students, first = tasks_of(made, *settings, fresh=True)
    job.carry_out(first[0])
    job, students, first = tasks_of(made, *settings)
    with pytest.raises(ArtifactError, match=r"other values \(input soft_labels\)"):
        job.carry_out(*first, *students)


def test_views_of_the_teacher_are_soft_labels_of_their_own(made):
    _, _, first = tasks_of(made, "networks.flag.teacher.views=four")
    assert [task.name for task in first] == ["big_fold_0", "big_fold_0_four"]
    assert first[1].settings["views"] == "four"


def test_a_teacher_of_other_classes_is_refused_before_anything_is_trained(made):
    with pytest.raises(
        ConfigError,
        match=r"networks\.flag\.teacher\.network is 'big', of the classes fine, bad, and the "
        r"network itself is of benign, malignant; give both the same, in one order\.",
    ):
        tasks_of(made, 'networks.big.task.names=["fine", "bad"]')


def test_what_is_chosen_on_rows_that_the_teacher_learnt_from_is_refused(made):
    with pytest.raises(
        ConfigError,
        match=r"networks\.flag would choose on inner rows that its teacher big learnt from; take "
        r"networks\.flag\.training\.choose='last'\.",
    ):
        tasks_of(made, "networks.flag.training.choose=inner")


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        (("networks.flag.teacher.network=none_such",), "take another network of the recipe"),
        (("networks.flag.teacher.network=flag",), "take another network of the recipe"),
        (("networks.flag.teacher.network=plain",), "gives no class a probability"),
        (('use_networks=["flag"]',), "which use_networks leaves out; list it too"),
        (
            ("networks.big.teacher.network=which", 'use_networks=["big", "flag", "which"]'),
            "which has a teacher itself; name that one",
        ),
        (("networks.plain.teacher.network=big",), "has none; leave it out"),
        (
            ("networks.big.net.weights=flag", "networks.big.net.weight_bits=8"),
            "'big', which begins with the weights of flag; take one that is made before it",
        ),
    ],
)
def test_who_cannot_teach_is_said_when_the_recipe_is_read(made, settings, why):
    with pytest.raises(ConfigError, match=why):
        made.job(*TAUGHT, *settings)


def test_what_a_teacher_began_with_is_declared_of_its_students_too(made):
    job = made.job(
        *TAUGHT, "networks.simclr.base=contrastive", "networks.simclr.net.backbone=test_resnet",
        "networks.simclr.training.choose=last", "networks.simclr.task.rows=all",
        "networks.big.net.weights=simclr",
    )  # fmt: skip
    [sentence] = job.recipe.declared_of("flag")
    assert sentence.startswith("big began with the weights of simclr")
