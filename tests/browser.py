"""What a page is driven in: Chromium, and npm packages that run networks and look for faults."""

import os
import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NAMES = ("chromium", "chromium-browser", "google-chrome")
GRAVE = ("serious", "critical")


def runtime() -> Path:
    """The unpacked npm package onnxruntime-web: DERMSTACK_RUNTIME, or where npm puts it here."""
    return _package("onnxruntime-web", "1.30.0", "DERMSTACK_RUNTIME")


def axe() -> str:
    """The script of the npm package axe-core: DERMSTACK_AXE, or where npm puts it here."""
    return (_package("axe-core", "4.14.1", "DERMSTACK_AXE") / "axe.min.js").read_text()


def _package(name, version, variable) -> Path:
    folder = Path(os.environ.get(variable) or ROOT / "node_modules" / name)
    if not (folder / "package.json").is_file():  # CI has it and allows no skip
        pytest.skip(f"no {name}: 'npm install --no-save {name}@{version}'")
    return folder


@contextmanager
def chromium():
    """A browser; what a page asks for or complains of is the test's to see."""
    program = next((found for name in NAMES if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip("no Chromium on the PATH")  # likewise
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - only where there is a browser

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


def faults(tab, script: str) -> list[str]:
    """What axe-core finds to be serious or critical on an open page, with where."""
    tab.evaluate(script)
    found = tab.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return [
        f"{one['id']}: {node['target']}"
        for one in found["violations"]
        if one["impact"] in GRAVE
        for node in one["nodes"]
    ]
