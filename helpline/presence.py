"""Who else has a complaint's page open: told by the pages themselves, every few seconds, and forgotten when they fall silent."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from models import Presence, User

SILENT = timedelta(seconds=50)  # a page says every twenty seconds that it is open
FORGOTTEN = timedelta(days=1)


def beat(db: Connection, complaint_id: int, user_id: int, doing: str, now: datetime) -> None:
    """The page is open; `doing`: the action whose form is open, or ""."""
    mine = (Presence.complaint_id == complaint_id, Presence.user_id == user_id)
    if not db.execute(update(Presence).where(*mine).values(at=now, doing=doing)).rowcount:
        db.execute(insert(Presence), [{"complaint_id": complaint_id, "user_id": user_id, "at": now, "doing": doing}])
        db.execute(delete(Presence).where(Presence.user_id == user_id, Presence.at < now - FORGOTTEN))


def leave(db: Connection, complaint_id: int, user_id: int) -> None:
    """What was being written is done; a page that stays open says so itself."""
    db.execute(delete(Presence).where(Presence.complaint_id == complaint_id, Presence.user_id == user_id))


def others(db: Any, complaint_id: int, user_id: int, now: datetime) -> list[Row[Any]]:
    """name, doing of everybody else who has it open."""
    query = select(User.name, Presence.doing).join(User, User.id == Presence.user_id)
    return list(db.execute(query.where(Presence.complaint_id == complaint_id, Presence.user_id != user_id, Presence.at >= now - SILENT).order_by(User.name)))
