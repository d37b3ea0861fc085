"""Keys made by us rather than by the database, so that rows that name each other can be written in one go."""

from __future__ import annotations

import itertools
import os
import secrets
import time
from datetime import datetime

_EPOCH_MS = 1_735_689_600_000  # 2025-01-01T00:00Z
_LOW_BITS = 22


def _low_bits() -> itertools.count[int]:
    return itertools.count(secrets.randbits(_LOW_BITS))


_low = _low_bits()


def _restart() -> None:
    global _low
    _low = _low_bits()


os.register_at_fork(after_in_child=_restart)  # two processes never count from the same place


def new_id(_now: datetime | None = None) -> int:
    """A positive 63-bit number: milliseconds of the clock, then 22 bits that count up from a random start.

    Never twice in a process; later ones are larger, so indexes stay dense.
    """
    milliseconds = time.time_ns() // 1_000_000 - _EPOCH_MS
    return (milliseconds << _LOW_BITS) | (next(_low) & ((1 << _LOW_BITS) - 1))


def first_id(moment: datetime) -> int:
    """The smallest key that could be made at `moment`: keys of what is older are smaller."""
    return max(0, int(moment.timestamp() * 1000) - _EPOCH_MS) << _LOW_BITS
