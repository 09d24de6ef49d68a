"""make plan: what a run would do and what it has done, without doing anything.

Reads the recipe and whatever the run has; writes nothing. Shows every task of the chain up to the
submission as far as it is known (what comes after hangs on results that are not there), why it is
to do, and the seconds it took or its like took.
"""

from pipeline.bundled_run import BUNDLE
from pipeline.distill import DISTILL
from pipeline.exploration import EDA
from pipeline.job import INNER_RUN, Job
from pipeline.plan import planned
from reports.plan import tables
from scripts import (
    bundle,
    distill,
    eda,
    embed,
    features,
    folds,
    hospitals,
    pretrain,
    sample,
    stack,
    submission,
    train_cnn,
    verify,
)
from scripts.stage import Stage, main
from workspace.errors import ConfigError


def run(job: Job) -> None:
    """The plan of the recipe's run."""
    if job.fresh:
        raise ConfigError("FRESH=1 is of one stage, and redoes what that makes; plan without it.")
    stages: list[tuple[str, Stage]] = [
        ("verify", verify.run),
        ("folds", folds.run),
        ("features", features.run),
    ]
    if job.recipe.synthetic is not None and not job.own_data:
        stages.insert(0, ("sample", sample.run))
    sees = job.recipe.data.images != "none"
    if job.recipe.beginnings and sees:
        stages += [("pretrain", pretrain.run)]
    if job.recipe.used and sees:
        stages += [("train-cnn", train_cnn.run)]
        stages += [("embed", embed.run)] if job.recipe.stack.networks else []
    stages += [("stack", stack.run), ("submission", submission.run)]
    if (job.run / BUNDLE).is_dir():
        stages += [("bundle", bundle.run)]
    if (job.run / EDA).is_dir():
        stages += [("eda", eda.run)]
    if (job.run / INNER_RUN).is_dir():  # begun: what is left of it
        stages += [("hospitals", hospitals.run)]
    if (job.run / DISTILL).is_dir():
        stages += [("distill", distill.run)]
    job.show(tables(*planned(job, stages)))


if __name__ == "__main__":
    main(run, writes=False)
