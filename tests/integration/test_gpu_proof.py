"""The GPU's proof, run small on a CPU: that it runs and that every number is there.

What the numbers are is no matter here. Without a GPU it says so, and is no failure.
"""

import math
import os
import subprocess
import sys

import pytest

from tests.bench.gpu_proof import peak_flops
from tests.bench.record import PAGES
from tests.stages import ROOT

LOADED = ("from HDF5", "decoded in memory")
TRAINED = [f"the paper's network, {way}" for way in LOADED] + ["timm's network, from HDF5"]
EMBEDDED = [
    "one view, float32, from HDF5",
    *(f"one view, bfloat16, {way}" for way in LOADED),
    "six views (timm: one), bfloat16, decoded in memory",
]
TASKS = [
    *(f"training, batches of 2 x 2, {how}" for how in TRAINED),
    *(f"embedding, batches of 4, {how}" for how in EMBEDDED),
    "test_convnext, 32 px, training, batches of 2, as it is",
    "test_convnext, 32 px, embedding, batches of 4, as it is",
    "eva02_tiny_patch14_224, 224 px, training, batches of 2, as it is",
    "eva02_tiny_patch14_224, 224 px, embedding, batches of 1, as it is",
]


def prove(*options, **environment):
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.gpu_proof", *options],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=600,
        env={**os.environ, **environment},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def told():
    return prove("--device", "cpu", "--small", "--workers", "1", "--peak-tflops", "0.1")


@pytest.fixture(scope="module")
def rows(told):
    header, *lines = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in told.splitlines()
        if line.startswith("|")
    ]
    assert header == ["what", "ours", "timm", "ratio", "unit", "goal"]
    return {line[0]: line[1:] for line in lines}


def test_every_number_is_there_and_finite(rows):
    wanted = [f"{task}{what}" for task in TASKS for what in ("", ": waiting for input", ": MFU")]
    paces = {what for what in rows if ", batches of" in what and not what.startswith("memory")}
    assert paces == set(wanted)
    for what in wanted:
        ours, theirs, ratio, unit, _ = rows[what]
        assert all(math.isfinite(float(value)) for value in (ours, theirs)), what
        if unit == "images/s":
            assert min(float(ours), float(theirs), float(ratio)) > 0
        elif unit == "share of time":
            assert 0 <= min(float(ours), float(theirs)) <= max(float(ours), float(theirs)) <= 1


def test_six_views_cost_the_flops_of_six(rows):
    def flops(what):
        return float(rows[f"{what}: MFU"][0]) / float(rows[what][0])

    one, six = f"embedding, batches of 4, {EMBEDDED[2]}", f"embedding, batches of 4, {EMBEDDED[3]}"
    assert flops(six) == pytest.approx(6 * flops(one), rel=0.01)  # printed with four digits
    assert flops(TASKS[0]) == pytest.approx(3 * flops(one), rel=0.01)


def test_memory_is_counted_where_no_allocator_can_be_asked(rows):
    ours, *_, unit, _ = rows["memory of training, batches of 8, 32 px, AMP: counted"]
    assert 0 < float(ours) < 0.1
    assert unit == "GB"


def test_two_runs_agree_to_the_bit_under_the_switches(told, rows):
    what = "two runs of 5 steps, with the deterministic switches: greatest difference of weights"
    assert float(rows[what][0]) == 0
    assert "Operations without a deterministic form: none." in told


def test_nothing_measured_on_a_cpu_is_kept(told):
    assert told.startswith("CPU. ")
    assert not [*PAGES.glob("gpu_cpu*")]


def test_without_a_gpu_it_says_so_and_is_no_failure():
    assert prove(CUDA_VISIBLE_DEVICES="") == (
        "gpu-proof: no GPU is here, so nothing was measured (a dry run: --device cpu --small).\n"
    )


def test_the_peak_is_as_given_or_by_the_name_or_unknown():
    assert peak_flops("NVIDIA H200", None) == 989e12
    assert peak_flops("NVIDIA A100-SXM4-80GB", None) == 312e12
    assert peak_flops("NVIDIA L40S", None) == 362e12
    assert peak_flops("NVIDIA H100 PCIe", None) == 0
    assert peak_flops("CPU", None) == 0
    assert peak_flops("NVIDIA H200", 790) == 790e12
