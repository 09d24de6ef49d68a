"""make train-cnn: the recipe's networks on every fold, out of fold, and what they are worth.

Reads samples and folds (making them first where needed); trains each of [networks] that learns, or
those of use_networks, in <run>/networks/<name>_fold_<k>/, then joins each network's folds in
<run>/networks/<name>/ (oof.parquet, metrics.json) and those of [cascade] in <run>/cascade/. Nested
stacks need a network more for each pair of folds, in <run>/networks/<name>_fold_<j>_<k>/. FOLD=k
trains one fold alone, with its share of the pairs. A stopped training goes on where it was.
"""

from collections.abc import Mapping
from itertools import product

from folds.findings import Findings
from models.networks.network import HeldOut, Network, unit_name
from pipeline.joined import METRICS, cascade_unit, joined_unit
from pipeline.networks import STAGE, begin_anew, fold_unit
from pipeline.picture_rows import NO_NETWORK, PictureRows, load_picture_rows
from scripts.cascade_tables import show_cascade, show_network
from scripts.stage import Job, main
from stacking.blocks import OOF
from workspace.errors import ConfigError
from workspace.units import Unit


def run(job: Job) -> dict[str, Unit]:
    """All networks on all folds; or on the one fold that was asked for, which joins nothing."""
    rows, findings = load_picture_rows(job), Findings()
    networks = rows.networks(findings)
    job.show_notices(findings)
    folds = _folds(job, list(rows.by_fold))
    if not networks:
        if not job.recipe.used:
            raise ConfigError(NO_NETWORK)
        job.say("train-cnn: the recipe has encoders alone, which learn nothing; nothing to do.")
        return {}
    # Each pair is one fold's, by turns, so that every machine has as many.
    pairs = [pair for pair in rows.fold_pairs if pair[sum(pair) % 2] in folds]
    every: list[HeldOut] = [*folds, *pairs]
    if job.fresh:
        rows = begin_anew(rows, [unit_name(*which) for which in product(networks, every)])
    units = {
        name: {fold: fold_unit(rows, network, fold) for fold in folds}
        for name, network in networks.items()
    }
    for network, pair in product(networks.values(), pairs):
        fold_unit(rows, network, pair)
    if len(folds) < len(rows.by_fold):
        job.say(
            f"train-cnn: fold {folds[0]} is trained; {STAGE} without FOLD= trains the others and "
            "joins them."
        )
        return {}
    joined = {name: _joined(rows, networks[name], by_fold) for name, by_fold in units.items()}
    _cascade(rows, networks, joined)
    places = ", ".join(str(unit.folder) for unit in joined.values())
    job.say(f"train-cnn: see {places}: {METRICS}, {OOF}.")
    return joined


def _folds(job: Job, known: list[int]) -> list[int]:
    text = job.words.get("fold", "")
    if not text:
        return known
    if not text.isdecimal() or int(text) not in known:
        raise ConfigError(f"There is no fold FOLD={text}; there are {', '.join(map(str, known))}.")
    return [int(text)]


def _joined(rows: PictureRows, network: Network, units: Mapping[int, Unit]) -> Unit:
    job = rows.job
    unit, made = joined_unit(rows, network, units)
    if not made:
        job.say(f"{network.name}: nothing to do, {unit.folder} is up to date.")
    if made or job.stage == STAGE:  # another stage that needs it has things of its own to tell
        show_network(job, network, unit.json(METRICS))
    return unit


def _cascade(
    rows: PictureRows, networks: Mapping[str, Network], joined: Mapping[str, Unit]
) -> None:
    """The recipe's cascade, if both of its networks are used."""
    job, config = rows.job, rows.job.recipe.cascade
    if config is None or not {config.first, config.second} <= joined.keys():
        return
    first, second = config.first, config.second
    unit, made = cascade_unit(
        rows, (networks[first], networks[second]), (joined[first], joined[second])
    )
    if made or job.stage == STAGE:
        show_cascade(job, unit.json(METRICS))


if __name__ == "__main__":
    main(run, words={"fold": "train this fold alone"})
