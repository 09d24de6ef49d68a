"""A recipe: one TOML file, at most one base, composed into frozen models.

Each section's model lives beside the code it steers; here they are only put together, read, and
their mistakes worded: which key, in which file, and what was probably meant.
"""

import difflib
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self, cast, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from features.config import FeatureConfig
from folds.sources import DataConfig
from folds.split import FoldConfig
from folds.verify import VerifyConfig
from metrics.score_sheet import ScoreConfig
from models.cascade.ablation import AblationConfig
from models.cascade.config import Stage1Config, Stage2Config
from models.extractors.config import EncoderConfig, ExtractorConfig
from models.inference.config import PredictConfig
from models.nets.config import NetConfig
from stacking.alignment.config import AlignConfig
from stacking.alignment.variants import CompareConfig
from stacking.blending.config import BLENDS, BlendConfig
from stacking.config import AuditConfig, BoosterConfig, StackConfig
from synthetic.config import SyntheticConfig
from workspace.errors import ConfigError, name_some, shorten

RECIPES = Path(__file__).resolve().parent.parent / "recipes"
NETWORK_NAME = r"(?!.*_fold_[\d_]+$)[a-z][a-z0-9_]*"  # as folders and columns spell it
OTHERS = ("stage1", "stage2", "stack", "tabular", "images", *BLENDS)  # no extractor's name
SIZE_LIMIT = 2**20  # bytes; a recipe is a page, and a parser should not meet a bomb


class Recipe(BaseModel):
    """Everything that steers a run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    about: str = ""
    seed: int = Field(default=0, ge=0, lt=2**32, strict=True)
    data: DataConfig
    synthetic: SyntheticConfig | None = None
    verify: VerifyConfig = VerifyConfig()
    folds: FoldConfig = FoldConfig()
    networks: tuple[str, ...] = ("stage1", "stage2")  # of the run; encoders learn nothing
    net: NetConfig = NetConfig()
    stage1: Stage1Config = Stage1Config()
    stage2: Stage2Config = Stage2Config()
    extractors: dict[str, ExtractorConfig] = {}
    encoders: dict[str, EncoderConfig] = {}
    ablation: AblationConfig = AblationConfig()
    align: AlignConfig = AlignConfig()
    compare: CompareConfig = CompareConfig()
    features: FeatureConfig = FeatureConfig()
    stack: StackConfig = StackConfig()
    lightgbm: BoosterConfig = BoosterConfig()
    blend: BlendConfig = BlendConfig()
    audit: AuditConfig = AuditConfig()
    score: ScoreConfig = ScoreConfig()
    predict: PredictConfig = PredictConfig()

    def resolved(self) -> dict[str, Any]:
        """All values as plain types for a manifest; folders and files by their names only."""
        values = self.model_dump(mode="json")
        values["data"]["folder"] = self.data.folder.name
        values["net"]["weights"] = Path(self.net.weights).name
        for kind, networks in (("extractors", self.extractors), ("encoders", self.encoders)):
            for name, network in networks.items():
                values[kind][name]["net"]["weights"] = Path(network.net.weights).name
        if self.align.pictures is not None:
            values["align"]["pictures"] = self.align.pictures.name
        return values

    @model_validator(mode="after")
    def _knows_its_networks(self) -> Self:
        own = (*self.extractors, *self.encoders)
        known = ("stage1", "stage2", *own)
        odd = [name for name in own if not re.fullmatch(NETWORK_NAME, name)]
        if odd or (odd := [name for name in own if name in OTHERS]):
            raise ValueError(
                f"no network can be called {name_some(odd)}; take small letters, digits and _, "
                f"no fold's name and none of {', '.join(OTHERS)}"
            )
        if twice := [name for name in self.encoders if name in self.extractors]:
            raise ValueError(f"{name_some(twice)} is an extractor and an encoder; rename one")
        unknown = [name for name in self.networks if name not in known]
        if unknown:
            raise ValueError(f"networks lists {name_some(unknown)}; there are {', '.join(known)}")
        if len(set(self.networks)) != len(self.networks):
            raise ValueError("networks lists one twice")
        silent = [name for name in self.networks if name in self.encoders]
        if silent and not self.align.embeds:
            raise ValueError(
                f"align.method='scalars' leaves nothing of {name_some(silent)}: an encoder gives "
                "embeddings alone"
            )
        return self


def load_recipe(name_or_path: str, settings: Sequence[str] = ()) -> Recipe:
    """Read a recipe by name or path and override values with `a.b=1` settings."""
    path = find_recipe(name_or_path)
    values = _read_with_base(path, seen=())
    drawn = "synthetic" in values
    for setting in settings:
        _override(values, setting)
    if "synthetic" in values and not drawn:
        raise ConfigError(
            f"Recipe {path.stem} has no [synthetic] section: its data are real, and nothing is "
            "drawn into their folder. Take RECIPE=sample."
        )
    if "name" in values:
        raise ConfigError(f"Unknown option 'name' in {path.name}; a recipe is named by its file.")
    try:
        return Recipe.model_validate({"name": path.stem, **values})
    except ValidationError as error:
        raise ConfigError(_worded(error, path.name)) from error


def find_recipe(name_or_path: str, beside: Path | None = None) -> Path:
    """`sample` is recipes/sample.toml; anything with a slash or `.toml` is a path."""
    if name_or_path.endswith(".toml") or "/" in name_or_path:
        path = (beside or Path()) / name_or_path
        if not path.is_file():
            raise ConfigError(f"Recipe {name_or_path} is not there.")
        return path
    path = RECIPES / f"{name_or_path}.toml"
    if not path.is_file():
        known = recipe_names()
        raise ConfigError(
            f"No recipe is called '{shorten(name_or_path)}'; there are {', '.join(known)}"
            f"{_meant(name_or_path, known)}"
        )
    return path


def recipe_names() -> list[str]:
    """The recipes that come with the project."""
    return sorted(path.stem for path in RECIPES.glob("*.toml"))


def _read_with_base(path: Path, seen: tuple[Path, ...]) -> dict[str, Any]:
    path = path.resolve()
    if path in seen:
        raise ConfigError(f"Recipes name each other as base: {name_some([p.name for p in seen])}.")
    values = _parse(path)
    base = values.pop("base", None)
    if base is None:
        return values
    if not isinstance(base, str):
        raise ConfigError(f"base in {path.name} must be one recipe's name or path.")
    return _merged(_read_with_base(find_recipe(base, path.parent), (*seen, path)), values)


def _parse(path: Path) -> dict[str, Any]:
    if path.stat().st_size > SIZE_LIMIT:
        raise ConfigError(f"Recipe {path.name} is over {SIZE_LIMIT} bytes; that is no recipe.")
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"Recipe {path.name} is not valid TOML: {error}.") from error


def _merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(base)
    for key, value in changes.items():
        old = result.get(key)
        both = isinstance(old, dict) and isinstance(value, dict)
        result[key] = _merged(cast(dict[str, Any], old), value) if both else value
    return result


def _override(values: dict[str, Any], setting: str) -> None:
    """Apply one `a.b=value`; the value is TOML, or bare text."""
    dotted, separator, text = setting.partition("=")
    keys = dotted.strip().split(".")
    if not separator or not all(keys):
        raise ConfigError(f"Cannot read --set '{shorten(setting)}'; write it as section.key=value.")
    section = values
    for key in keys[:-1]:
        section = section.setdefault(key, {})
        if not isinstance(section, dict):
            raise ConfigError(f"'{shorten(dotted)}' does not exist: '{key}' has no keys below it.")
    section[keys[-1]] = _toml_value(text.strip())


def _toml_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (tomllib.TOMLDecodeError, RecursionError):
        return text


def _worded(error: ValidationError, file: str) -> str:
    """One sentence for the first mistake, and how many more there are."""
    details = error.errors()
    more = f" (+{len(details) - 1} more)" if len(details) > 1 else ""
    mistake = _one_mistake(details[0], file)
    return mistake[:-1] + more + mistake[-1]


def _one_mistake(detail: ErrorDetails, file: str) -> str:
    keys, model = _as_spelt(detail["loc"], unknown=detail["type"] == "extra_forbidden")
    dotted = ".".join(keys)
    if detail["type"] == "extra_forbidden":
        known = [name for name in model.model_fields if not (model is Recipe and name == "name")]
        near = _meant(keys[-1], known, ".".join([*keys[:-1], ""]))
        hint = near if near != "." else f"; known are {', '.join(known)}."
        return f"Unknown option '{shorten(dotted)}' in {file}{hint}"
    if detail["type"] == "missing":
        return f"Option '{dotted}' is missing in {file}."
    message = detail["msg"].removeprefix("Value error, ").replace("tuple", "list")
    if not dotted:
        return f"Recipe {file}: {message}."
    given = shorten(repr(detail["input"]))
    return f"Option '{dotted}' in {file} is {given}: {message[0].lower()}{message[1:]}."


def _as_spelt(place: Sequence[str | int], *, unknown: bool) -> tuple[list[str], type[BaseModel]]:
    """A mistake's keys as the recipe spells them, and the model in which the last one is.

    Behind them pydantic may say which kind of value it tried.
    """
    model: type[BaseModel] = Recipe
    inner: type[BaseModel] | None = Recipe
    keys: list[str] = []
    named = False  # the next key is a name of the user's
    for key in place:
        if inner is None:
            break
        if named or isinstance(key, int):
            named = False
        elif key in inner.model_fields:
            model, annotation = inner, inner.model_fields[key].annotation
            inner, named = _model_in(annotation), get_origin(annotation) is dict
        elif unknown:
            model, inner = inner, None
        else:
            break
        keys.append(str(key))
    return keys, model


def _model_in(annotation: object) -> type[BaseModel] | None:
    """The section behind a key, or behind each of several; None: a plain value."""
    choices = (annotation, *getattr(annotation, "__args__", ()))
    models = (c for c in choices if isinstance(c, type) and issubclass(c, BaseModel))
    return next(models, None)


def _meant(word: str, known: Sequence[str], section: str = "") -> str:
    """The end of a sentence about an unknown word: the nearest known one, or a full stop."""
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean '{section}{near[0]}'?" if near else "."
