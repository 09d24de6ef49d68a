"""What a stage imports before it knows what is to do: nothing that takes seconds."""

import subprocess
import sys

from tests.stages import ROOT

STAGES = (
    "sample", "verify", "eda", "folds", "train_cnn", "embed", "features", "stack", "submission",
    "report", "plan",
)  # fmt: skip
DEAR = {"torch", "timm", "lightgbm", "sklearn", "scipy", "cv2", "h5py", "matplotlib", "pandas"}


def test_no_stage_waits_for_a_library_before_it_knows_what_is_to_do():
    asked = "; ".join(f"import scripts.{stage}" for stage in STAGES)
    program = f"{asked}; import sys; print(*sorted({DEAR} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []
