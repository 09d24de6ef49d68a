"""A bundle's calls with little time, with few rows, and with rows unlike those that it is of."""

import shutil
import subprocess
import sys

import h5py
import numpy as np
import polars as pl
import pytest

from pipeline.offline import course
from pipeline.offline.pace import try_out
from scripts import predict
from tests.bundled import (
    PICTURES,
    SAMPLE,
    TABLE,
    answer,
    change_pictures,
    change_table,
    follow_until,
    hidden_rows,
)
from tests.launcher import ROOT
from tests.multimodal import again


@pytest.fixture(scope="module")
def of_one_fold(run, handed, tmp_path_factory):
    """What fold 0 says of the test set."""
    folder = tmp_path_factory.mktemp("of_one_fold")
    assert answer(handed, hidden_rows(run, folder / "new"), folder / "out.csv", folds=(0,)) == 0
    return pl.read_csv(folder / "out.csv")


def test_time_for_one_fold_is_a_whole_file_by_one(run, handed, new, output, of_one_fold):
    diary, code = follow_until(handed, new, output, "with pictures, 1 fold")
    assert code == 3
    assert [message for message in diary.said if message.startswith("wrote")] == [
        f"wrote {output}: 75 rows, by tables alone, fold 0.",
        f"wrote {output}: 75 rows, by tables alone, 3 folds.",
        f"wrote {output}: 75 rows, with pictures, 1 fold.",
    ]
    assert diary.said[-1] == "no time is left for folds 1, 2: dropped."
    ids = pl.read_csv(new / SAMPLE)["isic_id"]
    assert all(file["isic_id"].equals(ids) for file in diary.files)
    assert len({file["target"].sum() for file in diary.files}) == 3
    assert diary.files[-1].equals(of_one_fold)


def test_without_time_there_is_a_file_by_tables_alone(run, handed, new, output, capsys):
    assert answer(handed, new, output, minutes=0.5) == 3  # half a minute is kept for the end
    said = capsys.readouterr().out
    assert said.count("wrote") == 1
    assert "by tables alone, fold 0." in said
    assert "no time for folds 0, 1, 2: dropped." in said
    assert len(pl.read_csv(output)) == 75


def test_networks_that_nobody_has_timed_look_at_some_pictures_first(
    handed, new, output, of_one_fold, monkeypatch
):
    tried = []

    def tried_out(unit, *rest):
        tried.append(unit.folder.name)
        return try_out(unit, *rest)

    monkeypatch.setattr(course, "FEW", 20)
    monkeypatch.setattr(course, "try_out", tried_out)
    assert answer(handed, new, output, folds=(0,)) == 0
    assert tried == ["small_fold_0", "stage1_fold_0", "stage2_fold_0"]
    assert pl.read_csv(output).equals(of_one_fold)


def test_three_rows_are_scored_as_make_predict_scores_them(run, handed, output, tmp_path):
    """Two of a patient, and the only lesion that another shows here."""
    folder = hidden_rows(run, tmp_path / "three")
    patients = dict(
        pl.read_csv(folder / TABLE).select("isic_id", "patient_id").sort("isic_id").iter_rows()
    )
    of = {patient: [n for n in patients if patients[n] == patient] for patient in patients.values()}
    ids = [of["IP_5266972"][0], *of["IP_0775985"][:2]]
    change_table(folder, lambda rows: rows.filter(pl.col("isic_id").is_in(ids)))
    with h5py.File(folder / PICTURES, "a") as archive:
        for name in set(archive) - set(ids):
            del archive[name]
    pl.DataFrame({"isic_id": ids, "target": [0.3] * 3}).write_csv(folder / SAMPLE)
    assert answer(handed, folder, output) == 0
    ours = pl.read_csv(output)
    assert ours["isic_id"].to_list() == ids
    again(run, f"data.folder={folder}", stage=predict, own_data=True)
    [theirs] = (run.run / "predictions").glob("three-*/predictions.csv")
    assert ours.sort("isic_id").equals(
        pl.read_csv(theirs).select("isic_id", "target").sort("isic_id")
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: rows.with_columns(mood=pl.lit("good")),
        lambda rows: rows.reverse().select(reversed(rows.columns)),
    ],
    ids=["a column more", "another order"],
)
def test_what_does_not_count_changes_nothing(handed, new, output, of_one_fold, change):
    change_table(new, change)
    assert answer(handed, new, output, folds=(0,)) == 0
    assert pl.read_csv(output).equals(of_one_fold)


def differing_patients(folder, output, before):
    rows = pl.read_csv(folder / TABLE).select("isic_id", "patient_id")
    both = rows.join(before, on="isic_id").join(pl.read_csv(output), on="isic_id")
    assert len(both) == 75
    return set(both.filter(pl.col("target") != pl.col("target_right"))["patient_id"])


def test_a_category_that_was_never_seen_is_no_error(handed, new, output, of_one_fold, capsys):
    theirs = pl.col("patient_id") == "IP_3141759"
    change_table(
        new, lambda rows: rows.with_columns(
            anatom_site_general=pl.when(theirs).then(pl.lit("left wing"))
            .otherwise("anatom_site_general")
        )
    )  # fmt: skip
    assert answer(handed, new, output, folds=(0,)) == 0
    assert "left wing" in capsys.readouterr().out
    assert differing_patients(new, output, of_one_fold) <= {"IP_3141759"}


def test_an_odd_number_costs_its_own_patient_alone(handed, new, output, of_one_fold, capsys):
    theirs = pl.col("patient_id") == "IP_3141759"
    size = "clin_size_long_diam_mm"
    odd = pl.when(theirs).then(float("inf")).otherwise(size).alias(size)
    change_table(new, lambda rows: rows.with_columns(odd))
    assert answer(handed, new, output, folds=(0,)) == 0
    assert "read as missing" in capsys.readouterr().out
    assert differing_patients(new, output, of_one_fold) <= {"IP_3141759"}


def test_a_picture_that_is_damaged_or_missing_costs_its_own_patient_alone(
    handed, new, tmp_path, of_one_fold, capsys
):
    rows = pl.read_csv(new / TABLE).filter(pl.col("patient_id") == "IP_3141759")
    first, second = sorted(rows["isic_id"])[:2]
    gone = shutil.copytree(new, tmp_path / "gone")
    change_pictures(gone, **{first: None, second: None})
    with h5py.File(new / PICTURES) as archive:
        cut = np.asarray(archive[first]).tobytes()[:200]
    change_pictures(new, **{first: cut, second: b"no picture"})
    files = [tmp_path / name / "out.csv" for name in ("of_damaged", "of_gone")]
    for folder, file in zip((new, gone), files, strict=True):
        assert answer(handed, folder, file, folds=(0,)) == 3
        said = capsys.readouterr().out
        assert (
            "notice: 2 rows without a picture that can be decoded: scored by tables alone." in said
        )
    assert files[0].read_bytes() == files[1].read_bytes()
    assert differing_patients(new, files[0], of_one_fold) == {"IP_3141759"}
    answer(handed, gone, tmp_path / "by_tables.csv", folds=(0,), minutes=0.5)
    both = pl.read_csv(files[0]).join(pl.read_csv(tmp_path / "by_tables.csv"), on="isic_id")
    blind = pl.col("isic_id").is_in([first, second])
    scores, tables = both.filter(~blind).select("target", "target_right").to_numpy().T
    ours, theirs = both.filter(blind).select("target", "target_right").to_numpy().T
    assert ours == pytest.approx(np.interp(theirs, np.sort(tables), np.sort(scores)))


HANGING = """
import sys, time
from pathlib import Path

sys.path.insert(0, sys.argv[1])
from pipeline.offline import ending

def follow(asked, desk):
    asked.output.path.write_text("whole")
    asked.output.is_there = True
    time.sleep(600)  # a driver that never comes back

ending.follow = follow
sys.exit(ending.ended({
    "bundle": sys.argv[2], "input": ".", "output": "out.csv", "work": "work", "folds": None,
    "device": "cpu", "processes": None, "minutes": 0.02, "started": time.monotonic(),
}))
"""


def test_whatever_hangs_the_time_ends_it_and_the_file_stays(handed, tmp_path):
    ended = subprocess.run(
        [sys.executable, "-c", HANGING, ROOT, handed], cwd=tmp_path, timeout=120,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 3
    assert "the time is over, whatever is left; out.csv is whole." in ended.stdout
    assert (tmp_path / "out.csv").read_text() == "whole"


def test_a_later_call_with_less_time_takes_nothing_away(handed, new, output, capsys):
    assert answer(handed, new, output, folds=(0,)) == 0
    by_one_fold = output.read_bytes()
    capsys.readouterr()
    assert answer(handed, new, output, minutes=0.5) == 3
    said = capsys.readouterr().out
    assert "with pictures, 1 fold of an earlier call." in said
    assert "by tables alone" not in said
    assert "no time for folds 1, 2: dropped." in said
    assert output.read_bytes() == by_one_fold


def test_what_another_bundle_left_in_the_work_folder_is_no_beginning(handed, new, output, tmp_path):
    assert answer(handed, new, output, folds=(0,)) == 0
    other = shutil.copytree(handed, tmp_path / "other")
    listing = other / "bundle.json"
    listing.write_bytes(listing.read_bytes() + b"\n")
    work = output.parent / "work"
    before = {path for path in work.iterdir() if path.is_dir()}
    assert answer(other, new, output, folds=(0,)) == 0
    assert len({path for path in work.iterdir() if path.is_dir()} - before) == 1


def test_pictures_alone_of_which_none_can_be_decoded_are_one_sentence(
    handed, tmp_path, output, capsys
):
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "mole.jpg").write_bytes(b"no picture")
    assert answer(handed, tmp_path / "new", output, folds=(0,)) == 2
    assert capsys.readouterr().err == (
        f"submit: No picture of {tmp_path / 'new'} can be decoded.\n"
    )
    assert not output.exists()


def test_among_pictures_nothing_is_written(handed, tmp_path, capsys):
    (tmp_path / "mole.jpg").write_bytes(b"no picture")
    assert answer(handed, tmp_path, tmp_path / "out.csv") == 2
    assert capsys.readouterr().err == (
        f"submit: --output {tmp_path / 'out.csv'} lies among the pictures; name a place "
        "elsewhere.\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["mole.jpg"]


def test_with_few_pictures_the_table_scores_all(handed, new, output, capsys):
    ids = pl.read_csv(new / TABLE)["isic_id"].to_list()
    change_pictures(new, **dict.fromkeys(ids[1:]))
    assert answer(handed, new, output, folds=(0,)) == 3
    assert "few rows have a picture: the table alone scores all." in capsys.readouterr().out
    assert pl.read_csv(output)["target"].n_unique() > len(ids) / 2


def test_a_damaged_unit_of_the_work_folder_is_made_anew(handed, new, output):
    assert answer(handed, new, output, folds=(0,)) == 0
    before = output.read_bytes()
    for name in ("features.parquet", "view.parquet", "embedding.safetensors"):
        for path in (output.parent / "work").rglob(name):
            path.write_bytes(path.read_bytes()[:-1])
    assert answer(handed, new, output, folds=(0,)) == 0
    assert output.read_bytes() == before
