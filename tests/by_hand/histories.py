"""Trainings as a history tells them, of a few numbers that a test states."""

from reports.run.sheets import Training


def training(name="fold 0", losses=(), aucs=(), rates=(), phases=(), *, chosen=True, best=None):
    """An entry an epoch; the best is the one of the highest AUC, or the last."""
    count = len(losses)
    history = [
        {
            "epoch": at + 1, "loss": losses[at], "lr": (rates or [0.001] * count)[at],
            "phase": (phases or [1] * count)[at], **({"auc": aucs[at]} if aucs else {}),
        }
        for at in range(count)
    ]  # fmt: skip
    highest = aucs.index(max(aucs)) + 1 if aucs else count
    return Training(name, history, "auc", chosen, best or highest)
