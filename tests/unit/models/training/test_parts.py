"""Parts of a network in a training: what is frozen stays, the others have rates of their own."""

import numpy as np

from tests.unit.models.training.conftest import CONFIG


def test_check_116_and_117_what_is_frozen_stays_to_the_bit_and_the_rest_learns(trial):
    frozen = trial(config=CONFIG.model_copy(update={"phases": CONFIG.phases[:1], "ema": None}))
    training = frozen.made()
    before = {name: value.clone() for name, value in training.net.state_dict().items()}
    after = training.run(lambda done, total: None).last
    for name, value in before.items():
        same = np.array_equal(value.numpy(), after[name])
        assert same == (training.net.part_of(name) == "backbone"), name


def test_check_117_rates_and_decay_by_group(trial):
    training = trial().made()
    training.position.phase = 1
    optimiser = training._begin_phase()
    shares = {"backbone": 0.1, "attention": 1.0, "head": 1.0}
    seen = set()
    for group in optimiser.param_groups:
        for name, parameter in zip(group["names"], group["params"], strict=True):
            seen.add(name)
            assert group["share"] == shares[training.net.part_of(name)]
            plain = parameter.ndim < 2 or name.endswith("bias")
            assert group["weight_decay"] == (0.0 if plain else 0.05), name
    assert seen == {name for name, _ in training.net.named_parameters()}
