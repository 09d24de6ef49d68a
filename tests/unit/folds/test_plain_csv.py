"""What is read quickly is what Python's csv reads, or it is left to that one."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from folds import plain_csv
from folds.plain_csv import plain_rows

PIECES = (b"a", b",", b"\n", b'"', b"\r", b"\0", b" ", "é".encode(), b"\xff", b"\xef\xbb\xbf", b"#")
PLAIN = (b"a", b"1.5", b" ", "é".encode(), b"", b"NA", b"#", b"'", b";", b"\t", b"\x0b", b"\x1c")
NAMES = ("a", "c", "b")


def twin(data):
    """The rows below the header as the slow parser has them, each with the header's fields."""
    text = io.StringIO(data.removeprefix(b"\xef\xbb\xbf").decode(), newline="")
    header, *rows = csv.reader(text, strict=True)
    assert {len(row) for row in rows} <= {len(header)}
    at = [header.index(name) if name in header else None for name in NAMES]
    return header, [tuple(None if i is None else row[i] for i in at) for row in rows]


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    path = tmp_path_factory.mktemp("plain") / "table.csv"

    def read_bytes(data, block=1 << 24):
        path.write_bytes(data)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(plain_csv, "BLOCK", block)
            found = plain_rows(path, NAMES)
        if found is None:
            return None
        header, pieces = found
        assert all(piece.columns == list(NAMES) for piece in pieces)
        return header, [row for piece in pieces for row in piece.rows()]

    return read_bytes


@given(st.lists(st.sampled_from(PIECES), max_size=14).map(b"".join), st.integers(1, 9))
def test_whatever_bytes_there_are_it_is_the_same_or_nothing(read, data, block):
    found = read(data, block)
    assert found is None or found == twin(data)


@given(
    st.lists(st.tuples(*[st.sampled_from(PLAIN)] * 3), max_size=9), st.booleans(), st.booleans(),
    st.integers(1, 40),
)  # fmt: skip
def test_a_plain_table_is_read(read, rows, ends, marked, block):
    lines = [b",".join(row) for row in [(b"a", b"b", b"x"), *rows]]
    data = b"\xef\xbb\xbf" * marked + b"\n".join(lines) + b"\n" * ends
    found = read(data, block)
    assert found is not None
    assert found == twin(data)


@pytest.mark.parametrize(
    "odd", [b"1\n", b"1,2,3\n", b"\n", b'"1",2\n', b"1,2\r\n", b"1,\0\n", b"1,\xff\n", b""]
)
def test_what_is_odd_in_a_late_block_leaves_all_to_the_one_who_judges(read, odd):
    data = b"a,b\n" + b"1,2\n" * 50 + odd
    assert (read(data, 16) is None) == bool(odd)


def test_a_field_that_csv_takes_for_too_long_is_left_to_it(read):
    long = b"1," + b"2" * csv.field_size_limit() + b"\n"
    assert read(b"a,b\n1,2\n" + long) is None


def test_a_header_alone_has_no_rows(read):
    assert read(b"a,b\n") == (["a", "b"], [])
    assert read(b"") is None
