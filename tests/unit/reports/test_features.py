from reports.features import sentence

FACTS = {
    "rows": [120, 1], "single_lesion_patients": [3, 0], "patients_known": True,
    "names": ["age", "size_mm"],
}  # fmt: skip


def test_the_sentence_says_who_has_no_ugly_duckling():
    assert sentence(FACTS) == (
        "120 training rows, 1 test row, 2 columns; 3 training patients and 0 in the test have one "
        "lesion alone, and so no ugly duckling."
    )
    assert sentence({**FACTS, "patients_known": False}).endswith(
        "2 columns; no patient is known, so no lesion is compared with others."
    )
