import signal
import subprocess
import sys

import pytest

from workspace.stopping import Stopped, stopping_cleanly

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
