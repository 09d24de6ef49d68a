"""make folds: decide once who is held out, and keep it.

Reads the verified samples (running `verify` first where needed); writes <run>/folds/ with
folds.parquet and balance.json, and prints the balance. Folds that exist are never changed: other
values stop with their names, and FRESH=1 makes them anew.
"""

from typing import Any

from folds.findings import Findings, plural
from folds.frozen import FILE, load_folds, save_folds
from folds.groups import GROUP, joined_groups, own_groups, spread_groups
from folds.schema import ID, SPLIT
from folds.split import assign_folds, balance
from reports.balance import tables
from scripts import verify
from scripts.stage import Job, main
from scripts.verify import SAMPLES
from workspace.errors import name_some
from workspace.units import Unit, find, making, open_unit


def run(job: Job) -> Unit:
    """The folds of the recipe's scheme, made if they are not there yet."""
    recipe, folder = job.recipe, job.run / "folds"
    verified = job.need(verify.run)
    part: dict[str, Any] = {"folds": recipe.folds.used(), "group": recipe.data.group}
    if recipe.folds.draws():
        part["seed"] = recipe.seed
    inputs = {name: verified.sha256(name) for name in (SAMPLES, "duplicates.parquet")}
    wanted = job.wanted("folds", part, inputs)
    done = find(folder, wanted, job.hashes, on_change="stop", fresh=job.fresh)
    if done is not None:
        load_folds(done, verified.parquet(SAMPLES, [ID]))
        job.say(f"folds: nothing to do, {folder} is up to date (hash {_hash(done)}).")
        return done
    findings, samples = Findings(), verified.parquet(SAMPLES)
    own = own_groups(samples, recipe.data.group)
    if recipe.folds.scheme == "official":  # the published split, kept as it is
        groups = own.drop(SPLIT)
    else:
        groups = joined_groups(own, verified.parquet("duplicates.parquet"))
    folds = assign_folds(samples, groups, recipe.folds, recipe.seed, findings)
    spread = spread_groups(folds)
    if len(spread):
        findings.notice(
            "official-spread",
            f"{plural(len(spread), recipe.data.group)} on more than one side of the official "
            f"split, which is kept as published: {name_some(spread[GROUP].to_list())}.",
            count=len(spread),
        )
    with making(folder, wanted) as draft:
        save_folds(draft, folds, recipe.folds, recipe.seed)
        draft.json("balance.json", balance(folds, samples).to_dicts())
    done = open_unit(folder, "folds")
    job.show_notices(findings)
    held, drawn = done.json("balance.json"), bool(verified.facts["synthetic"])
    job.show(tables(held, recipe.folds.scheme, recipe.data.group, synthetic=drawn))
    job.say(
        f"folds: wrote {folder / FILE} (hash {_hash(done)}).", fold_hash=done.facts["fold_hash"]
    )
    return done


def _hash(done: Unit) -> str:
    return str(done.facts["fold_hash"])[:12]


if __name__ == "__main__":
    main(run)
