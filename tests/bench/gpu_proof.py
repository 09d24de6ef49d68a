"""What only a GPU can show: pace, waiting, utilisation, memory, and whether two runs agree.

`make gpu-proof` trains and embeds with our loop and, by turns in the same run, with timm's own
loader, optimiser and step: four backbones first, eager, then compiled, then the paper's network.
Prints one table in under nine minutes, and keeps it in docs/benchmarks. `--device cpu --small` runs
the same code in seconds, to see that it runs; such numbers say nothing about speed and are printed
only.
"""

import argparse
import multiprocessing
import os
import re
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.bench.gpu_networks import Budget
    from tests.bench.gpu_ours import Proof
    from tests.bench.gpu_rows import Row

RUN_S = 480.0  # of the nine minutes; the last group may take a minute

# Dense 16-bit matrix products with 32-bit sums, TFLOP/s, by NVIDIA's data sheets.
PEAKS = {"H200": 989, "H100": 989, "A100": 312, "L40S": 362, "L4": 121, "T4": 65, "V100": 125}


def peak_flops(name: str, given: float | None) -> float:
    """FLOP/s as given, or by the device's name; 0 where neither is known."""
    words = set(re.split(r"[^A-Za-z0-9]+", name))
    slower = words & {"PCIe", "NVL"}  # cards of the same name with other clocks
    known = [] if slower else [tflops for word, tflops in PEAKS.items() if word in words]
    return 1e12 * (given or next(iter(known), 0))


def main() -> None:
    words = argparse.ArgumentParser(prog="gpu-proof", description=__doc__)
    words.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    words.add_argument("--small", action="store_true", help="enough to see that it runs")
    words.add_argument("--workers", type=int, default=os.cpu_count())
    words.add_argument("--peak-tflops", type=float, help="of dense 16-bit products, for the MFU")
    words.add_argument("--seconds", type=float, default=RUN_S, help="nothing begins after them")
    asked = words.parse_args()
    import torch  # noqa: PLC0415 - processes that draw or load import this module, and not torch

    if asked.device == "cuda" and not torch.cuda.is_available():
        print(
            "gpu-proof: no GPU is here, so nothing was measured (a dry run: --device cpu --small)."
        )
        return
    if asked.device == "cpu":
        torch.set_num_threads(1)
    from tests.bench.gpu_networks import Budget  # noqa: PLC0415 - as above
    from tests.bench.gpu_ours import FULL, SMALL, Proof  # noqa: PLC0415 - as above

    with tempfile.TemporaryDirectory() as folder:
        size = SMALL if asked.small else FULL
        proof = Proof(Path(folder), size, torch.device(asked.device), asked.workers)
        _run(proof, asked.peak_tflops, Budget(asked.seconds), asked.small)


def _run(proof: "Proof", given: float | None, budget: "Budget", small: bool) -> None:
    import torch  # noqa: PLC0415 - as above

    from tests.bench import gpu_networks, gpu_rows, record  # noqa: PLC0415 - as above

    cuda = proof.device.type == "cuda"
    name = torch.cuda.get_device_name() if cuda else "CPU"
    peak = peak_flops(name, given)
    gpu_rows.draw_crops(proof)
    sizes = gpu_networks.SMALL if small else gpu_networks.FULL
    without: set[str] = set()
    rows = budget.rows_of(
        [
            *gpu_networks.eager(proof, peak, sizes),
            ("memory of training", partial(gpu_rows.memory_rows, proof)),
            ("two runs that should agree", partial(_agreed, proof, without)),
            *([] if small else gpu_networks.compiled(proof, peak, sizes)),
            ("the paper's training", partial(gpu_rows.training_rows, proof, peak)),
            ("the paper's embedding", partial(gpu_rows.embedding_rows, proof, peak)),
        ]
    )
    said = (_measured_on(proof, peak, given), _without(without), budget.said())
    about = f"{name}. {' '.join(filter(None, said))} Made by `make gpu-proof`."
    if cuda:
        theme = "gpu_" + "_".join(re.findall(r"[a-z0-9]+", name.lower()))
        record.keep(theme, f"What only a GPU can show: {name}", about, rows)
    print(about)
    for line in (rows[0].keys(), *(row.values() for row in rows)):
        print("| " + " | ".join(f"{v:.4g}" if isinstance(v, float) else v for v in line) + " |")


def _agreed(proof: "Proof", without: set[str]) -> list["Row"]:
    """Each way in a process of its own: the switches are never turned back."""
    import torch  # noqa: PLC0415 - as above

    from tests.bench import gpu_rows  # noqa: PLC0415 - as above

    spawning, rows = multiprocessing.get_context("spawn"), []
    threads = torch.get_num_threads()
    with spawning.Pool(1, torch.set_num_threads, (threads,), maxtasksperchild=1) as children:
        for switched in (False, True):
            found, lacking = children.apply(gpu_rows.agreement, (proof, switched))
            rows.append(found)
            without |= lacking
    return rows


def _measured_on(proof: "Proof", peak: float, given: float | None) -> str:
    source = "as given" if given else "by the card's data sheet"
    known = f"peak {peak / 1e12:g} TFLOP/s {source}"
    return (
        f"{proof.size.backbone} at {proof.size.px} px where no other is named, "
        "without pretrained weights, autocast to "
        f"{proof.precision}, {proof.size.crops:,} synthetic crops, {proof.workers} loader threads "
        f"(ours) and processes (timm's), medians of {proof.size.turns} by turns; the first quarter "
        "of each run is not timed. Waiting is the time blocked in `next`; a GPU may be at work "
        "meanwhile. FLOPs of the forward pass by torch's counter, a multiplication with its "
        "addition is 2, thrice that with the backward pass; "
        f"{known if peak else 'no peak is known, so no MFU: give --peak-tflops'}. timm's side has "
        "cudnn.benchmark on, as its train script has."
    )


def _without(operations: set[str]) -> str:
    names = ", ".join(sorted(operations)) or "none"
    return f"Operations without a deterministic form: {names}."


if __name__ == "__main__":  # not in the processes that are spawned
    main()
