"""The stack's out-of-fold table from tables at hand, as a notebook has them: no run, no files.

Tables of pandas or polars come in, and the same kind goes out. Rows are joined by their ids, so
their order means nothing; nobody's scores come from boosters that saw the row's group.
"""

import polars as pl

from folds.groups import GROUP
from folds.schema import ID, SPLIT, TARGET, TRAIN
from stacking.boosters.booster import BoosterConfig
from stacking.boosters.known import BOOSTERS, DEFAULT
from stacking.category_codes import check_blind
from stacking.config import StackConfig
from stacking.fold import train_fold
from stacking.matrix import NEVER, Source, assemble
from stacking.use import FOLD
from workspace.errors import ConfigError, DataError, listed, name_some
from workspace.frames import Frame, as_polars, check_words, like
from workspace.progress import Show, quietly


def cross_fit(  # noqa: PLR0913 - three tables, and four things that the recipe says elsewhere
    features: Frame,
    folds: object,
    labels: object,
    stack: StackConfig | None = None,
    booster: BoosterConfig | None = None,
    *,
    seed: int = 0,
    show: Show = quietly,
    threads: int | None = None,
) -> Frame:
    """(isic_id, fold, score, seed_sd) of every row that a fold holds out, sorted by id.

    `features` has isic_id and columns of numbers, `labels` has isic_id and target (0 or 1), `folds`
    isic_id, fold and, if there are groups, group_id. Rows whose fold is null or -1 are trained on
    by all, but where a column split of `folds` does not call them train (holdout, anchor, test):
    these are not used, nor are rows of `features` and `labels` that no row of `folds` names.
    """
    stack, booster = stack or StackConfig(), booster or BOOSTERS[DEFAULT]()
    rows = _rows(as_polars(folds, (ID, FOLD), "folds"), as_polars(labels, (ID, TARGET), "labels"))
    if stack.stopping == "inner" and GROUP not in rows.columns:
        raise ConfigError(
            f"stack.stopping='inner' splits by groups, and folds has no {GROUP}; add it, or take "
            "stack.stopping='fixed'."
        )
    matrix = assemble(rows, [_source(as_polars(features, (ID,), "features"))])
    check_blind(matrix.columns, stack.blind)
    tables = []
    for fold in sorted(set(rows[FOLD].to_list()) - {NEVER}):
        trained = train_fold(matrix, fold, stack, booster, seed, show, threads=threads)
        tables.append(trained.scores.with_columns(pl.lit(fold, pl.Int16).alias(FOLD)))
    scores = pl.concat(tables).sort(ID)
    return like(features, scores.select(ID, FOLD, pl.exclude(ID, FOLD)))


def _rows(folds: pl.DataFrame, labels: pl.DataFrame) -> pl.DataFrame:
    """ID, fold, target and, if known, group, fold after fold; or what is wrong with them."""
    check_words(folds, [ID], "folds")
    check_words(labels, [ID], "labels")
    for what, table in (("folds", folds), ("labels", labels)):
        if table[ID].is_duplicated().any():
            repeated = table.filter(table[ID].is_duplicated())[ID].unique().sort().to_list()
            raise DataError(f"Rows of {what} with the same {ID}: {listed(repeated)}.")
    folds = _learnable(folds)
    rows = folds.select(pl.col(ID), pl.col(FOLD).fill_null(NEVER).cast(pl.Int16), *_groups(folds))
    rows = rows.join(labels.select(ID, TARGET), on=ID, how="left", validate="1:1")
    wrong = rows.filter(~pl.col(TARGET).is_in([0, 1]).fill_null(value=False))[ID].sort().to_list()
    if wrong:
        raise DataError(f"labels has no {TARGET} that is 0 or 1 for images: {listed(wrong)}.")
    _check_folds(rows)
    return rows.with_columns(pl.col(TARGET).cast(pl.Int8)).sort(FOLD, ID)


def _learnable(folds: pl.DataFrame) -> pl.DataFrame:
    """Without rows that no booster may see; a null split is a training row's, as for the folds."""
    if SPLIT not in folds.columns:
        return folds
    return folds.filter(pl.col(SPLIT).fill_null(TRAIN) == TRAIN)


def _groups(folds: pl.DataFrame) -> list[str]:
    return [GROUP] if GROUP in folds.columns else []


def _check_folds(rows: pl.DataFrame) -> None:
    """Groups lie on one side, there is something to hold out, and both classes to learn from."""
    numbers = sorted(set(rows[FOLD].to_list()) - {NEVER})
    if not numbers:
        raise DataError("folds holds out no row: no fold is 0 or more.")
    if GROUP in rows.columns:
        sides = rows.group_by(GROUP).agg(pl.col(FOLD).n_unique()).filter(pl.col(FOLD) > 1)
        if len(sides):
            names = listed(sides[GROUP].sort().to_list())
            raise DataError(f"Groups that lie in more than one fold: {names}.")
    for fold in numbers:
        if rows.filter(pl.col(FOLD) != fold)[TARGET].n_unique() < 2:
            raise DataError(f"Outside fold {fold} there are not both classes to learn from.")


def _source(features: pl.DataFrame) -> Source:
    """The columns of numbers; a column of anything else is refused, not dropped."""
    check_words(features, [ID], "features")
    columns = tuple(name for name in features.columns if name != ID)
    wrong = [
        name
        for name in columns
        if not (features.schema[name].is_numeric() or features.schema[name] == pl.Boolean)
    ]
    if wrong:
        raise DataError(
            f"Columns of features that are no numbers: {name_some(wrong)}; drop them, or make "
            "them codes that are called cat_<name>."
        )
    taken = [name for name in columns if name in (FOLD, TARGET, GROUP)]
    if taken:
        raise DataError(f"features has columns that say what is to be learnt: {name_some(taken)}.")
    if not columns:
        raise DataError(f"features has no column besides {ID}.")
    return Source("features", columns, features.select)
