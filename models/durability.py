"""When a commit is on the disk: as it returns, unless who commits waits for that before anything is told.

A server that answers one request at a time stands idle while the disk writes. Within `postponed` a commit returns at once and
leaves behind what remains to be done until it lasts; one such flush serves every commit before it, of any process.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Flush = Callable[[], None]  # returns when everything committed before it lasts; callable in any thread; raises what the store raises
_owed: ContextVar[dict[Hashable, Flush] | None] = ContextVar("owed", default=None)


@contextmanager
def postponed() -> Iterator[dict[Hashable, Flush]]:
    """Commits in here do not wait for the disk. The mapping, by store, is what to call before anybody is told of them."""
    owed: dict[Hashable, Flush] = {}
    token = _owed.set(owed)
    try:
        yield owed
    finally:
        _owed.reset(token)


def is_postponed() -> bool:
    return _owed.get() is not None


def postpone(store: Hashable, flush: Flush) -> bool:
    """Leave `flush` to whoever postpones; False when nobody does, and the commit has to last before it returns."""
    owed = _owed.get()
    if owed is None:
        return False
    owed[store] = flush
    return True
