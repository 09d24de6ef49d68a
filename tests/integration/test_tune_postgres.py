"""Studies in a real PostgreSQL: two calls share them, one is killed, no trial is lost."""

import time

import polars as pl
import pytest

from tests.postgres import PASSWORD, programs, server
from tests.stages import Place

TRIALS = 8
SMALL = (
    "synthetic.patients=40", "synthetic.rows=480", "synthetic.positives=80",
    "synthetic.images=0", "data.images=none", "stack.networks=false", "folds.n_folds=3",
    "stack.seeds=2", "lightgbm.rounds=20", "lightgbm.min_data_in_leaf=5", "score.replicates=100",
    "score.seeds=[0]", f"tune.trials={TRIALS}", "tune.random=3", "tune.nested=false",
    "tune.at_once=2",
)  # fmt: skip


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    where = programs()
    if where is None:
        # A user's machine may lack it; .ci/run installs it and takes a skip for a failure.
        pytest.skip("no PostgreSQL here (Debian: apt install postgresql)")
    # An extra; the lock has it, and .ci/run takes a skip for a failure.
    pytest.importorskip("psycopg", reason="no psycopg here: pip install -e '.[postgres]'")
    folder = tmp_path_factory.mktemp("postgres")
    for parent in (folder, *folder.parents):  # pytest's own folders, which nobody else may enter
        if not parent.name.startswith(("postgres", "popen-", "pytest-")):
            break
        parent.chmod(0o755)
    with server(where, folder) as named:
        yield named


def test_of_two_workers_one_is_killed_and_no_trial_is_lost_or_doubled(address, tmp_path):
    place = Place(tmp_path)
    place.call("features", settings=SMALL)
    words = ("--jobs", "1", "--storage", address)
    one, other = (place.start("tune", *words, settings=SMALL) for _ in range(2))
    deadline = time.monotonic() + 120
    while len(list(place.run.glob("trials/*/manifest.json"))) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    one.kill()
    one.wait(60)
    said, complained = other.communicate(timeout=300)
    assert other.returncode == 0, said + complained
    table = pl.read_parquet(place.run / "tune" / "trials.parquet")
    assert table["number"].to_list() == list(range(TRIALS))
    assert set(table["state"]) == {"complete"}
    values = [name for name in table.columns if "." in name]
    assert table.select(values).n_unique() == TRIALS
    assert len(list(place.run.glob("trials/*/manifest.json"))) == TRIALS
    every = [path for path in place.run.rglob("*") if path.is_file() and path.suffix != ".lock"]
    assert not [path for path in every if PASSWORD.encode() in path.read_bytes()]  # the password


def test_a_server_that_is_gone_is_one_sentence_without_its_password(tmp_path):
    # An extra; the lock has it, and .ci/run takes a skip for a failure.
    pytest.importorskip("psycopg", reason="no psycopg here: pip install -e '.[postgres]'")
    place = Place(tmp_path)
    gone = "postgresql://user:secret@127.0.0.1:1/none"
    refused = place.call("tune", "--storage", gone, settings=SMALL, code=2).stderr
    assert refused.startswith("tune: The studies in postgresql")
    assert "secret" not in refused
    assert refused.count("\n") == 1
