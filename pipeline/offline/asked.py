"""What a call was asked for, and the bundle's run and input that it means."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from folds.schema import ID, TARGET
from folds.sources import DataConfig
from folds.sources.registry import SOURCES
from pipeline.new_data import data_in, pictures_alone
from pipeline.new_scores import Stacked
from pipeline.offline.answers import SAMPLE, AnswerFile
from pipeline.offline.clock import Clock
from pipeline.offline.tables import Work
from workspace.errors import ConfigError
from workspace.hashing import HashMemory, sha256_file

LISTING = "bundle.json"


@dataclass(frozen=True)
class Asked:
    """What the command line says."""

    bundle: Path
    input: Path
    output: AnswerFile
    work: Path
    folds: tuple[int, ...] | None = None  # None: all
    clock: Clock = field(default_factory=lambda: Clock(0.0, None))
    device: str = "auto"
    processes: int | None = None  # None: one for each GPU
    pictureless: bool = False  # training had rows without a picture too


def open_work(asked: Asked, *, blind: bool = False) -> Work:
    """The bundle's run and the new data, before anything is read of their rows."""
    run = asked.bundle / "run"
    stacked = Stacked.open(run)
    made_from = stacked.unit.manifest.recipe["data"]
    own: dict[str, Any] = {
        "folder": asked.input, "images_in": (), "images": "none" if blind else "all",
        "limit": None, "lesions": None, "table": None,
        "group": "none",  # who has no patient is one alone: unseen rows are not held out
    }  # fmt: skip
    config = DataConfig.model_validate({**made_from, **own})
    if not config.folder.exists():
        raise ConfigError(f"{asked.input} is not there; name the folder of the new data.")
    if asked.work.exists() and not asked.work.is_dir():
        raise ConfigError(f"--work {asked.work} is no folder; name another.")
    _refuse_output(asked)
    if stacked.sees and not blind and pictures_alone(asked.input):
        _refuse_among_pictures(asked)
    narrowed = SOURCES[config.source].unlabelled(config)
    asked.work.mkdir(parents=True, exist_ok=True)
    data = data_in(
        DataConfig.model_validate(narrowed.model_dump()),
        HashMemory(asked.work / ".hashes.json"),
        sees=stacked.sees,
    )
    # What another bundle has left there is no beginning of this one's answer.
    bundle = sha256_file(asked.bundle / LISTING)[:8]
    return Work(run, data, asked.work / f"{data.name}-{bundle}")


def _refuse_among_pictures(asked: Asked) -> None:
    """There all files are the input, so that what is written would make it another."""
    for word, path in (("--output", asked.output.path), ("--work", asked.work)):
        if path.resolve().is_relative_to(asked.input.resolve()):
            raise ConfigError(f"{word} {path} lies among the pictures; name a place elsewhere.")


def _refuse_output(asked: Asked) -> None:
    """No file of the bundle or of the input is an answer's place, but an answer of before."""
    path = asked.output.path.resolve()
    if path.is_relative_to(asked.bundle.resolve()):
        raise ConfigError(f"--output {asked.output.path} lies in the bundle; name another place.")
    if not path.is_file() or not path.is_relative_to(asked.input.resolve()):
        return
    with path.open("rb") as file:
        is_answer = file.readline(100).strip() == f"{ID},{TARGET}".encode()
    if not is_answer or path.name == SAMPLE:
        raise ConfigError(f"--output {asked.output.path} is a file of the input; name another.")
