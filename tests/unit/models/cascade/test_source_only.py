import cv2
import numpy as np

from folds.images import ImageReader
from metrics.ranking import auc
from models.cascade.source_only import NAMES, source_columns, source_scores


def test_it_finds_a_label_that_goes_with_the_size_of_the_picture(tmp_path):
    rng = np.random.default_rng(0)
    labels = np.arange(40) % 2
    for number, label in enumerate(labels):
        image = rng.integers(0, 255, (30 + 10 * label, 30, 3)).astype(np.uint8)
        assert cv2.imwrite(str(tmp_path / f"{number:02d}.png"), image)
    references = [f"{number:02d}.png" for number in range(40)]
    columns = source_columns(ImageReader(tmp_path), references, lambda done, total: None, 2)
    assert columns.shape == (40, len(NAMES))
    assert columns[:, 0].tolist() == (30 + 10 * labels).tolist()
    splits = [(np.arange(20), np.arange(20, 40)), (np.arange(20, 40), np.arange(20))]
    assert auc(labels, source_scores(columns, labels, splits)) > 0.999
    noise = rng.permutation(labels)
    assert auc(noise, source_scores(columns, noise, splits)) < 0.8
    unknown = np.where(np.arange(40) == 3, -1, labels)
    assert np.isfinite(source_scores(columns, unknown, splits)).all()
