"""The loop: resumed to the bit at every boundary, exact over accumulation, honest when it fails."""

import signal

import numpy as np
import pytest
import torch

from models.input.config import AugmentConfig
from models.nets.config import NetConfig
from models.training import loop
from models.training.average import Average
from models.training.config import PhaseConfig, TrainConfig
from models.training.processor import processor_of
from models.training.schedule import lr_factor
from tests.unit.models.training.conftest import CONFIG, NET, Trial, plainly
from workspace.errors import ArtifactError, ConfigError
from workspace.stopping import Stopped

STILL = NetConfig(**{**NET.model_dump(), "dropout": (0.0, 0.0), "drop_path": 0.0})


def differing(one, other):
    assert one.keys() == other.keys()
    return [name for name in one if not np.array_equal(one[name], other[name])]


class Interrupting:
    """Asks to stop when `show` is called for the n-th time, as a signal between two steps does."""

    def __init__(self, at):
        self.left = at

    def __call__(self, done, total):
        self.left -= 1
        if self.left == 0:
            raise Stopped(signal.SIGTERM)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory, pictures):
    trial = Trial(tmp_path_factory.mktemp("unbroken"), pictures)
    return trial.run()


def test_it_learns_what_there_is_to_learn(trial):
    phases = (PhaseConfig(epochs=8, lr=2e-3, schedule="onecycle"),)
    learner = trial(**plainly(CONFIG, phases=phases, ema=None), net=STILL)
    done = learner.run()
    assert learner.scored[done.best_epoch] > 0.9
    assert done.history[-1]["loss"] < done.history[0]["loss"]


def test_last_and_best_are_two_things(trial, unbroken):
    assert unbroken.best_epoch < 3 or not differing(unbroken.last, unbroken.best)
    short = trial(config=CONFIG.model_copy(update={"phases": CONFIG.phases[:2]}))
    short.score = lambda net: -len(short.scored.append(0) or short.scored)  # falls each epoch
    done = short.run()
    assert done.best_epoch == 0
    assert differing(done.last, done.best)


@pytest.mark.parametrize(
    "phases",
    [
        # What froze later must not pull at the norm that gradients are clipped by.
        (PhaseConfig(epochs=1, lr=1e-3), PhaseConfig(epochs=1, lr=1e-3, frozen=("backbone",))),
        # A phase without rates of its own has the network's, not those of the phase before.
        (PhaseConfig(epochs=1, lr=1e-3, dropout=(0.8, 0.8)), PhaseConfig(epochs=1, lr=1e-3)),
    ],
)
def test_nothing_of_a_phase_is_left_in_the_next_but_the_weights(trial, phases):
    config = CONFIG.model_copy(update={"phases": phases, "clip_norm": 0.01})
    whole = trial("whole", config=config).run()
    for stop in (3, 4, 5):
        with pytest.raises(Stopped):
            trial(f"at_{stop}", config=config).run(Interrupting(stop))
        assert not differing(trial(f"at_{stop}", config=config).run().last, whole.last)


@pytest.mark.parametrize("stop", [1, 2, 3, 4, 6, 9, 11])
def test_check_48_stopped_between_any_two_steps_it_ends_as_if_unbroken(trial, unbroken, stop):
    with pytest.raises(Stopped):
        trial().run(Interrupting(stop))
    done = trial().run()
    assert not differing(done.last, unbroken.last)
    assert not differing(done.best, unbroken.best)
    assert done.history == unbroken.history


def test_check_48_other_layouts_of_memory_go_on_to_the_same_bits_too(trial, unbroken):
    config = CONFIG.model_copy(update={"layout": "channels_first"})
    whole = trial("whole", config=config).run()
    with pytest.raises(Stopped):
        trial("broken", config=config).run(Interrupting(5))
    assert not differing(trial("broken", config=config).run().last, whole.last)
    for name, value in unbroken.last.items():
        assert np.allclose(value, whole.last[name], rtol=1e-2, atol=1e-4), name


def test_a_cpu_trains_in_float32_whatever_it_could_compute_in(trial, monkeypatch):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: True)
    assert trial().made()._amp() is None
    assert trial().made().layout == torch.channels_last


def test_check_48_stopped_while_it_is_scored(trial, unbroken):
    broken = trial()
    honest, broken.score = broken.score, None

    def stopping(net):
        if len(broken.scored) == 1:
            raise Stopped(signal.SIGINT)
        return honest(net)

    broken.score = stopping
    with pytest.raises(Stopped):
        broken.run()
    assert not differing(trial().run().last, unbroken.last)


def test_check_47_killed_without_a_word_it_goes_on_from_its_last_checkpoint(trial, unbroken):
    """An exception that nothing catches leaves what a kill leaves: the checkpoints so far."""

    def die(done, total):
        if done == 7:
            raise MemoryError

    with pytest.raises(MemoryError):
        trial().run(die)
    assert not differing(trial().run().last, unbroken.last)


def test_whoever_scores_is_told_of_all_epochs_before_in_whatever_call(trial):
    first, second = trial(), trial()
    with pytest.raises(Stopped):
        first.run(Interrupting(8))
    second.run()
    every = [*first.before, *second.before]
    assert every == [list(range(1, count + 1)) for count in range(len(every))]
    assert min(len(first.before), len(second.before)) > 0


def test_check_49_the_best_before_a_stop_stays_the_best(trial):
    first = trial()
    first.score = lambda net: [0.2, 0.9, 0.3, 0.4][len(first.scored.append(0) or first.scored) - 1]
    with pytest.raises(Stopped):
        first.run(Interrupting(8))
    second = trial()
    second.score = lambda net: 0.5
    assert second.run().best_epoch == 1


def test_check_121_the_average_counts_the_steps_of_all_phases(trial, monkeypatch):
    counted, update = [], Average.update
    monkeypatch.setattr(
        Average, "update", lambda *given: counted.append(given[2]) or update(*given)
    )
    with pytest.raises(Stopped):
        trial().run(Interrupting(5))
    trial().run()
    assert counted == list(range(12))


def test_check_168_an_epochs_line_says_whose_how_far_how_long_and_how_fast(trial, monkeypatch):
    whole = []
    monkeypatch.setattr(loop.LOG, "info", lambda message, extra: whole.append(extra["facts"]))
    done = trial(config=CONFIG.model_copy(update={"phases": CONFIG.phases[:2]})).run()
    first, *said = whole
    assert first == {  # check 154; fourteen pictures are five batches of three
        "network": "flag", "fold": 2, "ranks": 1, "effective_batch": 6, "steps_an_epoch": 3,
        "lr": [1e-3, 1e-3],
    }  # fmt: skip
    assert [(line["phase"], line["epoch"], line["epochs"]) for line in said] == [
        (1, 1, 3), (2, 2, 3), (2, 3, 3)
    ]  # fmt: skip
    for line, kept in zip(said, done.history, strict=True):
        assert (line["network"], line["fold"], line["inner_loss"]) == ("flag", 2, 0.5)
        assert line["seconds"] > 0 and line["images_per_s"] > 0  # noqa: PT018
        assert 0.05 < line["peak_memory_gb"] < 64
        assert kept == {name: line[name] for name in kept}
        assert set(line) - set(kept) == {
            "network", "fold", "epochs", "seconds", "images_per_s", "peak_memory_gb"
        }  # fmt: skip
    # Three steps an epoch: the rates that they had, not the phase's greatest.
    rates = [1e-3 * lr_factor(CONFIG.phases[1], step, 6) for step in range(6)]
    assert said[1]["lr"] == pytest.approx(sum(rates[:3]) / 3)
    assert said[2]["lr"] == pytest.approx(sum(rates[3:]) / 3)


def test_another_kind_of_processor_is_told_and_kept_and_the_same_one_is_not(trial, monkeypatch):
    with pytest.raises(Stopped):
        trial().run(Interrupting(3))
    same = trial()
    with pytest.raises(Stopped):
        same.run(Interrupting(3))
    assert same.said == []
    monkeypatch.setattr(loop, "processor_of", lambda device: "CPU OTHER")
    other = trial()
    first = processor_of(torch.device("cpu"))
    assert other.run().processors == [first, "CPU OTHER"]
    assert other.said == [
        f"notice: this training began on {first} and goes on on CPU OTHER: its weights are not to "
        "the bit those of a training on one of them."
    ]


def test_check_79_what_scoring_draws_changes_nothing(trial, unbroken):
    noisy = trial()
    honest = noisy.score
    noisy.score = lambda net: honest(net) + 0 * torch.rand(3).sum().item()
    assert not differing(noisy.run().last, unbroken.last)


def test_check_52_a_damaged_last_checkpoint_gives_way_to_the_one_before(trial, unbroken):
    with pytest.raises(Stopped):
        trial().run(Interrupting(6))
    folder = trial().folder / "checkpoints"
    *_, before, last = sorted(folder.glob("epoch_*"))
    tensors = last / "tensors.safetensors"
    tensors.write_bytes(tensors.read_bytes()[:-100])
    again = trial()
    assert not differing(again.run().last, unbroken.last)
    [said] = again.said
    assert said == f"WARNING: checkpoint {last} is damaged; going on from {before}."


@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_a_checkpoint_with_a_damaged_manifest_is_not_in_the_way_of_the_next(
    trial, unbroken, damage
):
    with pytest.raises(Stopped):
        trial().run(Interrupting(6))
    last = max((trial().folder / "checkpoints").glob("epoch_*"))
    manifest = last / "manifest.json"
    if damage == "cut":
        manifest.write_text(manifest.read_text()[:50])
    else:
        manifest.unlink()
    (trial().folder / "checkpoints" / f".{last.name}.01234567.tmp").mkdir()
    again = trial()
    assert not differing(again.run().last, unbroken.last)
    assert len(again.said) == 1
    assert not list((trial().folder / "checkpoints").glob(".*.tmp"))


def test_check_53_one_flipped_bit_is_damage_and_without_a_whole_one_nothing_begins_anew(trial):
    with pytest.raises(Stopped):
        trial().run(Interrupting(6))
    folder = trial().folder / "checkpoints"
    for path in folder.glob("epoch_*/tensors.safetensors"):
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    with pytest.raises(ArtifactError, match=r"^No checkpoint in .* is whole \(epoch_.*FRESH=1\.$"):
        trial().run()


def test_check_55_other_values_than_the_checkpoints_stop_with_their_names(trial):
    with pytest.raises(Stopped):
        trial().run(Interrupting(4))
    with pytest.raises(ArtifactError, match=r"was made from other values \(config\.gamma\)"):
        trial(config=CONFIG.model_copy(update={"gamma": 1.0})).run()
    settings = {"config": CONFIG.model_dump(mode="json"), "classes": ["b", "a"]}
    with pytest.raises(ArtifactError, match=r"was made from other values \(classes\)"):
        trial(settings=settings).run()


def test_two_checkpoints_are_kept_and_the_best_of_which_they_speak(trial):
    with pytest.raises(Stopped):
        trial().run(Interrupting(9))
    folder = trial().folder / "checkpoints"
    assert len(list(folder.glob("epoch_*"))) == 2
    assert 1 <= len(list(folder.glob("best_*"))) <= 2


def test_check_109_four_batches_of_two_are_one_of_eight_the_short_last_one_too(trial):
    phases = (PhaseConfig(epochs=1, lr=1e-3),)
    base = plainly(CONFIG, phases=phases, ema=None, clip_norm=None, sampling="shuffled")
    found = []
    for size, every in ((8, 1), (2, 4)):
        config = base["config"].model_copy(update={"batch_size": size, "accumulate": every})
        training = trial(f"of_{size}", **{**base, "config": config}, net=STILL).made()
        training.optimiser = training._begin_phase()
        training.optimiser.step = lambda: None
        gradients = []
        step = training._step

        def look(*given, training=training, step=step, gradients=gradients):
            step(*given)
            gradients.append({n: p.grad.clone() for n, p in training.net.named_parameters()})

        training._step = look
        training._epoch(phases[0], lambda done, total: None)
        found.append((gradients, training.history[0]["loss"]))
    (one, loss), (other, loss_of_parts) = found
    assert len(one) == len(other) == 2  # 14 examples: 8 and 6
    for whole, parts in zip(one, other, strict=True):
        for name, gradient in whole.items():
            torch.testing.assert_close(parts[name], gradient, rtol=1e-4, atol=1e-6)
    assert loss == pytest.approx(loss_of_parts, rel=1e-5)


def test_check_118_the_third_phase_has_its_own_rate_after_a_resume(trial):
    with pytest.raises(Stopped):
        trial().run(Interrupting(10))  # the first step of the third phase
    resumed = trial().made()
    resumed._restore(resumed.kept.load())
    assert resumed.position.phase == 2
    seen = []
    step = resumed._step
    resumed._step = lambda *given: (
        step(*given),
        seen.append(resumed.optimiser.param_groups[0]["lr"]),
    )
    resumed.run(lambda done, total: None)
    assert set(seen) == {1e-4}


def test_check_111_a_loss_that_is_no_number_stops_with_the_batch(trial):
    training = trial().made()
    with torch.no_grad():
        next(training.net.head.parameters()).fill_(float("nan"))
    with pytest.raises(
        ConfigError, match=r"^Non-finite loss at epoch 1 step 1 \(images p\d\d.*kept\.$"
    ):
        training.run(lambda done, total: None)


def test_check_113_a_score_that_is_no_number_is_an_error_not_a_best(trial):
    blind = trial()
    blind.score = lambda net: float("nan")
    with pytest.raises(
        ConfigError, match=r"^The inner rows' score \(auc\) is not a number after epoch 1"
    ):
        blind.run()


def test_patience_ends_a_phase_and_the_next_begins(trial):
    phases = (
        PhaseConfig(epochs=9, lr=1e-3, patience=2, frozen=("backbone",)),
        PhaseConfig(epochs=1, lr=1e-4),
    )
    tired = trial(config=CONFIG.model_copy(update={"phases": phases}))
    values = iter([0.5, 0.6, 0.6, 0.4, 0.1])
    tired.score = lambda net: next(values)
    done = tired.run()
    assert [entry["phase"] for entry in done.history] == [1, 1, 1, 1, 2]
    assert done.best_epoch == 1


def test_check_90_where_nothing_is_scored_the_last_weights_are_the_result_resumed_too(trial):
    phases = (PhaseConfig(epochs=2, lr=1e-3), PhaseConfig(epochs=1, lr=1e-4))
    config = CONFIG.model_copy(update={"phases": phases, "choose": "last"})
    whole, broken = trial("whole", config=config), trial("broken", config=config)
    whole.score = broken.score = None
    done = whole.run()
    assert not differing(done.last, done.best)
    assert done.best_epoch == 2
    assert [set(entry) for entry in done.history] == [{"phase", "epoch", "lr", "loss"}] * 3
    assert not list((whole.folder / "checkpoints").glob("best_*"))
    with pytest.raises(Stopped):
        broken.run(Interrupting(4))
    again = broken.run()
    assert not differing(again.last, done.last)
    assert again.history == done.history


def test_without_inner_rows_nothing_can_tire():
    phases = (PhaseConfig(epochs=2, lr=1e-3, patience=1),)
    with pytest.raises(ValueError, match="patience needs inner rows; choose='last' has none"):
        TrainConfig(phases=phases, choose="last")


def test_a_recipe_without_an_epoch_or_with_all_frozen_is_refused():
    with pytest.raises(ValueError, match="phases have no epoch"):
        TrainConfig(phases=(PhaseConfig(epochs=0, lr=1.0),))
    with pytest.raises(ValueError, match="freezes every part"):
        TrainConfig(
            phases=(PhaseConfig(epochs=1, lr=1.0, frozen=("backbone", "attention", "head")),)
        )


def test_augmentation_changes_what_is_learnt(trial, unbroken):
    plain = trial(augment=AugmentConfig(kind="none"))
    assert differing(plain.run().last, unbroken.last)
