"""What the tests of stages share."""

from tests.by_hand.disk import unflushed

__all__ = ["unflushed"]
