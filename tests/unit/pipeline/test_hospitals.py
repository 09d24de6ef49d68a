"""Who is left out, what is refused before anything is trained, what the two runs share."""

import pytest

from pipeline.hospitals import (
    choose_hospitals,
    in_order,
    inner_run,
    unseen_codes,
)
from pipeline.job import mended_by
from pipeline.stack_rows import StackFiles, open_stack
from tests.by_hand.units import features_of, folds_of, sample_table, samples_of
from workspace.errors import ArtifactError, CannotWriteError, ConfigError, DataError
from workspace.sentences import unnamed

STACKED = (
    "folds.anchor_share=0.5", "align.anchors=anchor", "stack.networks=true", "data.images=some",
    "align.least_anchors=10",
)  # fmt: skip


def table(positives, each=4):
    """Patients of `each` pictures, each of one hospital: the letters say whether one is positive.

    `{"x": [1, 0]}`: a patient of hospital x with a positive, then one without.
    """
    patients = [(name, one) for name, several in positives.items() for one in several]
    rows = [(n, name, one, k) for n, (name, one) in enumerate(patients) for k in range(each)]
    return sample_table(
        isic_id=[f"i{n:02d}{k}" for n, _, _, k in rows],
        image=[f"i{n:02d}{k}.png" for n, _, _, k in rows],
        patient_id=[f"p{n:02d}" for n, *_ in rows],
        target=[int(one and k == 0) for _, _, one, k in rows],
        hospital=[name for _, name, _, _ in rows],
    )


@pytest.fixture
def choose(blank, tmp_path):
    def chosen(rows, *settings):
        return choose_hospitals(blank.job(*settings).recipe, samples_of(tmp_path / "s", rows))

    return chosen


def test_those_with_a_positive_are_alone_and_all_others_together(choose):
    chosen = choose(table({"y": [1, 0], "x": [1, 1], "w": [0], "z": [0]}))
    assert chosen.alone == ("x", "y")
    assert chosen.folds == [("x",), ("y",), ("w", "z")]
    assert chosen.said() == (
        "each alone: x; y; together: w; z (alone are those with a positive)."
    )  # fmt: skip
    one = choose(table({"y": [1, 0], "x": [1, 1], "w": [0]}))
    assert one.said() == "each alone: w; x; y (alone are those with a positive)."


def test_those_that_the_recipe_names_are_alone(choose):
    chosen = choose(table({"x": [1], "y": [1], "w": [0]}), 'folds.hospitals=["y", "w"]')
    assert (chosen.alone, chosen.together) == (("w", "y"), ("x",))
    assert chosen.why == "as folds.hospitals says"


def test_where_anchors_are_needed_those_with_the_fewest_positives_give_them(choose):
    rows = table({"x": [1, 1, 1, 0], "y": [1, 0, 0, 0, 0, 0, 0], "z": [1, 1, 0]})
    assert choose(rows).alone == ("x", "y", "z")
    chosen = choose(rows, *STACKED)
    assert (chosen.alone, chosen.together) == (("x", "z"), ("y",))
    assert chosen.why == (
        "alone are those with a positive but for the 1 with the fewest, and anchors are of the "
        "others"
    )
    enough = choose(table({"x": [1, 1, 1, 0], "y": [1], "z": [1, 0], "w": [0] * 6}), *STACKED)
    assert (enough.alone, enough.together) == (("x", "y", "z"), ("w",))


def test_too_few_anchors_whoever_is_alone_are_refused_with_what_folds_says(choose):
    with pytest.raises(DataError, match=r"fewer than align\.least_anchors=50\. "):
        choose(table({"x": [1, 1, 0], "y": [1, 0]}), *STACKED, "align.least_anchors=50")


@pytest.mark.parametrize(
    ("rows", "settings", "kind", "message"),
    [
        (
            {"x": [1], "y": [1]}, ["folds.scheme=leave_one_hospital_out"], ConfigError,
            "folds.scheme is 'leave_one_hospital_out' already, so that there is no "
            "cross-validation to hold it against; take folds.scheme=stratified_groups.",
        ),
        (
            {"x": [1], "y": [1]}, ['stack.blocks=["a/b"]'], ConfigError,
            "stack.blocks names columns that were made on this run's folds, by makers who know the "
            'hospitals that are left out; leave them out with SET="stack.blocks=[]".',
        ),
        (
            {None: [1, 0]}, [], ConfigError,
            "Source 'isic2024' knows no hospital, and so none can be left out.",
        ),
        (
            {"x": [1, 0]}, [], ConfigError,
            "All rows are of one hospital, x; to leave one out there must be two.",
        ),
        (
            {"x": [1, 0], "y": [0]}, [], DataError,
            "All positives are of one hospital, and without it there is none to learn from.",
        ),
        (
            {"x": [1, 0], "y": [1]}, ["stack.networks=true", "stack.nested=true"], ConfigError,
            "stack.nested needs three folds or more; with x, y left out there are 2. Take "
            "stack.nested=false.",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_is_one_sentence(choose, rows, settings, kind, message):
    with pytest.raises(kind) as refused:
        choose(table(rows), *settings)
    assert str(refused.value) == message


def test_the_inner_run_is_the_same_recipe_but_for_its_folds(blank, choose):
    job = blank.job("folds.repeats=3", "seed=7")
    inner = inner_run(job, choose(table({"x": [1], "y": [1]})), {"verify": "a unit"})
    assert inner.run == blank.run / "hospitals" / "run"
    assert inner.made == {"verify": "a unit"}
    assert job.made == {}
    ours, theirs = job.recipe.resolved(), inner.recipe.resolved()
    folds = theirs.pop("folds")
    assert ours.pop("folds") == folds | {
        "scheme": "stratified_groups", "hospitals": [], "repeats": 3,
    }  # fmt: skip
    assert (folds["scheme"], folds["hospitals"]) == ("leave_one_hospital_out", ["x", "y"])
    assert ours == theirs


@pytest.mark.parametrize("kind", [ArtifactError, CannotWriteError])
def test_the_mend_of_the_inner_run_is_not_that_of_the_outer_one(kind):
    with pytest.raises(kind) as refused, mended_by("hospitals"):
        raise kind("It was made of p7; take another, or run 'make train-cnn FRESH=1'.")
    assert type(refused.value) is kind
    assert str(refused.value) == "It was made of p7; take another, or run 'make hospitals FRESH=1'."


def test_a_log_has_the_first_error_s_words_and_not_what_it_names():
    patient = "p7"
    with pytest.raises(ArtifactError) as refused, mended_by("hospitals"):
        raise ArtifactError(f"It was made of {patient}; run 'make folds FRESH=1'.")
    assert unnamed(refused.value) == "It was made of ...; run 'make folds FRESH=1'."


def test_what_is_handed_in_stands_first():
    names = {"tabular", "stack", "age_sex_site", "mean"}
    assert in_order(names, "mean") == ["mean", "stack", "age_sex_site", "tabular"]
    assert in_order(names - {"mean"}, "stack")[0] == "stack"


def test_categories_of_one_hospital_alone_are_counted_where_it_is_left_out(tmp_path):
    rows = sample_table(
        isic_id=list("abcdef"), patient_id=list("abcdef"), target=[0, 1] * 3,
        sex=["male", "female", "male", "other", "male", "other"],
        anatom_site_general=["head", "head", "torso", "torso", "torso", None],
    )  # fmt: skip
    samples = samples_of(tmp_path / "samples", rows)
    folded = folds_of(tmp_path / "folds", rows, [0, 0, 1, 1, 1, 1])
    featured = features_of(tmp_path / "features", samples)
    stack = open_stack(StackFiles.of(samples, folded, featured, [], []))
    found = unseen_codes(stack)
    assert found[0] == {"rows": 2, "categories": {"cat_anatom_site_general": 1, "cat_sex": 1}}
    # Of fold 1 alone are the torso, another sex, and a gap.
    assert found[1]["rows"] == 4
    assert found[1]["categories"]["cat_sex"] == 1
