"""How a call ends: our errors as one line, a stop request as its exit code, a file in every case.

Once there is a whole file, a fault of what comes after must not take it away: it is told, and the
exit code says that less was done.
"""

import json
import os
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.offline.answers import AnswerFile
from pipeline.offline.asked import LISTING, Asked
from pipeline.offline.assistant import kill_assistants
from pipeline.offline.clock import Clock
from pipeline.offline.course import LESS, follow
from pipeline.offline.desk import PlainDesk, in_its_words
from workspace.errors import DermstackError
from workspace.faults import naming_faults
from workspace.machine import refuse_odd_numbers
from workspace.progress import Desk
from workspace.stopping import Stopped, stopping_cleanly

FAULT, MISTAKE = 1, 2  # of our own; of who calls


def ended(words: Mapping[str, Any]) -> int:
    """The exit code."""
    desk = PlainDesk(words["started"])
    asked = asked_of(words)

    def check() -> None:
        if asked.output.is_there:  # until then nothing is gained by an end in time
            asked.clock.check(0)

    desk.asks(check)
    try:
        with _watched(asked, desk), stopping_cleanly(), naming_faults():
            refuse_odd_numbers()
            code = follow(asked, desk)
    except DermstackError as error:
        print(f"submit: {in_its_words(str(error))}", file=sys.stderr, flush=True)
        return _with_file(asked, desk, MISTAKE)
    except Stopped as stopped:
        print(
            f"submit: stopped by {stopped.signal.name}; the same command goes on from "
            f"{asked.work}.",
            file=sys.stderr, flush=True,
        )  # fmt: skip
        return stopped.exit_code
    except Exception:  # a bug of ours, or of a driver: what was written must stay handed in
        traceback.print_exc()
        return _with_file(asked, desk, FAULT)
    if not asked.output.is_there:
        minutes = "give more --minutes, or fewer --folds"
        print(f"submit: There was no time for any fold; {minutes}.", file=sys.stderr, flush=True)
        return MISTAKE
    desk.say("done." if code == 0 else "done, with less than was asked for (see above).")
    return code


@contextmanager
def _watched(asked: Asked, desk: PlainDesk) -> Iterator[None]:
    """Within it the process ends when the time is over, whatever it waits for, if it has a file."""

    def end() -> None:
        if not asked.output.is_there:
            return
        desk.say(f"the time is over, whatever is left; {asked.output.path} is whole.")
        kill_assistants()
        os._exit(LESS)  # the thread that hangs would not hear of anything else

    if asked.clock.limit_s is None:
        yield
        return
    timer = threading.Timer(max(0.0, asked.clock.limit_s - asked.clock.spent_s), end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def asked_of(words: Mapping[str, Any]) -> Asked:
    """What the words mean in this bundle."""
    bundle = Path(words["bundle"])
    facts = json.loads((bundle / LISTING).read_text(encoding="utf-8"))
    minutes = words["minutes"]
    limit_s = None if minutes is None else 60 * minutes
    return Asked(
        bundle=bundle, input=Path(words["input"]), output=AnswerFile(Path(words["output"])),
        work=Path(words["work"]), folds=words["folds"],
        clock=Clock(words["started"], limit_s), device=words["device"],
        processes=words["processes"], pictureless=bool(facts["pictureless"]),
    )  # fmt: skip


def _with_file(asked: Asked, desk: Desk, code: int) -> int:
    """What an error ends in, if this call has already written a whole file."""
    if not asked.output.is_there:
        return code
    desk.say(f"{asked.output.path} is whole, by what was done before the error.")
    return LESS
