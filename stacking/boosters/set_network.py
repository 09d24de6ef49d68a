"""The network of `set_attention`: all lesions of a patient at once, one score for each.

Some learnt points look at the lesions, then the lesions look at the points (induced set attention,
Lee et al. 2019, Set Transformer, equation 9): the cost grows with the lesions, not with their
square. Which row comes first means nothing. Beside it a straight line from the columns to the
score, so that it begins as a logistic regression. The one file of this room that imports torch;
whoever grows or reads a model imports it then.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from workspace.arrays import Floats, Floats32, Ints

WARM_UP = 0.1  # of the steps, to the full rate; from there it falls by a cosine
LONGEST_STEP = 1.0  # norm of a gradient, at most


@dataclass(frozen=True)
class Shape:
    """How large the network is."""

    width: int  # of the design
    hidden: int
    blocks: int
    points: int
    heads: int
    dropout: float


@dataclass(frozen=True)
class Learning:
    """How it learns."""

    epochs: int
    rate: float
    weight_decay: float
    batch: int  # patients
    seed: int


class InducedAttention(nn.Module):
    """Lesions (P, L, H) learn of the patient's other lesions, through a few points."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        hidden, heads, dropout = shape.hidden, shape.heads, shape.dropout
        self.points = nn.Parameter(torch.randn(shape.points, hidden) / math.sqrt(hidden))
        self.gather = nn.MultiheadAttention(hidden, heads, dropout, batch_first=True)
        self.spread = nn.MultiheadAttention(hidden, heads, dropout, batch_first=True)
        self.first, self.second = nn.LayerNorm(hidden), nn.LayerNorm(hidden)
        self.each = nn.Sequential(
            nn.Linear(hidden, 2 * hidden), nn.GELU(), nn.Linear(2 * hidden, hidden)
        )

    def forward(self, lesions: Tensor, absent: Tensor) -> Tensor:
        """`absent` (P, L) is true where a patient has fewer lesions than the batch is wide."""
        normed = self.first(lesions)
        points = self.points.expand(len(lesions), -1, -1)
        seen, _ = self.gather(points, normed, normed, key_padding_mask=absent, need_weights=False)
        answer, _ = self.spread(normed, seen, seen, need_weights=False)
        lesions = lesions + answer
        whole: Tensor = lesions + self.each(self.second(lesions))
        return whole


class SetNetwork(nn.Module):
    """A design (P, L, width) to log odds (P, L)."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.straight = nn.Linear(shape.width, 1)
        self.embed = nn.Sequential(
            nn.Linear(shape.width, shape.hidden), nn.LayerNorm(shape.hidden), nn.GELU(),
            nn.Dropout(shape.dropout),
        )  # fmt: skip
        self.attention = nn.ModuleList(InducedAttention(shape) for _ in range(shape.blocks))
        self.head = nn.Linear(shape.hidden, 1)
        nn.init.zeros_(self.straight.weight)
        nn.init.zeros_(self.head.weight)

    def forward(self, design: Tensor, absent: Tensor) -> Tensor:
        lesions = self.embed(design)
        for block in self.attention:
            lesions = block(lesions, absent)
        odds: Tensor = self.head(lesions) + self.straight(design)
        return odds[..., 0]


def fit(
    design: Floats32, target: Floats, counts: Ints, patients: Ints, shape: Shape, learning: Learning
) -> SetNetwork:
    """A network of these rows; each counts so often in the loss, all are seen by their patient's.

    Bits hang on the seed and on the kind of processor, not on the number of threads.
    """
    sets = [rows for rows in rows_of(patients) if counts[rows].any()]
    values, weights = torch.from_numpy(design), torch.from_numpy(counts.astype(np.float32))
    labels = torch.from_numpy(target.astype(np.float32))
    with _one_thread(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(learning.seed)
        network = SetNetwork(shape)
        optimiser = torch.optim.AdamW(
            network.parameters(), learning.rate, weight_decay=learning.weight_decay
        )
        rng = np.random.default_rng(learning.seed)
        for epoch in range(learning.epochs):
            order = rng.permutation(len(sets))
            for start in range(0, len(sets), learning.batch):
                progress = (epoch + start / len(sets)) / learning.epochs
                optimiser.param_groups[0]["lr"] = learning.rate * share_of_rate(progress)
                batch = [sets[number] for number in order[start : start + learning.batch]]
                _step(network, optimiser, (values, labels, weights), batch)
    return network.eval()


def restored(shape: Shape, weights: Mapping[str, Any]) -> SetNetwork:
    """A network of its weights as lists of numbers, which are float32 to the last bit."""
    network = SetNetwork(shape)
    network.load_state_dict({name: torch.tensor(some) for name, some in weights.items()})
    return network.eval()


def log_odds(network: SetNetwork, design: Floats32, patients: Ints) -> Floats:
    """(rows,): each patient by himself, so that nobody's score hangs on who else is there."""
    scores = np.empty(len(design))
    values = torch.from_numpy(design)
    with _one_thread(), torch.inference_mode():
        for rows in rows_of(patients):
            some = values[torch.from_numpy(rows)][None]
            absent = torch.zeros(some.shape[:2], dtype=torch.bool)
            scores[rows] = network(some, absent)[0].double().numpy()
    return scores


def moved(network: SetNetwork, design: Floats32, patients: Ints) -> Floats:
    """(rows, width): each value times the slope of its row's log odds, from its patient's alone."""
    parts = np.empty(design.shape)
    with _one_thread():
        for rows in rows_of(patients):
            some = torch.from_numpy(design[rows])[None].requires_grad_()
            odds = network(some, torch.zeros(some.shape[:2], dtype=torch.bool))
            [slope] = torch.autograd.grad(odds.sum(), some)
            parts[rows] = (slope * some.detach())[0].double().numpy()
    return parts


def rows_of(patients: Ints) -> list[Ints]:
    """The rows of each patient, in order."""
    order = np.argsort(patients, kind="stable")
    edges = np.flatnonzero(np.diff(patients[order])) + 1
    return [rows for rows in np.split(order, edges) if len(rows)]


def share_of_rate(progress: float) -> float:
    """How much of the full rate, when so much of the training is done."""
    if progress < WARM_UP:
        return (progress + 0.01) / (WARM_UP + 0.01)
    return (1 + math.cos(math.pi * (progress - WARM_UP) / (1 - WARM_UP))) / 2


def _step(
    network: SetNetwork, optimiser: torch.optim.Optimizer, rows: tuple[Tensor, Tensor, Tensor],
    batch: Sequence[Ints],
) -> None:  # fmt: skip
    """One batch of patients, each filled up to the longest with rows that nobody sees."""
    values, labels, weights = rows
    longest = max(map(len, batch))
    index = torch.zeros(len(batch), longest, dtype=torch.int64)
    absent = torch.ones(len(batch), longest, dtype=torch.bool)
    for number, some in enumerate(batch):
        index[number, : len(some)] = torch.from_numpy(some)
        absent[number, : len(some)] = False
    counted = weights[index].masked_fill(absent, 0.0)
    odds = network(values[index], absent)
    loss = binary_cross_entropy_with_logits(odds, labels[index], counted, reduction="sum")
    optimiser.zero_grad()
    (loss / counted.sum()).backward()  # type: ignore[no-untyped-call]  # torch's own
    nn.utils.clip_grad_norm_(network.parameters(), LONGEST_STEP)
    optimiser.step()


@contextmanager
def _one_thread() -> Iterator[None]:
    """More of them would wait for each other on so small a network, and change last bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
