"""What a run hands in."""

from reports.pages.elements import Section
from reports.run.missing import missing
from reports.run.sheets import RunSheets
from reports.table import Cell, Table, Words, columns, count


def sections(sheets: RunSheets) -> list[Section]:
    """Its scores in short, and its hash."""
    manifest = sheets.manifests.get("submission")
    if sheets.handed_in is None or manifest is None:
        return [Section("submission", "Submission", (missing(sheets, "submission"),))]
    scores, file = sheets.handed_in, "submission.csv"
    ends = scores.sort().to_list()
    rows: tuple[tuple[Cell, ...], ...] = (
        (Words("rows"), count(len(scores))),
        (Words("distinct scores"), count(scores.n_unique())),
        (Words("lowest, highest"), Words(", ".join(f"{v:.6g}" for v in (ends[0], ends[-1])))),
        (Words("SHA-256"), Words(manifest.files[file].sha256, code=True)),
    )
    lead = f"{file} passed the checks of its own scorer before it appeared."
    table = Table(columns("what", "value"), rows)
    return [Section("submission", "Submission", (table,), lead)]
