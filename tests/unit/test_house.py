"""The house rules that a linter does not know."""

import ast
import importlib
import re
import sysconfig
import tomllib
from importlib.metadata import distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
ROOMS = (
    "features", "folds", "metrics", "models", "pipeline", "reports", "scripts", "stacking",
    "submissions", "synthetic", "workspace",
)  # fmt: skip
FILES = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]

LOCKED = ("dev", "boosters", "cluster", "postgres")  # extras; the others are a user's own
BOOSTERS = {"catboost", "lightgbm", "xgboost"}  # libraries, each behind a file of its name


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_that_is_imported_lies_in_this_repository(room):
    module = importlib.import_module(room)
    assert Path(module.__file__).is_relative_to(ROOT)
    assert module.__doc__


def test_the_package_list_is_the_folder_listing():
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    found = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for room in ROOMS
        for path in (ROOT / room).rglob("__init__.py")
    }
    assert set(listed) == found


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_booster_s_library_is_known_to_its_own_file_alone(path):
    for node in ast.walk(ast.parse(path.read_text())):
        names = [node.module] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        for name in names:
            library = (name or "").partition(".")[0]
            if library in BOOSTERS:
                assert path == ROOT / "stacking" / "boosters" / f"{library}.py"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_files_are_of_a_size_to_be_read(path):
    assert len(path.read_text().splitlines()) <= 400


def test_no_room_is_a_drawer_for_odds_and_ends():
    assert not {path.stem for path in FILES} & {"utils", "common", "helpers", "misc"}


def pins():
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    return [Requirement(line.rstrip(" \\")) for line in lines if line[:1].isalnum()]


def version_of(pin):
    return str(pin.specifier).removeprefix("==")


def test_the_lock_is_made_with_the_extras_that_the_tests_need():
    made = re.findall(r"--extra (\w+)", (ROOT / "Makefile").read_text())
    assert set(made) == set(LOCKED)


def test_check_142_what_is_installed_is_what_the_lock_says():
    """A lock that was changed and not installed fails here; more than it may be there."""
    # Its own folder alone: setuptools, once imported, puts copies of others on the path.
    installed = distributions(path=[sysconfig.get_path("purelib"), sysconfig.get_path("platlib")])
    here = {canonicalize_name(one.name): one.version for one in installed}
    wanted = {
        pin.name: version_of(pin) for pin in pins() if pin.marker is None or pin.marker.evaluate()
    }
    assert {name: here.get(name) for name in wanted} == wanted


def test_check_142_the_lock_holds_what_the_project_asks_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    asked = [*project["dependencies"], *(wish for extra in LOCKED for wish in extras[extra])]
    locked = {(pin.name, version_of(pin)) for pin in pins()}
    for wish in map(Requirement, asked):
        versions = [version for name, version in locked if name == wish.name]
        assert versions, f"{wish.name} is not in the lock; run 'make lock'"
        assert all(version in wish.specifier for version in versions), f"{wish} against {versions}"


def test_the_lock_pins_every_package_with_hashes():
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith((" ", "#"))]
    assert all("==" in pin and pin.endswith("\\") for pin in pins)
    assert not [line for line in lines if "://" in line]
    torch = next(pin for pin in pins if pin.startswith("torch=="))
    assert tuple(int(part) for part in torch[7:].split()[0].split(".")[:2]) >= (2, 10)


def named(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.ImportFrom):
            yield from (alias.name for alias in node.names)


def imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_torch_by_another_name_stays_in_its_rooms(path):
    """What the import contracts cannot say: a part of a package that others may use."""
    room = path.relative_to(ROOT).parts[0]
    if room not in ("models", "pipeline", "scripts"):
        assert not [name for name in imported(path) if name.startswith("safetensors.torch")]


def test_the_cores_are_asked_for_in_one_place():
    """Affinity, a container's quota, JOBS and OMP_NUM_THREADS all have a say."""
    asking = [path for path in FILES if {"cpu_count", "sched_getaffinity"} & set(named(path))]
    assert asking == [ROOT / "workspace" / "machine.py"]


def test_scikit_learn_is_imported_where_it_is_used():
    """With SciPy's statistics it takes longer than whoever only asks a network has to wait."""
    for path in FILES:
        at_once = [ast.unparse(node) for node in ast.parse(path.read_text()).body]
        assert not [line for line in at_once if line.startswith(("import sklearn", "from sklearn"))]


def test_only_the_engines_know_an_engine():
    engines = ("concurrent.futures.process", "concurrent.futures.ProcessPool", "multiprocessing")
    for path in FILES:
        found = [name for name in imported(path) if name.startswith((*engines, "ray", "submitit"))]
        beside = path.name in ("loader.py", "ranks.py", "assistant.py")
        known = path.parent == ROOT / "scripts" / "engines" or beside
        assert not found or known, f"{found} in {path}"
        choosing = [name for name in imported(path) if name.startswith("scripts.engines")]
        assert not choosing or known or path.name == "fanout.py", f"{choosing} in {path}"


def test_ray_and_submitit_are_imported_only_when_they_are_chosen():
    for path in FILES:
        at_once = [ast.unparse(node) for node in ast.parse(path.read_text()).body]
        wanted = ("import ray", "from ray", "import submitit", "from submitit")
        assert not [line for line in at_once if line.startswith(wanted)], path
