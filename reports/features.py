"""What a table of features holds, in a sentence."""

from folds.findings import plural
from reports.sheets import Json


def sentence(facts: Json) -> str:
    """Rows, columns, and how many patients have nothing to be compared with."""
    training, tests = facts["rows"]
    alone = facts["single_lesion_patients"]
    lonely = (
        f"{plural(alone[0], 'training patient')} and {alone[1]} in the test have one lesion alone, "
        "and so no ugly duckling."
        if facts["patients_known"]
        else "no patient is known, so no lesion is compared with others."
    )
    return (
        f"{plural(training, 'training row')}, {plural(tests, 'test row')}, "
        f"{plural(len(facts['names']), 'column')}; {lonely}"
    )
