"""What all stages share: the command line, the run directory, how they end.

A stage is a function of a `Job`. `main` parses the one vocabulary of options, runs the stage, and
turns our errors into one line and exit code 2, a stop request into 130 or 143. Anything else is a
bug and keeps its traceback.
"""

import argparse
import json
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from io import TextIOWrapper
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console

from pipeline.asked import (
    OF_RUNS,
    READ_ALONE,
    RECIPE,
    idle,
    keys_of,
    own_recipe,
    refuse_idle,
    said,
    section_of,
)
from pipeline.job import INNER_RUN, Job
from pipeline.recipe import load_recipe
from reports.desk import LOG, ConsoleDesk
from scripts.fanout import ENGINES, engine_of, executor_of
from scripts.log import log_to
from workspace.atomic import naming_write_errors
from workspace.errors import (
    ArtifactError,
    CannotWriteError,
    ConfigError,
    DermstackError,
    name_some,
)
from workspace.faults import naming_faults
from workspace.hashing import HashMemory
from workspace.lock import clear_abandoned
from workspace.machine import refuse_odd_numbers
from workspace.progress import Desk
from workspace.sentences import unnamed
from workspace.stopping import Stopped, stopping_cleanly

OUT = "where what is made goes, if not into the run"  # an option of stages of a finished run
DEFAULT = "sample"  # the recipe where none is named, by a finished run neither
DEVICES = ("auto", "cpu", "cuda", "mps")
Stage = Callable[[Job], object]
Made = TypeVar("Made")


def main(
    stage: Stage,
    flags: Mapping[str, str] | None = None,
    files: Mapping[str, str] | None = None,
    words: Mapping[str, str] | None = None,
    of_finished_run: Sequence[str] | None = None,
    writes: bool = True,
) -> None:
    """Run a stage from the command line.

    `flags` are its shorthands, flag -> recipe key; a stage may say so what its own `seed` is,
    otherwise that is the recipe's. `files` are options that name a file, option -> help;
    `words` those that are text. One `of_finished_run` makes no run directory, which would be a
    misspelt one; of the recipe it reads these sections, and all else is as the run was made. One
    that does not write leaves no trace.
    """
    name = target_of(Path(sys.argv[0]).stem)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a path may hold what is no text
    flags, files, words = {"seed": "seed", **(flags or {})}, files or {}, words or {}
    arguments = _parser(name, stage, flags, files, words).parse_args()
    given = {
        kind: {option: getattr(arguments, option) for option in named if getattr(arguments, option)}
        for kind, named in (("files", files), ("words", words))
    }
    sys.exit(_run(stage, name, arguments, flags, given, _Run(of_finished_run, writes)))


@dataclass(frozen=True)
class _Run:
    """What a stage wants of the run's folder."""

    finished: Sequence[str] | None
    writes: bool


def _run(
    stage: Stage,
    name: str,
    arguments: argparse.Namespace,
    flags: Mapping[str, str],
    given: Mapping[str, Any],
    wanted: "_Run",
) -> int:
    call = Call(
        recipe=arguments.recipe,
        settings=_settings(arguments, flags),
        run=arguments.run,
        jobs=arguments.jobs,
        engine=arguments.engine,
        address=arguments.address,
        options={
            "fresh": arguments.fresh,
            "own_data": arguments.data is not None,
            "device": arguments.device,
            "deterministic": arguments.deterministic,
            **given,
        },
        of_finished_run=wanted.finished,
        writes=wanted.writes,
    )
    try:
        with stopping_cleanly():
            carry_out(stage, name, call, ConsoleDesk(Console(), name))
    except DermstackError as error:
        print(f"{name}: {error}", file=sys.stderr)
        LOG.error("stopped by %s: %s", type(error).__name__, unnamed(error))
        return 2
    except Stopped as stopped:
        print(
            f"{name}: stopped by {stopped.signal.name}; what was finished is kept, "
            f"the same command{' without FRESH=1' if arguments.fresh else ''} goes on.",
            file=sys.stderr,
        )
        return stopped.exit_code
    return 0


@dataclass(frozen=True)
class Call:
    """What is asked of a stage, by the command line or from Python."""

    recipe: str | None  # None: nobody named one
    settings: Sequence[str]  # a.b=1
    run: Path | None
    jobs: str | None  # None: as many processes as the work asks for
    options: Mapping[str, Any]  # of the `Job`
    engine: str | None = None  # None: this machine
    address: str | None = None  # of the engine
    of_finished_run: Sequence[str] | None = None  # the sections that need not be the run's
    writes: bool = True

    @property
    def typed(self) -> list[str]:
        """The recipe's keys that somebody stated."""
        return [*([RECIPE] if self.recipe else []), *keys_of(self.settings)]


@naming_faults()
def carry_out(stage: Callable[[Job], Made], name: str, call: Call, desk: Desk) -> Made:
    """Run a stage on its run's folder; what it leaves, or our error."""
    refuse_odd_numbers()
    engine = engine_of(call.engine, call.address, _jobs(call.jobs))
    engine.refuse_nodes(call.options.get("words", {}).get("nodes", ""))
    _refuse_device(call.options.get("device", DEVICES[0]))
    # Nobody means the default recipe by the folder of another one's run.
    own = own_recipe(call.run) if call.run and not call.recipe else None
    recipe = load_recipe(call.recipe or own or DEFAULT, call.settings)
    run = call.run or Path("runs") / (name if name in OF_RUNS else recipe.name)
    if call.of_finished_run is not None and not run.is_dir():
        raise ConfigError(f"There is no run {run}; name a finished one with RUN=.")
    if call.of_finished_run is not None:
        others = [key for key in call.typed if section_of(key) not in call.of_finished_run]
        refuse_idle(name, recipe, run, others)
    place = call.options.get("files", {}).get("out", run)
    log = partial(log_to, place / "log.jsonl", name)
    if call.writes:
        with naming_write_errors(place):
            place.mkdir(parents=True, exist_ok=True)
        log()
    device = call.options.get("device", DEVICES[0])
    with executor_of(engine, desk, log, place, device) as executor:
        job = Job(
            stage=name,
            recipe=recipe,
            run=run,
            hashes=HashMemory(place / ".hashes.json" if place.is_dir() else None),
            desk=desk,
            executor=executor,
            **call.options,
        )
        places = (place, *_unit_parents(place)) if call.writes else ()
        if leftovers := sum(map(clear_abandoned, places)):
            job.say(f"{name}: cleared {leftovers} unfinished files of a stopped run.")
        try:
            made = stage(job)
        except CannotWriteError as error:
            of_finished = call.of_finished_run is not None
            if of_finished and place == run and not os.access(run, os.W_OK):
                raise ArtifactError(
                    f"{run} may only be read; name a folder for what is made with OUT=."
                ) from error
            raise
        _notice_idle(job, call)
        return made


def _notice_idle(job: Job, call: Call) -> None:
    """Where all is done, "up to date" is only half of it if what was typed changes nothing."""
    keys = [key for key in call.typed if key != RECIPE]
    if job.stage in READ_ALONE:
        section = READ_ALONE[job.stage]
        if unread := [key for key in keys if section_of(key) != section]:
            job.say(
                f"notice: '{job.stage}' reads nothing of a recipe but [{section}]; of no effect: "
                f"{name_some(said(job.recipe, unread))}."
            )
        return
    if job.undone or any(new for _, new in job.carried):
        return
    made = [(_place(unit.folder, job.run), unit.manifest) for unit, _ in job.carried]
    if found := idle(job.recipe, keys, made):
        job.say(
            f"notice: nothing that '{job.stage}' needs depends on "
            f"{name_some(said(job.recipe, found))}; what is up to date was made without."
        )


def _place(folder: Path, run: Path) -> Path:
    """In the run; what is drawn lies with the data."""
    return folder.relative_to(run) if folder.is_relative_to(run) else Path(folder.name)


def _refuse_device(device: str) -> None:
    if device not in DEVICES:
        raise ConfigError(f"DEVICE={device} is no device; there are {', '.join(DEVICES)}.")


def target_of(script: str) -> str:
    """The make target of a script; that of pictures is `predict` too."""
    return "predict" if script == "predict_images" else script.replace("_", "-")


def _unit_parents(run: Path) -> list[Path]:
    """Folders of the run that hold units, such as audit/ with its shards; runs within it too."""
    inner = run / INNER_RUN
    within = ("distill/*", "distill/*/*", "suite/*", "suite/*/*")
    paths = [*run.iterdir(), *run.glob("embeddings/*"), inner]
    paths += [*inner.glob("*"), *inner.glob("embeddings/*")]
    paths += [path for one in within for path in run.glob(one)]
    return [path for path in paths if path.is_dir() and not path.name.startswith(".")]


def _jobs(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isdecimal() or int(text) < 1:
        raise ConfigError(f"JOBS={text} is no number of processes; take 1 or more.")
    return int(text)


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
    parser.add_argument("--recipe", help=f"name in recipes/, or path of a TOML ({DEFAULT})")
    parser.add_argument("--data", type=Path, help="folder of the raw data, instead of the recipe's")
    parser.add_argument("--run", type=Path, help="where results are kept (runs/<recipe>)")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="override recipe values"
    )
    parser.add_argument("--fresh", action="store_true", help="make this stage's result anew")
    parser.add_argument(
        "--device",
        default=DEVICES[0],
        help=f"where nets run ({', '.join(DEVICES)}); auto is the fastest there is",
    )
    parser.add_argument(
        "--deterministic",
        action="store_true",
        help="train nets bit for bit repeatably on a GPU too; slower",
    )
    parser.add_argument(
        "--jobs", help="how many processes of this machine share it; by itself as many as small "
        "networks ask for and the machine lends"
    )  # fmt: skip
    parser.add_argument(
        "--engine", help=f"who does the work ({', '.join(ENGINES)}); see docs/cluster.md"
    )
    parser.add_argument("--address", help="host:port of Ray's head node, with --engine ray")
    for flag, key in flags.items():
        parser.add_argument(f"--{flag}", help=f"short for --set {key}=...")
    for file, text in files.items():
        parser.add_argument(f"--{file}", type=Path, help=text)
    for word, text in words.items():
        parser.add_argument(f"--{word}", help=text)
    return parser
