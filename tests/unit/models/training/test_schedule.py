import pytest
import torch

from models.training.config import PhaseConfig
from models.training.schedule import lr_factor


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


def test_a_fixed_rate_and_a_single_step_stay_as_they_are():
    assert lr_factor(PhaseConfig(epochs=1, lr=1e-5), 17, 20) == 1.0
    assert lr_factor(PhaseConfig(epochs=1, lr=1e-5, schedule="onecycle"), 0, 1) == 1.0
