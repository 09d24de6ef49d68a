import errno
import os

import pytest

from workspace.errors import CannotWriteError, DataError
from workspace.faults import naming_faults


def told(error):
    with pytest.raises((CannotWriteError, DataError)) as refused, naming_faults():
        raise error
    return type(refused.value), str(refused.value)


def refusal(number, *where):
    return told(OSError(number, os.strerror(number), *where))


def test_what_may_not_be_read_is_named_with_the_reason_and_the_mend():
    assert refusal(errno.EACCES, "/data/train.csv") == (
        DataError,
        "Cannot open /data/train.csv: Permission denied; give yourself the right to it, or name "
        "another.",
    )
    assert refusal(errno.EISDIR, "a.csv") == (
        DataError,
        "Cannot open a.csv: Is a directory; put a file in its place.",
    )


def test_a_full_disk_is_told_also_where_the_system_names_no_file():
    assert refusal(errno.ENOSPC) == (
        CannotWriteError,
        "Cannot write a file: No space left on device; make room, and the same command goes on.",
    )
    kind, line = refusal(errno.EFBIG, b"\xff.npy")
    assert kind is CannotWriteError
    assert line.startswith("Cannot write b'\\xff.npy': File too large; ")


@pytest.mark.parametrize("error", [FileExistsError(errno.EEXIST, "File exists"), OSError("odd")])
def test_what_no_user_can_mend_keeps_its_traceback(error):
    with pytest.raises(type(error), match=str(error.args[-1])) as kept, naming_faults():
        raise error
    assert kept.value is error


def test_a_name_that_is_no_text_is_shown_as_its_bytes():
    with pytest.raises(DataError) as refused, naming_faults():
        os.fsdecode(b"mel/\xff.jpg").encode()
    assert str(refused.value) == r"A name is not UTF-8: mel/\udcff.jpg; rename it."
    with pytest.raises(UnicodeEncodeError), naming_faults():
        "ü".encode("ascii")
