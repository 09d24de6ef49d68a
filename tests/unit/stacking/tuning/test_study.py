"""Studies: own values first, nothing lost or repeated by a kill, another study is refused."""

import math

import optuna
import pytest

from stacking.boosters.lightgbm import LightGBMConfig
from stacking.config import StackConfig
from stacking.tuning.config import TuneConfig
from stacking.tuning.space import Space
from stacking.tuning.study import Study, forget, open_storage
from workspace.errors import ArtifactError, ConfigError

MADE = {"seed": "0", "rows": "abc"}
SPACE = Space.of(
    "lightgbm", StackConfig(), LightGBMConfig(), ("pz_a", "les_b"), TuneConfig(sampling=False)
)


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'studies.db'}"


def opened(url, space=SPACE, made_from=MADE, random=3):
    return Study.open(open_storage(url), "run/fold_0", space, made_from, 0, random)


def worth(values):
    """Highest at a rate of .1, and better without the les family."""
    far = abs(math.log(values["lightgbm.learning_rate"] / 0.1))
    return 0.15 - far / 100 - 0.01 * values["use.les"]


def went(study, count):
    tried = []
    for _ in range(count):
        trial = study.ask()
        tried.append(trial)
        study.tell(trial.number, worth(trial.values))
    return tried


def test_the_recipes_own_values_are_tried_first_so_that_the_best_is_never_below_them(url):
    study = opened(url)
    first, *_ = went(study, 12)
    assert (first.number, first.values) == (0, SPACE.own)
    assert worth(study.best(99).values) >= worth(SPACE.own)


def test_of_equals_the_recipes_own_values_win(url):
    study = opened(url)
    for _ in range(4):
        study.tell(study.ask().number, 0.1)
    assert study.best(99).number == 0


def test_trials_are_the_same_whoever_asks_and_none_is_repeated(url, tmp_path):
    whole = [trial.values for trial in went(opened(url), 12)]
    other = f"sqlite:///{tmp_path / 'other.db'}"
    parts = [trial.values for _ in range(4) for trial in went(opened(other), 3)]  # begun anew
    assert whole == parts
    assert len({tuple(sorted(values.items())) for values in whole}) == 12


def test_a_trial_that_was_never_told_keeps_its_number_and_values(url):
    asked = opened(url).ask()
    again = opened(url)
    assert again.waiting() == [asked]
    again.tell(asked.number, 0.1)
    assert (again.waiting(), again.finished) == ([], 1)


def test_one_that_was_killed_while_it_was_asked_for_is_no_trial(url):
    study = opened(url)
    went(study, 1)
    torn = study.study.ask()  # no value of it is there
    again = opened(url)
    assert (again.waiting(), again.finished) == ([], 1)
    assert again.ask().number == torn.number + 1


def test_a_kill_in_the_first_ask_does_not_lose_the_recipes_own_values(url):
    opened(url).study.ask()  # which takes them off the queue, and no value is there
    opened(url).waiting()
    again = opened(url)
    assert again.ask().values == SPACE.own
    again.tell(1, 0.125)
    assert again.own(99) == 0.125
    assert opened(url).study.get_trials()[-1].number == 1  # not asked for a third time


def test_a_kill_before_the_first_trial_leaves_a_study_that_is_begun_again(url):
    optuna.create_study(storage=open_storage(url), study_name="run/fold_0", direction="maximize")
    assert opened(url).ask().values == SPACE.own


def test_who_asks_for_fewer_trials_gets_what_those_came_to(url, tmp_path):
    longer = opened(url)
    went(longer, 12)
    shorter = opened(f"sqlite:///{tmp_path / 'other.db'}")
    went(shorter, 5)
    assert longer.table(5).equals(shorter.table(5))
    assert longer.best(5) == shorter.best(5)
    assert longer.importances(5) == pytest.approx(shorter.importances(5))


def test_a_study_that_another_call_forgot_is_one_sentence(url):
    study = opened(url)
    forget(open_storage(url), "run/fold_0")
    with pytest.raises(ArtifactError, match="was begun anew by another call meanwhile; run again"):
        study.ask()


def test_told_twice_is_told_once(url):
    study = opened(url)
    number = study.ask().number
    study.tell(number, 0.1)
    study.tell(number, 0.9)
    assert study.table(99)["pauc"].to_list() == [0.1]


def test_a_failed_trial_is_recorded_and_the_study_goes_on(url):
    study = opened(url)
    study.tell(study.ask().number, float("nan"))
    went(study, 2)
    table = study.table(99)
    assert table["state"].to_list() == ["fail", "complete", "complete"]
    assert table["pauc"][0] is None
    assert study.finished == 3
    assert study.best(99).number > 0


def test_where_all_fail_there_is_no_best(url):
    study = opened(url)
    study.tell(study.ask().number, float("nan"))
    assert study.best(99) is None
    assert study.importances(99) == {}


def test_importances_are_shares(url):
    study = opened(url)
    went(study, 15)
    assert sum(study.importances(99).values()) == pytest.approx(1)


def test_another_direction_is_refused(url):
    storage = open_storage(url)
    optuna.create_study(storage=storage, study_name="run/fold_0", direction="minimize")
    with pytest.raises(ArtifactError, match=r"^Study run/fold_0 in sqlite:.* looks for the least"):
        opened(url)


def test_another_space_is_refused_by_what_differs(url):
    opened(url)
    narrow = Space.of("lightgbm", StackConfig(), LightGBMConfig(), ("pz_a",), TuneConfig())
    with pytest.raises(ArtifactError) as error:
        opened(url, narrow)
    assert "looks for other values: there are use.les, use.pz, asked for are" in str(error.value)
    assert str(error.value).endswith("or begin anew with FRESH=1.")


def test_other_rows_are_refused_by_name(url):
    opened(url)
    with pytest.raises(ArtifactError, match=r"was made from other values \(rows\); restore them"):
        opened(url, made_from={**MADE, "rows": "xyz"})


def test_a_forgotten_study_begins_anew(url):
    went(opened(url), 2)
    forget(open_storage(url), "run/fold_0")
    assert opened(url, made_from={"rows": "other"}).finished == 0
    forget(open_storage(url), "never there")


def test_a_torn_database_is_one_sentence(url, tmp_path):
    opened(url)
    (tmp_path / "studies.db").write_bytes(b"no database" * 1000)
    with pytest.raises(ArtifactError, match=r"^The studies in sqlite:.* \(.*not a database"):
        opened(url)


@pytest.mark.parametrize("address", ["nonsense", "sqlite//x"])
def test_what_is_no_address_is_told(address):
    with pytest.raises(ConfigError, match=r"^STORAGE is no address of a database; write sqlite:"):
        open_storage(address)


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://user:secret@127.0.0.1:1/none",
        "postgresql://127.0.0.1:1/none?user=u&password=secret",
    ],
)
def test_no_password_is_said(address):
    # An extra; the lock has it, and .ci/run takes a skip for a failure.
    pytest.importorskip("psycopg", reason="no psycopg here: pip install -e '.[postgres]'")
    with pytest.raises(ArtifactError) as error:
        open_storage(address)
    assert "secret" not in str(error.value)
    assert "postgresql://127.0.0.1/none" in str(error.value)


def test_a_password_that_would_be_taken_for_the_host_is_refused_and_not_said():
    with pytest.raises(ConfigError) as error:
        open_storage("postgresql://u:s@secret@127.0.0.1:1/none")
    assert str(error.value) == (
        "STORAGE has more than one @ before its host; write %40 in a password."
    )


class Grid:
    """Six combinations, the recipe's own not among the first two of their order."""

    worth = "auc"
    own = {"a": 2, "b": "y"}  # noqa: RUF012 - nobody writes to it
    grid = (own, *({"a": a, "b": b} for b in "xy" for a in (1, 2, 3) if (a, b) != (2, "y")))

    def distributions(self):
        kind = optuna.distributions.CategoricalDistribution
        return {"a": kind((1, 2, 3)), "b": kind(("x", "y"))}

    def words(self):
        return ["a", "b"]


def test_a_grid_is_tried_once_in_its_order_whoever_asks(url):
    space, tried = Grid(), []
    for _ in space.grid:
        study = opened(url, space)  # begun anew for each
        assert study.waiting() == []
        trial = study.ask()
        assert opened(url, space).waiting() == [trial]
        tried.append(trial.values)
        study.tell(trial.number, trial.values["a"] / 10)
    assert tried == list(space.grid)
    assert opened(url, space).table(99).columns == ["number", "state", "auc", "a", "b"]
    with pytest.raises(AssertionError, match="a grid is tried once"):
        opened(url, space).ask()


def test_a_kill_while_a_grid_is_asked_for_leaves_no_hole_in_it(url):
    space = Grid()
    first = opened(url, space)
    first.tell(first.ask().number, 0.5)
    first._next_of_grid()  # killed before it is asked for
    torn = opened(url, space)
    torn.study.ask()  # killed before its values are there
    tried = []
    again = opened(url, space)
    again.waiting()
    for _ in space.grid[1:]:
        trial = again.ask()
        tried.append(trial.values)
        again.tell(trial.number, 0.5)
    assert sorted(map(str, tried)) == sorted(map(str, space.grid[1:]))
