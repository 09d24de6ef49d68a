from rich.console import Console

from reports.console import drawn
from reports.table import Column, Mark, Table, Words, broken, columns, count


def lines(table, width=80, **how):
    console = Console(width=width, **how)
    with console.capture() as capture:
        console.print(drawn(table))
    return [line.rstrip() for line in capture.get().splitlines()]


def test_an_open_table_is_its_brief_cells_under_a_rule():
    rows = ((Words("sex: male", short="male"), count(1520)), (Words("b"), Mark("LEAK", good=False)))
    heads = (Column("subgroup"), Column("patients", "pat."))
    assert lines(Table(heads, rows)) == [
        "", " subgroup   pat.", " ───────────────", " male       1520", " b          LEAK", "",
    ]  # fmt: skip


def test_an_indented_table_keeps_its_edge():
    table = Table(columns("metric"), ((Words("AUC"),),), frame="indented")
    assert lines(table) == ["", "  metric", " ────────", "  AUC", ""]


def test_a_boxed_table_with_its_numbers_to_the_right():
    table = Table((Column("rows", right=True),), ((count(7),),), frame="boxed")
    assert lines(table) == ["┏━━━━━━┓", "┃ rows ┃", "┡━━━━━━┩", "│    7 │", "└──────┘"]


def test_what_is_for_the_page_alone_is_left_out():
    heads = (Column("a"), Column("n", page_only=True), Column("b"))
    table = Table(heads, ((Words("1"), Words("2"), Words("3")),))
    assert lines(table)[1:4] == [" a   b", " ─────", " 1   3"]


def test_sentences_are_broken_and_numbers_are_not():
    table = Table((*columns("n"), *broken("words")), ((Words("0.1 0.2"), Words("a long one")),))
    assert lines(table, width=18)[3:5] == [" 0.1 0.2   a long", "           one"]


def test_a_users_text_is_no_markup():
    assert " [red]x[/red] [b]" in lines(Table(broken("a"), ((Words("[red]x[/red] [b]"),),)))


def test_claims_are_faint():
    table = Table(columns("a"), ((Words("ours"),), (Words("theirs"),)), faint=frozenset({1}))
    coloured = lines(table, force_terminal=True, color_system="standard")
    dim = "\x1b[2m"
    assert [dim in line for line in coloured[3:5]] == [False, True]
