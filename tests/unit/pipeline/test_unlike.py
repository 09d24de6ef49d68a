"""Whether pictures are unlike those learnt from: by whom, by which rows, and what if nobody knows.

The twin scores every picture alone and measures by the formula of Mahalanobis' distance.
"""

import shutil

import cv2
import numpy as np
import polars as pl
import pytest

from models.inference.familiar import familiar
from models.inference.scores import Way, score_pictures
from models.networks.fold import own_rows
from models.networks.opened import open_network
from models.networks.use import maker_of
from pipeline import unlike
from pipeline.distances import as_said
from pipeline.picture_rows import open_picture_rows
from scripts import predict_images
from tests.by_hand.pictures import HELD_OUT, PicturesByHand, random_weights
from workspace.errors import ArtifactError, one_line

SETTINGS = ("networks.flag.training.inner_folds=2", "predict.overlays=false")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A network of three folds with the scores that it gives of what it held out."""
    run = PicturesByHand(tmp_path_factory.mktemp("unlike"))
    units = {}
    for fold, ids in HELD_OUT.items():
        plain = run.keep_network("flag", fold, weights=random_weights(fold), limit=0.5)
        said = dict(zip(ids, seen_by(run, plain, ids)[0], strict=True))
        shutil.rmtree(plain.folder)
        units[fold] = run.keep_network(
            "flag", fold, weights=random_weights(fold), limit=0.5, scores=said
        )
    with run.making("networks", "flag", stage="train-cnn") as draft:
        draft.json("metrics.json", {})
        draft.parquet("oof.parquet", pl.DataFrame({"isic_id": ["a0"], "oof_flag_malignant": [0.5]}))
        makers = {str(k): maker_of(unit) for k, unit in units.items()}
        draft.facts |= {"makers": makers, "classes": ["benign", "malignant"]}
    for name in ("own", "other"):
        (run.data.parent / name).mkdir()
        pixels = np.random.default_rng(7).integers(0, 255, (30, 30, 3)).astype(np.uint8)
        cv2.imwrite(str(run.data.parent / name / "new.png"), pixels)
        shutil.copy(run.data / "pictures" / "a0.png", run.data.parent / name / "a0.png")
    cv2.imwrite(str(run.data.parent / "other" / "more.png"), pixels[::-1])
    return run, units


@pytest.fixture
def run(whole, tmp_path):
    return whole[0].copy(tmp_path)


def seen_by(run, unit, ids, pictures=None):
    """Probability of the second class and embedding of these, by one network."""
    import torch  # noqa: PLC0415

    pictures = pictures or open_picture_rows(run.files()).pictures
    places = [pictures.ids.to_list().index(name) for name in ids]
    net, _ = open_network(unit)
    scores = score_pictures(net, pictures, np.array(places), Way(torch.device("cpu")))
    return scores.probability[:, 1], scores.embedding.astype(np.float16)


def predict(run, *settings, folder="own", **options):
    return predict_images.run(
        run.job(*SETTINGS, *settings, files={"images": run.data.parent / folder}, **options)
    )


def test_it_is_fitted_on_rows_learnt_from_and_the_limit_is_of_rows_held_out(run, whole):
    predict(run, "predict.false_alarms=0.5")
    for fold, unit in whole[1].items():
        rows = open_picture_rows(run.files())
        asked = run.network(rows, "flag", *SETTINGS)
        indices, inner = own_rows(asked, rows.without(fold)[0], 0)
        learnt = rows.pictures.ids.gather(indices).to_list()
        assert len(inner)
        assert not set(learnt) & {*HELD_OUT[fold], *rows.pictures.ids.gather(inner)}
        known = familiar(seen_by(run, unit, learnt)[1])
        far = known.distances(seen_by(run, unit, HELD_OUT[fold])[1])
        kept = run.unit("familiar", f"flag_fold_{fold}", stage="predict")
        assert kept.facts == {"learnt": len(learnt), "held_out": len(HELD_OUT[fold])}
        table = kept.parquet("distances.parquet")
        assert table["isic_id"].to_list() == HELD_OUT[fold]
        np.testing.assert_allclose(table["distance"], far, rtol=1e-6)
        half = unlike.Known.of(kept, 0.5)
        assert half.limit == pytest.approx(np.median(far))
        assert half.far(seen_by(run, unit, learnt)[1]) == pytest.approx(
            known.distances(seen_by(run, unit, learnt)[1]) / np.median(far)
        )


def test_a_picture_is_as_far_as_the_folds_have_it_in_the_mean(run, whole):
    done = predict(run, "predict.false_alarms=0.5")
    rows = {row["picture"]: row for row in done.json("predictions.json")["pictures"]}
    each = []
    for fold, unit in whole[1].items():
        known = unlike.Known.of(run.unit("familiar", f"flag_fold_{fold}", stage="predict"), 0.5)
        each.append(known.far(seen_by(run, unit, ["a0"])[1])[0])
    assert rows["a0"]["distance"] == pytest.approx(np.mean(each), rel=1e-3)
    assert [row["unlike"] for row in rows.values()] == [r["distance"] > 1 for r in rows.values()]
    assert pl.read_csv(done.path("predictions.csv")).to_dicts() == list(rows.values())
    count = sum(row["unlike"] for row in rows.values())
    assert done.facts["unlike"] == {
        "network": "flag", "count": count, "of": 2, "false_alarms": 0.5
    }  # fmt: skip


def test_how_many_are_unlike_is_said():
    facts = {"network": "flag", "count": 0, "of": 2, "false_alarms": 0.05}
    assert as_said(facts) == "none of 2 pictures is unlike those that flag learnt from."
    assert as_said({**facts, "count": 1}) == (
        "1 of 2 pictures is unlike those that flag learnt from, so their scores say little "
        "(unlike); 5 of 100 of those it held out are flagged too, by choice."
    )


def test_what_was_learnt_is_looked_at_once(run):
    predict(run)
    run.lines()
    shown = [path.stat().st_ino for path in sorted(run.run.glob("familiar/*/*"))]
    moved = ("data.folder=gone", "predict.false_alarms=0.2")
    done = predict(run, *moved, folder="other", fresh=True)
    assert [path.stat().st_ino for path in sorted(run.run.glob("familiar/*/*"))] == shown
    assert done.facts["unlike"]["of"] == 3


def test_who_does_not_ask_has_no_column_and_no_sentence(run):
    done = predict(run, "predict.unlike=false")
    assert set(done.json("predictions.json")["pictures"][0]) == {
        "picture", "flag_malignant", "threshold", "goes_on"
    }  # fmt: skip
    assert not any("unlike" in line for line in run.lines())
    assert not (run.run / "familiar").exists()


@pytest.mark.parametrize(
    ("settings", "options", "why"),
    [
        (("data.folder=gone",), {}, "gone is not there, where the run's own pictures lay; name "
         'their folder once, SET="predict.learnt=folder"'),
        (("predict.learnt=lost",), {}, "lost is not there, where the run's own pictures lay; name "
         'their folder once, SET="predict.learnt=folder"'),
    ],
)  # fmt: skip
def test_where_the_runs_own_pictures_are_gone_that_is_said(run, settings, options, why):
    done = predict(run, *settings, **options)
    assert run.lines()[0] == (
        f"notice: whether pictures are unlike those learnt from is not said: {why}."
    )
    assert "unlike" not in done.json("predictions.json")["pictures"][0]
    assert "unlike" not in done.facts


def test_of_tables_the_folder_of_the_runs_own_is_asked_for(run, whole):
    units = list(whole[1].values())
    asked = run.job(*SETTINGS, own_data=True)
    assert unlike.looking(asked, "flag", units) == (
        "where the run's own pictures lie is not said; name their folder once, "
        'SET="predict.learnt=folder"'
    )
    told = run.job(*SETTINGS, f"predict.learnt={run.data}", own_data=True)
    assert len(unlike.looking(told, "flag", units)) == 3


def test_a_run_whose_rows_are_gone_says_so(run, whole):
    for name in ("samples", "folds"):
        shutil.rmtree(run.run / name)
    assert unlike.looking(run.job(*SETTINGS), "flag", list(whole[1].values())) == (
        f"{run.run} holds no samples and no folds, so nobody knows what it learnt from"
    )


def test_a_folder_that_lacks_the_runs_pictures_is_refused_with_the_mend(run, tmp_path):
    (tmp_path / "elsewhere" / "pictures").mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "elsewhere" / "pictures" / "x.png"), np.zeros((9, 9, 3), np.uint8))
    with pytest.raises(ArtifactError) as refused:
        predict(run, f"predict.learnt={tmp_path / 'elsewhere'}")
    assert str(refused.value) == one_line(
        f"{tmp_path / 'elsewhere'} lacks pictures that flag_fold_0 held out; name the folder of "
        f"the run's own, {unlike.MEND}"
    )


def test_other_pictures_than_those_held_out_are_refused(run, tmp_path):
    other = tmp_path / "elsewhere"
    (other / "pictures").mkdir(parents=True)
    for path in (run.data / "pictures").iterdir():
        cv2.imwrite(str(other / "pictures" / path.name), np.zeros((30, 30, 3), np.uint8))
    with pytest.raises(ArtifactError) as refused:
        predict(run, f"predict.learnt={other}")
    said = str(refused.value)
    folder = run.run / "networks" / "flag_fold_0"
    assert float(said.partition("iffers by ")[2].partition(" ")[0]) > 0.05
    whole = (
        f"The pictures in {other} are not those that {folder} held out: what it says of 3 of them "
        f"differs by 0.057 in the median; name the folder of the run's own, "
        'SET="predict.learnt=folder".'
    )
    assert said == one_line(whole)
