"""A network as one HTML page that runs it: from disk, with no server and no file beside it.

Runtime and model lie inside, packed; the page's one script unpacks them. Its policy knows the
script and the style by their hashes and forbids every request, so a picture cannot leave.
"""

import base64
import gzip
from collections.abc import Mapping
from typing import Any

from reports.bundle.model_card import NOTE, facts
from reports.bundle.runtime import VERSION, Runtime
from reports.pages.templates import environment, known_by, look_of, text_of

TEMPLATE, STYLE, SCRIPT = (f"bundle/bundle.{kind}" for kind in ("html.jinja", "css", "js"))
SHOWN = ("classes", "target", "threshold", "distance")  # what the script reads of labels.json


def page(
    labels: Mapping[str, Any], sheet: Mapping[str, Any], model: bytes, runtime: Runtime
) -> str:
    """The whole page as text."""
    script, style = text_of(SCRIPT), text_of(STYLE)
    return environment().get_template(TEMPLATE).render(
        title=f"{labels['network']}, fold {labels['fold']}", target=" or ".join(labels["target"]),
        note=NOTE, facts=facts(labels, sheet), licence=sheet["licence"], version=VERSION,
        calibration=labels["calibration"], learnt=sheet["learnt"],
        labels={name: labels[name] for name in SHOWN}, script=script, style=style,
        script_hash=known_by(script), style_hash=known_by(style),
        packed={"module": packed(runtime.module), "wasm": packed(runtime.wasm),
                "model": packed(model)},
    )  # fmt: skip


def packed(data: bytes) -> str:
    """As text of a page; the same bytes give the same text."""
    return base64.b64encode(gzip.compress(data, 9, mtime=0)).decode()


def look_hash() -> str:
    """Which look a page was given; another one makes it anew."""
    return look_of(TEMPLATE, STYLE, SCRIPT)
