import pytest

from tests.manifests import rewrite
from workspace.likes import ENOUGH, Held, held_by, kind_of
from workspace.manifest import Wanted
from workspace.units import making


@pytest.fixture
def made(tmp_path):
    """Makes a unit as if it had held so much."""

    def make(name, gb, stage="train-cnn", **settings):
        folder = tmp_path / "networks" / name
        wanted = Wanted(stage=stage, settings=settings, inputs={}, recipe={}, seed=0)
        with making(folder, wanted) as draft:
            draft.text("text.txt", "x")
        rewrite(folder, lambda values: values | {"peak_gb": gb})
        return folder

    return make


@pytest.fixture
def ask(tmp_path):
    return lambda name, **settings: held_by(tmp_path / "networks" / name, "train-cnn", settings)


def test_units_are_of_one_kind_but_for_their_numbers():
    names = ("flag_fold_0", "flag_fold_12", "flag_fold_0_1", "flag", "all_0007")
    assert list(map(kind_of, names)) == ["flag_fold", "flag_fold", "flag_fold", "flag", "all"]


def test_the_largest_of_the_unit_made_before_and_its_like_says_what_it_holds(made, ask):
    made("flag_fold_0", 2.0, fold=0, batch=8)
    assert ask("flag_fold_0", fold=0, batch=8) == Held("flag_fold_0", 2.0)
    made("flag_fold_1", 9.0, fold=1, batch=8)
    assert ask("flag_fold_0", fold=0, batch=8) == Held("flag_fold_1", 9.0)
    assert ask("flag_fold_1", fold=1, batch=8) == Held("flag_fold_1", 9.0)
    assert ask("flag_fold_2", fold=2, batch=8) == Held("flag_fold_1", 9.0)
    assert ask("which_fold_2", fold=2, batch=8) is None


def test_other_settings_another_stage_and_no_measurement_say_nothing(made, ask):
    made("flag_fold_0", 2.0, fold=0, batch=64)
    made("flag_fold_1", 9.0, stage="embed", fold=1, batch=8)
    made("flag_fold_2", None, fold=2, batch=8)
    assert ask("flag_fold_3", fold=3, batch=8) is None
    assert ask("flag_fold_0", fold=0, batch=8) is None


def test_who_is_made_meanwhile_and_made_anew_counts_and_damage_does_not(made, ask):
    assert ask("flag_fold_3", fold=3) is None
    folder = made("flag_fold_0", 2.0, fold=0)
    assert ask("flag_fold_3", fold=3) == Held("flag_fold_0", 2.0)
    made("flag_fold_0", 4.0, fold=0)
    assert ask("flag_fold_3", fold=3) == Held("flag_fold_0", 4.0)
    (folder / "manifest.json").write_text("{")
    assert ask("flag_fold_3", fold=3) is None


def test_of_thousands_some_are_asked(made, ask):
    for number in range(ENOUGH + 2):
        made(f"all_{number:03d}", float(number), ids=str(number))
    assert ask("all_999", ids="999") == Held("all_007", 7.0)
