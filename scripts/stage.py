"""What all stages share: the command line, the run directory and its lock, how they end.

A stage is a function of a `Job`. `main` parses the one vocabulary of options, takes the lock,
runs the stage, and turns our errors into one line and exit code 2, a stop request into 130 or
143. Anything else is a bug and keeps its traceback.
"""

import argparse
import json
import logging
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar, cast

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from folds.findings import Findings
from pipeline.recipe import Recipe, load_recipe
from reports.console import drawn
from reports.table import Said
from workspace.atomic import clear_leftovers
from workspace.errors import ConfigError, DermstackError
from workspace.hashing import HashMemory
from workspace.lock import locked
from workspace.manifest import Wanted
from workspace.stopping import Stopped, raise_if_asked, stopping_cleanly

Made = TypeVar("Made")
LOG = logging.getLogger("dermstack")
LOG.addHandler(logging.NullHandler())  # until the run directory is known


@dataclass(frozen=True)
class Job:
    """One call of a stage: what to do, where to keep it, and how to talk about it."""

    stage: str
    recipe: Recipe
    run: Path
    hashes: HashMemory
    console: Console
    fresh: bool = False
    own_data: bool = False  # --data was given: the folder is the user's, nothing is drawn there
    device: str = "auto"
    deterministic: bool = False  # networks learn the same to the bit on a GPU too, or it says why
    files: Mapping[str, Path] = field(default_factory=dict)  # named on the command line
    words: Mapping[str, str] = field(default_factory=dict)  # said on the command line
    made: dict[Any, Any] = field(default_factory=dict)  # what stages left, in this one call

    def need(self, stage: "Callable[[Job], Made]") -> "Made":
        """What a stage leaves that this one needs first: kept if done, also under --fresh."""
        if stage not in self.made:
            self.made[stage] = stage(replace(self, fresh=False))
        return cast("Made", self.made[stage])

    def say(self, message: str, **facts: object) -> None:
        """One line for the person, the same with facts for the run's log."""
        self.console.print(message, markup=False, highlight=False, soft_wrap=True)
        LOG.info(message, extra={"facts": facts})

    def show(self, told: Iterable[Said]) -> None:
        """Sentences and tables in their order; the log keeps the sentences."""
        for each in told:
            if isinstance(each, str):
                self.say(each)
            else:
                self.console.print(drawn(each))

    def show_finding(self, word: str, finding: Mapping[str, Any]) -> None:
        """One finding for the person; the log keeps its kind and count, since ids may be people."""
        self.console.print(f"{word}: {finding['message']}", markup=False, soft_wrap=True)
        LOG.info("%s %s", word, finding["check"], extra={"facts": {"count": finding["count"]}})

    def show_notices(self, findings: Findings) -> None:
        for finding in findings.as_json()["notices"]:
            self.show_finding("notice", finding)

    def stop_on_errors(self, findings: Findings) -> None:
        """Show every error but the first, which is raised: the last line is the stage's own."""
        for finding in findings.as_json()["errors"][1:]:
            self.show_finding("error", finding)
        findings.raise_errors()

    def wanted(self, stage: str, part: dict[str, Any], inputs: dict[str, str]) -> Wanted:
        return Wanted(
            stage=stage,
            unit=stage,
            part=part,
            inputs=inputs,
            recipe=self.recipe.resolved(),
            seed=self.recipe.seed,
        )

    @contextmanager
    def progress(self, label: str) -> Iterator[Callable[[int, int], None]]:
        """A bar with the time left while something long runs; yields `show(done, total)`."""
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
        )
        quiet = not self.console.is_terminal
        with Progress(*columns, console=self.console, transient=True, disable=quiet) as bar:
            task = bar.add_task(label, total=None)

            def show(done: int, total: int) -> None:
                raise_if_asked()
                bar.update(task, completed=done, total=total)

            yield show


Stage = Callable[[Job], object]


def main(
    stage: Stage,
    flags: Mapping[str, str] | None = None,
    files: Mapping[str, str] | None = None,
    words: Mapping[str, str] | None = None,
    of_finished_run: bool = False,
) -> None:
    """Run a stage from the command line.

    `flags` are its shorthands, flag -> recipe key; a stage may say so what its own `seed` is,
    otherwise that is the recipe's. `files` are options that name a file, option -> help;
    `words` those that are text. One `of_finished_run` makes no run directory: it would be a
    misspelt one.
    """
    name = Path(sys.argv[0]).stem.replace("_", "-")
    flags, files, words = {"seed": "seed", **(flags or {})}, files or {}, words or {}
    arguments = _parser(name, stage, flags, files, words).parse_args()
    given = {
        kind: {option: getattr(arguments, option) for option in named if getattr(arguments, option)}
        for kind, named in (("files", files), ("words", words))
    }
    sys.exit(_run(stage, name, arguments, flags, given, of_finished_run))


def _run(
    stage: Stage,
    name: str,
    arguments: argparse.Namespace,
    flags: Mapping[str, str],
    given: Mapping[str, Any],
    of_finished_run: bool,
) -> int:
    try:
        with stopping_cleanly():
            recipe = load_recipe(arguments.recipe, _settings(arguments, flags))
            run = arguments.run or Path("runs") / recipe.name
            if of_finished_run and not run.is_dir():
                raise ConfigError(f"There is no run {run}; name a finished one with RUN=.")
            with locked(run / ".lock", f"Run directory {run}") as dead:
                _log_to(run / "log.jsonl", name)
                job = Job(
                    stage=name,
                    recipe=recipe,
                    run=run,
                    hashes=HashMemory(run / ".hashes.json"),
                    console=Console(),
                    fresh=arguments.fresh,
                    own_data=arguments.data is not None,
                    device=arguments.device,
                    deterministic=arguments.deterministic,
                    **given,
                )
                if dead:
                    job.say(f"{name}: took over the run directory from {dead}, which is gone.")
                if leftovers := sum(map(clear_leftovers, (run, *_unit_parents(run)))):
                    job.say(f"{name}: cleared {leftovers} unfinished files of a stopped run.")
                stage(job)
    except DermstackError as error:
        print(f"{name}: {error}", file=sys.stderr)
        LOG.error("stopped by %s", type(error).__name__)  # the line itself may name patients
        return 2
    except Stopped as stopped:
        print(
            f"{name}: stopped by {stopped.signal.name}; what was finished is kept, "
            f"the same command{' without FRESH=1' if arguments.fresh else ''} goes on.",
            file=sys.stderr,
        )
        return stopped.exit_code
    return 0


def _unit_parents(run: Path) -> list[Path]:
    """Folders of the run that hold units, such as audit/ with its shards."""
    return [path for path in run.iterdir() if path.is_dir() and not path.name.startswith(".")]


def _settings(arguments: argparse.Namespace, flags: Mapping[str, str]) -> list[str]:
    """All overrides as `key=value`, the named options last since they are the more explicit."""
    settings = [word for text in arguments.set for word in _words(text)]
    for flag, key in flags.items():
        value = getattr(arguments, flag)
        if value is not None:
            settings.append(f"{key}={value}")
    if arguments.data is not None:
        settings.append(f"data.folder={json.dumps(str(arguments.data), ensure_ascii=False)}")
    return settings


def _words(text: str) -> list[str]:
    """Split `a.b=1 c.d=[2, 3]` where a new `key=` begins, so that values may hold spaces."""
    return re.split(r"\s+(?=[A-Za-z_][\w.]*=)", text.strip()) if text.strip() else []


def _parser(
    name: str,
    stage: Stage,
    flags: Mapping[str, str],
    files: Mapping[str, str],
    words: Mapping[str, str],
) -> argparse.ArgumentParser:
    module = sys.modules[stage.__module__]
    parser = argparse.ArgumentParser(
        prog=f"python -m scripts.{name.replace('-', '_')}",
        description=module.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--recipe", default="sample", help="name in recipes/, or path of a TOML")
    parser.add_argument("--data", type=Path, help="folder of the raw data, instead of the recipe's")
    parser.add_argument("--run", type=Path, help="where results are kept (runs/<recipe>)")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="override recipe values"
    )
    parser.add_argument("--fresh", action="store_true", help="make this stage's result anew")
    parser.add_argument(
        "--device",
        default="auto",
        choices=("auto", "cpu", "cuda", "mps"),
        help="where nets run; auto is the fastest there is",
    )
    parser.add_argument(
        "--deterministic",
        action="store_true",
        help="train nets bit for bit repeatably on a GPU too; slower",
    )
    for flag, key in flags.items():
        parser.add_argument(f"--{flag}", help=f"short for --set {key}=...")
    for file, text in files.items():
        parser.add_argument(f"--{file}", type=Path, help=text)
    for word, text in words.items():
        parser.add_argument(f"--{word}", help=text)
    return parser


class _JsonLines(logging.Formatter):
    def __init__(self, stage: str) -> None:
        super().__init__()
        self._stage = stage

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": self.formatTime(record),
            "level": record.levelname,
            "stage": self._stage,
            "message": record.getMessage(),
            **getattr(record, "facts", {}),
        }
        return json.dumps(line, default=str)


def _log_to(path: Path, stage: str) -> None:
    handler = logging.FileHandler(path, delay=True)
    handler.setFormatter(_JsonLines(stage))
    LOG.handlers = [handler]
    LOG.setLevel(logging.INFO)
    LOG.propagate = False
