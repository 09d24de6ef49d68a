"""make sample: draw the synthetic competition that stands in for real data.

Reads the recipe's [synthetic] section; writes an ISIC-2024-shaped folder, data/sample by default.
Everything in it is drawn by a program: it shows no person.
"""

from pipeline.drawn_data import drawing
from pipeline.job import Job
from scripts.stage import main
from workspace.units import Unit

SHOWN = (
    "patients", "rows", "positives", "images", "test_patients", "test_rows", "test_positives",
    "test_images",
)  # fmt: skip


def run(job: Job) -> Unit:
    """The folder of the synthetic competition, drawn if it is not there yet."""
    drawn, new = job.make(drawing(job))
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
