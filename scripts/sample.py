"""make sample: draw the synthetic competition that stands in for real data.

Reads the recipe's [synthetic] section; writes an ISIC-2024-shaped folder, data/sample by default.
Everything in it is drawn by a program: it shows no person. Crops of a large one are drawn in shards
beside it (JOBS=n: by n processes), which are gone when it is whole.
"""

from pipeline.drawn_data import drawing, drawing_crops
from pipeline.job import Job
from scripts.stage import main
from workspace.units import Unit

SHOWN = (
    "patients", "rows", "positives", "images", "test_patients", "test_rows", "test_positives",
    "test_images",
)  # fmt: skip


def run(job: Job) -> Unit:
    """The folder of the synthetic competition, drawn if it is not there yet."""
    whole = drawing(job)
    shards = [] if job.state_of(whole).done else drawing_crops(job)
    drawn, new = job.carry_out(*shards, drawing(job, shards) if shards else whole)[-1]
    if not new:
        job.rest("sample", f"{drawn.folder} is drawn (synthetic, no person in it).")
        return drawn
    shown = ", ".join(f"{drawn.facts[name]} {name.replace('_', ' ')}" for name in SHOWN)
    job.say(f"sample: drew {drawn.folder}: {shown}. Synthetic: no person is in it.", **drawn.facts)
    return drawn


if __name__ == "__main__":
    main(
        run,
        flags={
            "patients": "synthetic.patients",
            "rows": "synthetic.rows",
            "positives": "synthetic.positives",
            "images": "synthetic.images",
            "seed": "synthetic.seed",
        },
    )
