import pytest

from pipeline.recipe import SIZE_LIMIT, find_recipe, load_recipe, recipe_names
from workspace.errors import ConfigError


@pytest.fixture
def recipe(tmp_path):
    def write(text, name="mine.toml"):
        (tmp_path / name).write_text(text)
        return str(tmp_path / name)

    return write


MINIMAL = '[data]\nsource = "isic2024"\nfolder = "somewhere"\n'


def refusal(path, *settings):
    with pytest.raises(ConfigError) as refused:
        load_recipe(path, settings)
    return str(refused.value)


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_of_ours_is_sound_and_says_what_it_is_about(name):
    recipe = load_recipe(name)
    assert recipe.name == name
    assert recipe.about.endswith(".")


def test_a_recipe_states_only_what_differs_from_its_base():
    full, sample = load_recipe("full_size"), load_recipe("sample")
    assert full.synthetic.rows == 401_059
    assert full.folds == sample.folds


def test_bases_are_found_beside_the_recipe_and_may_not_go_in_circles(recipe):
    recipe(MINIMAL + "[folds]\nn_folds = 4\n", "base.toml")
    assert load_recipe(recipe('base = "base.toml"\nseed = 7\n')).folds.n_folds == 4
    recipe('base = "b.toml"\n', "a.toml")
    assert refusal(recipe('base = "a.toml"\n', "b.toml")) == (
        "Recipes name each other as base: b.toml, a.toml."
    )
    assert refusal(recipe('base = ["a", "b"]\n')) == (
        "base in mine.toml must be one recipe's name or path."
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "[folds]\nn_fold = 5\n",
            "Unknown option 'folds.n_fold' in mine.toml; did you mean 'folds.n_folds'?",
        ),
        ("[fold]\n", "Unknown option 'fold' in mine.toml; did you mean 'folds'?"),
        (
            "[verify]\nxyzzy = 1\n",
            "Unknown option 'verify.xyzzy' in mine.toml; known are look_at_images, "
            "near_duplicates, corrupt_images.",
        ),
        (
            "[folds]\nn_folds = 1\n",
            "Option 'folds.n_folds' in mine.toml is 1: input should be greater than or equal to 2.",
        ),
        (
            "[folds]\nn_folds = 'five'\n",
            "Option 'folds.n_folds' in mine.toml is 'five': input should be a valid integer.",
        ),
        (
            "[folds]\ntest_share = 0.3\n",
            "Option 'folds.test_share' in mine.toml is 0.3: must be one over a whole number, such "
            "as 0.5, 0.25, 0.2 or 0.1.",
        ),
        (
            "[folds]\nscheme = 'random'\nrepeat = 2\n",
            "Option 'folds.scheme' in mine.toml is 'random': input should be 'stratified_groups', "
            "'leave_one_hospital_out', 'official' or 'holdout' (+1 more).",
        ),
        (
            "[data.x]\n",
            "Unknown option 'data.x' in mine.toml; known are source, folder, table, images_in, "
            "group, images, positive, id_pattern.",
        ),
        (
            "[synthetic]\npatient = 3\n",
            "Unknown option 'synthetic.patient' in mine.toml; did you mean 'synthetic.patients'?",
        ),
    ],
)
def test_a_mistake_is_named_with_its_key_and_what_was_meant(recipe, text, message):
    assert refusal(recipe(MINIMAL + text)) == message


def test_a_missing_option_is_named(recipe):
    assert refusal(recipe('[data]\nsource = "isic2024"\n')) == (
        "Option 'data.folder' is missing in mine.toml."
    )


def test_recipes_are_found_by_name_or_path(recipe, tmp_path):
    assert find_recipe("sample").name == "sample.toml"
    assert refusal("sampel") == (
        "No recipe is called 'sampel'; there are dermamnist, full_size, ham10000, "
        "image_folder, isic2020, isic2024, pad_ufes, sample, tabular, two_stage, "
        "two_stage_ham10000; did you mean 'sample'?"
    )
    assert refusal("./no.toml") == "Recipe ./no.toml is not there."


def test_settings_override_one_value_each():
    recipe = load_recipe(
        "ham10000",
        ["folds.n_folds=3", "data.folder=/some/where", 'data.positive=["mel"]', "seed=9"],
    )
    assert recipe.folds.n_folds == 3
    assert str(recipe.data.folder) == "/some/where"
    assert recipe.data.positive == ("mel",)
    assert recipe.seed == 9


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("folds.n_folds", "Cannot read --set 'folds.n_folds'; write it as section.key=value."),
        (
            "fold.n_folds=3",
            "Unknown option 'fold' in sample.toml; did you mean 'folds'?",
        ),
        ("seed.x=1", "'seed.x' does not exist: 'seed' has no keys below it."),
    ],
)
def test_settings_that_cannot_be_read(setting, message):
    assert refusal("sample", setting) == message


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("seed=true", "Option 'seed' in sample.toml is True: input should be a valid integer."),
        ("synthetic.images=-1", None),
        (
            "name='../../escaped'",
            "Unknown option 'name' in sample.toml; a recipe is named by its file.",
        ),
        ("verify.look_at_images='off'", None),
        ("folds.test_share=5e-324", None),
        ("seed=" + "[" * 100_000, None),
    ],
)
def test_values_of_another_kind_are_refused_not_bent(setting, message):
    told = refusal("sample", setting)
    assert told == message if message else told.startswith("Option '")
    assert "literal" not in told.split(" is ")[0]
    assert len(told) <= 280


def test_nothing_is_drawn_into_the_folder_of_real_data():
    assert refusal("isic2024", "synthetic.patients=80") == (
        "Recipe isic2024 has no [synthetic] section: its data are real, and nothing is drawn into "
        "their folder. Take RECIPE=sample."
    )


def test_check_119_a_number_written_as_an_exponent_is_a_number():
    assert load_recipe("sample", ["folds.test_share=5e-1"]).folds.test_share == 0.5


def test_check_138_what_is_no_toml_or_too_large_is_refused_quickly(recipe):
    for text in ("a = 1\na = 2\n", "!!python/object:os.system {}", "x = " + "[" * 5000):
        assert refusal(recipe(text)).startswith("Recipe mine.toml is not valid TOML: ")
    assert refusal(recipe("#" * (SIZE_LIMIT + 1))) == (
        "Recipe mine.toml is over 1048576 bytes; that is no recipe."
    )


def test_models_are_frozen_and_resolved_without_a_path_of_this_machine(tmp_path):
    recipe = load_recipe("sample", [f"data.folder={tmp_path}"])
    with pytest.raises(ValueError, match="frozen"):
        recipe.seed = 3
    assert recipe.resolved()["data"]["folder"] == tmp_path.name


@pytest.mark.parametrize("name", ["/etc/passwd", "../elsewhere.csv"])
def test_files_lie_below_the_data_folder(name):
    assert refusal("sample", f"data.table={name}") == (
        f"Option 'data.table' in sample.toml is '{name}': must name files below the data folder."
    )


def test_overlays_are_drawn_unless_the_recipe_says_no():
    assert load_recipe("sample").predict.overlays
    assert not load_recipe("sample", ["predict.overlays=false"]).predict.overlays
    assert refusal("sample", "predict.overlays=0").startswith("Option 'predict.overlays' in sample")


OTHERS = "stage1, stage2, stack, tabular, images, mean, rank_average, weighted, or_rule"


@pytest.mark.parametrize(
    "name", ["stage1", "Small", "a-b", "small_fold_1", "small_fold_0_1", "stack", "or_rule"]
)
def test_extractors_are_named_as_folders_and_columns_can_be(name):
    assert refusal("sample", f"extractors.{name}.gamma=1.0") == (
        f"Recipe sample.toml: no network can be called {name}; take small letters, digits and _, "
        f"no fold's name and none of {OTHERS}."
    )


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        (
            'networks=["stage1", "smal"]',
            "Recipe sample.toml: networks lists smal; there are stage1, stage2, small.",
        ),
        ('networks=["small", "small"]', "Recipe sample.toml: networks lists one twice."),
        (
            "encoders.small.net.size=64",
            "Recipe sample.toml: small is an extractor and an encoder; rename one.",
        ),
        (
            "encoders.plain.net.cbam=true",
            "Option 'encoders.plain' in sample.toml is {'net': {'cbam': True}}: net.cbam is for "
            "networks that learn; an encoder is its backbone alone.",
        ),
        (
            "compare.seeds=[0, 0]",
            "Option 'compare.seeds' in sample.toml is [0, 0]: names a seed twice.",
        ),
        (
            'compare.variants=["rigde"]',
            "Option 'compare.variants' in sample.toml is ['rigde']: rigde is none of tables, "
            "scalars, raw, raw_alone, procrustes, ridge, ridge_alone, ridge_no_context, "
            "ridge_few, relative, frozen, scalars_frozen, ridge_frozen.",
        ),
        (
            "networks=small",
            "Option 'networks' in sample.toml is 'small': input should be a valid list.",
        ),
        (
            "extractors.small.gama=1",
            "Unknown option 'extractors.small.gama' in sample.toml; did you mean "
            "'extractors.small.gamma'?",
        ),
        (
            "extractors.small.net.bakbone=x",
            "Unknown option 'extractors.small.net.bakbone' in sample.toml; did you mean "
            "'extractors.small.net.backbone'?",
        ),
        (
            "extractors.small.net.xyzzy=1",
            "Unknown option 'extractors.small.net.xyzzy' in sample.toml; known are backbone, "
            "weights, sha256, size, mean, std, se, cbam, se_reduction, hidden, dropout, "
            "drop_path, pace, options.",
        ),
        (
            "extractors.small.net.size=-3",
            "Option 'extractors.small.net.size' in sample.toml is -3: input should be greater "
            "than or equal to 32.",
        ),
        (
            "stage1.augment.gray_world=0.0",
            "Unknown option 'stage1.augment.gray_world' in sample.toml; did you mean "
            "'stage1.augment.gray_world_p'?",
        ),
        (
            "extractors.small.phases=[{ epochs = 1, lr = 1e-3 }, { epoch = 1, lr = 1e-3 }]",
            "Option 'extractors.small.phases.1.epochs' is missing in sample.toml (+1 more).",
        ),
        (
            "align.method=rigde",
            "Option 'align.method' in sample.toml is 'rigde': input should be 'scalars', 'raw', "
            "'ridge', 'procrustes' or 'relative'.",
        ),
    ],
)
def test_a_mistake_about_networks_is_named_as_deep_as_it_lies(setting, message):
    assert refusal("sample", setting) == message


def test_an_encoder_needs_columns_of_embeddings():
    settings = ['networks=["plain"]', "encoders.plain.net.size=64", "align.method=scalars"]
    with pytest.raises(ConfigError) as error:
        load_recipe("sample", settings)
    assert str(error.value) == (
        "Recipe sample.toml: align.method='scalars' leaves nothing of plain: an encoder gives "
        "embeddings alone."
    )


@pytest.mark.parametrize("setting", ["align.anchors=pictures", "align.pictures=somewhere"])
def test_anchors_of_ones_own_are_stated_with_their_folder(setting):
    with pytest.raises(ConfigError, match=r"anchors='pictures' and pictures=<folder> go together"):
        load_recipe("sample", [setting])
