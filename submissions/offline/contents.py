"""What lies beside the run in a bundle: launcher, guide, notebook and the platform's own files."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from submissions.offline.config import BundleConfig

HERE = Path(__file__).resolve().parent


def guides(
    config: BundleConfig, facts: Mapping[str, Any], libraries: Sequence[str]
) -> dict[str, str]:
    """Texts by file name, which the listing has the hashes of."""
    return {"submit.py": (HERE / "submit.py").read_text(encoding="utf-8")}


def platform_files(config: BundleConfig, sha256: str, name: str) -> dict[str, Any]:
    """JSON by file name, which knows the listing's own hash."""
    return {}
