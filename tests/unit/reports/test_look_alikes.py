"""The page of look-alikes: pictures side by side, each text escaped, nothing fetched."""

import re

from reports.look_alikes import Proposed, Seen, look_alikes_page

PICTURE = "data:image/jpeg;base64,AAAA"
EVIL = '"><script>x</script>'


def judged(one="A", other="B", told=()):
    return Proposed(Seen(one, PICTURE), Seen(other, f"{PICTURE}BBB="), 31, 0.9312, told)


def shown(*pairs, synthetic=False):
    return look_alikes_page(pairs, "lesions", "accept.csv", synthetic=synthetic)


def test_pairs_stand_side_by_side_in_their_order_with_a_line_to_copy():
    text = shown(judged(), judged("C", "D"))
    assert re.findall(r'<img src="([^"]*)" alt="([^"]*)">', text) == [
        (PICTURE, "A"), (f"{PICTURE}BBB=", "B"), (PICTURE, "C"), (f"{PICTURE}BBB=", "D"),
    ]  # fmt: skip
    assert re.findall(r"<code>(.*?)</code>", text) == ["make folds", "A,B", "C,D"]
    assert "<pre tabindex=\"0\">a,b\nA,B\nC,D</pre>" in text  # fmt: skip
    assert "Pictures of two lesions that may be of one" in text


def test_what_the_table_says_of_both_is_told():
    told = (("sex", "male", "male"), ("age_approx", "45", "50"), ("diagnosis", "nv", "nv"))
    assert (
        '<p class="caption">31 points agree, cosine 0.93; both sex male, diagnosis nv; age approx '
        "45 and 50.</p>"
    ) in shown(judged(told=told))
    assert '<p class="caption">31 points agree, cosine 0.93.</p>' in shown(judged())


def test_every_text_is_escaped_and_nothing_can_be_fetched_or_run():
    text = shown(judged(EVIL, told=((EVIL, EVIL, EVIL),)))
    assert text.count("<script") == text.count('<script>"use strict";') == 1  # page.js
    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:" in text
    assert not re.findall(r'(?:src|href)="(?!data:|#)', text)


def test_a_page_says_that_it_shows_pictures_and_whether_they_are_drawn():
    assert "This page shows pictures and their ids." in shown(judged())
    assert "Synthetic data." not in shown(judged())
    assert "Synthetic data." in shown(judged(), synthetic=True)


def test_that_there_is_none_is_said():
    assert "There is none." in shown()
