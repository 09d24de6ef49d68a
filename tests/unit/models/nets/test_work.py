import pytest
import torch

from models.nets.config import NetConfig
from models.nets.work import LARGE, THREADS, multiply_adds, threads_of


def config(backbone="test_resnet", size=32, **others):
    values = {"weights": "none", "se": False, "cbam": False, "hidden": (), "dropout": (0.0,)}
    return NetConfig(backbone=backbone, size=size, **{**values, **others})


def test_the_work_is_counted_as_by_hand():
    width, hidden = 96, 16  # of the backbone's answer, of a layer more
    more = multiply_adds(config(hidden=(hidden,), dropout=(0.0, 0.0)))
    assert more - multiply_adds(config()) == width * hidden + hidden - width


def test_the_work_hangs_on_the_size_and_on_no_weights(tmp_path):
    small = multiply_adds(config(size=64))
    assert small / multiply_adds(config(size=32)) == pytest.approx(4, rel=0.01)
    assert small == multiply_adds(config(size=64, weights=str(tmp_path / "absent.safetensors")))


def test_small_networks_take_one_thread_and_large_ones_a_few_whatever_the_machine(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: range(96), raising=False)
    assert threads_of(config(size=64)) == 1
    assert threads_of(config(size=2048)) == THREADS
    assert multiply_adds(config(size=64)) < LARGE < multiply_adds(config(size=2048))


def test_a_recipe_may_say_how_many():
    assert threads_of(config(threads=3)) == 3


def test_counting_draws_nothing_and_leaves_the_default_device():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    multiply_adds(config(size=64, hidden=(3,), dropout=(0.0, 0.0)))
    assert torch.equal(before, torch.get_rng_state())
    assert torch.zeros(1).device.type == "cpu"
