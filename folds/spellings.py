"""One patient in two spellings must not be two patients, one on each side of a split.

Ids that differ in case, white space, the width of their letters, dashes or apostrophes are joined,
with a notice. Characters that nobody sees are refused, and so are two ids that nobody can tell
apart, since their letters are of two alphabets: no rule can say which of two such ids was meant.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Sequence

import polars as pl

from folds.findings import Findings, plural
from folds.schema import LESION, PATIENT
from folds.tables import MISSING
from workspace.errors import listed

NOBODY = (*MISSING, "unknown")  # words in place of an id
# Control and format characters, what Unicode wants shown as nothing, and braille's empty cell.
_UNSEEN = r"[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]"

_DASH, _APOSTROPHE = r"[\p{Pd}\u02d7\u2043\u2212\u2500]", r"[`\u02bc\u2018\u2019]"

# By their Unicode names, the letters that print as a Latin one or a digit. Other alphabets have
# such too, but nobody types Armenian or Cherokee by mistake.
_TWINS = {
    "GREEK": "ALPHA=A BETA=B EPSILON=E ZETA=Z ETA=H IOTA=I KAPPA=K MU=M NU=N OMICRON=O RHO=P TAU=T "
    "UPSILON=Y CHI=X",
    "CYRILLIC": "A=A VE=B ES=C KOMI_DE=D IE=E EN=H SHHA=H BYELORUSSIAN-UKRAINIAN_I=I JE=J KA=K "
    "EM=M O=O ER=P QA=Q DZE=S TE=T IZHITSA=V WE=W HA=X U=Y STRAIGHT_U=Y ZE=3",
}


def join_spellings(
    frame: pl.DataFrame, findings: Findings, columns: Sequence[str] = (PATIENT, LESION)
) -> pl.DataFrame:
    """`IP_1 `, `ip_1` and `ＩＰ_1` are `IP_1`; an id that is blank, or a word for it, is null."""
    for column in columns:
        _refuse_unseen(frame[column], findings)
        spelt, plain = pl.col(column), plain_spelling(pl.col(column))
        # A word for "missing" is not a patient's name: all who lack one would become one patient.
        plain = pl.when(plain.str.to_lowercase().is_in(NOBODY)).then(pl.lit("")).otherwise(plain)
        # The first spelling in sorted order stands for all; blank stays null for its own check.
        first = pl.when(plain == "").then(None).otherwise(_tidy(spelt).min().over(plain))
        # Of each spelling once: patients are few beside their lesions.
        once = frame.select(column).unique().with_columns(first.alias("first"))
        ids = frame.select(column).join(
            once, on=column, how="left", nulls_equal=True, maintain_order="left"
        )
        joined = frame.with_columns(ids["first"].alias(column))
        changed = frame.filter(spelt != joined[column])
        if len(changed):
            names = changed.get_column(column).unique().sort().to_list()
            findings.notice(
                "spelling",
                f"{plural(len(changed), 'row')} with another spelling of the same {column} "
                f"joined to it: {listed([repr(name) for name in names])}.",
                count=len(changed),
            )
        frame = joined
        _refuse_look_alikes(frame[column], findings)
        _notice_mixed_alphabets(frame[column], findings)
    return frame


def plain_spelling(spelt: pl.Expr) -> pl.Expr:
    """What ids have in common that are spelt differently and mean the same."""
    return _straight(_tidy(spelt)).str.to_uppercase()


def _tidy(spelt: pl.Expr) -> pl.Expr:
    return spelt.str.normalize("NFKC").str.strip_chars().str.replace_all(r"\s+", " ")


def _straight(spelt: pl.Expr) -> pl.Expr:
    return spelt.str.replace_all(_DASH, "-").str.replace_all(_APOSTROPHE, "'")


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


def _refuse_look_alikes(ids: pl.Series, findings: Findings) -> None:
    """A patient typed on two keyboards; letters of one alphabet alone are nobody's twins."""
    if not ids.str.contains(r"[^\x00-\x7f]").any():
        return
    names = ids.drop_nulls().unique().sort().to_frame()
    printed = defaultdict(list)
    for name, straight in names.select(
        ids.name, _straight(pl.col(ids.name)).alias("s")
    ).iter_rows():
        printed[_as_printed(straight)].append(name)
    alike = [name for names in printed.values() if len(names) > 1 for name in names]
    if alike:
        noun = ids.name.removesuffix("_id")
        findings.error(
            "look-alikes",
            f"Not allowed as {ids.name} together: {listed([ascii(name) for name in alike])}; they "
            f"look or read alike in characters of two alphabets, so write one {noun} in one "
            "spelling, and two so that one sees it.",
            count=len(alike),
        )


def _as_printed(name: str) -> str:
    """What the eye sees of an id: Latin letters where others look like them, digits as digits."""
    if name.isascii():
        return name.upper()
    digits = (str(unicodedata.decimal(one, one)) for one in name)
    return "".join(digits).translate(_LATIN).upper()


def _latin_twins() -> dict[int, str]:
    """By code point, in both cases; a small nu looks like a v."""
    twins = {
        ord(unicodedata.lookup(f"{alphabet} {case} LETTER {letter.replace('_', ' ')}")): latin
        for alphabet, letters in _TWINS.items()
        for letter, latin in (pair.split("=") for pair in letters.split())
        for case in ("CAPITAL", "SMALL")
    }
    return twins | {ord("\N{GREEK SMALL LETTER NU}"): "V", ord("\N{CYRILLIC LETTER PALOCHKA}"): "I"}


_LATIN = _latin_twins()


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
