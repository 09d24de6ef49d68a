"""How a run's models are made, in words, from its recipe alone."""

from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

from folds.findings import plural
from reports.sheets import Json
from reports.table import Table, Words, broken

BEGUN = {
    "none": "random numbers",
    "installed": "ImageNet's weights, of an installed package",
    "hub": "pretrained weights of timm's hub",
}
OF_BOOSTERS = (
    "rounds", "learning_rate", "num_leaves", "max_depth", "depth", "min_data_in_leaf", "rate",
    "inverse_penalty",
)  # fmt: skip

RATIOS = ("positive_ratio", "negative_ratio")  # of sampling "ratios"


def training_table(recipe: Json) -> Table:
    """A row for each part that learns, and for how they are put together."""
    rows = [*_boosters(recipe), *_networks(recipe), *_together(recipe)]
    return Table(broken("part", "how it is made"), tuple((Words(a), Words(b)) for a, b in rows))


def _boosters(recipe: Json) -> Iterator[tuple[str, str]]:
    stack: Mapping[str, Any] = recipe.get("stack", {})
    for name in stack.get("boosters", ()):
        values = recipe.get(name, {})
        shown = [f"{key} {values[key]}" for key in OF_BOOSTERS if key in values]
        yield f"booster {name}", _listed(shown)
    if "sampling" in stack:
        kept = [f"{key} {stack[key]}" for key in RATIOS if key in stack]
        yield "rows for boosters", _listed([f"sampling {stack['sampling']}", *kept])
    families = recipe.get("features", {}).get("families", ())
    if families:
        yield "columns", f"families {_listed(families)}"


def _networks(recipe: Json) -> Iterator[tuple[str, str]]:
    wanted = recipe.get("use_networks")
    for name, config in recipe.get("networks", {}).items():
        if wanted is None or name in wanted:
            yield f"network {name}", _listed([*_net(config), *_learning(config)])


def _net(config: Json) -> Iterator[str]:
    net = config.get("net", {})
    if "backbone" in net:
        yield f"{net['backbone']} on pictures of {net.get('size')} px"
    if "weights" in net:
        weights = str(net["weights"])
        yield f"begun with {BEGUN.get(weights, PurePath(weights).name)}"


def _learning(config: Json) -> Iterator[str]:
    training, task = config.get("training", {}), config.get("task", {})
    if task:
        yield f"learns {task.get('kind')}"
    for phase in training.get("phases", ()):
        frozen = f" with {' and '.join(phase['frozen'])} frozen" if phase.get("frozen") else ""
        yield f"{plural(phase['epochs'], 'epoch')} at {phase['lr']:g}{frozen}"
    for key, words in (
        ("batch_size", "batches of {}"), ("epoch_samples", "{} pictures an epoch"),
        ("gamma", "focal loss, gamma {}"), ("smoothing", "label smoothing {}"),
        ("sampling", "sampling {}"), ("choose", "weights by {}"),
    ):  # fmt: skip
        if training.get(key) is not None:
            yield words.format(training[key])
    if config.get("teacher"):
        yield f"taught by {config['teacher'].get('network')}"


def _together(recipe: Json) -> Iterator[tuple[str, str]]:
    stack, blend = recipe.get("stack", {}), recipe.get("blend", {})
    if "seeds" in stack:
        yield (
            "stack",
            (
                f"{stack['seeds']} seeds a fold, {stack.get('average')} averaged, "
                f"{'with' if stack.get('networks') else 'without'} what networks see"
            ),
        )
    if "policy" in blend:
        yield "handed in", f"blend.policy {blend['policy']}"
    if "method" in recipe.get("calibration", {}):
        yield "probabilities", f"calibration.method {recipe['calibration']['method']}"


def _listed(words: Any) -> str:
    return ", ".join(map(str, words)) or "nothing said"
