"""The run's log.jsonl: a line for each thing that was said, no ids among them."""

import errno
import json
import logging
import sys
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path

from reports.desk import LOG
from workspace.errors import one_line


class _JsonLines(logging.Formatter):
    def __init__(self, stage: str) -> None:
        super().__init__()
        self._stage = stage

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": self.formatTime(record),
            "level": record.levelname,
            "stage": self._stage,
            "message": record.getMessage(),
            **getattr(record, "facts", {}),
        }
        return json.dumps(line, default=str)


class _LogFile(logging.FileHandler):
    """The run's log; one that cannot be written is said once, and never ends the work."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            super().emit(record)
        except OSError:  # it is opened at the first line
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handleError(record)
            return
        LOG.handlers = [logging.NullHandler()]
        with suppress(OSError):
            self.close()
        reason = error.strerror or str(error)
        told = f"Cannot write {self.baseFilename}: {reason}; the work goes on without a log."
        print(f"notice: {one_line(told)}", file=sys.stderr)

    def _open(self) -> TextIOWrapper:
        path = Path(self.baseFilename)
        if path.exists() and not path.is_file():  # a pipe would wait for a reader
            raise OSError(errno.EINVAL, "it is no file", str(path))
        return super()._open()


def log_to(path: Path, stage: str) -> None:
    """From here on this process writes its part of the run's log."""
    handler = _LogFile(path, delay=True)
    handler.setFormatter(_JsonLines(stage))
    LOG.handlers = [handler]
    LOG.setLevel(logging.INFO)
    LOG.propagate = False
