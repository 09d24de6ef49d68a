"""What is handed in where a recipe does not say: the stack, or several boosters' rank average."""

import pytest

from pipeline.recipe import load_recipe

TWO = 'stack.boosters=["lightgbm","logistic"]'


@pytest.mark.parametrize(
    ("settings", "policy"),
    [
        ([], "stack"),
        ([TWO], "rank_average"),
        ([TWO, "blend.policy=stack"], "stack"),
        ([TWO, "blend.policy=greedy"], "greedy"),
        ([TWO, "blend.sensitivity=0.8"], "rank_average"),
        ([TWO, 'blend.members=["stack","logistic"]'], "rank_average"),
        ([TWO, 'blend.members=["stack"]'], "stack"),  # of one there is no average
        (["blend.policy=mean"], "mean"),
    ],
)
def test_several_boosters_are_averaged_by_rank_unless_the_recipe_says_otherwise(settings, policy):
    recipe = load_recipe("sample", settings)
    assert recipe.blending.policy == policy
    assert recipe.resolved()["blend"]["policy"] == policy
    assert recipe.blending.model_copy(update={"policy": "stack"}) == recipe.blend.model_copy(
        update={"policy": "stack"}
    )
