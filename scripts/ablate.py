"""make ablate: what each part of the network brings, by training without it or with another.

For each variant and seed, trains one network on the first folds in <run>/networks/ and compares the
held-out rows' score with the whole network's, paired, over the same draws of patients. Writes
<run>/ablation/ablation.json and prints one table.
"""

from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from typing import Any

import polars as pl
from rich.box import SIMPLE_HEAD
from rich.table import Table

from folds.findings import Findings, plural
from folds.schema import ID
from models.networks.ablation import VARIANTS
from models.networks.columns import shares_of
from models.networks.kept import maker_of
from models.networks.measure import ScoredRows, variant_sheet
from models.networks.network import Network
from pipeline.joined import LABEL, labelled, patient_of
from pipeline.networks import SCORES, begin_anew, fold_unit
from pipeline.picture_rows import PictureRows, load_picture_rows
from scripts.score import short
from scripts.stage import Job, main
from workspace.errors import ConfigError, name_some
from workspace.units import Unit, find, making, open_unit

VERSION = 1
WHOLE = "whole"


def run(job: Job) -> Unit:
    """Every variant beside the whole network, made if not there yet."""
    rows, config = load_picture_rows(job), job.recipe.ablation
    networks = rows.networks(Findings())
    if config.network is None or config.network not in networks:
        raise ConfigError(
            f"ablation.network is {config.network!r}; take a network that learns "
            f"({name_some(networks) or 'this recipe has none'})."
        )
    whole = networks[config.network]
    folds = list(rows.by_fold)[: config.folds]
    variants = _variants(job, whole)
    if job.fresh:
        which = product(variants, config.seeds, folds)
        rows = begin_anew(rows, [_unit_name(whole.name, *one) for one in which])
    units = {
        name: {seed: {fold: _unit(rows, network, name, seed, fold) for fold in folds}
               for seed in config.seeds}
        for name, network in variants.items()
    }  # fmt: skip
    folder = job.run / "ablation"
    settings = {"ablation": config.model_dump(mode="json"), "version": VERSION}
    settings["score"] = job.recipe.score.model_dump(mode="json")
    used = [u for by in units.values() for several in by.values() for u in several.values()]
    wanted = job.wanted("ablate", settings, {unit.folder.name: maker_of(unit) for unit in used})
    done = find(folder, wanted, job.hashes, on_change="redo", fresh=job.fresh)
    if done is None:
        with making(folder, wanted) as draft:
            draft.json("ablation.json", _compared(rows, whole, units))
        done = open_unit(folder, "ablate")
    _show(job, whole, done.json("ablation.json"))
    job.say(f"ablate: see {folder / 'ablation.json'}.")
    return done


def _variants(job: Job, whole: Network) -> dict[str, Network]:
    """The whole network, and each variant that is another than it."""
    found = {WHOLE: whole}
    for name in job.recipe.ablation.variants or VARIANTS:
        config = VARIANTS[name](whole.config)
        if config == whole.config:
            job.say(f"notice: {name} changes nothing in this recipe and is left out.")
        else:
            found[name] = replace(whole, config=config)
    return found


def _unit(rows: PictureRows, network: Network, variant: str, seed: int, fold: int) -> Unit:
    return fold_unit(rows, network, fold, _unit_name(network.name, variant, seed, fold), seed)


def _unit_name(network: str, variant: str, seed: int, fold: int) -> str:
    return f"{variant}_seed_{seed}_{network}_fold_{fold}"


def _compared(
    rows: PictureRows, network: Network, units: Mapping[str, Mapping[int, Mapping[int, Unit]]]
) -> dict[str, Any]:
    """Each variant's score minus the whole network's, over the seeds, on the same draws."""
    tables = {
        name: [_scored(rows, network, several) for several in by_seed.values()]
        for name, by_seed in units.items()
    }
    whole, watch = tables[WHOLE], network.config.learning.watch
    found = {
        name: variant_sheet(watch, whole, several, network.classes, rows.job.recipe.score)
        for name, several in tables.items()
    }
    return {
        "network": network.name, "watch": watch, "n": len(whole[0].true),
        "seeds": list(units[WHOLE]), "folds": list(next(iter(units[WHOLE].values()))),
        "variants": found,
    }  # fmt: skip


def _scored(rows: PictureRows, network: Network, units: Mapping[int, Unit]) -> ScoredRows:
    """What these folds held out, by id."""
    names = network.columns
    table = pl.concat(unit.parquet(SCORES, [ID, *names]) for unit in units.values()).sort(ID)
    known = labelled(rows, network, table)
    shares = shares_of(known.select(names).to_numpy())
    return ScoredRows(known[LABEL].to_numpy(), shares, patient_of(rows, known))


def _show(job: Job, network: Network, found: dict[str, Any]) -> None:
    job.say(
        f"ablate: {network.name}, {plural(found['n'], 'held-out picture')} of "
        f"{plural(len(found['folds']), 'fold')}, {plural(len(found['seeds']), 'seed')}; "
        f"{found['watch']}."
    )
    table = Table("variant", found["watch"], "minus the whole network", "by seed", "",
                  box=SIMPLE_HEAD, pad_edge=False)  # fmt: skip
    for name, entry in found["variants"].items():
        gain = entry["minus_whole"]
        seeds = " ".join(f"{value:+.3f}" for value in entry["by_seed"])
        if name == WHOLE:
            table.add_row(name, short(entry["value"]), "", "", "")
            continue
        table.add_row(name, short(entry["value"]), short(gain), seeds, _verdict(entry))
    job.console.print(table)


def _verdict(entry: dict[str, Any]) -> str:
    """What the recipe's own part is worth, against none or another in its place."""
    minus = entry["minus_whole"]
    if minus["low"] is None:
        return "too few patients" if len(entry["by_seed"]) > 1 else "one seed: luck unknown"
    if minus["low"] <= 0 <= minus["high"]:
        return "no measurable gain"
    return "it helps" if minus["high"] < 0 else "it harms"


if __name__ == "__main__":
    main(run)
