"""Checkpoints: everything that training needs to go on, each a unit of its own, the last two kept.

A unit is a folder that appears whole with its manifest, whose hashes are checked before a byte is
read. Best weights lie apart, named by their epoch, as long as a kept checkpoint speaks of them.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from models.training.position import Position
from workspace.atomic import clear_leftovers, remove_folder
from workspace.errors import ArtifactError, name_some
from workspace.hashing import HashMemory
from workspace.manifest import Wanted, load_manifest
from workspace.units import Unit, find, making, open_unit

KEPT = 2
POSITION, TENSORS, HISTORY = "position.json", "tensors.safetensors", "history.json"
_NAME = re.compile(r"epoch_(\d+)_batch_(\d+)")

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Snapshot:
    """What a checkpoint holds: tensors by `<kind>/<name>`, the position, and the epochs so far."""

    tensors: Mapping[str, torch.Tensor]
    position: Position
    history: list[dict[str, Any]]

    def part(self, kind: str) -> dict[str, torch.Tensor]:
        """The tensors of one kind, by name."""
        start = f"{kind}/"
        return {k.removeprefix(start): v for k, v in self.tensors.items() if k.startswith(start)}


class Checkpoints:
    """The checkpoints of one training in `folder`, which is wanted as `wanted`."""

    def __init__(
        self, folder: Path, wanted: Wanted, hashes: HashMemory, tell: Callable[[str], None]
    ) -> None:
        self.folder, self.wanted, self.hashes, self.tell = folder, wanted, hashes, tell

    def save(self, snapshot: Snapshot) -> None:
        """Keep this one and the one before it."""
        at = snapshot.position
        name = f"epoch_{at.epoch:05d}_batch_{at.batch:07d}"
        with making(self.folder / name, self.wanted) as draft:
            draft.tensors(TENSORS, arrays_of(snapshot.tensors))
            draft.json(POSITION, snapshot.position.model_dump())
            draft.json(HISTORY, snapshot.history)
        for old in self._all()[:-KEPT]:
            remove_folder(old)
        self._clear_best()

    def load(self) -> Snapshot | None:
        """The newest that is whole; None where there is none yet.

        A damaged one is passed over for the one before it, and that is told. Where none is whole
        nothing begins anew by itself.
        """
        if self.folder.is_dir():
            clear_leftovers(self.folder)
        found = self._all()[::-1]
        for number, path in enumerate(found):
            unit = self._whole(path)
            if unit is not None:
                snapshot = _read(unit)
                for damaged in found[:number]:  # in the way of those to come
                    self.tell(f"WARNING: checkpoint {damaged} is damaged; going on from {path}.")
                    remove_folder(damaged)
                return snapshot
        if found:
            names = name_some([path.name for path in found])
            raise ArtifactError(
                f"No checkpoint in {self.folder} is whole ({names}); restore one, or train anew "
                "with FRESH=1."
            )
        return None

    def _whole(self, path: Path) -> Unit | None:
        """None if it is damaged; other values than those wanted are an error that names them."""
        try:
            load_manifest(path)
        except ArtifactError:
            return None
        return find(path, self.wanted, self.hashes, on_change="stop", on_damage="redo")

    def save_best(self, epoch: int, weights: Mapping[str, torch.Tensor]) -> None:
        with making(self._best(epoch), self.wanted) as draft:
            draft.tensors(TENSORS, arrays_of(weights))

    def load_best(self, epoch: int) -> Arrays:
        unit = find(self._best(epoch), self.wanted, self.hashes, on_change="stop")
        if unit is None:
            raise ArtifactError(f"{self._best(epoch)} is gone; restore it, or train with FRESH=1.")
        return unit.tensors(TENSORS)

    def clear(self) -> None:
        """Nothing of the training is left; its result is kept elsewhere by now."""
        remove_folder(self.folder)

    def _best(self, epoch: int) -> Path:
        return self.folder / f"best_{epoch:05d}"

    def _all(self) -> list[Path]:
        """Oldest first, by number and not by name."""
        if not self.folder.is_dir():
            return []
        named = [(_NAME.fullmatch(path.name), path) for path in self.folder.iterdir()]
        return [
            path
            for _, path in sorted((tuple(map(int, m.groups())), path) for m, path in named if m)
        ]

    def _clear_best(self) -> None:
        """Delete best weights of which no kept checkpoint speaks; none if one cannot be read."""
        spoken_of = set()
        for path in self._all():
            try:
                position = open_unit(path, self.wanted.stage).json(POSITION)
            except ArtifactError:
                return
            spoken_of.add(Position.model_validate(position).best_epoch)
        for path in self.folder.glob("best_*"):
            if int(path.name.removeprefix("best_")) not in spoken_of:
                remove_folder(path)


class Onlooker(Checkpoints):
    """Of a rank that is not the first: what is kept is the first one's to write and to clear."""

    def save(self, snapshot: Snapshot) -> None:
        """The first does it."""

    def save_best(self, epoch: int, weights: Mapping[str, torch.Tensor]) -> None:
        """The first does it."""


def arrays_of(tensors: Mapping[str, torch.Tensor]) -> Arrays:
    """As NumPy has them, and safetensors with it: copies, for the network goes on learning."""
    return {n: np.array(value.detach().cpu().numpy(), order="C") for n, value in tensors.items()}


def _read(unit: Unit) -> Snapshot:
    tensors = {name: torch.from_numpy(array) for name, array in unit.tensors(TENSORS).items()}
    position = Position.model_validate(unit.json(POSITION))
    return Snapshot(tensors, position, unit.json(HISTORY))
