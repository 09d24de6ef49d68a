"""The stages as functions: the same words, the same results, our errors raised."""

import inspect
import re
import signal
from pathlib import Path

import polars as pl
import pytest

from pipeline.asked import OF_NEW_DATA
from reports.desk import LOG
from scripts import stages
from scripts.stages import _settings, _spelt
from scripts.train_cnn import WORDS
from workspace.errors import ArtifactError, ConfigError, DataError
from workspace.stopping import Stopped
from workspace.units import Unit

SMALL = {"synthetic.patients": 16, "synthetic.rows": 160, "synthetic.positives": 24}
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def words(tmp_path):
    """The sample, small, drawn below a folder of the test."""
    drawn = {**SMALL, "data.folder": str(tmp_path / "data"), "synthetic.images": 0}
    return {
        "recipe": "tabular",
        "run": tmp_path / "run",
        "set": {**drawn, "folds.n_folds": 2, "data.images": "none"},
    }


def test_a_stage_gives_back_its_unit_and_says_what_make_says(words, capfd):
    folded = stages.folds(**words)
    assert isinstance(folded, Unit)
    assert folded.folder == words["run"] / "folds"
    assert folded.parquet("folds.parquet")["fold"].max() == 1
    assert "folds: wrote" in capfd.readouterr().out
    again = stages.folds(**words)
    assert again.manifest.files == folded.manifest.files
    assert "folds: nothing to do" in capfd.readouterr().out


def test_quietly_nothing_is_said_and_the_log_is_given_back(words, capfd):
    before = list(LOG.handlers)
    features = stages.features(**words, quiet=True)
    assert isinstance(features.parquet("features.parquet"), pl.DataFrame)
    assert capfd.readouterr() == ("", "")
    assert LOG.handlers == before


def test_the_seed_and_fresh_are_words_as_well(words):
    stages.folds(**words, quiet=True)
    with pytest.raises(ArtifactError, match=r"other values.*seed"):
        stages.folds(**words, seed=1, quiet=True)
    anew = stages.folds(**words, seed=1, fresh=True, quiet=True)
    assert anew.manifest.settings["seed"] == 1


def test_our_errors_are_raised(words, tmp_path):
    with pytest.raises(DataError, match="is missing"):
        stages.verify("isic2024", data=tmp_path / "nowhere", run=tmp_path / "run", quiet=True)
    with pytest.raises(ConfigError) as refused:
        stages.folds(**{**words, "jobs": 0}, quiet=True)
    assert str(refused.value) == "JOBS=0 is no number of processes; take 1 or more."
    with pytest.raises(ConfigError) as refused:
        stages.report(**{**words, "run": tmp_path / "none"}, quiet=True)
    assert (
        str(refused.value) == f"There is no run {tmp_path / 'none'}; name a finished one with RUN=."
    )


def test_an_option_that_is_none_of_the_stages_is_told_from_those_that_are():
    with pytest.raises(ConfigError) as refused:
        stages.train_cnn(foldd=1)
    assert str(refused.value) == (
        "stages.train_cnn has no option foldd; besides recipe, data, run, set, seed, jobs, "
        "engine, address and quiet there are fresh, device, deterministic, fold, devices, nodes."
    )


def test_what_a_stage_is_handed_are_files_and_words(monkeypatch):
    seen = []
    monkeypatch.setattr(stages, "carry_out", lambda *given: seen.append(given[2]))
    stages.score(solution="a.csv", submission=Path("b.csv"))
    stages.train_cnn("two_stage", fold=0, device="cpu", jobs=2)
    scored, trained = seen
    assert scored.options["files"] == {"solution": Path("a.csv"), "submission": Path("b.csv")}
    assert (trained.recipe, trained.jobs) == ("two_stage", "2")
    assert trained.options == {
        "device": "cpu",
        "own_data": False,
        "files": {},
        "words": {"fold": "0"},
    }


def test_several_runs_are_one_word_that_keeps_their_spaces(monkeypatch):
    seen = []
    monkeypatch.setattr(stages, "carry_out", lambda *given: seen.append(given[2]))
    stages.leaderboard(runs=["a", Path("b c")], reference="a")
    assert seen[0].options["words"] == {"runs": "a 'b c'", "reference": "a"}


def test_a_stage_of_several_runs_has_a_folder_of_its_own(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("scripts.leaderboard.run", lambda job: job.run)
    assert stages.leaderboard(runs="a b", quiet=True) == Path("runs/leaderboard")
    assert [path.name for path in Path("runs").iterdir()] == ["leaderboard"]


def test_values_are_spelt_as_a_recipe_spells_them():
    assert _spelt(["a", 1, True, 0.5]) == '["a", 1, true, 0.5]'
    assert _spelt({"patient": "core"}) == '{"patient" = "core"}'
    assert _settings({"a.b": 1}, 3, "x y") == ["a.b=1", "seed=3", 'data.folder="x y"']


def test_a_stop_is_what_a_notebook_expects(monkeypatch):
    def stopped(*_):
        raise Stopped(signal.SIGINT)

    monkeypatch.setattr(stages, "carry_out", stopped)
    with pytest.raises(KeyboardInterrupt):
        stages.verify()


def test_every_stage_of_the_makefile_is_a_function_with_its_options():
    [line] = re.findall(r"^STAGES *:= (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for name in line.replace("-", "_").split():
        assert inspect.isfunction(getattr(stages, name)), name
        main = re.findall(r"\n    main\((.*)\)\n", (ROOT / "scripts" / f"{name}.py").read_text())
        named = inspect.getclosurevars(getattr(stages, name)).nonlocals
        for call in main:
            options = re.findall(r'"(\w+)": ', call) + (list(WORDS) if "WORDS" in call else [])
            assert sorted(named["kinds"]) == sorted(options), name
            given = {None: [], (): ["()"], OF_NEW_DATA: ["OF_NEW_DATA"]}
            finished = re.findall(r"of_finished_run=([A-Z_]+|\(\))", call)
            assert given[named["of_finished_run"]] == finished, name
            assert named["writes"] == ("writes=False" not in call), name
