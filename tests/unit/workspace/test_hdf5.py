import pickle
import threading

import h5py
import numpy as np
import pytest

from workspace import hdf5
from workspace.errors import DataError
from workspace.hdf5 import ImageArchive, names_in, open_file, write_archive

JPEG = b"\xff\xd8\xff\xe0 some bytes \x00\x00"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "train-image.hdf5"


def test_bytes_come_back_as_written_with_their_trailing_zeros(path):
    items = {f"ISIC_{n:07d}": JPEG + bytes([n]) * n + b"\0" for n in range(50)}
    write_archive(path, items.items())
    archive = ImageArchive(path)
    names, refused = archive.names()
    assert sorted(names) == sorted(items)
    assert refused == {}
    assert all(archive.read(name) == data for name, data in items.items())


@pytest.mark.parametrize("form", ["S", "V", "uint8", "chunked"])
def test_the_byte_forms_read_equal(path, form):
    raw = np.frombuffer(JPEG, np.uint8)
    with h5py.File(path, "w") as file:
        if form == "S":
            file.create_dataset("a", data=np.array(JPEG, dtype=f"S{len(JPEG)}"))
        elif form == "V":
            file.create_dataset("a", data=np.void(JPEG))
        elif form == "uint8":
            file.create_dataset("a", data=raw)
        else:
            file.create_dataset("a", data=raw, chunks=(8,), compression="gzip")
    assert ImageArchive(path).read("a") == JPEG


def test_a_user_block_does_not_shift_the_bytes(path):
    with h5py.File(path, "w", userblock_size=512) as file:
        file.create_dataset("a", data=np.void(JPEG))
    with pytest.raises(DataError, match="is not an HDF5 file"):
        ImageArchive(path).read("a")


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda f: f.create_group("a"), "group"),
        (lambda f: f.create_dataset("a", data=np.ones(4, np.float32)), "float32 dataset"),
        (lambda f: f.create_dataset("a", data=["x"], dtype=h5py.string_dtype()), "object dataset"),
        (lambda f: f.create_dataset("a", data=np.ones((4, 4), np.uint8)), "2-dimensional dataset"),
        (lambda f: f.__setitem__("a", h5py.SoftLink("/b")), "soft link"),
        (lambda f: f.__setitem__("a", h5py.ExternalLink("other.hdf5", "/b")), "external link"),
    ],
)
def test_what_is_no_plain_bytes_is_refused_by_name(path, make, reason):
    with h5py.File(path, "w") as file:
        file.create_dataset("b", data=np.void(JPEG))
        make(file)
    with pytest.raises(DataError) as refused:
        ImageArchive(path).read("a")
    assert str(refused.value) == f"Not allowed: {reason} a in train-image.hdf5."
    assert ImageArchive(path).read("b") == JPEG


def test_links_are_named_without_following_them(path):
    with h5py.File(path, "w") as file:
        file["a"] = h5py.ExternalLink("/etc/passwd", "/x")
        file["b"] = h5py.SoftLink("/nowhere")
        file.create_dataset("c", data=np.void(JPEG))
    assert ImageArchive(path).names() == (["c"], {"a": "external link", "b": "soft link"})


def test_a_link_on_the_way_is_not_followed(path, tmp_path):
    with h5py.File(tmp_path / "other.hdf5", "w") as other:
        other.create_dataset("secret", data=np.void(b"secret"))
    with h5py.File(path, "w") as file:
        file["dir"] = h5py.ExternalLink("other.hdf5", "/")
    with pytest.raises(DataError) as refused:
        ImageArchive(path).read("dir/secret")
    assert str(refused.value) == "Not allowed: path dir/secret in train-image.hdf5."


def test_external_storage_reads_no_other_file(path, tmp_path):
    (tmp_path / "host.txt").write_text("x" * 64)
    with h5py.File(path, "w") as file:
        file.create_dataset("a", (64,), np.uint8, external=[(str(tmp_path / "host.txt"), 0, 64)])
    with pytest.raises(DataError) as refused:
        ImageArchive(path).read("a")
    assert str(refused.value) == "Not allowed: external storage a in train-image.hdf5."


def test_a_virtual_dataset_is_refused(path):
    with h5py.File(path, "w") as file:
        layout = h5py.VirtualLayout(shape=(4,), dtype=np.uint8)
        layout[:] = h5py.VirtualSource("other.hdf5", "x", shape=(4,))
        file.create_virtual_dataset("a", layout)
    with pytest.raises(DataError) as refused:
        ImageArchive(path).read("a")
    assert str(refused.value) == "Not allowed: virtual dataset a in train-image.hdf5."


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        ((10**12,), "declared size of 1000000000000 bytes for"),
        ((10**7,), "declared size of 10000000 bytes over 0 stored ones for"),
    ],
)
def test_a_size_the_file_does_not_back_is_refused_before_reading(path, shape, reason):
    with h5py.File(path, "w") as file:
        file.create_dataset("a", shape, np.uint8, chunks=(1024,))
    with pytest.raises(DataError) as refused:
        ImageArchive(path).read("a")
    assert str(refused.value) == f"Not allowed: {reason} a in train-image.hdf5."


def test_missing_foreign_and_cut_files_are_told_apart(path, tmp_path):
    messages = []
    with pytest.raises(DataError) as error:
        open_file(path)
    messages.append(str(error.value))
    path.write_bytes(b"<html>sign in</html>")
    with pytest.raises(DataError) as error:
        open_file(path)
    messages.append(str(error.value))
    write_archive(path, [("ISIC_0000001", JPEG * 500)])
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(DataError) as error:
        open_file(path)
    messages.append(str(error.value))
    assert messages == [
        f"train-image.hdf5 is missing in {tmp_path}; download it or name its folder.",
        "train-image.hdf5 is not an HDF5 file; download it again.",
        "train-image.hdf5 is truncated or damaged; download it again.",
    ]


def test_an_open_archive_travels_to_another_process(path):
    write_archive(path, [("a", JPEG)])
    archive = ImageArchive(path)
    archive.read("a")
    assert pickle.loads(pickle.dumps(archive)).read("a") == JPEG
    archive.close()
    assert archive.read("a") == JPEG


def test_a_name_that_is_not_there_is_refused(path):
    write_archive(path, [("a", JPEG)])
    with pytest.raises(DataError) as refused:
        ImageArchive(path).read("b")
    assert str(refused.value) == "Not allowed: missing item b in train-image.hdf5."


def test_a_damaged_file_is_one_line_wherever_it_breaks(path):
    """Bytes flipped all over an archive: what cannot be read is said, nothing is raised through."""
    items = {f"ISIC_{n:07d}": JPEG * 20 for n in range(40)}
    write_archive(path, items.items())
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    refusals = set()
    for _ in range(60):
        data = bytearray(whole)
        for place in rng.integers(8, len(data), 40):
            data[place] ^= int(rng.integers(1, 256))
        path.write_bytes(data)
        archive = ImageArchive(path)
        try:
            for name in archive.names()[0]:
                archive.read(name)
        except DataError as error:
            refusals.add(str(error).split(" ISIC_")[0])
        finally:
            archive.close()
    assert len(refusals) >= 2
    assert all("\n" not in message for message in refusals)


def test_an_empty_dataset_is_refused(path):
    with h5py.File(path, "w") as file:
        file.create_dataset("a", data=h5py.Empty("S10"))
    with pytest.raises(DataError) as refused:
        ImageArchive(path).read("a")
    assert str(refused.value) == "Not allowed: empty dataset a in train-image.hdf5."


def test_an_item_is_looked_at_once_and_then_read_from_its_place(path, monkeypatch):
    items = {f"ISIC_{n:07d}": JPEG + bytes([n]) * n + b"\0" for n in range(20)}
    write_archive(path, items.items())
    asked = []
    look = hdf5._item
    monkeypatch.setattr(hdf5, "_item", lambda root, name: asked.append(name) or look(root, name))
    archive = ImageArchive(path)
    for _ in range(3):
        assert all(archive.read(name) == data for name, data in items.items())
    assert asked == list(items)
    archive.close()
    others = {name: JPEG * 3 + data for name, data in items.items()}
    write_archive(path, others.items())
    assert all(archive.read(name) == data for name, data in others.items())
    assert len(asked) == 40


def test_what_is_refused_is_refused_each_time(path, tmp_path):
    (tmp_path / "host.txt").write_text("x" * 64)
    with h5py.File(path, "w") as file:
        file.create_dataset("a", (64,), np.uint8, external=[(str(tmp_path / "host.txt"), 0, 64)])
        file["b"] = h5py.ExternalLink("other.hdf5", "/x")
        file.create_dataset("c", data=np.ones(4, np.float32))
    archive = ImageArchive(path)
    for _ in range(2):
        for name in "abc":
            with pytest.raises(DataError, match="Not allowed"):
                archive.read(name)


def test_threads_open_the_file_once(path, monkeypatch):
    items = {f"ISIC_{n:07d}": JPEG + bytes([n]) * n for n in range(30)}
    write_archive(path, items.items())
    opened, wrong = [], []
    monkeypatch.setattr(hdf5, "open_file", lambda p: opened.append(p) or open_file(p))
    archive = ImageArchive(path)
    ready = threading.Barrier(6)

    def work():
        ready.wait()
        wrong.extend(name for name, data in items.items() if archive.read(name) != data)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert opened == [path]


def test_images_go_to_the_disk_as_they_come(path):
    """Memory holds one image, not the archive."""
    before_the_last = []

    def images():
        for number in range(64):
            if number == 63:
                before_the_last.append(sum(one.stat().st_size for one in path.parent.iterdir()))
            yield f"{number:02d}", JPEG * 2000

    write_archive(path, images())
    assert before_the_last[0] > 60 * len(JPEG) * 2000
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_check_148_names_are_listed_once_a_process_while_the_file_stays(path, monkeypatch):
    listed, names = [], ImageArchive.names
    monkeypatch.setattr(ImageArchive, "names", lambda self: listed.append(1) or names(self))
    write_archive(path, [("a", JPEG)])
    assert [names_in(path) for _ in range(3)] == [(["a"], {})] * 3
    assert len(listed) == 1
    write_archive(path, [("a", JPEG), ("b", JPEG)])
    assert names_in(path) == (["a", "b"], {})
    assert len(listed) == 2


def test_a_missing_archive_is_named_each_time(path):
    for _ in range(2):
        with pytest.raises(DataError, match="is missing in"):
            names_in(path)


@pytest.mark.parametrize(
    ("again", "reason"),
    [(True, "it became shorter while it was read"), (False, "the file is damaged")],
)
def test_a_file_that_is_cut_while_it_is_read_is_one_line_and_the_process_lives(path, again, reason):
    """The kernel ends a process that reads a mapped file beyond its end."""
    write_archive(path, [(f"i{number}", b"x" * 50_000) for number in range(20)])
    archive = ImageArchive(path)
    if again:
        archive.read("i19")
    archive.read("i0")
    with path.open("r+b") as file:
        file.truncate(60_000)
    with pytest.raises(DataError) as refused:
        archive.read("i19")
    assert str(refused.value) == (
        f"Cannot read image i19 of {path.name}: {reason}; download it again."
    )
    archive.close()
