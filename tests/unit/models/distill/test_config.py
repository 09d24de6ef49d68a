"""Who is compared with whom, and what is refused when a recipe is read."""

import pytest

from pipeline.recipe import load_recipe
from workspace.errors import ConfigError

NETWORKS = ("distill.networks=['stage1','small']",)


def test_the_first_is_the_reference_unless_another_is_named():
    config = load_recipe("sample", NETWORKS).distill
    names = config.networks
    assert [config.than(name, names) for name in (*names, "random_forest")] == [
        None,
        "stage1",
        "stage1",
    ]
    other = load_recipe(
        "sample", (*NETWORKS, "distill.reference=small", "distill.against.stage1=small")
    ).distill
    assert [other.than(name, names) for name in (*names, "random_forest")] == [
        "small",
        None,
        "small",
    ]


def test_where_no_network_is_listed_any_that_learns_the_target_may_be_named():
    assert load_recipe("sample", ("distill.reference=small",)).distill.reference == "small"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (("distill.networks=['smal']",), "distill.networks names 'smal'; there are "),
        (
            ("distill.networks=['stage2']",),
            "distill.networks names 'stage2', which does not learn the target; take networks of "
            "task.kind='target'",
        ),
        (
            (*NETWORKS, "distill.reference=stage2"),
            "distill.reference names 'stage2', which distill.networks does not",
        ),
        (
            (*NETWORKS, "distill.against.small=stage2"),
            "distill.against names 'stage2', which distill.networks does not",
        ),
        (
            (*NETWORKS, "distill.by_image=['other']"),
            "distill.by_image names 'other', which distill.networks does not",
        ),
        ((*NETWORKS, "distill.baselines=['tree']"), "distill.baselines"),
        (
            (*NETWORKS, "distill.against.small=small"),
            "distill.against holds 'small' against itself; name another",
        ),
        (
            (
                "networks.random_forest.base=first_stage",
                "distill.networks=['stage1','random_forest']",
            ),
            "networks.random_forest has the name of a baseline of distill; rename it",
        ),
        (("distill.scheme=by_image",), "distill.scheme"),
        (("distill.scheme=stratified_groups",), "distill.scheme"),
    ],
)
def test_names_that_are_not_there_are_refused(settings, words):
    with pytest.raises(ConfigError) as refused:
        load_recipe("sample", settings)
    assert words in str(refused.value)
