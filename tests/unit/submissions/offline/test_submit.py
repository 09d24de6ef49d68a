"""The launcher as a person begins it: a process of its own, from another folder."""

import ast
import json
import os
import py_compile
import subprocess
import sys
from pathlib import Path

import pytest

from submissions.offline import submit
from tests.offline_bundle import (
    ENTRY,
    call,
    environment,
    mistake,
    refused,
    relist,
    sha256_of,
)

MARK = "import pathlib; pathlib.Path({!r}).touch()\n"


def test_it_asks_the_bundle_from_any_folder_and_ends_as_that_ends(bundle, data, tmp_path):
    code, out, error = call(bundle, "--input", data, "--minutes", "1.5", "--folds", "1,0")
    assert (code, error) == (0, "")
    asked = json.loads(out.removeprefix("asked: "))
    assert float(asked.pop("started")) >= 0
    assert asked == {
        "bundle": str(bundle),
        "device": "auto",
        "folds": "(0, 1)",
        "input": str(data),
        "minutes": "1.5",
        "output": str(tmp_path / "out" / "submission.csv"),
        "processes": "None",
        "work": str(tmp_path / "out" / "dermstack_work"),
    }


@pytest.mark.parametrize("code", [0, 2, 3, 130, 143])
def test_it_ends_as_the_bundle_s_code_does(bundle, data, code):
    (bundle / ENTRY).write_text(f"def answer(asked):\n    return {code}\n")
    assert call(relist(bundle), "--input", data)[0] == code


def test_a_bundle_has_minutes_of_its_own(bundle, data):
    relist(bundle, minutes=540)
    assert '"minutes": "540"' in call(bundle, "--input", data)[1]
    assert '"minutes": "7.0"' in call(bundle, "--input", data, "--minutes", "7")[1]


def test_a_mistake_of_the_bundle_s_own_code_keeps_its_traceback(bundle, data):
    (bundle / ENTRY).write_text("import pipeline.lost\n")
    code, _, error = call(relist(bundle), "--input", data)
    assert code == 1
    assert "No module named 'pipeline.lost'" in error


def test_a_library_that_is_not_there_is_named(bundle, data):
    (bundle / ENTRY).write_text("import a_library_of_tomorrow\n")
    assert refused(relist(bundle), "--input", data) == (
        "This Python has no a_library_of_tomorrow; install it, or run submit.py where README.md's "
        "libraries are."
    )


# What was checked, and before anything else


@pytest.mark.parametrize("name", ["json", "argparse", "os"])
def test_nothing_that_lies_beside_the_launcher_is_imported(bundle, data, tmp_path, name):
    """Python itself would look there first."""
    mark = tmp_path / "imported"
    (bundle / f"{name}.py").write_text(MARK.format(str(mark)))
    code, _, error = call(bundle, "--input", data)
    assert (code, error) == (0, "")
    assert not mark.exists()


def test_nor_where_somebody_put_that_folder_on_python_s_path(bundle, data, tmp_path):
    mark = tmp_path / "imported"
    (bundle / "json.py").write_text(MARK.format(str(mark)))
    for begin, path in (((), str(bundle)), (("-P",), str(bundle))):
        variables = {"PYTHONPATH": path}
        assert call(bundle, "--input", data, variables=variables, begin=begin)[0] == 0
        assert not mark.exists()


def test_bytecode_beside_the_code_is_never_read_and_none_is_written(bundle, data):
    """By a cache that fits its source's time and size to the bit."""
    source = bundle / ENTRY
    text = source.read_text()
    source.write_text(text.replace("asked: ", "tampr: "))
    at = (1_700_000_000, 1_700_000_000)
    os.utime(source, at)
    subprocess.run([sys.executable, "-m", "py_compile", source], check=True, env=environment())
    source.write_text(text)
    os.utime(source, at)
    relist(bundle)
    assert list(bundle.rglob("*.pyc"))
    before = sorted(bundle.rglob("*"))
    code, out, _ = call(bundle, "--input", data)
    assert (code, out[:7]) == (0, "asked: ")
    assert sorted(bundle.rglob("*")) == before


CHILDREN = """
import multiprocessing
import sys
from pathlib import Path


def say(_):
    import pipeline
    from pipeline import late  # not before

    return late.WORD, getattr(pipeline, "WORD", "checked")


def answer(asked):
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        print(pool.map(say, [0]), sys.flags.safe_path)
    return 0
"""


def test_a_process_that_is_begun_from_there_reads_sources_alone_too(bundle, data):
    (bundle / ENTRY).write_text(CHILDREN)
    # Of the package itself, which a spawned process looks for before the launcher is its main.
    package = bundle / "code/pipeline/__init__.py"
    package.write_text("WORD = 'planted'\n")
    py_compile.compile(package, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    package.write_text("")
    late = bundle / "code/pipeline/late.py"
    at = (1_700_000_000, 1_700_000_000)
    for word in ("planted", "checked"):
        late.write_text(f"WORD = {word!r}\n")
        os.utime(late, at)
        if word == "planted":
            subprocess.run(
                [sys.executable, "-m", "py_compile", late], check=True, env=environment()
            )
    relist(bundle)
    code, out, error = call(bundle, "--input", data)
    assert (code, out, error) == (0, "[('checked', 'checked')] False\n", "")


def test_a_long_check_says_how_far_it_is(tmp_path, capsys):
    path = tmp_path / "weights.bin"
    path.write_bytes(bytes(3 << 20))
    assert submit.hash_of_file(path, submit.Progress(4 << 20, every=0.0)) == sha256_of(path)
    assert capsys.readouterr().out.splitlines() == [
        f"submit: checked {done} of 0.00 GB of the bundle" for done in ("0.00",) * 3
    ]
    submit.hash_of_file(path, submit.Progress(4 << 20))
    assert capsys.readouterr().out == ""


# What is asked


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--ouput", "a.csv"], "submit.py knows no --ouput; did you mean --output?"),
        (["--out=a.csv"], "submit.py knows no --out; did you mean --output?"),
        (["data"], "submit.py knows no data; see --help."),
        (["--input"], "argument --input: expected one argument; see --help."),
        (["--folds", "0,,1"], "--folds takes folds such as 0,1, not 0,,1."),
        (["--folds", "\u0663"], "--folds takes folds such as 0,1, not \u0663."),
        (["--minutes", "0.0"], "--minutes takes a number above 0, not 0.0."),
        (["--minutes", "nan"], "--minutes takes a number above 0, not nan."),
        (["--device", "tpu"], "--device takes auto, cpu or cuda, not tpu."),
        (["--processes", "0"], "--processes takes a number from 1 on, not 0."),
        (["--sha256", "abc"], "--sha256 takes 64 hexadecimal digits, not abc."),
    ],
)
def test_a_word_that_is_none_is_refused(words, sentence):
    assert mistake(submit.parser().parse_args, words) == sentence


def test_its_sentence_comes_before_all_else(bundle):
    assert refused(bundle, "--ouput", "a.csv").endswith("did you mean --output?")


def test_folders_that_cannot_be_are_named(bundle, data, tmp_path):
    assert refused(bundle, "--input", tmp_path / "no") == (
        f"There is no folder {tmp_path / 'no'}; see --input."
    )
    assert refused(bundle, "--input", data, "--output", "no/a.csv") == (
        f"{tmp_path / 'out/no/a.csv'} is a folder or lies in none; name a file with --output."
    )
    for word, path in (("output", "code/a.csv"), ("work", "run/work")):
        assert refused(bundle, "--input", data, f"--{word}", bundle / path) == (
            f"--{word} lies in the bundle's code or run; name a place outside them."
        )


def test_the_competition_s_folder_is_looked_for(bundle, tmp_path):
    inputs = tmp_path / "inputs"
    variables = {"DERMSTACK_INPUTS": str(inputs)}
    none = (
        f"submit: No folder below {inputs} holds test-metadata.csv; add the competition's data to "
        "the notebook, or name a folder with --input.\n"
    )
    assert call(bundle, variables=variables) == (2, "", none)
    for deep, expected in (("a/b/c/d/e", 2), ("a/b/c/d", 0)):
        (inputs / deep).mkdir(parents=True, exist_ok=True)
        (inputs / deep / "test-metadata.csv").touch()
        assert call(bundle, variables=variables)[0] == expected
    away = tmp_path / "away"
    away.mkdir()
    (away / "test-metadata.csv").touch()
    (inputs / "away").symlink_to(away)
    (inputs / "b").mkdir()
    (inputs / "b" / "test-metadata.csv").symlink_to(away / "test-metadata.csv")
    code, out, _ = call(bundle, variables=variables)
    assert code == 0
    assert f'"input": "{inputs}/a/b/c/d"' in out
    (inputs / "c").mkdir()
    (inputs / "c" / "test-metadata.csv").touch()
    assert call(bundle, variables=variables) == (
        2,
        "",
        f"submit: 2 folders below {inputs} hold test-metadata.csv "
        f"({submit.shown(f'{inputs}/a/b/c/d')}, {submit.shown(f'{inputs}/c')}); name one with "
        "--input, or INPUT in the notebook.\n",
    )


# Older Pythons


def test_an_older_python_says_so_in_one_sentence(bundle, data):
    """Its parser is asked, and what it would run first is run."""
    text = Path(submit.__file__).read_text()
    head = ast.get_source_segment(text, ast.parse(text).body[2])
    assert head.startswith("if sys.version_info < (3, 11)")
    ast.parse(text, feature_version=(3, 8))
    older = "import sys, runpy; sys.version_info = (3, 10, 1); runpy.run_path(sys.argv[1])"
    ended = subprocess.run(
        [sys.executable, "-c", older, bundle / "submit.py"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stdout, ended.stderr) == (
        2,
        "",
        "submit: Python 3.11 to 3.13 is needed and this is 3.10; run submit.py by another one.\n",
    )
