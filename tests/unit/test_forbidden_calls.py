"""Check 133: what opens a kept or foreign file does so in one place, and nothing can run code.

Names are followed through imports (`from os import system as s`), and a name that is only handed
on (`map(eval, texts)`) counts as its call.
"""

import ast
from pathlib import Path

import pytest

from tests.unit.test_house import FILES, ROOT

# Whoever opens a kept or foreign file opens it here, and nowhere else.
OPENERS = {
    "h5py.File": "workspace/hdf5.py",
    "numpy.load": "workspace/files.py",
    "numpy.save": "workspace/files.py",
    "polars.read_parquet": "workspace/files.py",
    "polars.scan_parquet": "workspace/files.py",
    "safetensors.numpy.load": "workspace/files.py",
    "torch.load": "models/nets/installed.py",  # of a pinned hash, tensors alone
    "lightgbm.Booster": "stacking/boosters/lightgbm.py",
}
NOWHERE = {
    "eval", "exec", "compile", "__import__", "breakpoint",
    "json.load", "os.system", "os.popen", "os.startfile", "pty.spawn", "subprocess.getoutput",
    "subprocess.getstatusoutput", "asyncio.create_subprocess_shell", "code.interact",
    "numpy.fromregex", "numpy.DataSource", "numpy.lib.format.read_array",
    "pandas.read_pickle", "polars.DataFrame.deserialize", "polars.LazyFrame.deserialize",
    "polars.Expr.deserialize", "safetensors.torch.load_model",
    "torch.save", "torch.hub.load", "torch.jit.load", "torch.export.load", "torch.export.save",
    "torch.package.PackageImporter", "torch.serialization.add_safe_globals",
    "yaml.load", "yaml.load_all", "yaml.full_load", "yaml.unsafe_load", "yaml.unsafe_load_all",
    "shutil.unpack_archive", "tempfile.mktemp", "ssl._create_unverified_context",
}  # fmt: skip
# Whole modules: what they read may run code, or may do so in the next version.
MODULES = {
    "pickle", "_pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve",
    "skops", "jsonpickle", "telnetlib", "xmlrpc",
}  # fmt: skip
# A call and its own workers, through Ray or through SLURM's files, are the one exception.
MODULES_IN = {("pickle", "scripts/engines/packing.py")}
METHODS = {"extractall", "unpack_archive", "read_pickle", "to_pickle"}  # of whatever object
HARMLESS = {
    "shell": "False", "allow_pickle": "False", "trust_remote_code": "False", "verify": "True",
    "weights_only": "True",
}  # fmt: skip


def imports(tree):
    """By the name used here the whole name that it stands for."""
    known = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.partition(".")[0]
                known[alias.asname or first] = alias.name if alias.asname else first
        elif isinstance(node, ast.ImportFrom) and node.module:
            known |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
    return known


def whole_name(node, known):
    text = ast.unparse(node)
    first, dot, rest = text.partition(".")
    return known.get(first, first) + dot + rest


def faults(text, path=""):
    """What in this source may not be there."""
    tree = ast.parse(text)
    known = imports(tree)
    named = [whole.partition(".")[0] for whole in known.values()]
    calls = [
        f"import {name}" for name in named if name in MODULES and (name, path) not in MODULES_IN
    ]
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
            name = whole_name(node, known)
            if name in NOWHERE or OPENERS.get(name, path) != path:
                calls.append(name)
            if isinstance(node, ast.Attribute) and node.attr in METHODS:
                calls.append(node.attr)
        if isinstance(node, ast.Call):
            calls += [
                f"{word.arg}={ast.unparse(word.value)}"
                for word in node.keywords
                if word.arg in HARMLESS and ast.unparse(word.value) != HARMLESS[word.arg]
            ]
            if whole_name(node.func, known) == "torch.load" and "weights_only" not in {
                word.arg for word in node.keywords
            }:
                calls.append("torch.load without weights_only")
    return sorted(set(calls))


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_check_133_files_are_opened_in_one_place_and_nothing_can_run_code(path):
    assert faults(path.read_text(), path.relative_to(ROOT).as_posix()) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("eval('1')", ["eval"]),
        ("list(map(eval, texts))", ["eval"]),
        ("net.eval()", []),
        ("def compile(): ...", []),
        ("import re\nre.compile('a')", []),
        ("import os\nos.system('ls')", ["os.system"]),
        ("from os import system as s\ns('ls')", ["os.system"]),
        ("import os as o\nrun = o.popen", ["os.popen"]),
        ("import subprocess\nsubprocess.run('ls', shell=True)", ["shell=True"]),
        ("import subprocess\nsubprocess.run('ls', shell=1)", ["shell=1"]),
        ("import subprocess\nsubprocess.run(['ls'], shell=False)", []),
        ("import pickle", ["import pickle"]),
        ("from joblib import load", ["import joblib"]),
        ("import ray.cloudpickle", []),  # ray may be known to the fan-out alone
        ("import numpy as np\nnp.load('a.npy')", ["numpy.load"]),
        ("from numpy import load\nload('a.npy')", ["numpy.load"]),
        ("from workspace.files import npz\nnpz('a', allow_pickle=True)", ["allow_pickle=True"]),
        ("import h5py\nh5py.File('a')", ["h5py.File"]),
        ("import lightgbm as lgb\nlgb.Booster(model_file='a')", ["lightgbm.Booster"]),
        ("import requests\nrequests.get('a', verify=False)", ["verify=False"]),
        ("archive.extractall('a')", ["extractall"]),
        ("import yaml\nyaml.load(text)", ["yaml.load"]),
        ("import torch\ntorch.export.load('a.pt2')", ["torch.export.load"]),
    ],
)
def test_what_is_looked_for_is_seen(text, expected):
    assert faults(text, "features/build.py") == expected


def test_the_one_place_may_and_only_with_tensors_alone():
    text = "import torch\ntorch.load(path{})"
    there = "models/nets/installed.py"
    assert faults(text.format(", weights_only=True"), there) == []
    assert faults(text.format(", weights_only=False"), there) == ["weights_only=False"]
    assert faults(text.format(""), there) == ["torch.load without weights_only"]


def test_every_place_that_may_does():
    for name, place in OPENERS.items():
        tree = ast.parse((ROOT / place).read_text())
        known = imports(tree)
        names = {
            whole_name(node, known)
            for node in ast.walk(tree)
            if isinstance(node, ast.Name | ast.Attribute)
        }
        assert name in names, f"{name} is opened in {place} no longer"


def test_every_room_was_looked_into():
    assert {Path(path).relative_to(ROOT).parts[0] for path in FILES} >= {"workspace", "scripts"}
