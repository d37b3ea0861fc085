"""How long a request waits for the store: a web process serves one request at a time, so one that waits for ever answers nobody.

A PostgreSQL that is stopped in its middle (a machine that froze, a disk that does not answer) neither closes its connections nor
answers on them, and no timeout of its own can end that.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

WSGI = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
_until: ContextVar[float | None] = ContextVar("until", default=None)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """What the store is asked in here is given up when `seconds` have passed in all; the error is one that `is_away`."""
    token = _until.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _until.reset(token)


def left() -> float | None:
    """Seconds that may still be waited; None without a limit (the worker, migrations)."""
    until = _until.get()
    return None if until is None else until - time.monotonic()


def patient(inner: WSGI, seconds: Callable[[str], float]) -> WSGI:
    """`inner`, each of whose requests waits at most `seconds(path)` for the store until its answer begins."""

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        with within(seconds(str(environ.get("PATH_INFO", "")))):
            return inner(environ, start_response)

    return application


def connect(gives_up: Callable[[], None], *args: Any, **parameters: Any) -> Any:
    """A connection of psycopg that keeps to the limit. `gives_up` is called when it was reached."""
    import psycopg

    class Patient(psycopg.Connection[Any]):
        def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
            allowed = left() if timeout is None else None
            if allowed is None:
                return super().wait(gen, interval, timeout)
            try:
                return super().wait(gen, interval, max(allowed, 0.05))
            except psycopg.OperationalError as error:
                if error.sqlstate is None and (left() or 0) <= 0:
                    self.pgconn.finish()  # whatever comes on it later is nobody's answer
                    gives_up()
                raise

    return Patient.connect(*args, **parameters)
