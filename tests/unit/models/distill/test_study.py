"""What a study of students tries: the source's space, own values, and what they mean."""

import pytest

from models.distill.study import Between, StudentSpace, StudyConfig
from pipeline.recipe import load_recipe
from workspace.errors import ConfigError

LISTED = ("distill.study.sampler=grid", "distill.study.lr=[1e-3, 1e-2]",
          "distill.study.dropout=[0.1]", "distill.study.batch_size=[32]",
          "distill.study.loss=[{}, { alpha = 0.6 }]", "distill.study.pooling=[]",
          "distill.study.temperature=[1.0, 2.0]", "distill.study.weight=[0.5]")  # fmt: skip
OWN = {
    "temperature": 2.0, "weight": 0.5, "loss": "cross entropy", "pooling": "avg", "lr": 1e-3,
    "batch_size": 32, "dropout": 0.1,
}  # fmt: skip


def space(*settings, recipe="distill", name="mobile_taught"):
    known = load_recipe(recipe, settings)
    return StudentSpace(name, known.networks[name], known.distill.study, 0)


def test_the_space_is_the_source_s_unless_the_recipe_says_another():
    assert StudyConfig().space == {
        "temperature": (1.0, 2.0), "weight": (0.1, 0.5, 0.7, 0.9),
        "loss": ("cross entropy", "alpha 0.6", "alpha 0.7", "alpha 0.8", "gamma 1.0", "gamma 2.0",
                 "gamma 4.0"),
        "pooling": ("max", "avg"), "lr": Between(low=1e-5, high=1e-2),
        "batch_size": (16, 32, 64, 128, 256), "dropout": Between(low=0.1, high=0.5),
    }  # fmt: skip
    assert StudyConfig().trials == 0


def test_own_values_are_the_recipe_s_and_mean_the_student_as_it_is():
    student = space()
    student.check()
    assert student.own == OWN
    assert student.network(OWN) == student.student


def test_each_word_changes_what_it_names_and_nothing_else():
    student = space()
    old = student.student

    def new(**values):
        return student.network({**OWN, **values})

    assert new(temperature=1.0).teacher.temperature == 1.0
    assert new(weight=0.9).teacher.weight == 0.9
    assert (new(loss="alpha 0.6").training.alpha, new(loss="alpha 0.6").training.gamma) == (0.6, 0)
    assert (new(loss="gamma 4.0").training.alpha, new(loss="gamma 4.0").training.gamma) == (None, 4)
    assert new(pooling="max").net.options == {"global_pool": "max"}
    assert new(batch_size=256).training.batch_size == 256
    assert [phase.lr for phase in new(lr=1e-4).training.phases] == [1e-4]
    assert new(dropout=0.5).net.dropout == (0.5,)
    for one in (new(lr=1e-4), new(dropout=0.5), new(weight=0.9)):
        assert one.augment == old.augment
        assert one.training.epoch_samples == old.training.epoch_samples


def test_slower_phases_and_lower_rates_keep_their_proportion():
    student = space(
        "networks.mobile_taught.net.hidden=[8]", "networks.mobile_8bit.net.hidden=[8]",
        "networks.mobile_8bit.net.dropout=[0.2, 0.1]",
        "networks.mobile_taught.net.dropout=[0.2, 0.1]",
        "networks.mobile_taught.training.phases=[{ epochs = 1, lr = 1e-3 }, "
        "{ epochs = 1, lr = 1e-4 }]",
    )  # fmt: skip
    tried = student.network({**student.own, "lr": 1e-2, "dropout": 0.4})
    assert [phase.lr for phase in tried.training.phases] == pytest.approx([1e-2, 1e-3])
    assert tried.net.dropout == pytest.approx((0.4, 0.2))


def test_own_values_beyond_the_space_are_within_reach():
    student = space(
        "networks.mobile_taught.teacher.temperature=4.0", "networks.mobile_taught.net.dropout=[0.0]"
    )
    reach = student.distributions()
    assert reach["temperature"].choices == (1.0, 2.0, 4.0)
    assert (reach["dropout"].low, reach["dropout"].high) == (0.0, 0.5)
    assert (reach["lr"].low, reach["lr"].high, reach["lr"].log) == (1e-5, 1e-2, True)
    assert "dropout 0.1..0.5" in student.words()


def test_a_grid_has_each_combination_once_and_the_own_values_first():
    student = space(*LISTED)
    grid = student.grid
    combinations = {(one["temperature"], one["loss"], one["lr"]) for one in grid}
    assert len(grid) == len(combinations) == 2 * 2 * 2
    assert grid[0] == student.own
    assert "pooling" not in grid[0]  # an empty list: as it is
    off = space(*LISTED, "networks.mobile_taught.teacher.temperature=4.0")
    assert len(off.grid) == 2 * 2 * 2 + 1  # its own values are no point of it
    assert space().grid == ()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (
            ("distill.study.sampler=grid",),
            "sampler='grid' needs listed values; lr and dropout are ranges: write for example "
            "lr = [1e-4, 1e-3, 1e-2] and dropout = [0.1, 0.3, 0.5]",
        ),
        (
            (*LISTED, "distill.study.dropout={ low = 0.1, high = 0.5 }"),
            "sampler='grid' needs listed values; dropout is a range: write",
        ),
        (("distill.study.lr={ low = 0.0, high = 0.1 }",), "lr.low must be above 0"),
        (("distill.study.lr={ low = 0.1, high = 0.1 }",), "low=0.1 is not below high=0.1"),
        (("distill.study.dropout={ low = 0.1, high = 1.0 }",), "dropout.high must be below 1"),
        (("distill.study.weight=[0.1, 0.1]",), "names a value twice"),
        (
            ("distill.study.network=stage1",),
            "distill.study.network names 'stage1', which distill.networks does not",
        ),
        (
            tuple(f"distill.study.{word}=[]" for word in OWN),
            "tries nothing; give one of its lists more than one value",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_when_the_recipe_is_read(settings, words):
    with pytest.raises(ConfigError) as refused:
        load_recipe("distill", settings)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            ("distill.study.batch_size=[1, 32]",),
            "distill.study cannot try batch_size=1 with networks.mobile_taught: "
            "positive_share=0.5 of batch_size=1 leaves none of one class; take a larger "
            "batch_size.",
        ),
        (
            (
                "networks.mobile_taught.training.phases="
                "[{ epochs = 1, lr = 1e-3, dropout = [0.2] }]",
            ),
            "networks.mobile_taught.training.phases state a dropout of their own, and "
            "distill.study.dropout would change nothing; take dropout=[], or leave theirs out.",
        ),
    ],
)  # fmt: skip
def test_a_value_that_the_student_cannot_have_is_refused_before_any_is_tried(settings, sentence):
    with pytest.raises(ConfigError) as refused:
        space(*settings).check()
    assert str(refused.value) == sentence
