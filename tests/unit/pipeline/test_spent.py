"""The seconds of every unit of a run, not of the last join alone."""

from pipeline.spent import spent
from tests.by_hand.units import drafting
from tests.manifests import rewrite


def unit(folder, stage, seconds, **facts):
    with drafting(folder, stage) as draft:
        draft.facts |= facts
    rewrite(folder, lambda values: {**values, "seconds": seconds})


def test_seconds_of_all_units_are_summed_by_stage_and_the_page_itself_is_left_out(tmp_path):
    unit(tmp_path / "stack", "stack", 1.5)
    unit(tmp_path / "boosters" / "stack_fold_0", "stack", 2.0)
    unit(tmp_path / "embeddings" / "a_fold_0" / "held_out_00000", "embed", 0.25)
    unit(tmp_path / "networks" / "a_fold_0", "train-cnn", 8.0, processors=["CPU b", "CPU a"])
    unit(tmp_path / "networks" / "a_fold_1", "train-cnn", 8.0, processors=["CPU a"])
    unit(tmp_path / "report", "report", 99.0)
    unit(tmp_path / ".stack-aside", "stack", 99.0)
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "manifest.json").write_text("{}")
    seconds, processors = spent(tmp_path)
    assert list(seconds.items()) == [("train-cnn", 16.0), ("stack", 3.5), ("embed", 0.25)]
    assert processors == ["CPU a", "CPU b"]
    assert spent(tmp_path / "nothing") == ({}, [])
