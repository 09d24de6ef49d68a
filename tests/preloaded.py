"""What stages import, imported once by the process that is forked for them (`tests.launcher`).

Stages import libraries where they are used, since users wait for them; here each would do so some
hundred times. None of these starts a thread that a fork would lose.
"""

import gc
from importlib import import_module
from pathlib import Path

STAGES = sorted((Path(__file__).resolve().parents[1] / "scripts").glob("[a-z]*.py"))
LIBRARIES = (
    "lightgbm", "matplotlib.backends.backend_svg", "matplotlib.figure", "optuna",
    "scipy.optimize", "scipy.spatial.distance", "scipy.special", "scipy.stats",
    "sklearn.linear_model", "sklearn.model_selection", "sklearn.neighbors",
)  # fmt: skip

for name in (*(f"scripts.{path.stem}" for path in STAGES), *LIBRARIES):
    import_module(name)
gc.collect()
gc.freeze()  # children look for garbage in their own things alone
