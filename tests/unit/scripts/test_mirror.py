"""A run's log for TensorBoard and MLflow: what is written, with the tools played by others."""

import json
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from scripts import mirror
from scripts.mirror import points_of
from workspace.errors import ArtifactError, ConfigError

ROOT = Path(__file__).resolve().parents[3]
EPOCH = {"message": "epoch", "network": "small", "fold": 1, "phase": 1, "epochs": 2, "time": "x"}
SCORE = {"message": "score", "unit": "stack", "within": "mine", "made_by": "stack", "n": 90}
LINES = (
    {**EPOCH, "epoch": 1, "loss": 0.5, "auc": 0.6},
    {**EPOCH, "epoch": 2, "loss": 0.4, "auc": None},
    {"message": "folds: wrote x.", "rows": 7},
    {**SCORE, "score": "stack", "pauc": [0.15, 0.12, 0.18], "recall[MEL]": [1.0, None, None]},
    {**EPOCH, "epoch": 2, "loss": 0.3, "auc": None},  # trained again
)
POINTS = {
    ("small/fold_1/loss", 1): 0.5, ("small/fold_1/auc", 1): 0.6, ("small/fold_1/loss", 2): 0.3,
    ("stack/mine/stack/stack/pauc", 0): 0.15, ("stack/mine/stack/stack/pauc_low", 0): 0.12,
    ("stack/mine/stack/stack/pauc_high", 0): 0.18, ("stack/mine/stack/stack/recall[MEL]", 0): 1.0,
}  # fmt: skip


@pytest.fixture
def run(tmp_path):
    (tmp_path / "mine").mkdir()
    text = "".join(f"{json.dumps(line)}\n" for line in LINES)
    (tmp_path / "mine" / "log.jsonl").write_text(text)
    return tmp_path / "mine"


class Tool:
    """Plays either tool, and keeps what it is told."""

    def __init__(self):
        self.told, self.where = {}, []

    def SummaryWriter(self, folder):  # noqa: N802 - TensorBoard's own name
        self.where.append(folder)
        return SimpleNamespace(add_scalar=self.add, close=lambda: self.where.append("closed"))

    def add(self, name, value, step):
        self.told[name, step] = value

    def set_tracking_uri(self, address):
        self.where.append(address)

    def set_experiment(self, name):
        self.where.append(name)

    @contextmanager
    def start_run(self, run_name):
        self.where.append(run_name)
        yield

    def log_metrics(self, values, step):
        self.told |= {(name, step): value for name, value in values.items()}


@pytest.fixture
def tool(monkeypatch):
    played = Tool()
    monkeypatch.setattr(mirror, "import_module", lambda name: played)
    return played


def test_points_are_epochs_and_scores_and_of_what_was_logged_twice_the_last(run):
    assert points_of((run / "log.jsonl").read_text()) == POINTS


def test_tensorboard_gets_every_point_under_its_name(run, tool, tmp_path):
    assert mirror.mirror(run, "tensorboard", tmp_path / "out") == len(POINTS)
    assert tool.told == POINTS
    assert tool.where == [str(tmp_path / "out"), "closed"]


def test_mlflow_gets_them_in_a_database_with_names_that_it_takes(run, tool, tmp_path):
    mirror.mirror(run, "mlflow", tmp_path / "out")
    assert tool.told == {(n.replace("[MEL]", "_MEL_"), step): v for (n, step), v in POINTS.items()}
    address = f"sqlite:///{(tmp_path / 'out').resolve() / 'mlflow.db'}"
    assert tool.where == [address, "dermstack", "mine"]


def test_a_tool_that_is_not_installed_is_named_with_its_extra(run, monkeypatch, tmp_path):
    def refuse(name):
        raise ImportError(name)

    monkeypatch.setattr(mirror, "import_module", refuse)
    with pytest.raises(ConfigError) as refused:
        mirror.mirror(run, "tensorboard", tmp_path / "out")
    assert str(refused.value) == "tensorboard is not installed; pip install '.[tensorboard]'."


def test_what_is_there_already_is_not_written_into(run, tool):
    with pytest.raises(ArtifactError) as refused:
        mirror.mirror(run, "tensorboard", run)
    assert str(refused.value) == f"{run} is there already; name another folder with --into."


def test_a_run_without_a_log_is_one_line_and_exit_code_2(tmp_path):
    words = [sys.executable, "-m", "scripts.mirror", str(tmp_path / "gone"), "--to", "mlflow"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"mirror: {tmp_path / 'gone'} has no log.jsonl; name the folder of a run.\n"
    )


HOW = "type python -m scripts.mirror runs/sample --to tensorboard (or mlflow)."


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["runs/a"], f"the following arguments are required: --to; {HOW}"),
        (["runs/a", "b", "--to", "mlflow"], f"unrecognized arguments: b; {HOW}"),
        (["runs/a", "--to"], f"argument --to: expected one argument; {HOW}"),
    ],
)
def test_wrong_words_are_one_sentence(words, message):
    with pytest.raises(ConfigError) as refused:
        mirror.wanted(words)
    assert str(refused.value) == message


def test_words_are_a_run_a_tool_and_a_folder_that_has_a_usual_place():
    usual = Path("runs/mirror/mlflow/a")
    assert mirror.wanted(["runs/a", "--to", "mlflow"]) == (Path("runs/a"), "mlflow", usual)
    named = ["runs/a", "--to=tensorboard", "--into", "x"]
    assert mirror.wanted(named) == (Path("runs/a"), "tensorboard", Path("x"))


def test_without_words_it_ends_with_one_line():
    words = [sys.executable, "-m", "scripts.mirror"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"mirror: the following arguments are required: run, --to; {HOW}\n"
