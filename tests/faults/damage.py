"""Artefacts of each kind, cut and with one bit turned, and what the stage that needs them says.

Allowed is a redo that gives the same bytes, a notice where nothing is made of the file, or exit
code 2 with one sentence, whose mend is then carried out to the letter; in the end all bytes are
those of the unbroken run.
"""

import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.faults.kills import Bench, Ended, differing
from tests.manifests import hashes


def _turned(data: bytes) -> bytes:
    turned = bytearray(data)
    turned[len(turned) // 2] ^= 16
    return bytes(turned)


Damage = Callable[[bytes], bytes]
DAMAGES: Mapping[str, Damage] = {
    "emptied": lambda data: b"",
    "cut in half": lambda data: data[: len(data) // 2],
    "one byte short": lambda data: data.rstrip(b"\n")[:-1],  # a line's end is no loss to a text
    "one bit turned": _turned,
}
ALONE = re.compile(r"delete the folder (\S+) and run 'make ([a-z-]+)', which makes it alone anew")
AWAY = re.compile(r"move its folder away and run the stage again|holds files that .* move them")
RESTORE = re.compile(r"download it again|restore it|mend them|Cannot read|has no|does not have")


MEMORY = ".hashes.json"
OTHER = "other data: a result of its own, beside that of the whole file"
ANEW = "made anew"
UNREAD = "left as it is: nothing that was made hangs on it"
SHORTER = "goes on; the lines that were damaged are gone"


@dataclass(frozen=True)
class Artefact:
    """A file of a finished run, or of its data, and the stage that is called to need it."""

    kind: str
    path: str
    script: str
    without: str = ""  # a unit that is taken away, so that it is made of the artefact again


ARTEFACTS = (
    Artefact("parquet: samples", "run/samples/samples.parquet", "verify"),
    Artefact("parquet: folds", "run/folds/folds.parquet", "folds"),
    Artefact("parquet: scores out of fold", "run/networks/alone/oof.parquet", "train_cnn"),
    Artefact("JSON: how a network is used", "run/networks/alone_fold_0/use.json", "train_cnn"),
    Artefact("safetensors: weights", "run/networks/alone_fold_0/best.safetensors", "train_cnn"),
    Artefact("safetensors: a beginning", "run/networks/simclr_fold_1/best.safetensors", "pretrain"),
    Artefact("SVG: curves", "run/networks/alone_fold_1/curves.svg", "train_cnn"),
    Artefact("npy: fingerprints", "run/audit/00000/keys.npy", "verify", "run/samples"),
    Artefact("safetensors: aligned columns", "run/blocks/alone/maps.safetensors", "embed"),
    Artefact("LightGBM text model", "run/boosters/stack_fold_0/seed_0.txt", "stack"),
    Artefact("JSON: metrics", "run/stack/metrics.json", "stack"),
    Artefact("CSV: submission", "run/submission/submission.csv", "submission"),
    Artefact("HTML: exploration", "run/eda/eda.html", "eda"),
    Artefact("HTML: report", "run/report/report.html", "report"),
    Artefact("ONNX: bundle", "run/export/tuned_fold_0/model.onnx", "export"),
    Artefact("study database", "run/trials/studies.db", "tune"),
    Artefact("TOML: tuned values", "run/tune/tuned.toml", "tune"),
    Artefact("manifest: of a unit", "run/features/manifest.json", "features"),
    Artefact("manifest: of the data drawn", "data/manifest.json", "verify"),
    Artefact("memory of hashes", "run/.hashes.json", "stack"),
    Artefact("log", "run/log.jsonl", "stack"),
    Artefact("HDF5 of the data", "data/train-image.hdf5", "verify"),
    Artefact("CSV of the data", "data/train-metadata.csv", "verify"),
    Artefact("HDF5 of new data", "new/test-image.hdf5", "predict"),
    Artefact("CSV of new data", "new/test-metadata.csv", "predict"),
    Artefact("JPEG of new data", "pictures", "predict_images"),
    Artefact("JSON: listing of a bundle", "run/bundle/bundle.json", "bundle"),
    Artefact("code of a bundle", "run/bundle/code/pipeline/offline/course.py", "bundle"),
)


@dataclass(frozen=True)
class Outcome:
    """What a damaged artefact led to."""

    artefact: Artefact
    damage: str
    what: str  # one of the words above, noticed, or the sentence
    lost: list[str]  # files that differ from the unbroken run's once it is mended


def damage(bench: Bench, artefact: Artefact, name: str, unbroken: dict[str, str]) -> Outcome:
    """Damage one artefact of the folder that lies in `after`, and mend it as one is told."""
    bench.restore("after")
    if artefact.without:
        shutil.rmtree(bench.here / artefact.without)
    path = bench.here / artefact.path
    path = sorted(path.iterdir())[0] if path.is_dir() else path
    # Of files that were written just now nothing is remembered: then there is no memory yet.
    whole = path.read_bytes() if path.exists() or path.name != MEMORY else b"{}"
    harmed = DAMAGES[name](whole)
    path.write_bytes(harmed)
    ended, theirs = bench.call(artefact.script), artefact.kind.endswith("of new data")
    if ended.code == 0:
        what = _without_a_sentence(artefact, path, harmed, ended)
    else:
        assert ended.code == 2, (artefact, name, ended)
        assert ended.complained.count("\n") == 1, (artefact, name, ended)
        what = ended.complained.split(": ", 1)[1].strip().replace(str(bench.here), "...")
        if not theirs:  # a user's own file is mended by bringing it whole
            _mend(path, whole, ended)
    if what == "noticed" or theirs:
        path.write_bytes(whole)
    if what not in (ANEW, UNREAD, SHORTER):
        ended = bench.call(artefact.script)
        assert ended.code == 0, (artefact, name, ended)
    digests = hashes(bench.here)
    if theirs:  # what is of other data stands beside that of the whole file
        digests = {name: value for name, value in digests.items() if name in unbroken}
    return Outcome(artefact, name, what, differing(unbroken, digests))


def _without_a_sentence(artefact: Artefact, path: Path, harmed: bytes, ended: Ended) -> str:
    """What a stage did that came to its end all the same."""
    if "was changed after it was written" in ended.said:
        return "noticed"
    if artefact.kind.endswith("of new data"):
        return OTHER
    if artefact.kind == "log":
        return SHORTER
    return UNREAD if path.read_bytes() == harmed else ANEW


def _mend(path: Path, whole: bytes, ended: Ended) -> None:
    """What the sentence says."""
    if alone := ALONE.search(ended.complained):
        [folder] = [one for one in path.parents if one.name == alone[1]]
        shutil.rmtree(folder)
    elif AWAY.search(ended.complained):
        shutil.rmtree(path.parent)
    else:
        assert RESTORE.search(ended.complained), ended
        path.write_bytes(whole)
