"""The page and the card of a bundle: facts, escaped, and a policy that knows its own script."""

import base64
import gzip
import hashlib
import html
import json
import re

import pytest

from reports.bundle.model_card import NOTE, card, facts, tables
from reports.bundle.page import page
from reports.bundle.runtime import Runtime

LABELS = {
    "note": NOTE, "network": "mine", "fold": 0, "classes": ["nevus", "</script><b>mel"],
    "target": ["</script><b>mel"], "calibration": "none", "precision": "float32", "size": 32,
    "views": ["identity"], "model_sha256": "ab" * 32,
    "distance": {"limit": 2.0, "false_alarms": 0.05},
    "threshold": {"value": 0.25, "sensitivity": 0.95, "reached": 0.96, "specificity": 0.5},
}  # fmt: skip


def interval(value, low=None, high=None):
    return {"value": value, "low": low, "high": high, "reason": None}


SHEET = {
    "chosen": {"n": 200, "positives": 25}, "chosen_on": "its inner rows",
    "measured": {
        "n": 300, "positives": 30, "patients": 100, "unlike": 0.06,
        "metrics": {
            "auc": interval(0.81234, 0.7, 0.9), "sensitivity": interval(0.9, 0.8, 0.95),
            "ppv": interval(None), "pauc": interval(0.1),
        },
    },
    "measured_on": "the rows that it held out", "level": 0.95, "parameters": 1234,
    "parity": {
        "pictures": 500, "largest": 2e-7, "bound": 1e-4, "mean": 1e-7, "mean_bound": 1e-4,
    }, "model_mb": 1.5,
    "licence": "Its weights <began>.", "learnt": "800 pictures of ham10000.",
}  # fmt: skip


@pytest.fixture(scope="module")
def text():
    return page(LABELS, SHEET, b"model", Runtime(b"module", b"wasm"))


def block(text, name):
    return re.findall(rf'<script type="[a-z/]+" id="{name}">(.*?)</script>', text, re.DOTALL)[0]


def test_facts_have_their_n_and_interval_and_none_but_the_sheet_s():
    said = dict(facts(LABELS, SHEET))
    assert said["ROC-AUC"] == "0.812 (0.700 to 0.900)"
    assert said["sensitivity at the threshold"] == "0.900 (0.800 to 0.950)"
    assert said["PPV at the threshold"] == "not defined"
    assert "specificity at the threshold" not in said
    assert said["measured on"] == "30 of 300 pictures, the rows that it held out"
    assert said["threshold"] == (
        "0.2500, for a sensitivity of 95%: 96.0% where it was chosen (25 of 200 pictures, its "
        "inner rows; specificity there 50.0%)"
    )
    assert said["agrees with the library"] == (
        "to 2.0e-07 on 500 pictures (allowed 0.0001), 1.0e-07 on average (allowed 0.0001)"
    )
    few = {**SHEET, "chosen": {"n": 200, "positives": 19}}
    assert dict(facts(LABELS, few))["threshold"].endswith("; so few say little")


def test_the_card_says_what_it_is_no_device_and_what_it_learnt_from():
    said = card(LABELS, SHEET)
    assert NOTE in said
    assert "not a medical device" in NOTE
    assert "drawing 100 patients or lesions again" in said
    assert "800 pictures of ham10000." in said
    assert "Its weights <began>." in said


def test_what_is_declared_of_a_network_stands_beside_its_numbers_wherever_they_are():
    words = "mine began with the weights of simclr, which had seen the held-out pictures too."
    sheet = {**SHEET, "declared": [words]}
    assert f"| to be read with | {words} |" in card(LABELS, sheet)
    names = [name for name, _ in facts(LABELS, sheet)]
    assert names.index("to be read with") == names.index("measured on") + 1
    assert f"notice: {words}" in tables(LABELS, sheet)
    assert words in page(LABELS, sheet, b"model", Runtime(b"module", b"wasm"))
    assert "to be read with" not in card(LABELS, SHEET)


def test_card_and_page_name_who_taught_it():
    labels = {**LABELS, "taught_by": {"big": "timm's resnet50 (apache-2.0)"}}
    words = "big, whose weights began with timm's resnet50 (apache-2.0)"
    assert dict(facts(labels, SHEET))["taught by"] == words
    assert f"| taught by | {words} |" in card(labels, SHEET)
    assert "taught by" not in card(LABELS, SHEET)
    runtime = Runtime(b"module", b"wasm")
    assert words in html.unescape(page(labels, SHEET, b"model", runtime))


def test_the_console_shows_the_metrics():
    said = tables(LABELS, SHEET)
    assert said[0] == (
        "export: mine, fold 0: threshold 0.2500 for a sensitivity of 95%, chosen on its inner rows "
        "(25 of 200 pictures); on the rows that it held out (30 of 300 pictures):"
    )
    assert [row[0].words for row in said[1].rows] == ["ROC-AUC", "sensitivity", "PPV"]


def test_every_text_is_escaped(text):
    assert "<b>mel" not in text
    assert "<began>" not in text
    assert json.loads(block(text, "labels"))["classes"] == LABELS["classes"]


def test_runtime_and_model_lie_inside(text):
    for name in ("module", "wasm", "model"):
        assert gzip.decompress(base64.b64decode(block(text, name))) == name.encode()


def test_the_policy_knows_script_and_style_by_their_hashes_and_forbids_requests(text):
    [policy] = re.findall(r'Content-Security-Policy" content="(.*?)"', text)
    [script] = re.findall(r'<script type="module">(.*?)</script>', text, re.DOTALL)
    [style] = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    for kind, inline in (("script-src", script), ("style-src", style)):
        digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
        assert f"{kind} 'sha256-{digest}'" in policy
    assert "default-src 'none'; connect-src 'none'" in policy
    assert "unsafe-inline" not in policy
    assert " style=" not in text
    assert not re.findall(r"https?://", text)


def test_the_same_bundle_gives_the_same_page(text):
    assert page(LABELS, SHEET, b"model", Runtime(b"module", b"wasm")) == text
