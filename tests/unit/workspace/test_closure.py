import pytest

from workspace.closure import closure_of

FILES = {
    "room/__init__.py": "",
    "room/entry.py": (
        "from typing import TYPE_CHECKING\n"
        "import json, numpy.linalg\n"
        "from room import inner\n"
        "from room.named import thing\n"
        "if TYPE_CHECKING:\n    from room import typed\n    import torch\n"
        "else:\n    h5py = LazyModule('h5py')\n"
        "MAKER = 'room.maker_8:Maker'\n"
        "def later():\n    import room.late\n    from scipy import stats\n"
    ),
    "room/inner.py": "special = LazyModule('room.lazy')\n",
    "room/named.py": "thing = 1\n",
    "room/lazy.py": "import polars as pl\n",
    "room/late.py": "",
    "room/maker_8.py": "",
    "room/typed.py": "",
    "room/stranger.py": "import sklearn\n",
}


@pytest.fixture
def tree(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_what_runs_is_followed_and_what_a_type_checker_reads_is_not(tree):
    closure = closure_of(["room.entry"], tree)
    assert [path.name for path in closure.files] == [
        "__init__.py", "entry.py", "inner.py", "late.py", "lazy.py", "maker_8.py", "named.py",
    ]  # fmt: skip
    assert closure.libraries == {"h5py", "numpy", "polars", "scipy"}
