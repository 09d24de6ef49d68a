"""What a run has not made though its recipe could, with the command that makes it.

A part that stands in a section's place is named there; all of them stand in one list.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from folds.findings import plural
from reports.pages.elements import Element, Note, Section
from reports.run.sheets import RunSheets
from reports.sheets import Json
from reports.table import Table, Words, broken

WITHOUT_LABELS, LEARNS_NOTHING = "contrastive", "nothing"  # kinds of learning tasks
TRAIN_CNN = "train-cnn"
PUBLISHES = "dermamnist"  # the source with a suite of experiments
LEAD = (
    "Parts that this recipe can have and this run has not, with the command that makes each; a "
    "command makes what it needs first."
)
PATH = "<path>"
PLACES = f"{PATH} stands for a folder of the machine: no page names one."
Asked = Callable[[RunSheets], bool]


@dataclass(frozen=True)
class Part:
    """What a stage adds to a run: whether the recipe can have it, and whether the run has it."""

    stage: str
    words: str
    has: Asked
    could: Asked = lambda _: True


def missing(sheets: RunSheets, stage: str, words: str = "") -> Note:
    """The note that stands where a part would."""
    return Note(f"{words} Not made yet:".strip(), "missing", f"make {stage}{sheets.again}")


def sections(sheets: RunSheets) -> list[Section]:
    """Every part that is not there, one below the other."""
    lacking = [part for part in PARTS if part.could(sheets) and not part.has(sheets)]
    if not lacking:
        return []
    rows = tuple(
        (
            Words(part.words, below=_begun(sheets) if part.stage == TRAIN_CNN else ""),
            Words(f"make {part.stage}{sheets.again}", code=True),
        )
        for part in lacking
    )
    elements: list[Element] = [Table(broken("part", "command"), rows)]
    elements += [Note(PLACES)] if PATH in sheets.again else []
    elements += [Note(sheets.unsaid, "warning")] if sheets.unsaid else []
    return [Section("missing", "What this run lacks", tuple(elements), LEAD)]


def _made(*folders: str) -> Asked:
    return lambda sheets: all(folder in sheets.manifests for folder in folders)


def _used(sheets: RunSheets) -> Mapping[str, Json]:
    """The networks of the run by name; none where it sees no pictures."""
    recipe = sheets.recipe
    if recipe["data"]["images"] == "none":
        return {}
    networks, names = recipe.get("networks", {}), recipe.get("use_networks")
    return networks if names is None else {name: networks[name] for name in names}


def _kind(network: Json) -> str:
    return str(network["task"]["kind"])


def _learning(sheets: RunSheets) -> list[str]:
    """Networks with labels, which have a table of all folds."""
    others = (WITHOUT_LABELS, LEARNS_NOTHING)
    return [name for name, one in _used(sheets).items() if _kind(one) not in others]


def _begun(sheets: RunSheets) -> str:
    """Of networks that are not whole yet how many trainings are there."""
    begun = {
        name: len(sheets.trainings[name])
        for name in _learning(sheets)
        if name in sheets.trainings and name not in sheets.networks
    }
    return "; ".join(f"{name}: {plural(n, 'training')} done" for name, n in begun.items())


def _stacked(sheets: RunSheets) -> list[str]:
    """Networks whose views the stack looks at."""
    if not sheets.recipe.get("stack", {}).get("networks"):
        return []
    return [name for name, one in _used(sheets).items() if _kind(one) != WITHOUT_LABELS]


def _begins(sheets: RunSheets) -> bool:
    return any(_kind(one) == WITHOUT_LABELS for one in _used(sheets).values())


def _counts(name: str, least: int) -> Asked:
    def enough(sheets: RunSheets) -> bool:
        counts = {} if sheets.verified is None else sheets.verified["counts"]
        return int(counts.get(name) or 0) >= least

    return enough


def _names(section: str, key: str) -> Asked:
    """Whether the recipe states what such a stage is to look at."""
    return lambda sheets: bool(sheets.recipe.get(section, {}).get(key)) and bool(_used(sheets))


PARTS = (
    Part("verify", "the data, checked, and duplicates", _made("samples")),
    Part("folds", "who is held out, decided once", _made("folds")),
    Part("features", "the columns of the metadata", _made("features")),
    Part("pretrain", "networks that learn without labels", lambda s: bool(s.signs), _begins),
    Part(
        TRAIN_CNN, "networks on every fold, their classes and curves",
        lambda s: set(_learning(s)) <= s.networks.keys(), lambda s: bool(_learning(s)),
    ),
    Part(
        "embed", "the networks' views in one space, and how far the folds agree",
        lambda s: {f"blocks/{name}" for name in _stacked(s)} <= s.manifests.keys(),
        lambda s: bool(_stacked(s)),
    ),
    Part("stack", "scores out of fold, subgroups, calibration", _made("stack")),
    Part(
        "submission", "the scores of the test rows, as they are handed in", _made("submission"),
        _counts("test_rows", 1),
    ),
    Part("audit", "a search for leaks", _made("leaks")),
    Part("tune", "better values for the boosters", _made("tune")),
    Part(
        "compare", "other ways to stack the networks", _made("comparison/all"),
        lambda s: bool(_stacked(s)),
    ),
    Part(
        "hospitals", "what leaving a hospital out costs", _made("hospitals/all"),
        _counts("hospitals", 2),
    ),
    Part(
        "ablate", "what each part of a network brings", _made("ablation"),
        _names("ablation", "network"),
    ),
    Part(
        "label-efficiency", "how scores grow with labels", _made("label_efficiency"),
        _names("label_efficiency", "networks"),
    ),
    Part(
        "distill", "a teacher and its students on a holdout", _made("distill/sheet"),
        _names("distill", "networks"),
    ),
    Part(
        "suite", "many networks that differ by one change each", _made("suite/leaderboard"),
        lambda s: s.recipe["data"]["source"] == PUBLISHES and s.recipe["data"]["images"] != "none",
    ),
    Part(
        "export", "a network as files that others can ask", lambda s: bool(s.bundles),
        lambda s: bool(_learning(s)),
    ),
)  # fmt: skip
