"""The run's rows: the verified sample table.

What is dear about it, decoding every image, is done shard by shard in <run>/audit/.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from folds.accepted import accepted_file, accepted_pairs
from folds.audit.duplicates import PAIR_SCHEMA, find_pairs, strictest
from folds.audit.look_alikes import Joined, find_look_alikes
from folds.audit.pictures import Fingerprints, fingerprint_all, join_fingerprints
from folds.crossings import crossing_sheets, report_crossings
from folds.findings import Findings, plural
from folds.groups import A, B, own_groups, report_duplicates
from folds.images import ImageReader
from folds.samples import build_samples, check_classes, describe
from folds.schema import ID, IMAGE
from folds.sources import DataSettings, Source, open_source
from folds.verify import VerifyConfig, judge_damage
from pipeline import look_alikes
from pipeline.drawn_data import is_drawn
from pipeline.job import Job
from workspace.errors import name_some
from workspace.hashing import sha256_text
from workspace.machine import cores
from workspace.manifest import current_versions
from workspace.orders import Needs
from workspace.tasks import Task
from workspace.units import Draft, Unit, open_unit

SAMPLES, IMAGES, DUPLICATES, REPORT = (
    "samples.parquet", "images.parquet", "duplicates.parquet", "verify.json",
)  # fmt: skip
CROSSINGS = "crossings"  # of verify.json: what a published split leaks
DECODERS = ("simplejpeg", "opencv-python-headless")
LOOKS = "looks.parquet"
SHARD = 4096  # images whose fingerprints are kept together: what a crash can cost


def verifying(
    job: Job, source: Source, shards: Sequence[Task] = (), seen: Sequence[Task] = ()
) -> Task:
    """The sample table, of the shards of `looking` and `seeing`; not asked for where it is done."""
    config, verify, inputs = source.config, job.recipe.verify, raw_hashes(job, source)
    return Task(
        job.run / "samples",
        "verify",
        verify_samples,
        settings={
            "data": config.settings(),
            "verify": verify.settings(),
            **decoders(),
            **(look_alikes.seen_by() if verify.look_alikes else {}),
        },
        inputs=inputs,
        arguments={
            "data": config,
            "verify": verify,
            "shards": [shard.folder for shard in shards],
            "seen": [shard.folder for shard in seen],
        },
        needs=Needs(memory_gb=8.0 if verify.look_alikes else 3.0),
        after=[*shards, *seen],
    )


def looking(job: Job, source: Source) -> list[Task]:
    """A task for each shard of images, in the order of the ids."""
    inputs = raw_hashes(job, source)
    images = {name: value for name, value in inputs.items() if not name.endswith(".csv")}
    return [
        Task(
            job.run / "audit" / f"{number:05d}",
            "verify",
            look,
            settings={
                "images": sha256_text("\n".join([*ids, *references])),
                "pixel_limit": source.config.pixel_limit,
                **decoders(),
            },
            inputs=images,
            arguments={
                "folder": source.folder,
                "pixel_limit": source.config.pixel_limit,
                "ids": ids,
                "references": references,
            },
            on_damage="redo",
            stays=True,
        )
        for number, (ids, references) in enumerate(_shards(source.config, job.recipe.verify))
    ]


def look(
    draft: Draft, folder: Path, pixel_limit: int, ids: list[str], references: list[str]
) -> None:
    """Hashes, size and a small picture of every image of a shard."""
    reader = ImageReader(folder, pixel_limit)
    with draft.progress("Looking at images") as show:
        fingerprints = fingerprint_all(
            reader, ids, references, lambda done: show(done, len(ids)), cores()
        )
    draft.parquet(LOOKS, fingerprints.table)
    draft.array("keys.npy", fingerprints.keys)
    draft.array("thumbs.npy", fingerprints.thumbs)
    draft.facts["turned"] = fingerprints.turned


def verify_samples(
    draft: Draft, data: DataSettings, verify: VerifyConfig, shards: Sequence[Path],
    seen: Sequence[Path] = (),
) -> None:  # fmt: skip
    """Run every check, and keep what was read with what was found."""
    source, findings = open_source(data), Findings()
    samples = build_samples(source, findings)
    fingerprints = join_fingerprints(
        [_fingerprints_of(open_unit(shard, "verify")) for shard in shards]
    )
    accepted = accepted_pairs(source.folder, samples[ID], findings, some=data.limit is not None)
    samples = judge_damage(samples, fingerprints.table, verify, findings)
    if turned := fingerprints.turned:
        findings.notice(
            "turned",
            f"{plural(turned, 'picture')} turned as EXIF says, here and wherever it is looked at.",
            count=turned,
        )
    if source.has_training():
        check_classes(samples, findings)
    drawn = _notice_synthetic(source, findings)
    draft.facts["synthetic"] = drawn
    pairs = _pairs(draft, source, samples, fingerprints, accepted, (verify, findings))
    if seen and not findings.errors:
        joined = Joined(own_groups(samples, data.group), pairs)
        seen_as, read = look_alikes.embeddings_of(seen), look_alikes.reading(source, samples)
        with draft.progress("Comparing look-alikes") as show:
            found = find_look_alikes(
                fingerprints, seen_as, joined, read, at_most=verify.look_alikes, show=show
            )
        pairs = strictest([pairs, found.certain])
        look_alikes.keep(draft, source, samples, found, findings)
    report_duplicates(pairs, own_groups(samples, data.group), data.group, findings)
    report_crossings(samples, findings)
    counts = describe(samples)
    draft.facts.update(errors=len(findings.errors), **counts)
    crossings = crossing_sheets(samples)
    leaks = {CROSSINGS: crossings} if crossings else {}
    draft.json(REPORT, {"counts": counts, **findings.as_json(), **leaks})
    draft.parquet(SAMPLES, samples)
    draft.parquet(IMAGES, fingerprints.table)
    draft.parquet(DUPLICATES, pairs)


def _shards(data: DataSettings, verify: VerifyConfig) -> list[tuple[list[str], list[str]]]:
    """Ids and references of the images to look at together."""
    if not verify.look_at_images or data.images == "none":
        return []  # without reading the table for it
    samples = build_samples(open_source(data), Findings())
    rows = samples.select(ID, IMAGE).drop_nulls().unique(ID).sort(ID)
    shards = [rows.slice(start, SHARD) for start in range(0, len(rows), SHARD)]
    return [(shard[ID].to_list(), shard[IMAGE].to_list()) for shard in shards]


def _fingerprints_of(unit: Unit) -> Fingerprints:
    return Fingerprints(
        unit.parquet(LOOKS),
        unit.array("keys.npy"),
        unit.array("thumbs.npy"),
        unit.facts["turned"],
    )


def raw_hashes(job: Job, source: Source) -> dict[str, str]:
    """Hashes of the raw files by their names below the folder."""
    accepted = {path.name: job.hashes.of(path) for path in accepted_file(source.folder)}
    return source_hashes(job, source) | accepted


def source_hashes(job: Job, source: Source) -> dict[str, str]:
    """The same without what a person accepted, which changes no picture."""
    return {source.input_name(path): job.hashes.of(path) for path in source.inputs()}


def decoders() -> dict[str, Any]:
    """What decides how an image is seen: with others all are looked at again."""
    versions = {name: current_versions()[name] for name in DECODERS}
    return {"decoders": {**versions, "turned": "as EXIF says"}}


def _notice_synthetic(source: Source, findings: Findings) -> bool:
    """Whether the folder was drawn by `make sample`, said wherever its numbers are shown."""
    drawn = is_drawn(source.folder)
    if drawn:
        findings.notice(
            "synthetic",
            f"{source.folder.name} was drawn by 'make sample': it shows no person, and no number "
            "measured on it says anything about skin.",
        )
    return drawn


def _pairs(
    draft: Draft,
    source: Source,
    samples: pl.DataFrame,
    fingerprints: Fingerprints,
    accepted: pl.DataFrame,
    rules: tuple[VerifyConfig, Findings],
) -> pl.DataFrame:
    verify, findings = rules
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
    if fingerprints.table.is_empty() and source.config.images != "none":
        findings.notice(
            "not-looked",
            "Images were not looked at (verify.look_at_images): damage and duplicates go unseen.",
        )
    if fingerprints.table.is_empty() and listed.is_empty() and accepted.is_empty():
        return pl.DataFrame(schema=PAIR_SCHEMA)
    near = verify.near_duplicates
    with draft.progress("Comparing images") as show:
        return find_pairs(
            fingerprints, listed, near=near, accepted=accepted, ids=samples[ID], show=show
        )
