"""make verify: look at the data before it is believed.

Reads the raw tables and every image; writes <run>/samples/ with samples.parquet, images.parquet,
duplicates.parquet and verify.json. Every problem is named in one pass; any error ends in exit
code 2, and nothing later runs on such data.
"""

from collections.abc import Callable
from pathlib import Path

import polars as pl

from folds.audit.duplicates import PAIR_SCHEMA, find_pairs
from folds.audit.pictures import (
    FINGERPRINT_VERSION,
    Fingerprints,
    fingerprint_all,
    join_fingerprints,
)
from folds.findings import Findings, plural
from folds.groups import A, B, own_groups, report_duplicates
from folds.images import ImageReader
from folds.samples import build_samples, check_classes, describe, described
from folds.schema import ID, IMAGE
from folds.sources import Source, open_source
from folds.verify import CHECKS_VERSION, judge_damage
from scripts import sample
from scripts.stage import Job, main
from workspace.errors import name_some
from workspace.hashing import sha256_text
from workspace.manifest import Wanted, current_versions
from workspace.units import Unit, find, making, open_unit

SAMPLES = "samples.parquet"
DECODERS = ("simplejpeg", "opencv-python-headless")
SHARD = 4096  # images whose looks are kept together: what a crash can cost


def run(job: Job) -> Unit:
    """The verified samples; raises the first error after all have been shown."""
    if job.recipe.synthetic is not None and not job.own_data:
        job.need(sample.run)
    source = open_source(job.recipe.data)
    part = {
        "data": job.recipe.data.model_dump(mode="json", exclude={"folder"}),
        "verify": job.recipe.verify.model_dump(mode="json"),
        "checks_version": CHECKS_VERSION,
        **_looking(),
    }
    inputs = {p.relative_to(source.folder).as_posix(): job.hashes.of(p) for p in source.inputs()}
    folder = job.run / "samples"
    wanted = job.wanted("verify", part, inputs)
    done = find(folder, wanted, job.hashes, on_change="redo", fresh=job.fresh)
    news = done is None or job.stage == "verify"
    if done is None:
        done = _verify(job, source, folder, wanted)
    elif not done.facts["errors"]:
        job.say(f"verify: nothing to do, {folder} is up to date.")
    _tell(job, done, news=news)
    return done


def _verify(job: Job, source: Source, folder: Path, wanted: Wanted) -> Unit:
    """Run every check, and keep what was read with what was found."""
    findings, group = Findings(), job.recipe.data.group
    samples = build_samples(source, findings)
    looks = _look(job, source, samples, wanted.inputs)
    samples = judge_damage(samples, looks.table, job.recipe.verify, findings)
    if source.has_training():
        check_classes(samples, findings)
    drawn = _notice_synthetic(source, findings)
    pairs = _pairs(job, source, samples, looks, findings)
    report_duplicates(pairs, own_groups(samples, group), group, findings)
    counts = describe(samples)
    with making(folder, wanted) as draft:
        draft.facts.update(errors=len(findings.errors), synthetic=drawn, **counts)
        draft.json("verify.json", {"counts": counts, **findings.as_json()})
        draft.parquet(SAMPLES, samples)
        draft.parquet("images.parquet", looks.table)
        draft.parquet("duplicates.parquet", pairs)
    return open_unit(folder, "verify")


def _tell(job: Job, done: Unit, *, news: bool) -> None:
    """Print every finding of news, then the counts; errors end the stage, also when not new."""
    report = done.json("verify.json")
    if news:
        for finding in report["notices"]:
            job.show_finding("notice", finding)
        job.say(f"verify: {described(report['counts'])}.")
    for finding in report["errors"][1:]:
        job.show_finding("error", finding)
    findings = Findings()
    for finding in report["errors"]:
        findings.error(finding["check"], finding["message"])
    findings.raise_errors()


def _notice_synthetic(source: Source, findings: Findings) -> bool:
    """Whether the folder was drawn by `make sample`, said wherever its numbers are shown."""
    drawn = sample.is_drawn(source.folder)
    if drawn:
        findings.notice(
            "synthetic",
            f"{source.folder.name} was drawn by 'make sample': it shows no person, and no number "
            "measured on it says anything about skin.",
        )
    return drawn


def _pairs(
    job: Job, source: Source, samples: pl.DataFrame, looks: Fingerprints, findings: Findings
) -> pl.DataFrame:
    listed = source.known_pairs(findings)
    known = pl.Series(samples[ID]).implode()
    unknown = listed.filter(~(pl.col(A).is_in(known) & pl.col(B).is_in(known)))
    if len(unknown):
        findings.notice(
            "listed-unknown",
            f"{plural(len(unknown), 'listed duplicate')} with an image that no row has ignored: "
            f"{name_some(unknown[A].to_list())}.",
            unknown[A].to_list(),
        )
    if looks.table.is_empty() and job.recipe.data.images != "none":
        findings.notice(
            "not-looked",
            "Images were not looked at (verify.look_at_images): damage and duplicates go unseen.",
        )
    if looks.table.is_empty() and listed.is_empty():
        return pl.DataFrame(schema=PAIR_SCHEMA)
    near = job.recipe.verify.near_duplicates
    with job.progress("Comparing images") as show:
        return find_pairs(looks, listed, near=near, ids=samples[ID], show=show)


def _look(job: Job, source: Source, samples: pl.DataFrame, inputs: dict[str, str]) -> Fingerprints:
    """Look at every image, shard by shard; shards that an earlier call finished are read back."""
    rows = samples.select(ID, IMAGE).drop_nulls().unique(ID).sort(ID)
    if not job.recipe.verify.look_at_images:
        rows = rows.clear()
    images = {name: value for name, value in inputs.items() if not name.endswith(".csv")}
    reader = ImageReader(source.folder)
    parts = []
    with job.progress("Looking at images") as show:
        for start in range(0, len(rows), SHARD):

            def look(
                ids: list[str], references: list[str], seen_before: int = start
            ) -> Fingerprints:
                return fingerprint_all(
                    reader, ids, references, lambda seen: show(seen_before + seen, len(rows))
                )

            parts.append(_shard(job, start // SHARD, rows.slice(start, SHARD), images, look))
            show(min(start + SHARD, len(rows)), len(rows))
    return join_fingerprints(parts)


def _looking() -> dict[str, object]:
    """What decides how an image is seen; another version looks again."""
    return {
        "look_version": FINGERPRINT_VERSION,
        "decoders": {name: current_versions()[name] for name in DECODERS},
    }


def _shard(
    job: Job,
    number: int,
    rows: pl.DataFrame,
    images: dict[str, str],
    look: Callable[[list[str], list[str]], Fingerprints],
) -> Fingerprints:
    ids, references = rows[ID].to_list(), rows[IMAGE].to_list()
    part = {
        "images": sha256_text("\n".join(ids + references)),
        **_looking(),
    }
    wanted = job.wanted("verify", part, images)
    folder = job.run / "audit" / f"{number:05d}"
    done = find(folder, wanted, job.hashes, on_change="redo", on_damage="redo")
    if done is None:
        looks = look(ids, references)
        with making(folder, wanted) as draft:
            draft.parquet("looks.parquet", looks.table)
            draft.array("keys.npy", looks.keys)
            draft.array("thumbs.npy", looks.thumbs)
        done = open_unit(folder, "verify")
    return Fingerprints(
        done.parquet("looks.parquet"), done.array("keys.npy"), done.array("thumbs.npy")
    )


if __name__ == "__main__":
    main(run)
