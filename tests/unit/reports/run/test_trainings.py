from reports.pages.elements import Folded, Note, Plots
from reports.report import report
from reports.run.trainings import elements_of, sections, warnings
from tests.by_hand.histories import training
from tests.by_hand.run_sheets import Page, only_folds

LEARNS = training("fold 0", (1.0, 0.5, 0.4), (0.6, 0.9, 0.8))
WORSE = training("fold 1", (1.0, 0.5, 0.4), (0.9, 0.8, 0.7))
STILL = training("fold 2", (1.0, 0.5, 0.4), (0.6, 0.7, 0.8))


def test_a_best_epoch_that_is_the_first_or_the_last_is_a_warning_that_names_the_folds():
    assert [note.words for note in warnings("net", [LEARNS, WORSE, STILL])] == [
        "net: the first epoch has the best inner score in 1 of 3 trainings (fold 1): what came "
        "after made it worse. A lower learning rate, or more inner rows to choose on, may help.",
        "net: the inner score is best after the last epoch in 1 of 3 trainings (fold 2): it may "
        "still have been learning. More epochs may help.",
    ]


def test_a_training_that_was_best_between_or_had_no_inner_rows_warns_of_nothing():
    alone = training("fold 0", (1.0, 0.5), chosen=False)
    short = training("fold 0", (1.0,), (0.5,))
    assert warnings("net", [LEARNS]) == warnings("net", [alone]) == warnings("net", [short]) == []


def test_the_first_of_equal_scores_is_the_best_as_the_loop_has_it():
    equal = training("fold 0", (1.0, 0.5), (0.9, 0.9))
    [note] = warnings("net", [equal])
    assert "the first epoch has the best" in note.words


def test_a_network_shows_its_folds_together_and_each_alone():
    sheets = only_folds(trainings={"net": [LEARNS, WORSE]})
    words, together, warning, alone = elements_of("net", sheets)
    assert words.words == (
        "How it learnt: a line for each of 2 trainings, the dot is its best epoch. The learning "
        "rate is the mean of an epoch's steps."
    )
    assert isinstance(together, Plots)
    assert [plot.title for plot in together.plots] == [
        "Loss in training", "Inner AUC", "Learning rate",
    ]  # fmt: skip
    assert isinstance(warning, Note)
    assert isinstance(alone, Folded)
    assert [plot.title for plot in alone.content.plots][:4] == [
        "Loss in training, fold 0", "Inner AUC, fold 0", "Learning rate, fold 0",
        "Loss in training, fold 1",
    ]  # fmt: skip
    assert elements_of("other", sheets) == []


def test_trainings_of_no_network_of_the_page_have_a_section_of_their_own():
    sheets = only_folds(trainings={"simclr": [STILL]})
    [section] = sections(sheets)
    assert section.title == "Other trainings"
    assert sections(only_folds()) == []
    page = Page(report(sheets))
    assert "simclr, 1 training" in page.text
    assert [tag for tag, _ in page.tags].count("svg") == 3
