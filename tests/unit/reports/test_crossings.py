from reports.crossings import crossing_table, tables
from tests.unit.reports.test_balance import brief


def side(rows, leaked, unknown=0):
    return {"rows": rows, "leaked": leaked, "unknown": unknown}


def sheet(unknown=0):
    mel = {"groups": 614, "across": 155, "valid": side(111, 60), "test": side(223, 139, unknown)}
    return {"group": "lesion", "classes": [{"name": "mel", **mel}], "all": mel}


def test_leaked_images_are_told_by_class_and_in_all():
    assert tables([sheet()]) == [
        "verify: 139 of 223 test images of the official split are leaked: their lesion is in "
        "training too (copies of a picture under another lesion are not counted here).",
        crossing_table(sheet()),
    ]
    assert brief(crossing_table(sheet())) == [
        ["class", "lesions", "on several sides", "valid images", "valid leaked", "test images",
         "test leaked"],
        ["mel", "614", "155", "111", "60", "223", "139"],
        ["all", "614", "155", "111", "60", "223", "139"],
    ]  # fmt: skip
    assert crossing_table(sheet()).apart == 1
    assert tables([]) == []


def test_images_whose_lesion_nobody_knows_are_counted_where_there_are_any():
    assert brief(crossing_table(sheet(unknown=3)))[:2] == [
        ["class", "lesions", "on several sides", "valid images", "valid leaked", "valid unknown",
         "test images", "test leaked", "test unknown"],
        ["mel", "614", "155", "111", "60", "0", "223", "139", "3"],
    ]  # fmt: skip
