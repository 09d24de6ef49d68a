"""What the fused transform shares with the step-by-step one, in numbers."""

import numpy as np
import pytest
import torch

from models.input.config import FIRST, SECOND, AugmentConfig
from models.input.evaluation import resize
from models.input.exact import ExactTransform
from models.input.fast import FastTransform
from models.input.pixels import normalise
from models.input.stream import stream_of

OFF = {name: 0.0 for name in AugmentConfig.model_fields if name.endswith("_p")}
UNMOVED = {**OFF, "resize_px": 64, "crop_px": 64}


def many(transform, pictures, times):
    """Float levels (N, 3, S, S) of every picture, shown and finished `times` times over."""
    shown = []
    for n in range(times):
        for name, pixels in pictures.items():
            picture, draws = transform.show(pixels, stream_of(0, n, name))
            batch = torch.from_numpy(picture.transpose(2, 0, 1)[None].copy())
            shown.append(transform.finish(batch, torch.from_numpy(draws[None])))
    return torch.cat(shown)


@pytest.mark.parametrize("config", [FIRST, SECOND])
def test_many_pictures_have_the_means_and_spreads_of_the_exact_view(config, make_lesion):
    plain = (0.0,) * 3, (1 / 255,) * 3
    pictures = {str(n): make_lesion(100 + n, 140, n) for n in range(6)}
    fast, exact = (
        many(transform(config, 64, *plain), pictures, 60)
        for transform in (FastTransform, ExactTransform)
    )
    means = [levels.mean((2, 3)) for levels in (fast, exact)]
    spreads = [levels.std((2, 3)) for levels in (fast, exact)]
    for ours, theirs in (means, spreads):
        assert (ours.mean(0) - theirs.mean(0)).abs().max() < 4  # of 255; standard error 1.2
        assert (ours.std(0) / theirs.std(0) - 1).abs().max() < 0.2
    # Pixel by pixel: where lesion and skin are on average.
    assert (fast.mean((0, 1)) - exact.mean((0, 1))).abs().mean() < 5


def test_with_all_off_it_is_the_resize(make_lesion, statistics):
    transform = FastTransform(AugmentConfig(**UNMOVED), 64, *statistics)
    pixels = make_lesion(150, 90)
    shown, draws = transform.show(pixels, stream_of(0, 0, "a"))
    assert np.array_equal(shown, resize(pixels, 64))
    assert draws.tolist() == [0, 0]


@pytest.mark.parametrize("name", [name for name in OFF if name not in ("noise_p", "clahe_p")])
def test_a_step_switched_on_alone_is_seen(name, make_lesion, statistics):
    transform = FastTransform(AugmentConfig(**{**UNMOVED, name: 1.0}), 64, *statistics)
    pixels = make_lesion(64, 64)
    assert not np.array_equal(transform.show(pixels, stream_of(0, 0, "a"))[0], pixels)


def test_a_large_picture_is_shrunk_by_areas_before_the_warp(statistics):
    """Bilinear sampling of every tenth pixel would see the stripes."""
    stripes = np.zeros((1000, 1000, 3), np.uint8)
    stripes[::2] = 200
    transform = FastTransform(FIRST.model_copy(update={"clahe_p": 0.0}), 64, *statistics)
    for n in range(5):
        assert transform.show(stripes, stream_of(0, 0, str(n)))[0].std() < 3


def noisy_transform(statistics):
    return FastTransform(AugmentConfig(**{**UNMOVED, "noise_p": 1.0}), 64, *statistics)


def test_noise_is_of_the_tables_size_and_each_its_own(statistics):
    transform = noisy_transform(((0.0,) * 3, (1 / 255,) * 3))
    grey = np.full((64, 64, 3), 128, np.uint8)
    levels = many(transform, {str(n): grey for n in range(60)}, 1)
    spreads = levels.std((1, 2, 3))
    assert 4.7 < spreads.min() < 6.5
    assert 13.5 < spreads.max() < 15.5
    assert (levels.mean((1, 2, 3)) - 128).abs().max() < 0.6
    alike = np.corrcoef((levels - 128).reshape(60, -1).numpy())
    assert np.abs(alike - np.eye(60)).max() < 0.06


def test_noise_does_not_depend_on_the_batch(make_lesion, statistics):
    transform = FastTransform(SECOND, 64, *statistics)
    shown = [transform.show(make_lesion(seed=n), stream_of(0, 0, str(n))) for n in range(24)]
    pixels = torch.stack([torch.from_numpy(p.transpose(2, 0, 1).copy()) for p, _ in shown])
    draws = torch.stack([torch.from_numpy(d) for _, d in shown])
    assert 0 < (draws[:, 0] > 0).sum() < 24
    before = pixels.clone()
    together = transform.finish(pixels, draws)
    alone = [transform.finish(pixels[n : n + 1], draws[n : n + 1]) for n in range(24)]
    assert torch.equal(together, torch.cat(alone))
    assert torch.equal(pixels, before)


def test_without_noise_the_finish_is_the_normalisation(make_lesion, statistics):
    transform = FastTransform(FIRST, 64, *statistics)
    pixels = make_lesion(64, 64)
    batch = torch.from_numpy(pixels.transpose(2, 0, 1)[None].copy())
    got = transform.finish(batch, torch.zeros(1, 2))[0].numpy().transpose(1, 2, 0)
    assert np.abs(got - normalise(pixels, *statistics)).max() <= 1e-6


def test_large_sizes_have_noise_too(statistics):
    transform = FastTransform(AugmentConfig(noise_p=1.0), 900, *statistics)
    draws = [transform._draw_noise(stream_of(0, 0, str(n)))[1] for n in range(50)]
    assert max(draws) <= transform._store_size() - 3 * 900**2
    pixels = torch.zeros(1, 3, 900, 900, dtype=torch.uint8)
    last = torch.tensor([[5.0, float(transform._store_size() - 3 * 900**2)]])
    assert transform.finish(pixels, last).isfinite().all()
