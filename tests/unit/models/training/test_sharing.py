"""What ranks cannot share is refused, with the mend that keeps the effective batch."""

import pytest

from models.nets.config import NetConfig
from models.training.config import PhaseConfig, TrainConfig
from models.training.sharing import check_shared, is_divided, uneven
from workspace.errors import ConfigError

PHASES = (PhaseConfig(epochs=1, lr=1e-3),)
PLAIN = {"backbone": "test_resnet", "hidden": (), "dropout": (0.0,)}


def refusal(ranks, size=32, every=1, by_batch=False, **net):
    training = TrainConfig(phases=PHASES, batch_size=size, accumulate=every)
    with pytest.raises(ConfigError) as refused:
        check_shared("flag", NetConfig(**PLAIN | net), training, ranks, by_batch=by_batch)
    return str(refused.value)


def test_ranks_without_a_batch_are_refused_with_the_recipe_of_the_same_effective_batch():
    assert refusal(2) == (
        "A step of networks.flag is 1 batch (training.accumulate), so that of 2 ranks 1 would have "
        "nothing to do; take fewer DEVICES, or batch_size=16 and accumulate=2, another recipe of "
        "the same effective batch."
    )
    assert refusal(4, size=5, every=2) == (
        "A step of networks.flag is 2 batches (training.accumulate), so that of 4 ranks 2 would "
        "have nothing to do; take fewer DEVICES."
    )


def test_a_batch_in_which_something_is_drawn_is_not_divided():
    assert refusal(2, by_batch=True, drop_path=0.1) == (
        "networks.flag drops at random (net.dropout, net.drop_path), which 2 ranks that divide a "
        "batch would draw otherwise than one process; take 0 for both, or leave DEVICES out."
    )
    assert refusal(4, size=3, by_batch=True) == (
        "networks.flag.training.batch_size=3 cannot be divided among 4 ranks; take fewer DEVICES."
    )


def test_few_bits_are_one_process_work():
    assert refusal(2, every=2, weight_bits=8, weights="teacher") == (
        "networks.flag learns in few bits (net.weight_bits), by ranges that one process takes from "
        "all batches; leave DEVICES out."
    )


@pytest.mark.parametrize(("every", "ranks", "enough"), [(4, 2, None), (4, 3, 2), (5, 4, 3)])
def test_ranks_that_wait_are_named_and_not_refused(every, ranks, enough):
    training = TrainConfig(phases=PHASES, batch_size=2, accumulate=every)
    check_shared("flag", NetConfig(**PLAIN), training, ranks, by_batch=False)
    assert uneven(training, ranks, by_batch=False) == (
        enough
        and f"a step of {every} batches takes {ranks} ranks as long as {enough}: DEVICES that "
        "divide training.accumulate waste none"
    )


def test_a_loss_of_its_batch_divides_it_only_where_batches_do_not_reach():
    training = TrainConfig(phases=PHASES, batch_size=8, accumulate=2)
    divided = [is_divided(training, ranks, by_batch=True) for ranks in (2, 3)]
    assert divided == [False, True]
    assert uneven(training, 3, by_batch=True) is None
    assert not is_divided(training, 3, by_batch=False)
