"""The helper that downloads wheels and unpacks them, with pip and a folder in place of an index."""

import hashlib
import os
import platform
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from submissions.offline import get_wheels
from submissions.offline.get_wheels import WheelError, fits, tags, unpack
from submissions.offline.wheels import requirements
from tests.offline_bundle import ENTRY, fake_bundle
from tests.unit.test_house import ROOT

OWN = f"cp3{sys.version_info[1]}"
NAME = "tiny-1.0-py3-none-any.whl"
METADATA = "Metadata-Version: 2.1\nName: {}\nVersion: 1.0\n"


def wheel(folder, name=NAME, files=None):
    """A wheel of these files; its hash."""
    folder.mkdir(parents=True, exist_ok=True)
    library = name.split("-")[0]
    entries = {
        f"{library}.py": "WORD = 'of the wheel'\n",
        f"{library}-1.0.dist-info/METADATA": METADATA.format(library),
        f"{library}-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n",
        f"{library}-1.0.dist-info/RECORD": "",
    } | (files or {})
    with zipfile.ZipFile(folder / name, "w") as archive:
        for path, text in entries.items():
            archive.writestr(path, text)
    return hashlib.sha256((folder / name).read_bytes()).hexdigest()


def wish(root, *hashes, name="tiny"):
    root.mkdir(parents=True, exist_ok=True)
    lines = "".join(f" \\\n    --hash=sha256:{one}" for one in hashes)
    (root / "requirements.txt").write_text(f"# lacking\n{name}==1.0{lines}\n")


def download(root, index, *words):
    """Code and sentence of the script as it lies in a bundle."""
    shutil.copy(get_wheels.__file__, root)
    variables = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(index), "PIP_CONFIG_FILE": os.devnull}
    ended = subprocess.run(
        [sys.executable, root / "get_wheels.py", *words],
        cwd=root, env=os.environ | variables, capture_output=True, text=True, check=False,
    )  # fmt: skip
    last = (ended.stderr if ended.returncode else ended.stdout).splitlines()[-1]
    return ended.returncode, last


def test_it_downloads_what_is_asked_for_by_its_hash(tmp_path):
    root, index = tmp_path / "bundle", tmp_path / "index"
    wish(root, wheel(index))
    assert download(root, index) == (0, f"get_wheels: {NAME} in wheels")
    assert (root / "wheels" / NAME).read_bytes() == (index / NAME).read_bytes()


def test_it_downloads_for_the_python_and_platform_there(tmp_path):
    root, index = tmp_path / "bundle", tmp_path / "index"
    names = [f"tiny-1.0-cp3{n}-cp3{n}-manylinux_2_17_x86_64.whl" for n in (12, 13)]
    wish(root, *(wheel(index, name) for name in names))
    assert download(root, index) == (0, f"get_wheels: {names[0]} in wheels")
    shutil.rmtree(root / "wheels")
    assert download(root, index, "--python", "3.13")[1] == f"get_wheels: {names[1]} in wheels"
    assert download(root, index, "--platform", "manylinux_2_16_x86_64") == (
        2,
        "get_wheels: pip got no wheel of tiny for 3.12 on manylinux_2_16_x86_64; its own words are "
        "above.",
    )


def test_a_wheel_of_another_hash_is_not_downloaded(tmp_path):
    root, index = tmp_path / "bundle", tmp_path / "index"
    wheel(index)
    wish(root, "0" * 64)
    code, said = download(root, index)
    assert (code, said.partition(" for ")[0]) == (2, "get_wheels: pip got no wheel of tiny")
    assert not (root / "wheels" / NAME).exists()


def test_torch_is_the_image_s_own(tmp_path):
    wish(tmp_path, "0" * 64, name="torch")
    assert download(tmp_path, tmp_path) == (
        2,
        "get_wheels: The image's own torch is used; no wheel takes its place.",
    )


def test_a_large_wheel_is_removed_again(tmp_path):
    root, index = tmp_path / "bundle", tmp_path / "index"
    wish(root, wheel(index, files={"tiny.bin": bytes(10_000_000)}))
    assert download(root, index) == (
        2,
        f"get_wheels: {NAME} is larger than 10 MB and was removed; the image must bring it.",
    )
    assert list((root / "wheels").iterdir()) == []


def test_where_nothing_is_lacking_nothing_is_downloaded(tmp_path):
    (tmp_path / "requirements.txt").write_text(requirements(["numpy"], ""))
    assert download(tmp_path, tmp_path) == (0, "get_wheels: nothing in wheels")


def test_nothing_that_lies_beside_it_is_imported(tmp_path):
    root, index = tmp_path / "bundle", tmp_path / "index"
    wish(root, wheel(index))
    for name in ("pip", "argparse", "zipfile"):
        (root / f"{name}.py").write_text("raise SystemExit('planted')\n")
    assert download(root, index)[0] == 0


def test_the_project_s_lock_has_what_is_lacking():
    text = requirements(["simplejpeg"], (ROOT / "requirements.lock").read_text())
    assert "\nsimplejpeg==" in text
    assert text.count("--hash=sha256:") > 10


@pytest.mark.parametrize(
    ("tag", "first", "last", "count"),
    [
        ("manylinux_2_28_x86_64", "manylinux_2_28_x86_64", "manylinux2014_x86_64", 25),
        ("manylinux_2_6_aarch64", "manylinux_2_6_aarch64", "manylinux_2_5_aarch64", 2),
        ("macosx_14_0_arm64", "macosx_14_0_arm64", "macosx_14_0_arm64", 1),
    ],
)
def test_older_platforms_wheels_are_taken_too(tag, first, last, count):
    every = tags(tag)
    assert (every[0], every[-1], len(every)) == (first, last, count)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("py3-none-any", True),
        ("py2.py3-none-any", True),
        (f"{OWN}-{OWN}-manylinux_2_17_{platform.machine()}", True),
        (f"{OWN}-abi3-manylinux_2_17_{platform.machine()}", True),
        (f"{OWN}-{OWN}-manylinux_2_17_riscv64", False),
        (f"{OWN}-{OWN}t-manylinux_2_17_{platform.machine()}", False),
        (f"cp310-cp310-manylinux_2_17_{platform.machine()}", False),
    ],
)
def test_a_wheel_fits_by_its_tags(name, expected):
    assert fits(f"tiny-1.0-{name}.whl") is expected


def test_a_wheel_is_unpacked_anew_whatever_lay_there(tmp_path):
    wish(tmp_path, wheel(tmp_path / "wheels"))
    [folder] = unpack(tmp_path, tmp_path / "work")
    assert (folder / "tiny.py").read_text() == "WORD = 'of the wheel'\n"
    (folder / "tiny.py").write_text("planted")
    (folder / "more.py").write_text("planted")
    assert unpack(tmp_path, tmp_path / "work") == [folder]
    assert (folder / "tiny.py").read_text() == "WORD = 'of the wheel'\n"
    assert not (folder / "more.py").exists()


def test_a_wheel_for_another_python_is_left_aside(tmp_path, capsys):
    name = "tiny-1.0-cp310-cp310-linux_x86_64.whl"
    wish(tmp_path, wheel(tmp_path / "wheels", name))
    assert unpack(tmp_path, tmp_path / "work") == []
    assert capsys.readouterr().out == (
        f"submit: wheels/{name} is for another Python and not used\n"
    )


def link(archive_name):
    info = zipfile.ZipInfo(archive_name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


@pytest.mark.parametrize(
    "files",
    [
        {"../out.py": ""}, {"/out.py": ""}, {"a\\..\\b": ""}, {link("out.py"): "/etc/passwd"},
        {"bomb": bytes(100_000_001)},
    ],
    ids=["above", "absolute", "backslash", "link", "bomb"],
)  # fmt: skip
def test_a_wheel_that_holds_what_none_does_is_refused(tmp_path, files):
    with zipfile.ZipFile(tmp_path / NAME, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    (tmp_path / "wheels").mkdir()
    (tmp_path / NAME).rename(tmp_path / "wheels" / NAME)
    wish(tmp_path, hashlib.sha256((tmp_path / "wheels" / NAME).read_bytes()).hexdigest())
    with pytest.raises(WheelError) as error:
        unpack(tmp_path, tmp_path / "work")
    assert str(error.value) == f"wheels/{NAME} holds what no wheel does; remove it."
    assert not (tmp_path / "work").exists()


def test_a_damaged_wheel_is_said_to_be(tmp_path):
    (tmp_path / "wheels").mkdir()
    (tmp_path / "wheels" / NAME).write_bytes(b"no archive")
    wish(tmp_path, hashlib.sha256(b"no archive").hexdigest())
    with pytest.raises(WheelError) as error:
        unpack(tmp_path, tmp_path / "work")
    assert str(error.value) == (
        f"wheels/{NAME} cannot be unpacked (File is not a zip file); see that the folder of --work "
        "can be written."
    )


# In a bundle

WHAT = """
import {library}


def answer(asked):
    print({library}.WORD)
    return 0
"""


def submit(bundle, tmp_path):
    (tmp_path / "data").mkdir(exist_ok=True)
    ended = subprocess.run(
        [sys.executable, bundle / "submit.py", "--input", tmp_path / "data"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return ended.returncode, ended.stdout, ended.stderr


def bundle_with(tmp_path, hashes, library="tiny"):
    """The wheels come later, so that bundle.json does not know them."""
    wish(tmp_path, *hashes)
    return fake_bundle(
        tmp_path / "bundle",
        {
            ENTRY: WHAT.format(library=library),
            "get_wheels.py": Path(get_wheels.__file__).read_text(),
            "requirements.txt": (tmp_path / "requirements.txt").read_text(),
        },
    )


def test_the_launcher_takes_wheels_by_hash_and_the_image_s_own_libraries_first(tmp_path):
    json = "json-1.0-py3-none-any.whl"  # as Python has one
    wheels = tmp_path / "wheels"
    hashes = [wheel(wheels), wheel(wheels, json, {"json.py": "WORD = 'of the wheel'\n"})]
    bundle = bundle_with(tmp_path, hashes)
    shutil.copytree(wheels, bundle / "wheels")
    assert submit(bundle, tmp_path) == (0, "of the wheel\n", "")
    shutil.rmtree(bundle)
    bundle = bundle_with(tmp_path, hashes, "json")
    shutil.copytree(wheels, bundle / "wheels")
    assert "module 'json' has no attribute 'WORD'" in submit(bundle, tmp_path)[2]


def test_the_launcher_refuses_any_other_wheel(tmp_path):
    bundle = bundle_with(tmp_path, ["0" * 64])
    wheel(bundle / "wheels")
    assert submit(bundle, tmp_path) == (
        2,
        "",
        f"submit: wheels/{NAME} is no file that requirements.txt has a hash of; remove it, or let "
        "get_wheels.py download the right one.\n",
    )
    (bundle / "wheels" / NAME).unlink()
    (bundle / "wheels" / NAME).symlink_to("/dev/zero")
    assert submit(bundle, tmp_path)[0] == 2


def test_a_bundle_without_the_helper_takes_no_wheel(tmp_path):
    bundle = fake_bundle(tmp_path / "bundle")
    wheel(bundle / "wheels")
    assert submit(bundle, tmp_path) == (
        2,
        "",
        "submit: This bundle takes no wheels; remove its folder wheels.\n",
    )
