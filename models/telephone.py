"""Calls, the queue for an agent, recordings, and whom we ring back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import LANGUAGE, PHONE, Base, Id

UNACCOUNTED = "accounted_at IS NULL AND ended_at IS NOT NULL"  # of the calls: helpline.callbacks.account


class Call(Base):
    """A citizen's call, or ours to a citizen: what was keyed and said in it, and how far it came."""

    __tablename__ = "calls"
    id: Mapped[int] = mapped_column(Id, primary_key=True)
    sid: Mapped[str] = mapped_column(String(64), unique=True)
    from_number: Mapped[str] = mapped_column(PHONE)
    to_number: Mapped[str] = mapped_column(PHONE)
    language: Mapped[str | None] = mapped_column(LANGUAGE)
    answers: Mapped[dict[str, Any]]  # what was keyed and said so far
    complaint_id: Mapped[int | None] = mapped_column(ForeignKey("complaints.id"))
    status: Mapped[str] = mapped_column(String(20), default="in-progress")
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    at: Mapped[str | None] = mapped_column(String(24))  # the node of the call tree last known; none before the first key
    fulfilled: Mapped[bool] = mapped_column(default=False)  # the caller had something they came for
    fault: Mapped[bool] = mapped_column(default=False)  # a fault of ours met the call
    seconds: Mapped[int | None]  # how long it lasted, as the carrier says
    accounted_at: Mapped[datetime | None]  # when the ledger of callbacks took note of its end
    __table_args__ = (
        Index("ix_calls_open", "seen_at", sqlite_where=text("ended_at IS NULL"), postgresql_where=text("ended_at IS NULL")),
        Index("ix_calls_complaint_id", "complaint_id"),
        Index("ix_calls_from_number", "from_number", "started_at"),
        Index("ix_calls_unaccounted", "ended_at", sqlite_where=text(UNACCOUNTED), postgresql_where=text(UNACCOUNTED)),
    )


class Recording(Base):
    """Something a citizen said: first the carrier's address of it, later the file."""

    __tablename__ = "recordings"
    id: Mapped[int] = mapped_column(Id, primary_key=True)
    sid: Mapped[str] = mapped_column(String(64), unique=True)
    call_sid: Mapped[str] = mapped_column(String(64))
    complaint_id: Mapped[int | None] = mapped_column(ForeignKey("complaints.id"))
    purpose: Mapped[str] = mapped_column(String(12))  # problem | name | addition | message
    url: Mapped[str] = mapped_column(String(400))
    seconds: Mapped[int | None]
    state: Mapped[str] = mapped_column(String(10), default="pending")  # pending | stored | absent | failed
    attempts: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[datetime]
    path: Mapped[str | None] = mapped_column(String(400))  # relative to storage.recordings
    content_type: Mapped[str | None] = mapped_column(String(40))
    size: Mapped[int | None]
    sha256: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime]
    __table_args__ = (
        Index("ix_recordings_due", "next_at", sqlite_where=text("state = 'pending'"), postgresql_where=text("state = 'pending'")),
        Index("ix_recordings_complaint_id", "complaint_id"),
        Index("ix_recordings_call_sid", "call_sid"),
    )


class Waiting(Base):
    """A caller who asked for a person: waiting, talking, or what became of it."""

    __tablename__ = "waiting"
    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)  # models.ids.new_id
    call_sid: Mapped[str] = mapped_column(String(64), unique=True)
    number: Mapped[str] = mapped_column(PHONE)
    called: Mapped[str] = mapped_column(PHONE)
    language: Mapped[str] = mapped_column(LANGUAGE)
    complaint_id: Mapped[int | None] = mapped_column(ForeignKey("complaints.id"))
    state: Mapped[str] = mapped_column(String(10))  # helpline.queueing
    since: Mapped[datetime]
    turn_at: Mapped[datetime | None]  # orders the queue: `since`, or later for a number that calls a great deal
    agent_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    offers: Mapped[int] = mapped_column(default=0)
    offered_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    on_hold: Mapped[bool] = mapped_column(default=False)  # as the agent wants it
    in_room: Mapped[bool] = mapped_column(default=False)  # the carrier was told to bring the caller to the agent
    held: Mapped[bool] = mapped_column(default=False)  # as the carrier was last told
    read_back: Mapped[bool] = mapped_column(default=False)  # what was typed is to be read to the caller
    __table_args__ = (
        Index("ix_waiting_open", "since", sqlite_where=text("state IN ('waiting', 'ringing', 'talking')"), postgresql_where=text("state IN ('waiting', 'ringing', 'talking')")),
        Index("ix_waiting_since", "since"),
        Index("ix_waiting_ended_at", "ended_at"),
    )


class Leg(Base):
    """Somebody of the staff in a call: rung, talking, listening."""

    __tablename__ = "legs"
    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)  # models.ids.new_id
    waiting_id: Mapped[int] = mapped_column(ForeignKey("waiting.id"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    purpose: Mapped[str] = mapped_column(String(10))  # agent | consult | listen
    state: Mapped[str] = mapped_column(String(10))  # owed | placing | ringing | answered | ending | ended | failed | cut | broken
    sid: Mapped[str | None] = mapped_column(String(64))
    leaving: Mapped[bool] = mapped_column(default=False)  # as soon as a colleague has the call
    created_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    __table_args__ = (
        Index("ix_legs_live", "user_id", "state", sqlite_where=text("ended_at IS NULL"), postgresql_where=text("ended_at IS NULL")),
        Index("ix_legs_waiting_id", "waiting_id"),
    )


class Attendance(Base):
    """An agent at the desk, ready for calls or not. Nobody without a row, or unseen for a while, is given one."""

    __tablename__ = "attendance"
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True, autoincrement=False)
    state: Mapped[str] = mapped_column(String(10))  # helpline.queueing.AGENT_STATES
    since: Mapped[datetime]
    seen_at: Mapped[datetime]  # by the browser, every few seconds
    languages: Mapped[str] = mapped_column(String(20))  # "bn,en"


class Dial(Base):
    """A citizen rung from the complaint's page."""

    __tablename__ = "dials"
    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)  # models.ids.new_id
    complaint_id: Mapped[int] = mapped_column(ForeignKey("complaints.id"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    number: Mapped[str] = mapped_column(PHONE)  # the complaint's, E.164
    by: Mapped[str] = mapped_column(String(10))  # browser | telephone: the agent's end
    was: Mapped[str | None] = mapped_column(String(10))  # the agent's state in the queue before
    state: Mapped[str] = mapped_column(String(10))  # owed | placing | ringing | talking | ended
    outcome: Mapped[str | None] = mapped_column(String(10))  # helpline.lifecycle.CALL_OUTCOMES; none where nobody was rung
    sid: Mapped[str | None] = mapped_column(String(64))  # of the agent's end
    created_at: Mapped[datetime]
    begun_at: Mapped[datetime | None]  # the citizen's telephone rings
    answered_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    __table_args__ = (
        Index("ix_dials_live", "user_id", sqlite_where=text("ended_at IS NULL"), postgresql_where=text("ended_at IS NULL")),
        Index("ix_dials_sid", "sid", sqlite_where=text("sid IS NOT NULL"), postgresql_where=text("sid IS NOT NULL")),
    )


class Callback(Base):
    """Somebody to be rung back: a call ended before what the caller came for was done, or it was asked for by SMS. One open entry a number."""

    __tablename__ = "callbacks"
    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)  # models.ids.new_id
    number: Mapped[str] = mapped_column(PHONE)  # E.164, where the citizen is rung
    language: Mapped[str] = mapped_column(LANGUAGE)
    reason: Mapped[str] = mapped_column(String(12))  # helpline.callbacks.REASONS
    at: Mapped[str | None] = mapped_column(String(24))  # where in the call tree it ended
    call_id: Mapped[int | None] = mapped_column(ForeignKey("calls.id"))  # the last of its calls; none when it was asked for by SMS
    complaint_id: Mapped[int | None] = mapped_column(ForeignKey("complaints.id"))  # what was told so far, or is to be talked about
    calls: Mapped[int] = mapped_column(default=1)  # how many broke off
    state: Mapped[str] = mapped_column(String(10), default="due")  # helpline.callbacks.STATES
    promised_at: Mapped[datetime]  # rung back by then
    next_at: Mapped[datetime]  # not to be tried earlier
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    claimed_at: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(default=0)
    outcome: Mapped[str | None] = mapped_column(String(16))  # of the last try: helpline.callbacks.OUTCOMES
    tried_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    __table_args__ = (
        Index("ix_callbacks_open_number", "number", unique=True, sqlite_where=text("closed_at IS NULL"), postgresql_where=text("closed_at IS NULL")),
        Index("ix_callbacks_promised_at", "promised_at", sqlite_where=text("closed_at IS NULL"), postgresql_where=text("closed_at IS NULL")),
        Index("ix_callbacks_call_id", "call_id"),
    )
