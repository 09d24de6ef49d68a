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
from tests.offline_bundle import ENTRY, fake_bundle, relist, sha256_of

ANEW = "copy the whole bundle anew."
MARK = "import pathlib; pathlib.Path({!r}).touch()\n"


@pytest.fixture
def bundle(tmp_path):
    return fake_bundle(tmp_path / "bundle")


@pytest.fixture
def data(tmp_path):
    """A competition's folder."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "test-metadata.csv").write_text("isic_id\n")
    return folder


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


def mistake(function, *arguments):
    """The sentence, without a process."""
    with pytest.raises(submit.MistakeError) as error:
        function(*arguments)
    return str(error.value)


# What was checked, and before anything else


def tampered(bundle, name):
    path = bundle / name
    path.write_bytes(path.read_bytes()[:-1] + b"#")


@pytest.mark.parametrize("name", ["run/weights.bin", ENTRY, "submit.py"])
def test_a_changed_byte_is_refused_before_anything_is_imported(bundle, data, name, tmp_path):
    mark = tmp_path / "imported"
    (bundle / "code/pipeline/__init__.py").write_text(MARK.format(str(mark)))
    relist(bundle)
    assert call(bundle, "--input", data)[0] == 0
    assert mark.exists()
    mark.unlink()
    (tmp_path / "out" / "submission.csv").unlink()
    tampered(bundle, name)
    assert refused(bundle, "--input", data) == (
        f"Of the bundle's files 1 have another hash, by bundle.json ({name}); {ANEW}"
    )
    assert not mark.exists()


def linked_file(bundle):
    (bundle / "run/weights.bin").rename(bundle / "elsewhere.bin")
    (bundle / "run/weights.bin").symlink_to(bundle / "elsewhere.bin")


def linked_folder(bundle):
    (bundle / "code/pipeline/offline").rename(bundle / "offline")
    (bundle / "code/pipeline/offline").symlink_to(bundle / "offline")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda b: (b / "run/weights.bin").write_text("12345678901"),
            "1 have another size, by bundle.json (run/weights.bin)",
        ),
        (lambda b: (b / ENTRY).unlink(), f"1 are missing, by bundle.json ({ENTRY})"),
        (
            lambda b: (b / "code/numpy.py").touch(),
            "1 are not listed there, by bundle.json (code/numpy.py)",
        ),
        (
            lambda b: [(b / f"run/{n}\n").touch() for n in range(7)],
            "7 are not listed there, by bundle.json (run/0\\n, run/1\\n, run/2\\n, run/3\\n, "
            "run/4\\n (+2 more))",
        ),
        (linked_file, "1 are links or no plain files, by bundle.json (run/weights.bin)"),
        (
            linked_folder,
            "3 are links or no plain files, by bundle.json (code/pipeline/offline, "
            "code/pipeline/offline/__init__.py, code/pipeline/offline/entry.py)",
        ),
        (
            lambda b: (b / "code/__pycache__").symlink_to(b.parent),
            "1 are links or no plain files, by bundle.json (code/__pycache__)",
        ),
        (
            lambda b: (b / "code/simplejpeg").mkdir(),
            "1 are links or no plain files, by bundle.json (code/simplejpeg)",
        ),
        (
            lambda b: os.mkfifo(b / "run/pipe"),
            "1 are links or no plain files, by bundle.json (run/pipe)",
        ),
    ],
)
def test_any_other_file_than_those_listed_is_refused(bundle, data, change, said):
    change(bundle)
    assert refused(bundle, "--input", data) == f"Of the bundle's files {said}; {ANEW}"


def test_a_list_that_is_not_the_one_asked_for_is_refused(bundle, data):
    sha256 = sha256_of(bundle / "bundle.json")
    assert call(bundle, "--input", data, "--sha256", sha256.upper())[0] == 0
    (bundle.parent / "out" / "submission.csv").unlink()
    tampered(bundle, "run/weights.bin")
    relist(bundle)  # by somebody who knows how
    assert refused(bundle, "--input", data, "--sha256", sha256) == (
        "bundle.json is not the one that --sha256 stands for; take the notebook and the bundle "
        "that were made together."
    )


DAMAGED = f"bundle.json is damaged; {ANEW}"
FORM = f"bundle.json lists files in another form; {ANEW}"
OTHER = (
    "bundle.json is not of version 1, the only one that this submit.py reads; take the two that "
    "were made together."
)
ZEROS = {"sha256": "0" * 64, "size": 0}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"version": 1, "files": {}, "files": {}}', DAMAGED),
        ('{"version": 1, "files": {"a": {"size": 1, "size": 2}}}', DAMAGED),
        ("{", DAMAGED),
        ("\ud800", DAMAGED),
        ("[" * 100_000, DAMAGED),
        ('{"version": 2}', OTHER),
        ("[]", OTHER),
        ('{"version": 1}', FORM),
        ('{"version": 1, "files": {"a": {"sha256": "0", "size": 1}}}', FORM),
        ('{"version": 1, "files": {"a": {"sha256": "' + "0" * 64 + '"}}}', FORM),
        ('{"version": 1, "files": {}}', "bundle.json lists no code; make the bundle anew."),
    ],
)
def test_a_list_of_another_form_is_refused(bundle, text, sentence):
    (bundle / "bundle.json").write_bytes(text.encode(errors="surrogatepass"))
    assert mistake(submit.check, bundle, None) == sentence


@pytest.mark.parametrize(
    "name",
    [
        "../data/test-metadata.csv", "/etc/hosts", "code/../../a", "code\\a.py", "c:a", "./a",
        "a//b", "a/", "", ".", "a\nb", "bundle.json",
    ],
)  # fmt: skip
def test_a_path_that_leads_out_is_refused(bundle, name):
    listed = json.loads((bundle / "bundle.json").read_text())
    listed["files"][name] = ZEROS
    (bundle / "bundle.json").write_text(json.dumps(listed))
    assert mistake(submit.check, bundle, None) == (
        f"bundle.json lists what is no path within the bundle ({submit.shown(name)}); do not use "
        "this bundle."
    )


def test_without_a_list_and_with_an_endless_one_nothing_is_read(bundle, data):
    sentence = f"No file bundle.json of at most 50 MB lies beside submit.py; {ANEW}"
    with (bundle / "bundle.json").open("r+b") as stream:
        stream.truncate(50_000_001)
    assert refused(bundle, "--input", data) == sentence
    (bundle / "bundle.json").unlink()
    assert refused(bundle, "--input", data) == sentence
    (bundle / "bundle.json").symlink_to("/dev/zero")
    assert refused(bundle, "--input", data) == sentence


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
        "--input.\n",
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
