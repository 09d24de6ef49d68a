"""A desk for tests that keeps what is said, line by line."""

from workspace.progress import Silent


class Said(Silent):
    """Keeps what is said."""

    def __init__(self):
        self.lines = []

    def say(self, message, **_):
        self.lines.append(message)
