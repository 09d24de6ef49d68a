"""`make sbom`: whether every licence that the bill of materials lists may be here.

Reads the bill that cyclonedx-py made of the environment. What is allowed asks for no more than a
notice, or for changes to its own files alone; all else needs a waiver with a reason.
"""

import json
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from tests.supply.waivers import Licence, read_waivers

ALLOWED = frozenset(
    {
        "0BSD", "Apache-2.0", "BSD", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0",
        "CNRI-Python", "HPND", "ISC", "MIT", "MIT-CMU", "MPL-2.0", "PSF-2.0", "Python-2.0",
        "Unlicense", "Zlib",
        "Apache-2.0 WITH LLVM-exception",
        "License :: OSI Approved :: Apache Software License",
        "License :: OSI Approved :: BSD License",
        "License :: OSI Approved :: MIT License",
        "License :: OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)",
        "License :: OSI Approved :: Python Software Foundation License",
    }
)  # fmt: skip


def said(component: dict[str, Any]) -> list[str]:
    """What a package says of its licence: identifiers, an expression, or what it calls it."""
    entries = component.get("licenses", ())
    return sorted(
        one.get("expression") or one["license"].get("id") or one["license"]["name"]
        for one in entries
    )


def allowed(text: str) -> bool:
    """Every licence of an expression, of alternatives too: what is chosen nobody writes down."""
    names = [text] if text in ALLOWED else re.split(r" (?:AND|OR) |[()]", text)
    return all(name.strip() in ALLOWED for name in names if name.strip())


def judge(
    components: list[dict[str, Any]], waivers: tuple[Licence, ...]
) -> tuple[list[str], Counter[str]]:
    """Sentences about what may not be here; how often each licence is."""
    refused, listed = [], Counter[str]()
    for component in components:
        name, texts = component["name"].lower().replace("_", "-"), said(component) or [""]
        listed.update(text or "not named" for text in texts)
        for text in texts:
            waived = any(waiver.covers(name, text) for waiver in waivers)
            if not (text and allowed(text)) and not waived:
                refused.append(f"{name} ({text or 'names no licence'})")
    return refused, listed


def main(path: Path) -> int:
    components = json.loads(path.read_text(encoding="utf-8"))["components"]
    if not components:
        print(f"sbom: no package is in {path}; is VENV= an environment?", file=sys.stderr)
        return 1
    refused, listed = judge(components, read_waivers().licence)
    many = ", ".join(f"{name} {count}" for name, count in listed.most_common())
    print(f"sbom: {len(components)} packages in {path}; {many}.")
    if refused:
        print(
            f"sbom: {len(refused)} licences are neither allowed nor waived: {', '.join(refused)}; "
            "do without the package, or waive it with a reason in tests/supply/waivers.toml.",
            file=sys.stderr,
        )
    return int(bool(refused))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
