"""Every number of README is one of a record, a recipe or a file of the project."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from pipeline.recipe import load_recipe

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
NUMBER = re.compile(r"(?<![\w.-])-?\d*\.?\d+(?:,\d{3})*(?![\w])")
NAMES = ("ISIC 2024", "count as 1")  # no number of ours
SIGNED = r"(-?\.\d+) \[(-?\.\d+), (-?\.\d+)\]"


def prose():
    """README without what is typed into a shell, pictures and addresses, on one line."""
    text = re.sub(r"```.*?```", " ", README, flags=re.DOTALL)
    text = re.sub(r"\]\([^)]*\)", "]", re.sub(r"`[^`]*`", lambda one: f"`{'x' * 3}`", text))
    for name in NAMES:
        text = text.replace(name, " " * len(name))
    return re.sub(r"[ \n]+", " ", text)


def record(name):
    [path] = sorted((ROOT / "docs" / "benchmarks").glob(f"{name}_*.json"))[-1:]
    return json.loads(path.read_text())["rows"]


def seeds(what):
    """pAUC and its ends, of one thread and of two, as README writes them."""
    rows = {row["threads"]: row for row in record("seeds") if row["what"] == what}
    each = [re.findall(r"-?\d\.\d+", rows[threads]["pAUC"]) for threads in (1, 2)]
    return [[number.replace("0.", ".", 1) for number in numbers] for numbers in each]


def minus(other):
    return [number for one in seeds(f"stack minus {other}") for number in one]


def drawn():
    synthetic = load_recipe("sample", []).synthetic
    return [f"{synthetic.rows:,}", str(synthetic.positives)]


def pythons():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    first, beyond = re.findall(r"3\.(\d+)", project["requires-python"])
    return [f"3.{first}", f"3.{int(beyond) - 1}"]


def small_networks():
    suite = tomllib.loads((ROOT / "recipes" / "suites" / "dermamnist.toml").read_text())
    return [str(len(suite["experiments"]))]


def gigabytes():
    """As the record of the decision has it."""
    page = (ROOT / "docs" / "decisions" / "0002-lock-and-environment.md").read_text()
    return re.findall(r"downloads (\d+) GB", page)


# What stands in README, and where each of its numbers comes from.
CLAIMS = {
    r"the stack's pAUC is (\.\d+) and (\.\d+)": lambda: [one[0] for one in seeds("stack")],
    r"\(n ([\d,]+), (\d+) positives\)": drawn,
    rf"{SIGNED} and {SIGNED} above tables alone": lambda: minus("tables alone"),
    rf"{SIGNED} and {SIGNED} above its best network": lambda: minus("small"),
    r"Python (3\.\d+) to (3\.\d+)": pythons,
    r"make, (\d+) GB for the environment": gigabytes,
    r"(\d+) small networks on one page": small_networks,
}  # fmt: skip
FOLDS = re.compile(
    r"^\| ((?:`[\w_]+`(?:, )?)+) \|.*\| (\d+), by (patient|lesion|picture or patient) \|$"
)


@pytest.mark.parametrize("pattern", CLAIMS)
def test_a_number_of_readme_is_that_of_its_source(pattern):
    found = re.search(pattern, prose())
    assert found, f"README no longer says {pattern}"
    assert list(found.groups()) == CLAIMS[pattern]()


def folds():
    return [found for line in README.splitlines() if (found := FOLDS.match(line))]


@pytest.mark.parametrize("line", folds(), ids=lambda one: one[1])
def test_folds_of_readme_are_those_of_the_recipes(line):
    for name in re.findall(r"`([\w_]+)`", line[1]):
        recipe = load_recipe(name, [])
        assert recipe.folds.n_folds == int(line[2])
        groups = {"none": "picture", "known": "patient"}
        assert groups.get(recipe.data.group, recipe.data.group) in line[3].split(" or ")


def test_no_number_of_readme_is_without_a_source():
    text = prose()
    spans = [found.span() for pattern in CLAIMS if (found := re.search(pattern, text))]
    spans += [one.span() for one in re.finditer(r"\| \d+, by ", text)]
    assert len(re.findall(r"\| \d+, by ", text)) == len(folds())
    typed = [
        found[0] for found in NUMBER.finditer(text)
        if not any(first <= found.start() < last for first, last in spans)
    ]  # fmt: skip
    assert typed == []
