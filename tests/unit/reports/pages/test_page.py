import base64
import hashlib
import re

import pytest

from reports.pages.elements import Contact, Folded, Head, Note, Section, Source
from reports.pages.page import SCRIPT, look_hash, page
from reports.pages.templates import text_of
from reports.table import Column, Mark, Number, Table, Words

EVIL = '<b onclick="x">&'
SAFE = "&lt;b onclick=&#34;x&#34;&gt;&amp;"


def body(*elements, **head):
    known = {"title": "a run", "about": "", "banner": "", "warnings": (), "facts": ()}
    return page(Head(**{**known, **head}), [Section("one", "One", elements)])


def rows_of(text):
    return [" ".join(row.split()) for row in re.findall(r"<tr.*?</tr>", text, re.DOTALL)]


def test_a_table_has_every_column_and_all_of_each_cell():
    heads = (Column("score", "short"), Column("n", page_only=True), Column(""))
    cells = (
        Words("net", below="member"), Number("1,200", "1200", "1 to 2", short="x"),
        Mark("LEAK", good=False),
    )  # fmt: skip
    [head, row] = rows_of(body(Table(heads, (cells,), caption="how")))
    assert head == '<tr><th scope="col">score</th><th scope="col">n</th><td></td></tr>'
    assert row == (
        '<tr> <td class="words">net<small>member</small></td> '
        '<td class="number"><data value="1200">1,200</data><small>1 to 2</small></td> '
        '<td class="mark"><span class="bad">LEAK</span></td> </tr>'
    )
    assert '<p class="caption">how</p>' in body(Table(heads, (), caption="how"))
    assert 'aria-label="score, n"' in body(Table(heads, ()))


def test_claims_are_faint_and_sums_stand_apart():
    rows = tuple((Words(word),) for word in ("ours", "theirs", "mean"))
    found = rows_of(body(Table((Column("a"),), rows, apart=1, faint=frozenset({1}))))
    assert [re.match(r'<tr(?: class="(\w+)")?', row)[1] for row in found[1:]] == [
        None, "faint", "apart",
    ]  # fmt: skip


def test_every_text_is_escaped():
    table = Table((Column(EVIL),), ((Words(EVIL, below=EVIL),), (Mark(EVIL, good=True),)), EVIL)
    text = body(
        table, Note(EVIL, command=EVIL), Folded(EVIL, Source(EVIL)), Folded("a", table),
        title=EVIL, about=EVIL, banner=EVIL, warnings=(EVIL,), facts=((EVIL, Words(EVIL)),),
    )  # fmt: skip
    assert "<b onclick" not in text
    assert text.count(SAFE) == 7 + 2 * 6 + 2 + 2  # head, tables, note, summary and source


def test_what_is_missing_is_told_with_its_command():
    text = body(Note("Not made yet.", "missing", "make stack"))
    assert '<p class="note missing">Not made yet. <code>make stack</code></p>' in text


def test_scripts_are_known_to_the_policy_by_their_hashes():
    head = Head("a run", "", "", (), (), kind="plan")
    for own in ([], ["suite/leaderboard.js"]):
        text = page(head, [], own)
        scripts = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
        assert scripts == [text_of(name) for name in (SCRIPT, *own)]
        hashes = [hashlib.sha256(script.encode()).digest() for script in scripts]
        known = " ".join(f"'sha256-{base64.b64encode(one).decode()}'" for one in hashes)
        assert f"; script-src {known};" in text
    assert "<title>a run · dermstack plan</title>" in text


@pytest.mark.parametrize(
    ("rows", "sums", "faint", "sorts"),
    [(3, 0, (), False), (4, 0, (), True), (4, 1, (), False), (5, 1, (), True), (5, 0, (2,), False)],
)
def test_tables_of_more_rows_than_an_eye_sorts_can_be_sorted(rows, sums, faint, sorts):
    words = tuple((Words(str(number)),) for number in range(rows))
    text = body(Table((Column("a"),), words, apart=sums, faint=frozenset(faint)))
    assert ('class="narrow sortable"' in text) == sorts
    bodies = [part.count("<tr") for part in text.split("<tbody>")[1:]]
    assert bodies == [rows - sums, *([sums] if sums else [])]  # sums never move


def test_a_look_has_a_hash():
    assert re.fullmatch("[0-9a-f]{64}", look_hash())
    assert look_hash() == look_hash()


def test_a_contact_sheet_and_a_note_of_what_a_sight_led_to():
    sheet = Contact((("few <b>", (("a&", "data:image/jpeg;base64,AA"),)),))
    note = Note("So: it is.", tone="so", command="a.b")
    text = body(sheet, note)
    assert "<dt>few &lt;b&gt;</dt>" in text
    assert '<img src="data:image/jpeg;base64,AA" alt="a&amp;" title="a&amp;">' in text
    assert '<p class="note so">So: it is. <code>a.b</code></p>' in text
