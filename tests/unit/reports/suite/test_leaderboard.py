"""A suite's page: its order, what opens, what is said of a lesson, what may run."""

import base64
import hashlib
import json
import re

from reports.suite.leaderboard import in_order, look, page, tables


def interval(value, low=None, high=None):
    return {"value": value, "low": low, "high": high, "level": 0.95, "by_seed": [value]}


def scheme(auc, recall, **values):
    metrics = {
        "macro_auc": interval(auc, auc - 0.01, auc + 0.01), "melanoma_recall": interval(recall),
        "balanced_accuracy": interval(0.4), "cancer_sensitivity": interval(0.5),
        "accuracy": interval(0.7),
    }  # fmt: skip
    rate = {"k": 3, "n": 4, "value": 0.75}
    return {
        "n": 20, "metrics": metrics, "seeds": [0, 1],
        "per_class": [{"class": "mel", "rows": 8, "right": 2.0, "called": 4.0}],
        "melanomas_found": {
            "leaked": {"k": 3.0, "n": 4, "by_seed": [3, 3]},
            "clean": {"k": 1.0, "n": 4, "by_seed": [1, 1]},
            "unknown": {"k": 0.0, "n": 0, "by_seed": [0, 0]},
        },
        "flags": [{"threshold": 0.1, "sensitivity": rate, "melanoma_sensitivity": rate,
                   "specificity": rate}], **values,
    }  # fmt: skip


def experiment(title, auc, recall, **values):
    both = {"by_lesion": scheme(auc, recall), "official": scheme(auc + 0.02, recall)}
    return {
        "title": title, "changed": "one thing", "teaches": "a lesson", "of": None, "claims": {},
        "lessons": [], "parameters": 6887, "seconds": 12.4, "schemes": both, **values,
    }  # fmt: skip


LESSON = {
    "says": "Adam beats SGD", "than": "01", "metric": "macro_auc", "better": "higher",
    "schemes": {
        "by_lesion": {"minus": interval(0.02, 0.01, 0.03), "verdict": "holds"},
        "official": {"minus": interval(0.004), "verdict": "no interval"},
    },
}  # fmt: skip
SPLIT = {
    "n": 20, "validation": 5, "test": 15, "together": True, "melanomas": 8, "leaked": 0,
    "leaked_melanomas": 0, "unknown": 0,
}  # fmt: skip
SHEET = {
    "classes": ["mel", "nv"], "melanoma": "mel", "cancers": ["mel"], "sensitivity": 0.9,
    "level": 0.95, "group": "lesion",
    "schemes": {
        "by_lesion": SPLIT,
        "official": {**SPLIT, "together": False, "n": 15, "leaked": 6, "leaked_melanomas": 4},
    },
    "experiments": {
        "01": experiment("<b>SGD</b>", 0.80, 0.1),
        "02": experiment("Adam", 0.85, 0.3, of="01", claims={"macro_auc": 0.846},
                         lessons=[LESSON]),
    },
    "ensembles": {
        "or": {
            "title": "Either", "members": ["01", "02"], "rule": "or",
            "schemes": {"by_lesion": {"seeds": [0], "flags": scheme(0, 0)["flags"]}},
        }
    },
    "skipped": {"23": {"title": "Pretrained", "why": "skipped, no weights: none there."}},
}  # fmt: skip


def drawn():
    return page(SHEET, "A suite")


def text_of(html):
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def test_the_best_by_the_first_split_stands_first():
    assert [number for number, _ in in_order(SHEET)] == ["02", "01"]
    numbers = re.findall(r'<tr class="one">\s*<td data-value="(\w+)"', drawn())
    assert numbers == ["02", "01", "or"]  # what has no AUC stands last


def test_a_row_says_what_it_is_worth_and_what_it_is_sorted_by():
    row = re.search(r'<tr class="one">.*?</tr>', drawn(), re.DOTALL)[0]
    assert '<td data-value="0.85">0.850<small>0.840 to 0.860</small></td>' in row
    assert '<td data-value="0.3">0.300<small>one seed</small></td>' in row
    assert '<td data-value="0.25">0.25<small>1.0 of 4</small></td>' in row  # clean melanomas
    assert '<td data-value="6887">6,887</td>' in row


def test_what_opens_says_what_changed_and_whether_the_lesson_held():
    words = text_of(drawn())
    assert "What changed (of 01) one thing" in words
    assert "Claimed and measured macro AUC 0.846, measured 0.870 (0.860 to 0.880)" in words
    assert (
        "Adam beats SGD: holds, by lesion (macro AUC +0.020, +0.010 to +0.030 against 01); "
        "no interval, official split (macro AUC +0.004 against 01)."
    ) in words
    assert "23, Pretrained: skipped, no weights: none there." in words
    assert "By lesion: 20 pictures, validation and test together." in words
    assert (
        "Official split: 15 test pictures; 6 of them, and 4 of 8 melanomas, are leaked: their "
        "lesion or picture is in training too."
    ) in words


def test_texts_are_escaped_and_two_scripts_may_run():
    html = drawn()
    assert "&lt;b&gt;SGD&lt;/b&gt;" in html
    scripts = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    hashes = [hashlib.sha256(script.encode()).digest() for script in scripts]
    known = " ".join(f"'sha256-{base64.b64encode(one).decode()}'" for one in hashes)
    assert len(scripts) == html.count("<script") == 2
    assert f"; script-src {known};" in html
    assert "default-src 'none'" in html
    assert not re.search(r"https?://", html)


def test_the_console_has_the_same_order():
    *said, table = tables(SHEET)
    assert [row[0].brief for row in table.rows] == ["02", "01"]
    assert table.rows[0][1].brief == "Adam"  # on a page alone: eighty columns have no room
    assert table.columns[1].page_only
    assert table.rows[0][4].brief == "0.300"
    assert said[0].startswith("by lesion: 20 pictures")


def test_the_first_split_is_the_recipe_s_whatever_a_json_object_keeps():
    swapped = {
        **SHEET, "order": ["official", "by_lesion"],
        "experiments": {
            "01": experiment("best by lesion", 0.9, 0.1),
            "02": experiment("best on the official split", 0.8, 0.3),
        },
    }  # fmt: skip
    swapped["experiments"]["02"]["schemes"]["official"] = scheme(0.95, 0.3)
    read = json.loads(json.dumps(swapped, sort_keys=True))
    assert list(read["schemes"]) == ["by_lesion", "official"]
    for sheet in (swapped, read):
        *said, table = tables(sheet)
        assert [column.title for column in table.columns[:4]] == [
            "#", "experiment", "AUC, official split", "AUC, by lesion"
        ]  # fmt: skip
        assert [row[0].brief for row in table.rows] == ["02", "01"]
        assert said[0].startswith("official split: 15 test pictures")
        assert said[-1].endswith("balanced accuracy, official split.")
    assert page(read, "A suite") == page(swapped, "A suite")
    del read["order"]  # a sheet of old
    assert [number for number, _ in in_order(read)] == ["01", "02"]


def test_another_look_has_another_hash():
    assert re.fullmatch("[0-9a-f]{16}", look())
