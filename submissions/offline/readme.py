"""README.md of a bundle: three ways to use it, how it ends, and the platform's five errors.

Reads the bundle's facts; writes Markdown. The five errors are those that Kaggle's page on code
competitions lists for a notebook that is run again on hidden data.
"""

from collections.abc import Iterable, Mapping

from submissions.offline.config import BundleConfig
from submissions.offline.notebook import OWNER, slug_of, title_of
from submissions.offline.wheels import PYTHON

EXIT_CODES = {
    0: "all that was asked is done",
    1: "a fault of the bundle's own, or of a driver, and no CSV; its makers need the lines above",
    2: "a mistake that you can mend; the one sentence after `submit:` says how",
    3: "the CSV is valid, but less was done than asked: the time was up, pictures are damaged, "
    "or the half with the pictures failed; the lines above say which",
    130: "stopped by Ctrl-C; the same call goes on",
    143: "stopped by SIGTERM; the same call goes on",
}
# Of each error what brings it about here, what the bundle does against it, and its sentence.
ERRORS: Mapping[str, tuple[str, str]] = {
    "Notebook Timeout": (
        "The hidden test is larger than the time allows. The log has an estimate after the first "
        "minute; models that would not end in time are dropped, the slowest first, and the CSV is "
        "there from the first minutes on. Give less: `MINUTES`, `FOLDS` in the notebook.",
        "submission.csv is valid, but less was done than asked; see above.",
    ),
    "Notebook Threw Exception": (
        "There was no CSV to go on with: the data are no competition's, the bundle is damaged or "
        "not the notebook's, a dataset was not added. The last line of the log is the reason.",
        "Of the bundle's files 1 have another hash, by bundle.json (...); copy the whole bundle "
        "anew.",
    ),
    "Notebook Out Of Memory (Exceeded Allowed Compute)": (
        "Batches are sized to the memory there is. If the system ends the bundle's process all the "
        "same, the notebook lives on, begins it once more from where it was, and hands in the CSV "
        "that is there. Let fewer look at a time: `PROCESSES` in the notebook.",
        "The bundle's process was stopped by SIGKILL, as where memory runs out; once more, from "
        "where it was.",
    ),
    "Submission CSV Not Found": (
        "The notebook writes submission.csv in its working folder or fails; it never ends well "
        "without one. If the name was changed, change it back.",
        "The bundle's process ended with 0 and wrote no submission.csv.",
    ),
    "Submission Scoring Error": (
        "The CSV is checked before it is written: the ids of the test set once each, in the "
        "sample's order, a finite number from 0 to 1 for each. A table with an id twice or none "
        "is refused.",
        "sample_submission.csv has images twice or without an id: [...].",
    ),
}


def readme(name: str, *, libraries: Iterable[str], config: BundleConfig) -> str:
    """README.md; `libraries` as `wheels.libraries` says them."""
    codes = "\n".join(f"| {code} | {meaning} |" for code, meaning in EXIT_CODES.items())
    errors = "\n".join(f"| {error} | {why} | {said} |" for error, (why, said) in ERRORS.items())
    return TEXT.format(
        title=title_of(name), slug=slug_of(name), owner=config.owner,
        competition=config.competition, named=NAMED if config.owner == OWNER else "",
        limit="no limit" if config.minutes is None else f"{config.minutes:g}",
        python=PYTHON, codes=codes, errors=errors,
        libraries="\n".join(f"- {library}" for library in libraries),
    )  # fmt: skip


NAMED = (
    f"Write your own name for `{OWNER}` in `kernel-metadata.json` and `dataset-metadata.json`.\n"
)
TEXT = """\
# {title}: a trained run that answers without a network

`submit.py` reads a test set in the competition's form (`test-metadata.csv`, `test-image.hdf5` or
a folder of pictures, `sample_submission.csv`) and writes a CSV with a score for each row. It needs
no network. Before it imports anything it checks every file here against `bundle.json`; the SHA-256
of that one stands in `submit.ipynb`, which runs no other bundle.

This is research software, and no medical device.

## On Kaggle, by hand

1. Make a dataset of this whole folder: *New Dataset*, upload its ZIP file, title `{title}`.
2. Make a notebook from `submit.ipynb` (*File, Import Notebook*). Add the competition's data and
   the dataset. Choose *GPU T4 x2* or no accelerator: a P100 is too old for the image's torch, and
   cores are used instead. Switch the internet off.
3. Run all, then submit. The notebook is run again on the hidden test set.

## On Kaggle, by its command line

{named}Where these files lie, each when the one before it has ended well:

    kaggle datasets create -p . --dir-mode zip --keep-tabular
    kaggle kernels push -p .
    kaggle competitions submit {competition} -k {owner}/{slug} -f submission.csv -v 1 -m "{title}"

Without `--dir-mode zip` the folders `code` and `run` are left out, without `--keep-tabular` tables
may be written anew; either way the bundle is refused.

## On a machine of your own

With Python 3.11 to 3.13 (the image has {python}) and these libraries, in the image's version where
one is named; another version works if its file formats are the same:

{libraries}

    python submit.py --input FOLDER --output FILE.csv

| option | meaning |
|---|---|
| `--input` | folder of the table and its pictures; on Kaggle looked for below `/kaggle/input` |
| `--output` | CSV to write, `submission.csv` |
| `--work` | folder from which a later call goes on, `dermstack_work` beside the CSV |
| `--folds 0,1` | models of these folds alone |
| `--minutes 30` | time for all ({limit}, if left out); the CSV is what was done by then |
| `--device cpu` | `auto`, `cpu` or `cuda`; a GPU is tried with a small sum before it is trusted |
| `--processes 2` | how many look at pictures |
| `--sha256 HEX` | what `bundle.json` must hash to; take it from the one who made the bundle |

`python get_wheels.py --python {python}` downloads into `wheels/` what the image lacks, on a machine
with a network; `submit.py` takes only wheels whose hash is in `requirements.txt`.

## How it ends

| exit code | meaning |
|---|---|
{codes}

## The platform's five errors

| Kaggle says | what it means here, and what is done | our sentence |
|---|---|---|
{errors}
"""
