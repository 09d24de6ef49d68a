"""Curves: the same bytes for the same history, and everything on them by name."""

import re

import matplotlib as mpl
import pytest

from models.training.curves import draw


def history(*epochs_of_phases, watch="auc"):
    """Scores rise up to the last epoch but one, then fall."""
    phases = [n for n, epochs in enumerate(epochs_of_phases, 1) for _ in range(epochs)]
    return [
        {"phase": phase, "epoch": n, "lr": 1e-3, "loss": 1 / n,
         watch: 0.5 + n / 1000 - 0.2 * (n == len(phases) > 1)}
        for n, phase in enumerate(phases, 1)
    ]  # fmt: skip


def words(svg):
    return re.findall(r"<text [^>]*>([^<]*)</text>", svg)


def test_the_same_history_gives_the_same_bytes():
    once = draw(history(2, 4, 3), "auc")
    with mpl.rc_context({"font.size": 30, "svg.hashsalt": "another", "axes.grid": True}):
        assert draw(history(2, 4, 3), "auc") == once
    assert draw(history(2, 4, 4), "auc") != once


def test_nothing_of_the_day_it_was_drawn_is_in_it():
    svg = draw(history(2), "auc")
    assert not re.search(r"dc:date|dc:creator|\b20\d\d-\d\d", svg)
    assert mpl.__version__ not in svg


def test_it_leaves_the_settings_of_whoever_draws_besides():
    before = dict(mpl.rcParams)
    draw(history(2), "auc")
    assert dict(mpl.rcParams) == before


def test_everything_is_named():
    svg = draw(history(10, 30, 20), "auc")
    said = words(svg)
    assert {"Loss in training", "epoch", "phase 1", "phase 2", "phase 3"} <= set(said)
    assert "Inner AUC: best 0.559 at epoch 59" in said
    assert "<title>Loss and inner AUC by epoch</title>" in svg


def test_the_other_score_has_its_name_too():
    assert "Inner macro F1: best 0.502 at epoch 2" in words(
        draw(history(3, watch="macro_f1"), "macro_f1")
    )


def test_a_narrow_phase_keeps_its_number_alone():
    said = words(draw(history(2, 40), "auc"))
    assert "1" in said
    assert "phase 1" not in said
    assert "phase 2" in said


def test_of_equally_good_epochs_the_first_is_the_best():
    even = [{**entry, "auc": 0.7} for entry in history(3)]
    assert "Inner AUC: best 0.700 at epoch 1" in words(draw(even, "auc"))


def test_one_epoch_is_enough():
    said = words(draw(history(1), "auc"))
    assert "Inner AUC: best 0.501 at epoch 1" in said
    assert said.count("1") == 1  # the only tick


def test_where_nothing_was_scored_the_loss_stands_alone():
    bare = [{k: v for k, v in entry.items() if k != "auc"} for entry in history(3, 2)]
    svg = draw(bare, "auc")
    said = words(svg)
    assert {"Loss in training", "epoch", "phase 1", "phase 2"} <= set(said)
    assert not [word for word in said if "Inner" in word]
    assert "<title>Loss by epoch</title>" in svg
    assert svg.count("fill: #eceff4") == 1


@pytest.mark.parametrize("epochs", [29, 31])
def test_many_epochs_are_a_line_few_have_their_dots(epochs):
    dots = draw(history(epochs), "auc").count("<use ")
    assert (dots > 2 * epochs) == (epochs < 30)


def test_every_second_phase_is_shaded_in_both_panels():
    assert draw(history(3, 3, 3, 3), "auc").count("fill: #eceff4") == 4


def test_what_is_only_watched_has_no_best_epoch_and_signs_of_life_have_panels_of_their_own():
    watch = "knn_balanced_accuracy"
    entries = [
        {**entry, "alignment": 0.5, "uniformity": -entry["epoch"] / 10}
        for entry in history(12, watch=watch)
    ]
    svg = draw(entries, watch, chosen=False)
    said = words(svg)
    assert "Inner kNN balanced accuracy: 0.312 after the last epoch" in said
    assert "Alignment: how far two views of a picture lie apart" in said
    assert "Uniformity: 0 where all pictures lie on one point" in said
    assert "#b3423a" not in svg  # the colour of the best epoch
    assert "#b3423a" in draw(entries, watch)
    bare = [{k: v for k, v in entry.items() if k not in (watch, "uniformity")} for entry in entries]
    assert "Alignment: how far two views of a picture lie apart" in words(draw(bare, watch))
