"""A recipe: one TOML file, at most one base, composed into frozen models.

Each section's model lives beside the code it steers; here they are only put together and held
against one another.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    create_model,
    model_validator,
)

from features.config import FeatureConfig
from folds.sources import DataConfig
from folds.split import FoldConfig
from folds.verify import VerifyConfig
from metrics.score_sheet import ScoreConfig
from models.cascade.claims import CLAIMS
from models.cascade.config import CascadeConfig
from models.distill.config import DistillConfig
from models.export.config import ExportConfig
from models.inference.config import PredictConfig
from models.nets.config import HUB, INSTALLED, NONE, NetConfig
from models.networks.ablation import AblationConfig
from models.networks.beginning import check_beginning
from models.networks.config import NetworkConfig
from models.networks.label_efficiency import LabelEfficiencyConfig
from models.networks.teacher import check_teacher
from models.suite.config import SuiteConfig
from pipeline.recipe_files import RECIPES, find_recipe, read_recipe, recipe_names
from pipeline.recipe_mistakes import worded
from reports.config import ReportConfig
from stacking.alignment.config import AlignConfig
from stacking.alignment.variants import CompareConfig
from stacking.blending.config import BLENDS, SEVERAL, BlendConfig
from stacking.boosters.booster import BoosterConfig
from stacking.boosters.known import BOOSTERS
from stacking.calibration.config import CalibrationConfig
from stacking.config import AuditConfig, StackConfig
from stacking.tuning.config import TuneConfig
from submissions.offline.config import BundleConfig
from synthetic.config import SyntheticConfig
from workspace.choices import Names
from workspace.errors import ConfigError, name_some

__all__ = ["Recipe", "find_recipe", "load_recipe", "recipe_names"]

NETWORK_NAME = r"(?!.*_fold_(all|[\d_]+)$)[a-z][a-z0-9_]*"  # as folders and columns spell it
OTHERS = ("stack", "tabular", "images", *BOOSTERS, *BLENDS)  # members, blends: no network's name


if TYPE_CHECKING:
    _Boosters = BaseModel
else:  # a section for each booster that there is, under its name
    _Boosters = create_model("_Boosters", **{n: (kind, kind()) for n, kind in BOOSTERS.items()})


class Recipe(_Boosters):
    """Everything that steers a run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    about: str = ""
    seed: int = Field(default=0, ge=0, lt=2**32, strict=True)
    # Of what networks begin with and see; None: the seed. With another one the folds stay, so that
    # what a network brings can be told from its luck.
    network_seed: int | None = Field(default=None, ge=0, lt=2**32, strict=True)
    data: DataConfig
    synthetic: SyntheticConfig | None = None
    verify: VerifyConfig = VerifyConfig()
    folds: FoldConfig = FoldConfig()
    networks: dict[str, NetworkConfig] = Field(default={})
    use_networks: Names | None = None  # of the run, in this order; None: all
    cascade: CascadeConfig | None = None
    ablation: AblationConfig = AblationConfig()
    align: AlignConfig = AlignConfig()
    compare: CompareConfig = CompareConfig()
    features: FeatureConfig = FeatureConfig()
    stack: StackConfig = StackConfig()
    blend: BlendConfig = BlendConfig()
    calibration: CalibrationConfig = CalibrationConfig()
    tune: TuneConfig = TuneConfig()
    audit: AuditConfig = AuditConfig()
    score: ScoreConfig = ScoreConfig()
    predict: PredictConfig = PredictConfig()
    suite: SuiteConfig = SuiteConfig()
    distill: DistillConfig = DistillConfig()
    export: ExportConfig = ExportConfig()
    bundle: BundleConfig = BundleConfig()
    label_efficiency: LabelEfficiencyConfig = LabelEfficiencyConfig()
    report: ReportConfig = ReportConfig()

    _path: Path | None = PrivateAttr(default=None)  # of its file

    @property
    def address(self) -> str:
        """How another recipe names this one as its base: by name, or by the path of its file."""
        path = self._path
        if path is None or path.parent.resolve() == RECIPES.resolve():
            return self.name
        return str(path.absolute())

    @property
    def seed_of_networks(self) -> int:
        """What networks are drawn by."""
        return self.seed if self.network_seed is None else self.network_seed

    @property
    def boosting(self) -> BoosterConfig:
        """The section of the booster that grows the stack."""
        return self.booster(self.stack.boosters[0])

    @property
    def boosting_settings(self) -> dict[str, Any]:
        """The same for a manifest, under the booster's name."""
        return self.booster_settings(self.stack.boosters[0])

    def booster(self, name: str) -> BoosterConfig:
        """The section of this booster."""
        return cast("BoosterConfig", getattr(self, name))

    def booster_settings(self, name: str) -> dict[str, Any]:
        """The same for a manifest, under the booster's name."""
        return {name: self.booster(name).model_dump(mode="json")}

    @property
    def used(self) -> dict[str, NetworkConfig]:
        """The networks of the run that say something of a row, by name, in its order."""
        listed = {name: self.networks[name] for name in self._listed}
        return {name: one for name, one in listed.items() if not one.task.is_beginning}

    @property
    def beginnings(self) -> dict[str, NetworkConfig]:
        """Those with whose weights others begin: listed, or needed by one of the run."""
        names = dict.fromkeys([*self._listed, *self.needed])
        return {name: self.networks[name] for name in names if self._is_beginning(name)}

    @property
    def needed(self) -> tuple[str, ...]:
        """The beginnings of the networks of the run, each once."""
        starts = dict.fromkeys(self.beginning_of(one.net) for one in self.used.values())
        return tuple(name for name in starts if name is not None and self._is_beginning(name))

    def beginning_of(self, net: NetConfig) -> str | None:
        """The network of this recipe with whose weights such a net begins."""
        return net.weights if net.weights in self.networks else None

    def declared_of(self, name: str) -> list[str]:
        """What every number of a network is to be read with; mostly nothing."""
        network = self.networks[name]
        declared = [] if network.teacher is None else self.declared_of(network.teacher.network)
        start = self.beginning_of(network.net)
        if start is not None and not self._is_beginning(start):
            declared = [*self.declared_of(start), *declared]
        if start is None or not self.networks[start].task.sees_all:
            return list(dict.fromkeys(declared))
        return [
            *declared,
            f"{name} began with the weights of {start}, which had seen the held-out pictures too, "
            f"without their labels (networks.{start}.task.rows='all').",
        ]

    @property
    def _listed(self) -> Sequence[str]:
        return tuple(self.networks) if self.use_networks is None else self.use_networks

    def _is_beginning(self, name: str) -> bool:
        return self.networks[name].task.is_beginning

    @property
    def needs_anchors(self) -> bool:
        """Whether groups are set aside: where networks are stacked that are aligned on them."""
        sees = self.data.images != "none"
        return sees and self.stack.networks and self.align.anchors == "anchor"

    @property
    def folding(self) -> FoldConfig:
        """The folds' section; a share of groups is lost to the folds only where it is of use."""
        if self.needs_anchors:
            return self.folds
        return self.folds.model_copy(update={"anchor_share": 0.0})

    @property
    def blending(self) -> BlendConfig:
        """The blends' section; with several boosters and no word of it, their rank average."""
        several = len(self.stack.boosters) > 1 and len(set(self.blend.members)) != 1
        if not several or "policy" in self.blend.model_fields_set:
            return self.blend
        return self.blend.model_copy(update={"policy": SEVERAL})

    @property
    def cascades(self) -> list[tuple[str, str]]:
        """The cascade's two networks, if there is one and the run has both."""
        config = self.cascade
        if config is None or not {config.first, config.second} <= self.used.keys():
            return []
        return [(config.first, config.second)]

    def resolved(self) -> dict[str, Any]:
        """All values as plain types for a manifest; folders and files by their names only."""
        values = self.model_dump(mode="json")
        values["data"]["folder"] = self.data.folder.name
        values["data"]["lesions"] = self.data.lesions and self.data.lesions.name
        values["blend"] = self.blending.model_dump(mode="json")
        values["stack"]["blind"] = list(self.stack.blind)
        for name, network in self.networks.items():
            values["networks"][name]["net"]["weights"] = Path(network.net.weights).name
        for key in ("experiments", "imagenet"):
            values["suite"][key] = Path(values["suite"][key]).name
        if self.export.runtime is not None:
            values["export"]["runtime"] = self.export.runtime.name
        if self.predict.learnt is not None:
            values["predict"]["learnt"] = self.predict.learnt.name
        if self.align.pictures is not None:
            values["align"]["pictures"] = self.align.pictures.name
        return values

    @model_validator(mode="after")
    def _knows_its_networks(self) -> Self:
        known = tuple(self.networks)
        odd = [name for name in known if not re.fullmatch(NETWORK_NAME, name)]
        if odd or (odd := [name for name in known if name in OTHERS]):
            raise ValueError(
                f"no network can be called {name_some(odd)}; take small letters, digits and _, "
                f"no fold's name and none of {', '.join(OTHERS)}"
            )
        if words := [name for name in known if name in (HUB, INSTALLED, NONE)]:
            raise ValueError(
                f"no network can be called {words[0]}: in net.weights, which names networks too, "
                "it says whence weights come"
            )
        names = self.use_networks or ()
        if unknown := [name for name in names if name not in known]:
            raise ValueError(
                f"use_networks lists {name_some(unknown)}; there are {', '.join(known) or 'none'}"
            )
        if len(set(names)) != len(names):
            raise ValueError("use_networks lists one twice")
        return self

    @model_validator(mode="after")
    def _networks_go_with_the_rest(self) -> Self:
        for name, network in self.networks.items():
            if network.claim is not None and network.claim not in CLAIMS:
                raise ValueError(
                    f"networks.{name}.claim is {network.claim!r}; there are {', '.join(CLAIMS)}"
                )
        silent = [name for name, network in self.used.items() if not network.task.learns]
        if silent and not self.align.embeds:
            raise ValueError(
                f"align.method='scalars' leaves nothing of {name_some(silent)}: an encoder gives "
                "embeddings alone"
            )
        if self.cascade is not None:
            self.cascade.check(self.networks)
        self.distill.check(self.networks)
        for name in self.networks:
            check_beginning(name, self.networks)
            check_teacher(name, self.networks, self.used)
        return self


def load_recipe(name_or_path: str, settings: Sequence[str] = ()) -> Recipe:
    """Read a recipe by name or path and override values with `a.b=1` settings."""
    path = find_recipe(name_or_path)
    values = read_recipe(path, settings)
    if "name" in values:
        raise ConfigError(f"Unknown option 'name' in {path.name}; a recipe is named by its file.")
    try:
        recipe = Recipe.model_validate({"name": path.stem, **values})
    except ValidationError as error:
        raise ConfigError(worded(error, Recipe, values, (path.name, settings))) from error
    recipe._path = path
    return recipe
