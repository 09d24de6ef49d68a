"""The stages of tables, each on what another would have left: what they say and when they stop."""

import polars as pl
import pytest

from folds.findings import Findings
from pipeline.job import Job
from pipeline.leak_audit import LEAKS
from pipeline.notices import NOTICES
from pipeline.samples import DUPLICATES, IMAGES, REPORT, SAMPLES
from pipeline.stacked import METRICS, TEST
from scripts import audit, eda, features, folds, sample, score, stack, submission, verify
from tests.by_hand.stack import stack_table
from tests.by_hand.units import folds_of, kept, made, pair_table, sample_table
from workspace.errors import ArtifactError, ConfigError, DataError
from workspace.manifest import load_manifest

RAW = 'features.families=["raw", "categories"]'


@pytest.fixture
def samples(blank):
    return sound(blank, stack_table()[0])


def sound(blank, table):
    """The unit of a table in which nothing was found."""
    tables = {SAMPLES: table, DUPLICATES: pair_table()}
    return kept(blank.run / "samples", "verify", tables, {"synthetic": False})


def said(blank):
    """But for what is said of every task."""
    return [line for line in blank.lines() if ": making " not in line]


def test_folds_are_told_once_with_their_hash_and_then_kept(blank, samples):
    job = blank.job(stage="folds", made={verify.run: samples})
    done = folds.run(job)
    lines = said(blank)
    hashed = done.facts["fold_hash"][:12]
    assert lines[-1] == f"folds: wrote {done.folder / 'folds.parquet'} (hash {hashed})."
    assert any("patient" in line for line in lines[:-1])  # the balance
    folds.run(blank.job(stage="folds", made={verify.run: samples}))
    assert said(blank) == [
        f"folds: nothing to do, {done.folder} is up to date (hash {hashed})."
    ]  # fmt: skip


def test_what_the_folds_noticed_is_said_when_they_are_made(blank):
    table = sample_table(
        isic_id=["a", "b", "c", "d"], patient_id=["p", "p", "q", "r"], target=[0, 1, 0, 1],
        split=["train", "valid", "train", "train"],
    )  # fmt: skip
    samples = sound(blank, table)
    folds.run(blank.job("folds.scheme=official", stage="folds", made={verify.run: samples}))
    assert said(blank)[1] == (
        "notice: 1 patient on more than one side of the official split, which is kept as "
        "published: p."
    )


def test_features_are_counted_and_who_has_no_ugly_duckling_is_told(blank, samples):
    done = features.run(blank.job(RAW, stage="features", made={verify.run: samples}))
    assert said(blank)[-1] == (
        f"features: wrote {done.folder}: 96 training rows, 6 test rows, 2 columns; 0 training "
        "patients and 0 in the test have one lesion alone, and so no ugly duckling."
    )
    features.run(blank.job(RAW, stage="features", made={verify.run: samples}))
    assert said(blank) == [f"features: nothing to do, {done.folder} is up to date."]


@pytest.fixture
def to_explore(blank, samples, monkeypatch):
    """The samples with what `make verify` keeps beside them; the raw table is not there."""
    monkeypatch.setattr(eda, "looking", lambda job, source: [])
    images = pl.DataFrame(schema={"isic_id": pl.String, "width": pl.Int32, "height": pl.Int32})

    def write(draft):
        for name in (SAMPLES, DUPLICATES):
            draft.parquet(name, samples.parquet(name))
        draft.parquet(IMAGES, images)
        draft.json(REPORT, report())
        draft.facts["synthetic"] = False

    return made(blank.run / "verified", write, stage="verify")


def test_an_exploration_is_made_once_and_names_its_page(blank, to_explore):
    done = eda.run(blank.job(stage="eda", made={verify.run: to_explore}))
    assert said(blank) == [f"eda: wrote {done.folder / 'eda.html'}."]
    assert sorted(done.manifest.files) == ["eda.html", "eda.json"]
    eda.run(blank.job(stage="eda", made={verify.run: to_explore}))
    assert said(blank) == [f"eda: nothing to do, {done.folder / 'eda.html'} is up to date."]


def test_folds_with_a_test_side_are_made_before_an_exploration(blank, to_explore):
    sided = ("folds.scheme=holdout", "folds.test_share=0.25", "folds.valid_share=0.25")
    done = eda.run(blank.job(*sided, stage="eda", made={verify.run: to_explore}))
    assert (blank.run / "folds" / "folds.parquet").is_file()
    looked = done.json("eda.json")["looked_at"]
    assert looked["left"]["sides that folds hold out"] > 0
    assert not any(line.startswith("folds: nothing") for line in said(blank))


def test_without_patients_nothing_is_compared_and_that_is_told(blank):
    rows = sample_table(isic_id=["a", "b"], target=[0, 1], age_approx=[40.0, 50.0])
    samples = sound(blank, rows)
    features.run(blank.job(RAW, stage="features", made={verify.run: samples}))
    assert said(blank)[-1].endswith("no patient is known, so no lesion is compared with others.")


def report(*errors, notices=()):
    findings = Findings()
    for name in notices:
        findings.notice(name, f"Something {name}.", [])
    for name in errors:
        findings.error(name, f"All is {name}.", [])
    counts = {"rows": 1, "patients": 1, "images": 0, "positives": 0}
    return {**findings.as_json(), "counts": counts}


def tell(blank, monkeypatch, *errors, stage="verify", news=True, notices=()):
    def write(draft):
        draft.json(REPORT, report(*errors, notices=notices))

    monkeypatch.setattr(verify, "described", lambda counts: f"{counts['rows']} row")
    unit = made(blank.run / "samples", write, stage="verify")
    verify._tell(blank.job(stage=stage), unit, news=news)


def test_sound_samples_are_counted_after_their_notices(blank, monkeypatch):
    tell(blank, monkeypatch, notices=["odd", "strange"])
    assert said(blank) == [
        "notice: Something odd.", "notice: Something strange.", "verify: 1 row.",
    ]  # fmt: skip
    tell(blank, monkeypatch, notices=["odd"], news=False)
    assert said(blank) == []


@pytest.mark.parametrize("news", [True, False])
def test_unsound_samples_stop_each_time_and_the_last_line_is_the_first_error(
    blank, monkeypatch, news
):
    with pytest.raises(DataError) as refused:
        tell(blank, monkeypatch, "wrong", "lost", "late", news=news)
    assert str(refused.value).startswith("All is wrong.")
    errors = [line for line in said(blank) if line.startswith("error: ")]
    assert errors == ["error: All is lost.", "error: All is late."]


def test_a_stack_that_is_there_says_no_more_than_that(blank, monkeypatch):
    def write(draft):
        draft.json(METRICS, {})

    unit = made(blank.run / "stack", write, stage="stack")
    monkeypatch.setattr(stack, "files_of", lambda job: None)
    monkeypatch.setattr(stack, "boosting", lambda job, files: {"stack": {0: "a", 1: "b"}})
    monkeypatch.setattr(stack, "joining", lambda job, files, boosters: "join")
    asked = []

    def carry_out(job, *tasks):
        asked.append(tasks)
        return [(unit, False)]

    monkeypatch.setattr(Job, "carry_out", carry_out)
    assert stack.run(blank.job()) is unit
    assert asked == [("a", "b", "join")]
    assert said(blank) == [f"stack: nothing to do, {unit.folder} is up to date."]


@pytest.mark.parametrize(("seeds", "words"), [(1, "1 seed"), (3, "3 seeds")])
def test_a_new_stack_says_which_booster_ran_with_how_many_seeds(blank, monkeypatch, seeds, words):
    unit = made(blank.run / "stack", lambda draft: draft.json(METRICS, {}), stage="stack")
    monkeypatch.setattr(stack, "files_of", lambda job: None)
    monkeypatch.setattr(stack, "boosting", lambda job, files: {})
    monkeypatch.setattr(stack, "joining", lambda job, files, boosters: "join")
    monkeypatch.setattr(stack, "tables", lambda sheet: [])
    monkeypatch.setattr(Job, "carry_out", lambda job, *tasks: [(unit, True)])
    stack.run(blank.job(f"stack.seeds={seeds}"))
    assert said(blank) == [
        f"stack: lightgbm, {words} a fold; see {unit.folder}: metrics.json, oof_stack.parquet, "
        "test_stack.parquet, importance.csv."
    ]


def test_a_stack_of_networks_needs_every_row_held_out_before_one_is_trained(blank, samples):
    table, of_rows, _ = stack_table()
    of_rows = [None if fold == 2 else fold for fold in of_rows]
    named = {
        verify.run: samples,
        folds.run: folds_of(blank.run / "folds", table, of_rows),
        features.run: kept(blank.run / "features", "features", {"x.parquet": table}),
    }
    with pytest.raises(ConfigError, match="Networks say nothing out of fold of rows that no fold"):
        stack.files_of(blank.job("stack.networks=true", made=named))
    assert not (blank.run / "networks").exists()


@pytest.mark.parametrize(("images", "times"), [("some", 1), ("none", 0)])
def test_a_stack_says_once_that_it_leaves_pictures_out_which_it_could_see(
    blank, monkeypatch, images, times
):
    monkeypatch.setattr(stack, "stack_files", lambda job, units, networks: "files")
    job = blank.job(
        'use_networks=["small"]', f"data.images={images}",
        made={verify.run: None, folds.run: None, features.run: None},
    )  # fmt: skip
    assert [stack.files_of(job) for _ in range(2)] == ["files", "files"]
    found = ["(small) is not in the stack" in line for line in said(blank)]
    assert found == [True] * times


def test_repeats_are_refused_before_anything_is_made(blank):
    with pytest.raises(ConfigError, match=r"folds\.repeats is 2"):
        stack.run(blank.job("folds.repeats=2"))
    assert not blank.run.exists()
    assert not blank.data.exists()


def stacked(blank, split):
    table = pl.DataFrame(
        {"isic_id": ["b", "a", "c"], "score": [0.25, 0.5, 0.25], "split": split}
    )  # fmt: skip
    return kept(blank.run / "stack", "stack", {TEST: table})


def test_a_submission_says_its_order_its_rows_and_its_ties(blank):
    named = {stack.run: stacked(blank, ["test", "test", "test"])}
    done = submission.run(blank.job(made=named))
    path = done.folder / "submission.csv"
    assert said(blank) == [
        "notice: the data have no sample_submission.csv; the submission is in the order of the "
        "ids.",
        f"submission: wrote {path}: 3 rows, 2 distinct scores.",
    ]
    submission.run(blank.job(stage="report", made=named))  # which needs it first
    assert said(blank) == []
    submission.run(blank.job(stage="submission", made=named))
    assert said(blank) == [f"submission: nothing to do, {path} is up to date."]


def test_without_a_test_set_there_is_nothing_to_hand_in(blank):
    with pytest.raises(DataError) as refused:
        submission.run(blank.job(made={stack.run: stacked(blank, ["holdout"] * 3)}))
    assert str(refused.value) == (
        f"{blank.data} has no test rows to submit; 'make score' and metrics.json say what the "
        "stack is worth out of fold."
    )
    assert not (blank.run / "submission").exists()


@pytest.mark.parametrize("named", [(), ("solution",), ("submission",)])
def test_a_score_is_of_two_files(blank, tmp_path, named):
    with pytest.raises(ConfigError) as refused:
        score.run(blank.job(files={name: tmp_path / f"{name}.csv" for name in named}))
    assert str(refused.value) == "Name both files: make score SOLUTION=a.csv SUBMISSION=b.csv."


def test_a_score_is_told_with_where_it_is_kept(blank, tmp_path):
    ids = [f"r{n:02d}" for n in range(40)]
    truth = pl.DataFrame({"isic_id": ids, "target": [int(n % 4 == 0) for n in range(40)]})
    scores = truth.select("isic_id", target=pl.Series([(n * 7 % 40) / 40 for n in range(40)]))
    truth.write_csv(tmp_path / "truth.csv")
    scores.sample(fraction=1.0, shuffle=True, seed=1).write_csv(tmp_path / "said.csv")
    files = {"solution": tmp_path / "truth.csv", "submission": tmp_path / "said.csv"}
    done = score.run(blank.job(files=files))
    lines = said(blank)
    assert lines[-1] == f"score: see {done.folder / 'score.json'}."
    assert any("said.csv" in line for line in lines)


def audited(blank, monkeypatch, *holds):
    checks = [{"check": f"c{n}", "found": "it", "holds": one} for n, one in enumerate(holds)]

    def write(draft):
        draft.json(LEAKS, checks)

    unit = made(blank.run / "leaks", write, stage="audit")
    monkeypatch.setattr(audit, "auditing", lambda job, files: None)
    monkeypatch.setattr(stack, "files_of", lambda job: None)
    monkeypatch.setattr(Job, "make", lambda job, task: (unit, True))
    return audit.run(blank.job(stage="audit"))


def test_an_audit_that_finds_nothing_counts_what_it_looked_at(blank, monkeypatch):
    done = audited(blank, monkeypatch, True, True)
    assert said(blank)[-1] == f"audit: 2 checks hold; see {done.folder / LEAKS}."


def test_a_leak_ends_the_audit_after_the_whole_table(blank, monkeypatch):
    with pytest.raises(ArtifactError) as refused:
        audited(blank, monkeypatch, False, True, False)
    assert str(refused.value) == (
        f"2 of 3 checks found a leak: c0; c2. See {blank.run / 'leaks' / LEAKS}."
    )
    words = [word for line in said(blank) for word in line.split()]
    assert [word for word in words if word in ("c0", "c1", "c2")] == ["c0", "c1", "c2"]


def test_a_competition_is_drawn_once_and_told_to_show_no_person(blank):
    few = ("synthetic.patients=4", "synthetic.rows=12", "synthetic.positives=2")
    drawn = sample.run(blank.job(*few))
    assert load_manifest(blank.data).stage == "sample"
    [line] = said(blank)
    assert line.startswith(f"sample: drew {drawn.folder}: 4 patients, 12 rows, 2 positives, 0 ")
    assert line.endswith("Synthetic: no person is in it.")
    sample.run(blank.job(*few, stage="sample"))
    assert said(blank) == [
        f"sample: nothing to do, {drawn.folder} is drawn (synthetic, no person in it)."
    ]


def test_notices_of_features_are_said_once_when_they_are_new(blank):
    table = sample_table(
        isic_id=["a", "b", "t"], target=[0, 1, None], split=["train", "train", "test"],
        sex=["male", "female", "other"],
    )  # fmt: skip
    samples = sound(blank, table)
    done = features.run(blank.job(RAW, stage="features", made={verify.run: samples}))
    [notice] = done.json(NOTICES)
    assert said(blank)[0] == f"notice: {notice['message']}"
