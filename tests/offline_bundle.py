"""A bundle of a few lines of code, for tests of what checks a bundle and begins it."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from submissions.offline import submit

ENTRY = "code/pipeline/offline/entry.py"
ANEW = "copy the whole bundle anew."
# Says what it was asked, writes a CSV, and ends as the test wants.
ANSWER = """
import json
from pathlib import Path


def answer(asked):
    asked["output"].write_text("isic_id,target\\nISIC_1,0.5\\nISIC_2,0.25\\n")
    print("asked: " + json.dumps({key: str(value) for key, value in sorted(asked.items())}))
    return 0
"""


def fake_bundle(root, files=None, **facts):
    """The folder of a bundle with these files more; `relist` lists what lies there."""
    files = {
        ENTRY: ANSWER,
        "code/pipeline/__init__.py": "",
        "code/pipeline/offline/__init__.py": "",
        "run/weights.bin": "0123456789",
        **(files or {}),
    }
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    shutil.copy(submit.__file__, root / "submit.py")
    return relist(root, **facts)


def relist(root, **facts):
    """bundle.json anew, of every file that lies there."""
    paths = [path for path in sorted(root.rglob("*")) if path.is_file()]
    listed = {path.relative_to(root).as_posix(): fact(path) for path in paths}
    listed.pop("bundle.json", None)
    text = json.dumps({"version": 1, **facts, "files": listed})
    (root / "bundle.json").write_text(text)
    return root


def fact(path):
    data = path.read_bytes()
    return {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}


def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def call(bundle, *words, variables=None, begin=()):
    """The exit code, what was printed, and the sentence of a mistake."""
    out = bundle.parent / "out"
    out.mkdir(exist_ok=True)
    ended = subprocess.run(
        [sys.executable, *begin, bundle / "submit.py", *map(str, words)],
        cwd=out, env=environment() | (variables or {}), capture_output=True, text=True, check=False,
    )  # fmt: skip
    return ended.returncode, ended.stdout, ended.stderr


def environment():
    return {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "DERMSTACK"))}


def refused(bundle, *words):
    """The sentence, and nothing else was done."""
    code, out, error = call(bundle, *words)
    assert (code, out) == (2, "")
    assert os.listdir(bundle.parent / "out") == []
    start, end, sentence = error[:8], error[-1], error[8:-1]
    assert (start, end) == ("submit: ", "\n")
    assert "\n" not in sentence
    return sentence


def tampered(bundle, name):
    path = bundle / name
    path.write_bytes(path.read_bytes()[:-1] + b"#")


def mistake(function, *arguments):
    """The sentence, without a process."""
    with pytest.raises(submit.MistakeError) as error:
        function(*arguments)
    return str(error.value)
