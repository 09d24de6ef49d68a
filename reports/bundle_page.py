"""A network as one HTML page that runs it: from disk, with no server and no file beside it.

Runtime and model lie inside, packed; the page's one script unpacks them. Its policy knows the
script and the style by their hashes and forbids every request, so a picture cannot leave.
"""

import base64
import gzip
import hashlib
from collections.abc import Mapping
from typing import Any

from reports.model_card import NOTE, facts
from reports.page import HERE, environment
from reports.runtime import VERSION, Runtime
from workspace.hashing import sha256_file, sha256_text

TEMPLATE, STYLE, SCRIPT = "bundle.html.jinja", "bundle.css", "bundle.js"
SHOWN = ("classes", "target", "threshold", "distance")  # what the script reads of labels.json


def page(
    labels: Mapping[str, Any], sheet: Mapping[str, Any], model: bytes, runtime: Runtime
) -> str:
    """The whole page as text."""
    script, style = ((HERE / name).read_text(encoding="utf-8") for name in (SCRIPT, STYLE))
    return environment().get_template(TEMPLATE).render(
        title=f"{labels['network']}, fold {labels['fold']}", target=" or ".join(labels["target"]),
        note=NOTE, facts=facts(labels, sheet), licence=sheet["licence"], version=VERSION,
        calibration=labels["calibration"], learnt=sheet["learnt"],
        labels={name: labels[name] for name in SHOWN}, script=script, style=style,
        script_hash=_known_by(script), style_hash=_known_by(style),
        packed={"module": packed(runtime.module), "wasm": packed(runtime.wasm),
                "model": packed(model)},
    )  # fmt: skip


def packed(data: bytes) -> str:
    """As text of a page; the same bytes give the same text."""
    return base64.b64encode(gzip.compress(data, 9, mtime=0)).decode()


def look_hash() -> str:
    """Which look a page was given; another one makes it anew."""
    return sha256_text("".join(sha256_file(HERE / name) for name in (TEMPLATE, STYLE, SCRIPT)))


def _known_by(text: str) -> str:
    """As a policy names an inline script or style."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
