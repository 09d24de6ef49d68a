"""What a run has made, section by section, in the order in which a reader doubts it.

Reads what the stages kept, as it was parsed from JSON and tables; gives one page of HTML. A part
that the run has not made is named, with the command that makes it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from reports import balance, leaks, networks, stack
from reports.elements import Head, Note, Section
from reports.page import page
from reports.provenance import provenance, stale
from reports.sheets import Cascade, Check, HeldOut, Json, Network, Stack
from reports.table import Cell, Table, Words, columns, count, measure
from workspace.manifest import Manifest

# In the order in which one asks; whatever else is counted stands behind.
COUNTED = ("rows", "positives", "patients", "lesions", "images", "hospitals", "diagnoses")
SYNTHETIC = (
    "Synthetic data. It was drawn by 'make sample': it shows no person, and no number on this page "
    "says anything about skin."
)
DISCLAIMER = (
    "This page comes from a research tool. It is no medical device, it was not examined by any "
    "authority, and it must not be used to diagnose or to treat anybody. Its numbers hold for the "
    "data named above and for no other clinic, camera or population."
)


@dataclass(frozen=True)
class Found:
    """What a run has made, None or empty where it has not; manifests by their folder in the run."""

    recipe: Json
    again: str  # what stands behind `make <stage>` to make more of this run
    manifests: Mapping[str, Manifest]
    verified: Json | None = None
    balance: Sequence[HeldOut] | None = None
    stacked: Stack | None = None
    rows: pl.DataFrame | None = None  # target, score, fold: out of fold
    importance: pl.DataFrame | None = None
    networks: Mapping[str, Network] = field(default_factory=dict)
    cascade: Cascade | None = None
    leaks: Sequence[Check] | None = None
    handed_in: pl.Series | None = None  # the scores of submission.csv

    @property
    def synthetic(self) -> bool:
        verified = self.manifests.get("samples")
        return verified is not None and bool(verified.facts.get("synthetic"))

    @property
    def group(self) -> str:
        """What the folds keep together: `patients`, `lesions`, or single rows."""
        group = self.recipe["data"]["group"]
        return "rows" if group == "none" else f"{group}s"

    @property
    def min_tpr(self) -> float:
        return float(self.recipe["score"]["min_tpr"])


def report(found: Found) -> str:
    """The page of a run."""
    sections = [
        _data(found),
        _folds(found),
        *_of_stack(found),
        *_of_networks(found),
        _leaks(found),
        _submission(found),
        provenance(found.recipe, found.manifests),
        Section("use", "What this is not", (Note(DISCLAIMER),)),
    ]
    return page(_head(found), sections)


def _head(found: Found) -> Head:
    facts: list[tuple[str, Cell]] = []
    if found.verified is not None:
        counts = found.verified["counts"]
        names = ("rows", "positives", "patients" if counts["patients"] else "lesions", "test_rows")
        facts += [(name.replace("_", " "), count(counts[name])) for name in names if counts[name]]
    if found.stacked is not None:
        pauc = found.stacked["stack"]["metrics"]["pauc"]
        words = f"pAUC above {found.min_tpr:.0%} sensitivity, {pauc['level']:.0%} interval"
        facts.append((words, measure(pauc)))
    return Head(
        title=found.recipe["name"],
        about=found.recipe.get("about", ""),
        banner=SYNTHETIC if found.synthetic else "",
        warnings=tuple(stale(found.manifests)),
        facts=tuple(facts),
    )


def _data(found: Found) -> Section:
    data, title = found.recipe["data"], "Data"
    if found.verified is None:
        return Section("data", title, (_missing(found, "verify"),))
    known = found.verified["counts"]
    counts = {name: known[name] for name in COUNTED if name in known} | known
    kind = "Synthetic data" if found.synthetic else "Data"
    rows = [(Words(n.replace("_", " ")), count(c)) for n, c in counts.items() if c]
    # Kinds and counts alone: the messages name ids, and ids may be people.
    noticed = [
        (Words(f"notice: {notice['check'].replace('-', ' ')}"), count(notice["count"]))
        for notice in found.verified["notices"]
        if notice["check"] != "synthetic"
    ]
    table = Table(columns("what", "number"), tuple(rows + noticed))
    lead = (
        f"{kind} of the source {data['source']}, from the folder {data['folder']}. Rows are those "
        "that may be trained on; no id of a person or picture stands on this page."
    )
    return Section("data", title, (table,), lead)


def _folds(found: Found) -> Section:
    manifest = found.manifests.get("folds")
    if found.balance is None or manifest is None:
        return Section("folds", "Folds", (_missing(found, "folds"),))
    facts = manifest.facts
    lead = (
        f"Scheme {facts['scheme']}, seed {facts['seed']}; decided once, before anything was "
        "trained, and checked against its hash whenever it is read."
    )
    digest = Table(columns("fold hash (SHA-256)"), ((Words(facts["fold_hash"], code=True),),))
    table = balance.balance_table(found.balance, found.recipe["data"]["group"])
    return Section("folds", "Folds", (table, digest), lead)


def _of_stack(found: Found) -> list[Section]:
    if found.stacked is None:
        words = "Scores, folds one by one, curves, subgroups and importances come from the stack."
        return [Section("scores", "Scores", (_missing(found, "stack", words),))]
    terms = stack.Terms(found.group, found.min_tpr)
    sections = stack.sections(found.stacked, found.rows, terms)
    return [*sections, *([] if found.importance is None else [stack.importances(found.importance)])]


def _of_networks(found: Found) -> list[Section]:
    if not found.networks:
        if found.recipe["data"]["images"] == "none":
            note = Note("The recipe uses no images, and so no network.")
        else:
            note = _missing(found, "train-cnn", "No network is trained on all folds.")
        return [Section("networks", "Networks", (note,))]
    return [networks.network_section(name, sheet) for name, sheet in found.networks.items()] + (
        [] if found.cascade is None else [networks.cascade_section(found.cascade)]
    )


def _leaks(found: Found) -> Section:
    title = "Search for leaks"
    if found.leaks is None:
        return Section("leaks", title, (_missing(found, "audit"),))
    return Section("leaks", title, (leaks.leak_table(found.leaks),))


def _submission(found: Found) -> Section:
    manifest = found.manifests.get("submission")
    if found.handed_in is None or manifest is None:
        return Section("submission", "Submission", (_missing(found, "submission"),))
    scores, file = found.handed_in, "submission.csv"
    ends = scores.sort().to_list()
    rows: tuple[tuple[Cell, ...], ...] = (
        (Words("rows"), count(len(scores))),
        (Words("distinct scores"), count(scores.n_unique())),
        (Words("lowest, highest"), Words(", ".join(f"{v:.6g}" for v in (ends[0], ends[-1])))),
        (Words("SHA-256"), Words(manifest.files[file].sha256, code=True)),
    )
    lead = f"{file} passed the checks of its own scorer before it appeared."
    return Section("submission", "Submission", (Table(columns("what", "value"), rows),), lead)


def _missing(found: Found, stage: str, words: str = "") -> Note:
    words = f"{words} Not made yet. With the DATA=, RUN= and SET= of this run, if any:".strip()
    return Note(words, "missing", f"make {stage}{found.again}")
