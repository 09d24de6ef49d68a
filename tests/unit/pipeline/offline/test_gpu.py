import pytest
import torch

from pipeline.machine import Machine
from pipeline.offline.asked import Asked
from pipeline.offline.course import Course
from pipeline.offline.gpu import fault_of_gpu, gpus
from tests.bundled import Diary
from workspace.errors import ConfigError


@pytest.fixture
def broken(monkeypatch):
    """A GPU that is there, and fails as one does that torch was not built for."""

    def ones(*shape, device):
        raise RuntimeError("CUDA error: no kernel image is available\nCompile with X\n")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch, "ones", ones)


def course(tmp_path, device):
    diary = Diary(tmp_path / "out.csv")
    return Course(Asked(tmp_path, tmp_path, None, tmp_path, device=device), diary, None), diary


def test_where_there_is_no_gpu_there_is_no_fault(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert fault_of_gpu() is None


def test_a_gpu_that_reckons_wrongly_is_at_fault(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch, "ones", lambda *shape, device: torch.zeros(shape))
    assert fault_of_gpu() == "AssertionError"


def test_a_gpu_that_reckons_rightly_is_trusted(monkeypatch):
    ones = torch.ones(8, 8)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch, "ones", lambda *shape, device: ones)
    assert fault_of_gpu() is None


def test_the_cpu_looks_where_the_gpu_fails(broken, tmp_path):
    asked, diary = course(tmp_path, "auto")
    assert asked.machine == Machine("cpu")
    assert diary.said == [
        "notice: the GPU fails at its first operation (CUDA error: no kernel image is available): "
        "the CPU looks."
    ]


def test_a_gpu_that_was_asked_for_and_fails_is_an_error(broken, tmp_path):
    with pytest.raises(ConfigError) as refused:
        _ = course(tmp_path, "cuda")[0].machine
    assert str(refused.value) == (
        "The GPU fails at its first operation (CUDA error: no kernel image is available); take "
        "--device cpu."
    )


def test_who_asks_for_the_cpu_tries_no_gpu(broken, tmp_path):
    asked, diary = course(tmp_path, "cpu")
    assert (asked.machine, diary.said) == (Machine("cpu"), [])


def test_a_process_looks_for_each_gpu_or_as_many_as_were_asked_for(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    assert gpus(Machine("cuda")) == 3
    assert gpus(Machine("cpu")) == 0
    assert course(tmp_path, "cpu")[0].processes == 1
    asked = Asked(tmp_path, tmp_path, None, tmp_path, device="cpu", processes=2)
    assert Course(asked, Diary(None), None).processes == 2
