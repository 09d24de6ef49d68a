"""Finds the bundle that this notebook was made with, has it answer, and says how that ended.

This is the notebook's code: it is copied there with SHA256 filled in. It reads INPUTS and writes
WORKING, runs the bundle in a process of its own, so that a kill for want of memory ends that one
alone, and needs the standard library only. What is done so far lies in WORK.
"""

import csv
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

SHA256 = ""  # of bundle.json, which has the hash of every other file: another bundle is not run
# What may be asked for; None is as the bundle has it.
INPUT: str | None = None  # folder of test-metadata.csv, where several have one
MINUTES: float | None = None  # time for all
FOLDS: str | None = None  # models that look, such as "0,1"
PROCESSES: int | None = None  # how many look at pictures, one a GPU

INPUTS = Path("/kaggle/input")
WORKING = Path("/kaggle/working")
WORK = Path("/tmp/dermstack_work")  # noqa: S108 - alone there; what lies in WORKING is handed in
DEEPEST = 5  # folders below INPUTS; datasets lie in <name>, or in datasets/<owner>/<name>
LIST, LAUNCHER, TABLE = "bundle.json", "submit.py", "test-metadata.csv"
MISTAKE, LESS = 2, 3  # exit codes of the launcher
PATIENCE = 60.0  # seconds beyond the minutes that the bundle itself keeps


def answered() -> Path:
    """The CSV; where there is none, an error says why."""
    bundle = bundle_folder()
    minutes = MINUTES or json.loads((bundle / LIST).read_bytes()).get("minutes")
    begun = time.monotonic()
    output = WORKING / "submission.csv"
    output.unlink(missing_ok=True)  # of an earlier try in this session
    code, sentence = run(bundle, output, minutes)
    killed = code < 0 or code > 128
    if killed:
        print(f"{why(code)}; once more, from where it was.", flush=True)
        left = minutes and max(minutes - (time.monotonic() - begun) / 60, 1)
        code, sentence = run(bundle, output, left)
    if not output.is_file() or (code == MISTAKE and not killed):
        raise RuntimeError(sentence or f"{why(code)} and wrote no {output.name}.")
    if code == LESS:
        print(f"ATTENTION: {output.name} is valid, but less was done than asked; see above.")
    elif code != 0:
        print(f"ATTENTION: {why(code)}; {output.name} is what it had written by then.")
    return output


def show(path: Path, first: int = 5) -> None:
    """The first rows, and how many there are."""
    count = -1  # the names of the columns are no row
    with path.open(newline="") as stream:
        for row in csv.reader(stream):
            if count < first:
                print(",".join(row))
            count += 1
    print(f"{count:,} rows")


def bundle_folder() -> Path:
    """The folder whose bundle.json has the hash, and the launcher that this one lists."""
    others = []
    for folder, folders, files in os.walk(INPUTS):
        here = Path(folder)
        if LIST in files:
            if sha256_of(here / LIST) == SHA256:
                return with_its_launcher(here)
            others.append(str(here))
        if {LIST, TABLE} & set(files) or len(here.relative_to(INPUTS).parts) == DEEPEST:
            folders.clear()  # a folder of pictures may hold half a million
        folders.sort()
    if others:
        raise RuntimeError(
            f"The bundle in {', '.join(others[:5])} is not the one that this notebook was made "
            "with; add the dataset that belongs to it."
        )
    raise RuntimeError(f"There is no bundle below {INPUTS}; add its dataset to this notebook.")


def with_its_launcher(bundle: Path) -> Path:
    """The same folder: what is run first is checked from here, all else by the launcher."""
    listed: Mapping[str, Any] = json.loads((bundle / LIST).read_bytes())["files"]
    path = bundle / LAUNCHER
    if not path.is_file() or sha256_of(path) != listed[LAUNCHER]["sha256"]:
        raise RuntimeError(f"{path} is not the one of {LIST}; add the bundle's dataset anew.")
    return bundle


def sha256_of(path: Path) -> str:
    """In hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def run(bundle: Path, output: Path, minutes: float | None) -> tuple[int, str]:
    """The launcher's exit code and the last sentence it said; its lines appear as they come."""
    words = [sys.executable, "-u", str(bundle / LAUNCHER), "--sha256", SHA256]
    words += ["--output", str(output), "--work", str(WORK)]
    asked = {
        "--input": INPUT, "--minutes": minutes and f"{minutes:.3f}", "--folds": FOLDS,
        "--processes": PROCESSES,
    }  # fmt: skip
    words += [word for name, value in asked.items() if value for word in (name, str(value))]
    said = [""]
    with subprocess.Popen(
        words, cwd=WORKING, env=os.environ | {"DERMSTACK_INPUTS": str(INPUTS)}, text=True,
        errors="replace", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    ) as child:  # fmt: skip
        assert child.stdout is not None
        reader = threading.Thread(target=repeat, args=(child.stdout, said))
        reader.start()
        try:
            code = child.wait(minutes and 60 * minutes + PATIENCE)
        except subprocess.TimeoutExpired:  # a driver that hangs lets no process end itself
            print("The bundle's process does not end in time; it is ended.", flush=True)
            code = LESS
        finally:
            with suppress(ProcessLookupError):  # processes that outlive it would hold its memory
                os.killpg(child.pid, signal.SIGKILL)
            reader.join()
    return code, said[0]


def repeat(lines: IO[str], said: list[str]) -> None:
    """Each line again, and the launcher's own last sentence for an error."""
    for line in lines:
        print(line, end="", flush=True)
        if line.startswith("submit: "):
            said[0] = line.removeprefix("submit: ").strip()


def why(code: int) -> str:
    """How a process ended."""
    number = -code if code < 0 else code - 128
    if number <= 0:
        return f"The bundle's process ended with {code}"
    name = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
    hint = ", as where memory runs out" if number == signal.SIGKILL else ""
    return f"The bundle's process was stopped by {name}{hint}"
