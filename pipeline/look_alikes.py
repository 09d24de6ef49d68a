"""The list of look-alikes, as a table and as a page with the pictures side by side.

Reads fingerprints and embeddings of the run's pictures; what is certain joins the pairs, what is
not is for a person to judge. Nothing here asks a network: `seeing` and `embedded_look` do.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from folds.accepted import FILE as ACCEPTED
from folds.audit.look_alikes import Embeddings, LookAlikes, Read
from folds.findings import Findings, plural
from folds.groups import A, B
from folds.images import ImageReader
from folds.schema import AGE, DIAGNOSIS, ID, IMAGE, SEX, SITE
from folds.sources import Source
from models.nets.config import INSTALLED, NetConfig
from pipeline.thumbnails import thumbnail
from workspace.units import Draft, open_unit

LIST, PAGE = "look_alikes.parquet", "look_alikes.html"
EMBEDDING = "embedding.npy"
NET: Final = NetConfig(
    backbone="tf_efficientnet_lite0", weights=INSTALLED, size=96, se=False, cbam=False,
    hidden=(), dropout=(0.0,),
)  # fmt: skip
SIDE: Final = 320  # px of a picture on the page
TOLD: Final = (DIAGNOSIS, AGE, SEX, SITE)  # of the table, beside a pair


def seen_by() -> dict[str, Any]:
    """What looks, for the settings of what is made of it."""
    return {"seen_by": NET.model_dump(mode="json")}


def embeddings_of(shards: Sequence[Path]) -> Embeddings:
    """Those of all shards, row for row as their looks."""
    each = [open_unit(shard, "verify").array(EMBEDDING) for shard in shards]
    return np.concatenate(each) if each else np.zeros((0, 1), np.float16)


def keep(
    draft: Draft,
    source: Source,
    samples: pl.DataFrame,
    found: LookAlikes,
    findings: Findings,
) -> None:
    """Write the list and its page, and say how many are on it."""
    group = source.config.group
    doubtful, count = found.doubtful, len(found.doubtful)
    findings.notice(
        "look-alikes",
        f"{plural(count, 'pair')} of pictures of two {_kind(group)} that may be of one: "
        f"look at {PAGE}, and name those that are in {ACCEPTED} in the data folder.",
        count=count,
    )
    draft.facts["look_alikes"] = {
        "judged": found.judged, "joined": len(found.certain), "listed": count,
    }  # fmt: skip
    draft.parquet(LIST, doubtful)
    draft.show(PAGE, _page(source, samples, doubtful, synthetic=draft.facts["synthetic"]))


def reading(source: Source, samples: pl.DataFrame) -> Read:
    """How the pixels of a picture are read by its id."""
    references = dict(samples.select(ID, IMAGE).iter_rows())
    reader = ImageReader(source.folder, source.config.pixel_limit)
    return lambda name: reader.pixels(references[name])


def _page(source: Source, samples: pl.DataFrame, doubtful: pl.DataFrame, *, synthetic: bool) -> str:
    # Not imported by every call that asks whether the samples are done: it draws pages.
    from reports.look_alikes import Proposed, Seen, look_alikes_page  # noqa: PLC0415

    read = reading(source, samples)
    wanted = pl.concat([doubtful[A], doubtful[B]]).unique()
    rows = {row[ID]: row for row in samples.join(wanted.to_frame(ID), on=ID).to_dicts()}
    proposed = [
        Proposed(
            Seen(one, thumbnail(read(one), SIDE)), Seen(other, thumbnail(read(other), SIDE)),
            points, cosine, _told(rows[one], rows[other]),
        )
        for one, other, points, cosine, _ in doubtful.iter_rows()
    ]  # fmt: skip
    kind = _kind(source.config.group)
    return look_alikes_page(proposed, kind, ACCEPTED, synthetic=synthetic)


def _kind(group: str) -> str:
    """Of what two look-alikes are two."""
    return "pictures" if group == "none" else f"{group}s"


def _told(one: dict[str, Any], other: dict[str, Any]) -> list[tuple[str, str, str]]:
    """What the table says of both: column and the two values."""
    known = [name for name in TOLD if one.get(name) is not None and other.get(name) is not None]
    return [(name, _word(one[name]), _word(other[name])) for name in known]


def _word(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
