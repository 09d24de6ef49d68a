"""Weights from a file: known by what they hold, refused where they learnt from held-out rows."""

import shutil

import pytest

from pipeline.networks import encoding, training
from pipeline.picture_rows import open_picture_rows
from tests.by_hand.pictures import PicturesByHand, weights_file
from tests.by_hand.trainings import declared
from workspace.errors import ArtifactError

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def made(tmp_path):
    return PicturesByHand(tmp_path)


def test_weights_are_known_by_what_they_hold_not_by_where_they_lie(made):
    one, other = (weights_file(made, name) for name in ("one", "other"))
    begun = [declared(made, f"networks.flag.net.weights={path}") for path in (one, other)]
    assert begun[0].inputs["weights"] == begun[1].inputs["weights"] != "none"
    assert begun[0].settings == begun[1].settings
    assert declared(made).inputs["weights"] == "none"
    assert declared(made, "networks.flag.net.weights=hub").inputs["weights"] == "hub"
    gone = declared(made, f"networks.flag.net.weights={made.run / 'gone.safetensors'}")
    assert gone.inputs["weights"] == "missing"


@pytest.mark.parametrize("file", ["samples.parquet", "images.parquet"])
def test_weights_that_learnt_from_these_rows_are_refused(made, file):
    path = weights_file(made, "theirs", **{file: made.files().hashes()[file]})
    with pytest.raises(ArtifactError) as refused:
        declared(made, f"networks.flag.net.weights={path}")
    assert "learnt from these very rows: held-out patients would be known to it." in (
        " ".join(str(refused.value).split())
    )
    others = weights_file(made, "others", **{file: "f" * 64})
    assert declared(made, f"networks.flag.net.weights={others}").inputs["weights"] != "none"


def told_of(made, path, times=1):
    """The notices of calls on a network that begins with this file."""
    job = made.job(f"networks.flag.net.weights={path}")
    files = made.files(job)
    network = made.network(open_picture_rows(files), "flag", f"networks.flag.net.weights={path}")
    made.lines()
    for held_out in range(times):
        training(job, files, network, held_out)
    return made.lines()


def test_a_file_that_was_moved_out_of_its_run_is_not_checked_and_that_is_said_once(made, tmp_path):
    path = weights_file(made, "theirs", **{"samples.parquet": "f" * 64})
    assert told_of(made, path) == []
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    moved = shutil.copy(path, elsewhere / "best.safetensors")
    sentence = (
        f"notice: best.safetensors in {elsewhere} has no manifest of its own beside it: whose "
        "pictures it saw nobody knows here. If it learnt from these rows, held-out patients are "
        "known to it and every number that follows is too good."
    )
    assert " ".join(told_of(made, moved, times=2)) == sentence
    # Beside the manifest of another file it is as unknown.
    other = path.with_name("other.safetensors")
    other.write_bytes(b"other")
    [said, *_] = told_of(made, other)
    assert said.startswith(f"notice: other.safetensors in {path.parent} has no manifest of its own")


def test_an_encoders_weights_are_refused_alike(made):
    path = weights_file(made, "theirs", **made.files().hashes())
    job = made.job(f"networks.plain.net.weights={path}")
    with pytest.raises(ArtifactError, match="learnt from these very rows"):
        encoding(job, made.files(), "plain", job.recipe.networks["plain"])
