"""What lies beside the run in a bundle: launcher, guide, notebook and the platform's own files."""

from collections.abc import Sequence
from pathlib import Path

from submissions.offline import notebook
from submissions.offline.config import BundleConfig
from submissions.offline.readme import readme
from submissions.offline.wheels import libraries, requirements

HERE = Path(__file__).resolve().parent
SCRIPTS = ("submit.py", "get_wheels.py")


def guides(config: BundleConfig, name: str, imported: Sequence[str], lock: str) -> dict[str, str]:
    """Texts by file name, which the listing has the hashes of; `imported` are top-level names."""
    scripts = {file: (HERE / file).read_text(encoding="utf-8") for file in SCRIPTS}
    guide = readme(name, libraries=libraries(imported), config=config)
    return {**scripts, "requirements.txt": requirements(imported, lock), "README.md": guide}


def platform_files(config: BundleConfig, sha256: str, name: str) -> dict[str, str]:
    """Texts by file name that know the listing's own hash, and so are not in it."""
    gpu, owner = config.gpu, config.owner
    documents = {
        notebook.FILE: notebook.notebook(sha256, name, gpu=gpu),
        "kernel-metadata.json": notebook.kernel_metadata(
            name, owner=owner, competition=config.competition, gpu=gpu
        ),
        "dataset-metadata.json": notebook.dataset_metadata(name, owner=owner),
    }
    return {file: notebook.text_of(document) for file, document in documents.items()}
