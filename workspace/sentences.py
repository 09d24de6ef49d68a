"""What an error says but for what it names: a log is passed on, and a name may be a patient's.

The words are taken from the code that raised it. What was put into them (an id, a path, a value)
is never looked at, so that none can slip through.
"""

import ast
from functools import lru_cache
from pathlib import Path

from workspace.errors import DermstackError

LEFT_OUT = "..."


def unnamed(error: DermstackError) -> str:
    """`12 patients (IP_1, ...) are odd; mend them.` as `... patients (...) are odd; mend them.`

    Only dots where the sentence was not written where it was raised.
    """
    file, line = error.raised_at
    try:
        tree = _tree(file)
    except (OSError, SyntaxError, ValueError):  # no source here
        return LEFT_OUT
    calls = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and node.args and _is_at(node, line)
    ]
    if not calls:
        return LEFT_OUT
    said = max(calls, key=lambda call: (call.lineno, call.col_offset)).args[0]
    parts = said.values if isinstance(said, ast.JoinedStr) else [said]
    return " ".join("".join(_constant(part) for part in parts).split())


def _is_at(call: ast.Call, line: int) -> bool:
    """Whether it makes an error on this line."""
    there = call.lineno <= line <= (call.end_lineno or call.lineno)
    return there and ast.unparse(call.func).endswith("Error")


def _constant(part: ast.expr) -> str:
    return (
        part.value if isinstance(part, ast.Constant) and isinstance(part.value, str) else LEFT_OUT
    )


@lru_cache
def _tree(file: str) -> ast.Module:
    return ast.parse(Path(file).read_text(encoding="utf-8"))
