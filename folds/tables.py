"""Reading a user's CSV strictly: by an explicit list of columns, nothing inferred.

Everything is read as text first, because a type guessed from the first rows turns `85+` into a
text column and `0015657` into 15657. What cannot be read is refused with the line; what is read
otherwise than written is a counted notice.
"""

import codecs
import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from folds.findings import Findings, plural
from folds.plain_csv import plain_rows
from folds.schema import Column
from workspace.errors import NAMED_AT_MOST, DataError, listed, name_some, shorten

MISSING = ("", "na", "n/a", "nan", "null", "none")
LARGEST = 1e12  # no measurement in any of these tables comes near; 1e308 is damage
BLOCK = 20_000  # rows that are Python text at one time
_WRONG_DELIMITERS = (";", "\t", "|")


def is_there(path: Path) -> bool:
    """Whether there is such a file; a folder, a pipe or a broken link in its place is refused."""
    if path.is_file():
        return True
    if path.exists() or path.is_symlink():
        raise DataError(f"{path.name} in {path.parent} is not a file; put the file in its place.")
    return False


def read_table(
    path: Path,
    columns: Sequence[Column],
    findings: Findings,
    missing_words: str = "Missing columns in",
) -> pl.DataFrame:
    """The named columns of a CSV as text, missing markers as null, in the order of `columns`.

    Columns the file has beyond them are left out with a notice; a file that cannot be read row
    by row, or lacks a required column, is refused at once.
    """
    header, cells = _read_rows(path, [column.name for column in columns])
    wanted = [column.name for column in columns]
    missing = [c.name for c in columns if c.required and c.name not in header]
    if missing:
        raise DataError(
            f"{missing_words} {path.name}: {missing}.",
            public=f"{missing_words} a table: {missing}.",  # columns that the code asks for
        )
    extra = [name for name in header if name not in wanted]
    if extra:
        findings.notice(
            "extra-columns", f"Ignored columns of {path.name}: {name_some(extra)}.", extra
        )
    frame = pl.concat([pl.DataFrame(schema=dict.fromkeys(wanted, pl.String)), *cells])
    return frame.select(_as_text(column) for column in columns)


def parse_numbers(
    frame: pl.DataFrame, columns: Sequence[Column], key: str, where: str, findings: Findings
) -> pl.DataFrame:
    """Turn number columns from text to floats; unreadable text becomes null and is counted."""
    for column in (c for c in columns if c.kind == "number"):
        text = frame.get_column(column.name)
        values = text.cast(pl.Float64, strict=False)
        unread = text.filter(text.is_not_null() & values.is_null())
        if len(unread):
            kinds = unread.value_counts(sort=True, name="n")
            shown = name_some([f"'{value}'" for value, _ in kinds.iter_rows()])
            findings.notice(
                "not-a-number",
                f"{plural(len(unread), 'value')} of {column.name} in {where} "
                f"{'is' if len(unread) == 1 else 'are'} not a number and read as missing: {shown}.",
                count=len(unread),
            )
        frame = frame.with_columns(values.alias(column.name))
        frame = _in_range(frame, column, key, where, findings)
    return frame


def _as_text(column: Column) -> pl.Expr:
    text = pl.col(column.name)
    if column.kind == "id":  # kept to the letter; its own checks say what is wrong with it
        return pl.when(text == "").then(None).otherwise(text).alias(column.name)
    text = text.str.strip_chars()
    return (
        pl.when(text.str.to_lowercase().is_in(MISSING))
        .then(None)
        .otherwise(text)
        .alias(column.name)
    )


def _in_range(
    frame: pl.DataFrame, column: Column, key: str, where: str, findings: Findings
) -> pl.DataFrame:
    value = pl.col(column.name)
    wrong = ~(value.abs() <= LARGEST)  # infinity and NaN are not either
    rule = f"finite and at most {LARGEST:g}"
    if column.minimum is not None:
        wrong = wrong | (value < column.minimum)
        rule = f"finite, at least {column.minimum:g} and at most {LARGEST:g}"
    bad = frame.filter(wrong.fill_null(value=False)).select(key, column.name)
    if bad.is_empty():
        return frame
    values = bad.get_column(column.name).unique(maintain_order=True).to_list()
    ids = bad.get_column(key).cast(pl.String).fill_null("").to_list()
    sentence = (
        f"{column.name} must be {rule}; found {listed(values)} in {where} for images: {listed(ids)}"
    )
    if not findings.odd_is_missing:
        findings.error("out-of-range", f"{sentence}.", ids)
        return frame
    findings.notice("out-of-range", f"{sentence}; read as missing.", ids)
    measured = pl.when(~wrong.fill_null(value=False)).then(value)
    return frame.with_columns(measured.alias(column.name))


def _read_rows(path: Path, wanted: Sequence[str]) -> tuple[list[str], list[pl.DataFrame]]:
    """The header, and the wanted columns as text in pieces; every row has the header's fields.

    One parser reads and judges whatever is not plain: two would not agree on every odd quote.
    """
    if not is_there(path):
        raise DataError(f"{path.name} is missing in {path.parent}; name its folder with DATA=.")
    with path.open("rb") as handle:
        head = handle.read(4)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in head:
        raise DataError(f"{path.name} is UTF-16, not UTF-8; save it as UTF-8.")
    if (plain := plain_rows(path, wanted)) is not None:
        _check_header(path, plain[0])
        return plain
    with path.open(encoding="utf-8-sig", newline="") as text, _naming_the_fault(path):
        rows = csv.reader(_without_nul(path, text), strict=True)
        header = next((row for row in rows if row), [])
        _check_header(path, header)
        present = {name: header.index(name) for name in wanted if name in header}
        ragged: list[int] = []
        pieces, block = [], []
        for row in rows:
            if len(row) == len(header):
                block.append(row)
            elif row:  # a blank line is no row
                ragged.append(rows.line_num)
            if len(block) == BLOCK:
                pieces.append(_as_frame(block, wanted, present))
                block = []
        pieces.append(_as_frame(block, wanted, present))
    if ragged:
        raise DataError(
            f"{plural(len(ragged), 'row')} of {path.name} "
            f"{'does' if len(ragged) == 1 else 'do'} not have the header's {len(header)} fields: "
            f"line {name_some(ragged)}."
        )
    return header, pieces


def _without_nul(path: Path, lines: Iterable[str]) -> Iterator[str]:
    for number, line in enumerate(lines, start=1):
        if "\0" in line:
            raise DataError(f"{path.name} has a NUL byte in line {number}; it is no text file.")
        yield line


def _as_frame(
    rows: list[list[str]], wanted: Sequence[str], present: Mapping[str, int]
) -> pl.DataFrame:
    columns = list(zip(*rows, strict=True))
    return pl.DataFrame(
        {
            name: pl.Series(columns[present[name]], dtype=pl.String)
            if name in present and rows
            else pl.Series([None] * len(rows), dtype=pl.String)
            for name in wanted
        }
    )


@contextmanager
def _naming_the_fault(path: Path) -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path.name} is not UTF-8 (byte 0x{error.object[error.start]:02x}); save it as UTF-8."
        ) from error
    except csv.Error as error:
        raise DataError(f"{path.name} is not a readable CSV ({error}).") from error


def _check_header(path: Path, header: list[str]) -> None:
    if not header:
        raise DataError(f"{path.name} is empty; it needs a header line and rows.")
    for delimiter in _WRONG_DELIMITERS:
        if len(header) == 1 and delimiter in header[0]:
            raise DataError(
                f"{path.name} is separated by {delimiter!r}, not by ','; save it with commas."
            )
    repeated = sorted(name for name, times in Counter(header).items() if times > 1)
    if repeated:
        shown = [shorten(name) for name in repeated[:NAMED_AT_MOST]]
        more = f" (+{len(repeated) - len(shown)} more)" if len(repeated) > len(shown) else ""
        raise DataError(f"{path.name} names a column twice in line 1: {shown}{more}.")
