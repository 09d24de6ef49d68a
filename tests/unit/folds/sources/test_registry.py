"""The one list of sources: what a new one takes, and who reads it."""

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from folds.sources import DataConfig, open_source
from folds.sources.registry import SOURCES
from folds.sources.source import Source

ROOT = Path(__file__).resolve().parents[4]

NEW_SOURCE = """
from folds.sources import registry
from folds.sources.isic2020 import Isic2020

class Mine(Isic2020):
    '''A source of the one who reads this.'''

registry.SOURCES["mine"] = Mine

from pathlib import Path
from folds.sources import DataConfig, open_source

assert type(open_source(DataConfig(source="mine", folder=Path()))) is Mine
"""


def test_a_source_is_one_line_of_one_list():
    subprocess.run([sys.executable, "-c", NEW_SOURCE], cwd=ROOT, check=True)


@pytest.mark.parametrize("name", SOURCES)
def test_every_source_of_the_list_opens(name, tmp_path):
    positive = ("mel",) if SOURCES[name].has_classes else ()
    source = open_source(DataConfig(source=name, folder=tmp_path, positive=positive))
    assert isinstance(source, Source)
    assert (ROOT / "recipes" / f"{name}.toml").is_file(), "every source has a recipe"


def test_an_unknown_source_is_told_from_the_known():
    with pytest.raises(ValidationError) as caught:
        DataConfig(source="isic2025", folder=Path())
    *others, last = [f"'{name}'" for name in SOURCES]
    assert [error["msg"] for error in caught.value.errors()] == [
        f"Input should be {', '.join(others)} or {last}"
    ]
