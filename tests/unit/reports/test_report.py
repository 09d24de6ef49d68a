import re
from html.parser import HTMLParser

import numpy as np
import polars as pl
import pytest

from metrics.score_sheet import ScoreConfig
from reports.report import DISCLAIMER, SYNTHETIC, RunSheets, report
from reports.stack import score_entries, score_table
from reports.table import NOTHING, measure
from stacking.measure import stack_sheet
from workspace.manifest import Manifest

EVIL = '<script>alert("x")</script><img src=http://a.b onerror=alert(1)>'
VOID = {"meta", "link", "line", "circle", "img"}
FOLDS = [
    {"repeat": 0, "fold": fold, "split": split, "rows": 60, "positives": positives,
     "groups": 20, "hospitals": 0}
    for fold, split, positives in ((0, "train", 20), (1, "train", 20), (None, "test", None))
]  # fmt: skip


class Page(HTMLParser):
    """The tags, the texts, and the exact value of every number of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.texts, self.exact, self.open = [], [], {}, []
        self.feed(text)
        self.text = " ".join(" ".join(self.texts).split())

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop()[0] == tag

    def handle_data(self, data):
        self.texts.append(data)
        if self.open and self.open[-1][0] == "data":
            self.exact[self.open[-1][1]["value"]] = data


def recipe(about="Metadata alone.", images="none"):
    return {
        "name": "tabular", "about": about, "seed": 0, "score": {"min_tpr": 0.8},
        "data": {"group": "patient", "images": images, "source": "isic2024", "folder": "tabular"},
    }  # fmt: skip


def manifest(stage, inputs=(), facts=(), files=()):
    return Manifest(
        stage=stage, settings={}, inputs=dict(inputs), recipe=recipe(), seed=7,
        code={"commit": "abcdef0123456789", "dirty": True}, lock="l" * 64,
        versions={"python": "3.11.7", "numpy": "2.4.6"}, seconds=1.25, facts=dict(facts),
        files={name: {"sha256": sha, "size": 10} for name, sha in dict(files).items()},
    )  # fmt: skip


def only_folds(synthetic=True, **changes):
    facts = {"fold_hash": "f" * 64, "scheme": "stratified_groups", "seed": "0"}
    counts = {"rows": 120, "positives": 40, "patients": 40, "lesions": 0, "test_rows": 60}
    known = {
        "recipe": recipe(),
        "again": " RECIPE=tabular",
        "manifests": {
            "samples": manifest(
                "verify", facts={"synthetic": synthetic}, files={"samples.parquet": "a"}
            ),
            "folds": manifest("folds", {"samples.parquet": "a"}, facts),
        },
        "verified": {
            "counts": counts,
            "notices": [{"check": "synthetic", "count": 0}, {"check": "odd-id", "count": 3}],
        },
        "balance": FOLDS,
    }
    return RunSheets(**{**known, **changes})


@pytest.fixture(scope="module")
def oof():
    rng = np.random.default_rng(0)
    target = np.arange(120) % 3 == 0
    return pl.DataFrame(
        {
            "isic_id": [f"ISIC_{number:07}" for number in range(120)],
            "target": target.astype(np.int8),
            "fold": np.arange(120) // 3 % 2,
            "group_id": [f"IP_{number // 6 * 2 + number // 3 % 2}" for number in range(120)],
            "score": np.clip(rng.random(120) * 0.7 + 0.3 * target, 0, 1),
        }
    )


@pytest.fixture(scope="module")
def metrics(oof):
    other = oof.select("isic_id", pl.lit(0.5).alias("score"))
    levels = {"sex": pl.Series([EVIL, "male"] * 60)}
    config = ScoreConfig(replicates=100, seeds=(0,))
    found = stack_sheet(oof, {"constant": other}, "group_id", levels, config)
    return {**found, "best_column": {}, "group": "patient"}


def whole(oof, metrics, **changes):
    table = pl.DataFrame(
        {"column": [f"pz_{k}" for k in range(30)], "shap": np.arange(30.0)[::-1], "gain": 0.5}
    )
    return only_folds(stacked=metrics, rows=oof, importance=table, **changes)


def test_no_text_of_the_run_becomes_html(oof, metrics):
    data = recipe()["data"] | {"folder": EVIL, "source": EVIL}
    leaks = [{"check": EVIL, "found": EVIL, "holds": False}]
    page = report(
        whole(
            oof, metrics | {"members": {EVIL: metrics["stack"]}}, again=EVIL, leaks=leaks,
            recipe={**recipe(EVIL), "name": EVIL, "data": data},
        )
    )  # fmt: skip
    tags = Page(page).tags
    assert {tag for tag, _ in tags}.isdisjoint({"script", "img", "iframe", "object"})
    assert not [name for _, attributes in tags for name in attributes if name.startswith("on")]
    assert "&lt;script&gt;" in page
    assert page.count(EVIL) == 0


def test_a_page_reaches_for_nothing(oof, metrics):
    page = report(whole(oof, metrics))
    [style] = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    assert not re.search(r"https?:|@import|url\(", style)
    given = [pair for _, attributes in Page(page).tags for pair in attributes.items()]
    links = [value for name, value in given if name in ("href", "src", "action")]
    assert "#scores" in links
    assert all(link.startswith(("#", "data:")) for link in links)
    assert "default-src 'none'" in page


def test_a_run_with_folds_alone_names_what_it_lacks():
    page = Page(report(only_folds()))
    assert page.text.count("Not made yet.") == 3
    for stage in ("stack", "audit", "submission"):
        assert f"make {stage} RECIPE=tabular" in page.text
    assert "The recipe uses no images, and so no network." in page.text
    assert "f" * 64 in page.text
    assert DISCLAIMER in page.text
    assert "odd id" in page.text


def test_a_recipe_with_images_lacks_networks():
    page = Page(report(only_folds(recipe=recipe(images="csv"))))
    assert "make train-cnn RECIPE=tabular" in page.text


def test_synthetic_data_are_said_to_be_so_and_real_ones_not():
    assert SYNTHETIC in Page(report(only_folds())).text
    assert "ynthetic" not in Page(report(only_folds(synthetic=False))).text


def intervals_of(found):
    """Every metric of a part of metrics.json that has a value."""
    if isinstance(found, dict) and {"value", "low", "high", "replicates"} <= set(found):
        return [found]
    inside = found.values() if isinstance(found, dict) else found if isinstance(found, list) else ()
    return [metric for value in inside for metric in intervals_of(value)]


def test_the_numbers_of_the_page_are_those_of_metrics_json(oof, metrics):
    page = Page(report(whole(oof, metrics)))
    kept = [
        *intervals_of(metrics["stack"]["metrics"]),
        *(metrics["baselines"]["constant"]["metrics"][n] for n in ("pauc", "auc")),
        metrics["baselines"]["constant"]["stack_minus_this"]["pauc"],
        *(entry["metrics"][n] for entry in metrics["folds"]["folds"] for n in ("pauc", "auc")),
        *(
            entry["metrics"][n]
            for entry in metrics["stack"]["subgroups"] if entry["metrics"] for n in ("pauc", "auc")
        ),
    ]  # fmt: skip
    assert len(kept) > 15
    for metric in kept:
        assert page.exact[repr(metric["value"])] == f"{metric['value']:.4f}"
        if metric["low"] is not None:
            assert f"{metric['low']:.4f} to {metric['high']:.4f}" in page.text
    for name in ("pauc", "auc"):
        assert page.exact[repr(metrics["folds"]["mean"][name])]
        assert page.exact[repr(metrics["folds"]["sd"][name])]


def test_no_id_of_a_row_or_patient_is_on_the_page(oof, metrics):
    page = report(whole(oof, metrics))
    assert "ISIC_" not in page
    assert "IP_" not in page


def test_a_score_that_no_one_foresaw_is_a_row_with_its_n_and_differences(metrics):
    entry = metrics["baselines"]["constant"]
    more = {"metrics": entry["metrics"], "blend_minus_this": entry["stack_minus_this"], "n": 90}
    table = score_table({**metrics, "members": {"a network": more}, "blend": metrics["stack"]})
    names = [(row[0].words, row[0].below, row[1].exact) for row in table.rows]
    assert names == [
        ("stack", "", "120"), ("blend", "", "120"), ("a network", "member", "90"),
        ("constant", "baseline", "120"),
    ]  # fmt: skip
    titles = [column.title for column in table.columns]
    assert titles[-2:] == ["blend minus this, pAUC", "stack minus this, pAUC"]
    assert [row[-1] for row in table.rows[:3]] == [NOTHING] * 3
    assert table.rows[3][-1] == measure(entry["stack_minus_this"]["pauc"])


def test_a_metrics_json_without_scores_has_no_rows():
    assert score_entries({"folds": {"mean": {"auc": 1.0}}, "group": "patient", "stack": {}}) == []


def test_the_twenty_first_columns_are_shown(oof, metrics):
    page = Page(report(whole(oof, metrics)))
    assert [name for name in (f"pz_{k}" for k in range(30)) if name in page.texts] == [
        f"pz_{k}" for k in range(20)
    ]


def test_a_submission_and_a_leak_are_told():
    manifests = only_folds().manifests | {
        "submission": manifest("submission", files={"submission.csv": "c" * 64})
    }
    leaks = [{"check": "a group lies on one side", "found": "2 of 9 groups", "holds": False}]
    page = Page(
        report(
            only_folds(
                manifests=manifests, leaks=leaks, handed_in=pl.Series("target", [0.25, 0.5, 0.25])
            )
        )
    )
    assert "0.25, 0.5" in page.text
    assert "c" * 64 in page.text
    assert ("span", {"class": "bad"}) in page.tags


def test_what_an_audit_is_to_be_read_with_stands_at_its_checks_and_at_the_head():
    words = "net began with the weights of simclr, which had seen the held-out pictures too."
    leaks = [{"check": "noise is at chance", "found": "auc +0.0", "holds": True}]
    manifests = only_folds().manifests
    plain = Page(report(only_folds(leaks=leaks, manifests=manifests))).text
    manifests = manifests | {"leaks": manifest("audit", facts={"declared": [words]})}
    declared = Page(report(only_folds(leaks=leaks, manifests=manifests))).text
    assert plain.count(words) == 0
    assert declared.count(words) == 2


def test_a_part_of_another_state_of_the_folds_is_told():
    samples = manifest("verify", facts={"synthetic": False}, files={"samples.parquet": "new"})
    manifests = {**only_folds().manifests, "samples": samples}
    assert (
        "'folds' was made from another samples.parquet than the one that lies in 'samples' now: "
        "the two do not belong together. Run 'make folds' again."
    ) in Page(report(only_folds(manifests=manifests))).text
    assert "do not belong together" not in report(only_folds())


def test_a_stack_that_learnt_from_an_older_block_is_told():
    block = manifest("embed", files={"oof.parquet": "new", "test.parquet": "t"})
    stacked = manifest("stack", {"stage1": "old"})
    manifests = {"stack": stacked, "blocks/stage1": block}
    assert "'stack' was made from another oof.parquet" in Page(
        report(only_folds(manifests=only_folds().manifests | manifests))
    ).text.replace("&#39;", "'")


def test_a_network_of_the_blocks_name_is_not_taken_for_the_block():
    manifests = only_folds().manifests | {
        "cascade": manifest("train-cnn", {"stage1": "its own"}),
        "stack": manifest("stack", {"stage1": "block"}),
        "blocks/stage1": manifest("embed", files={"oof.parquet": "block"}),
        "networks/stage1": manifest("train-cnn", files={"oof.parquet": "its own"}),
    }
    assert "do not belong together" not in report(only_folds(manifests=manifests))


def test_the_manifests_say_commit_seed_and_versions():
    page = Page(report(only_folds()))
    assert "abcdef012345, changed" in page.text
    assert page.exact["7"] == "7"
    assert "2.4.6" in page.texts
    assert "l" * 64 in page.texts


def test_a_network_is_shown_class_by_class_in_its_own_order(metrics):
    def metric(value):
        return {"value": value, "low": None, "high": None, "level": 0.95, "unit": "patient",
                "replicates": 100}  # fmt: skip

    sheet = {
        "metrics": {"accuracy": metric(0.75), "recall[MEL]": metric(0.5)},
        "report": {
            "n": 8, "classes": ["MEL", "BCC"], "per_class": {"BCC": {"true": 3}, "MEL": {"true": 5}}
        },
    }  # fmt: skip
    claim = {"accuracy": [0.9064, 299], "macro_f1": 0.88, "source": "a paper: a claim",
             "per_class": {"mel": [0.9, 0.8, 0.85, 171]}}  # fmt: skip
    network = {
        "best_epoch": sheet, "last_epoch": sheet, "claim": claim, "folds": [{"inner_score": 0.5}]
    }  # fmt: skip
    page = Page(report(only_folds(networks={"stage2": network})))
    assert page.texts.index("MEL") < page.texts.index("BCC")
    assert page.exact["0.5"] == "0.5000"
    assert (
        "Claimed elsewhere, on other pictures (a paper: a claim): accuracy 0.9064 of 299, macro "
        "F1 0.88."
    ) in page.text
