import math

import numpy as np
import polars as pl
import pytest
import torch
from pydantic import ValidationError

from metrics.ranking import auc
from stacking.boosters.booster import seeing
from stacking.boosters.lightgbm import LightGBMConfig
from stacking.boosters.set_attention import SetAttentionConfig
from stacking.boosters.set_network import InducedAttention, SetNetwork, Shape, share_of_rate
from stacking.fold import train_fold
from stacking.matrix import Matrix
from tests.unit.stacking.conftest import STACK
from workspace.progress import quietly

COLUMNS = ("les_size", "les_noise")
SMALL = SetAttentionConfig(hidden=8, heads=2, points=3, rounds=2, batch=8)


def ducklings(patients, seed=0):
    """A positive is .6 larger than its patient's others; patients differ by far more than that."""
    rng = np.random.default_rng(seed)
    whose = np.repeat(np.arange(patients), 8)
    target = np.tile(np.r_[1.0, np.zeros(7)], patients)
    size = rng.normal(0, 3, patients)[whose] + rng.normal(0, 0.1, len(whose)) + 0.6 * target
    values = np.stack([size, rng.normal(size=len(whose))], axis=1).astype(np.float32)
    return values, target, whose


def grown(values, target, whose, config=SMALL, indices=None, seed=0):
    rows = config.bin_rows([values], target, COLUMNS).of(whose)
    every = np.arange(len(target)) if indices is None else indices
    return rows.grow(every, seed, config.rounds).of(whose)


def test_it_learns_who_differs_from_the_patients_others_and_not_without_knowing_them():
    config = SMALL.model_copy(update={"rounds": 40, "rate": 0.02, "dropout": 0.0})
    model = grown(*ducklings(64), config)
    values, target, whose = ducklings(40, seed=1)
    together = auc(target, model.of(whose).log_odds(values))
    alone = auc(target, model.of(np.arange(len(whose))).log_odds(values))
    assert together > 0.9
    assert alone < 0.7


def test_neither_the_order_of_rows_nor_another_patient_changes_a_score():
    values, target, whose = ducklings(12)
    model = grown(values, target, whose)
    scores = model.log_odds(values)
    order = np.random.default_rng(0).permutation(len(whose))
    assert model.of(whose[order]).log_odds(values[order]) == pytest.approx(scores[order], abs=1e-5)
    few = whose < 3
    assert model.of(whose[few]).log_odds(values[few]).tobytes() == scores[few].tobytes()


@pytest.mark.parametrize(("blocks", "hangs"), [(1, True), (0, False)])
def test_a_score_hangs_on_the_patients_other_lesions_by_attention_alone(blocks, hangs):
    values, target, whose = ducklings(12)
    config = SMALL.model_copy(update={"blocks": blocks, "rounds": 6})
    model = grown(values, target, whose, config)
    other = values.copy()
    other[1] += 2  # of the first patient, whose first lesion is looked at
    assert (model.log_odds(other)[0] != model.log_odds(values)[0]) == hangs
    assert model.log_odds(other)[8:].tobytes() == model.log_odds(values)[8:].tobytes()


def test_rows_that_are_not_drawn_are_seen_and_their_labels_are_not():
    values, target, whose = ducklings(12)
    drawn = np.delete(np.arange(len(target)), 5)
    first = grown(values, target, whose, indices=drawn).save()
    flipped, moved = target.copy(), values.copy()
    flipped[5] = 1 - flipped[5]
    assert grown(values, flipped, whose, indices=drawn).save() == first
    moved[5, 0] += 1
    assert grown(moved, target, whose, indices=drawn).save() != first


def test_patients_of_unlike_size_in_one_batch_are_scored_as_each_alone():
    torch.manual_seed(0)
    network = SetNetwork(Shape(width=2, hidden=8, blocks=2, points=3, heads=2, dropout=0.0)).eval()
    torch.nn.init.normal_(network.head.weight)
    design = torch.randn(2, 5, 2)
    absent = torch.tensor([[False] * 5, [False, False, True, True, True]])
    with torch.inference_mode():
        both = network(design, absent)
        long = network(design[:1], absent[:1])
        short = network(design[1:, :2], absent[1:, :2])
    assert both[:1].numpy() == pytest.approx(long.numpy(), abs=1e-5)
    assert both[1:, :2].numpy() == pytest.approx(short.numpy(), abs=1e-5)


def attended(module, asking, known):
    """Attention of one head, row by row."""
    q_weight, k_weight, v_weight = module.in_proj_weight.chunk(3)
    q_bias, k_bias, v_bias = module.in_proj_bias.chunk(3)
    answers = []
    for row in asking:
        question = q_weight @ row + q_bias
        keys = [float(question @ (k_weight @ one + k_bias)) / math.sqrt(len(row)) for one in known]
        total = sum(math.exp(key) for key in keys)
        mixed = sum(
            (math.exp(key) / total) * (v_weight @ one + v_bias)
            for key, one in zip(keys, known, strict=True)
        )
        answers.append(module.out_proj.weight @ mixed + module.out_proj.bias)
    return torch.stack(answers)


def test_points_look_at_the_lesions_then_the_lesions_at_the_points():
    torch.manual_seed(0)
    shape = Shape(width=1, hidden=4, blocks=1, points=3, heads=1, dropout=0.0)
    block = InducedAttention(shape).eval()
    lesions = torch.randn(5, 4)
    with torch.inference_mode():
        normed = block.first(lesions)
        seen = attended(block.gather, block.points, normed)
        answered = lesions + attended(block.spread, normed, seen)
        slow = answered + block.each(block.second(answered))
        quick = block(lesions[None], torch.zeros(1, 5, dtype=torch.bool))[0]
    assert quick.numpy() == pytest.approx(slow.numpy(), abs=1e-5)


def test_the_rate_rises_over_a_tenth_and_falls_to_nought():
    assert share_of_rate(0.0) == pytest.approx(0.01 / 0.11)
    assert share_of_rate(0.1) == 1
    assert share_of_rate(0.55) == pytest.approx(0.5)
    assert share_of_rate(1.0) == 0


def test_chance_and_threads_of_the_process_are_as_before():
    threads, state = torch.get_num_threads(), torch.random.get_rng_state()
    grown(*ducklings(12))
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_width_that_heads_do_not_share_is_refused():
    with pytest.raises(ValidationError, match="hidden=30 is no multiple of heads=4"):
        SetAttentionConfig(hidden=30)


def test_others_are_not_asked_whose_rows_are(matrix):
    rows = LightGBMConfig().bin_rows([matrix.values], np.zeros(600), matrix.columns)
    assert seeing(rows, np.arange(600)) is rows


def test_held_out_rows_change_no_model_whatever_they_hold(matrix):
    """Labels of the held-out rows are flipped, their values scrambled."""
    held = (matrix.rows["fold"] == 0).to_numpy()
    target = np.where(held, 1 - matrix.rows["target"], matrix.rows["target"]).astype(np.int8)
    values = matrix.values.copy()
    values[held] = np.random.default_rng(0).normal(size=values[held].shape)
    other = Matrix(matrix.rows.with_columns(target=pl.Series(target)), matrix.columns, values)
    one, again = (train_fold(m, 0, STACK, SMALL, 0, quietly).models for m in (matrix, other))
    assert one == again


def test_held_out_rows_are_scored_among_their_patients(matrix):
    """The group is the patient where the rows say no other; torn apart they score otherwise."""
    config = SMALL.model_copy(update={"rounds": 6})
    whole = train_fold(matrix, 0, STACK, config, 0, quietly)
    lone = matrix.rows.with_columns(patient_id=pl.lit(None, dtype=pl.String))
    apart = train_fold(Matrix(lone, matrix.columns, matrix.values), 0, STACK, config, 0, quietly)
    assert whole.scores["score"].to_list() != apart.scores["score"].to_list()
