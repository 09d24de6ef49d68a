"""Check 77: the deterministic switches, as far as a machine without a GPU can show them."""

import os

import pytest
import torch

from models.nets.determinism import VARIABLE, refused_plainly, switch_on
from workspace.errors import ConfigError


@pytest.fixture
def switched(monkeypatch):
    """The switches are on, and off again after the test."""
    monkeypatch.setenv(VARIABLE, "")  # so that it is put back
    monkeypatch.delenv(VARIABLE)
    before = torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = True
    switch_on()
    yield
    torch.use_deterministic_algorithms(False)
    torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = before


def test_check_77_every_switch_is_on(switched):
    assert torch.are_deterministic_algorithms_enabled()
    assert not torch.is_deterministic_algorithms_warn_only_enabled()
    assert torch.backends.cudnn.deterministic
    assert not torch.backends.cudnn.benchmark
    assert os.environ[VARIABLE] == ":4096:8"


def test_a_workspace_that_serves_as_well_is_left(switched, monkeypatch):
    for value, left in ((":16:8", ":16:8"), (":0:0", ":4096:8")):
        monkeypatch.setenv(VARIABLE, value)
        switch_on()
        assert os.environ[VARIABLE] == left


def test_an_operation_without_a_deterministic_form_ends_in_one_line(switched):
    with pytest.raises(ConfigError) as refused, refused_plainly():
        torch.zeros(4).put_(torch.tensor([0, 0]), torch.ones(2))
    assert str(refused.value) == (
        "put_ has no deterministic form on this device; leave DETERMINISTIC=1 out."
    )


def test_what_else_goes_wrong_stays_what_it_is():
    with pytest.raises(RuntimeError, match=r"^The size of tensor a"), refused_plainly():
        torch.zeros(2) + torch.zeros(3)


def test_on_a_cpu_a_training_is_the_same_to_the_bit_without_them(trial, request):
    without = trial("without").run()
    request.getfixturevalue("switched")
    assert trial("with").run().history == without.history
