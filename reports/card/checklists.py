"""What two checklists ask of a study, and what answers it here.

TRIPOD+AI (Collins et al., BMJ 2024;385:e078378) and CLAIM, update of 2024 (Tejani et al.,
Radiology: AI 2024;6:e240300), numbered as there and asked in words of our own. An answer of one
word is looked up among those that a run decides (`answers`); every other stands for every run.
"""

from typing import NamedTuple

NO_PERSON = "not answered: only who collected the data can say; add it before you publish"
AUTHORS = "not answered: of the paper, not of a run; its authors write it"
NO_STUDY = "not applicable, because nothing was used on patients: a run scores kept data"


class Item(NamedTuple):
    """One thing that is asked; `answer` is a sentence, or the name of one."""

    number: str
    asks: str
    answer: str


TRIPOD_AI = (
    Item("1", "a title that says what is predicted, for whom", "title"),
    Item("2", "an abstract", AUTHORS),
    Item("3a", "the context, and why such a model", AUTHORS),
    Item("3b", "for whom and for what it is meant", "use"),
    Item("3c", "known inequalities between groups", AUTHORS),
    Item("4", "the aims", AUTHORS),
    Item("5a", "where the data are from", "data"),
    Item("5b", "from when to when they were collected", NO_PERSON),
    Item("6a", "the setting, and how many centres", "hospitals_known"),
    Item("6b", "who was eligible", NO_PERSON),
    Item("6c", "treatments", NO_PERSON),
    Item("7", "how data were checked and prepared", "checks"),
    Item("8a", "what the outcome is, and how it was found", "outcome"),
    Item("8b", "who assessed it, with what training", NO_PERSON),
    Item("8c", "whether they were blind to the predictors", NO_PERSON),
    Item("9a", "how predictors were chosen", "columns"),
    Item("9b", "what each predictor is", "columns"),
    Item("9c", "who assessed those that are judgements", NO_PERSON),
    Item("10", "how the sample's size was decided", "size"),
    Item("11", "how missing values were handled", "missing"),
    Item("12a", "which rows served for what", "folds"),
    Item("12b", "how predictors were handled", "columns"),
    Item("12c", "the kind of model, how it was built and validated", "training"),
    Item("12d", "differences between centres", "hospitals"),
    Item("12e", "the measures of performance", "scores"),
    Item("12f", "recalibration", "calibration"),
    Item("12g", "how a prediction is computed", "training"),
    Item("13", "class imbalance, and what it did to calibration", "imbalance"),
    Item("14", "fairness", "subgroups"),
    Item("15", "what the model puts out, and thresholds", "output"),
    Item("16", "how development and evaluation data differ", "external"),
    Item("17", "ethics approval", NO_PERSON),
    Item("18a", "funding", AUTHORS),
    Item("18b", "conflicts of interest", AUTHORS),
    Item("18c", "a protocol", "recipe"),
    Item("18d", "registration", AUTHORS),
    Item("18e", "whether the data can be had", "licence"),
    Item("18f", "whether the code can be had", "versions"),
    Item("19", "involvement of patients and the public", AUTHORS),
    Item("20a", "how rows and patients flowed into the study", "checks"),
    Item("20b", "who they are", "subgroups"),
    Item("20c", "how they differ between development and evaluation", "external"),
    Item("21", "rows and events of every analysis", "scores"),
    Item("22", "the whole model, so that others can use it", "model"),
    Item("23a", "performance with intervals", "scores"),
    Item("23b", "how it differs between centres", "hospitals"),
    Item("24", "results of updating the model", "not applicable, because no model is updated"),
    Item("25", "what the results mean", AUTHORS),
    Item("26", "limits", "limits"),
    Item("27a", "what to do with input of poor quality or none", "quality"),
    Item("27b", "who uses it, with what skill", "use"),
    Item("27c", "what would be next", AUTHORS),
)

CLAIM = (
    Item("1", "a title that names the kind of AI", "title"),
    Item("2", "a summary of design, methods, results", AUTHORS),
    Item("3", "background and clinical role", "use"),
    Item("4", "aims and hypotheses", AUTHORS),
    Item("5", "prospective or retrospective", "retrospective"),
    Item("6", "the goal of the study", AUTHORS),
    Item("7", "sources of data", "data"),
    Item("8", "who and what was included", NO_PERSON),
    Item("9", "preprocessing", "preprocessing"),
    Item("10", "whether parts of the data were selected", "selection"),
    Item("11", "removal of what identifies people", "identity"),
    Item("12", "missing data", "missing"),
    Item("13", "how pictures were taken", NO_PERSON),
    Item("14", "the reference standard", "outcome"),
    Item("15", "why that one", NO_PERSON),
    Item("16", "who made its labels", NO_PERSON),
    Item("17", "how test pictures were labelled", NO_PERSON),
    Item("18", "how far raters agree", NO_PERSON),
    Item("19", "how rows were dealt to partitions", "folds"),
    Item("20", "what is never on two sides", "folds"),
    Item("21", "the intended size", "size"),
    Item("22", "the model in detail", "training"),
    Item("23", "software and versions", "versions"),
    Item("24", "what the weights began with", "training"),
    Item("25", "training in detail", "training"),
    Item("26", "how the final model was chosen", "training"),
    Item("27", "ensembling", "scores"),
    Item("28", "metrics", "scores"),
    Item("29", "statistics and uncertainty", "scores"),
    Item("30", "robustness", "hospitals"),
    Item("31", "explanations", "explanations"),
    Item("32", "evaluation on internal data", "scores"),
    Item("33", "testing on external data", "external"),
    Item("34", "registration of a trial", NO_STUDY),
    Item("35", "how many were included and left out", "checks"),
    Item("36", "demographic and clinical characteristics", "subgroups"),
    Item("37", "performance on every partition", "by_fold"),
    Item("38", "estimates with their precision", "scores"),
    Item("39", "analysis of failures", "failures"),
    Item("40", "limits", "limits"),
    Item("41", "what it means for practice", AUTHORS),
    Item("42", "the whole protocol", "recipe"),
    Item("43", "whether software, model and data can be had", "licence"),
    Item("44", "funding", AUTHORS),
)
