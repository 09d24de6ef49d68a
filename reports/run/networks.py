"""What the networks of a run are worth, one by one and end to end."""

from dataclasses import replace

from reports import networks
from reports.pages.elements import Note, Section
from reports.run import trainings
from reports.run.missing import missing
from reports.run.sheets import RunSheets
from reports.sheets import Network


def sections(sheets: RunSheets) -> list[Section]:
    """Each network, then both of a cascade."""
    if not sheets.networks:
        if sheets.recipe["data"]["images"] == "none":
            note = Note("The recipe uses no images, and so no network.")
        else:
            note = missing(sheets, "train-cnn", "No network is trained on all folds.")
        return [Section("networks", "Networks", (note,))]
    return [_section(sheets, name, sheet) for name, sheet in sheets.networks.items()] + (
        [] if sheets.cascade is None else [networks.cascade_section(sheets.cascade)]
    )


def _section(sheets: RunSheets, name: str, sheet: Network) -> Section:
    """What it is worth, then how it learnt."""
    worth = networks.network_section(name, sheet)
    return replace(worth, elements=(*worth.elements, *trainings.elements_of(name, sheets)))
