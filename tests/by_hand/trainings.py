"""A fold's training of the smallest network, declared as a task."""

from pipeline.networks import training
from pipeline.picture_rows import open_picture_rows

LAST = (
    "cascade.first=stage1", "cascade.second=stage2", "networks.flag.training.choose=last",
    "networks.flag.task.threshold=none", "networks.flag.training.batch_size=4",
    "networks.flag.training.accumulate=1", "networks.flag.training.mixup_probability=0.0",
    "networks.flag.training.phases=[{ epochs = 1, lr = 1e-3 }]",
)  # fmt: skip


def declared(made, *settings, held_out=0, name="flag", **values):
    job = made.job(*settings)
    files = made.files(job)
    network = made.network(open_picture_rows(files), name, *settings)
    return training(job, files, network, held_out, **values)
