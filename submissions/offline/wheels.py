"""What the competition's image has, and so what a bundle must bring along.

The versions are those of the public build files of August 2026. From the names that inference
imports and the project's lock comes the bundle's requirements.txt: `get_wheels.py` downloads by it,
and the launcher takes no wheel whose hash is not in it.
"""

import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Library:
    """A library of the image; without a version where the build files name none."""

    name: str
    version: str | None = None


PYTHON = "3.12"  # the image's base is on its way to 3.13
# By the name that is imported.
IMAGE = {
    "albumentations": Library("albumentations", "2.0.8"),
    "catboost": Library("catboost"),  # as a rule; with xgboost too large to bring along
    "cv2": Library("opencv-python-headless"),
    "h5py": Library("h5py"),
    "huggingface_hub": Library("huggingface-hub"),  # timm needs it
    "lightgbm": Library("lightgbm", "4.6.0"),
    "numpy": Library("numpy", "2.0.2"),
    "pandas": Library("pandas", "2.2.2"),
    "PIL": Library("pillow"),  # torchvision needs it
    "polars": Library("polars", "1.35.2"),
    "pydantic": Library("pydantic", "2.12.3"),
    "pydantic_core": Library("pydantic-core"),
    "safetensors": Library("safetensors"),
    "scipy": Library("scipy"),
    "sklearn": Library("scikit-learn", "1.6.1"),
    "threadpoolctl": Library("threadpoolctl"),
    "timm": Library("timm", "1.0.26"),
    "torch": Library("torch", "2.10"),
    "torchvision": Library("torchvision"),
    "xgboost": Library("xgboost"),  # as a rule; here it is the smaller xgboost-cpu
}
HEAD = """\
# What the image lacks of what this bundle can use. All of it is optional: without simplejpeg
# OpenCV decodes the pictures. `python get_wheels.py` downloads it into wheels/.
"""


def lacking(imported: Iterable[str]) -> tuple[str, ...]:
    """Libraries that code imports and the image has not, as lines of a requirements.txt."""
    first = {name.partition(".")[0] for name in imported}
    foreign = first - set(IMAGE) - sys.stdlib_module_names
    return tuple(sorted(name.lower().replace("_", "-") for name in foreign))


def libraries(imported: Iterable[str]) -> tuple[str, ...]:
    """Libraries of the image that code imports, with its version, for other machines to have."""
    first = {name.partition(".")[0] for name in imported}
    used = sorted((IMAGE[name] for name in first & set(IMAGE)), key=lambda library: library.name)
    return tuple(" ".join(filter(None, (library.name, library.version))) for library in used)


def requirements(imported: Iterable[str], lock: str) -> str:
    """requirements.txt: what is lacking, in the versions and with the hashes of the lock."""
    return HEAD + "".join(_locked(name, lock) for name in lacking(imported))


def _locked(name: str, lock: str) -> str:
    """The lines of one library, for each of its versions."""
    pinned = re.findall(rf"^{re.escape(name)}==(?:.*\\\n)+.*\n", lock, re.MULTILINE)
    assert pinned, f"{name} is neither in the image nor in the lock"
    return "".join(pinned)
