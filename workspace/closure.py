"""What a module needs to be imported and run: this project's files, and the libraries by name.

Follows every import, also those inside functions, those put off (`LazyModule("scipy.special")`)
and makers by name (`"room.module:function"`); not those that only a type checker makes.
"""

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Closure:
    """Paths below the repository, with their packages' own files; libraries by top-level name."""

    files: tuple[Path, ...]
    libraries: frozenset[str]


def closure_of(modules: Iterable[str], root: Path = REPOSITORY) -> Closure:
    """Of these modules together."""
    waiting, libraries = list(modules), set[str]()
    files = dict[str, Path]()
    while waiting:
        name = waiting.pop()
        path = _path_of(name, root)
        if name in files or path is None:
            continue
        files[name] = path
        waiting += [name.rpartition(".")[0]] if "." in name else []
        for imported in imports_of(ast.parse(path.read_text(encoding="utf-8"))):
            if _path_of(imported.partition(".")[0], root) is not None:
                waiting.append(imported)
            else:
                libraries.add(imported.partition(".")[0])
    ours = sorted({path.relative_to(root) for path in files.values()})
    return Closure(tuple(ours), frozenset(libraries - set(sys.stdlib_module_names)))


def imports_of(tree: ast.AST) -> Iterator[str]:
    """Every module that the code may import as it runs; of `from a import b` both `a` and `a.b`."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            yield from imports_of(ast.Module(node.orelse, []))
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        else:
            yield from _named_in(node)
            yield from imports_of(node)


def _named_in(node: ast.AST) -> Iterator[str]:
    """Modules that are named by a text."""
    named = getattr(
        getattr(node, "func", None), "id", getattr(getattr(node, "func", None), "attr", "")
    )
    if isinstance(node, ast.Call) and named in ("LazyModule", "import_module"):
        yield from (str(one.value) for one in node.args if isinstance(one, ast.Constant))
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        maker = re.fullmatch(r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+):[A-Za-z_]\w*", node.value)
        if maker:
            yield maker[1]


def _path_of(module: str, root: Path) -> Path | None:
    """The file of a module of this project."""
    stem = root.joinpath(*module.split("."))
    candidates = (stem.with_suffix(".py"), stem / "__init__.py")
    return next((path for path in candidates if path.is_file()), None)
