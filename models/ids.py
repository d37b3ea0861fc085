"""Keys made by us rather than by the database, so that rows that name each other can be written in one go."""

from __future__ import annotations

import secrets
from datetime import datetime

_EPOCH_MS = 1_735_689_600_000  # 2025-01-01T00:00Z
_RANDOM_BITS = 22


def new_id(now: datetime) -> int:
    """A positive 63-bit number: milliseconds, then 22 random bits; later ones are larger, so indexes stay dense."""
    return (int(now.timestamp() * 1000) - _EPOCH_MS << _RANDOM_BITS) | secrets.randbits(_RANDOM_BITS)
