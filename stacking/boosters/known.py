"""The boosters that there are, by the name of their section in a recipe; and whose a model is."""

from collections.abc import Sequence
from importlib.util import find_spec

from stacking.boosters.booster import Booster, BoosterConfig
from stacking.boosters.catboost import CatBoostConfig
from stacking.boosters.lightgbm import LightGBMConfig
from stacking.boosters.logistic import LogisticConfig
from stacking.boosters.set_attention import SetAttentionConfig
from stacking.boosters.xgboost import XGBoostConfig
from workspace.errors import ArtifactError, ConfigError
from workspace.units import Unit

BOOSTERS: dict[str, type[BoosterConfig]] = {
    "lightgbm": LightGBMConfig,
    "xgboost": XGBoostConfig,
    "catboost": CatBoostConfig,
    "logistic": LogisticConfig,
    "set_attention": SetAttentionConfig,
}
DEFAULT = "lightgbm"  # where a recipe names none
EXTRAS = ("xgboost", "catboost")  # called like the libraries, which may not be installed


def check_installed(names: Sequence[str]) -> None:
    """Refuse a booster whose library is not here, before anything is grown."""
    for name in names:
        if name in EXTRAS and find_spec(name) is None:
            raise ConfigError(
                f"stack.boosters needs the library {name}, which is not installed here; install "
                "it with pip install -e '.[boosters]', or name another."
            )


def load_boosters(unit: Unit, count: int, columns: Sequence[str]) -> list[Booster]:
    """The models of a fold by number; the names of the files say which booster they are of."""
    for name, config in BOOSTERS.items():
        if config.file.format(0) in unit.manifest.files:
            check_installed([name])
            names = [config.file.format(number) for number in range(count)]
            return [config.load(unit, one, columns) for one in names]
    raise ArtifactError(
        f"{unit.folder} has no model of a booster that is known here ({', '.join(BOOSTERS)}); run "
        "'make stack FRESH=1'."
    )
