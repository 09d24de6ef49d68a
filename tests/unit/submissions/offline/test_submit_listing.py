"""What the launcher checks before it imports a line: the listing, and every file by it."""

import json
import os

import pytest

from submissions.offline import submit
from tests.offline_bundle import ANEW, ENTRY, call, mistake, refused, relist, sha256_of, tampered

MARK = "import pathlib; pathlib.Path({!r}).touch()\n"


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
FORM = f"bundle.json has another form; {ANEW}"
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
        ('{"version": 1, "files": {}, "minutes": "abc"}', FORM),
        ('{"version": 1, "files": {}, "minutes": 1e999}', FORM),
        ('{"version": 1, "files": {}, "minutes": 0}', FORM),
        ('{"version": 1, "files": {}, "minutes": true}', FORM),
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
