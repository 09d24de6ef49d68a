import base64
import re

from reports.pages.elements import Axis, Drawing, Folded, Head, Plot, Plots, Section
from reports.pages.page import page
from reports.table import Column, Table, Words, part_of_row

EVIL = '<b onclick="x">&'
SAFE = "&lt;b onclick=&#34;x&#34;&gt;&amp;"
PLOT = Plot("Loss", "Loss.", (100, 80), (10, 10, 90, 60), Axis("epoch", ()), Axis("", ()), ())


def body(*elements):
    return page(Head("a run", "", "", (), ()), [Section("one", "One", elements)])


def test_a_cell_is_as_dark_as_its_share_and_has_the_share_in_words():
    row = (Words("MEL"), part_of_row(3, 4), part_of_row(0, 4), part_of_row(0, 0))
    table = Table(tuple(map(Column, "abcd")), (row,))
    cells = [" ".join(cell.split()) for cell in re.findall(r"<td.*?</td>", body(table), re.DOTALL)]
    assert cells[1:] == [
        '<td class="number shaded" style="--shade: 30.0%"><data value="3">3</data>'
        "<small>75.0%</small></td>",
        '<td class="number shaded" style="--shade: 0.0%"><data value="0">0</data>'
        "<small>0.0%</small></td>",
        '<td class="number"><data value="0">0</data></td>',
    ]


def test_a_drawing_is_held_by_its_own_address_and_escaped():
    text = body(Drawing(EVIL, "<svg><script>alert(1)</script></svg>"))
    assert text.count("<script") == text.count('<script>"use strict";') == 1  # page.js
    assert text.count(SAFE) == 2  # its name, and below it
    [address] = re.findall(r'src="data:image/svg\+xml;base64,([^"]*)"', text)
    assert base64.b64decode(address) == b"<svg><script>alert(1)</script></svg>"
    assert "img-src data:" in text


def test_plots_may_be_small_and_folded():
    text = body(Plots((PLOT,), small=True), Folded("more", Plots((PLOT, PLOT))))
    assert text.count('<div class="plots small">') == 1
    assert text.count('<div class="plots">') == 1
    assert re.search(r"<details><summary>more</summary>.*<svg.*<svg.*</details>", text, re.DOTALL)
