"""Four backbones at their sizes, training and embedding, eager and compiled, beside timm's script.

On both sides the same network: no attention, one linear layer. Ours reads pictures decoded in
memory, timm's its own loader. A group of rows begins only while there is time for it, the eager
ones first; what was left out is named below the table.
"""

import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial

import torch

from models.inference.speed import Pace
from tests.bench.gpu_ours import Proof, Size, our_embedding, our_training
from tests.bench.gpu_rows import Row, Side, by_turns, flops, peaks, row
from tests.bench.gpu_timm import their_embedding, their_loader, their_net, their_training

TURNS = 2
LEAST_S = 60.0  # a group may take so long before any was seen

# Of training (batch, batches a step, all) and of embedding (batch, all).
FULL = (
    Size("convnext_tiny", 224, 2048, ((128, 1, 8192),), (256, 16384), TURNS),
    Size("convnextv2_nano", 224, 2048, ((128, 1, 8192),), (256, 16384), TURNS),
    Size("eva02_small_patch14_336", 336, 2048, ((128, 1, 4096),), (256, 8192), TURNS),
    Size("eva02_base_patch14_224", 224, 2048, ((128, 1, 4096),), (256, 8192), TURNS),
)
SMALL = (
    Size("test_convnext", 32, 16, ((2, 1, 16),), (4, 16), 1),
    Size("eva02_tiny_patch14_224", 224, 16, ((2, 1, 4),), (1, 2), 1),
)

Group = tuple[str, Callable[[], list[Row]]]


@dataclass
class Budget:
    """Seconds for all groups; one begins only where the longest so far would still fit."""

    seconds: float
    clock: Callable[[], float] = time.monotonic
    left_out: list[str] = field(default_factory=list)

    def rows_of(self, groups: Iterable[Group]) -> list[Row]:
        rows, started, longest = list[Row](), self.clock(), LEAST_S
        for name, make in groups:
            begun = self.clock()
            if started + self.seconds - begun < longest:
                self.left_out.append(name)
                continue
            rows += make()
            took = self.clock() - begun
            longest = max(longest, took)
            print(f"gpu-proof: {name}, {took:.0f} s.", file=sys.stderr, flush=True)
        return rows

    def said(self) -> str:
        names = "; ".join(self.left_out)
        return f"Left out for want of time: {names}." if names else ""


def eager(proof: Proof, peak: float, sizes: Iterable[Size]) -> list[Group]:
    return [
        (f"{size.backbone} as it is", partial(_pace, replace(proof, size=size), peak, False))
        for size in sizes
    ]


def compiled(proof: Proof, peak: float, sizes: Iterable[Size]) -> list[Group]:
    """Scoring of all of them first: so the stages embed; training compiles nothing as yet."""
    each = [replace(proof, size=size) for size in sizes]
    return [
        *((f"{one.size.backbone} compiled, embedding", partial(_embedding, one, peak, True))
          for one in each),
        *((f"{one.size.backbone} compiled, training", partial(_training, one, peak, True))
          for one in each),
    ]  # fmt: skip


def _pace(proof: Proof, peak: float, faster: bool) -> list[Row]:
    return [*_training(proof, peak, faster), *_embedding(proof, peak, faster)]


def _task(proof: Proof, what: str, batch: int) -> str:
    return f"{proof.size.backbone}, {proof.size.px} px, {what}, batches of {batch}"


def _training(proof: Proof, peak: float, faster: bool) -> list[Row]:
    [batch] = proof.size.training
    net, pictures = proof.net(attention=False), proof.pictures(4.0)
    loader = their_loader(proof, batch[0], batch[2], training=True)
    counted = flops(net, proof, training=True)
    if faster:
        net.learn = torch.compile(net.learn)  # type: ignore[method-assign]
    ours = Side(_name(faster), partial(our_training, proof, net, pictures, batch), counted)
    theirs = Side("timm", partial(their_training, proof, loader, batch, faster), counted)
    return _rows(proof, _task(proof, "training", batch[0]), ours, theirs, peak)


def _embedding(proof: Proof, peak: float, faster: bool) -> list[Row]:
    size, _ = proof.size.embedding
    net, pictures = proof.net(attention=False), proof.pictures(4.0)
    loader = their_loader(proof, *proof.size.embedding, training=False)
    pace = Pace("bfloat16", compiled=faster)
    ours = Side(
        _name(faster), partial(our_embedding, proof, net, pictures, pace=pace),
        flops(net, proof, training=False),
    )  # fmt: skip
    counted = flops(their_net(proof, 0), proof, training=False)
    theirs = Side("timm", partial(their_embedding, proof, loader, faster), counted)
    return _rows(proof, _task(proof, "embedding", size), ours, theirs, peak)


def _name(faster: bool) -> str:
    return "compiled" if faster else "as it is"


def _rows(proof: Proof, task: str, ours: Side, theirs: Side, peak: float) -> list[Row]:
    """Pace, waiting and utilisation by turns; on a GPU the memory at the fullest moment too."""
    torch.compiler.reset()
    if proof.device.type != "cuda":
        return by_turns(task, [ours], theirs, proof.size.turns, peak)
    mine, other = peaks(ours.run), peaks(theirs.run)  # the first run of each, which compiles too
    rows = by_turns(task, [ours], theirs, proof.size.turns, peak)
    for name, one, two in zip(("allocated", "reserved"), mine, other, strict=True):
        rows.append(row(f"{task}, {ours.name}: peak memory {name}", "GB", one, two))
    return rows
