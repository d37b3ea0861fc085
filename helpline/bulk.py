"""One action for many complaints: first what would happen to each, then each in a transaction of its own, once.

The token of a preview keeps the doing single: sent twice, the second shows what the first did.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from helpline import complaints, lifecycle
from helpline.complaints import Actor, CannotAct
from helpline.runtime import Runtime
from models import BulkRun, Complaint
from prompts.catalogue import segment_count

MOST = 100
# What can sensibly be done to many at once; each as far as its role may.
ACTIONS = ("review", "forward", "accept", "assign", "take_over", "promise", "categorise", "note", "escalate", "merge", "resume", "reject")


@dataclass(frozen=True)
class Prospect:
    """What the action would do to one complaint: the message and its parts, or why it cannot be done."""

    row: Row[Any]
    message: str
    segments: int
    fault: CannotAct | None


def possible(role: str) -> list[lifecycle.Transition]:
    """The actions that a person in `role` may do to many."""
    rows = {row.action: row for row in lifecycle.TABLE if row.action in ACTIONS and role in row.who}
    return [rows[action] for action in ACTIONS if action in rows]


def selected(db: Any, keys: list[int], visible: ColumnElement[bool]) -> list[Row[Any]]:
    query = select(Complaint.__table__).where(Complaint.id.in_(keys[:MOST]), Complaint.ack.is_not(None), visible)
    return list(db.execute(query.order_by(Complaint.urgency, Complaint.id)))


def prospects(runtime: Runtime, rows: list[Row[Any]], action: str, given: Mapping[str, Any], actor: Actor, now: datetime) -> list[Prospect]:
    """Each is done and undone again, so that what is shown is what would happen."""
    return [_prospect(runtime, row, action, given, actor, now) for row in rows]


def _prospect(runtime: Runtime, row: Row[Any], action: str, given: Mapping[str, Any], actor: Actor, now: datetime) -> Prospect:
    try:
        with runtime.writing() as db:
            done = complaints.act(db, runtime, row.id, action, actor, now, given)
            raise _Undo(done.message)
    except _Undo as would:
        return Prospect(row, would.message, segment_count(would.message) if would.message else 0, None)
    except CannotAct as fault:
        return Prospect(row, "", 0, fault)


class _Undo(Exception):
    def __init__(self, message: str) -> None:
        super().__init__()
        self.message = message


def run(runtime: Runtime, token: str, versions: Mapping[int, int], action: str, given: Mapping[str, Any], actor: Actor, now: datetime) -> dict[str, str]:
    """Do it to each complaint (id → the version previewed); what became of each: `done`, or the reason why not."""
    row: dict[str, Any] = {"token": token, "user_id": actor.user_id, "action": action, "at": now, "results": {}}
    try:
        with runtime.writing() as db:
            db.execute(insert(BulkRun), [row])
    except IntegrityError:
        return earlier(runtime, token, actor)
    results = {str(key): _one(runtime, key, version, action, given, actor, now) for key, version in list(versions.items())[:MOST]}
    with runtime.writing() as db:
        db.execute(update(BulkRun).where(BulkRun.token == token).values(results=results))
    return results


def earlier(runtime: Runtime, token: str, actor: Actor) -> dict[str, str]:
    with runtime.reading() as db:
        found = db.scalar(select(BulkRun.results).where(BulkRun.token == token, BulkRun.user_id == actor.user_id))
    return dict(found or {})


def _one(runtime: Runtime, key: int, version: int, action: str, given: Mapping[str, Any], actor: Actor, now: datetime) -> str:
    try:
        with runtime.writing() as db:
            complaints.act(db, runtime, key, action, actor, now, given, version=version)
        return "done"
    except CannotAct as fault:
        return fault.reason
