"""A run's model card: valid Markdown, nobody's id, every gap said, a stranger's words as words."""

from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt

from reports.card.answers import answers, checklist
from reports.card.card import card
from reports.card.checklists import CLAIM, TRIPOD_AI
from reports.card.markdown import text
from reports.card.training import training_table
from reports.cases.section import CaseSheets
from reports.pages.elements import Folded, Source
from tests.by_hand.run_sheets import making
from tests.unit.reports.test_hospitals import SHEET
from tests.unit.reports.test_report import EVIL, metrics, only_folds, oof, recipe, whole

__all__ = ["metrics", "oof"]
HOSTILE = (
    EVIL, "{{7*7}}", "a | b", "[x](http://a.b)", "# h", "`c`", "*b* _i_ ~~s~~", "http://a.b",
    "![i](j)", "me@example.org", "\n\n<b>x</b>\n", "&lt;script&gt;", "$x$", "www.a.b",
)  # fmt: skip


class Drawn(HTMLParser):
    """The tags and the text of Markdown as a forge draws it."""

    def __init__(self, markdown):
        super().__init__()
        self.tags, self.words = [], []
        parser = MarkdownIt("commonmark", {"html": True, "linkify": False}).enable("table")
        self.feed(parser.enable("strikethrough").render(markdown))
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.words.append(data)


@pytest.mark.parametrize("words", HOSTILE)
def test_a_stranger_s_words_are_words(words):
    drawn = Drawn(f"| a |\n| --- |\n| {text(words)} |\n")
    assert drawn.tags == ["table", "thead", "tr", "th", "tbody", "tr", "td"]
    assert drawn.text == f"a {' '.join(words.split())}"
    assert "http:" not in text(words)  # what a forge would make a link of without being asked
    assert "www." not in text(words)


def test_a_card_of_a_hostile_run_is_tables_and_words_alone(oof, metrics):
    data = recipe()["data"] | {"source": EVIL, "positive": [EVIL]}
    networks = {EVIL: {"net": {"backbone": EVIL, "weights": f"/home/me/{EVIL}", "size": 32}}}
    shown = card(
        whole(oof, metrics | {"declared": [EVIL]}, again=f" RECIPE={EVIL}",
              recipe={**recipe(EVIL), "name": EVIL, "data": data, "networks": networks},
              makings={"a": making(EVIL, 1.0, EVIL)})
    )  # fmt: skip
    drawn = Drawn(shown)
    assert set(drawn.tags) == {
        "h1", "h2", "p", "strong", "blockquote", "table", "thead", "tbody", "tr", "th", "td", "ul",
        "li",
    }  # fmt: skip
    assert EVIL in drawn.text
    assert "/home/me" not in shown


def test_no_id_of_a_row_or_patient_is_on_the_card(oof, metrics):
    shown = card(whole(oof, metrics))
    assert "ISIC_" not in shown.replace("\\", "")
    assert "IP_" not in shown.replace("\\", "")


def test_every_row_of_a_table_has_as_many_cells_as_its_head(oof, metrics):
    width = None
    for line in card(whole(oof, metrics)).splitlines():
        cells = line.replace("\\|", "").count("|")
        if line.startswith("| "):
            width = width or cells
            assert cells == width, line
        else:
            width = None


def test_numbers_have_their_n_and_intervals(oof, metrics):
    makings = {
        "folds": making("folds", 2.0), "stack": making("stack", 1061.0),
        "boosters/stack_fold_0": making("stack", 0.5),
        "networks/a_fold_0": making("train-cnn", 8.0, "CPU b", "CPU a"),
        "networks/a_fold_1": making("train-cnn", 8.0, "CPU a"),
    }  # fmt: skip
    shown = Drawn(card(whole(oof, metrics, makings=makings))).text
    pauc = metrics["stack"]["metrics"]["pauc"]
    assert f"{pauc['value']:.4f} ({pauc['low']:.4f} to {pauc['high']:.4f})" in shown
    assert "Out of fold: 120 rows, 40 positives, 40 patients." in shown
    assert "95% intervals in brackets" in shown
    assert "stack 1,061.5 train-cnn 16.0 folds 2.0 all 1,079.5" in shown
    assert "Networks were trained on: CPU a, CPU b." in shown


def test_what_is_not_there_is_said_with_its_command():
    shown = Drawn(card(only_folds(synthetic=False))).text
    assert shown.count("make stack RECIPE=tabular") > 3
    assert "make hospitals RECIPE=tabular" in shown
    assert "not stated: the files do not say" in shown
    assert "make sample" not in shown
    assert "Networks were trained on: not said by any unit." in shown


def test_drawn_data_are_said_to_be_so():
    assert "drawn by 'make sample': of no person, and free" in Drawn(card(only_folds())).text


def test_another_hospital_is_measured_or_said_not_to_be(oof, metrics):
    measured = whole(oof, metrics, hospitals=SHEET)
    shown = Drawn(card(measured)).text
    assert "mean: alone are those with a positive" in shown
    assert "-0.0200 (-0.0300 to -0.0100)" in shown
    assert "Pooled." in shown
    assert "is not measured" not in shown
    assert answers(measured)["hospitals"] == "card: Another hospital"
    without = Drawn(card(whole(oof, metrics))).text
    assert "What a hospital costs from which no model learnt is not measured." in without


def test_a_leak_is_a_limit(oof, metrics):
    leaks = [{"check": "noise", "found": "x", "holds": False}, {"check": "y", "holds": True}]
    shown = Drawn(card(whole(oof, metrics, leaks=leaks))).text
    assert "A leak was found: noise" in shown
    assert "Leaks were not looked for" not in shown


STARTS = ("not answered: ", "not applicable, because ")


@pytest.mark.parametrize("items", [TRIPOD_AI, CLAIM], ids=["TRIPOD+AI", "CLAIM"])
def test_every_item_is_answered_or_says_why_not(items, oof, metrics):
    known = answers(whole(oof, metrics))
    assert known.keys() == answers(only_folds(verified=None, balance=None)).keys()
    for item in items:
        assert item.answer in known or item.answer.startswith(STARTS), item
    table = checklist(items, known)
    assert [row[0].words for row in table.rows] == [item.number for item in items]
    assert all(row[2].words and " " in row[2].words for row in table.rows)


def test_the_checklists_are_whole():
    assert [item.number for item in CLAIM] == [str(number) for number in range(1, 45)]
    whole_numbers = dict.fromkeys(item.number.rstrip("abcdefg") for item in TRIPOD_AI)
    assert list(whole_numbers) == [str(number) for number in range(1, 28)]
    assert len({item.number for item in TRIPOD_AI}) == len(TRIPOD_AI) == 52
    used = {item.answer for item in (*TRIPOD_AI, *CLAIM)}
    assert answers(only_folds()).keys() <= used  # none is there for nothing


def test_answers_hang_on_what_the_run_has(oof, metrics):
    half, full = answers(only_folds()), answers(whole(oof, metrics))
    assert half["scores"] == "not answered: not made yet, 'make stack RECIPE=tabular'"
    assert full["scores"] == "card: Scores"
    assert half["hospitals"] == full["hospitals"]
    assert full["preprocessing"].startswith("not applicable")


def shown(network, columns):
    """Cases of a report: with Grad-CAM of this network, and columns that move scores."""
    moving = {"why": "", "rows": 9, "columns": columns}
    return CaseSheets(moving, None, {"kinds": {}, "network": network, "lacks": []})


def test_explanations_and_failures_are_looked_up_where_the_report_has_them(oof, metrics):
    def said(**changes):
        found = answers(whole(oof, metrics, **changes))
        return found["explanations"], found["failures"]

    bare = only_folds(stacked=metrics)
    assert answers(bare)["explanations"] == "not answered: the report has none"
    why = "why they are so is for a person to look at"
    none = f"not answered: the report shows no single row; {why}"
    assert answers(bare)["failures"] == none
    new = "; Grad-CAM of new pictures by 'make predict IMAGES='"
    column = {"column": "les_x"}
    assert said(networks={"a": {}}, cases=shown("a", [column])) == (
        f"report.html: Importances, What moves scores (tree SHAP), Most wrong (Grad-CAM){new}",
        f"report.html: Most wrong; {why}",
    )
    assert said(networks={}, cases=shown(None, [])) == (
        "report.html: Importances", f"report.html: Most wrong; {why}",
    )  # fmt: skip
    hidden = CaseSheets({"why": "", "rows": 9, "columns": [column]}, None, None)
    assert said(networks={}, cases=hidden) == (
        "report.html: Importances, What moves scores (tree SHAP)", none,
    )  # fmt: skip
    unmade = answers(only_folds())
    assert unmade["failures"] == "not answered: not made yet, 'make stack RECIPE=tabular'"
    assert unmade["failures"] == unmade["explanations"]


def test_a_picture_unlike_those_learnt_from_is_told_where_a_network_can_tell():
    refused = "a file that cannot be decoded is refused"
    nothing = f"not answered: {refused}; nothing says how blurred a picture may be"
    assert answers(only_folds())["quality"] == nothing
    networks = {"a": {}}
    assert answers(only_folds(networks=networks))["quality"] == (
        f"{refused}; 'make predict' says which pictures are unlike those learnt from (unlike, "
        "distance); how blurred a picture may be: not answered"
    )
    silent = recipe() | {"predict": {"unlike": False}}
    assert answers(only_folds(networks=networks, recipe=silent))["quality"] == nothing


def test_what_is_not_made_has_its_whole_command_and_what_that_leaves_open():
    run = only_folds(again=" RECIPE=tabular DATA=<path>/mine", unsaid="No SET= says it.")
    said = (
        "<path> stands for a folder of the machine: no page names one. No SET= says it. Not made "
        "yet: make hospitals RECIPE=tabular DATA=<path>/mine"
    )
    assert said in Drawn(card(run)).text
    whole_one = Drawn(card(only_folds())).text
    assert "not measured. Not made yet: make hospitals RECIPE=tabular" in whole_one
    assert "stands for a folder" not in whole_one


def test_training_in_words():
    phases = [{"epochs": 1, "lr": 0.003, "frozen": ["backbone"]}, {"epochs": 4, "lr": 1e-4}]
    config = {
        "net": {"backbone": "tiny", "size": 32, "weights": "none"}, "task": {"kind": "target"},
        "training": {"phases": phases, "batch_size": 8, "gamma": None, "choose": "last"},
        "teacher": {"network": "big"},
    }  # fmt: skip
    table = training_table({
        "stack": {"boosters": ["lightgbm"], "sampling": "all", "seeds": 3, "average": "rank"},
        "lightgbm": {"rounds": 200, "lambda_l1": 1}, "features": {"families": ["raw", "z"]},
        "networks": {"one": config, "other": config}, "use_networks": ["one"],
        "blend": {"policy": "mean"}, "calibration": {"method": "platt"},
    })  # fmt: skip
    assert [[cell.words for cell in row] for row in table.rows] == [
        ["booster lightgbm", "rounds 200"],
        ["rows for boosters", "sampling all"],
        ["columns", "families raw, z"],
        ["network one", "tiny on pictures of 32 px, begun with random numbers, learns target, "
         "1 epoch at 0.003 with backbone frozen, 4 epochs at 0.0001, batches of 8, weights by "
         "last, taught by big"],
        ["stack", "3 seeds a fold, rank averaged, without what networks see"],
        ["handed in", "blend.policy mean"],
        ["probabilities", "calibration.method platt"],
    ]  # fmt: skip


def test_what_a_card_has_no_form_for_is_our_mistake():
    from reports.card.markdown import _element  # noqa: PLC0415 - the way in is closed otherwise

    with pytest.raises(AssertionError, match="a card has no folded"):
        _element(Folded("x", Source("y")))
