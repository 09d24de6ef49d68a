import json
import pickle

import numpy as np
import polars as pl
import pytest

from tests.manifests import rewrite
from workspace.errors import ArtifactError, one_line
from workspace.hashing import HashMemory
from workspace.manifest import Wanted, load_manifest
from workspace.units import find, making, open_unit


def wanted(**changes):
    values = {
        "stage": "folds", "settings": {"folds": {"n_folds": 5, "scheme": "holdout"}},
        "inputs": {"samples.parquet": "aa"}, "recipe": {"name": "sample"}, "seed": 0,
    }  # fmt: skip
    return Wanted(**{**values, **changes})


@pytest.fixture
def unit(tmp_path):
    folder = tmp_path / "folds"
    with making(folder, wanted()) as draft:
        draft.parquet("folds.parquet", pl.DataFrame({"fold": [0, 1]}))
        draft.facts["rows"] = 2
    return folder


def test_a_finished_unit_is_found_with_its_record(unit):
    done = find(unit, wanted(), HashMemory(), on_change="stop")
    assert done is not None
    assert done.facts == {"rows": 2}
    assert done.parquet("folds.parquet")["fold"].to_list() == [0, 1]
    manifest = json.loads((unit / "manifest.json").read_text())
    assert set(manifest) - {"peak_gb"} == {  # which the system does not always know
        "stage", "settings", "inputs", "recipe", "seed", "code", "sources", "lock", "versions",
        "seconds", "facts", "files", "for_people", "seal",
    }  # fmt: skip
    assert set(manifest["code"]) == {"commit", "dirty"}
    assert len(manifest["lock"]) == 64
    assert {"python", "polars", "scikit-learn"} <= set(manifest["versions"])


def test_without_a_manifest_a_unit_is_not_done(unit):
    (unit / "manifest.json").unlink()
    assert find(unit, wanted(), HashMemory(), on_change="stop") is None
    with pytest.raises(ArtifactError) as missing:
        open_unit(unit, "folds")
    assert str(missing.value) == f"{unit} is not there or unfinished; run 'make folds' first."


def test_other_values_stop_and_are_named(unit):
    other = wanted(
        settings={"folds": {"n_folds": 4, "scheme": "holdout"}}, inputs={"samples.parquet": "bb"}
    )
    with pytest.raises(ArtifactError) as changed:
        find(unit, other, HashMemory(), on_change="stop")
    assert str(changed.value) == (
        f"{unit} was made from other values (folds.n_folds, input samples.parquet); "
        "restore them, take another folder, or run 'make folds FRESH=1' with the new ones."
    )
    assert find(unit, other, HashMemory(), on_change="redo") is None
    assert find(unit, wanted(), HashMemory(), on_change="stop", fresh=True) is None


def test_what_does_not_matter_does_not_count(unit):
    same = wanted(recipe={"name": "sample", "about": "reworded"})
    assert find(unit, same, HashMemory(), on_change="stop") is not None


def test_a_file_changed_by_hand_or_gone_is_refused(unit):
    pl.DataFrame({"fold": [1, 1]}).write_parquet(unit / "folds.parquet")
    with pytest.raises(ArtifactError, match="does not match its hash: it was changed after it"):
        find(unit, wanted(), HashMemory(), on_change="redo")
    (unit / "folds.parquet").unlink()
    with pytest.raises(ArtifactError, match=r"folds\.parquet is missing; restore it, or delete"):
        find(unit, wanted(), HashMemory(), on_change="redo")


@pytest.mark.parametrize("on_damage", ["stop", "redo"])
def test_what_is_for_people_alone_may_be_changed_and_that_is_known(tmp_path, on_damage):
    folder = tmp_path / "folds"
    with making(folder, wanted()) as draft:
        draft.json("facts.json", 1)
        draft.show("curves.svg", "<svg/>")
    assert load_manifest(folder).for_people == ["curves.svg"]
    asked = wanted(), HashMemory()
    assert list(find(folder, *asked, on_change="stop", on_damage=on_damage).changed) == []
    for befall in (lambda path: path.write_text("torn"), lambda path: path.unlink()):
        befall(folder / "curves.svg")
        found = find(folder, *asked, on_change="stop", on_damage=on_damage)
        assert list(found.changed) == ["curves.svg"]
    with pytest.raises(ArtifactError, match=r"curves\.svg is missing"):
        found.text("curves.svg")  # who asks for it is told


def test_a_manifest_from_before_knows_of_nothing_for_people(unit):
    rewrite(unit, lambda values: values.pop("for_people") and None)
    assert load_manifest(unit).for_people == []


def test_an_unknown_file_of_a_unit_is_refused(unit):
    with pytest.raises(
        ArtifactError, match=r"has no weights\.npy; delete the folder folds and run"
    ):
        open_unit(unit, "folds").array("weights.npy")


def test_tensors_are_kept_and_held_against_names_and_shapes(tmp_path):
    folder = tmp_path / "net"
    with making(folder, wanted(stage="train-cnn")) as draft:
        draft.tensors("weights.safetensors", {"weight": np.ones((2, 3), np.float32)})
    unit = open_unit(folder, "train-cnn")
    found = unit.tensors("weights.safetensors", {"weight": (2, 3)})
    assert found["weight"].tolist() == [[1.0] * 3] * 2
    assert found["weight"].dtype == np.float32
    with pytest.raises(ArtifactError, match="has other shapes in weight; it belongs to another"):
        unit.tensors("weights.safetensors", {"weight": (3, 2)})
    (folder / "weights.safetensors").write_bytes(b"torn")
    with pytest.raises(ArtifactError) as damaged:
        unit.tensors("weights.safetensors")
    assert str(damaged.value) == (
        f"{folder / 'weights.safetensors'} does not match its hash: it was changed after it was "
        "written; restore it, or delete the folder net and run 'make train-cnn', which makes it "
        "alone anew."
    )


def test_a_draft_that_fails_leaves_the_old_unit(unit):
    with pytest.raises(RuntimeError), making(unit, wanted(seed=1)) as draft:
        draft.json("x.json", 1)
        raise RuntimeError
    assert load_manifest(unit).seed == 0
    assert [path.name for path in unit.parent.iterdir()] == ["folds"]


def test_a_foreign_manifest_is_one_line(unit):
    (unit / "manifest.json").write_text('{"format": 9}')
    with pytest.raises(ArtifactError) as foreign:
        load_manifest(unit)
    assert str(foreign.value) == (
        f"{unit / 'manifest.json'} is not a manifest of this version; "
        "restore it, or move its folder away and run the stage again."
    )


@pytest.mark.parametrize("section", ["facts", "settings", "recipe"])
def test_what_another_version_did_not_write_is_told_when_it_is_asked_for(unit, section):
    path = unit / "manifest.json"
    rewrite(unit, lambda manifest: manifest | {section: {"here": [{"there": 1}]}})
    kept = pickle.loads(pickle.dumps(load_manifest(unit)))
    values = getattr(kept, section)
    assert values["here"][0]["there"] == 1
    assert values.get("gone") is None
    assert json.loads(kept.model_dump_json())[section] == {"here": [{"there": 1}]}
    for inside in (values, values["here"][0]):
        with pytest.raises(ArtifactError) as refused:
            inside["gone"]
        assert str(refused.value) == one_line(
            f"{path} has no 'gone': another version wrote it, or it was changed; restore it, or "
            "move its folder away and run the stage again."
        )


OTHER_TYPES = ([], {}, "x", 7, 0.5, True, None, {"a": [1]})


def places_in(values, where=()):
    """The keys that lead to each value, at any depth."""
    for key, value in values.items():
        yield (*where, key)
        if isinstance(value, dict):
            yield from places_in(value, (*where, key))


def test_whatever_is_changed_in_a_manifest_is_one_line(unit):
    path = unit / "manifest.json"
    text = path.read_text()
    changes = 0
    for where in places_in(json.loads(text)):
        for other in OTHER_TYPES:
            values = json.loads(text)
            inside = values
            for key in where[:-1]:
                inside = inside[key]
            if type(inside[where[-1]]) is type(other) and inside[where[-1]] == other:
                continue
            inside[where[-1]] = other
            path.write_text(json.dumps(values))
            with pytest.raises(ArtifactError) as refused:
                find(unit, wanted(), HashMemory(), on_change="stop")
            assert str(refused.value) == one_line(
                f"{path} was changed after it was written; restore it, or move its folder away and "
                "run the stage again."
            )
            changes += 1
    assert changes > 200


@pytest.mark.parametrize("change", [{}, {"facts": {"rows": [7]}}, {"seal": None}])
def test_a_manifest_whose_seal_is_gone_is_one_that_was_changed(unit, change):
    path = unit / "manifest.json"
    values = json.loads(path.read_text())
    del values["seal"]
    path.write_text(json.dumps(values | change))
    with pytest.raises(ArtifactError) as refused:
        load_manifest(unit)
    assert str(refused.value) == one_line(
        f"{path} was changed after it was written; restore it, or move its folder away and run "
        "the stage again."
    )


@pytest.mark.parametrize("depth", [300, 500, 900, 5000])
def test_a_manifest_nested_without_end_is_one_line(unit, depth):
    path, deep = unit / "manifest.json", '{"a": ' * depth + "1" + "}" * depth
    path.write_text(path.read_text().replace('"rows": 2', f'"rows": {deep}'))
    for text in (path.read_text(), path.read_text().replace('"seal"', '"sources"')):
        path.write_text(text)
        with pytest.raises(ArtifactError, match="restore it, or move its folder away"):
            load_manifest(unit)


def test_a_manifest_of_before_settings_had_their_name_is_read_as_one_of_now(unit):
    def of_before(now):
        del now["for_people"]
        return {**now, "sources": "", "part": now.pop("settings"), "unit": "folds"}

    rewrite(unit, of_before)
    done = find(unit, wanted(), HashMemory(), on_change="stop")
    assert done is not None
    assert done.manifest.settings == {"folds": {"n_folds": 5, "scheme": "holdout"}}


def test_a_manifest_names_no_path_of_this_machine(unit):
    text = (unit / "manifest.json").read_text()
    assert str(unit.parent) not in text
    assert "/home" not in text


def test_files_of_others_are_never_replaced(tmp_path):
    folder = tmp_path / "samples"
    folder.mkdir()
    (folder / "thesis.txt").write_text("mine")
    with pytest.raises(ArtifactError) as refused, making(folder, wanted()):
        pass
    assert str(refused.value) == (
        f"{folder} holds files that 'make folds' did not write (thesis.txt); name another folder, "
        "or move them away."
    )
    assert (folder / "thesis.txt").read_text() == "mine"


def test_nor_is_a_file_a_strangers_unit_or_what_was_put_into_ours(tmp_path, unit):
    (tmp_path / "precious").write_text("mine")
    (unit / "notes.txt").write_text("mine")
    theirs = tmp_path / "theirs"
    with making(theirs, wanted(stage="sample")) as draft:
        draft.json("x.json", 1)
    for place, names in (
        (tmp_path / "precious", r"precious"), (unit, r"notes\.txt"), (theirs, r"manifest\.json, x"),
    ):  # fmt: skip
        with (
            pytest.raises(ArtifactError, match=rf"did not write \({names}"),
            making(place, wanted()),
        ):
            pass
    assert (tmp_path / "precious").read_text() == (unit / "notes.txt").read_text() == "mine"


def test_a_damaged_unit_may_be_redone_where_that_is_said(unit):
    (unit / "folds.parquet").write_bytes(b"torn")
    assert find(unit, wanted(), HashMemory(), on_change="redo", on_damage="redo") is None
