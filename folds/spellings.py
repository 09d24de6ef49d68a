"""One patient in two spellings must not be two patients, one on each side of a split.

Ids that differ in case, white space or the width of their letters are joined, with a notice.
Characters that nobody sees are refused: no rule can say which of two such ids was meant.
"""

import unicodedata

import polars as pl

from folds.findings import Findings, plural
from folds.schema import LESION, PATIENT
from folds.tables import MISSING
from workspace.errors import listed

# Control and format characters, what Unicode wants shown as nothing, and braille's empty cell.
_UNSEEN = r"[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]"


def join_spellings(frame: pl.DataFrame, findings: Findings) -> pl.DataFrame:
    """`IP_1 `, `ip_1` and `ＩＰ_1` are `IP_1`; an id that is blank, or a word for it, is null."""
    for column in (PATIENT, LESION):
        _refuse_unseen(frame[column], findings)
        spelt, plain = pl.col(column), plain_spelling(pl.col(column))
        # A word for "missing" is not a patient's name: all who lack one would become one patient.
        plain = pl.when(plain.str.to_lowercase().is_in(MISSING)).then(pl.lit("")).otherwise(plain)
        # The first spelling in sorted order stands for all; blank stays null for its own check.
        joined = frame.with_columns(
            pl.when(plain == "").then(None).otherwise(_tidy(spelt).min().over(plain)).alias(column)
        )
        changed = frame.filter((spelt != joined[column]) & (plain != ""))
        if len(changed):
            names = changed.get_column(column).unique().sort().to_list()
            findings.notice(
                "spelling",
                f"{plural(len(changed), 'row')} with another spelling of the same {column} "
                f"joined to it: {listed([repr(name) for name in names])}.",
                count=len(changed),
            )
        frame = joined
        _notice_mixed_alphabets(frame[column], findings)
    return frame


def plain_spelling(spelt: pl.Expr) -> pl.Expr:
    """What ids have in common that are spelt differently and mean the same."""
    return _tidy(spelt).str.to_uppercase()


def _tidy(spelt: pl.Expr) -> pl.Expr:
    return spelt.str.normalize("NFKC").str.strip_chars().str.replace_all(r"\s+", " ")


def _refuse_unseen(ids: pl.Series, findings: Findings) -> None:
    unseen = ids.str.strip_chars().str.contains(_UNSEEN).fill_null(value=False)
    names = ids.filter(unseen).unique().sort().to_list()
    if names:
        findings.error(
            "unseen-characters",
            f"Not allowed as {ids.name}: {listed([ascii(name) for name in names])}; characters "
            f"that nobody sees make two of one, so write {'it' if len(names) == 1 else 'them'} "
            "without.",
            count=int(unseen.sum()),
        )


def _notice_mixed_alphabets(ids: pl.Series, findings: Findings) -> None:
    """A Cyrillic letter among Latin ones looks like its twin; both may be meant, so it is said."""
    mixed = [name for name in ids.drop_nulls().unique().sort().to_list() if _is_mixed(name)]
    if mixed:
        findings.notice(
            "mixed-alphabets",
            f"{plural(len(mixed), ids.name)} in letters of two alphabets, of which some look "
            f"alike: {listed([ascii(name) for name in mixed])}.",
            count=len(mixed),
        )


def _is_mixed(name: str) -> bool:
    if name.isascii():
        return False
    letters = [unicodedata.name(one, "") for one in name if one.isalpha()]
    return len({letter.partition(" ")[0] for letter in letters}) > 1
