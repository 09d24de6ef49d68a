import contextlib
import signal
import subprocess
import sys

import pytest

from workspace.stopping import Stopped, raise_if_asked, stopping_cleanly

STUBBORN = (
    "import signal, time\n"
    "from workspace.stopping import Stopped, stopping_cleanly\n"
    "with stopping_cleanly():\n"
    "    try:\n"
    "        print('ready', flush=True)\n"
    "        time.sleep(60)\n"
    "    except Stopped:\n"
    "        print('asked', flush=True)\n"
    "        time.sleep(60)\n"
)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_unwinds_once(number, code):
    cleaned = []
    with pytest.raises(Stopped) as stopped, stopping_cleanly():
        try:
            signal.raise_signal(number)
        finally:
            cleaned.append(True)
    assert stopped.value.exit_code == code
    assert cleaned == [True]


def test_handlers_are_given_back():
    before = signal.getsignal(signal.SIGTERM)
    with stopping_cleanly():
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before


def test_the_second_signal_exits_at_once():
    with subprocess.Popen(
        [sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "asked\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 130


def test_a_signal_whose_exception_is_dropped_is_not_forgotten():
    class Dropping:
        def __del__(self):
            with contextlib.suppress(Stopped):  # as Python does by itself in a destructor
                signal.raise_signal(signal.SIGINT)

    reached = []
    with pytest.raises(Stopped) as stopped, stopping_cleanly():
        Dropping()
        reached.append(True)
        raise_if_asked()
        reached.append(False)
    assert reached == [True]
    assert stopped.value.exit_code == 130
    with pytest.raises(Stopped), stopping_cleanly():
        Dropping()
    with stopping_cleanly():
        raise_if_asked()
