import io
import zipfile

import numpy as np
import polars as pl
import pytest

from workspace import files
from workspace.errors import ArtifactError, DataError
from workspace.hashing import sha256_file

FRAME = pl.DataFrame({"isic_id": ["ISIC_0000001", "ISIC_0000002"], "x": [0.1, None]})
TENSORS = {"weight": np.arange(6, dtype=np.float32).reshape(2, 3)}

KINDS = {
    "a.json": (lambda p: files.write_json(p, {"b": [1, None]}), files.read_json),
    "a.txt": (lambda p: files.write_text(p, "tree\nü"), files.read_text),
    "a.parquet": (lambda p: files.write_parquet(p, FRAME), files.read_parquet),
    "a.npy": (lambda p: files.write_array(p, np.arange(5)), files.read_array),
    "a.safetensors": (lambda p: files.write_tensors(p, TENSORS), files.read_tensors),
}


def test_each_kind_comes_back_as_written(tmp_path):
    got = {}
    for name, (write, read) in KINDS.items():
        write(tmp_path / name)
        got[name] = read(tmp_path / name, sha256_file(tmp_path / name))
    assert got["a.json"] == {"b": [1, None]}
    assert got["a.txt"] == "tree\nü"
    assert got["a.parquet"].equals(FRAME)
    assert got["a.npy"].tolist() == [0, 1, 2, 3, 4]
    assert got["a.safetensors"]["weight"].tolist() == TENSORS["weight"].tolist()


@pytest.mark.parametrize("name", KINDS)
def test_one_flipped_bit_is_refused_before_it_is_parsed(tmp_path, name):
    write, read = KINDS[name]
    path = tmp_path / name
    write(path)
    digest = sha256_file(path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(ArtifactError) as refused:
        read(path, digest)
    assert str(refused.value) == (
        f"{path} does not match its hash: it was changed after it was written; "
        "restore it, or run the stage that made it with FRESH=1."
    )


@pytest.mark.parametrize("name", KINDS)
def test_equal_values_are_equal_bytes(tmp_path, name):
    write, _ = KINDS[name]
    write(tmp_path / name)
    first = (tmp_path / name).read_bytes()
    write(tmp_path / name)
    assert (tmp_path / name).read_bytes() == first


def test_a_missing_file_is_one_line(tmp_path):
    with pytest.raises(ArtifactError, match=r"a\.npy is missing; restore it, or run the stage"):
        files.read_array(tmp_path / "a.npy", "0" * 64)


def test_nothing_that_would_be_a_pickle_is_written_or_read(tmp_path):
    objects = np.array([{}, []], dtype=object)
    with pytest.raises(ValueError, match="allow_pickle"):
        files.write_array(tmp_path / "a.npy", objects)
    np.save(tmp_path / "b.npy", objects, allow_pickle=True)
    with pytest.raises(ValueError, match="allow_pickle"):
        files.read_array(tmp_path / "b.npy", sha256_file(tmp_path / "b.npy"))
    np.savez(tmp_path / "c.npz", x=objects)
    with pytest.raises(DataError) as refused:
        files.read_user_arrays(tmp_path / "c.npz")
    assert str(refused.value) == "c.npz is not a readable npz file of plain arrays."


def test_json_refuses_nan_a_repeated_key_and_damage(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        files.write_json(tmp_path / "a.json", {"x": float("nan")})
    for text in ('{"a": 1, "a": 2}', '{"a": ', "[" * 200_000):
        (tmp_path / "b.json").write_text(text)
        with pytest.raises(ArtifactError, match=r"b\.json is not valid JSON \("):
            files.parse_json(tmp_path / "b.json")


def test_facts_travel_inside_a_parquet_file(tmp_path):
    path = tmp_path / "a.parquet"
    files.write_parquet(path, FRAME, {"scheme": "holdout"})
    assert files.read_parquet_facts(path, sha256_file(path))["scheme"] == "holdout"


def test_a_safetensors_file_that_is_none_is_one_line(tmp_path):
    path = tmp_path / "a.safetensors"
    path.write_bytes(b"\xff" * 40)
    with pytest.raises(ArtifactError, match=r"^a\.safetensors is not a safetensors file: "):
        files.read_tensors(path, sha256_file(path))


def test_a_zip_that_is_no_npz_is_refused(tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("x.txt", "hello")
    (tmp_path / "a.npz").write_bytes(buffer.getvalue()[:-10])
    with pytest.raises(DataError, match=r"^a\.npz is not a readable npz file of plain arrays\.$"):
        files.read_user_arrays(tmp_path / "a.npz")


@pytest.mark.parametrize("version", [b"\x09\x00", b"\x01\x09", b"\xff\xff"])
def test_an_npy_of_a_version_that_nobody_knows_is_refused(tmp_path, version):
    np.savez(tmp_path / "a.npz", x=np.arange(3))
    data = (tmp_path / "a.npz").read_bytes()
    (tmp_path / "a.npz").write_bytes(data.replace(b"NUMPY\x01\x00", b"NUMPY" + version))
    with pytest.raises(DataError, match=r"^a\.npz is not a readable npz file of plain arrays\.$"):
        files.read_user_arrays(tmp_path / "a.npz")


@pytest.mark.parametrize(
    "header", ["{'descr': '|u1', 'shape': ((((", "{'descr': '|u1', 'fortran_order': False, 'sh"]
)
def test_an_npy_header_that_does_not_end_is_refused(tmp_path, header):
    text = header.encode().ljust(118) + b"\n"
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text)
    with pytest.raises(DataError, match=r"^a\.npz is not a readable npz file of plain arrays\.$"):
        files.read_user_arrays(tmp_path / "a.npz")


def test_check_139_an_npz_that_unpacks_to_far_more_is_refused_unread(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "FREE_INFLATION", 10_000)
    np.savez_compressed(tmp_path / "a.npz", x=np.zeros(100_000, np.uint8))
    with pytest.raises(DataError, match=r"^Not allowed: x\.npy of a\.npz unpacks from "):
        files.read_user_arrays(tmp_path / "a.npz")
    np.savez_compressed(tmp_path / "a.npz", x=np.zeros(9_000, np.uint8))
    assert files.read_user_arrays(tmp_path / "a.npz")["x"].size == 9_000


def test_check_135_tensors_are_held_against_names_and_shapes(tmp_path):
    path = tmp_path / "a.safetensors"
    files.write_tensors(path, {"weight": np.zeros((2, 3)), "bias": np.zeros(2), "old": np.zeros(1)})
    digest = sha256_file(path)
    shapes = {"weight": (2, 3), "bias": (2,), "old": (1,)}
    assert set(files.read_tensors(path, digest, shapes)) == set(shapes)
    with pytest.raises(ArtifactError) as refused:
        files.read_tensors(path, digest, {"weight": (3, 2), "bias": (2,), "new": (1,)})
    assert str(refused.value) == (
        "a.safetensors lacks new; has unknown old; has other shapes in weight; it belongs to "
        "another network."
    )


@pytest.mark.parametrize("damage", [lambda d: d[:20], lambda d: b"\xff" * 8 + d[8:]])
def test_check_135_cut_and_oversized_headers_are_one_line(tmp_path, damage):
    path = tmp_path / "a.safetensors"
    files.write_tensors(path, TENSORS)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ArtifactError, match=r"^a\.safetensors is not a safetensors file: .*\.$"):
        files.read_tensors(path, sha256_file(path))


def test_a_users_tensors_come_with_the_hash_of_what_was_read(tmp_path):
    path = tmp_path / "a.safetensors"
    files.write_tensors(path, TENSORS)
    found, digest = files.read_user_tensors(path)
    assert found["weight"].tolist() == TENSORS["weight"].tolist()
    assert digest == sha256_file(path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match=r"^a\.safetensors is not a readable .*; fetch it anew\.$"):
        files.read_user_tensors(path)


def test_a_linked_file_is_the_same_file_and_outlives_its_first_name(tmp_path):
    source, path = tmp_path / "a.txt", tmp_path / "deep" / "b.txt"
    files.write_text(source, "x")
    files.link_file(path, source, sha256_file(source))
    assert path.samefile(source)
    source.unlink()
    assert path.read_text() == "x"


def test_where_no_link_can_be_made_the_bytes_are_copied(tmp_path):
    source, path = tmp_path / "a.txt", tmp_path / "b.txt"
    files.write_text(source, "new")
    files.write_text(path, "in the way of a link")
    files.link_file(path, source, sha256_file(source))
    assert path.read_text() == "new"
    assert not path.samefile(source)


def test_a_damaged_file_is_not_linked(tmp_path):
    files.write_text(tmp_path / "a.txt", "x")
    with pytest.raises(ArtifactError, match="does not match its hash"):
        files.link_file(tmp_path / "b.txt", tmp_path / "a.txt", "0" * 64)
    assert not (tmp_path / "b.txt").exists()
