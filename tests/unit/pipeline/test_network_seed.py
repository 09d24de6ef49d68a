"""Another seed of the networks leaves the folds as they are, and none is the recipe's own."""

from pipeline.recipe import load_recipe


def test_networks_have_the_recipes_seed_or_one_of_their_own():
    assert load_recipe("sample", ["seed=7"]).seed_of_networks == 7
    of_their_own = load_recipe("sample", ["seed=7", "network_seed=3"])
    assert (of_their_own.seed, of_their_own.seed_of_networks) == (7, 3)
