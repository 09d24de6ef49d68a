import pytest

from reports.run.curves import curve_plot, scale_of
from tests.by_hand.histories import training


def test_a_scale_fits_all_trainings_with_ticks_at_round_numbers():
    scale = scale_of("loss", [training(losses=(1.0, 0.6)), training(losses=(0.9, 0.25, 0.31))])
    assert (scale.low, scale.high, scale.last) == (0.2, 1.0, 3)
    assert scale.ticks == (0.2, 0.4, 0.6, 0.8, 1.0)
    assert scale.place(0.4) == pytest.approx(0.25)


def test_a_rate_is_drawn_by_factors():
    scale = scale_of("lr", [training(losses=(1, 1), rates=(0.01, 0.0001))])
    assert scale.ticks == (0.0001, 0.001, 0.01)
    assert [scale.place(rate) for rate in scale.ticks] == pytest.approx([0.0, 0.5, 1.0])


def test_a_rate_between_two_powers_of_ten_has_ticks_too():
    scale = scale_of("lr", [training(losses=(1, 1), rates=(0.0019, 0.0052))])
    assert scale.ticks == pytest.approx((0.002, 0.005))
    still = scale_of("lr", [training(losses=(1, 1), rates=(0.003, 0.003))])
    assert still.place(0.003) == pytest.approx(0.5)


def test_a_value_that_never_changes_lies_in_the_middle():
    scale = scale_of("loss", [training(losses=(0.5, 0.5))])
    assert scale.place(0.5) == pytest.approx(0.5)


def test_the_line_goes_through_the_epochs_and_the_dot_lies_on_the_best():
    one = training(losses=(1.0, 0.5, 0.75), aucs=(0.6, 0.9, 0.8))
    plot = curve_plot(scale_of("auc", [one]), [one])
    left, top, right, bottom = plot.box
    [line] = [shape for shape in plot.shapes if shape.kind == "line"]
    [dot] = [shape for shape in plot.shapes if shape.kind == "dot"]
    assert [x for x, _ in line.points] == [left, (left + right) / 2, right]
    assert line.points[0][1] == bottom  # 0.6, the lowest tick
    assert line.points[1][1] == top  # 0.9, the highest
    assert dot.points == (line.points[1],)
    assert dot.words == "fold 0, best epoch 2: 0.9"
    assert [words for _, words in plot.x.ticks] == ["1", "2", "3"]


def test_where_nothing_was_chosen_nothing_is_marked():
    one = training(losses=(1.0, 0.5), chosen=False)
    assert {shape.kind for shape in curve_plot(scale_of("loss", [one]), [one]).shapes} == {"line"}


def test_every_other_phase_is_shaded_behind_one_training_alone():
    one = training(losses=(1.0, 0.5, 0.4, 0.3), phases=(1, 1, 2, 2))
    scale = scale_of("loss", [one])
    [area] = [shape for shape in curve_plot(scale, [one]).shapes if shape.kind == "area"]
    left, _, right, _ = curve_plot(scale, [one]).box
    assert area.words == "phase 2"
    assert min(x for x, _ in area.points) == (left + right) / 2  # between epochs 2 and 3
    assert max(x for x, _ in area.points) == right
    assert all(shape.kind != "area" for shape in curve_plot(scale, [one, one]).shapes)


def test_a_training_of_one_epoch_is_a_dot():
    one = training(losses=(0.5,), chosen=False)
    kinds = [shape.kind for shape in curve_plot(scale_of("loss", [one]), [one]).shapes]
    assert kinds == ["line", "dot"]
