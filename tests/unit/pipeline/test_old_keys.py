import pytest

from pipeline.recipe import load_recipe
from workspace.errors import ConfigError

MINIMAL = '[data]\nsource = "isic2024"\nfolder = "somewhere"\n'
SPELT = [
    ("net.size=32", "net.size", "networks.<name>.net.size, for each network"),
    ("stage1.gamma=1.0", "stage1.gamma",
     "networks.stage1.training.gamma, with base = 'first_stage'"),
    ("stage1.names=['a', 'b']", "stage1.names",
     "networks.stage1.task.names, with base = 'first_stage'"),
    ("stage1.augment.hue=0.1", "stage1.augment.hue",
     "networks.stage1.augment.hue, with base = 'first_stage'"),
    ("stage2.views=one", "stage2.views", "networks.stage2.views, with base = 'second_stage'"),
    ("stage2.diagnoses.MEL=['mel']", "stage2.diagnoses.MEL",
     "networks.stage2.task.classes.MEL, with base = 'second_stage'"),
    ("stage2.diagnoses={}", "stage2.diagnoses",
     "networks.stage2.task.classes, with base = 'second_stage'"),
    ("extractors.small.net.size=32", "extractors.small.net.size",
     "networks.small.net.size, with base = 'extractor'"),
    ("extractors.small.auxiliary_weight=0.1", "extractors.small.auxiliary_weight",
     "networks.small.task.families_weight, with base = 'extractor'"),
    ("encoders.plain.net.size=32", "encoders.plain.net.size",
     "networks.plain.net.size, with base = 'encoder'"),
    ("networks=['stage1']", "networks", "use_networks; [networks.<name>] are their tables"),
    ("ablation.stage=stage1", "ablation.stage", "ablation.network"),
]  # fmt: skip


def refusal(path, *settings):
    with pytest.raises(ConfigError) as refused:
        load_recipe(path, settings)
    return str(refused.value)


@pytest.mark.parametrize(("setting", "old", "new"), SPELT)
def test_an_old_key_is_told_its_new_spelling(setting, old, new, tmp_path):
    assert refusal("sample", setting) == f"Option '{old}' in SET is now spelt {new}."
    key, _, value = setting.partition("=")
    quoted = value if value[0] in "0123456789[{" else f"'{value}'"
    (tmp_path / "mine.toml").write_text(f"{key} = {quoted}\n" + MINIMAL)
    assert refusal(str(tmp_path / "mine.toml")) == (
        f"Option '{old}' in mine.toml is now spelt {new}."
    )


def test_several_are_counted_and_an_empty_section_is_one(tmp_path):
    (tmp_path / "mine.toml").write_text(
        MINIMAL + "[net]\nsize = 32\nse = false\n[stage1]\n[extractors.small]\n"
    )
    assert refusal(str(tmp_path / "mine.toml")) == (
        "Option 'net.size' in mine.toml is now spelt networks.<name>.net.size, for each network "
        "(+3 more)."
    )
