"""Download what the image lacks: python get_wheels.py [--python 3.12] [--platform ...].

Lies in a bundle. Reads requirements.txt beside it, lets pip fetch the wheels with the hashes that
stand there, for the Python and platform where they will be used, and writes wheels/. The launcher
has it unpack them there. It needs pip and the standard library; exit code 2 is a mistake to mend.
"""

import os
import sys

ROOT = os.path.dirname(os.path.realpath(__file__))  # noqa: PTH120 - pathlib is not to be had yet
if __name__ == "__main__":
    # Python looks first beside the script that it runs, and nothing there is checked.
    sys.path[:] = [one for one in sys.path if os.path.realpath(one or os.curdir) != ROOT]

import argparse
import hashlib
import platform
import re
import shutil
import stat
import subprocess
import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

REQUIREMENTS, WHEELS = "requirements.txt", "wheels"
LIMIT = 10_000_000  # bytes of one wheel; what is larger belongs into an image
UNPACKED_LIMIT = 100_000_000  # bytes of one wheel's files
NEVER = re.compile(r"(torch|nvidia|triton)", re.IGNORECASE)  # fitted to the image's own driver


class WheelError(Exception):
    """What the person who called can mend, in one sentence."""


def main(words: Sequence[str] | None = None) -> int:
    """The whole call; its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--python", default="3.12", help="version of the Python there")
    parser.add_argument("--platform", default="manylinux_2_28_x86_64", help="its wheels' tag")
    asked = parser.parse_args(words)
    try:
        wheels = download(Path(ROOT), asked.python, asked.platform)
    except WheelError as error:
        print(f"get_wheels: {error}", file=sys.stderr)
        return 2
    print(f"get_wheels: {', '.join(wheels) or 'nothing'} in {WHEELS}")
    return 0


def download(root: Path, python: str, tag: str) -> list[str]:
    """Names of the wheels that are there now."""
    lines = (root / REQUIREMENTS).read_text(encoding="utf-8").splitlines()
    names = [line.partition("==")[0] for line in lines if "==" in line and line[:1].isalnum()]
    if never := [name for name in names if NEVER.match(name)]:
        raise WheelError(f"The image's own {', '.join(never)} is used; no wheel takes its place.")
    if not names:
        return []
    folder = root / WHEELS
    words = [sys.executable, "-m", "pip", "download", "--only-binary=:all:", "--no-deps"]
    words += ["--require-hashes", "--implementation", "cp", "--python-version", python]
    words += [word for one in tags(tag) for word in ("--platform", one)]
    words += ["-r", str(root / REQUIREMENTS), "-d", str(folder)]
    env = os.environ | {"PYTHONSAFEPATH": "1"}  # pip is not looked for in the working folder
    if subprocess.run(words, check=False, env=env).returncode != 0:
        wanted = f"{', '.join(names)} for {python} on {tag}"
        raise WheelError(f"pip got no wheel of {wanted}; its own words are above.")
    wheels = sorted(folder.glob("*.whl"))
    if large := [wheel for wheel in wheels if wheel.stat().st_size > LIMIT]:
        for wheel in large:
            wheel.unlink()
        raise WheelError(
            f"{', '.join(one.name for one in large)} is larger than {LIMIT // 1_000_000} MB and "
            "was removed; the image must bring it."
        )
    return [wheel.name for wheel in wheels]


def tags(tag: str) -> list[str]:
    """A platform and the older ones whose wheels run there too, which pip does not add itself."""
    parts = re.fullmatch(r"manylinux_2_(\d+)_(\w+)", tag, re.ASCII)
    if parts is None:
        return [tag]
    newest, processor = int(parts[1]), parts[2]
    older = [f"manylinux_2_{minor}_{processor}" for minor in range(newest, 4, -1)]
    return older + [f"manylinux2014_{processor}"] * (newest >= 17)  # its other name (PEP 600)


def unpack(root: Path, target: Path) -> list[Path]:
    """Folders to import from, since a library with compiled code cannot be from a wheel."""
    listed = root / REQUIREMENTS
    text = listed.read_text(encoding="utf-8") if listed.is_file() else ""
    hashes = set(re.findall(r"--hash=sha256:([0-9a-f]{64})", text))
    folders = []
    for wheel in sorted((root / WHEELS).glob("*.whl")):
        plain = stat.S_ISREG(wheel.lstat().st_mode) and wheel.stat().st_size <= LIMIT
        sha256 = hashlib.sha256(wheel.read_bytes()).hexdigest() if plain else ""
        if sha256 not in hashes:
            raise WheelError(
                f"{WHEELS}/{wheel.name} is no file that {REQUIREMENTS} has a hash of; remove it, "
                "or let get_wheels.py download the right one."
            )
        if fits(wheel.name):
            folders.append(unpack_one(wheel, target / sha256[:16]))
        else:
            print(f"submit: {WHEELS}/{wheel.name} is for another Python and not used", flush=True)
    return folders


def fits(wheel: str) -> bool:
    """Whether a wheel is for this Python and processor, by the tags in its name."""
    python, abi, system = wheel.removesuffix(".whl").split("-")[-3:]
    own = f"cp3{sys.version_info[1]}"
    of_python = bool({own, "py3"} & set(python.split("."))) and abi in (own, "abi3", "none")
    return of_python and (system == "any" or platform.machine() in system)


def unpack_one(wheel: Path, folder: Path) -> Path:
    """The folder with the wheel's files, written anew whatever lay there."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            files = [one for one in archive.infolist() if not one.is_dir()]
            odd = any(leads_out(one.filename) or is_link(one) for one in files)
            if odd or sum(one.file_size for one in files) > UNPACKED_LIMIT:
                raise WheelError(f"{WHEELS}/{wheel.name} holds what no wheel does; remove it.")
            if folder.exists():
                shutil.rmtree(folder)
            for one in files:
                path = folder / one.filename
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(archive.read(one))
    except (OSError, zipfile.BadZipFile) as error:
        raise WheelError(
            f"{WHEELS}/{wheel.name} cannot be unpacked ({error}); see that the folder of --work "
            "can be written."
        ) from error
    return folder


def leads_out(name: str) -> bool:
    """Whether a name in an archive is no path below its folder."""
    path = PurePosixPath(name)
    return path.is_absolute() or ".." in path.parts or "\\" in name


def is_link(file: zipfile.ZipInfo) -> bool:
    """Whether an archive wants a link there."""
    return stat.S_ISLNK(file.external_attr >> 16)


if __name__ == "__main__":
    sys.exit(main())
