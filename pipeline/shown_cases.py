"""What makes the lesions of a report: who is shown, what is known of them, what moved their scores.

Rows are chosen by the scores that are handed in and joined by id with everything else. Nothing
of a single row is written unless pages may show it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import polars as pl

from folds.groups import GROUP, patient_column
from folds.schema import AGE, DIAGNOSIS, ID, SEX, SITE, TARGET
from metrics.cohort import cohort
from metrics.places import Places, places
from metrics.retrieval import top_k_retrieval_sensitivity
from pipeline.cases import CASES, EXPLAINED, PLACES, Asked, Seeing, StackParts, UnexplainedError
from pipeline.explained_rows import explained_rows
from pipeline.samples import SAMPLES
from pipeline.stacked import OOF
from pipeline.unseen_members import STACK
from stacking.category_codes import PREFIX
from stacking.explained import Explained, some_rows, summary
from stacking.use import FOLD, SCORE
from workspace.units import Draft, open_unit

ROWS, COLUMNS, TOP, BESIDE, WORST = 2000, 12, 6, 8, 10
SIZE = "clin_size_long_diam_mm"
TOLD = {DIAGNOSIS: "diagnosis", AGE: "age", SEX: "sex", SITE: "site", SIZE: "diameter (mm)"}
Made = TypeVar("Made")


def fill_cases(
    draft: Draft, stacked: Path, parts: StackParts, seeing: Seeing | None, asked: Asked
) -> None:
    """Sums over rows for everybody, and single lesions for whom they may be shown to."""
    rows = open_unit(stacked, STACK).parquet(OOF)
    samples = open_unit(parts.samples, "verify").parquet(SAMPLES)
    places_of = _places(rows, asked)
    chosen = _chosen(rows, asked.config.cases) if asked.may_show else {}
    summed = some_rows(rows, asked.seed, ROWS)
    wanted = pl.concat([summed, *chosen.values()]).unique().sort()
    explained, why = _or_why(lambda: explained_rows(parts, rows, wanted))
    draft.json(EXPLAINED, _summed(explained, summed, why))
    draft.json(PLACES, None if places_of is None else _retrieved(rows, places_of, asked))
    if asked.may_show:
        table = _Table(rows, samples, places_of, explained, asked.group)
        draft.json(CASES, _cases(table, chosen, seeing, asked.unseen))
    draft.facts["cases"] = {kind: len(ids) for kind, ids in chosen.items()}


@dataclass(frozen=True)
class _Table:
    """What is known of the rows out of fold, each of them by its id."""

    rows: pl.DataFrame
    samples: pl.DataFrame
    places: Places | None
    explained: Explained | None
    group: str  # whose rows are together

    def of(self, name: str) -> dict[str, Any]:
        """All of a case but its pictures."""
        at = self._at[name]
        row, known = self.rows.row(at, named=True), self._known(name)
        told = [(words, _word(known[one])) for one, words in TOLD.items() if _there(known, one)]
        return {
            "id": name, "fold": row[FOLD], "score": row[SCORE], "target": row[TARGET],
            "told": told, "place": self._place(at), "others": self._others(at),
            **({"patient": row[GROUP]} if self.group == "patient" else {}),
            "explained": self._explained(name, known),
        }  # fmt: skip

    @cached_property
    def _at(self) -> Mapping[str, int]:
        return {name: at for at, name in enumerate(self.rows[ID])}

    def _known(self, name: str) -> dict[str, Any]:
        return self.samples.filter(pl.col(ID) == name).row(0, named=True)

    def _place(self, at: int) -> dict[str, Any] | None:
        if self.places is None:
            return None
        share = float(self.places.percentile[at])
        return {
            "place": float(self.places.place[at]), "of": int(self.places.of[at]),
            "percentile": None if np.isnan(share) else share,
        }  # fmt: skip

    def _others(self, at: int) -> list[dict[str, Any]]:
        """The patient's other lesions, the highest score first, with how many are left out."""
        if self.places is None:
            return []
        whose = self.rows[GROUP][at]
        same = self.rows.filter((pl.col(GROUP) == whose) & (pl.col(ID) != self.rows[ID][at]))
        return (
            same.sort(SCORE, ID, descending=[True, False])
            .head(BESIDE)
            .select("isic_id", SCORE, TARGET)
            .rename({ID: "id"})
            .to_dicts()
        )

    def _explained(self, name: str, known: Mapping[str, Any]) -> dict[str, Any] | None:
        found = self.explained
        if found is None:
            return None
        at = found.ids.index(name)
        added = found.added[at]
        first = sorted(range(len(added)), key=lambda n: (-abs(added[n]), found.columns[n]))[:TOP]
        return {
            "beginning": float(found.beginning[at]), "log_odds": float(found.log_odds[at]),
            "columns": [
                {
                    "column": found.columns[n], "added": float(added[n]),
                    "value": _value(found.columns[n], float(found.values[at, n]), known),
                }
                for n in first
            ],
            "others": len(added) - len(first),
        }  # fmt: skip


def _cases(
    table: _Table, chosen: Mapping[str, pl.Series], seeing: Seeing | None, unseen: str
) -> dict[str, Any]:
    """The cases of each kind, as far as pictures are to be had with theirs."""
    kinds = {kind: [table.of(name) for name in ids] for kind, ids in chosen.items()}
    every = [case for cases in kinds.values() for case in cases]
    sheet: dict[str, Any] = {"kinds": kinds, "network": None, "lacks": [unseen] if unseen else []}
    if seeing is not None:
        _add_pictures(sheet, every, seeing)
    return sheet


def _add_pictures(sheet: dict[str, Any], every: Sequence[dict[str, Any]], seeing: Seeing) -> None:
    from pipeline import pictured_cases as pictures  # noqa: PLC0415 - it imports torch

    ids = sorted({case["id"] for case in every})
    beside = sorted({other["id"] for case in every for other in case["others"]})
    own, why = _or_why(lambda: pictures.pictured(seeing, ids, pictures.SIDE))
    if own is None:
        sheet["lacks"].append(why)
        return
    small, why = _or_why(lambda: pictures.pictured(seeing, beside, pictures.SMALL_SIDE))
    seen, unlooked = _or_why(lambda: pictures.looked_at(seeing, ids))
    sheet["network"], heats = seen or (None, {})
    sheet["lacks"] += [words for words in (why, unlooked) if words]
    for case in every:
        case["picture"], case["heat"] = own.get(case["id"]), heats.get(case["id"])
        for other in case["others"]:
            other["picture"] = (small or {}).get(other["id"])


def _chosen(rows: pl.DataFrame, count: int) -> dict[str, pl.Series]:
    """Ids of the positives that score lowest, and of the negatives that score highest."""
    positive, negative = rows.filter(pl.col(TARGET) == 1), rows.filter(pl.col(TARGET) == 0)
    return {
        "missed": positive.sort(SCORE, ID).head(count)[ID],
        "alarms": negative.sort(SCORE, ID, descending=[True, False]).head(count)[ID],
    }


def _places(rows: pl.DataFrame, asked: Asked) -> Places | None:
    """Among the rows of a patient (or lesion); None where nobody says whose a row is."""
    column = patient_column(asked.group)
    if column is None:
        return None
    return places(rows[SCORE], cohort(rows[column], rows[TARGET]))


def _retrieved(rows: pl.DataFrame, found: Places, asked: Asked) -> dict[str, Any]:
    """At which places of their patients positives stand; the worst, where they may be said."""
    table = rows.select(ID, GROUP, TARGET).with_columns(
        pl.Series("place", found.place), pl.Series("of", found.of)
    )
    positives = table.filter(pl.col(TARGET) == 1)
    whose = cohort(rows[GROUP], rows[TARGET])
    sheet: dict[str, Any] = {
        "group": asked.group, "k": asked.top_k, "positives": len(positives),
        "patients": positives[GROUP].n_unique(),
        "share": top_k_retrieval_sensitivity(rows[TARGET], rows[SCORE], whose, asked.top_k),
        "within": [[k, int((positives["place"] <= k).sum())] for k in _steps(asked.top_k)],
    }  # fmt: skip
    if asked.may_show:
        by = positives.group_by(GROUP).agg(pl.col("of").first(), pl.col("place").sort())
        worst = by.with_columns(pl.col("place").list.max().alias("worst"))
        first = worst.sort("worst", GROUP, descending=[True, False]).head(WORST)
        sheet["worst"] = first.rename({GROUP: "patient"}).drop("worst").to_dicts()
    return sheet


def _steps(k: int) -> list[int]:
    return sorted({1, 2, 5, k, 2 * k, 4 * k})


def _summed(explained: Explained | None, ids: pl.Series, why: str) -> dict[str, Any]:
    if explained is None:
        return {"why": why, "columns": [], "rows": 0}
    of = np.isin(np.array(explained.ids), ids.to_numpy())
    return {"why": "", "columns": summary(explained.some(of), COLUMNS), "rows": int(of.sum())}


def _or_why(make: Callable[[], Made]) -> tuple[Made | None, str]:
    try:
        return make(), ""
    except UnexplainedError as why:
        return None, str(why)


def _there(known: Mapping[str, Any], name: str) -> bool:
    return known.get(name) is not None


def _value(column: str, value: float, known: Mapping[str, Any]) -> str:
    """What the row had there: a word where the column is a code of one in the table."""
    if column.startswith(PREFIX):
        word = known.get(column.removeprefix(PREFIX))
        return _word(word) if word is not None else f"code {value:g}"
    return "missing" if np.isnan(value) else f"{value:.4g}"


def _word(value: object) -> str:
    """A path of diagnoses by its end."""
    return f"{value:g}" if isinstance(value, float) else str(value).rpartition("::")[2]
