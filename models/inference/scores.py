"""Probabilities and embeddings of many pictures, by the one evaluation transform.

Validation, test rows, embeddings for the stack and a person's own folder all go through here.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from models.inference.speed import EXACT, Pace, Prepared
from models.inference.views import IDENTITY, View, average
from models.input.evaluation import EvaluationTransform
from models.input.loader import Batch, batches
from models.input.pictures import Pictures
from models.nets.network import LesionNet
from workspace.arrays import Floats, Floats32, Ints
from workspace.progress import Desk, Show


@dataclass(frozen=True)
class Scores:
    """Row for row: probabilities (n, classes) that sum to 1, embeddings (n, width)."""

    probability: Floats
    embedding: Floats32


@dataclass(frozen=True)
class Way:
    """How pictures are scored: where, how many at once, and as which views."""

    device: torch.device
    batch_size: int = 64
    workers: int = 0
    views: Sequence[View] = IDENTITY  # the first is the picture as it is
    pace: Pace = EXACT
    side_by_side: int = 1  # batches, each by a thread of its own and those that compute it


def score_pictures(
    net: LesionNet,
    pictures: Pictures,
    places: Ints,
    way: Way,
    show: Show | None = None,
) -> Scores:
    """Scores of these places in their order; the embedding is that of the first view."""
    ready, transform = Prepared(net, way.device, way.pace), _transform(net)
    classes = max(2, net.outputs)
    shares, seen = [np.zeros((0, classes))], [np.zeros((0, net.num_features), np.float32)]
    read, done = _read(transform, pictures, places, way), 0

    def answer(batch: Batch) -> tuple[Floats, Floats32]:
        with torch.inference_mode():  # of the thread it is said in
            images = transform.finish(batch.pixels.to(way.device), batch.draws)
            return _both(ready, images, way)

    with closing(_side_by_side(answer, read, way.side_by_side)) as answers:
        for probability, embedding in answers:
            shares.append(probability)
            seen.append(embedding)
            if show is not None:
                done += len(probability)
                show(done, len(places))
    return Scores(np.concatenate(shares), np.concatenate(seen))


def score_in_memory(
    net: LesionNet, pictures: Pictures, indices: Ints, way: Way, desk: Desk, title: str
) -> Scores:
    """The same with a bar; in smaller batches where a GPU has no room for these.

    What float16 does not hold, which has a smaller range than bfloat16, is computed in float32.
    """
    try:
        with desk.progress(title) as show:
            scores = score_pictures(net, pictures, indices, way, show)
        if way.pace.dtype != "float16" or np.isfinite(scores.embedding).all():
            return scores
        desk.say("notice: what this network computes is beyond float16; in float32 now.")
        return score_in_memory(net, pictures, indices, replace(way, pace=EXACT), desk, title)
    except torch.OutOfMemoryError:
        if way.batch_size == 1:
            raise
    smaller = way.batch_size // 2
    desk.say(f"notice: {way.batch_size} pictures at once are too many for this GPU; {smaller} now.")
    torch.cuda.empty_cache()
    return score_in_memory(net, pictures, indices, replace(way, batch_size=smaller), desk, title)


def images_of(net: LesionNet, pictures: Pictures, indices: Ints, way: Way) -> Iterator[Tensor]:
    """What a network sees of these pictures, in batches."""
    transform = _transform(net)
    for batch in _read(transform, pictures, indices, way):
        yield transform.finish(batch.pixels.to(way.device), batch.draws)


def _transform(net: LesionNet) -> EvaluationTransform:
    return EvaluationTransform(net.size, net.mean, net.std)


def _read(
    transform: EvaluationTransform, pictures: Pictures, indices: Ints, way: Way
) -> Iterator[Batch]:
    plan = [indices[at : at + way.batch_size] for at in range(0, len(indices), way.batch_size)]
    return batches(pictures, transform, plan, seed=0, epoch=0, workers=way.workers)


def _side_by_side(
    answer: Callable[[Batch], tuple[Floats, Floats32]], read: Iterator[Batch], count: int
) -> Generator[tuple[Floats, Floats32], None, None]:
    """Answers in the order of the batches, so many at a time: to the bit what one gives."""
    if count == 1:
        yield from map(answer, read)
        return
    at_work: deque[Future[tuple[Floats, Floats32]]] = deque()
    with ThreadPoolExecutor(count, thread_name_prefix="network") as pool:
        for batch in read:
            at_work.append(pool.submit(answer, batch))
            if len(at_work) > count:
                yield at_work.popleft().result()
        while at_work:
            yield at_work.popleft().result()


def _both(net: Prepared, images: Tensor, way: Way) -> tuple[Floats, Floats32]:
    """Probabilities over all views, one column a class; the embedding of the first view."""
    embeddings: list[Tensor] = []

    def remembering(images: Tensor) -> Tensor:
        embedding, logits = net.embed(images)
        embeddings.append(embedding)
        return logits

    found = average(remembering, images, way.views).cpu().numpy()
    both: Floats = np.hstack([1 - found, found]) if found.shape[1] == 1 else found
    return both, embeddings[0].float().cpu().numpy()
