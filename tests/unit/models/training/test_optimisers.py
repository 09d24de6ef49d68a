"""Optimisers other than AdamW, a rate that falls on a plateau, inner rows that only watch."""

import pytest
import torch
from pydantic import ValidationError

from models.nets.network import LesionNet
from models.training.config import PhaseConfig, TrainConfig
from models.training.groups import optimiser
from tests.unit.models.training.conftest import CONFIG, NET, plainly
from tests.unit.models.training.test_loop import Interrupting, differing
from workspace.stopping import Stopped

PHASE = PhaseConfig(epochs=3, lr=1e-3)
KINDS = [
    {"optimiser": "adam"}, {"optimiser": "sgd"}, {"optimiser": "sgd", "momentum": 0.9},
]  # fmt: skip


def trained(**values):
    return CONFIG.model_copy(update={"phases": (PHASE,), "ema": None, **values})


@pytest.mark.parametrize(
    ("values", "slow"),
    [
        ({"optimiser": "adamw"}, lambda p: torch.optim.AdamW(p, 1e-3, weight_decay=0.05)),
        ({"optimiser": "adam"}, lambda p: torch.optim.Adam(p, 1e-3, weight_decay=0.05)),
        ({"optimiser": "sgd"}, lambda p: torch.optim.SGD(p, 1e-3, weight_decay=0.05)),
        (
            {"optimiser": "sgd", "momentum": 0.9},
            lambda p: torch.optim.SGD(p, 1e-3, momentum=0.9, weight_decay=0.05),
        ),
    ],
)
def test_steps_are_torchs_own(values, slow):
    config = TrainConfig(phases=(PHASE,), **values)
    torch.manual_seed(0)
    net = LesionNet(NET, 1)
    weight = net.head[2].weight  # of two dimensions: it decays
    twin = torch.nn.Parameter(weight.detach().clone())
    ours, theirs = optimiser(net, PHASE, config), slow([twin])
    for step in range(3):
        weight.grad = torch.full_like(weight, 0.1 * (step + 1))
        twin.grad = weight.grad.clone()
        ours.step()
        theirs.step()
    assert torch.equal(weight, twin)


@pytest.mark.parametrize("values", KINDS)
@pytest.mark.parametrize("stop", [1, 4, 7])
def test_check_48_each_goes_on_to_the_bit(trial, values, stop):
    config = trained(**values)
    whole = trial("whole", config=config).run()
    with pytest.raises(Stopped):
        trial("broken", config=config).run(Interrupting(stop))
    done = trial("broken", config=config).run()
    assert not differing(done.last, whole.last)
    assert done.history == whole.history


def test_the_rate_falls_when_the_inner_loss_stands_still_and_goes_on_so(trial):
    phase = PhaseConfig(epochs=5, lr=1e-3, schedule="plateau", plateau_epochs=1)
    config = trained(phases=(phase,))  # the inner loss of these trials is .5 in every epoch
    whole = trial("whole", config=config).run()
    assert [record["lr"] for record in whole.history] == [1e-3, 1e-3, 1e-3, 5e-4, 5e-4]
    with pytest.raises(Stopped):
        trial("broken", config=config).run(Interrupting(11))
    done = trial("broken", config=config).run()
    assert done.history == whole.history
    assert not differing(done.last, whole.last)


def test_watched_rows_are_scored_and_choose_nothing(trial):
    watching = trial(config=trained(choose="watched"))
    done = watching.run()
    assert len(watching.scored) == 3
    assert [record["auc"] for record in done.history] == watching.scored
    assert not differing(done.best, done.last)
    assert done.best_epoch == 2
    again = trial("last", **plainly(trained(choose="last")))
    again.score = None
    other = trial("watched", **plainly(trained(choose="watched")))
    assert not differing(again.run().last, other.run().last)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"momentum": 0.9}, "momentum changes nothing where optimiser='adamw'"),
        ({"choose": "last", "phases": [{"epochs": 1, "lr": 1, "patience": 1}]},
         "patience needs inner rows; choose='last' has none"),
        ({"choose": "watched", "phases": [{"epochs": 1, "lr": 1, "patience": 1}]},
         "patience needs inner rows; choose='watched' has some that decide nothing"),
        ({"choose": "watched", "phases": [{"epochs": 1, "lr": 1, "schedule": "plateau"}]},
         "schedule='plateau' needs inner rows; take choose='inner'"),
        ({"phases": [{"epochs": 1, "lr": 1, "schedule": "onecycle", "warm_up": 0}]},
         "schedule='onecycle' needs a warm_up above 0; or take 'cosine'"),
        ({"phases": [{"epochs": 1, "lr": 1, "plateau_factor": 0.1}]},
         "plateau_factor changes nothing where schedule='fixed'"),
    ],
)  # fmt: skip
def test_what_changes_nothing_or_cannot_be_is_refused(values, words):
    given = {"phases": [{"epochs": 1, "lr": 1.0}], **values}
    with pytest.raises(ValidationError, match=words):
        TrainConfig.model_validate(given)


def test_settings_of_before_are_those_of_now_and_name_what_is_new_where_it_is_used():
    before = TrainConfig(phases=(PHASE,)).settings()
    assert not {"optimiser", "momentum", "checkpoint_s"} & before.keys()
    assert not {"plateau_epochs", "plateau_factor"} & before["phases"][0].keys()
    assert TrainConfig(phases=(PHASE,), optimiser="adam").settings() == {
        **before, "optimiser": "adam"
    }  # fmt: skip
