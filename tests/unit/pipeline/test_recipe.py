from pathlib import Path

import pytest

from pipeline.recipe import load_recipe
from pipeline.recipe_files import SIZE_LIMIT, find_recipe, recipe_names
from workspace.errors import ConfigError, one_line

ROOT = Path(__file__).resolve().parents[3]


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


@pytest.mark.parametrize("name", recipe_names())
def test_the_papers_figures_stand_beside_ours_only_where_the_recipe_repeats_the_paper(name):
    claims = {config.claim for config in load_recipe(name).networks.values()} - {None}
    papers = {"two_stage_first", "two_stage_second"}
    repeated = {
        "two_stage": papers, "two_stage_ham10000": papers,
        "simclr": {"simclr_tuned", "simclr_scratch", "simclr_imagenet"},
    }  # fmt: skip
    assert claims == repeated.get(name, set())


OF_A_GPU = ("isic2024", "two_stage", "two_stage_ham10000")


@pytest.mark.parametrize("name", recipe_names())
def test_a_recipe_begins_with_weights_that_are_here_unless_it_repeats_what_a_gpu_made(name):
    recipe = load_recipe(name)
    starts = {config.net.weights for config in recipe.used.values()}
    assert ("hub" in starts) == (name in OF_A_GPU)


@pytest.mark.parametrize("name", ["ham10000", "image_folder", "isic2020", "pad_ufes"])
def test_pictures_of_ones_own_are_learnt_beside_a_baseline_of_size_and_colours(name):
    used = load_recipe(name).used
    assert list(used) == ["lite"]
    assert used["lite"].source_only


@pytest.mark.parametrize("name", ["ham10000", "image_folder", "isic2020", "pad_ufes"])
def test_one_word_stacks_the_networks_of_a_recipe_of_pictures(name):
    assert load_recipe(name).folding.anchor_share == 0
    stacked = load_recipe(name, ["stack.networks=true"])
    assert stacked.needs_anchors
    assert stacked.folding.anchor_share == 0.05


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
            "near_duplicates, look_alikes, corrupt_images.",
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
            "'leave_one_hospital_out', 'official', 'holdout', 'corrected', 'by_lesion' or "
            "'by_image' (+1 more).",
        ),
        (
            "[data.x]\n",
            "Unknown option 'data.x' in mine.toml; known are source, folder, table, images_in, "
            "lesions, group, images, positive, id_pattern, pixel_limit, limit.",
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
    known = sorted(path.stem for path in (ROOT / "recipes").glob("*.toml"))
    assert refusal("sampel") == one_line(
        f"No recipe is called 'sampel'; there are {', '.join(known)}; did you mean 'sample'?"
    )
    assert refusal("./no.toml") == "Recipe ./no.toml is not there."
    long = "9" * 300  # longer than a file system takes
    assert refusal(long).startswith(f"No recipe is called '{long[:37]}...'; there are ")
    assert refusal(f"./{long}") == f"Recipe ./{long[:195]}... is not there."


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
            "Unknown option 'fold' in SET; did you mean 'folds'?",
        ),
        ("seed.x=1", "'seed.x' does not exist: 'seed' has no keys below it."),
    ],
)
def test_settings_that_cannot_be_read(setting, message):
    assert refusal("sample", setting) == message


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("seed=true", "Option 'seed' in SET is True: input should be a valid integer."),
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
        f"Option 'data.table' in SET is '{name}': must name files below the data folder."
    )


def test_overlays_are_drawn_unless_the_recipe_says_no():
    assert load_recipe("sample").predict.overlays
    assert not load_recipe("sample", ["predict.overlays=false"]).predict.overlays
    assert refusal("sample", "predict.overlays=0").startswith("Option 'predict.overlays' in SET")


OTHERS = (
    "stack, tabular, images, lightgbm, xgboost, catboost, logistic, set_attention, mean, "
    "rank_average, weighted, greedy, or_rule, rank_and_flag"
)


@pytest.mark.parametrize(
    "name", ["Small", "a-b", "small_fold_1", "small_fold_0_1", "stack", "or_rule"]
)
def test_networks_are_named_as_folders_and_columns_can_be(name):
    assert refusal("sample", f"networks.{name}.base=extractor") == (
        f"Recipe sample.toml: no network can be called {name}; take small letters, digits and _, "
        f"no fold's name and none of {OTHERS}."
    )


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        (
            'use_networks=["stage1", "smal"]',
            "Recipe sample.toml: use_networks lists smal; there are stage1, small, stage2.",
        ),
        ('use_networks=["small", "small"]', "Recipe sample.toml: use_networks lists one twice."),
        (
            "networks.small.claim=two_stage_frst",
            "Recipe sample.toml: networks.small.claim is 'two_stage_frst'; there are "
            "two_stage_first, two_stage_second, simclr_tuned, simclr_imagenet, simclr_scratch.",
        ),
        (
            "networks.small.base=extracter",
            "No network's base is called 'extracter'; there are classes, contrastive, encoder, "
            "extractor, fine_tuned, first_stage, lite, second_stage, student; did you mean "
            "'extractor'?",
        ),
        ("networks.small.base=gone.toml", "A network's base gone.toml is not there."),
        (
            "cascade.first=small",
            "Recipe sample.toml: cascade.first is small, which calls nothing by the target; it "
            "needs task.kind='target' with a task.threshold.",
        ),
        (
            "cascade.second=small",
            "Recipe sample.toml: cascade.second is small, which is not of the first one's "
            "positives; it needs task.kind='classes' with task.rows='positive'.",
        ),
        (
            "cascade.second=stage3",
            "Recipe sample.toml: cascade names stage3, which is no network; there are stage1, "
            "small, stage2.",
        ),
        (
            "compare.seeds=[0, 0]",
            "Option 'compare.seeds' in SET is [0, 0]: names a seed twice.",
        ),
        (
            'compare.variants=["rigde"]',
            "Option 'compare.variants' in SET is ['rigde']: rigde is none of tables, "
            "scalars, raw, raw_alone, procrustes, ridge, ridge_alone, ridge_no_context, "
            "ridge_few, relative, frozen, scalars_frozen, ridge_frozen.",
        ),
        (
            "use_networks=small",
            "Option 'use_networks' in SET is 'small': input should be a valid list.",
        ),
        (
            "networks.small.training.gama=1",
            "Unknown option 'networks.small.training.gama' in SET; did you mean "
            "'networks.small.training.gamma'?",
        ),
        (
            "networks.small.gamma=1",
            "Unknown option 'networks.small.gamma' in SET; known are net, task, training, "
            "teacher, augment, views, claim, source_only.",
        ),
        (
            "networks.small.net.bakbone=x",
            "Unknown option 'networks.small.net.bakbone' in SET; did you mean "
            "'networks.small.net.backbone'?",
        ),
        (
            "networks.small.net.xyzzy=1",
            "Unknown option 'networks.small.net.xyzzy' in SET; known are backbone, "
            "weights, sha256, size, mean, std, se, cbam, se_reduction, hidden, dropout, "
            "head_norm, drop_path, weight_bits, pace, threads, options.",
        ),
        (
            "networks.small.net.size=-3",
            "Option 'networks.small.net.size' in SET is -3: input should be greater "
            "than or equal to 16.",
        ),
        (
            "networks.small.task.treshold=none",
            "Unknown option 'networks.small.task.treshold' in SET; did you mean "
            "'networks.small.task.threshold'?",
        ),
        (
            "networks.stage2.task.rows=some",
            "Option 'networks.stage2.task.rows' in SET is 'some': input should be 'all' or "
            "'positive'.",
        ),
        (
            "networks.small.task.kind=odd",
            "Option 'networks.small.task' in SET is {'kind': 'odd'}: kind is 'odd'; there "
            "are target, classes, nothing, contrastive.",
        ),
        ("networks.other.net.size=64", "Option 'networks.other.task' is missing in sample.toml."),
        (
            "networks.other.base=second_stage",
            "Option 'networks.other.task.classes' is missing in sample.toml.",
        ),
        (
            "networks.stage1.augment.gray_world=0.0",
            "Unknown option 'networks.stage1.augment.gray_world' in SET; did you mean "
            "'networks.stage1.augment.gray_world_p'?",
        ),
        (
            "networks.small.training.phases=[{ epochs = 1, lr = 1e-3 }, { epoch = 1, lr = 1e-3 }]",
            "Option 'networks.small.training.phases.1.epochs' is missing in SET (+1 more).",
        ),
        (
            "align.method=rigde",
            "Option 'align.method' in SET is 'rigde': input should be 'scalars', 'raw', "
            "'ridge', 'procrustes' or 'relative'.",
        ),
    ],
)
def test_a_mistake_about_networks_is_named_as_deep_as_it_lies(setting, message):
    assert refusal("sample", setting) == message


def test_a_base_that_does_not_go_with_what_is_stated_is_told():
    settings = ("networks.plain.base=encoder", "networks.plain.net.cbam=true")
    assert refusal("sample", *settings).endswith(
        ": net.cbam is for networks that learn; an encoder is its backbone alone."
    )


def test_an_encoder_needs_columns_of_embeddings():
    settings = (
        'use_networks=["plain"]', "networks.plain.base=encoder", "align.method=scalars"
    )  # fmt: skip
    assert refusal("sample", *settings) == (
        "Recipe sample.toml: align.method='scalars' leaves nothing of plain: an encoder gives "
        "embeddings alone."
    )


def test_all_networks_are_used_unless_some_are_named():
    assert list(load_recipe("sample").used) == ["stage1", "small", "stage2"]
    assert list(load_recipe("sample", ['use_networks=["small", "stage1"]']).used) == [
        "small", "stage1"
    ]  # fmt: skip


@pytest.mark.parametrize("setting", ["align.anchors=pictures", "align.pictures=somewhere"])
def test_anchors_of_ones_own_are_stated_with_their_folder(setting):
    with pytest.raises(ConfigError, match=r"anchors='pictures' and pictures=<folder> go together"):
        load_recipe("sample", [setting])
