"""A tiny cascade: its settings and its calls."""

TINY = (
    "synthetic.patients=30", "synthetic.rows=260", "synthetic.positives=60", "folds.n_folds=3",
    'use_networks=["stage1", "stage2"]', "networks.stage1.net.backbone=test_convnext",
    "networks.stage1.net.weights=none",
    "networks.stage1.net.size=32", "networks.stage1.net.hidden=[16, 8]",
    "networks.stage1.net.dropout=[0.2, 0.1, 0.1]", "networks.stage2.net.backbone=test_convnext",
    "networks.stage2.net.weights=none",
    "networks.stage2.net.size=32", "networks.stage2.net.hidden=[16, 8]",
    "networks.stage2.net.dropout=[0.2, 0.1, 0.1]", "networks.stage1.training.epoch_samples=256",
    "networks.stage1.training.gamma=2.0", "networks.stage1.training.mixup_probability=0.5",
    "networks.stage1.training.phases=[{ epochs = 1, lr = 1e-3, frozen = ['backbone'] }, "
    "{ epochs = 1, lr = 1e-3 }]",
    "networks.stage2.training.phases=[{ epochs = 1, lr = 1e-3 }, { epochs = 1, lr = 1e-4 }]",
    "networks.stage1.training.inner_folds=3", "networks.stage2.training.inner_folds=2",
    "score.replicates=100", "score.seeds=[0]", "stack.seeds=1", "lightgbm.rounds=10",
    "lightgbm.min_data_in_leaf=5",
)  # fmt: skip


def call(place, stage, *extra, settings=(), code=0):
    return place.call(stage, *extra, settings=(*TINY, *settings), code=code, OMP_NUM_THREADS="1")
