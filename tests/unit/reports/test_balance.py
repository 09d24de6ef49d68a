from reports.balance import balance_table, tables


def row(fold, split="train", positives=3, hospitals=0, repeat=0):
    return {"repeat": repeat, "split": split, "fold": fold, "rows": 1600, "positives": positives,
            "groups": 30, "hospitals": hospitals}  # fmt: skip


def brief(table):
    return [[column.brief for column in table.columns]] + [
        [cell.brief for cell in row] for row in table.rows
    ]


def test_every_fold_and_every_row_that_none_holds_out():
    rows = [row(0), row(None), row(None, "anchor"), row(None, "test", None)]
    assert brief(balance_table(rows, "lesion")) == [
        ["fold", "rows", "positives", "lesions"],
        ["0", "1600", "3", "30"], ["never", "1600", "3", "30"], ["anchor", "1600", "3", "30"],
        ["test", "1600", "unknown", "30"],
    ]  # fmt: skip


def test_repeats_and_hospitals_where_there_are_any():
    rows = [row(0, hospitals=2), row(0, repeat=1)]
    assert brief(balance_table(rows, "none")) == [
        ["repeat", "fold", "rows", "positives", "groups", "hospitals"],
        ["0", "0", "1600", "3", "30", "2"], ["1", "0", "1600", "3", "30", "0"],
    ]  # fmt: skip


def test_scheme_and_synthetic_data_are_told():
    told = tables([row(0)], "holdout", "patient", synthetic=True)
    assert told == ["folds: held out by scheme 'holdout', synthetic data:",
                    balance_table([row(0)], "patient")]  # fmt: skip
    assert tables([], "holdout", "patient", synthetic=False)[0] == (
        "folds: held out by scheme 'holdout':"
    )
