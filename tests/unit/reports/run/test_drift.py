from reports.run.drift import agreements, drift_plot, sections
from reports.run.sheets import Block
from tests.by_hand.run_sheets import only_folds


def drift(before, after):
    """(explained, cosine) by fold."""

    def at(by_fold):
        each = {
            str(fold): {"explained": one, "cosine": two} for fold, (one, two) in by_fold.items()
        }
        keys = ("explained", "cosine") if each else ()
        mean = {key: sum(one[key] for one in each.values()) / len(each) for key in keys} or None
        return {"folds": each, "mean": mean}

    return {"before": at(before), "after": None if after is None else at(after)}


MAPPED = drift({10: (0.25, 0.5), 2: (0.75, 0.75)}, {10: (0.5, 0.875), 2: (1.0, 1.0)})


def block(of, *, learns=True, warnings=(), method="ridge"):
    return Block(of, (2, 10), 400, method, learns, warnings)


def test_a_block_is_a_row_of_means_with_its_least_fold():
    [section] = sections(only_folds(blocks={"net": block(MAPPED)}))
    table, plots = section.elements
    assert [cell.brief for cell in table.rows[0]] == [
        "net", "400", "ridge", "50.0%", "75.0%", "0.625", "0.938", "fold 10, 50.0%",
    ]  # fmt: skip
    assert [plot.title for plot in plots.plots] == ["Views of the folds, net"]


def test_embeddings_that_stay_as_they_are_have_no_after():
    raw = block(drift({0: (0.25, 0.5), 1: (0.75, 0.5)}, None), method="raw")
    [section] = sections(only_folds(blocks={"net": raw}))
    assert [cell.brief for cell in section.elements[0].rows[0]] == [
        "net", "400", "raw", "50.0%", "", "0.500", "", "fold 0, 25.0%",
    ]  # fmt: skip


def test_a_fold_goes_on_its_line_from_before_to_after():
    plot = drift_plot("net", agreements(block(MAPPED)))
    left, _, right, _ = plot.box
    assert [words for _, words in plot.y.ticks] == ["fold 2", "fold 10"]
    line, after, before = plot.shapes[3:]
    assert line.points == (before.points[0], after.points[0])
    assert [shape.points[0][0] for shape in (before, after)] == [
        left + (right - left) / 4, left + (right - left) / 2,
    ]  # fmt: skip
    assert (before.style, after.style) == ("hollow", "dot")
    assert (before.words, after.words) == ("fold 10, before: 25.0%", "fold 10, after: 50.0%")


def test_a_nested_stack_has_the_mean_of_each_folds_boosters():
    nested = block([MAPPED, drift({2: (0.5, 0.5), 10: (0.5, 0.5)}, {2: (1, 1), 10: (1, 1)})])
    assert [(one.name, one.before["explained"], one.result) for one in agreements(nested)] == [
        ("boosters 2", 0.5, 0.75), ("boosters 10", 0.5, 1.0),
    ]  # fmt: skip


def test_what_cannot_be_compared_is_said_and_what_differs_too_much_warns():
    frozen = block(drift({}, None), learns=False)
    alone = block(drift({}, {}), warnings=("embeddings of alone mean different things.",))
    [section] = sections(only_folds(blocks={"frozen": frozen, "alone": alone}))
    assert [(note.tone, note.words) for note in section.elements] == [
        ("plain", "frozen: nothing to compare, since it learnt nothing, and is the same."),
        ("plain", "alone: nothing to compare, since there is one view alone."),
        ("warning", "embeddings of alone mean different things."),
    ]
    assert sections(only_folds()) == []
