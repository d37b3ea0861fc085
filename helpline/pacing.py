"""How fast, and whether, each carrier may be sent to: kept in the store, so it is right for any number of workers."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from carriers.base import MAX_AFTER
from models import CarrierState

_MICROSECONDS = 1_000_000


def wait(db: Connection, carrier: str, per_second: float, at: float) -> float:
    """Take the carrier's next place: 0 when it is ours now, else the seconds until there is one.

    `at`: the wall clock in seconds. Places are evenly spaced: at most `per_second` in any second, whoever asks.
    """
    now, step = int(at * _MICROSECONDS), max(1, int(_MICROSECONDS / per_second))
    free = or_(CarrierState.free_at <= now, CarrierState.free_at > now + step + _MICROSECONDS)  # so far ahead: a clock was wrong
    if db.execute(update(CarrierState).where(CarrierState.carrier == carrier, free).values(free_at=now + step)).rowcount:
        return 0.0
    free_at = db.scalar(select(CarrierState.free_at).where(CarrierState.carrier == carrier))
    if free_at is None:
        return 0.0 if _begin(db, carrier, now + step) else step / _MICROSECONDS
    return max(free_at - now, 1) / _MICROSECONDS


def _begin(db: Connection, carrier: str, free_at: int = 0) -> bool:
    """The carrier's row; False when another worker was first."""
    try:
        with db.begin_nested():
            db.execute(insert(CarrierState), [{"carrier": carrier, "free_at": free_at}])
    except IntegrityError:
        return False
    return True


def rest(db: Connection, carrier: str, until: datetime, closed_until: datetime | None = None) -> None:
    """The carrier is in trouble: others are tried first until then. `closed_until`: it asked not to be called before."""
    values = {"resting_until": until} | ({"closed_until": closed_until} if closed_until else {})
    if not db.execute(update(CarrierState).where(CarrierState.carrier == carrier).values(**values)).rowcount:
        _begin(db, carrier)
        db.execute(update(CarrierState).where(CarrierState.carrier == carrier).values(**values))


def resting(db: Connection, now: datetime) -> set[str]:
    """The carriers that are left alone for now."""
    return set(db.scalars(select(CarrierState.carrier).where(CarrierState.resting_until > now)))


def closed(db: Connection, now: datetime) -> set[str]:
    """The carriers that asked to be left alone for now; what is further ahead than any may ask was written by a clock that was wrong."""
    ahead = now + timedelta(seconds=MAX_AFTER)
    return set(db.scalars(select(CarrierState.carrier).where(CarrierState.closed_until > now, CarrierState.closed_until <= ahead)))
