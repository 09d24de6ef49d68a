"""The npm package onnxruntime-web as a page takes it in: two of its files, known by their hashes.

It is 5 MB of a page and no part of this repository; a person unpacks it (`npm install`), a recipe
says where it lies.
"""

from dataclasses import dataclass
from pathlib import Path

from workspace.errors import ConfigError
from workspace.hashing import sha256_file

VERSION = "1.30.0"
MODULE, WASM = "dist/ort.wasm.bundle.min.mjs", "dist/ort-wasm-simd-threaded.wasm"
KNOWN = {
    MODULE: "11e64bd8ffe11bd1a2a2f0d6275fdfbbba7262f0b76b99b53d228a8a22ef3d90",
    WASM: "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2",
}


@dataclass(frozen=True)
class Runtime:
    """What runs a network in a browser: a JavaScript module, and what that runs."""

    module: bytes
    wasm: bytes


def open_runtime(folder: Path) -> Runtime:
    """The two files of the unpacked package; of another version, or changed, they are refused."""
    for name, sha256 in KNOWN.items():
        path = folder / name
        if not path.is_file() or sha256_file(path) != sha256:
            what = "is not" if path.is_file() else "lacks"
            raise ConfigError(
                f"export.runtime {folder} {what} onnxruntime-web {VERSION}"
                f"{'' if path.is_file() else f' ({name})'}; run 'npm install --no-save "
                f"onnxruntime-web@{VERSION}' and name node_modules/onnxruntime-web."
            )
    return Runtime((folder / MODULE).read_bytes(), (folder / WASM).read_bytes())
