"""What a bundle holds: of a run what is read to score, the code that does it, a hash of all."""

import json
import shutil
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from pipeline import bundled_run
from pipeline.bundled_run import (
    ENTRY,
    bundling,
    facts_of,
    hash_of,
    looking_networks,
    make_bundle,
    scoring_members,
)
from pipeline.machine import Machine
from pipeline.new_scores import Stacked
from submissions.offline.config import BundleConfig
from tests.by_hand.calls import Calls
from tests.by_hand.tasks import check_travels, depends_on
from tests.by_hand.units import files_in, made, sample_table, samples_of
from tests.manifests import rewrite
from workspace.closure import REPOSITORY, Closure, closure_of
from workspace.errors import ConfigError
from workspace.hashing import sha256_file
from workspace.units import open_unit

# They carry the listing's own hash, or are edited by whoever uploads.
PLATFORMS = {"submit.ipynb", "kernel-metadata.json", "dataset-metadata.json"}


@pytest.fixture
def handed(of_tables):
    return of_tables.run / "bundle"


def bundled(of_tables, folder, **config):
    """The same run's, elsewhere."""
    return made(
        folder, make_bundle, stage="bundle", run=of_tables.run,
        samples=of_tables.run / "samples", config=BundleConfig(**config), name="sample",
        data=of_tables.job().recipe.data, machine=Machine("cpu"),
    )  # fmt: skip


def listing_of(folder):
    return json.loads((folder / "bundle.json").read_text())


def test_of_each_unit_there_is_what_is_read_to_score_as_it_is(of_tables, handed):
    files = files_in(handed / "run")
    boosters = {
        f"boosters/{name}_fold_{fold}/{file}"
        for name in ("stack",)
        for fold in (0, 1, 2)
        for file in ("manifest.json", "seed_0.txt", "use.json")
    }
    assert {path.as_posix() for path in files} == {
        "features/manifest.json", "features/state.json",
        "stack/manifest.json", "stack/threshold.json", *boosters,
    }  # fmt: skip
    assert all(data == (of_tables.run / path).read_bytes() for path, data in files.items())


def test_the_code_is_the_entrys_own_closure(handed):
    files = files_in(handed / "code")
    assert set(files) == set(closure_of([ENTRY]).files)
    assert all(data == (REPOSITORY / path).read_bytes() for path, data in files.items())
    rooms = {path.parts[0] for path in files}
    assert not rooms & {"scripts", "reports", "synthetic", "tests"}


def test_the_listing_has_every_file_but_itself_and_what_carries_its_hash(handed):
    listing, files = listing_of(handed), files_in(handed)
    others = {"bundle.json", "manifest.json", *PLATFORMS}
    assert set(listing["files"]) == {path.as_posix() for path in files} - others
    for name, fact in listing["files"].items():
        path = handed / name
        assert fact == {"sha256": sha256_file(path), "size": path.stat().st_size}
    told = {key: value for key, value in listing.items() if key not in ("files", "version")}
    assert listing["version"] == 1
    assert told == {
        "name": "sample", "minutes": 660.0, "policy": "stack", "members": ["stack"],
        "networks": [], "folds": [0, 1, 2], "pictureless": True,
    }  # fmt: skip
    facts = open_unit(handed, "bundle").facts
    assert facts == told | {"sha256": sha256_file(handed / "bundle.json")}


def test_no_file_names_a_place_of_this_machine(of_tables, handed):
    home = str(of_tables.run.parent).encode()
    assert [path for path, data in files_in(handed).items() if home in data] == []


def test_the_same_run_gives_the_same_bytes(of_tables, handed, tmp_path):
    again = bundled(of_tables, tmp_path / "again")
    ours, theirs = files_in(again.folder), files_in(handed)
    del ours[Path("manifest.json")], theirs[Path("manifest.json")]
    assert ours == theirs


def test_a_zip_holds_the_same_and_has_the_same_bytes_twice(of_tables, tmp_path):
    folder = bundled(of_tables, tmp_path / "folder").folder
    packed = [bundled(of_tables, tmp_path / name, form="zip").folder for name in ("a", "b")]
    first, second = ((one / "bundle.zip").read_bytes() for one in packed)
    assert first == second
    assert {path.as_posix() for path in files_in(packed[0])} == {"bundle.zip", "manifest.json"}
    shutil.unpack_archive(packed[0] / "bundle.zip", tmp_path / "unpacked")
    files = files_in(folder)
    del files[Path("manifest.json")]
    assert files_in(tmp_path / "unpacked") == files
    with zipfile.ZipFile(packed[0] / "bundle.zip") as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def declared(of_tables, *settings):
    job = of_tables.job(*settings, stage="bundle")
    return bundling(job, open_unit(of_tables.run / "samples", "verify"))


def test_a_bundle_hangs_on_its_section_its_code_and_every_unit_that_it_is_of(of_tables):
    task = declared(of_tables)
    check_travels(task)
    settings, inputs = depends_on(task)
    assert settings == {
        "bundle": BundleConfig().model_dump(mode="json"), "code": hash_of(closure_of([ENTRY])),
    }  # fmt: skip
    boosters = {f"boosters/stack_fold_{fold}" for fold in (0, 1, 2)}
    assert inputs.keys() == {"features", "stack", "samples.parquet", *boosters}
    assert inputs["stack"] == open_unit(of_tables.run / "stack", "stack").content()
    assert depends_on(declared(of_tables, "bundle.gpu=false"))[0] != settings


def test_another_byte_of_the_code_is_another_bundle(tmp_path, monkeypatch):
    (tmp_path / "room.py").write_text("a = 1\n")
    monkeypatch.setattr(bundled_run, "REPOSITORY", tmp_path)
    code = Closure((Path("room.py"),), frozenset())
    before = hash_of(code)
    (tmp_path / "room.py").write_text("a = 2\n")
    assert hash_of(code) != before


def test_a_stack_that_learnt_from_no_network_of_the_run_is_refused(of_tables, tmp_path):
    calls = Calls(tmp_path)
    shutil.copytree(of_tables.run, calls.run)

    def learnt_from_others(manifest):
        manifest["inputs"] |= {"blocks/strange": "0" * 64, "blocks/strange test": "1" * 64}

    rewrite(calls.run / "stack", learnt_from_others)
    with pytest.raises(ConfigError) as refused:
        declared(calls)
    assert str(refused.value) == (
        f"{calls.run} was stacked with strange, which is no network of the run and cannot look at "
        'new data; score by the tables alone with SET="data.images=none".'
    )


SEEING, TABLES = ["meta_age", "emb_small_0000"], ["meta_age"]
COLUMNS = {"stack": SEEING, "images": SEEING, "tabular": TABLES, "xgboost": SEEING}


def stacked(*handed_in, parts=("tabular", "images")):
    grown = ("stack", "xgboost", *parts)
    return SimpleNamespace(
        handed_in=handed_in, grown=grown, parts=parts, networks=("small", "wide"),
        columns=COLUMNS.__getitem__,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("run", "members", "networks"),
    [
        (stacked("stack"), ("stack", "tabular", "images"), ("small", "wide")),
        (stacked("stack", parts=()), ("stack",), ("small", "wide")),
        (stacked("images", "small", "tabular"), ("images", "tabular"), ("small", "wide")),
        (stacked("xgboost", "small"), ("xgboost", "tabular", "images"), ("small", "wide")),
        (stacked("small", "tabular"), ("tabular", "images"), ("small", "wide")),
        (stacked("small", parts=()), (), ("small",)),  # no booster sees the other
    ],
)
def test_who_scores_and_who_looks_hang_on_what_is_handed_in(run, members, networks):
    assert scoring_members(run) == members
    assert looking_networks(run) == networks


@pytest.mark.parametrize(
    ("images", "pictureless"), [(["a", "b", None], False), (["a", None, None], True)]
)
def test_whether_training_had_rows_without_a_picture_is_of_no_test_row(
    of_tables, tmp_path, images, pictureless
):
    table = sample_table(isic_id=["r1", "r2", "r3"], image=images, split=["train", "train", "test"])
    samples = samples_of(tmp_path / "samples", table)
    facts = facts_of(Stacked.open(of_tables.run), samples.folder, BundleConfig(), "x")
    assert facts["pictureless"] == pictureless
