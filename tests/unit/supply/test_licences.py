"""Which licences may be here: those of a list, and what is waived by package and by word."""

import json

import pytest

from tests.supply.licences import allowed, judge, main, said
from tests.supply.waivers import Licence

WAIVER = Licence(packages=("nvidia-*",), says=("Own", ""), why="Used, and never handed on.")


def component(name, *texts):
    entries = [{"license": {"id": text}} for text in texts]
    return {"name": name, **({"licenses": entries} if texts else {})}


@pytest.mark.parametrize(
    ("text", "may"),
    [
        ("MIT", True),
        ("Apache-2.0 WITH LLVM-exception", True),
        ("MIT AND (BSD-3-Clause OR Zlib)", True),
        ("MIT OR GPL-3.0-only", False),  # nobody writes down which was chosen
        ("GPL-2.0-only WITH Classpath-exception-2.0", False),
        ("AGPL-3.0-only", False),
        ("LGPL-3.0-only", False),
        ("License :: OSI Approved :: GNU Affero General Public License v3", False),
        ("License :: OSI Approved :: BSD License", True),
        ("MIT-like", False),
    ],
)
def test_what_may_be_here(text, may):
    assert allowed(text) is may


def test_identifiers_expressions_and_mere_names_are_read():
    entries = [{"license": {"name": "Own"}}, {"license": {"id": "MIT"}}]
    assert said({"name": "a", "licenses": entries}) == ["MIT", "Own"]
    assert said({"name": "a", "licenses": [{"expression": "MIT AND ISC"}]}) == ["MIT AND ISC"]
    assert said({"name": "a"}) == []


def test_what_is_neither_allowed_nor_waived_is_named():
    components = [
        component("sound", "MIT"),
        component("albumentationsx", "AGPL-3.0-only"),
        component("both", "MIT", "GPL-3.0-only"),
        component("silent"),
        component("nvidia_blas", "Own"),
        component("nvidia-dnn"),
        component("nvidia-new", "AGPL-3.0-only"),  # says something else than was waived
    ]
    refused, listed = judge(components, (WAIVER,))
    assert refused == [
        "albumentationsx (AGPL-3.0-only)", "both (GPL-3.0-only)", "silent (names no licence)",
        "nvidia-new (AGPL-3.0-only)",
    ]  # fmt: skip
    assert listed == {"MIT": 2, "AGPL-3.0-only": 2, "GPL-3.0-only": 1, "not named": 2, "Own": 1}


def test_the_bill_is_listed_and_a_refused_licence_fails(tmp_path, capsys):
    path = tmp_path / "sbom.json"
    path.write_text(json.dumps({"components": [component("sound", "MIT")]}))
    assert main(path) == 0
    assert capsys.readouterr().out == f"sbom: 1 packages in {path}; MIT 1.\n"
    path.write_text(json.dumps({"components": [component("viral", "AGPL-3.0-only")]}))
    assert main(path) == 1
    assert capsys.readouterr().err == (
        "sbom: 1 licences are neither allowed nor waived: viral (AGPL-3.0-only); do without the "
        "package, or waive it with a reason in tests/supply/waivers.toml.\n"
    )


def test_a_bill_of_nothing_fails(tmp_path, capsys):
    path = tmp_path / "sbom.json"
    path.write_text('{"components": []}')
    assert main(path) == 1
    assert capsys.readouterr().err == f"sbom: no package is in {path}; is VENV= an environment?\n"
