"""The boosters that there are, by the name of their section in a recipe; and whose a model is."""

from collections.abc import Sequence

from stacking.boosters.booster import Booster, BoosterConfig
from stacking.boosters.lightgbm import LightGBMConfig
from workspace.errors import ArtifactError
from workspace.units import Unit

BOOSTERS: dict[str, type[BoosterConfig]] = {"lightgbm": LightGBMConfig}
DEFAULT = "lightgbm"  # where a recipe names none


def load_boosters(unit: Unit, count: int, columns: Sequence[str]) -> list[Booster]:
    """The models of a fold by number; the names of the files say which booster they are of."""
    for config in BOOSTERS.values():
        if config.file.format(0) in unit.manifest.files:
            names = [config.file.format(number) for number in range(count)]
            return [config.load(unit, name, columns) for name in names]
    raise ArtifactError(
        f"{unit.folder} has no model of a booster that is known here ({', '.join(BOOSTERS)}); run "
        "'make stack FRESH=1'."
    )
