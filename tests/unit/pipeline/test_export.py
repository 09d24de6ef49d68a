"""Which network is exported, what its bundle hangs on, which rows choose, and what is refused."""

from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from folds.findings import Findings
from metrics.score_sheet import ScoreConfig
from models.export import resizing
from models.export.choosing import SaidRows
from models.export.config import ExportConfig
from models.export.licence import Ancestry
from models.export.resizing import is_alike
from models.networks.network import TrainingRows
from pipeline import bundle, bundle_sides
from pipeline.bundle import _Exporting
from pipeline.bundle_sides import Sides, check_sides, sides_of
from pipeline.export import Asked, asked_for, bundling, origin_of
from pipeline.networks import training
from pipeline.picture_rows import networks_of, open_picture_rows
from tests.by_hand.pictures import PicturesByHand
from tests.by_hand.trainings import LAST
from tests.unit.pipeline.test_few_bits import EIGHT
from workspace.errors import ArtifactError, ConfigError, DataError


@pytest.fixture
def made(tmp_path):
    return PicturesByHand(tmp_path)


@pytest.fixture
def networks(made):
    """`flag` speaks of the target; `which` is of positives alone."""
    job = made.job()
    return networks_of(job, open_picture_rows(made.files(job)), Findings())


def test_the_first_that_speaks_of_the_target_on_the_first_fold(networks):
    network, fold = asked_for(ExportConfig(), dict(reversed(networks.items())), [1, 2])
    assert (network.name, fold) == ("flag", 1)
    assert asked_for(ExportConfig(network="flag", fold=2), networks, [1, 2])[1] == 2


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        (
            {"network": "which"},
            "export.network names which, which says nothing of target 1; there are flag.",
        ),
        ({"fold": 3}, "There is no fold export.fold=3; there are 0, 1, 2."),
    ],
)
def test_what_cannot_be_exported_is_said(networks, config, sentence):
    with pytest.raises(ConfigError) as refused:
        asked_for(ExportConfig(**config), networks, [0, 1, 2])
    assert str(refused.value) == sentence


def in_eight_bits(networks):
    whole = networks["flag"]
    net = whole.config.net.model_copy(update={"weight_bits": 8, "weights": "student"})
    return replace(whole, config=whole.config.model_copy(update={"net": net}))


@pytest.mark.parametrize("precision", ["float32", "float16", "int4"])
def test_what_learnt_to_live_with_few_bits_has_no_others(networks, precision):
    with pytest.raises(ConfigError) as refused:
        asked_for(ExportConfig(precision=precision), {"flag": in_eight_bits(networks)}, [0])
    assert str(refused.value) == (
        f"export.precision is {precision} and flag learnt to live with int8 (net.weight_bits=8); "
        "leave export.precision out, or name another export.network."
    )


def test_weights_are_handed_out_as_they_were_learnt_unless_fewer_bits_are_asked_for(networks):
    assert asked_for(ExportConfig(), {"flag": in_eight_bits(networks)}, [0])[1] == 0
    assert ExportConfig().precision_of("flag", None) == "float32"
    assert ExportConfig().precision_of("flag", 4) == "int4"
    assert ExportConfig(precision="int8").precision_of("flag", 8) == "int8"
    assert ExportConfig(precision="int4").precision_of("flag", None) == "int4"


def test_a_run_without_such_a_network_is_told_what_to_add(networks):
    with pytest.raises(ConfigError) as refused:
        asked_for(ExportConfig(), {"which": networks["which"]}, [0])
    assert str(refused.value) == (
        "None of the run's networks (which) says how probable target 1 is; add one whose task.kind "
        "is 'target'."
    )


def declared(made, networks, *settings):
    job = made.job(*settings)
    files = made.files(job)
    return bundling(job, files, networks["flag"], training(job, files, networks["flag"], 0))


def test_a_bundle_hangs_on_its_network_and_on_what_it_decides_by(made, networks):
    plain = declared(made, networks)
    assert plain.folder == made.run / "export" / "flag_fold_0"
    assert plain.inputs["flag_fold_0"].task.folder == made.run / "networks" / "flag_fold_0"
    assert plain.settings["export"] == {
        "sensitivity": 0.95, "false_alarms": 0.05, "calibration": "none", "precision": "float32",
    }  # fmt: skip
    assert plain.settings["runtime"] == "none"
    other = declared(made, networks, "export.sensitivity=0.9")
    assert other.settings != plain.settings


def test_a_bundle_declares_what_its_network_began_with_and_only_that(made):
    simclr = (
        "networks.simclr.base=contrastive", "networks.simclr.net.backbone=test_resnet",
        "networks.simclr.net.size=32", "networks.flag.net.weights=simclr",
    )  # fmt: skip
    words = (
        "flag began with the weights of simclr, which had seen the held-out pictures too, without "
        "their labels (networks.simclr.task.rows='all')."
    )
    for settings, sentences in (
        (simclr, ()),
        ((*simclr, "networks.simclr.task.rows=all"), (words,)),
    ):
        job = made.job(*settings)
        networks = networks_of(job, open_picture_rows(made.files(job)), Findings())
        task = declared(made, networks, *settings)
        assert task.arguments["asked"].declared == sentences
        assert task.settings.get("declared", []) == list(sentences)
        assert ("declared" in task.settings) is bool(sentences)


def test_a_runtime_that_is_none_is_refused_before_anything_is_trained(made, networks, tmp_path):
    with pytest.raises(ConfigError, match=r"^export.runtime .* lacks onnxruntime-web"):
        declared(made, networks, f"export.runtime={tmp_path}")


def test_a_manifest_keeps_the_runtime_s_name_alone(made, tmp_path):
    recipe = made.job(f"export.runtime={tmp_path / 'onnxruntime-web'}").recipe
    assert recipe.resolved()["export"]["runtime"] == "onnxruntime-web"


def test_weights_are_followed_through_networks_that_others_begin_with(made):
    job = made.job(
        "networks.simclr.base=contrastive", "networks.simclr.net.backbone=test_resnet",
        "networks.simclr.net.size=32", "networks.simclr.net.weights=hub",
        "networks.flag.net.weights=simclr",
    )  # fmt: skip
    assert origin_of(job, "which") == Ancestry("test_resnet", "none")
    assert origin_of(job, "flag") == Ancestry("test_resnet", "hub")


def test_teachers_are_followed_too_also_of_what_a_network_began_with(made):
    """`small` goes on with all of `flag`, in few bits, and `big` has taught both."""
    job = made.job(
        *EIGHT, "networks.big.base=first_stage", "networks.big.source_only=false",
        "networks.big.net.backbone=test_resnet", "networks.big.net.weights=hub",
        "networks.flag.teacher.network=big", 'use_networks=["big", "flag", "small"]',
        "networks.big.net.size=32", "networks.big.task.threshold=none",
        "cascade.first=stage1", "cascade.second=stage2",
    )  # fmt: skip
    big = ("big", Ancestry("test_resnet", "hub"))
    assert origin_of(job, "flag").teachers == (big,)
    assert origin_of(job, "small") == origin_of(job, "flag")


@dataclass
class Fold:
    """As much of a fold's network as choosing rows asks for."""

    network: object
    rows: TrainingRows
    indices: np.ndarray


def fold_of(networks, made, *settings):
    job = made.job(*settings)
    rows = open_picture_rows(made.files(job))
    network = networks_of(job, rows, Findings())["flag"]
    learnt, held_out = rows.by_fold[0]
    return Fold(network, learnt, held_out), rows


def test_without_inner_rows_half_of_the_held_out_patients_choose(networks, made):
    fold, rows = fold_of(networks, made, *LAST)
    sides = sides_of(fold, rows.groups, 0)
    both = [set(rows.groups[places]) for places in (sides.choosing, sides.measuring)]
    assert not both[0] & both[1]
    assert sorted(sides.asked) == sorted(fold.indices)
    assert not set(sides.learnt) & set(fold.indices)
    assert sides.measured_on == "the other half of the rows that it held out"


def test_inner_rows_choose_and_all_held_out_rows_measure(networks, made, monkeypatch):
    fold, rows = fold_of(networks, made)
    monkeypatch.setattr(bundle_sides, "own_rows", lambda *_: (np.array([5, 6]), np.array([7])))
    sides = sides_of(fold, rows.groups, 0)
    assert sides.choosing.tolist() == [7]
    assert sides.measuring.tolist() == fold.indices.tolist()
    assert sides.learnt.tolist() == [5, 6]


@pytest.mark.parametrize(
    ("choosing", "measuring", "words"),
    [
        ([0, 1], [4], "that measure (held out), 1 in all, 1 are"),
        ([0, 1], [2, 3], "that measure (held out), 2 in all, 0 are"),
        ([2], [0, 1], "that choose (inner), 1 in all, 0 are"),
        ([], [0, 1], "that choose (inner), 0 in all, 0 are"),
    ],
)
def test_a_side_of_one_class_is_refused_with_what_it_has_and_the_mend(choosing, measuring, words):
    labels = SimpleNamespace(target=(1, 2))
    network = SimpleNamespace(codes=np.array([0, 1, 0, 0, 2]), labels=labels)
    fold = SimpleNamespace(network=network, title="mine, fold 3")
    sides = Sides(*(np.array(one, int) for one in (choosing, measuring, [])), "inner", "held out")
    with pytest.raises(DataError) as refused:
        check_sides(fold, sides)
    assert str(refused.value) == (
        f"mine, fold 3, cannot be exported: of the rows {words} positive, and a threshold and what "
        "it is worth need both classes. Take another export.fold, or more data."
    )
    check_sides(fold, replace(sides, choosing=np.array([0, 1]), measuring=np.array([3, 4])))


@pytest.fixture
def exporting():
    """Three pictures."""
    sides = Sides(np.array([2]), np.array([0, 1]), np.array([3]), "", "")
    pictures = SimpleNamespace(
        ids=pl.Series(["a", "b", "c"]), pixels=lambda at: np.full((40, 50, 3), at, np.uint8)
    )
    network = SimpleNamespace(labels=SimpleNamespace(target=(1,)))
    fold = SimpleNamespace(network=network, pictures=pictures, title="mine, fold 0")
    asked = Asked(None, ExportConfig(), None, "", Ancestry("", ""))
    use = SimpleNamespace(network="mine", net=SimpleNamespace(weight_bits=None))
    return _Exporting(None, fold, (SimpleNamespace(size=32), use), sides, None, asked)


LIBRARY = np.array([0.3, 0.1, 0.2])  # of the pictures c, a and b


def said(*probability):
    """Of the same."""
    return np.stack([np.array(probability), np.zeros(3)], axis=1)


def test_agreement_is_measured_picture_by_picture(exporting):
    parity = exporting.parity(said(0.3, 0.1 + 5e-5, 0.2), LIBRARY)
    assert parity["pictures"] == 3
    assert parity["largest"] == pytest.approx(5e-5)
    assert parity["mean"] == pytest.approx(5e-5 / 3)
    assert parity["bound"] == 1e-4


@pytest.mark.parametrize("wrong", [0.302, float("nan")])
def test_a_file_that_answers_otherwise_is_refused_with_its_pictures(exporting, wrong):
    with pytest.raises(ArtifactError) as refused:
        exporting.parity(said(wrong, 0.1, 0.2), LIBRARY)
    apart = "nan" if np.isnan(wrong) else "0.002"
    assert str(refused.value) == (
        f"mine, fold 0, exported, differs from the library by up to {apart} in probability (0.0001 "
        "is allowed) on [c] (1 of 3 pictures): its layers hang on last bits; take "
        "export.precision='float16'."
    )


def test_where_opencv_resizes_otherwise_that_is_what_is_to_be_mended(exporting, monkeypatch):
    """Of the two pictures that are apart one has other pixels."""
    monkeypatch.setattr(bundle, "is_alike", lambda pixels, size: (pixels.max(), size) != (1, 32))
    with pytest.raises(ArtifactError) as refused:
        exporting.parity(said(0.3, 0.2, 0.1), LIBRARY)
    assert str(refused.value) == (
        "mine, fold 0, exported, differs from the library by up to 0.1 in probability (0.0001 is "
        "allowed) on [a, b] (2 of 3 pictures): the installed OpenCV resizes 1 of them otherwise "
        "than the file; take the versions of requirements.lock."
    )


def test_is_alike_compares_with_the_installed_opencv(monkeypatch):
    pixels = np.random.default_rng(0).integers(0, 256, (50, 60, 3)).astype(np.uint8)
    assert is_alike(pixels, 32)
    monkeypatch.setattr(resizing, "resize", lambda pixels, size: pixels[:size, :size])
    assert not is_alike(pixels, 32)


def test_halved_weights_may_differ_by_more(exporting):
    config = ExportConfig(precision="float16")
    halved = replace(exporting, of=replace(exporting.of, config=config))
    assert halved.parity(said(0.302, 0.1, 0.2), LIBRARY)["bound"] == 0.01


@pytest.mark.parametrize("precision", ["int8", "int4"])
def test_few_bits_may_differ_by_roundings_but_not_on_average(exporting, precision):
    config = ExportConfig(precision=precision)
    few = replace(exporting, of=replace(exporting.of, config=config))
    library = np.array([0.9, 0.1, 0.2])  # .8 / 3 from their median
    parity = few.parity(said(0.78, 0.1, 0.2), library)
    assert parity["mean"] == pytest.approx(0.04)
    assert parity["mean_bound"] == 0.05
    with pytest.raises(ArtifactError) as refused:
        few.parity(said(0.72, 0.1, 0.2), library)
    assert str(refused.value) == (
        "mine, fold 0, exported, differs from the library by 0.06 in probability on average of 3 "
        "pictures (0.05 is allowed, half as far as one number for all would be and 0.05 at most): "
        "its layers hang on last bits; take export.precision='float16'."
    )


@pytest.mark.parametrize("dead", [0.35, 0.355, 0.36, 0.362])
def test_a_dead_file_of_a_network_whose_answers_lie_close_together_is_refused(exporting, dead):
    """Far within .05: the library's answers are .00367 from their median on average."""
    few = replace(exporting, of=replace(exporting.of, config=ExportConfig(precision="int4")))
    library = np.array([0.35, 0.355, 0.361])
    assert few.parity(said(0.351, 0.356, 0.359), library)["mean_bound"] == pytest.approx(0.011 / 6)
    with pytest.raises(ArtifactError, match=r"on average of 3 pictures \(0.0018 is allowed, half"):
        few.parity(said(dead, dead, dead), library)


def test_who_learnt_in_few_bits_is_not_sent_to_16(exporting):
    use = SimpleNamespace(network="mine", net=SimpleNamespace(weight_bits=4))
    few = replace(exporting, opened=(SimpleNamespace(size=32), use))
    with pytest.raises(ArtifactError, match=r"last bits; name another export\.network\.$"):
        few.parity(said(0.9, 0.1, 0.2), LIBRARY)


def test_before_and_after_rounding_each_goes_through_a_map_of_its_own(exporting, monkeypatch):
    """Where odds of 4 come true the whole one says 2, and in few bits it says 16."""
    chance = np.array([0.8] * 5 + [0.2] * 5 + [0.8, 0.2, 0.5, 0.9])
    odds = np.log(chance / (1 - chance))
    codes = np.array([1, 1, 1, 1, 0, 1, 0, 0, 0, 0, 1, 0, 0, 1])
    network = SimpleNamespace(codes=codes, labels=SimpleNamespace(target=(1,)))
    config = ExportConfig(calibration="platt", precision="int8")
    asked = replace(exporting.of, config=config, score=ScoreConfig(replicates=100, seeds=(0,)))
    sides = Sides(np.arange(10), np.arange(10, 14), np.array([]), "", "")
    fold = SimpleNamespace(network=network)
    whole = replace(exporting, fold=fold, sides=sides, of=asked, opened=(0.5, None))
    few = replace(whole, opened=(2, None))
    monkeypatch.setattr(
        _Exporting, "target_by_library", lambda self: 1 / (1 + np.exp(-self.opened[0] * odds))
    )
    said, by = few.by_library()
    assert by == pytest.approx((0.5, 0.0), abs=1e-6)
    assert said == pytest.approx(chance)
    held_out = SaidRows(codes[10:] == 1, said[10:], np.zeros(4))
    assert whole.rounding(held_out)["largest"] < 1e-6


def test_check_87_held_out_rows_give_no_ranges_whatever_is_called_learnt(networks, made):
    """Inner rows choose, held-out rows measure, one of them of no known label."""
    fold, rows = fold_of(networks, made, *LAST)
    sides = sides_of(fold, rows.groups, 0)
    asked = sides.rows(fold)
    assert set(asked.learnt) == set(sides.learnt)
    assert set(asked.kept_back) == set(fold.indices)
    other = replace(fold, indices=np.append(fold.indices, 99))
    assert 99 in sides.rows(other).kept_back
    assert 98 in replace(sides, choosing=np.array([98])).rows(fold).kept_back
