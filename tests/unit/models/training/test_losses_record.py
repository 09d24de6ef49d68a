"""Check 78: the losses of five steps are those on record, so a refactor that moves a bit is seen.

Bits hang on the kernels that a processor is given: equal bits are asked for where this torch on
this processor is on record, and 1e-5 everywhere. A wanted change, or another torch, goes on record
by `python -m tests.unit.models.training.test_losses_record`.
"""

import hashlib
import json
import signal
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.unit.models.training.conftest import CONFIG, NET, Trial, draw_pictures, plainly
from tests.unit.models.training.test_loop import STILL
from workspace.stopping import Stopped

RECORD = Path(__file__).with_name("losses.json")
STEPS = 5  # three with a frozen backbone, two with all free
KINDS = {
    "everything": {"config": CONFIG, "net": NET},
    "nothing drawn but the order": {**plainly(CONFIG), "net": STILL},
}
# Dropout is drawn by MKL where torch has it, and otherwise elsewhere.
ANYWHERE = list(KINDS) if torch.backends.mkl.is_available() else list(KINDS)[1:]


def losses(folder, pictures, kind):
    """After each step the mean loss of the epoch so far."""
    training, told = Trial(folder, pictures, **KINDS[kind]).made(), []

    def show(done, total):
        told.append(training.position.loss_sum / training.position.loss_of)
        if len(told) == STEPS:
            raise Stopped(signal.SIGTERM)

    with pytest.raises(Stopped):
        training.run(show)
    return told


def bits(values):
    return hashlib.sha256(np.array(values, "<f8").tobytes()).hexdigest()


def kernels():
    """What torch, MKL and oneDNN choose their kernels by: the caches' sizes are among it."""
    known = torch.cpu.get_capabilities()
    traits = {name: value for name, value in known.items() if not name.startswith("num_")}
    digest = hashlib.sha256(json.dumps(traits, sort_keys=True).encode()).hexdigest()[:12]
    chosen = torch.backends.cpu.get_cpu_capability()
    return f"torch {torch.__version__}, {chosen}, {known['cpu_name']} {digest}"


@pytest.mark.parametrize("kind", ANYWHERE)
def test_check_78_five_steps_have_the_losses_on_record(trial, pictures, kind):
    record = json.loads(RECORD.read_text())[kind]
    found = losses(trial().folder, pictures, kind)
    assert found == pytest.approx(record["losses"], rel=1e-5)
    assert record["sha256"].get(kernels(), bits(found)) == bits(found)


def renew():
    torch.set_num_threads(1)
    record = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    for number, kind in enumerate(KINDS):
        with tempfile.TemporaryDirectory() as folder:
            pictures = draw_pictures(Path(folder))
            found = losses(Path(folder) / str(number), pictures, kind)
        before = record.get(kind, {"losses": found, "sha256": {}})
        same = found == pytest.approx(before["losses"], rel=1e-5)
        known = before["sha256"] if same else {}  # other processors' bits of what was changed
        record[kind] = {
            "losses": before["losses"] if same else found,
            "sha256": known | {kernels(): bits(found)},
        }
    RECORD.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    renew()
