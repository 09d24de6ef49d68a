"""The notebook's own cells, run in a small tree as Kaggle mounts it."""

import json
import re

import pytest

from submissions.offline.notebook import (
    dataset_metadata,
    kernel_metadata,
    notebook,
    slug_of,
    text_of,
    title_of,
)
from tests.offline_bundle import ANSWER, ENTRY, fake_bundle, relist, sha256_of

# Ends as the numbers in `ends` say, one a run; below 0 by that signal.
ENDS = """
import json
import os
import subprocess
import sys
from pathlib import Path


def answer(asked):
    ends = asked["output"].parent / "ends"
    first, *rest = json.loads(ends.read_text())
    ends.write_text(json.dumps(rest))
    more = [f"{word} {asked[word]}" for word in ("folds", "processes") if asked[word]]
    print(f"minutes {asked['minutes']}", *more)
    if first.get("csv"):
        rows = "".join(f"ISIC_{n},0.5\\n" for n in range(7))
        asked["output"].write_text("isic_id,target\\n" + rows)
    if first.get("worker"):
        wait = "import signal; signal.sigtimedwait([], 20); print('outlived')"
        subprocess.Popen([sys.executable, "-c", wait])
    if "says" in first:
        print("submit: " + first["says"], file=sys.stderr)
    if first["code"] < 0:
        os.kill(os.getpid(), -first["code"])
    return first["code"]
"""


class Kaggle:
    """Its two folders, with the competition's and the bundle's in one of them."""

    def __init__(self, folder, mount="datasets/owner/dermstack-sample"):
        self.inputs, self.working = folder / "input", folder / "working"
        self.working.mkdir()
        competition = self.inputs / "competitions" / "isic-2024-challenge"
        (competition / "train-image" / "image").mkdir(parents=True)
        (competition / "test-metadata.csv").write_text("isic_id\n")
        self.bundle = fake_bundle(self.inputs / mount, {ENTRY: ENDS})
        self.made = notebook(sha256_of(self.bundle / "bundle.json"), "sample")

    def list_anew(self, **facts):
        relist(self.bundle, **facts)
        self.made = notebook(sha256_of(self.bundle / "bundle.json"), "sample")

    def ends(self, *ends):
        (self.working / "ends").write_text(json.dumps(ends))

    def run(self, **asked):
        """Every code cell in turn; `asked` is what somebody set at the top of the first."""
        names = {}
        for cell in self.made["cells"]:
            if cell["cell_type"] == "code":
                text = "".join(cell["source"])
                for folder, here in (
                    ("/kaggle/input", self.inputs),
                    ("/kaggle/working", self.working),
                    ("/tmp/dermstack_work", self.working.parent / "work"),
                ):
                    text = text.replace(f'Path("{folder}")', f"Path({str(here)!r})")
                for name, value in asked.items():
                    text = re.sub(rf"^({name}: .+?) = None", rf"\1 = {value}", text, flags=re.M)
                exec(compile(text, cell["id"], "exec"), names)  # noqa: S102 - as Jupyter does

    def fails(self):
        with pytest.raises(RuntimeError) as error:
            self.run()
        return str(error.value)


@pytest.fixture
def kaggle(tmp_path):
    return Kaggle(tmp_path)


SHOWN = ["isic_id,target", *(f"ISIC_{n},0.5" for n in range(5)), "7 rows"]


def test_it_runs_the_bundle_and_shows_what_it_wrote(kaggle, capsys):
    kaggle.ends({"code": 0, "csv": True})
    kaggle.run()
    assert capsys.readouterr().out.splitlines() == ["minutes None", *SHOWN]


def test_what_is_set_at_the_top_of_the_cell_is_asked_for(kaggle, capsys):
    kaggle.list_anew(minutes=500)
    kaggle.ends({"code": 0, "csv": True})
    kaggle.run(MINUTES="30", FOLDS='"0,1"', PROCESSES="2")
    assert capsys.readouterr().out.splitlines()[0] == "minutes 30.0 folds (0, 1) processes 2"


@pytest.mark.parametrize("mount", ["dermstack", "datasets/owner/name/deeper"])
def test_the_bundle_may_be_mounted_wherever_kaggle_does(tmp_path, mount, capsys):
    kaggle = Kaggle(tmp_path, mount)
    kaggle.ends({"code": 0, "csv": True})
    kaggle.run()
    assert "7 rows" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (
            {"code": 3, "csv": True},
            "ATTENTION: submission.csv is valid, but less was done than asked; see above.",
        ),
        (
            {"code": 1, "csv": True},
            "ATTENTION: The bundle's process ended with 1; submission.csv is what it had written "
            "by then.",
        ),
    ],
)
def test_with_a_csv_it_goes_on_and_says_loudly_what_was_wrong(kaggle, capsys, end, said):
    kaggle.ends(end)
    kaggle.run()
    assert capsys.readouterr().out.splitlines() == ["minutes None", said, *SHOWN]


KILLED = (
    "The bundle's process was stopped by SIGKILL, as where memory runs out; once more, from where "
    "it was."
)


def test_what_was_killed_is_begun_once_more_in_the_time_that_is_left(kaggle, capsys):
    kaggle.list_anew(minutes=500)
    kaggle.ends({"code": -9, "csv": True}, {"code": 0, "csv": True})
    kaggle.run()
    first, again, second, *rest = capsys.readouterr().out.splitlines()
    assert (first, again, rest) == ("minutes 500.0", KILLED, SHOWN)
    assert 490 < float(second.removeprefix("minutes ")) < 500


def test_killed_twice_the_csv_of_the_first_is_handed_in(kaggle, capsys):
    kaggle.ends({"code": -9, "csv": True}, {"code": -9})
    kaggle.run()
    assert capsys.readouterr().out.splitlines()[1:4] == [
        KILLED,
        "minutes None",
        "ATTENTION: The bundle's process was stopped by SIGKILL, as where memory runs out; "
        "submission.csv is what it had written by then.",
    ]


def test_processes_of_one_that_was_killed_end_with_it(kaggle, capsys):
    """They would hold its memory, and its output open."""
    kaggle.ends({"code": -9, "worker": True}, {"code": 0, "csv": True, "worker": True})
    kaggle.run()
    assert "outlived" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        ([{"code": 2, "csv": True, "says": "The table is none."}], "The table is none."),
        ([{"code": 2, "says": "No."}], "No."),
        ([{"code": 0}], "The bundle's process ended with 0 and wrote no submission.csv."),
        (
            [{"code": 143}, {"code": -11}],
            "The bundle's process was stopped by SIGSEGV and wrote no submission.csv.",
        ),
    ],
)
def test_without_a_csv_it_fails_with_the_reason(kaggle, ends, said):
    kaggle.ends(*ends)
    assert kaggle.fails() == said
    assert json.loads((kaggle.working / "ends").read_text()) == []


def test_a_csv_of_an_earlier_try_is_not_taken_for_this_one_s(kaggle):
    (kaggle.working / "submission.csv").write_text("isic_id,target\n")
    kaggle.ends({"code": 1})
    assert kaggle.fails() == "The bundle's process ended with 1 and wrote no submission.csv."


def test_a_changed_bundle_is_not_run(kaggle, tmp_path):
    mark = tmp_path / "run"
    planted = f"import pathlib\npathlib.Path({str(mark)!r}).touch()\n"
    where = kaggle.bundle
    (where / ENTRY).write_text(planted + ANSWER)
    assert kaggle.fails().startswith("Of the bundle's files 1 have another size")
    launcher = (where / "submit.py").read_text()
    (where / "submit.py").write_text(planted)
    assert kaggle.fails() == (
        f"{where / 'submit.py'} is not the one of bundle.json; add the bundle's dataset anew."
    )
    (where / "submit.py").write_text(launcher)
    relist(where)  # by somebody who knows how
    assert kaggle.fails() == (
        f"The bundle in {where} is not the one that this notebook was made with; add the dataset "
        "that belongs to it."
    )
    (where / "bundle.json").unlink()
    assert kaggle.fails() == (
        f"There is no bundle below {kaggle.inputs}; add its dataset to this notebook."
    )
    assert not mark.exists()


def test_another_bundle_beside_it_is_passed_by(kaggle, capsys):
    fake_bundle(kaggle.inputs / "another")
    kaggle.ends({"code": 0, "csv": True})
    kaggle.run()
    assert "7 rows" in capsys.readouterr().out


def test_it_has_the_form_of_4_5_and_the_same_bytes_each_time():
    made = notebook("0" * 64, "two_stage")
    assert (made["nbformat"], made["nbformat_minor"]) == (4, 5)
    ids = [cell["id"] for cell in made["cells"]]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch("[a-zA-Z0-9-_]{1,64}", one) for one in ids)
    for cell in made["cells"]:
        code = {"execution_count", "outputs"} if cell["cell_type"] == "code" else set()
        assert set(cell) == {"cell_type", "id", "metadata", "source"} | code
        assert not cell.get("outputs")
        assert [line.endswith("\n") for line in cell["source"]].count(False) == 1
    assert made["metadata"]["kaggle"]["isInternetEnabled"] is False
    assert text_of(made) == text_of(notebook("0" * 64, "two_stage"))
    assert "two_stage" in "".join(made["cells"][0]["source"])


def test_kaggle_is_told_of_a_notebook_without_a_network():
    assert kernel_metadata("two_stage", owner="me") == {
        "id": "me/dermstack-two-stage",
        "title": "dermstack two stage",
        "code_file": "submit.ipynb",
        "language": "python",
        "kernel_type": "notebook",
        "is_private": True,
        "enable_gpu": True,
        "enable_internet": False,
        "machine_shape": "NvidiaTeslaT4",
        "dataset_sources": ["me/dermstack-two-stage"],
        "competition_sources": ["isic-2024-challenge"],
        "kernel_sources": [],
        "model_sources": [],
    }
    on_cores = kernel_metadata("sample", gpu=False, competition="another")
    assert on_cores["id"] == "OWNER/dermstack-sample"
    assert "machine_shape" not in on_cores
    assert (on_cores["enable_gpu"], on_cores["competition_sources"]) == (False, ["another"])


def test_a_dataset_has_the_name_that_the_notebook_asks_for():
    made = dataset_metadata("two_stage", owner="me", licence="CC-BY-NC-4.0")
    assert made == {
        "title": "dermstack two stage",
        "id": "me/dermstack-two-stage",
        "licenses": [{"name": "CC-BY-NC-4.0"}],
    }
    assert [made["id"]] == kernel_metadata("two_stage", owner="me")["dataset_sources"]


@pytest.mark.parametrize("name", ["x", "a--b__c", "Ünïcode", "very-long" * 20, "", "a" * 40 + " b"])
def test_every_name_has_a_title_that_kaggle_takes_and_its_own_address(name):
    title, slug = title_of(name), slug_of(name)
    assert 6 <= len(title) <= 50
    assert re.fullmatch("[a-z0-9]+(-[a-z0-9]+)*", slug)
    assert slug == title.lower().replace(" ", "-")
