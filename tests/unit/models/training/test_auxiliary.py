"""The auxiliary layer: masked where a class is unknown, mixed alike, gone when it is scored."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from models.nets.network import LesionNet, without_auxiliary
from models.training.auxiliary import Auxiliary
from models.training.config import PhaseConfig
from models.training.mixup import mixup
from tests.unit.models.training.conftest import CONFIG, NET, Trial
from tests.unit.models.training.test_loop import Interrupting, differing
from workspace.stopping import Stopped

LABELS = np.array([0, 1, -1, 2, -1, 1, 0] * 3)[:20]
THREE = Auxiliary(LABELS, 3, 0.3)
ANSWERS = np.array([1, 0, -1, -1, 1] * 4)
QUESTION = Auxiliary(ANSWERS, 2, 0.2, one_logit=True)
BOTH = (THREE, QUESTION)


def by_hand(logits, labels, weight):
    losses = [
        torch.zeros(()) if label < 0 else functional.cross_entropy(row[None], label[None])
        for row, label in zip(logits, torch.as_tensor(labels), strict=True)
    ]
    return weight * torch.stack(losses)


def answered_by_hand(logits, answers, weight):
    """Binary cross entropy of the one logit of each picture that has an answer."""
    losses = [
        torch.zeros(()) if answer < 0
        else functional.binary_cross_entropy_with_logits(logit, torch.tensor(float(answer)))
        for logit, answer in zip(logits, answers, strict=True)
    ]  # fmt: skip
    return weight * torch.stack(losses)


SLOWLY = ((THREE, by_hand), (QUESTION, lambda logits, *rest: answered_by_hand(logits[:, 0], *rest)))


@pytest.mark.parametrize(("auxiliary", "slowly"), SLOWLY)
def test_it_is_cross_entropy_where_the_class_is_known_and_nothing_elsewhere(auxiliary, slowly):
    torch.manual_seed(0)
    places, logits = np.arange(10), 3 * torch.randn(10, auxiliary.outputs)
    logits.requires_grad_()
    loss = auxiliary.loss(logits, auxiliary.shares(places))
    labels = auxiliary.labels[places]
    torch.testing.assert_close(loss, slowly(logits, labels, auxiliary.weight))
    loss.sum().backward()
    moved = logits.grad.abs().sum(dim=1) > 0
    assert moved.tolist() == (labels >= 0).tolist()


@pytest.mark.parametrize(("auxiliary", "slowly"), SLOWLY)
def test_a_mixed_batch_has_both_its_classes_losses_in_its_shares(auxiliary, slowly):
    torch.manual_seed(1)
    places, logits = np.arange(8), torch.randn(8, auxiliary.outputs)
    shares = auxiliary.shares(places)
    images = torch.arange(8.0)[:, None, None, None].expand(8, 3, 2, 2)
    both = torch.cat([torch.zeros(8, 2), shares], dim=1)
    mixed_images, mixed = mixup(images, both, 0.3, 1.0, np.random.default_rng(2))
    stream = np.random.default_rng(2)
    stream.random()
    keep, other = stream.beta(0.3, 0.3), stream.permutation(8)
    blend = torch.tensor(keep * places + (1 - keep) * other).float()
    torch.testing.assert_close(mixed_images[:, 0, 0, 0], blend)
    expected = keep * slowly(logits, auxiliary.labels[places], auxiliary.weight)
    expected += (1 - keep) * slowly(logits, auxiliary.labels[other], auxiliary.weight)
    torch.testing.assert_close(auxiliary.loss(logits, mixed[:, 2:]), expected)


def test_each_picture_has_its_own_class_and_behind_it_its_family_and_its_answer(trial):
    made = trial(auxiliary=BOTH).made()
    assert made.objective.targets(np.array([3, 0, 2, 1])).tolist() == [
        [0, 1, 0, 0, 1, 0, 0], [1, 0, 1, 0, 0, 0, 1],
        [1, 0, 0, 0, 0, 0, 0], [0, 1, 0, 1, 0, 1, 0],
    ]  # fmt: skip
    assert made.net.auxiliary.weight.shape[0] == 3 + 1
    plain = trial(name="plain").made().objective
    assert plain.targets(np.array([3, 0])).tolist() == [[0, 1], [1, 0]]


def test_with_or_without_it_the_network_begins_with_the_same_weights():
    torch.manual_seed(0)
    plain = LesionNet(NET, 1)
    torch.manual_seed(0)
    both = LesionNet(NET, 1, auxiliary=3)
    extra = {"auxiliary.weight", "auxiliary.bias"}
    assert both.state_dict().keys() - plain.state_dict().keys() == extra
    for name, value in plain.state_dict().items():
        assert torch.equal(value, both.state_dict()[name]), name
    assert {both.part_of(name) for name in extra} == {"head"}
    assert both.auxiliary.weight.shape == (3, both.num_features)


def test_one_pass_gives_both_and_only_learning_asks_for_it():
    torch.manual_seed(0)
    net, images = LesionNet(NET, 1, auxiliary=3).eval(), torch.randn(2, 3, 32, 32)
    asked = []
    net.auxiliary.register_forward_hook(lambda *_: asked.append(1))
    embedding, logits = net.embed(images)
    assert torch.equal(net(images), logits)
    assert not asked
    main, further = net.learn(images)
    assert torch.equal(main, logits)
    assert torch.equal(further, net.auxiliary(embedding))
    assert LesionNet(NET, 1).learn(images)[1] is None


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory, pictures):
    return Trial(tmp_path_factory.mktemp("unbroken"), pictures, auxiliary=BOTH).run()


@pytest.mark.parametrize("stop", [2, 9])
def test_check_48_its_layer_and_moments_go_on_to_the_bit(trial, unbroken, stop):
    with pytest.raises(Stopped):
        trial(auxiliary=BOTH).run(Interrupting(stop))
    again = trial(auxiliary=BOTH).run()
    assert not differing(again.last, unbroken.last)
    assert not differing(again.best, unbroken.best)
    assert again.history == unbroken.history


def test_what_is_kept_has_no_trace_of_it(unbroken):
    assert {"auxiliary.weight", "auxiliary.bias"} <= unbroken.best.keys()
    for weights in (unbroken.best, unbroken.last):
        assert without_auxiliary(weights).keys() == LesionNet(NET, 1).state_dict().keys()


def test_labels_of_pictures_that_are_not_learnt_from_change_nothing(trial, unbroken):
    other = np.where(np.arange(20) < 14, LABELS, 2 - LABELS)
    turned = np.where(np.arange(20) < 14, ANSWERS, 1 - np.maximum(ANSWERS, 0))
    both = (Auxiliary(other, 3, 0.3), Auxiliary(turned, 2, 0.2, one_logit=True))
    told = trial(auxiliary=both).run()
    assert not differing(told.last, unbroken.last)
    assert told.history == unbroken.history


@pytest.mark.parametrize("auxiliary", BOTH, ids=["families", "question"])
def test_it_teaches_the_embedding_unless_no_picture_has_a_class(trial, auxiliary):
    phases = (PhaseConfig(epochs=1, lr=1e-3),)
    config = CONFIG.model_copy(update={"phases": phases, "clip_norm": None, "checkpoint_s": 60.0})
    unknown = np.full(20, -1)
    nobody = Auxiliary(unknown, auxiliary.classes, auxiliary.weight, auxiliary.one_logit)
    plain, without, taught = (
        trial(name, config=config, auxiliary=besides).run().last
        for name, besides in (("plain", ()), ("without", (nobody,)), ("taught", (auxiliary,)))
    )
    assert not differing(without_auxiliary(without), plain)
    assert differing(without_auxiliary(taught), plain)
