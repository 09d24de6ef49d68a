"""The notebook that runs a bundle without a network, and what Kaggle wants to know of both.

Made of `cell.py` beside this file, a notebook of format 4.5 (its cells have ids) without outputs:
the same bundle gives the same bytes. The metadata are of Kaggle's command line, `kaggle kernels
push` and `kaggle datasets create`.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from submissions.offline import cell

FILE = "submit.ipynb"
COMPETITION = "isic-2024-challenge"
OWNER = "OWNER"  # whoever uploads writes the own name instead
PREFIX = "dermstack"
TITLE_LIMIT = 50  # letters of a dataset's title, at least 6 (kaggle datasets create)
GPU = "NvidiaTeslaT4"  # two of them; the other choice, a P100, is too old for the image's torch

WORDS = """\
# {title}

This notebook answers the competition's test set with a run of dermstack that was trained
before. It needs no network.

1. Add the competition's data, and the dataset with the bundle `{name}`.
2. Leave the internet off.
3. Run all cells. A valid `submission.csv` is there within the first minutes, from the table
   alone; it gets better when the pictures have been looked at. How long that may take, and which
   models look, can be set at the top of the cell.

Only the bundle that was made with this notebook is run: its `bundle.json` has the SHA-256
`{sha256}`, and every other file is checked against that one. How it ends and what to do then is
said in the bundle's `README.md`.
"""


def notebook(sha256: str, name: str, *, gpu: bool = True) -> dict[str, Any]:
    """The notebook of the bundle of this name whose bundle.json has this hash."""
    assert re.fullmatch("[0-9a-f]{64}", sha256)
    text = Path(cell.__file__).read_text(encoding="utf-8")
    blank = 'SHA256 = ""'
    assert text.count(blank) == 1
    codes = [text.replace(blank, f'SHA256 = "{sha256}"'), "path = answered()", "show(path)"]
    words = WORDS.format(title=title_of(name), name=name, sha256=sha256)
    return {
        "cells": [
            {"cell_type": "markdown", "id": "words", "metadata": {}, "source": lines_of(words)},
            *(_code(number, code) for number, code in enumerate(codes)),
        ],
        "metadata": {
            "kaggle": {
                "accelerator": "nvidiaTeslaT4" if gpu else "none",
                "dataSources": [],
                "isGpuEnabled": gpu,
                "isInternetEnabled": False,
                "language": "python",
                "sourceType": "notebook",
            },
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"file_extension": ".py", "name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def kernel_metadata(
    name: str, *, owner: str = OWNER, competition: str = COMPETITION, gpu: bool = True
) -> dict[str, Any]:
    """kernel-metadata.json, the network off."""
    machine = {"machine_shape": GPU} if gpu else {}
    return {
        "id": f"{owner}/{slug_of(name)}",
        "title": title_of(name),
        "code_file": FILE,
        "language": "python",
        "kernel_type": "notebook",
        "is_private": True,
        "enable_gpu": gpu,
        "enable_internet": False,
        **machine,
        "dataset_sources": [f"{owner}/{slug_of(name)}"],
        "competition_sources": [competition],
        "kernel_sources": [],
        "model_sources": [],
    }


def dataset_metadata(name: str, *, owner: str = OWNER, licence: str = "other") -> dict[str, Any]:
    """dataset-metadata.json; the weights' licence is that of what they learnt from."""
    return {
        "title": title_of(name),
        "id": f"{owner}/{slug_of(name)}",
        "licenses": [{"name": licence}],
    }


def title_of(name: str) -> str:
    """What Kaggle shows: such that its own address for the title is `slug_of`."""
    words = re.findall("[a-z0-9]+", f"{PREFIX} {name}".lower())
    return " ".join(words)[:TITLE_LIMIT].rstrip()


def slug_of(name: str) -> str:
    """The name in Kaggle's addresses."""
    return title_of(name).replace(" ", "-")


def text_of(document: Mapping[str, Any]) -> str:
    """As the file is written."""
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def lines_of(text: str) -> list[str]:
    """As notebooks hold a text."""
    return text.strip().splitlines(keepends=True)


def _code(number: int, text: str) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": f"code-{number}",
        "metadata": {},
        "outputs": [],
        "source": lines_of(text),
    }
