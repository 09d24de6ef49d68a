"""What a run has made, section by section, in the order in which a reader doubts it.

Reads what the stages kept, as it was parsed from JSON and tables; gives one page of HTML. A part
that the run has not made is named, with the command that makes it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from reports import balance, hospitals, leaks, networks, stack, tuning
from reports.crossings import crossing_table, in_a_sentence
from reports.pages.elements import Head, Note, Section
from reports.pages.page import page
from reports.provenance import provenance, stale
from reports.sheets import Cascade, Check, HeldOut, Hospitals, Json, Network, Stack, Tuning
from reports.stack import STACK, handed_in_pauc
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
class RunSheets:
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
    tuned: tuple[Tuning, pl.DataFrame] | None = None  # and its trials
    hospitals: Hospitals | None = None
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


def report(sheets: RunSheets) -> str:
    """The page of a run."""
    sections = [
        _data(sheets),
        _folds(sheets),
        *_of_stack(sheets),
        *([] if sheets.hospitals is None else [hospitals.section(sheets.hospitals)]),
        *([] if sheets.tuned is None else [tuning.section(*sheets.tuned)]),
        *_of_networks(sheets),
        _leaks(sheets),
        _submission(sheets),
        provenance(sheets.recipe, sheets.manifests),
        Section("use", "What this is not", (Note(DISCLAIMER),)),
    ]
    return page(_head(sheets), sections)


def _head(sheets: RunSheets) -> Head:
    facts: list[tuple[str, Cell]] = []
    if sheets.verified is not None:
        counts = sheets.verified["counts"]
        names = ("rows", "positives", "patients" if counts["patients"] else "lesions", "test_rows")
        facts += [(name.replace("_", " "), count(counts[name])) for name in names if counts[name]]
    if sheets.stacked is not None:
        name, pauc = handed_in_pauc(sheets.stacked)
        whose = "" if name == STACK else f" of {name}"
        words = f"pAUC{whose} above {sheets.min_tpr:.0%} sensitivity, {pauc['level']:.0%} interval"
        facts.append((words, measure(pauc)))
    return Head(
        title=sheets.recipe["name"],
        about=sheets.recipe.get("about", ""),
        banner=SYNTHETIC if sheets.synthetic else "",
        warnings=tuple(warnings_of(sheets)),
        facts=tuple(facts),
    )


def warnings_of(sheets: RunSheets) -> list[str]:
    """What every number of a run is to be read with."""
    return [*_rehearsal(sheets), *_declared(sheets), *stale(sheets.manifests)]


def _rehearsal(sheets: RunSheets) -> list[str]:
    """That only some rows were taken, in the words of the check, which name no row."""
    notices = [] if sheets.verified is None else sheets.verified["notices"]
    return [notice["message"] for notice in notices if notice["check"] == "limited"]


def _declared(sheets: RunSheets) -> list[str]:
    """What the numbers of this page are to be read with, each sentence once."""
    tuned = None if sheets.tuned is None else sheets.tuned[0]
    whole = (*sheets.networks.values(), sheets.cascade, sheets.stacked, sheets.hospitals, tuned)
    said = [words for sheet in whole if sheet is not None for words in sheet.get("declared", ())]
    return list(dict.fromkeys([*said, *_declared_of_audit(sheets)]))


def _data(sheets: RunSheets) -> Section:
    data, title = sheets.recipe["data"], "Data"
    if sheets.verified is None:
        return Section("data", title, (_missing(sheets, "verify"),))
    known = sheets.verified["counts"]
    counts = {name: known[name] for name in COUNTED if name in known} | known
    kind = "Synthetic data" if sheets.synthetic else "Data"
    rows = [(Words(n.replace("_", " ")), count(c)) for n, c in counts.items() if c]
    # Kinds and counts alone: the messages name ids, and ids may be people.
    noticed = [
        (Words(f"notice: {notice['check'].replace('-', ' ')}"), count(notice["count"]))
        for notice in sheets.verified["notices"]
        if notice["check"] not in ("synthetic", "limited")
    ]
    table = Table(columns("what", "number"), tuple(rows + noticed))
    lead = (
        f"{kind} of the source {data['source']}, from the folder {data['folder']}. Rows are those "
        "that may be trained on; no id of a person or picture stands on this page."
    )
    leaks = [
        element
        for sheet in sheets.verified.get("crossings", ())
        for element in (Note(in_a_sentence(sheet)), crossing_table(sheet))
    ]
    return Section("data", title, (table, *leaks), lead)


def _folds(sheets: RunSheets) -> Section:
    manifest = sheets.manifests.get("folds")
    if sheets.balance is None or manifest is None:
        return Section("folds", "Folds", (_missing(sheets, "folds"),))
    facts = manifest.facts
    lead = (
        f"Scheme {facts['scheme']}, seed {facts['seed']}; decided once, before anything was "
        "trained, and checked against its hash whenever it is read."
    )
    digest = Table(columns("fold hash (SHA-256)"), ((Words(facts["fold_hash"], code=True),),))
    table = balance.balance_table(sheets.balance, sheets.recipe["data"]["group"])
    return Section("folds", "Folds", (table, digest), lead)


def _of_stack(sheets: RunSheets) -> list[Section]:
    if sheets.stacked is None:
        words = "Scores, folds one by one, curves, subgroups and importances come from the stack."
        return [Section("scores", "Scores", (_missing(sheets, "stack", words),))]
    terms = stack.Terms(sheets.group, sheets.min_tpr)
    sections = stack.sections(sheets.stacked, sheets.rows, terms)
    return [
        *sections,
        *([] if sheets.importance is None else [stack.importances(sheets.importance)]),
    ]


def _of_networks(sheets: RunSheets) -> list[Section]:
    if not sheets.networks:
        if sheets.recipe["data"]["images"] == "none":
            note = Note("The recipe uses no images, and so no network.")
        else:
            note = _missing(sheets, "train-cnn", "No network is trained on all folds.")
        return [Section("networks", "Networks", (note,))]
    return [networks.network_section(name, sheet) for name, sheet in sheets.networks.items()] + (
        [] if sheets.cascade is None else [networks.cascade_section(sheets.cascade)]
    )


def _leaks(sheets: RunSheets) -> Section:
    title = "Search for leaks"
    if sheets.leaks is None:
        return Section("leaks", title, (_missing(sheets, "audit"),))
    declared = (Note(words, "warning") for words in _declared_of_audit(sheets))
    return Section("leaks", title, (leaks.leak_table(sheets.leaks), *declared))


def _declared_of_audit(sheets: RunSheets) -> Sequence[str]:
    """Its sheet is a list of checks; what is declared is a fact of its unit."""
    manifest = sheets.manifests.get("leaks")
    declared: Sequence[str] = () if manifest is None else manifest.facts.get("declared", ())
    return declared


def _submission(sheets: RunSheets) -> Section:
    manifest = sheets.manifests.get("submission")
    if sheets.handed_in is None or manifest is None:
        return Section("submission", "Submission", (_missing(sheets, "submission"),))
    scores, file = sheets.handed_in, "submission.csv"
    ends = scores.sort().to_list()
    rows: tuple[tuple[Cell, ...], ...] = (
        (Words("rows"), count(len(scores))),
        (Words("distinct scores"), count(scores.n_unique())),
        (Words("lowest, highest"), Words(", ".join(f"{v:.6g}" for v in (ends[0], ends[-1])))),
        (Words("SHA-256"), Words(manifest.files[file].sha256, code=True)),
    )
    lead = f"{file} passed the checks of its own scorer before it appeared."
    return Section("submission", "Submission", (Table(columns("what", "value"), rows),), lead)


def _missing(sheets: RunSheets, stage: str, words: str = "") -> Note:
    words = f"{words} Not made yet. With the DATA=, RUN= and SET= of this run, if any:".strip()
    return Note(words, "missing", f"make {stage}{sheets.again}")
