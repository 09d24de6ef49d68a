"""The npm package of a page: of the known version, whole, or refused."""

import pytest

from reports.bundle.runtime import KNOWN, MODULE, VERSION, WASM, open_runtime
from tests.browser import runtime
from workspace.errors import ConfigError
from workspace.hashing import sha256_text

MEND = (
    f"run 'npm install --no-save onnxruntime-web@{VERSION}' and name node_modules/onnxruntime-web."
)


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Two files of another content, taken for the known one."""
    (tmp_path / "dist").mkdir()
    for name in KNOWN:
        (tmp_path / name).write_text(name)
        monkeypatch.setitem(KNOWN, name, sha256_text(name))
    return tmp_path


def test_both_files_are_read(package):
    opened = open_runtime(package)
    assert (opened.module, opened.wasm) == (MODULE.encode(), WASM.encode())


def test_another_content_is_another_version(package):
    (package / WASM).write_text("other")
    with pytest.raises(ConfigError) as refused:
        open_runtime(package)
    assert str(refused.value).endswith(f"is not onnxruntime-web {VERSION}; {MEND}")
    assert str(refused.value).startswith("export.runtime ")


def test_a_file_that_is_lacking_is_named(package):
    (package / MODULE).unlink()
    with pytest.raises(ConfigError) as refused:
        open_runtime(package)
    assert str(refused.value).endswith(f"lacks onnxruntime-web {VERSION} ({MODULE}); {MEND}")


def test_the_package_itself_is_the_one_whose_hashes_are_known():
    assert len(open_runtime(runtime()).wasm) > 10_000_000
