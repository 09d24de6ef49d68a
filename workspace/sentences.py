"""What an error says but for what it names: a log is passed on, and a name may be a patient's.

The words are taken from the code that raised it. What was put into them (an id, a path, a value)
is never looked at, so that none can slip through; but for constants of the code, and another error
of ours that is said on in this one. A sentence that is put together from parts says itself what of
it is `public`.
"""

import ast
import re
import sys
from functools import lru_cache
from pathlib import Path

from workspace.errors import DermstackError

LEFT_OUT = "..."


def unnamed(error: DermstackError) -> str:
    """`12 patients (IP_1, ...) are odd; mend them.` as `... patients (...) are odd; mend them.`

    Only dots where the sentence was not written where it was raised.
    """
    if error.public:
        return error.public
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
    words = {**_constants(file), **_said_on(tree, error)}
    sentence = " ".join("".join(_known(part, words) for part in parts).split())
    return re.sub(r"(\.\.\.){2,}", LEFT_OUT, sentence)


def _is_at(call: ast.Call, line: int) -> bool:
    """Whether it makes an error on this line, be it of the kind of another."""
    there = call.lineno <= line <= (call.end_lineno or call.lineno)
    return there and ast.unparse(call.func).endswith(("Error", "type(error)"))


def _known(part: ast.expr, words: dict[str, str]) -> str:
    if isinstance(part, ast.Constant) and isinstance(part.value, str):
        return part.value
    value = part.value if isinstance(part, ast.FormattedValue) else part
    return words.get(value.id, LEFT_OUT) if isinstance(value, ast.Name) else LEFT_OUT


def _constants(file: str) -> dict[str, str]:
    """Words that the code keeps under a name in capitals."""
    there = (vars(one) for one in [*sys.modules.values()] if getattr(one, "__file__", "") == file)
    return {
        name: value
        for name, value in next(there, {}).items()
        if name.isupper() and isinstance(value, str)
    }


def _said_on(tree: ast.Module, error: DermstackError) -> dict[str, str]:
    """What the error that was being handled says itself, under the name that it has there."""
    if error.handled is None:
        return {}
    line = error.raised_at[1]
    names = [
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler) and node.name
        if node.lineno <= line <= (node.end_lineno or node.lineno)
    ]
    return dict.fromkeys(names, unnamed(error.handled))


@lru_cache
def _tree(file: str) -> ast.Module:
    return ast.parse(Path(file).read_text(encoding="utf-8"))
