"""Which code made a result: one hash of a function's own sources.

That is its module and whatever of this project its module imports, directly or not, but the ground
floor and the `Job`: how a result is kept does not change what is in it, nor does how a call is told
what to do, since a maker gets neither. Comments, docstrings and layout do not count, so a hash
that differs means code that differs.
"""

import ast
import hashlib
import os
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from workspace.hashing import HashMemory

REPOSITORY = Path(__file__).resolve().parent.parent
Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
GROUND = Path(__file__).resolve().parent.name
CALL = "pipeline.job"  # it imports every recipe section, and with them all rooms


def sources_of(function: Callable[..., object] | str, memory: HashMemory | None = None) -> str:
    """The hash of what `function` is made of; `memory` spares reading files again.

    One that is named, `"module:function"`, is not imported for that.
    """
    module = function.partition(":")[0] if isinstance(function, str) else function.__module__
    if module == "__main__":  # `python -m scripts.x`
        specification = getattr(sys.modules[module], "__spec__", None)
        module = specification.name if specification is not None else module
    return _once(module) if memory is None else _hash_of(module, memory)


@cache
def _once(module: str) -> str:
    """A process runs the sources that it was begun with."""
    return _hash_of(module, _users_cache())


@cache
def _users_cache() -> HashMemory:
    """One for all runs and clones of a user; where it cannot be written, files are read again."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dermstack"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return HashMemory()
    return HashMemory(folder / "sources.json" if os.access(folder, os.W_OK) else None)


def _hash_of(module: str, memory: HashMemory) -> str:
    seen: dict[str, str] = {}
    waiting = [module]
    with memory.saving_once():
        while waiting:
            name = waiting.pop()
            path = _path_of(name)
            if name in seen or path is None:
                continue
            digest, *imported = memory.remembered(path, "code", _code_of).split()
            seen[name] = digest
            waiting += imported
    lines = "".join(f"{name} {digest}\n" for name, digest in sorted(seen.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def _code_of(path: Path) -> str:
    """A digest of what a file does, then the names of the modules of ours that it imports."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, Documented):
            _drop_docstring(node)
    digest = hashlib.sha256(ast.dump(tree).encode()).hexdigest()
    return " ".join([digest, *sorted(set(_imports(tree)))])


def _drop_docstring(node: Documented) -> None:
    first = node.body[0] if node.body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        node.body = node.body[1:]


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            # What is imported may be a module or a name in one.
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        yield from (name for name in names if _path_of(name) is not None)


@cache
def _path_of(module: str) -> Path | None:
    """The file of a module of this project above the ground floor."""
    room, *inner = module.split(".")
    if room in (GROUND, "tests") or module == CALL:
        return None
    stem = REPOSITORY.joinpath(room, *inner)
    candidates = (stem.with_suffix(".py"), stem / "__init__.py")
    return next((path for path in candidates if path.is_file() and inner), None)
