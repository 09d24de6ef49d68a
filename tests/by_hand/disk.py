"""Units of tests end with them: nobody waits until a disk could lose its power.

Of the time that hundreds of small units take, fsync is about half.
"""

import pytest

from workspace import atomic


@pytest.fixture(scope="module", autouse=True)
def unflushed():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(atomic, "flush_to_disk", lambda path: None)
        yield
