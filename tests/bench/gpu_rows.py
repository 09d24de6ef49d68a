"""The rows of the GPU's proof: both sides by turns, memory, and whether two runs agree."""

import gc
import statistics
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from models.inference.speed import EXACT, Pace, fastest
from models.inference.views import IDENTITY, SIX
from models.nets.determinism import switch_on, without_form
from models.nets.memory import training_memory
from synthetic.competition import write_competition
from synthetic.config import SyntheticConfig
from tests.bench.gpu_ours import Proof, Run, Training, our_embedding, our_training
from tests.bench.gpu_timm import their_embedding, their_loader, their_net, their_training

STEPS = 5  # of the two runs that should agree
BOUND_GB, BOUND_BATCH, BOUND_PX = 4, 8, 224  # AMP; without the driver's own share

Row = dict[str, object]


def draw_crops(proof: Proof) -> None:
    patients = max(4, proof.size.crops // 20)
    config = SyntheticConfig(patients=patients, rows=proof.size.crops, positives=patients)
    write_competition(proof.folder, config, 0)


def row(what: str, unit: str, ours: float, theirs: float | None = None, goal: str = "-") -> Row:
    other = "-" if theirs is None else theirs
    return {"what": what, "ours": ours, "timm": other, "ratio": "-", "unit": unit, "goal": goal}


@dataclass(frozen=True)
class Side:
    """One way to do it, and its FLOPs an image."""

    name: str
    run: Callable[[], Run]
    flops: float


def by_turns(task: str, sides: list[Side], theirs: Side, turns: int, peak: float) -> list[Row]:
    """Each of our sides beside theirs: pace and its ratio, share of waiting, utilisation."""
    found: dict[str, list[Run]] = {side.name: [] for side in (*sides, theirs)}
    for _ in range(turns):
        for side in (*sides, theirs):
            found[side.name].append(side.run())

    def median(side: Side, what: str) -> float:
        return statistics.median(getattr(run, what) for run in found[side.name])

    rows = []
    for side in sides:
        what = f"{task}, {side.name}"
        paces = [median(s, "images_s") for s in (side, theirs)]
        ratio = statistics.median(
            ours.images_s / other.images_s
            for ours, other in zip(found[side.name], found[theirs.name], strict=True)
        )
        rows.append({**row(what, "images/s", *paces), "ratio": ratio})
        waits = [median(s, "waiting") for s in (side, theirs)]
        rows.append(row(f"{what}: waiting for input", "share of time", *waits, goal="< 0.05"))
        if peak:
            used = [p * s.flops / peak for p, s in zip(paces, (side, theirs), strict=True)]
            rows.append(row(f"{what}: MFU", "share of peak", *used))
    return rows


def training_rows(proof: Proof, peak: float) -> list[Row]:
    stored, held = proof.pictures(), proof.pictures(4.0)
    ways = (
        ("the paper's network, from HDF5", proof.net(), stored),
        ("the paper's network, decoded in memory", proof.net(), held),
        ("timm's network, from HDF5", proof.net(attention=False), stored),
    )
    counted = flops(their_net(proof), proof, training=True)
    rows = []
    for batch in proof.size.training:
        loader = their_loader(proof, batch[0], batch[2], training=True)
        ours = [
            Side(name, partial(our_training, proof, net, pictures, batch),
                 flops(net, proof, training=True))
            for name, net, pictures in ways
        ]  # fmt: skip
        theirs = Side("timm", partial(their_training, proof, loader, batch), counted)
        task = f"training, batches of {batch[0]} x {batch[1]}"
        rows += by_turns(task, ours, theirs, proof.size.turns, peak)
    return rows


def embedding_rows(proof: Proof, peak: float) -> list[Row]:
    stored, held, net = proof.pictures(), proof.pictures(4.0), proof.net()
    half = Pace("bfloat16")
    ways = [
        ("one view, float32, from HDF5", stored, IDENTITY, EXACT),
        ("one view, bfloat16, from HDF5", stored, IDENTITY, half),
        ("one view, bfloat16, decoded in memory", held, IDENTITY, half),
        ("six views (timm: one), bfloat16, decoded in memory", held, SIX, half),
    ]
    pace = fastest(proof.device, proof.size.embedding[1])
    if pace.compiled:
        name = f"one view, {pace.dtype}, compiled, decoded in memory"
        ways.append((name, held, IDENTITY, pace))
    counted = flops(net, proof, training=False)
    ours = [
        Side(name, partial(our_embedding, proof, net, pictures, views, pace),
             counted * len(views))
        for name, pictures, views, pace in ways
    ]  # fmt: skip
    loader = their_loader(proof, *proof.size.embedding, training=False)
    counted = flops(their_net(proof, 0), proof, training=False)
    theirs = Side("timm", partial(their_embedding, proof, loader), counted)
    task = f"embedding, batches of {proof.size.embedding[0]}"
    return by_turns(task, ours, theirs, proof.size.turns, peak)


def flops(net: nn.Module, proof: Proof, training: bool) -> float:
    """Of one image, a multiplication with its addition as two; the backward pass is two forwards.

    Counted by torch, the backward pass would be thrice that: it takes depthwise convolutions for
    dense ones there.
    """
    images = torch.zeros(1, 3, proof.size.px, proof.size.px, device=proof.device)
    net.eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net(images)
    return float(counter.get_total_flops()) * (3 if training else 1)


def memory_rows(proof: Proof) -> list[Row]:
    """At the fullest moment; without a GPU only what can be counted."""
    px = proof.size.px
    what = f"memory of training, batches of {BOUND_BATCH}, {px} px, AMP"
    goal = f"< {BOUND_GB}" if px == BOUND_PX else "-"
    net = proof.net()
    images = torch.zeros(BOUND_BATCH, 3, px, px, device=proof.device)
    counted = training_memory(net, images, proof.half)
    rows = [row(f"{what}: counted", "GB", counted.total / 1e9, goal=goal)]
    del net, images
    if proof.device.type != "cuda":
        return rows
    batch = (BOUND_BATCH, 4, 256)
    loader = their_loader(proof, batch[0], batch[2], training=True)
    ours = peaks(lambda: our_training(proof, proof.net(), proof.pictures(), batch))
    theirs = peaks(lambda: their_training(proof, loader, batch))
    for name, mine, other in zip(("allocated", "reserved"), ours, theirs, strict=True):
        rows.append(row(f"{what}: peak {name}", "GB", mine, other, goal))
    return rows


def peaks(run: Callable[[], object]) -> tuple[float, float]:
    """What the allocator gave away at most, and what it held at most for that, in GB."""
    gc.collect()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    run()
    return torch.cuda.max_memory_allocated() / 1e9, torch.cuda.max_memory_reserved() / 1e9


def agreement(proof: Proof, switched: bool) -> tuple[Row, set[str]]:
    """Two runs of a few steps, as it is or with the deterministic switches.

    Either in a process of its own: the switches are never turned back.
    """
    if switched:
        switch_on(warn_only=True)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        one, other = _few_steps(proof), _few_steps(proof)
    named = (without_form(str(warning.message)) for warning in said)
    how = "with the deterministic switches" if switched else "as it is"
    what = f"two runs of {STEPS} steps, {how}: greatest difference of weights"
    found = row(what, "of its tensor's greatest", _difference(one, other),
                goal="0" if switched else "-")  # fmt: skip
    return found, {name for name in named if name}


class Enough(Exception):  # noqa: N818 - no error
    """As many steps as were wanted are taken."""


def _few_steps(proof: Proof) -> dict[str, torch.Tensor]:
    """Weights after so many steps that were taken: the scaler refuses the first ones."""
    net = proof.net()

    def stop(training: Training) -> None:
        if training.position.step == STEPS:
            raise Enough

    size, every, _ = proof.size.training[0]
    try:
        our_training(proof, net, proof.pictures(), (size, every, size * every * 30), stop)
    except Enough:
        return {name: value.cpu() for name, value in net.state_dict().items()}
    raise AssertionError(f"fewer than {STEPS} steps were taken")


def _difference(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    tiny = torch.finfo(torch.float32).tiny
    return max(
        float((one[n] - other[n]).abs().max() / one[n].abs().max().clamp(min=tiny)) for n in one
    )
