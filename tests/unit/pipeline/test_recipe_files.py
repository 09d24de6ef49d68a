import tomllib

import pytest

from pipeline.recipe import load_recipe
from pipeline.recipe_files import find_network, merged, on_base, read_recipe
from workspace.errors import ConfigError

MINIMAL = '[data]\nsource = "isic2024"\nfolder = "somewhere"\n'
BASE = {
    "claim": "c",
    "task": {"kind": "target", "threshold": "none"},
    "training": {"alpha": 0.25, "gamma": 2.0, "phases": [{"epochs": 1, "lr": 1.0, "patience": 3}]},
}


@pytest.fixture
def written(tmp_path):
    def write(name, text):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write


def test_sections_are_merged_and_values_replaced():
    base = {"a": {"x": 1, "y": [1, 2]}, "b": 1}
    assert merged(base, {"a": {"y": [3]}, "c": 2}) == {"a": {"x": 1, "y": [3]}, "b": 1, "c": 2}
    assert base["a"] == {"x": 1, "y": [1, 2]}


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ({}, BASE),
        ({"training": {"gamma": 1.0}}, merged(BASE, {"training": {"gamma": 1.0}})),
        (
            {"training": {"class_weights": True}},
            {**BASE, "training": {
                "class_weights": True, "gamma": 2.0, "phases": BASE["training"]["phases"]
            }},
        ),
        (
            {"training": {"choose": "last"}},
            {**BASE, "training": {
                **BASE["training"], "choose": "last", "phases": [{"epochs": 1, "lr": 1.0}]
            }},
        ),
        (
            {"training": {"choose": "last", "phases": [{"patience": 2}]}},
            merged(BASE, {"training": {"choose": "last", "phases": [{"patience": 2}]}}),
        ),
        (
            {"task": {"kind": "classes", "classes": "all"}},
            {"training": BASE["training"], "task": {"kind": "classes", "classes": "all"}},
        ),
        (
            {"task": {"kind": "target", "names": ["a", "b"]}},
            merged(BASE, {"task": {"names": ["a", "b"]}}),
        ),
    ],
)  # fmt: skip
def test_a_base_gives_way_where_a_stated_value_excludes_its_own(stated, expected):
    before = merged(BASE, {})
    assert on_base(BASE, stated) == expected
    assert before == BASE


def test_a_networks_base_is_looked_for_beside_the_recipe_first_then_ours(written, tmp_path):
    assert find_network("extractor", tmp_path).parent.name == "networks"
    own = written("networks/extractor.toml", "views = 'four'\n")
    assert find_network("extractor", tmp_path) == own
    assert find_network("./networks/extractor.toml", tmp_path) == own
    with pytest.raises(ConfigError, match=r"^A network's base no/where\.toml is not there\.$"):
        find_network("no/where.toml", tmp_path)


def test_a_base_is_found_beside_the_recipe_that_names_it_from_whichever_it_is_built_on(written):
    written("one/networks/mine.toml", 'base = "extractor"\n[training]\ngamma = 3.0\n')
    one = MINIMAL + '[networks.net]\nbase = "mine"\n'
    written("one/recipe.toml", one)
    other = written(
        "two/recipe.toml", 'base = "../one/recipe.toml"\n[networks.net]\nviews = "six"\n'
    )
    config = load_recipe(str(other)).networks["net"]
    assert (config.learning.gamma, config.learning.alpha, config.views) == (3.0, 0.25, "six")


def test_bases_may_not_go_in_circles(written):
    written("networks/a.toml", 'base = "b"\n')
    written("networks/b.toml", 'base = "a"\n')
    recipe = written("mine.toml", MINIMAL + '[networks.net]\nbase = "a"\n')
    with pytest.raises(ConfigError) as refused:
        read_recipe(recipe)
    assert str(refused.value) == "Networks name each other as base: a.toml, b.toml."


def test_a_base_is_one_name(written):
    recipe = written("mine.toml", MINIMAL + '[networks.net]\nbase = ["a"]\n')
    with pytest.raises(ConfigError) as refused:
        read_recipe(recipe)
    assert str(refused.value) == (
        "networks.net.base in mine.toml must be one network's name or path."
    )


def test_a_setting_comes_before_the_base_is_taken():
    training = "networks.small.training"
    config = load_recipe(
        "sample", [f"{training}.class_weights=true", f"{training}.sampling=shuffled"]
    )
    assert config.networks["small"].learning.alpha is None


LITE = 'base = "image_folder"\n[networks.lite.net]\n'


@pytest.mark.parametrize(
    ("stated", "options", "drop_path"),
    [
        ("size = 64", {"bn_momentum": 0.1}, 0.1),
        ('backbone = "tf_efficientnet_lite0"', {"bn_momentum": 0.1}, 0.1),
        ("options = {}", {}, 0.1),
        ("options = { bn_eps = 1e-3 }", {"bn_eps": 1e-3}, 0.1),
        ('backbone = "resnet18"', {}, 0.0),
        (
            'backbone = "resnet18"\noptions = { zero_init_last = true }',
            {"zero_init_last": True},
            0.0,
        ),
        ('backbone = "resnet18"\ndrop_path = 0.2', {}, 0.2),
    ],
)
def test_another_backbone_begins_without_the_bases_options(written, stated, options, drop_path):
    """EfficientNet-Lite0's momentum is no word of a ResNet's, and could not be taken back."""
    net = load_recipe(str(written("mine.toml", LITE + stated))).networks["lite"].net
    assert (net.options, net.drop_path) == (options, drop_path)
    settings = [f"networks.lite.net.{line.replace(' = ', '=', 1)}" for line in stated.split("\n")]
    assert load_recipe("image_folder", settings).networks["lite"].net == net


def test_options_go_with_a_recipes_backbone_too(written):
    own = 'base = "ham10000_classes"\n[networks.seven.net]\nbackbone = "resnet18"\n'
    assert load_recipe(str(written("mine.toml", own))).networks["seven"].net.options == {}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (".".join("a" * 200_000) + " = 1", "a line has over 200 dots"),
        ("[" + ".".join("a" * 200_000) + "]", "a line has over 200 dots"),
        ("a = {" + ".".join("a" * 200_000) + " = 1}", "a line has over 200 dots"),
        (".".join("a" * 150) + " = 1", "keys are over 16 deep"),
        ("a = " + "[" * 16 + "1" + "]" * 16, "keys are over 16 deep"),
        ("a = " + "9" * 5000, "Exceeds the limit (4300 digits) for integer string conversion"),
    ],
    ids=["key", "table", "inline", "deep", "lists", "digits"],
)
def test_check_138_a_bomb_of_a_recipe_is_one_line_at_once(written, monkeypatch, text, why):
    recipe = written("mine.toml", MINIMAL + text)
    if "dots" in why:
        monkeypatch.setattr(tomllib, "loads", None)  # it is not parsed
    with pytest.raises(ConfigError) as refused:
        read_recipe(recipe)
    assert str(refused.value).startswith(f"Recipe mine.toml is not valid TOML: {why}")
    assert str(refused.value).endswith(".")


@pytest.mark.parametrize(
    "setting", [".".join("a" * 2000) + "=1", f"seed={'9' * 5000}", "seed={" + "a." * 2000 + "a=1}"]
)
def test_check_138_a_bomb_of_a_setting_is_one_line(setting):
    with pytest.raises(ConfigError) as refused:
        load_recipe("sample", [setting])
    assert len(str(refused.value)) <= 280
