"""Calls on a run of tables of which nothing is made, for who only asks what would be."""

import io

from rich.console import Console

from pipeline.job import Job
from pipeline.recipe import load_recipe
from reports.desk import ConsoleDesk
from workspace.hashing import HashMemory

TABLES = (
    "synthetic.patients=30", "synthetic.rows=240", "synthetic.positives=48", "synthetic.images=0",
    "data.images=none", "use_networks=[]", "stack.networks=false", "folds.n_folds=3",
    "score.replicates=100", "score.seeds=[0]", "stack.seeds=1", "stack.shap_rows=10",
    "lightgbm.rounds=5", "lightgbm.min_data_in_leaf=5", "audit.rounds=3", "audit.permutations=2",
)  # fmt: skip


class Calls:
    """A run's folder, and that of its data; `job` is a call on it."""

    def __init__(self, folder):
        self.data, self.run, self.said = folder / "data", folder / "run", io.StringIO()

    def job(self, *settings, stage="stack", **values):
        given = [*TABLES, f"data.folder={self.data}", *settings]
        desk = ConsoleDesk(Console(file=self.said, width=200), stage)
        return Job(stage, load_recipe("sample", given), self.run, HashMemory(), desk, **values)

    def lines(self):
        """What was said since the last time."""
        text = self.said.getvalue()
        self.said.seek(0)
        self.said.truncate()
        return text.splitlines()
