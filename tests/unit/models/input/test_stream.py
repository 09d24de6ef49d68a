import itertools
import os
import subprocess
import sys
from pathlib import Path

from models.input.stream import stream_of

TELL = """
from models.input.stream import stream_of
print(stream_of(3, 1, "ISIC_0000001", 2).integers(2**60, size=3).tolist())
"""


def first(*key):
    return tuple(stream_of(*key).integers(2**60, size=3).tolist())


def test_the_same_showing_has_the_same_numbers():
    assert first(0, 0, "ISIC_0000001") == first(0, 0, "ISIC_0000001", 0)


def test_every_part_of_the_key_counts_and_none_runs_into_another():
    keys = itertools.product((0, 1, 11), (0, 1, 11), ("a", "1/a", "0/1/a"), (0, 1, 11))
    numbers = [first(*key) for key in keys]
    assert len(set(numbers)) == 81


def test_check_74_no_hash_seed_of_python_matters():
    told = {
        subprocess.run(
            [sys.executable, "-c", TELL],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(Path.cwd())},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("0", "1")
    }
    assert told == {f"{list(first(3, 1, 'ISIC_0000001', 2))}\n"}
