"""make pretrain: the networks that learn without labels, for others to begin with.

Reads samples and folds (making them first where needed); trains each of [networks] that is learnt
for its weights alone (task.kind = "contrastive") on what each fold may learn from, in
<run>/networks/<name>_fold_<k>/ with the weights, history.json and curves.svg; for nested stacks
without each pair of folds too. One that sees all rows (task.rows = "all") is one for all folds, in
<run>/networks/<name>_fold_all/. FOLD=k trains one fold alone. `make train-cnn` makes what it needs.
"""

from folds.findings import Findings
from pipeline.job import Job, up_to_date
from pipeline.networks import PRETRAIN, trainings_of
from pipeline.picture_rows import beginnings_of, open_picture_rows
from reports.networks import signs_tables
from scripts import train_cnn
from scripts.stage import main
from workspace.errors import ConfigError
from workspace.units import Unit


def run(job: Job) -> dict[str, Unit]:
    """Every such network of the run, made if not there yet, by the names of their folders."""
    files, findings = train_cnn.files_of(job), Findings()
    rows = open_picture_rows(files)
    networks = beginnings_of(job, rows, findings)
    job.show_notices(findings)
    if not networks:
        raise ConfigError(
            "The recipe has no network that learns without labels; add one, such as "
            "[networks.simclr] with base = 'contrastive'."
        )
    every = train_cnn.left_out(job, rows)
    tasks = {name: trainings_of(job, files, one, every) for name, one in networks.items()}
    job = train_cnn.prepared(job, rows, networks, tasks)
    made = job.carry_out(*(task for by_fold in tasks.values() for task in by_fold.values()))
    units = {unit.folder.name: unit for unit, _ in made}
    if not any(new for _, new in made):
        job.rest(PRETRAIN, up_to_date(units))
        return units
    job.show(signs_tables({name: unit.facts for name, unit in units.items()}))
    job.say(f"pretrain: see {', '.join(str(unit.folder) for unit in units.values())}.")
    return units


if __name__ == "__main__":
    main(run, words=train_cnn.WORDS)
