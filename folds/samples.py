"""The sample table: one row a lesion image, the same columns whatever the source.

Collects every problem of ids, groups and targets in one pass; the table that comes out is
sorted by id, so that the order of a CSV's rows never reaches a result.
"""

import re
from collections.abc import Sequence

import polars as pl

from folds.findings import Findings, plural
from folds.images import attach_images
from folds.limit import take_some
from folds.schema import (
    CORE,
    DIAGNOSIS,
    HOSPITAL,
    ID,
    IMAGE,
    LESION,
    PATIENT,
    SPLIT,
    TARGET,
    TEST,
    TRAIN,
)
from folds.sources import Source
from folds.spellings import join_spellings
from workspace.errors import ConfigError, DataError, listed, name_some

GROUP_COLUMNS = {"patient": PATIENT, "lesion": LESION}


def build_samples(
    source: Source, findings: Findings, keep: Sequence[str] | None = None
) -> pl.DataFrame:
    """Read a source and check what must hold of every sample table.

    `keep` names the clinical columns to keep where another table has decided that, and not what
    these rows happen to vary in.
    """
    where = source.table_path().name if source.table_path().is_file() else source.folder.name
    frame = source.read(findings)
    _check_adapter(frame, source)
    _check_ids(frame, source, where, findings)
    frame = join_spellings(frame, findings)
    check_group(frame, source.config.group, findings)
    _notice_shared_patients(frame, findings)
    frame = check_target(frame, findings)
    index = source.index(findings)
    places = name_some([place.name for place in source.places()]) or where
    frame = attach_images(frame, index, source.config.images, places, findings)
    if keep is None:
        frame = take_some(frame, source.config.limit, findings)
        features = informative(frame, findings)
    else:
        features = [name for name in keep if name in frame.columns and name not in CORE]
    return frame.select(*CORE, *features).sort(ID, maintain_order=True)


def informative(frame: pl.DataFrame, findings: Findings) -> list[str]:
    """The clinical columns that can tell rows apart; empty and constant ones are dropped."""
    rows = frame.filter(pl.col(SPLIT) != TEST) if (frame[SPLIT] != TEST).any() else frame
    clinical = [name for name in frame.columns if name not in CORE]
    empty = [name for name in clinical if rows[name].null_count() == len(rows)]
    constant = [n for n in clinical if n not in empty and rows[n].n_unique() == 1 and len(rows) > 1]
    for names, word in ((empty, "empty"), (constant, "constant")):
        if names:
            findings.notice(
                f"{word}-column",
                f"{plural(len(names), 'column')} dropped because {word}: {name_some(names)}.",
                names,
            )
    return [name for name in clinical if name not in (*empty, *constant)]


def select_features(wanted: Sequence[str], samples: pl.DataFrame) -> list[str]:
    """The wanted columns, if each is on the allow-list: the sample table's clinical columns.

    What only training rows have (diagnosis, lesion id, thickness, the atlas network's confidence)
    and what identifies a row never was put on it.
    """
    allowed = [name for name in samples.columns if name not in CORE]
    refused = [name for name in wanted if name not in allowed]
    if refused:
        raise ConfigError(
            f"Not allowed as features: {name_some(refused)}; labels, keys and columns that only "
            "training rows have are refused. Take columns of the sample table."
        )
    return list(wanted)


def _check_adapter(frame: pl.DataFrame, source: Source) -> None:
    """What an adapter must give; that it does not is a fault of its code, not of the data."""
    name = type(source).__name__
    lacking = [column for column in CORE if column != IMAGE and column not in frame.columns]
    if lacking:
        raise DataError(
            f"{name}.read gives no {name_some(lacking)}; rename columns to these, and end with "
            "with_core(...), which adds the others."
        )
    left = [column for column in frame.columns if column in source.no_features - set(CORE)]
    if left:
        raise DataError(
            f"{name}.read leaves keys or labels among the features: {name_some(left)}; rename them "
            "to core columns, or drop them."
        )
    if frame[SPLIT].null_count():
        raise DataError(
            f"{name}.read leaves {plural(frame[SPLIT].null_count(), 'row')} without {SPLIT}; say "
            f"'{TRAIN}', or what the data's own split is."
        )


def _check_ids(frame: pl.DataFrame, source: Source, where: str, findings: Findings) -> None:
    pattern = source.config.id_pattern or source.id_pattern
    ids = frame.get_column(ID).fill_null("")
    try:
        re.compile(pattern)
        fits = re.compile(rf"\A(?:{pattern})\Z", re.ASCII).match
    except re.error as error:
        raise ConfigError(f"data.id_pattern is not a regular expression ({error}).") from error
    strange = [name for name in ids.to_list() if not fits(name)]
    if strange:
        findings.error(
            "bad-id",
            f"Not allowed as {ID} in {where}: {listed(strange)}; ids look like "
            f"{source.id_example if source.config.id_pattern is None else pattern}.",
            strange,
        )
    plain = ids.str.strip_chars().str.to_lowercase().str.replace(r"\.(jpe?g|png)$", "")
    repeated = ids.filter(plain.is_duplicated()).to_list()
    if repeated:
        findings.error("duplicate-id", f"Duplicate {ID} rows: {listed(repeated)}.", repeated)


def check_group(frame: pl.DataFrame, group: str, findings: Findings) -> None:
    """Every row says whose it is, unless `none` groups them."""
    if ignored := ignored_groups(frame, group):
        findings.notice("ignored-groups", ignored)
    if group == "none":
        if not ignored:
            findings.notice(
                "ungrouped",
                "data.group is 'none': nothing says which rows belong to one patient, so a patient "
                "may be on both sides of a split.",
            )
        return
    column = GROUP_COLUMNS[group]
    missing = frame.filter(pl.col(column).is_null()).get_column(ID).fill_null("").to_list()
    if missing:
        findings.error("missing-group", f"Missing {column} for images: {listed(missing)}.", missing)


def wider_groups(group: str) -> dict[str, str]:
    """What holds more than this group; a lesion is of one patient, and patients hold the most."""
    nouns = list(GROUP_COLUMNS)
    wider = nouns[: nouns.index(group)] if group in nouns else nouns
    return {noun: GROUP_COLUMNS[noun] for noun in wider}


def refuse_ignored(frame: pl.DataFrame, group: str) -> None:
    """Folds of ours keep together whatever the rows say belongs together."""
    if ignored := ignored_groups(frame, group):
        raise ConfigError(ignored, public=f"data.group='{group}' leaves apart what is one.")


def ignored_groups(frame: pl.DataFrame, group: str) -> str:
    """What a group leaves apart although the rows say that it is one; empty if nothing."""
    kept = GROUP_COLUMNS.get(group, ID)
    for noun, column in wider_groups(group).items():
        ours = frame.filter(pl.col(SPLIT) != TEST).drop_nulls(column)
        whose = ours.group_by(column).agg(pl.col(kept).n_unique().alias("parts"))
        apart = whose.filter(pl.col("parts") > 1).get_column(column).sort().to_list()
        if apart:
            return (
                f"data.group='{group}' does not keep {plural(len(apart), noun)} with more than one "
                f"{'image' if kept == ID else group} together: {name_some(apart)}; take "
                f"data.group='{noun}'."
            )
    return ""


def _notice_shared_patients(frame: pl.DataFrame, findings: Findings) -> None:
    is_test = pl.col(SPLIT) == TEST
    test, training = frame.filter(is_test), frame.filter(~is_test)
    both = test.join(training, on=PATIENT, how="semi").get_column(PATIENT).unique().sort().to_list()
    if both:
        findings.notice(
            "patient-in-both",
            f"{plural(len(both), 'patient')} of the source's test also in training: "
            f"{name_some(both)}; features of one side never use the other's rows.",
            both,
        )


def check_target(frame: pl.DataFrame, findings: Findings) -> pl.DataFrame:
    """Targets as 0 and 1; test rows may have none."""
    text = pl.col(TARGET).str.strip_chars()
    value = text.cast(pl.Float64, strict=False)
    target = pl.when(value == 0).then(0).when(value == 1).then(1).cast(pl.Int8)
    unlabelled = (pl.col(SPLIT) == TEST) & pl.col(TARGET).is_null()
    bad = frame.filter(target.is_null() & ~unlabelled)
    if len(bad):
        values = bad.get_column(TARGET).fill_null("nothing").unique(maintain_order=True).to_list()
        ids = bad.get_column(ID).fill_null("").to_list()
        findings.error(
            "bad-target",
            f"Target must be 0 or 1; found {listed(values)} for images: {listed(ids)}.",
            ids,
        )
    return frame.with_columns(target.alias(TARGET))


def check_classes(frame: pl.DataFrame, findings: Findings) -> None:
    """Nothing can be learnt from one class; to be asked last, when no more rows are dropped."""
    training = frame.filter(pl.col(SPLIT) != TEST)
    if training[TARGET].null_count():
        return  # targets that are none were told; a count without them would hide that
    positives = int(training[TARGET].sum() or 0)
    if positives in (0, len(training)):
        findings.error(
            "one-class",
            f"Training needs both classes; found {positives} positives in {len(training)} rows.",
        )


def describe(samples: pl.DataFrame) -> dict[str, int]:
    """What a reader wants first: rows that are not the source's test, what they hold, the rest."""
    rows = samples.filter(pl.col(SPLIT) != TEST)
    return {
        "rows": len(rows),
        "positives": int(rows[TARGET].sum() or 0),
        **{
            name: rows[column].drop_nulls().n_unique()
            for name, column in (
                ("patients", PATIENT),
                ("lesions", LESION),
                ("hospitals", HOSPITAL),
                ("diagnoses", DIAGNOSIS),
            )
        },
        "test_rows": len(samples) - len(rows),
        "images": len(samples) - samples[IMAGE].null_count(),
    }


def described(counts: dict[str, int]) -> str:
    """`1600 rows, 80 positives, 80 patients, ...`, leaving out what is none.

    Lesions are counted where they are the groups; beside patients few rows may have a lesion id.
    """
    shown = [name for name in COUNTED if name != "lesions" or not counts["patients"]]
    return ", ".join(f"{counts[name]} {name.replace('_', ' ')}" for name in shown if counts[name])


COUNTED = ("rows", "positives", "patients", "lesions", "hospitals", "test_rows", "images")
