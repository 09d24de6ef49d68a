"""docs/extending.md: its files are there and are all, and each of its examples works."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import timm

from features.families import FAMILIES
from folds.sources.registry import SOURCES
from models.networks.tasks.registry import TASKS
from pipeline.recipe import load_recipe
from stacking.boosters.known import BOOSTERS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "extending.md").read_text()
ROOMS = (
    "features", "folds", "metrics", "models", "pipeline", "reports", "scripts", "stacking",
    "submissions", "synthetic", "workspace",
)  # fmt: skip
BLOCK = re.compile(r"^## (.+?)\n.*?```(?:python|toml)\n(.*?)```", re.MULTILINE | re.DOTALL)
EXAMPLES = dict(BLOCK.findall(PAGE))
ROWS = dict(re.findall(r"^\| (an? [\w ]+?) \| (.*) \|$", PAGE, re.MULTILINE))

# Examples that are whole files.
FILES = {"A source": "folds/sources/clinic.py", "A booster": "stacking/boosters/slope.py"}

# What registers the example, as its one line does, and then what shows that it is used.
USES = {
    "A feature": """
from features.formulas import FORMULAS  # which is made of LESION when the file is read
FORMULAS["perimeter_per_diameter"] = LESION["perimeter_per_diameter"]
from features.build import make_features
from tests.unit.features.conftest import draw
made = [name for name in make_features(draw()).columns if "perimeter_per_diameter" in name]
assert made == ["les_perimeter_per_diameter", "pz_perimeter_per_diameter"]
""",
    "A feature family": """
import features.families
features.families.FAMILIES += (TWICE,)
from features.build import make_features
from features.config import FeatureConfig
from tests.unit.features.conftest import draw
found = make_features(draw(), FeatureConfig(families=("twice",)))
assert found.columns == ["isic_id", "tw_H"]
""",
    "A source": """
from folds.sources.registry import SOURCES
SOURCES["clinic"] = Clinic
import tempfile
from pathlib import Path
from folds.findings import Findings
from folds.samples import build_samples
from folds.sources import DataConfig, open_source
from pipeline.recipe import load_recipe
folder = Path(tempfile.mkdtemp())
lines = [f"C{n:03d},P{n // 2},{n % 2},{n % 2},{n + 30}" for n in range(8)]
header = "picture,person,malignant,biopsied,years"
(folder / "clinic.csv").write_text("\\n".join([header, *lines]) + "\\n")
data = f"source = 'clinic', folder = '{folder}', images = 'none'"
(folder / "mine.toml").write_text(f"data = {{ {data} }}")
recipe = load_recipe(str(folder / "mine.toml"))
source = open_source(recipe.data)
assert type(source) is Clinic
samples = build_samples(source, Findings())
assert samples["target"].to_list() == [0, 1] * 4
assert samples["patient_id"].n_unique() == 4
from folds.schema import CORE
assert samples.columns == [*CORE, "age_approx"]
""",
    "A booster": """
from stacking.boosters.known import BOOSTERS
BOOSTERS["slope"] = SlopeConfig
from metrics.pauc import pauc_above_tpr
from pipeline.recipe import load_recipe
from stacking.boosters.known import load_boosters
from stacking.config import StackConfig
from stacking.cross_fit import cross_fit
from tests.unit.stacking.conftest import drawn
import polars as pl
recipe = load_recipe("tabular", ['stack.boosters=["slope"]', "slope.rounds=3"])
assert recipe.boosting == SlopeConfig(rounds=3)
assert recipe.boosting_settings == {"slope": {"rounds": 3}}
assert load_recipe("tabular").stack.boosters == ("lightgbm",)
matrix = drawn()
features = pl.DataFrame(matrix.values, schema=list(matrix.columns))
features = features.with_columns(matrix.rows["isic_id"])
oof = cross_fit(features, matrix.rows, matrix.rows, StackConfig(seeds=1), recipe.boosting)
joined = oof.join(matrix.rows, on="isic_id")
assert pauc_above_tpr(joined["target"].to_numpy(), joined["score"].to_numpy()) > 0.02
import tempfile
from pathlib import Path
from workspace.manifest import Wanted
from workspace.units import making, open_unit
folder = Path(tempfile.mkdtemp()) / "fold"
wanted = Wanted(stage="stack", settings={}, inputs={}, recipe={}, seed=0)
with making(folder, wanted) as draft:
    draft.text("slope_0.txt", Slope(0.5, matrix.columns).save())
[again] = load_boosters(open_unit(folder, "stack"), 1, matrix.columns)
assert again.slope == 0.5
import pytest
siblings = "tests/unit/stacking/boosters/test_known.py"
assert pytest.main([siblings, "-k", "slope", "-p", "no:cacheprovider"]) == 0
""",
    "A learning task": """
from models.networks.tasks.registry import TASKS
TASKS["large"] = LargeTask
import polars as pl
from folds.findings import Findings
from models.networks.network import network_of
from pipeline.recipe import load_recipe
import tempfile
from pathlib import Path
path = Path(tempfile.mkdtemp()) / "mine.toml"
path.write_text('''base = "tabular"
[networks.mine]
net = { backbone = "test_resnet", weights = "none", size = 64 }
task = { kind = "large", millimetres = 3.0 }
training = { phases = [{ epochs = 1, lr = 1e-3 }] }
''')
config = load_recipe(str(path)).networks["mine"]
assert type(config.task) is LargeTask
rows = pl.DataFrame({"clin_size_long_diam_mm": [2.0, 4.0, None]})
network = network_of("mine", config, rows, Findings())
assert (network.codes.tolist(), network.outputs) == ([0, 1, 0], 1)
assert network.task.objective(network.labels, config.learning) is not None
""",
    "A stage": """
import tempfile
from pathlib import Path
from scripts.stage import Call, carry_out
from workspace.progress import Silent
folder = Path(tempfile.mkdtemp())
settings = [f"data.folder={folder}/data", "data.images=none", "synthetic.patients=16",
            "synthetic.rows=160", "synthetic.positives=24", "folds.n_folds=2"]
call = Call("tabular", settings, folder / "run", "1", {})
done = carry_out(run, "count", call, Silent())
assert done.json("count.json")["rows"] > 100
assert carry_out(run, "count", call, Silent()).manifest == done.manifest  # kept
""",
}


def test_every_row_of_the_table_has_its_example():
    assert {what.capitalize() for what in ROWS} == EXAMPLES.keys()
    assert EXAMPLES.keys() - USES.keys() == {"A timm network"}


@pytest.mark.parametrize("what", ROWS)
def test_the_files_of_the_table_are_there(what):
    named = re.findall(r"`([\w./<>-]+)`", ROWS[what])
    assert named
    for name in named:
        path = ROOT / name
        assert (path.parent if "<" in name else path).exists(), name


@pytest.mark.parametrize("what", USES)
def test_the_example_works_by_its_one_line(what):
    code = EXAMPLES[what] + USES[what]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("what", "file"), FILES.items())
def test_the_example_stands_as_a_file_before_ruff(what, file):
    for check in (("check",), ("format", "--check")):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *check, "--stdin-filename", file, "-"],
            cwd=ROOT, input=EXAMPLES[what], capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_timm_network_is_a_recipe(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text(EXAMPLES["A timm network"])
    recipe = load_recipe(str(path))
    assert list(recipe.used) == ["mine"]
    assert recipe.used["mine"].net.backbone in timm.list_models()


def mentions(pattern):
    """Files of the rooms in which it stands."""
    files = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    found = [path for path in files if re.search(pattern, path.read_text(), re.MULTILINE)]
    return {path.relative_to(ROOT).as_posix() for path in found}


def own_files(classes):
    return {name: Path(sys.modules[one.__module__].__file__) for name, one in classes.items()}


@pytest.mark.parametrize(("name", "file"), own_files(SOURCES).items())
def test_a_source_is_known_to_its_file_and_the_registry_alone(name, file):
    own = file.relative_to(ROOT).as_posix()
    assert mentions(rf"^[^#\n]*(source|SOURCES)\W[^\n]*[\"']{name}[\"']") <= {own}
    assert mentions(rf"\b{SOURCES[name].__name__}\b") == {own, "folds/sources/registry.py"}


@pytest.mark.parametrize(("name", "file"), own_files(TASKS).items())
def test_a_learning_task_is_known_to_its_file_and_the_registry_alone(name, file):
    own = file.relative_to(ROOT).as_posix()
    registry = "models/networks/tasks/registry.py"
    assert mentions(rf"\b{TASKS[name].__name__}\b") == {own, registry}
    assert mentions(rf"\bkind [!=]= [\"']{name}[\"']") <= {own}


@pytest.mark.parametrize(("name", "file"), own_files(BOOSTERS).items())
def test_a_booster_is_known_to_its_file_and_the_registry_alone(name, file):
    own, registry = file.relative_to(ROOT).as_posix(), "stacking/boosters/known.py"
    assert mentions(rf"\b{BOOSTERS[name].__name__}\b") == {own, registry}
    library = mentions(rf"^\s*(import|from) {name}\b")  # one of its name, if there is any
    assert library <= {own}
    # Whose versions a manifest names, and what the competition's image has.
    listed = {"workspace/manifest.py", "submissions/offline/wheels.py"} if library else set()
    assert mentions(rf"[\"']{name}[\"']") == {registry} | listed


@pytest.mark.parametrize("family", [family.name for family in FAMILIES])
def test_a_family_is_in_the_list_once(family):
    assert [one.name for one in FAMILIES].count(family) == 1
