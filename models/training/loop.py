"""The training loop: phases, epochs, steps. Every network of this project learns in it.

It goes on from the last checkpoint to the bit, on the kind of CPU on which it began: whatever is
random is a function of the seed and the position. The rows that are reported later are never seen
here: what is best is chosen on inner rows, which are a part of the training rows.
"""

import logging
import math
import time
from collections.abc import Mapping
from contextlib import nullcontext
from functools import partial
from itertools import chain, islice
from typing import Any

import numpy as np
import torch

from models.input.loader import Batch, Piece, batches
from models.nets.network import LesionNet
from models.training import groups
from models.training.average import Average
from models.training.balance import class_balance
from models.training.checkpoints import Arrays, Checkpoints, Snapshot, arrays_of
from models.training.config import PhaseConfig
from models.training.epoch_log import EpochWatch
from models.training.mixup import mixup
from models.training.order import balanced_order, batches_of, epoch_order
from models.training.position import Position, seed_batch, seed_of
from models.training.processor import processor_of
from models.training.schedule import base_lr, lr_factor, mean_lr
from models.training.setting import Examples, Score, Setting, Trained
from workspace.arrays import Ints
from workspace.errors import ConfigError, name_some
from workspace.progress import Show
from workspace.stopping import Stopped, held_back

LOG = logging.getLogger("dermstack")
LAYOUTS = {"channels_first": torch.contiguous_format, "channels_last": torch.channels_last}
SKIPS = 20  # steps in a row that the scaler may refuse; then the loss is beyond repair


class Training:
    """One network's training, in the state of its position."""

    def __init__(
        self,
        net: LesionNet,
        examples: Examples,
        setting: Setting,
        kept: Checkpoints,
        score: Score | None,  # of the inner rows, where there are any
    ) -> None:
        self.layout = LAYOUTS[setting.config.layout]
        self.net = net.to(setting.device).to(memory_format=self.layout)
        self.examples, self.setting, self.kept, self.score = examples, setting, kept, score
        self.config, self.shares, self.ranks = setting.config, setting.shares, setting.shares.ranks
        self.position, self.history = Position(), list[dict[str, Any]]()
        self.average = Average(net, self.config.ema) if self.config.ema else None
        self.scaler = torch.amp.GradScaler(enabled=self._amp() == torch.float16)
        self.objective = examples.objective
        self.objective.begin(examples.training, setting.device)
        self.optimiser: torch.optim.Optimizer | None = None
        self._saved_at = time.monotonic()

    def run(self, show: Show) -> Trained:
        """Train to the end; what came of it."""
        self.learn(show)
        last, best = arrays_of(self._weights()), self.position.best_epoch
        if not self._chooses:
            return self._trained(last, last, self.position.epoch - 1)
        assert best is not None, "no epoch was scored"
        return self._trained(last, self.kept.load_best(best), best)

    def learn(self, show: Show) -> None:
        """All steps, from where a checkpoint left it; a stop request is kept first."""
        snapshot = self.ranks.by_first(self.kept.load)
        if snapshot is not None:
            self._restore(snapshot)
        self.ranks.begin_alike(self.net)
        if self._is_done:
            return
        self._note_processors()
        self._note_ranks(resumed=snapshot is not None)
        with held_back():  # so that a stop comes between two steps, where all is in order
            try:
                self._phases(show)
            except Stopped:
                self._save()
                raise

    @property
    def _is_done(self) -> bool:
        """Whether a checkpoint was of the end."""
        left = self.config.phases[self.position.phase :]
        return not any(phase.epochs for phase in left[1:]) and not any(map(self._goes_on, left[:1]))

    @property
    def _chooses(self) -> bool:
        """Whether inner rows decide; others are watched, or there are none."""
        return self.score is not None and self.config.choose == "inner"

    def _trained(self, last: Arrays, best: Arrays, epoch: int) -> Trained:
        at = self.position
        return Trained(last, best, epoch, self.history, self._balance(), at.processors, at.ranks)

    def _note_processors(self) -> None:
        """Said, not refused: a machine that was changed is no reason to lose days."""
        for mine in dict.fromkeys(self.ranks.gathered(processor_of(self.setting.device))):
            before = self.position.processors
            if before and mine not in before:
                self.kept.tell(
                    f"notice: this training began on {name_some(before)} and goes on on {mine}: "
                    "its weights are not to the bit those of a training on one of them."
                )
            if mine not in before:
                self.position.processors = [*before, mine]

    def _note_ranks(self, *, resumed: bool) -> None:
        """In the log what a step is; in the position among how many it was."""
        at, config, count = self.position, self.config, self.ranks.count
        if count not in (at.ranks or [1]):
            at.ranks = [*(at.ranks or [1] * resumed), count]
        facts = {
            "ranks": count, "effective_batch": config.batch_size * config.accumulate,
            "steps_an_epoch": self._steps(len(self._plan(at.epoch))),
            "lr": [phase.lr for phase in config.phases],
        }  # fmt: skip
        LOG.info("training", extra={"facts": {**self.setting.whose, **facts}})

    def _phases(self, show: Show) -> None:
        while self.position.phase < len(self.config.phases):
            phase = self.config.phases[self.position.phase]
            self.optimiser = self.optimiser or self._begin_phase()
            while self._goes_on(phase):
                self._epoch(phase, show)
            self.position.next_phase()
            self.optimiser = None

    def _goes_on(self, phase: PhaseConfig) -> bool:
        tired = phase.patience is not None and self.position.waited >= phase.patience
        return self.position.epoch_in_phase < phase.epochs and not tired

    def _begin_phase(self) -> torch.optim.Optimizer:
        phase = self.config.phases[self.position.phase]
        self.net.freeze(phase.frozen)
        self.net.zero_grad(set_to_none=True)
        self.net.set_dropout(phase.dropout or self.net.config.dropout)
        return groups.optimiser(self.net, phase, self.config)

    def _epoch(self, phase: PhaseConfig, show: Show) -> None:
        at, config = self.position, self.config
        plan = self._plan(at.epoch)
        every, size = config.accumulate, self._steps(len(plan))
        self.net.train()
        steps = [range(n, min(n + every, len(plan))) for n in range(at.batch, len(plan), every)]
        pieces = [self.shares.pieces(group, plan) for group in steps]
        stream = batches(
            self.examples.pictures, self.setting.transform, plan, seed=self.setting.seed,
            epoch=at.epoch, workers=self.setting.workers, pieces=chain(*pieces),
        )  # fmt: skip
        watch = EpochWatch(at.loss_of)
        for group, own in zip(steps, pieces, strict=True):
            loaded = list(zip(own, islice(stream, len(own)), strict=True))
            self._step([plan[n] for n in group], loaded, phase, phase.epochs * size)
            at.batch += len(group)
            self._between(len(plan))
            show(self._done(len(plan)), config.epochs * len(plan))
        watch.learnt(at.loss_of)
        self._close_epoch(phase, size, watch)

    def _plan(self, epoch: int) -> list[Ints]:
        """The epoch's batches, the same whenever they are asked for."""
        config, examples = self.config, self.examples
        if examples.deal is not None:
            return examples.deal(epoch)
        labels, most = examples.labels[examples.training], config.epoch_samples
        if config.sampling == "balanced":
            order = balanced_order(labels, config.sides, most, self.setting.seed, epoch)
        else:
            stream = np.random.default_rng(seed_of(self.setting.seed, "order", epoch))
            times = {examples.classes.index(name): n for name, n in config.oversample.items()}
            order = epoch_order(labels, config.sampling, times, most, stream)
        return batches_of(examples.training[order], config.batch_size)

    def _balance(self) -> dict[str, Any]:
        labels, classes = self.examples.labels, self.examples.classes
        shown = labels[np.concatenate(self._plan(0))]
        learnt = labels[self.examples.training]
        return class_balance(learnt, shown, self.objective.weights, classes)

    def _steps(self, count: int) -> int:
        return -(-count // self.config.accumulate)

    def _step(
        self, group: list[Ints], own: list[tuple[Piece, Batch]], phase: PhaseConfig, steps: int
    ) -> None:
        """One optimiser step: as if the group were one batch, the last short one too.

        `own` is what of its batches this process computes.
        """
        at, optimiser, first = self.position, self.optimiser, self.position.batch
        assert optimiser is not None
        of = sum(map(len, group))
        groups.set_lr(optimiser, base_lr(phase, at.reductions) * lr_factor(phase, at.step, steps))
        optimiser.zero_grad(set_to_none=True)
        losses = torch.zeros(len(group), device=self.setting.device)
        numbers = range(first, first + len(group))
        moved = self.shares.before(self.net)
        for piece, batch in own:
            loss = self._loss(batch, piece, group[piece.number - first])
            torch.autograd.backward(self.scaler.scale(loss.sum() / of))
            losses[piece.number - first] = loss.detach()[piece.rows].sum()
        values = self.shares.add_up(self.net, losses, moved, numbers)
        for indices, value in zip(group, values, strict=True):  # a look a step: a GPU waits for it
            if not math.isfinite(value):
                self._refuse_loss(indices)
        at.loss_sum += sum(values)
        at.loss_of += of
        if self.config.clip_norm is not None:
            self.scaler.unscale_(optimiser)
            learning = [p for group in optimiser.param_groups for p in group["params"]]
            torch.nn.utils.clip_grad_norm_(learning, self.config.clip_norm)
        before = self.scaler.get_scale()
        self.scaler.step(optimiser)
        self.scaler.update()
        self._count(taken=not self.scaler.is_enabled() or self.scaler.get_scale() >= before)

    def _count(self, *, taken: bool) -> None:
        """A step that the scaler refused moves neither the schedule nor the average."""
        at = self.position
        at.skipped = 0 if taken else at.skipped + 1
        if taken:
            at.step += 1
            if self.average is not None:
                self.average.update(self.net, at.averaged)
                at.averaged += 1
        elif at.skipped == SKIPS:
            raise ConfigError(
                f"{SKIPS} steps in a row had gradients beyond fp16 in epoch {at.epoch + 1}; lower "
                "lr, or take precision='bf16' or 'fp32'."
            )

    def _loss(self, batch: Batch, piece: Piece, indices: Ints) -> torch.Tensor:
        """(examples,): each one's loss, of a batch of these pictures."""
        config, device = self.config, self.setting.device
        here = self.position.model_copy(update={"batch": piece.number})
        stream = seed_batch(self.setting.seed, here)
        images = self.setting.transform.finish(batch.pixels.to(device), batch.draws)
        targets = self.objective.targets(indices).to(device)
        images, targets = mixup(
            images, targets, config.mixup_alpha, config.mixup_probability, stream
        )
        kind = self._amp()
        with torch.autocast(device.type, kind) if kind else nullcontext():
            images = images.contiguous(memory_format=self.layout)
            outputs, further = self.shares.learn(self.net, images, piece, len(indices))
        return self.objective.loss(outputs, further, targets)

    def _amp(self) -> torch.dtype | None:
        wanted = self.config.precision
        if wanted == "auto":
            wanted = "fp16" if self.setting.device.type == "cuda" else "fp32"
        return {"fp16": torch.float16, "bf16": torch.bfloat16}.get(wanted)

    def _refuse_loss(self, indices: Ints) -> None:
        here = self.position
        ids = self.examples.pictures.ids.gather(indices).to_list()
        raise ConfigError(
            f"Non-finite loss at epoch {here.epoch + 1} step {here.step + 1} (images "
            f"{name_some(ids)}); lower lr in phase {here.phase + 1}, or take precision='fp32'. The "
            "last checkpoint is kept."
        )

    def _between(self, batches_of_epoch: int) -> None:
        """Between two steps: keep what there is now and then."""
        late = time.monotonic() - self._saved_at >= self.config.checkpoint_s
        if late and self.position.batch < batches_of_epoch:
            self._save()
        self.shares.raise_if_asked()

    def _close_epoch(self, phase: PhaseConfig, steps: int, watch: EpochWatch) -> None:
        at, score = self.position, None
        record: dict[str, Any] = {
            "phase": at.phase + 1, "epoch": at.epoch + 1,
            "lr": mean_lr(phase, at.epoch_in_phase * steps, steps, at.reductions),
            "loss": at.loss_sum / max(at.loss_of, 1),
        }  # fmt: skip
        if self.score is not None:
            score, besides = self.ranks.by_first(partial(self._scored, self.score))
            record |= {**besides, self.config.watch: score}
            if phase.schedule == "plateau":
                at.note_loss(record["inner_loss"], phase.plateau_epochs)
        self.history.append(record)
        total = {"epochs": self.config.epochs}
        facts = {**self.setting.whose, **record, **total, **watch.facts(self.setting.device)}
        LOG.info("epoch", extra={"facts": facts})
        if score is not None and self._chooses:
            self._compare(score)
        at.next_epoch()
        self._save()

    def _scored(self, score: Score) -> tuple[float, Mapping[str, float]]:
        """What the inner rows say of the weights as they would be kept now."""
        with self.average.in_place_of(self.net) if self.average else nullcontext():
            self.net.eval()
            found, besides = score(self.net, self.history)
        if not np.isfinite(found):
            raise ConfigError(
                f"The inner rows' score ({self.config.watch}) is not a number after epoch "
                f"{self.position.epoch + 1}; they need every class: lower inner_folds."
            )
        return found, besides

    def _compare(self, score: float) -> None:
        """Is it the best so far, and for how long has the phase waited for a better one?"""
        at = self.position
        at.waited = 0 if at.best_of_phase is None or score > at.best_of_phase else at.waited + 1
        at.best_of_phase = score if at.waited == 0 else at.best_of_phase
        if at.best_score is None or score > at.best_score:
            at.best_score, at.best_epoch = score, at.epoch
            self.kept.save_best(at.epoch, self._weights())

    def _weights(self) -> dict[str, torch.Tensor]:
        return dict(self.average.tensors if self.average else self.net.state_dict())

    def _done(self, count: int) -> int:
        return self.position.epoch * count + self.position.batch

    def _save(self) -> None:
        at = self.position
        at.scaler = self.scaler.state_dict()
        kinds = {
            "net": self.net.state_dict(),
            "average": self.average.tensors if self.average else {},
            "optimiser": groups.moments(self.optimiser) if self.optimiser else {},
        }
        tensors = {f"{kind}/{name}": v for kind, part in kinds.items() for name, v in part.items()}
        self.kept.save(Snapshot(tensors, at, self.history))
        self._saved_at = time.monotonic()

    def _restore(self, snapshot: Snapshot) -> None:
        self.position, self.history = snapshot.position, snapshot.history
        self.net.load_state_dict(snapshot.part("net"))
        if self.average is not None:
            self.average.restore(snapshot.part("average"))
        if self.position.scaler:
            self.scaler.load_state_dict(self.position.scaler)
        if self.position.phase < len(self.config.phases):
            self.optimiser = self._begin_phase()
            groups.restore_moments(self.optimiser, snapshot.part("optimiser"))
