"""The history of each message: every attempt to bring it to its citizen, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection, Row, insert, select, update

from models import Outgoing, Try, User, new_id

# What may come of a try. SMS and email: sent, delivered, failed, later (tried again), unknown (looked up). Calls: heard, left (on a machine), machine, cut
# (rung off before the end), busy, no-answer, failed, canceled. A person's: told, no_answer, wrong_number, refused.
OUTCOMES = ("sent", "delivered", "failed", "later", "unknown", "heard", "left", "machine", "cut", "busy", "no-answer", "canceled",
            "told", "no_answer", "wrong_number", "refused")  # fmt: skip
REACHED = frozenset({"delivered", "heard", "left", "told"})
_table = Try.__table__


def is_over(pause: Callable[[int], float], attempts: int, hours: float) -> bool:
    """Whether `attempts` of a message that nobody could take have lasted `hours`, when `pause(n)` seconds passed after the n-th.

    Counted in attempts, not by the clock: one that is set forward gives nothing up, and a worker that was stopped neither.
    """
    return sum(pause(attempt) for attempt in range(1, attempts)) >= hours * 3600


def begin(db: Connection, outgoing_id: int, kind: str, now: datetime, by: int | None = None) -> int:
    row = {"id": new_id(now), "outbox_id": outgoing_id, "kind": kind, "at": now, "by_id": by}
    db.execute(insert(Try), [row])
    return int(str(row["id"]))


def end(db: Connection, outgoing_id: int, outcome: str, now: datetime, code: str | None = None) -> None:
    """What came of the last try of a message, unless it has ended."""
    last = db.scalar(select(_table.c.id).where(_table.c.outbox_id == outgoing_id, _table.c.ended_at.is_(None)).order_by(_table.c.id.desc()).limit(1))
    if last is not None:
        db.execute(update(Try).where(_table.c.id == last).values(outcome=outcome, code=code, ended_at=now))


def note(db: Connection, outgoing_id: int, kind: str, outcome: str, now: datetime, *, code: str | None = None, by: int | None = None) -> None:
    """A try that is over."""
    row = {"id": new_id(now), "outbox_id": outgoing_id, "kind": kind, "at": now, "outcome": outcome, "code": code, "ended_at": now, "by_id": by}
    db.execute(insert(Try), [row])


def outcome_of_last(db: Connection, outgoing_id: int) -> str | None:
    return db.scalar(select(_table.c.outcome).where(_table.c.outbox_id == outgoing_id).order_by(_table.c.id.desc()).limit(1))


def of_complaint(db: Connection, complaint_id: int) -> dict[int, list[Row[tuple[object, ...]]]]:
    """Outbox id → its tries, in order, with the name of the person where one rang."""
    query = (
        select(_table, User.name.label("by_name"))
        .join(Outgoing, Outgoing.id == _table.c.outbox_id)
        .outerjoin(User, User.id == _table.c.by_id)
        .where(Outgoing.complaint_id == complaint_id)
        .order_by(_table.c.id)
    )
    found: dict[int, list[Row[tuple[object, ...]]]] = {}
    for row in db.execute(query):
        found.setdefault(row.outbox_id, []).append(row)
    return found
