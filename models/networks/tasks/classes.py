"""The task `classes`: which of some groups of diagnoses is it?

A class lists diagnoses; one that is a path, as ISIC 2024 has them (`A::B::C`), belongs to the class
that lists it whole or lists one of its steps. `classes = "all"`: every diagnosis that the rows have
is a class of its own, as with folders of pictures.
"""

from typing import Literal

import numpy as np
import polars as pl

from folds.findings import Findings, plural
from folds.schema import DIAGNOSIS, TARGET
from models.nets.config import NetConfig
from models.networks.columns import probability_columns
from models.networks.diagnoses import NONE, Listed, group_codes, refuse_shared
from models.networks.tasks.classified import Classified
from models.networks.tasks.task import Labels
from models.training.config import TrainConfig
from workspace.arrays import Ints
from workspace.errors import DataError, name_some


class ClassesTask(Classified):
    """Rows by their diagnosis."""

    kind: Literal["classes"] = "classes"
    classes: dict[str, Listed] | Literal["all"]
    rows: Literal["all", "positive"] = "all"  # positive: those with target 1 alone

    @property
    def known_classes(self) -> tuple[str, ...] | None:
        """In the recipe's order, which is that of the network's outputs."""
        return None if self.classes == "all" else tuple(self.classes)

    @property
    def of_positives(self) -> bool:
        return self.rows == "positive"

    def check(self, net: NetConfig, training: TrainConfig | None) -> None:
        super().check(net, training)
        if self.classes == "all":
            return
        refuse_shared("task.classes", self.classes)
        if len(self.classes) < 2:
            raise ValueError("task.classes needs two classes or more")
        columns = probability_columns("", ["", *self.classes, ""])
        if len(set(columns)) != len(self.classes) + 1:
            raise ValueError(
                "task.classes has two names that differ in signs alone, which a column's name "
                "does not keep; rename one"
            )

    def labels(self, name: str, rows: pl.DataFrame, findings: Findings) -> Labels:
        known = rows[TARGET].eq(1) if self.of_positives else rows[TARGET].is_not_null()
        asked = known.fill_null(value=False)
        groups = self._groups(rows.filter(asked)[DIAGNOSIS])
        where = f"networks.{name}.task.classes"
        codes = group_codes(rows[DIAGNOSIS], asked, groups, where)
        among = "row with target 1" if self.of_positives else "row"
        self._refuse_absent(codes, rows.filter(asked)[DIAGNOSIS], tuple(groups), (among, where))
        self._tell_left_out(name, codes, rows.filter(asked), asked, findings)
        target = None if self.of_positives else _target_classes(codes, rows[TARGET], len(groups))
        if target is None and not self.of_positives:
            findings.notice(
                "target-cut",
                f"The classes of {name} do not tell target 1 from 0: its probabilities are no "
                "member of the stack's blend, only columns.",
                count=len(groups),
            )
        return Labels(codes, tuple(groups), self.auxiliary_in(name, rows), target)

    def _groups(self, diagnosis: pl.Series) -> dict[str, Listed]:
        if self.classes != "all":
            return self.classes
        found = sorted(value for value in diagnosis.drop_nulls().unique().to_list() if value)
        return {value: (value,) for value in found}

    def _refuse_absent(
        self, codes: Ints, diagnosis: pl.Series, classes: tuple[str, ...], words: tuple[str, str]
    ) -> None:
        among, where = words
        known = sorted(diagnosis.fill_null("").unique().to_list())
        absent = [name for code, name in enumerate(classes) if not (codes == code).any()]
        if absent or len(classes) < 2:
            lacking = name_some(absent) if absent else "a second class"
            raise DataError(
                f"No {among} has a diagnosis of {lacking}; mend {where}. There are "
                f"{name_some(known)}."
            )

    def _tell_left_out(
        self, name: str, codes: Ints, rows: pl.DataFrame, asked: pl.Series, findings: Findings
    ) -> None:
        apart = codes[asked.to_numpy()] == NONE
        if not apart.any():
            return
        diagnoses = rows[DIAGNOSIS].filter(pl.Series(apart)).unique().sort().fill_null("none")
        count = int(apart.sum())
        of = " with target 1" if self.of_positives else ""
        findings.notice(
            "no-class",
            f"{plural(count, 'row')}{of} whose diagnosis is in no class of "
            f"networks.{name}.task.classes {'is' if count == 1 else 'are'} left out of {name}: "
            f"{name_some(diagnoses)}.",
            count=count,
        )


def _target_classes(codes: Ints, target: pl.Series, count: int) -> tuple[int, ...] | None:
    """The classes all of whose rows have target 1, if each of the others has none such."""
    positive = target.fill_null(0).to_numpy() == 1
    shares = [float(np.mean(positive[codes == code])) for code in range(count)]
    found = tuple(code for code, share in enumerate(shares) if share == 1)
    return found if found and all(share in (0, 1) for share in shares) else None
