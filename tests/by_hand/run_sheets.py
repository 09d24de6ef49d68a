"""What a run has made, of a few numbers that a test states, and its page as a test reads it."""

from html.parser import HTMLParser

from reports.run.sheets import RunSheets
from workspace.manifest import Making, Manifest

VOID = {"meta", "link", "line", "circle", "img", "input"}
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
    known |= changes
    return RunSheets(**{"makings": makings_of(known["manifests"]), **known})


def making(stage, seconds, *processors):
    known = manifest(stage).model_dump() | {"seconds": seconds}
    return Making.model_validate(known | {"facts": {"processors": list(processors)}})


def makings_of(manifests):
    return {folder: Making.model_validate(one.model_dump()) for folder, one in manifests.items()}
