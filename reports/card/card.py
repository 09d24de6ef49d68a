"""The model card of a run: every number out of a sheet or a manifest, every gap said.

Reads what the report reads, and the seconds of every unit. No id of a person or picture is on it.
"""

from collections.abc import Mapping

from reports.bundle.model_card import NOTE
from reports.calibration import calibration_table
from reports.card.answers import answers, checklist
from reports.card.checklists import CLAIM, TRIPOD_AI
from reports.card.markdown import card_of
from reports.card.training import training_table
from reports.hospitals import hospital_table
from reports.members import flag_table, member_table
from reports.networks import epoch_table
from reports.pages.elements import Element, Head, Note, Section
from reports.run.data import COUNTED
from reports.run.head import SYNTHETIC, warnings_of
from reports.run.missing import PATH, PLACES, missing
from reports.run.sheets import RunSheets
from reports.run.use import DISCLAIMER
from reports.scores import metric_table, subgroup_table
from reports.stack import handed_in_pauc, score_table
from reports.table import Cell, Number, Row, Table, Words, broken, columns, count
from workspace.manifest import Making, Manifest

NOT_STATED = "not stated: the files do not say; their publisher's terms hold"
DRAWN = "drawn by 'make sample': of no person, and free"


def card(sheets: RunSheets) -> str:
    """model_card.md."""
    said = answers(sheets)
    sections = [
        _use(sheets), _data(sheets), _training(sheets), _scores(sheets), _subgroups(sheets),
        _calibration(sheets), _hospitals(sheets), _limits(sheets), _spent(sheets.makings),
        _made_with(sheets.manifests),
        Section("tripod-ai", "TRIPOD+AI", (checklist(TRIPOD_AI, said),), OF_A_LIST),
        Section("claim", "CLAIM (2024)", (checklist(CLAIM, said),), OF_A_LIST),
    ]  # fmt: skip
    head = Head(
        title=f"Model card: {sheets.recipe['name']}",
        about=sheets.recipe.get("about", ""),
        banner=SYNTHETIC if sheets.synthetic else "",
        warnings=tuple(warnings_of(sheets)),
        facts=(),
    )
    return card_of(head, sections, NOTE)


OF_A_LIST = (
    "What the checklist asks, in short, and where the answer is. What a program cannot know is not "
    "answered: whoever publishes the model writes it."
)


def _use(sheets: RunSheets) -> Section:
    source = sheets.recipe["data"]["source"]
    notes = (
        Note(
            f"For research: to rank skin lesions of data like these (source {source}), the ones "
            "most likely positive first, and to measure how well that is done. Whoever reads the "
            "scores knows what an out-of-fold score is."
        ),
        Note(
            "Not for diagnosis or treatment, not to tell anybody that a lesion needs no look, not "
            "for patients, cameras, sites, ages, skin colours or hospitals other than those that "
            "are counted below."
        ),
        Note(DISCLAIMER),
    )
    return Section("use", "Intended use", notes)


def _data(sheets: RunSheets) -> Section:
    data, known = sheets.recipe["data"], sheets.verified
    positive = data.get("positive") or ()
    rows: list[Row] = [
        (Words("source"), Words(str(data["source"]))),
        (Words("licence"), Words(DRAWN if sheets.synthetic else NOT_STATED)),
        (Words("counts as 1"), Words(", ".join(positive) or "what the source's own target says")),
        (Words("kept together"), Words(sheets.group)),
    ]
    if known is not None:
        counts = {n: known["counts"][n] for n in COUNTED if n in known["counts"]} | known["counts"]
        rows += [(Words(name.replace("_", " ")), count(n)) for name, n in counts.items() if n]
        rows += [
            (Words(f"notice: {one['check'].replace('-', ' ')}"), count(one["count"]))
            for one in known["notices"]
            if one["check"] not in ("synthetic", "limited")
        ]
    folds = sheets.manifests.get("folds")
    if folds is not None:
        facts = folds.facts
        rows.append((Words("folds"), Words(f"{facts['scheme']}, seed {facts['seed']}")))
        rows.append((Words("fold hash (SHA-256)"), Words(facts["fold_hash"])))
    lead = "Rows, patients and positives are those that may be trained on."
    elements: list[Element] = [Table(broken("what", "is"), tuple(rows))]
    elements += [] if known is not None else [_missing(sheets, "verify")]
    return Section("data", "Data", tuple(elements), lead)


def _training(sheets: RunSheets) -> Section:
    lead = "From the recipe; the whole of it stands in report.html and in every manifest."
    return Section("training", "Training", (training_table(sheets.recipe),), lead)


def _scores(sheets: RunSheets) -> Section:
    elements: list[Element] = []
    lead = ""
    if sheets.stacked is None:
        elements.append(_missing(sheets, "stack"))
    else:
        sheet, blend = sheets.stacked["stack"], sheets.stacked.get("blend")
        whose = "" if sheet["patients"] is None else f", {sheet['patients']:,} {sheets.group}"
        lead = (
            f"Out of fold: {sheet['n']:,} rows, {sheet['positives']:,} positives{whose}. Each row "
            "is scored by models that did not learn from it. Handed in is "
            f"{handed_in_pauc(sheets.stacked)[0]}; the last table is of the stack."
        )
        elements.append(score_table(sheets.stacked, sheets.min_tpr))
        if blend is not None:
            elements.append(member_table(blend, sheets.min_tpr))
            flagged = flag_table(blend)
            elements += [] if flagged is None else [flagged]
        elements.append(metric_table(sheet))
    for name, network in sheets.networks.items():
        elements.append(Note(f"Network {name}, at each fold's best epoch and at its last:"))
        elements.append(epoch_table(network))
    return Section("scores", "Scores", tuple(elements), lead)


def _subgroups(sheets: RunSheets) -> Section:
    title = "Subgroups"
    if sheets.stacked is None:
        return Section("subgroups", title, (_missing(sheets, "stack"),))
    sheet = sheets.stacked["stack"]
    if not sheet["subgroups"]:
        words = "Not known: the data have no column of sex, age, site, hospital or skin colour."
        return Section("subgroups", title, (Note(words),))
    whose = "" if sheets.group == "rows" else sheets.group
    return Section("subgroups", title, (subgroup_table(sheet, whose),), "Of the stack's score.")


def _calibration(sheets: RunSheets) -> Section:
    found = None if sheets.stacked is None else sheets.stacked.get("calibration")
    if found is None:
        return Section("calibration", "Calibration", (_missing(sheets, "stack"),))
    lead = f"Out of fold, each map fitted on {found['fitted_on']}."
    return Section("calibration", "Calibration", (calibration_table(found),), lead)


def _hospitals(sheets: RunSheets) -> Section:
    title = "Another hospital"
    if sheets.hospitals is None:
        words = "What a hospital costs from which no model learnt is not measured."
        return Section("hospitals", title, (Note(words), _missing(sheets, "hospitals")))
    found = sheets.hospitals
    notes = [Note(words, "warning") for words in (*found.get("declared", ()), *found["notes"])]
    table = hospital_table(found, found["handed_in"])
    return Section("hospitals", title, (table, *notes), f"{found['handed_in']}: {found['chosen']}")


def _limits(sheets: RunSheets) -> Section:
    """What is known to be weak; sentences that other sections have are not said again."""
    said = [
        "No row of another collection was scored: how the models do elsewhere is not known.",
        "Scores are of rows that chose the recipe too, wherever somebody compared recipes on them.",
    ]
    if sheets.synthetic:
        said.append(SYNTHETIC)
    if sheets.stacked is not None:
        blend = sheets.stacked.get("blend")
        said += [*sheets.stacked["stack"]["notes"], *([] if blend is None else blend["notes"])]
    said += warnings_of(sheets)
    if sheets.leaks is None:
        said.append(f"Leaks were not looked for: make audit{sheets.again}")
    else:
        said += [f"A leak was found: {one['check']}" for one in sheets.leaks if not one["holds"]]
    notes = tuple(Note(words, "warning") for words in dict.fromkeys(said))
    return Section("limits", "Limits", notes)


def _spent(makings: Mapping[str, Making]) -> Section:
    """Seconds by stage, the longest first, and what networks were trained on."""
    seconds: dict[str, float] = {}
    for one in makings.values():
        seconds[one.stage] = seconds.get(one.stage, 0.0) + one.seconds
    longest = sorted(seconds, key=lambda stage: (-seconds[stage], stage))
    rows = [(Words(stage), _seconds(seconds[stage])) for stage in longest]
    rows.append((Words("all"), _seconds(sum(seconds.values()))))
    named = {name for one in makings.values() for name in one.facts.get("processors", ())}
    where = ", ".join(sorted(named)) or "not said by any unit"
    lead = (
        "Seconds of every unit that lies in the run, as each kept them; units side by side count "
        f"each. Networks were trained on: {where}. Energy was not measured."
    )
    return Section(
        "spent", "What it took", (Table(columns("stage", "seconds"), tuple(rows)),), lead
    )


def _seconds(took: float) -> Cell:
    return Number(f"{took:,.1f}", repr(took))


def _made_with(manifests: Mapping[str, Manifest]) -> Section:
    """Each library and commit once, as the report has them."""
    seen: dict[str, set[str]] = {}
    for manifest in manifests.values():
        changed = ", changed" if manifest.code.dirty else ""
        named = {
            "commit": f"{manifest.code.commit[:12]}{changed}", "seed": str(manifest.seed),
            **manifest.versions, "requirements.lock (SHA-256)": manifest.lock,
        }  # fmt: skip
        for name, version in named.items():
            seen.setdefault(name, set()).add(version)
    rows = tuple((Words(n), Words(", ".join(sorted(found)))) for n, found in seen.items())
    return Section("made-with", "Made with", (Table(columns("what", "version"), rows),))


def _missing(sheets: RunSheets, stage: str) -> Note:
    """That it is not made, the command that makes it, and what that command leaves open."""
    said = (PLACES if PATH in sheets.again else "", sheets.unsaid)
    return missing(sheets, stage, " ".join(words for words in said if words))
