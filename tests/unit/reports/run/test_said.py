from reports.pages.elements import Note
from reports.run.said import shown
from reports.table import Table, columns


def test_sentences_lose_their_stage_and_notices_warn():
    table = Table(columns("a"), ())
    assert shown([
        "label-efficiency: auc of 3 pictures.", table, "notice: few rows.",
        "WARNING: simclr had collapsed.", "Plain: as it is.",
    ]) == [
        Note("Auc of 3 pictures."), table, Note("few rows.", "warning"),
        Note("simclr had collapsed.", "warning"), Note("Plain: as it is."),
    ]  # fmt: skip
