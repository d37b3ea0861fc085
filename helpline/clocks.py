"""What time brings: reminders, escalation, promised news, questions answered or not, and closing what nobody answered for.

Each is a query of what is due and one action of the lifecycle for each; the complaint's version keeps two workers from
doing it twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import ColumnElement, String, cast, literal, select

from helpline import asking, complaints
from helpline.complaints import SYSTEM, CannotAct
from helpline.lifecycle import State, is_worked_on
from helpline.runtime import Runtime
from models import Complaint, Outgoing

log = structlog.get_logger()
_WORKED_ON = [str(state) for state in State if is_worked_on(state)]
_running = (Complaint.state.in_(_WORKED_ON), Complaint.clock_stopped_at.is_(None))
LIMIT = 200


def tick(runtime: Runtime, now: datetime) -> None:
    """Everything that is due at `now`, in the order in which it would have come."""
    stop_for_delivered(runtime, now)
    resume_unanswered(runtime, now)
    warn_due(runtime, now)
    escalate_due(runtime, now)
    tell_news(runtime, now)
    expire_unanswered(runtime, now)
    asking.ask_again(runtime, now)


def warn_due(runtime: Runtime, now: datetime) -> int:
    """Remind the holder at half of the time, and again at four fifths."""

    def share(row: Any) -> dict[str, str]:
        """Four fifths when less than a third of the time is left."""
        calendar = runtime.calendar
        begun = row.held_since if row.reopen_count and row.held_since else row.registered_at
        whole = max(1, calendar.between(begun, row.due_at) - row.paused_minutes)
        return {"share": "four_fifths" if calendar.between(now, row.due_at) * 3 < whole else "half"}

    return _each(runtime, [Complaint.clock_at <= now, Complaint.warn_at <= now, *_running], "warn", share, now)


def escalate_due(runtime: Runtime, now: datetime) -> int:
    """Raise every complaint whose time is over by one level, also where nobody is assigned."""
    return _each(runtime, [Complaint.clock_at <= now, Complaint.escalate_at <= now, *_running], "escalate", {"reason": "past the due time"}, now)


def tell_news(runtime: Runtime, now: datetime) -> int:
    """The promised date passed: the citizen hears that work goes on, and who has it."""
    return _each(runtime, [Complaint.clock_at <= now, Complaint.news_at <= now, *_running], "news", {}, now)


def stop_for_delivered(runtime: Runtime, now: datetime) -> int:
    """Stop the clock of complaints whose question reached the citizen, from the moment it did."""
    key = literal("complaint:") + cast(Complaint.id, String) + literal(":") + cast(Complaint.asked_seq, String)
    query = (
        select(Complaint.__table__, Outgoing.id.label("message"), Outgoing.delivered_at.label("delivered_at"))
        .join(Outgoing, Outgoing.key == key)
        .where(Complaint.state == str(State.ACTION_REQUIRED), Complaint.clock_stopped_at.is_(None), Outgoing.delivered_at.is_not(None))
        .limit(LIMIT)
    )
    return _act_on(runtime, query, "stop_clock", lambda row: {"message": row.message}, lambda row: row.delivered_at)


def resume_unanswered(runtime: Runtime, now: datetime) -> int:
    """No answer within the configured working days: the clock runs again, and the office goes on without it."""
    rules, calendar = runtime.config.casework, runtime.calendar
    asked = select(Complaint.__table__).where(Complaint.state == str(State.ACTION_REQUIRED), Complaint.clock_stopped_at.is_not(None)).limit(5 * LIMIT)
    allowed = rules.answer_days * calendar.day_minutes

    def is_due(row: Any) -> bool:
        return calendar.add(row.clock_stopped_at, allowed) <= now

    return _act_on(runtime, asked, "resume", lambda _: {"reason": "no answer"}, lambda _: now, is_due)


def expire_unanswered(runtime: Runtime, now: datetime) -> int:
    """Close what was resolved long enough ago without an answer: counted apart, and can be reopened."""
    since = now - timedelta(days=runtime.config.casework.feedback_days)
    return _each(runtime, [Complaint.state == str(State.RESOLVED), Complaint.resolved_at <= since], "expire", {}, now)


Data = Mapping[str, Any] | Callable[[Any], Mapping[str, Any]]


def _each(runtime: Runtime, conditions: list[ColumnElement[bool]], action: str, data: Data, now: datetime) -> int:
    query = select(Complaint.__table__).where(*conditions).limit(LIMIT)
    return _act_on(runtime, query, action, data if callable(data) else lambda _: data, lambda _: now)


def _act_on(
    runtime: Runtime,
    query: Any,
    action: str,
    data: Callable[[Any], Mapping[str, Any]],
    at: Callable[[Any], datetime],
    is_due: Callable[[Any], bool] = lambda _: True,
) -> int:
    """One transaction each."""
    with runtime.reading() as session:
        rows = [row for row in session.execute(query) if is_due(row)]
    done = 0
    for row in rows:
        try:
            with runtime.writing() as db:
                complaints.act(db, runtime, row.id, action, SYSTEM, at(row), data(row), version=row.last_seq)
            done += 1
        except CannotAct as error:
            log.info("clock.passed_over", complaint=row.id, action=action, reason=error.reason)
    return done
