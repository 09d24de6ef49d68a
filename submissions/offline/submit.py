"""Answer a competition's test set, or a hospital's table, with the run that lies beside this file.

Reads bundle.json, checks that every file of the bundle is the one listed there, and only then
imports the bundle's code. It needs the standard library alone. Writes the CSV of --output, and
below --work what a later call goes on with. Exit codes: 0 all is done, 1 a fault of the bundle's
own, 2 a mistake that you can mend, 3 a valid CSV by less than was asked, 130 and 143 stopped.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - whoever has an older one hears it from here alone
    sys.stderr.write(
        "submit: Python 3.11 to 3.13 is needed and this is "
        f"{sys.version_info[0]}.{sys.version_info[1]}; run submit.py by another one.\n"
    )
    sys.exit(2)

import os

ROOT = os.path.dirname(os.path.realpath(__file__))  # noqa: PTH120 - pathlib is not to be had yet
if __name__ == "__main__":
    # Python looks first beside the script that it runs, and nothing there is checked yet.
    sys.path[:] = [one for one in sys.path if os.path.realpath(one or os.curdir) != ROOT]

import argparse
import difflib
import hashlib
import importlib
import json
import re
import runpy
import stat
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.machinery import SOURCE_SUFFIXES, FileFinder, SourceFileLoader
from pathlib import Path, PurePosixPath
from typing import Any, NoReturn

VERSION = 1
LIST = "bundle.json"
LIST_LIMIT = 50_000_000  # bytes
WHOLE = ("code", "run")  # folders in which nothing may lie that is not listed
CODE, ENTRY = "code", "pipeline.offline.entry"
WHEELS, GET_WHEELS = "wheels", "get_wheels.py"
TABLE = "test-metadata.csv"
INPUTS = os.environ.get("DERMSTACK_INPUTS", "/kaggle/input")
DEEPEST = 4  # folders below INPUTS; Kaggle mounts as competitions/<name> or datasets/<owner>/<name>
SAID_EVERY = 10.0  # seconds
NAMED = 5  # names in a message; the rest is a count


class MistakeError(Exception):
    """What the person who called can mend: one sentence with what, where and the mend."""


class SourceOnly(SourceFileLoader):
    """Imports what was checked: a source, and never the bytecode that may lie beside it."""

    def path_stats(self, path: str) -> NoReturn:
        raise OSError(f"bytecode of {path} is neither read nor written")


def sources_alone(path: str) -> FileFinder:
    """For `sys.path_hooks`: of the bundle's code only sources; other folders as ever."""
    if not Path(path).is_relative_to(Path(ROOT, CODE)):
        raise ImportError(path)
    return FileFinder(path, (SourceOnly, SOURCE_SUFFIXES))


if __name__ in ("__main__", "__mp_main__"):  # the latter in processes that multiprocessing spawns
    sys.path_hooks.insert(0, sources_alone)
    sys.path_importer_cache.clear()  # a spawned process has looked below code/ before this line


def main(words: Sequence[str] | None = None) -> int:
    """The whole call; its exit code."""
    started = time.monotonic()
    try:
        asked = parser().parse_args(words)
        request = {"started": started, **request_of(asked, Path(ROOT))}
        bundle = check(Path(ROOT), asked.sha256)
        request["minutes"] = asked.minutes or bundle.get("minutes")
        wheels = wheel_folders(Path(ROOT), bundle["files"], request["work"])
        answer = answer_of(Path(ROOT), wheels)
    except MistakeError as error:
        print(f"submit: {error}", file=sys.stderr, flush=True)
        return 2
    except KeyboardInterrupt:
        print("submit: stopped before anything was written.", file=sys.stderr, flush=True)
        return 130
    return int(answer(request))


# What is asked


class Parser(argparse.ArgumentParser):
    """Says a mistake in one sentence, and the nearest word there is."""

    def error(self, message: str) -> NoReturn:
        raise MistakeError(f"{shown(message, 200)}; see --help.")

    def parse_args(self, words: Any = None, namespace: Any = None) -> Any:
        asked, unknown = self.parse_known_args(words, namespace)
        if unknown:
            word = unknown[0].partition("=")[0]
            near = difflib.get_close_matches(word, self._option_string_actions, 1)
            end = f"did you mean {near[0]}?" if near else "see --help."
            raise MistakeError(f"submit.py knows no {shown(word)}; {end}")
        return asked


def folds_of(text: str) -> tuple[int, ...]:
    """Numbers of folds, each once."""
    return tuple(sorted(set(map(int, text.split(",")))))


# Of each option: what it is, what it takes, as a pattern, and what becomes of it.
OPTIONS: dict[str, tuple[str, str, str, Callable[[str], Any]]] = {
    "--folds": ("models that look", "folds such as 0,1", r"\d{1,3}(,\d{1,3})*", folds_of),
    "--minutes": ("time for all", "a number above 0", r"(?=.*[1-9])\d{1,6}(\.\d{1,6})?", float),
    "--device": ("where networks run", "auto, cpu or cuda", "auto|cpu|cuda", str),
    "--processes": ("how many look at pictures", "a number from 1 on", r"[1-9]\d{0,2}", int),
    "--sha256": (f"what {LIST} hashes to", "64 hexadecimal digits", "[0-9a-fA-F]{64}", str.lower),
}


def parser() -> Parser:
    """The words that may be typed."""
    made = Parser(
        prog="submit.py", description=__doc__, allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    made.add_argument("--input", type=Path, help=f"folder with {TABLE} and its pictures")
    made.add_argument("--output", type=Path, default=Path("submission.csv"), help="CSV to write")
    made.add_argument("--work", type=Path, help="folder to go on from (dermstack_work beside it)")
    for option, (of, wanted, pattern, make) in OPTIONS.items():
        made.add_argument(
            option, type=taking(option, wanted, pattern, make), help=f"{of}: {wanted}"
        )
    made.set_defaults(device="auto")
    return made


def taking(option: str, wanted: str, pattern: str, make: Callable[[str], Any]) -> Any:
    """What reads the text of one option, or says what it takes."""

    def read(text: str) -> Any:
        if not re.fullmatch(pattern, text, re.ASCII):
            raise MistakeError(f"{option} takes {wanted}, not {shown(text)}.")
        return make(text)

    return read


def request_of(asked: argparse.Namespace, root: Path) -> dict[str, Any]:
    """What the bundle's code is asked for, every folder by its whole path."""
    output = asked.output.resolve()
    request = {
        "bundle": root,
        "input": asked.input.resolve() if asked.input else input_below(Path(INPUTS), root),
        "output": output,
        "work": asked.work.resolve() if asked.work else output.parent / "dermstack_work",
        "folds": asked.folds,
        "device": asked.device,
        "processes": asked.processes,
    }
    check_folders(request)
    return request


def input_below(inputs: Path, root: Path) -> Path:
    """The one folder with the test table; a link that leads out of `inputs` is not followed."""
    below = []
    for folder, folders, files in os.walk(inputs.resolve()):
        here = Path(folder)
        depth = len(here.relative_to(inputs.resolve()).parts)
        holds = TABLE in files and (here / TABLE).resolve().is_relative_to(inputs.resolve())
        below += [here] * holds
        if holds or here == root or depth == DEEPEST:
            folders.clear()  # a folder of pictures may hold half a million
    if len(below) == 1:
        return below[0]
    if not below:
        raise MistakeError(
            f"No folder below {inputs} holds {TABLE}; add the competition's data to the notebook, "
            "or name a folder with --input."
        )
    raise MistakeError(
        f"{len(below)} folders below {inputs} hold {TABLE} ({some(map(str, sorted(below)))}); "
        "name one with --input, or INPUT in the notebook."
    )


def check_folders(request: Mapping[str, Any]) -> None:
    """Where is read and written; nothing is written among what is checked."""
    if not request["input"].is_dir():
        raise MistakeError(f"There is no folder {shown(str(request['input']), 200)}; see --input.")
    output = request["output"]
    if output.is_dir() or not output.parent.is_dir():
        raise MistakeError(
            f"{shown(str(output), 200)} is a folder or lies in none; name a file with --output."
        )
    for word in ("output", "work"):
        if any(request[word].is_relative_to(request["bundle"] / name) for name in WHOLE):
            raise MistakeError(
                f"--{word} lies in the bundle's {' or '.join(WHOLE)}; name a place outside them."
            )


# Whether the bundle is the one that was made


def check(root: Path, sha256: str | None) -> dict[str, Any]:
    """What bundle.json says, once every file of the bundle is as it says."""
    try:
        bundle = listing(root, sha256)
        check_files(root, bundle["files"])
    except OSError as error:
        raise MistakeError(
            f"{shown(str(error.filename), 120)} of the bundle cannot be read ({error.strerror}); "
            "copy the whole bundle anew."
        ) from error
    return bundle


def check_files(root: Path, files: Mapping[str, Any]) -> None:
    """What is quick to see first."""
    names, lying = list(files), dict(lying_in(root))
    links = [name for name in names if linked(root, name)]
    refuse("are links or no plain files", links + [name for name in lying if not lying[name]])
    refuse("are not listed there", [name for name in lying if name not in files])
    refuse("are missing", [name for name in names if not (root / name).is_file()])
    sizes = {name: (root / name).stat().st_size for name in names}
    refuse("have another size", [name for name in names if sizes[name] != files[name]["size"]])
    progress = Progress(sum(sizes.values()))
    hashes = {name: hash_of_file(root / name, progress) for name in names}
    refuse("have another hash", [name for name in names if hashes[name] != files[name]["sha256"]])


def refuse(what: str, names: Sequence[str]) -> None:
    """Nothing where all is well."""
    if every := sorted(set(names)):
        raise MistakeError(
            f"Of the bundle's files {len(every)} {what}, by {LIST} ({some(every)}); copy the whole "
            "bundle anew."
        )


def listing(root: Path, sha256: str | None) -> dict[str, Any]:
    """What bundle.json says, its form checked."""
    path = root / LIST
    if linked(root, LIST) or not path.is_file() or path.stat().st_size > LIST_LIMIT:
        raise MistakeError(
            f"No file {LIST} of at most 50 MB lies beside submit.py; copy the whole bundle anew."
        )
    data = path.read_bytes()
    if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256:
        raise MistakeError(
            f"{LIST} is not the one that --sha256 stands for; take the notebook and the bundle "
            "that were made together."
        )
    try:
        bundle = json.loads(data, object_pairs_hook=without_repeats)
    except (ValueError, RecursionError) as error:
        raise MistakeError(f"{LIST} is damaged; copy the whole bundle anew.") from error
    if not isinstance(bundle, dict) or bundle.get("version") != VERSION:
        raise MistakeError(
            f"{LIST} is not of version {VERSION}, the only one that this submit.py reads; take the "
            "two that were made together."
        )
    files, minutes = bundle.get("files"), bundle.get("minutes", 1)
    timed = minutes is None or (type(minutes) in (int, float) and 0 < minutes < 1e6)
    if not isinstance(files, dict) or not all(map(well_formed, files.items())) or not timed:
        raise MistakeError(f"{LIST} has another form; copy the whole bundle anew.")
    if odd := [name for name in files if not is_below(name) or name == LIST]:
        raise MistakeError(
            f"{LIST} lists what is no path within the bundle ({some(odd)}); do not use this bundle."
        )
    if f"{CODE}/{ENTRY.replace('.', '/')}.py" not in files:
        raise MistakeError(f"{LIST} lists no code; make the bundle anew.")
    return bundle


def without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON; the same key twice would let two readers see two files."""
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a key stands there twice")
    return made


def well_formed(entry: tuple[str, Any]) -> bool:
    """Whether a file has a hash and a size."""
    fact = entry[1]
    if not isinstance(fact, dict) or type(fact.get("size")) is not int:
        return False
    return re.fullmatch("[0-9a-f]{64}", str(fact.get("sha256"))) is not None


def is_below(name: str) -> bool:
    """Whether a name leads to a file below its folder on every system, spelt in its one way."""
    path = PurePosixPath(name)
    odd = path.is_absolute() or ".." in path.parts or name == "." or set(name) & set("\\:")
    return name == str(path) and name.isprintable() and not odd


def linked(root: Path, name: str) -> bool:
    """Whether a link stands anywhere on the way to a file of the bundle."""
    return any((root / way).is_symlink() for way in (Path(name), *Path(name).parents))


def lying_in(root: Path) -> Iterator[tuple[str, bool]]:
    """Every file in the folders that are checked whole, and whether it is a plain one."""
    for whole in WHOLE:
        for folder, folders, files in os.walk(root / whole):
            links = [name for name in folders if Path(folder, name).is_symlink()]
            for name in sorted([*files, *links]):
                path = Path(folder, name)
                yield path.relative_to(root).as_posix(), stat.S_ISREG(path.lstat().st_mode)
            folders[:] = [name for name in folders if name != "__pycache__"]  # see SourceOnly
            if not files and not folders:  # Python would import it, as a package of no file
                yield Path(folder).relative_to(root).as_posix(), False


class Progress:
    """A line now and then while large files are read."""

    def __init__(self, total: int, every: float = SAID_EVERY) -> None:
        self.total, self.every = total, every
        self.read, self.said = 0, time.monotonic()

    def add(self, size: int) -> None:
        self.read += size
        if time.monotonic() - self.said >= self.every:
            self.said = time.monotonic()
            share = f"{self.read / 1e9:.2f} of {self.total / 1e9:.2f} GB"
            print(f"submit: checked {share} of the bundle", flush=True)


def hash_of_file(path: Path, progress: Progress) -> str:
    """SHA-256, by pieces of a megabyte."""
    state = hashlib.sha256()
    with path.open("rb") as stream:
        while piece := stream.read(1 << 20):
            state.update(piece)
            progress.add(len(piece))
    return state.hexdigest()


# What is imported


def wheel_folders(root: Path, files: Mapping[str, Any], work: Path) -> list[str]:
    """Where wheels were unpacked by get_wheels.py, which is a checked file by now."""
    if not any((root / WHEELS).glob("*.whl")):
        return []
    if GET_WHEELS not in files:
        raise MistakeError(f"This bundle takes no wheels; remove its folder {WHEELS}.")
    get_wheels = runpy.run_path(str(root / GET_WHEELS))
    try:
        return [str(folder) for folder in get_wheels["unpack"](root, work / WHEELS)]
    except get_wheels["WheelError"] as error:
        raise MistakeError(str(error)) from error


def answer_of(root: Path, wheels: Sequence[str]) -> Any:
    """What the bundle's code answers by; of libraries the image's own come before wheels."""
    sys.dont_write_bytecode = True
    # The same for every process that is begun from here.
    os.environ |= {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONSAFEPATH": "1"}
    sys.path.insert(0, str(root / CODE))
    sys.path.extend(wheels)
    try:
        return importlib.import_module(ENTRY).answer
    except ModuleNotFoundError as error:
        if (root / CODE / str(error.name).partition(".")[0]).exists():
            raise  # of the bundle's own code: no mistake of the person who called
        raise MistakeError(
            f"This Python has no {shown(str(error.name))}; install it, or run submit.py where "
            "README.md's libraries are."
        ) from error


def shown(text: str, limit: int = 60) -> str:
    """A name that is safe to print, cut where it is long."""
    safe = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return safe if len(safe) <= limit else f"{safe[: limit - 3]}..."


def some(names: Any) -> str:
    """The first five, and how many more there are."""
    every = list(names)
    more = f" (+{len(every) - NAMED} more)" if len(every) > NAMED else ""
    return ", ".join(map(shown, every[:NAMED])) + more


if __name__ == "__main__":
    sys.exit(main())
