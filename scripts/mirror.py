"""A run's log for other tools: `python -m scripts.mirror runs/sample --to tensorboard`.

Reads log.jsonl: of every epoch its loss and what was watched, of every score its value and ends.
Writes them as scalars into --into (runs/mirror/<tool>/<run>), which must not be there yet. Needs
the tool: pip install '.[tensorboard]' or '.[mlflow]'. Nothing of the project reads them back.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from workspace.errors import ArtifactError, ConfigError, DermstackError

LOG = "log.jsonl"
NOT_WATCHED = ("fold", "phase", "epoch", "epochs")  # of an epoch: where it is, no measurement
ENDS = ("", "_low", "_high")
USAGE = "type python -m scripts.mirror runs/sample --to tensorboard (or mlflow)."
Points = Mapping[tuple[str, int], float]  # by name and step


def points_of(log: str) -> Points:
    """Every scalar of a log; of an epoch or a score that was logged again, the last."""
    return {key: value for line in log.splitlines() for key, value in _of_line(json.loads(line))}


def _of_line(line: Mapping[str, Any]) -> Iterator[tuple[tuple[str, int], float]]:
    if line["message"] == "epoch":
        for key, value in line.items():
            if isinstance(value, int | float) and key not in NOT_WATCHED:
                yield (f"{line['network']}/fold_{line['fold']}/{key}", line["epoch"]), value
    elif line["message"] == "score":
        whose = f"{line['made_by']}/{line['within']}/{line['unit']}/{line['score']}"
        for key, values in line.items():
            for end, value in zip(ENDS, values if isinstance(values, list) else (), strict=False):
                if value is not None:
                    yield (f"{whose}/{key}{end}", 0), value


def to_tensorboard(points: Points, into: Path, run: str) -> None:
    """One file of events."""
    writer = _tool("torch.utils.tensorboard", "tensorboard").SummaryWriter(str(into))
    for (name, step), value in points.items():
        writer.add_scalar(name, value, step)
    writer.close()


def to_mlflow(points: Points, into: Path, run: str) -> None:
    """One run of the experiment `dermstack`, in a SQLite file."""
    mlflow = _tool("mlflow", "mlflow")
    into.mkdir(parents=True)
    mlflow.set_tracking_uri(f"sqlite:///{into.resolve() / 'mlflow.db'}")
    mlflow.set_experiment("dermstack")
    by_step: dict[int, dict[str, float]] = {}
    for (name, step), value in points.items():  # a name of MLflow has no brackets
        by_step.setdefault(step, {})[re.sub(r"[^\w./ -]", "_", name)] = value
    with mlflow.start_run(run_name=run):
        for step, values in by_step.items():
            mlflow.log_metrics(values, step=step)


TOOLS = {"tensorboard": to_tensorboard, "mlflow": to_mlflow}


def _tool(module: str, extra: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise ConfigError(f"{extra} is not installed; pip install '.[{extra}]'.") from error


def mirror(run: Path, tool: str, into: Path) -> int:
    """Write the run's scalars; how many they are."""
    if not (run / LOG).is_file():
        raise ArtifactError(f"{run} has no {LOG}; name the folder of a run.")
    if into.exists():
        raise ArtifactError(f"{into} is there already; name another folder with --into.")
    points = points_of((run / LOG).read_text(encoding="utf-8"))
    TOOLS[tool](points, into, run.resolve().name)
    return len(points)


class Parser(argparse.ArgumentParser):
    """Tells of a wrong word as of everything else: in one sentence."""

    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message}; {USAGE}")


def wanted(words: Sequence[str]) -> tuple[Path, str, Path]:
    """The run, the tool, and where its values go."""
    parser = Parser(prog="python -m scripts.mirror", description=__doc__)
    parser.add_argument("run", type=Path, help="folder of a run")
    parser.add_argument("--to", choices=TOOLS, required=True)
    parser.add_argument("--into", type=Path, help="a folder that is not there yet")
    given = parser.parse_args(words)
    into = given.into or Path("runs") / "mirror" / given.to / given.run.resolve().name
    return given.run, given.to, into


if __name__ == "__main__":
    try:
        run, to, where = wanted(sys.argv[1:])
        print(f"mirror: wrote {mirror(run, to, where)} values into {where}.")
    except DermstackError as error:
        print(f"mirror: {error}", file=sys.stderr)
        sys.exit(2)
