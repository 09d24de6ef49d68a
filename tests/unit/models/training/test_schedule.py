import pytest
import torch

from models.training.config import PhaseConfig
from models.training.position import Position
from models.training.schedule import base_lr, lr_factor


@pytest.mark.parametrize("steps", [4, 10, 97])
@pytest.mark.parametrize("warm_up", [0.2, 0.3])
def test_onecycle_is_torchs_for_every_group(steps, warm_up):
    phase = PhaseConfig(epochs=1, lr=1e-3, schedule="onecycle", warm_up=warm_up)
    parameters = [torch.nn.Parameter(torch.zeros(1)) for _ in range(2)]
    shares = (0.1, 1.0)
    optimiser = torch.optim.SGD([{"params": [p]} for p in parameters], lr=1.0)
    slow = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=[phase.lr * share for share in shares], total_steps=steps,
        pct_start=warm_up, cycle_momentum=False,
    )  # fmt: skip
    for step in range(steps):
        ours = [phase.lr * lr_factor(phase, step, steps) * share for share in shares]
        assert ours == pytest.approx(slow.get_last_lr(), rel=1e-9)
        optimiser.step()
        if step + 1 < steps:
            slow.step()


@pytest.mark.parametrize("steps", [4, 10, 97])
@pytest.mark.parametrize("warm_up", [0.01, 0.1, 0.3])
def test_cosine_is_torchs_straight_line_and_its_cosine_behind_it(steps, warm_up):
    phase = PhaseConfig(epochs=1, lr=1e-3, schedule="cosine", warm_up=warm_up)
    up = max(1, round(steps * warm_up))
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=phase.lr)
    slow = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps + 1 - up)
    if up > 1:
        line = torch.optim.lr_scheduler.LinearLR(optimiser, 1 / up, 1.0, up - 1)
        slow = torch.optim.lr_scheduler.SequentialLR(optimiser, [line, slow], [up - 1])
    rates = [phase.lr * lr_factor(phase, step, steps) for step in range(steps)]
    for rate in rates:
        assert rate == pytest.approx(slow.get_last_lr()[0], rel=1e-9)
        optimiser.step()
        slow.step()
    assert rates[up - 1] == phase.lr
    assert 0 < rates[-1] < rates[up - 1]
    assert rates[0] > 0


def test_cosine_is_a_hair_above_nothing_at_its_end():
    phase = PhaseConfig(epochs=1, lr=1.0, schedule="cosine", warm_up=0.1)
    assert 0 < lr_factor(phase, 999, 1000) < 1e-5
    assert lr_factor(phase, 1000, 1000) == 0.0  # a step beyond, which skipped ones cannot take


def test_a_fixed_rate_and_a_single_step_stay_as_they_are():
    assert lr_factor(PhaseConfig(epochs=1, lr=1e-5), 17, 20) == 1.0
    assert lr_factor(PhaseConfig(epochs=1, lr=1e-5, schedule="onecycle"), 0, 1) == 1.0


def test_cosine_without_a_warm_up_falls_from_the_first_step_on_as_torchs_does():
    phase = PhaseConfig(epochs=1, lr=1e-3, schedule="cosine", warm_up=0.0)
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=phase.lr)
    slow = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 10)
    for step in range(10):
        assert phase.lr * lr_factor(phase, step, 10) == pytest.approx(slow.get_last_lr()[0])
        optimiser.step()
        slow.step()


LOSSES = [1.0, 0.9, 0.9, 0.95, 0.91, 0.8, 0.85, 0.9, 0.81, 0.8, 0.8, 0.8, 0.79]


@pytest.mark.parametrize("patience", [0, 1, 2])
def test_plateau_counts_as_torchs_does(patience):
    phase = PhaseConfig(epochs=20, lr=1e-3, schedule="plateau", plateau_epochs=patience)
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=phase.lr)
    slow = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimiser, factor=0.5, patience=patience, threshold=0.0, eps=0.0
    )
    at = Position()
    for loss in LOSSES:
        at.note_loss(loss, patience)
        slow.step(loss)
        assert base_lr(phase, at.reductions) == pytest.approx(slow.get_last_lr()[0])
    assert at.reductions > 0
    at.next_phase()
    assert (at.lowest_loss, at.flat, at.reductions) == (None, 0, 0)
