"""The stages from Python, with the words of the command line.

    from scripts import stages

    folded = stages.folds(recipe="isic2020", data="/path/to/isic2020")
    folded.parquet("folds.parquet")

Each call does what `make <stage>` does, in this process (several with `jobs`, on other nodes with
`engine`), and gives back what the stage leaves: a unit, or units by name. Our errors are raised;
`quiet=True` says nothing.
"""

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from rich.console import Console

from pipeline.asked import OF_NEW_DATA
from reports.desk import LOG, ConsoleDesk
from scripts.stage import Call, carry_out, target_of
from workspace.errors import ConfigError
from workspace.progress import Silent
from workspace.stopping import Stopped, stopping_cleanly

Stage = Callable[..., Any]
Value = bool | float | str | list[Any] | tuple[Any, ...] | Mapping[str, Any]
OPTIONS = ("fresh", "device", "deterministic")


def _stage(
    name: str, *named: str, of_finished_run: Sequence[str] | None = None, writes: bool = True
) -> Stage:
    """The stage as a function; `named` are its own options, `file:` before those that are files."""
    shown = target_of(name)
    kinds = {option.removeprefix("file:"): option.startswith("file:") for option in named}

    def call(  # noqa: PLR0913 - the words of the command line
        recipe: str | None = None,
        *,
        data: str | Path | None = None,
        run: str | Path | None = None,
        set: Mapping[str, Value] | None = None,  # noqa: A002 - the command line's word
        seed: int | None = None,
        jobs: int | None = None,
        engine: str | None = None,
        address: str | None = None,
        quiet: bool = False,
        **options: Any,
    ) -> Any:
        if unknown := sorted(options.keys() - {*OPTIONS, *kinds}):
            raise ConfigError(
                f"stages.{name} has no option {', '.join(unknown)}; besides recipe, data, run, "
                "set, seed, jobs, engine, address and quiet there are "
                f"{', '.join((*OPTIONS, *kinds))}."
            )
        own = {option: options.pop(option) for option in kinds if options.get(option) is not None}
        asked = Call(
            recipe=None if recipe is None else str(recipe),
            settings=_settings(set or {}, seed, data),
            run=None if run is None else Path(run),
            jobs=_jobs(jobs, engine),
            engine=engine,
            address=address,
            options={
                **{key: value for key, value in options.items() if key in OPTIONS},
                "own_data": data is not None,
                "files": {key: Path(value) for key, value in own.items() if kinds[key]},
                "words": {key: _word(value) for key, value in own.items() if not kinds[key]},
            },
            of_finished_run=of_finished_run,
            writes=writes,
        )
        desk = Silent() if quiet else ConsoleDesk(Console(), shown)
        before = list(LOG.handlers)
        try:
            with stopping_cleanly():
                # By name and here: torch takes seconds to import.
                return carry_out(import_module(f"scripts.{name}").run, shown, asked, desk)
        except Stopped as stopped:  # what a notebook expects of its stop button
            raise KeyboardInterrupt from stopped
        finally:
            for handler in [one for one in LOG.handlers if one not in before]:
                handler.close()
            LOG.handlers = before

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"`make {shown}`; see scripts/{name}.py and docs/stages.md."
    return call


def _jobs(jobs: int | None, engine: str | None) -> str | None:
    """One process where nothing is said: a script without a main guard cannot be begun again."""
    if jobs is not None:
        return str(jobs)
    return None if engine not in (None, "local") else "1"


def _word(value: Any) -> str:
    """As it is typed; several as one word, each quoted where it needs to be."""
    return shlex.join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _settings(values: Mapping[str, Value], seed: int | None, data: str | Path | None) -> list[str]:
    """As the command line has them; the named options last since they are the more explicit."""
    settings = [f"{key}={_spelt(value)}" for key, value in values.items()]
    settings += [] if seed is None else [f"seed={seed}"]
    return settings + ([] if data is None else [f"data.folder={_spelt(str(data))}"])


def _spelt(value: Any) -> str:
    """A value in TOML, in which a table may stand on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_spelt(k)} = {_spelt(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_spelt, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


plan = _stage("plan", writes=False)
sample = _stage("sample")
verify = _stage("verify")
eda = _stage("eda")
folds = _stage("folds")
pretrain = _stage("pretrain", "fold", "devices", "nodes")
train_cnn = _stage("train_cnn", "fold", "devices", "nodes")
embed = _stage("embed")
ablate = _stage("ablate")
label_efficiency = _stage("label_efficiency")
suite = _stage("suite")
distill = _stage("distill", "trials", "storage")
compare = _stage("compare")
hospitals = _stage("hospitals")
features = _stage("features")
stack = _stage("stack")
tune = _stage("tune", "trials", "storage")
audit = _stage("audit")
submission = _stage("submission")
bundle = _stage("bundle")
predict = _stage("predict", "file:out", of_finished_run=OF_NEW_DATA)
predict_images = _stage("predict_images", "file:images", "file:out", of_finished_run=OF_NEW_DATA)
export = _stage("export")
score = _stage("score", "file:solution", "file:submission")
leaderboard = _stage("leaderboard", "runs", "submissions", "reference", "file:solution")
report = _stage("report", "file:out", of_finished_run=())
