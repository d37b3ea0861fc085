"""Complaints by text that nobody confirmed. They are told all the same: when the question has lapsed they are registered, marked
incomplete, and the citizen hears the number. Where life may be in danger that is after an hour.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Row, select

from helpline import complaints, fairness
from helpline.events import Actor
from helpline.lifecycle import Role, State
from helpline.runtime import Runtime
from models import Complaint

log = structlog.get_logger()
SYSTEM = Actor(Role.SYSTEM, "sms")
DANGER = timedelta(hours=1)
LOOK_BACK = timedelta(days=3)  # older drafts were seen and left for an agent
BARE_TOPIC_WORDS = 2  # "WATER", "রাস্তা": a subject, not yet a complaint


def is_bare_topic(text: str) -> bool:
    return len(text.split()) <= BARE_TOPIC_WORDS and len(text) <= 30


def register_due(runtime: Runtime, now: datetime, *, limit: int = 500) -> int:
    """Register what has waited long enough for its "yes"; how many there were."""
    done = 0
    with runtime.reading() as session:
        rows = list(session.execute(
            select(Complaint.__table__)
            .where(Complaint.state == State.DRAFT, Complaint.created_at > now - LOOK_BACK - _lapse(runtime), Complaint.created_at <= now - DANGER,
                   Complaint.channel == "sms")
            .order_by(Complaint.created_at).limit(limit)
        ))  # fmt: skip
    for row in rows:
        if not is_bare_topic(row.description) and now - row.updated_at >= _patience(runtime, row):
            with runtime.writing() as db:
                filed = complaints.register(db, runtime, row.id, SYSTEM, now)
                fairness.tell_together(db, runtime, row, filed.outgoing_id, now)
            log.info("draft.registered", complaint=filed.id)
            done += 1
    return done


def _lapse(runtime: Runtime) -> timedelta:
    return timedelta(minutes=runtime.config.sms.conversation_minutes)


def _patience(runtime: Runtime, row: Row[Any]) -> timedelta:
    category = runtime.reference.categories.get(row.category_code or "")
    return min(DANGER, _lapse(runtime)) if category is not None and category.danger else _lapse(runtime)
