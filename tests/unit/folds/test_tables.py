import codecs
import csv

import pytest

from folds import tables
from folds.findings import Findings
from folds.schema import category, identifier, label, number
from folds.tables import parse_numbers, read_table
from workspace.errors import DataError

COLUMNS = (identifier("isic_id"), category("sex"), number("age", minimum=0), label("dx"))
HEADER = "isic_id,sex,age,dx\n"


@pytest.fixture
def write(tmp_path):
    def write(text, encoding="utf-8"):
        path = tmp_path / "train-metadata.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        return path

    return write


def refusal(path, columns=COLUMNS):
    with pytest.raises(DataError) as refused:
        read_table(path, columns, Findings())
    return str(refused.value)


def test_text_is_kept_to_the_letter_and_missing_markers_are_null(write):
    path = write(HEADER + '0015657,,NA,"nv, atypical"\n0000002, male ,45,nan\n')
    frame = read_table(path, COLUMNS, Findings())
    assert frame.rows() == [
        ("0015657", None, None, "nv, atypical"),
        ("0000002", "male", "45", None),
    ]


def test_columns_come_in_our_order_whatever_the_files(write):
    path = write("dx,age,isic_id,sex\nnv,45,a,male\n")
    assert read_table(path, COLUMNS, Findings()).rows() == [("a", "male", "45", "nv")]


def test_check_1_a_missing_column_is_named(write):
    path = write("isic_id,sex,dx\na,male,nv\n")
    assert refusal(path) == "Missing columns in train-metadata.csv: ['age']."


def test_extra_columns_are_ignored_with_a_notice(write):
    findings = Findings()
    frame = read_table(write(HEADER.strip() + ",kfold\na,male,45,nv,3\n"), COLUMNS, findings)
    assert frame.columns == ["isic_id", "sex", "age", "dx"]
    assert [f.message for f in findings.notices] == [
        "Ignored columns of train-metadata.csv: kfold."
    ]


@pytest.mark.parametrize(("mark", "shown"), [(";", "';'"), ("\t", r"'\t'"), ("|", "'|'")])
def test_check_9_another_delimiter(write, mark, shown):
    path = write(HEADER.replace(",", mark) + "a,male,45,nv\n".replace(",", mark))
    assert refusal(path) == (
        f"train-metadata.csv is separated by {shown}, not by ','; save it with commas."
    )


def test_check_9_another_encoding(write):
    assert refusal(write(HEADER, "utf-16")) == (
        "train-metadata.csv is UTF-16, not UTF-8; save it as UTF-8."
    )
    assert refusal(write(HEADER + "a,weiß,45,nv\n", "latin-1")) == (
        "train-metadata.csv is not UTF-8 (byte 0xdf); save it as UTF-8."
    )


def test_check_9_a_byte_order_mark_is_accepted(write):
    path = write(codecs.BOM_UTF8 + (HEADER + "a,male,45,nv\n").encode())
    assert read_table(path, COLUMNS, Findings()).columns == ["isic_id", "sex", "age", "dx"]


def test_check_10_ragged_and_short_rows_are_named_by_line(write):
    path = write(HEADER + "a,male,45,nv\nb,male\nc,male,45,nv,9\n")
    assert refusal(path) == (
        "2 rows of train-metadata.csv do not have the header's 4 fields: line 3, 4."
    )


def test_check_10_a_line_break_in_quotes_is_no_ragged_row(write):
    path = write(HEADER + 'a,male,45,"two\nlines"\nb,male,45,nv\n')
    assert len(read_table(path, COLUMNS, Findings())) == 2


def test_check_10_a_column_twice(write):
    path = write("isic_id,sex,age,dx,sex\na,male,45,nv,male\n")
    assert refusal(path) == "train-metadata.csv names a column twice in line 1: ['sex']."


def test_many_columns_twice_are_counted_in_one_pass(write):
    """Sixty thousand took 15 seconds when each was looked for among all."""
    names = [f"c{number:05d}" for number in range(30_000)]
    header = CountedList([*names, *names])
    with pytest.raises(DataError) as refused:
        tables._check_header(write(""), header)
    assert str(refused.value) == (
        "train-metadata.csv names a column twice in line 1: ['c00000', 'c00001', 'c00002', "
        "'c00003', 'c00004'] (+29995 more)."
    )
    assert header.passes <= 3


class CountedList(list):
    """How often it was gone through."""

    passes = 0

    def __iter__(self):
        self.passes += 1
        return super().__iter__()

    def count(self, value):
        self.passes += 1
        return super().count(value)


def test_empty_and_missing_files(write, tmp_path):
    assert refusal(write("")) == ("train-metadata.csv is empty; it needs a header line and rows.")
    assert refusal(tmp_path / "no.csv") == (
        f"no.csv is missing in {tmp_path}; name its folder with DATA=."
    )
    assert read_table(write(HEADER), COLUMNS, Findings()).is_empty()


def parsed(path, findings):
    frame = read_table(path, COLUMNS, findings)
    return parse_numbers(frame, COLUMNS, "isic_id", path.name, findings)


def test_check_11_what_is_no_number_is_missing_and_counted(write):
    findings = Findings()
    frame = parsed(
        write(HEADER + "a,m,85+,x\nb,m,NA,x\nc,m,nan,x\nd,m,85+,x\ne,m,40.0,x\n"), findings
    )
    assert frame["age"].to_list() == [None, None, None, None, 40.0]
    assert [f.message for f in findings.notices] == [
        "2 values of age in train-metadata.csv are not a number and read as missing: '85+'."
    ]


def test_check_12_leading_zeros_of_an_id_are_kept(write):
    assert read_table(write(HEADER + "0015657,m,1,x\n"), COLUMNS, Findings())["isic_id"][0] == (
        "0015657"
    )


def test_check_19_infinite_huge_and_negative_values(write):
    findings = Findings()
    parsed(write(HEADER + "a,m,inf,x\nb,m,1e308,x\nc,m,-3,x\nd,m,3,x\n"), findings)
    assert [f.message for f in findings.errors] == [
        "age must be finite, at least 0 and at most 1e+12; found [inf, 1e+308, -3.0] "
        "in train-metadata.csv for images: [a, b, c]."
    ]


def test_where_an_answer_counts_more_an_odd_number_is_missing(write):
    findings = Findings(odd_is_missing=True)
    frame = parsed(write(HEADER + "a,m,inf,x\nb,m,1e308,x\nc,m,-3,x\nd,m,3,x\ne,m,,x\n"), findings)
    assert frame["age"].to_list() == [None, None, None, 3.0, None]
    assert findings.errors == []
    assert [f.message for f in findings.notices] == [
        "age must be finite, at least 0 and at most 1e+12; found [inf, 1e+308, -3.0] "
        "in train-metadata.csv for images: [a, b, c]; read as missing."
    ]


@pytest.mark.parametrize(
    "rows",
    [
        'a,5" unit,1,x\nb,",",2,"say ""so"""\n',
        "a,m,1,x\r\nb,f,2,y\r\n",
        "a,m,1,x\rb,f,2,y\r",
        "a,m,1,x\n\nb,f,2,y\n\n\n",
    ],
)
def test_quotes_and_line_ends_are_read_by_one_parser(write, rows):
    path = write(HEADER + rows)
    with path.open(newline="") as text:
        expected = [row for row in csv.reader(text) if row][1:]
    frame = read_table(path, COLUMNS, Findings())
    assert [list(row) for row in frame.rows()] == expected


def test_a_field_without_an_end_is_one_line(write):
    message = refusal(write(HEADER + 'a,"m,1,x\n' + "b" * 200_000 + "\n"))
    assert message.startswith("train-metadata.csv is not a readable CSV (")


def test_a_nul_byte_is_refused_with_its_line_and_blank_first_lines_are_none(write):
    assert refusal(write(HEADER + "a,m,1,x\nb\0,m,1,x\n")) == (
        "train-metadata.csv has a NUL byte in line 3; it is no text file."
    )
    assert len(read_table(write("\n\n" + HEADER + "a,m,1,x\n"), COLUMNS, Findings())) == 1
