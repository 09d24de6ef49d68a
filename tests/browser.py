"""What a page is driven in: Chromium, and the npm package that runs networks in it."""

import os
import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NAMES = ("chromium", "chromium-browser", "google-chrome")
PACKAGE = Path("node_modules", "onnxruntime-web")


def runtime() -> Path:
    """The unpacked npm package onnxruntime-web: DERMSTACK_RUNTIME, or where npm puts it here."""
    folder = Path(os.environ.get("DERMSTACK_RUNTIME") or ROOT / PACKAGE)
    if not (folder / "package.json").is_file():  # CI has it and allows no skip
        pytest.skip("no onnxruntime-web: 'npm install --no-save onnxruntime-web@1.30.0'")
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
