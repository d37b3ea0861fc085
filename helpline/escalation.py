"""What time brings: late complaints go to the next level, resolved ones nobody answered for are closed, not confirmed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import select

from helpline import complaints
from helpline.complaints import SYSTEM, CannotAct
from helpline.lifecycle import KIND, Kind, State
from helpline.runtime import Runtime
from models import Complaint

log = structlog.get_logger()
_LATE = [str(state) for state, kind in KIND.items() if kind == Kind.OPEN]


def escalate_due(runtime: Runtime, now: datetime, *, limit: int = 200) -> int:
    """Raise every open complaint whose time is over by one level."""
    due = select(Complaint.id, Complaint.last_seq).where(Complaint.escalate_at <= now, Complaint.state.in_(_LATE)).limit(limit)
    return _each(runtime, due, "escalate", {"reason": "past the due time"}, now)


def expire_unanswered(runtime: Runtime, now: datetime, *, limit: int = 200) -> int:
    """Close what was resolved long enough ago without an answer: counted apart, and can be reopened."""
    since = now - timedelta(days=runtime.config.casework.feedback_days)
    due = select(Complaint.id, Complaint.last_seq).where(Complaint.state == str(State.RESOLVED), Complaint.resolved_at <= since).limit(limit)
    return _each(runtime, due, "expire", {}, now)


def _each(runtime: Runtime, due: Any, action: str, data: dict[str, str], now: datetime) -> int:
    """One transaction each; the version keeps two workers from doing it twice."""
    with runtime.reading() as session:
        rows = list(session.execute(due))
    done = 0
    for row in rows:
        try:
            with runtime.writing() as db:
                complaints.act(db, runtime, row.id, action, SYSTEM, now, data, version=row.last_seq)
            done += 1
        except CannotAct as error:
            log.info("clock.passed_over", complaint=row.id, action=action, reason=error.reason)
    return done
