"""A table on the console, in eighty columns where there is no wider one."""

from rich.box import HEAVY_HEAD, SIMPLE_HEAD
from rich.table import Table as Drawn
from rich.text import Text

from reports.table import Table


def drawn(table: Table) -> Drawn:
    """The table's brief cells; a text of the user's is never taken for markup."""
    rich_table = Drawn(
        box=HEAVY_HEAD if table.frame == "boxed" else SIMPLE_HEAD,
        pad_edge=table.frame != "open",
    )
    shown = [at for at, column in enumerate(table.columns) if not column.page_only]
    for column in (table.columns[at] for at in shown):
        rich_table.add_column(
            Text(column.brief),
            justify="right" if column.right else "left",
            no_wrap=column.whole,
        )
    for number, row in enumerate(table.rows):
        cells = (Text(row[at].brief) for at in shown)
        rich_table.add_row(*cells, style="dim" if number in table.faint else None)
    return rich_table
