"""Which rows a run was made of, and who is held out of what."""

from folds.findings import plural
from reports import balance, features
from reports.crossings import crossing_table, in_a_sentence
from reports.pages.elements import Note, Section
from reports.run.missing import missing
from reports.run.sheets import RunSheets
from reports.table import Table, Words, columns, count

# In the order in which one asks; whatever else is counted stands behind.
COUNTED = ("rows", "positives", "patients", "lesions", "images", "hospitals", "diagnoses")
SAID = {"lesions": "lesions by the table's ids", "images": "pictures, those of the test too"}


def sections(sheets: RunSheets) -> list[Section]:
    """The rows, then the folds."""
    return [_data(sheets), _folds(sheets)]


def _data(sheets: RunSheets) -> Section:
    data, title = sheets.recipe["data"], "Data"
    if sheets.verified is None:
        return Section("data", title, (missing(sheets, "verify"),))
    known = sheets.verified["counts"]
    counts = {name: known[name] for name in COUNTED if name in known} | known
    kind = "Synthetic data" if sheets.synthetic else "Data"
    rows = [
        (Words(SAID.get(name, name.replace("_", " "))), count(n)) for name, n in counts.items() if n
    ]
    # Kinds and counts alone: the messages name ids, and ids may be people.
    noticed = [
        (Words(f"notice: {notice['check'].replace('-', ' ')}"), count(notice["count"]))
        for notice in sheets.verified["notices"]
        if notice["check"] not in ("synthetic", "limited")
    ]
    table = Table(columns("what", "number"), tuple(rows + noticed))
    shown = sheets.cases is not None and sheets.cases.cases is not None
    lead = (
        f"{kind} of the source {data['source']}, from the folder {data['folder']}. Rows are those "
        "that may be trained on; "
        + ("single lesions and patients stand below, with their ids." if shown
           else "no id of a person or picture stands on this page.")
    )  # fmt: skip
    leaks = [
        element
        for sheet in sheets.verified.get("crossings", ())
        for element in (Note(in_a_sentence(sheet)), crossing_table(sheet))
    ]
    return Section("data", title, (table, *leaks, *_look_alikes(sheets), *_features(sheets)), lead)


def _features(sheets: RunSheets) -> list[Note]:
    """How many columns were made of the metadata, and of whom no other lesion is known."""
    manifest = sheets.manifests.get("features")
    return [] if manifest is None else [Note(f"Features: {features.sentence(manifest.facts)}")]


def _look_alikes(sheets: RunSheets) -> list[Note]:
    """That pictures of two groups may be of one, and where a person judges that."""
    told = sheets.manifests["samples"].facts.get("look_alikes")
    if told is None:
        return []
    words = (
        f"Look-alikes: a network had {plural(told['judged'], 'pair')} of pictures judged; "
        f"{told['joined']} of them are certain and joined, {told['listed']} are left to a person."
    )
    page = " samples/look_alikes.html has them side by side, for whoever may see the pictures."
    return [Note(words + (page if told["listed"] else ""))]


def _folds(sheets: RunSheets) -> Section:
    manifest = sheets.manifests.get("folds")
    if sheets.balance is None or manifest is None:
        return Section("folds", "Folds", (missing(sheets, "folds"),))
    facts = manifest.facts
    lead = (
        f"Scheme {facts['scheme']}, seed {facts['seed']}; decided once, before anything was "
        "trained, and checked against its hash whenever it is read."
    )
    digest = Table(columns("fold hash (SHA-256)"), ((Words(facts["fold_hash"], code=True),),))
    table = balance.balance_table(sheets.balance, sheets.recipe["data"]["group"])
    return Section("folds", "Folds", (table, digest), lead)
