"""A complaint and everything that hangs on it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import LANGUAGE, OFFICE, PHONE, Base, Id

if TYPE_CHECKING:
    from models.people import User
    from models.telephone import Recording

STILL_OPEN = "state NOT IN ('closed', 'rejected', 'duplicate')"  # what worklists show in the order of urgency


class Complaint(Base):
    """A grievance as it stands now: what its events made of it (helpline.events)."""

    __tablename__ = "complaints"
    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)  # models.ids.new_id
    ack: Mapped[str | None] = mapped_column(String(11))  # none while a draft
    state: Mapped[str] = mapped_column(String(20))  # helpline.lifecycle.State
    incomplete: Mapped[bool] = mapped_column(default=False)  # registered, but an agent must complete it
    channel: Mapped[str] = mapped_column(String(10))  # voice | sms | agent
    source_key: Mapped[str | None] = mapped_column(String(80), unique=True)  # CallSid, MessageSid: one filing each
    language: Mapped[str] = mapped_column(LANGUAGE)
    name: Mapped[str] = mapped_column(String(120), default="")
    phone: Mapped[str | None] = mapped_column(PHONE)  # the registered number, E.164
    caller_number: Mapped[str | None] = mapped_column(PHONE)  # where it came from, as the carrier gave it
    category_code: Mapped[str | None] = mapped_column(String(40))  # two levels: "ROAD" or "ROAD.LIGHT"
    district_code: Mapped[str | None] = mapped_column(String(8))
    local_body_code: Mapped[str | None] = mapped_column(String(60))
    pincode: Mapped[str | None] = mapped_column(String(6))
    place: Mapped[str] = mapped_column(String(200), default="")
    description: Mapped[str] = mapped_column(Text, default="")  # the citizen's own words
    priority: Mapped[str] = mapped_column(String(10), default="normal")
    department_code: Mapped[str | None] = mapped_column(String(20))  # of the office
    office_code: Mapped[str | None] = mapped_column(OFFICE)  # who has it; none only while a draft
    level: Mapped[int] = mapped_column(default=1)  # L1 … L4: how far up it is answered for
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    held_since: Mapped[datetime | None]  # by this office and owner
    held_paused_minutes: Mapped[int] = mapped_column(default=0)  # of the clock standing still meanwhile
    transfers: Mapped[int] = mapped_column(default=0)  # from office to office, by officers themselves
    response_minutes: Mapped[int | None]  # working time until a first answer of staff
    resolution_minutes: Mapped[int | None]  # working time from its registration until it was resolved, less the pauses
    response_due_at: Mapped[datetime | None]  # when the citizen is to hear a first answer of staff
    responded_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None]  # as promised; moves only by the time the clock stood still
    warn_at: Mapped[datetime | None]  # when the holder is next reminded
    escalate_at: Mapped[datetime | None]  # when the next level is told
    escalated_at: Mapped[datetime | None]
    asked_seq: Mapped[int | None]  # the event of the last question to the citizen
    clock_stopped_at: Mapped[datetime | None]  # the question was delivered then
    paused_minutes: Mapped[int] = mapped_column(default=0)  # working minutes the clock stood still, in all
    news_at: Mapped[datetime | None]  # when the citizen is promised to hear again
    clock_at: Mapped[datetime | None]  # the earliest of these three: helpline.effects.next_moment
    harm_at: Mapped[datetime | None]  # after this it is too late
    urgency: Mapped[str] = mapped_column(String(24), default="")  # helpline.effects.urgency: what orders worklists
    email: Mapped[str | None] = mapped_column(String(120))
    told_by: Mapped[str] = mapped_column(String(5), default="sms")  # sms | call
    discreet: Mapped[bool] = mapped_column(default=False)  # messages say that there is news, and nothing of the content
    joined: Mapped[int] = mapped_column(default=0)  # complaints handled together with this one
    outcome: Mapped[str | None] = mapped_column(String(20))  # confirmed | unconfirmed | withdrawn
    duplicate_of_id: Mapped[int | None] = mapped_column(ForeignKey("complaints.id"))
    rating: Mapped[int | None]
    reopen_count: Mapped[int] = mapped_column(default=0)
    last_seq: Mapped[int] = mapped_column(default=0)  # of its events; doubles as the version for optimistic locking
    last_hash: Mapped[str] = mapped_column(String(64), default="")
    indexed_seq: Mapped[int] = mapped_column(default=0)  # up to which event the worker has taken it into the search
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    registered_at: Mapped[datetime | None]
    resolved_at: Mapped[datetime | None]
    reopened_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]

    events: Mapped[list[Event]] = relationship(order_by="Event.seq", viewonly=True)
    recordings: Mapped[list[Recording]] = relationship(order_by="Recording.id", viewonly=True)
    owner: Mapped[User | None] = relationship(viewonly=True)

    __table_args__ = (
        CheckConstraint("(ack IS NULL) = (registered_at IS NULL)", name="ack_when_registered"),
        Index("ix_complaints_ack", "ack", unique=True, sqlite_where=text("ack IS NOT NULL"), postgresql_where=text("ack IS NOT NULL")),
        Index("ix_complaints_phone", "phone", "created_at"),
        Index("ix_complaints_state_created_at", "state", "created_at"),
        Index("ix_complaints_office_code_state", "office_code", "state", "due_at", sqlite_where=text("office_code IS NOT NULL"), postgresql_where=text("office_code IS NOT NULL")),
        Index("ix_complaints_owner_id_state", "owner_id", "state", "due_at", sqlite_where=text("owner_id IS NOT NULL"), postgresql_where=text("owner_id IS NOT NULL")),
        Index("ix_complaints_urgency", "urgency", "id", sqlite_where=text(STILL_OPEN), postgresql_where=text(STILL_OPEN)),
        Index("ix_complaints_clock_at", "clock_at", sqlite_where=text("clock_at IS NOT NULL"), postgresql_where=text("clock_at IS NOT NULL")),
        Index("ix_complaints_duplicate_of_id", "duplicate_of_id", sqlite_where=text("duplicate_of_id IS NOT NULL"), postgresql_where=text("duplicate_of_id IS NOT NULL")),
        Index(
            "ix_complaints_unindexed",
            "id",
            sqlite_where=text("indexed_seq <> last_seq"),
            postgresql_where=text("indexed_seq <> last_seq"),
        ),
    )


class Event(Base):
    """One thing that happened to a complaint. Append-only: triggers refuse UPDATE and DELETE."""

    __tablename__ = "events"
    id: Mapped[int] = mapped_column(Id, primary_key=True)
    complaint_id: Mapped[int] = mapped_column(ForeignKey("complaints.id"))
    seq: Mapped[int]
    at: Mapped[datetime]
    action: Mapped[str] = mapped_column(String(30))
    actor_kind: Mapped[str] = mapped_column(String(10))  # citizen | staff | system
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    channel: Mapped[str] = mapped_column(String(10))
    before: Mapped[dict[str, Any]]
    after: Mapped[dict[str, Any]]
    data: Mapped[dict[str, Any]]
    hash: Mapped[str] = mapped_column(String(64))  # over the previous event's hash and this one's content

    actor: Mapped[User | None] = relationship(viewonly=True)
    __table_args__ = (UniqueConstraint("complaint_id", "seq"),)


class Holding(Base):
    """How long an office (and officer) had a complaint: written when it leaves them."""

    __tablename__ = "holdings"
    id: Mapped[int] = mapped_column(Id, primary_key=True)
    complaint_id: Mapped[int] = mapped_column(ForeignKey("complaints.id"))
    office_code: Mapped[str] = mapped_column(OFFICE)
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    since: Mapped[datetime]
    until: Mapped[datetime]
    working_minutes: Mapped[int]  # less the time the clock stood still
    ended_by: Mapped[str] = mapped_column(String(30))  # the action
    __table_args__ = (Index("ix_holdings_complaint_id", "complaint_id"), Index("ix_holdings_office_code", "office_code", "until"))


class Barred(Base):
    """Somebody of the staff named in a complaint: they, their office and all below it neither own, see nor close it."""

    __tablename__ = "barred"
    complaint_id: Mapped[int] = mapped_column(ForeignKey("complaints.id"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    office_code: Mapped[str | None] = mapped_column(OFFICE)  # at the time; None: the person alone


class Subtask(Base):
    """A part of the work that another office is asked to do; the complaint stays where it is."""

    __tablename__ = "subtasks"
    id: Mapped[int] = mapped_column(Id, primary_key=True)
    complaint_id: Mapped[int] = mapped_column(ForeignKey("complaints.id"))
    office_code: Mapped[str] = mapped_column(OFFICE)
    what: Mapped[str] = mapped_column(Text)
    due_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(10), default="open")  # open | done | declined
    asked_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    asked_at: Mapped[datetime]
    report: Mapped[str] = mapped_column(Text, default="")
    answered_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    answered_at: Mapped[datetime | None]
    __table_args__ = (
        Index("ix_subtasks_complaint_id", "complaint_id"),
        Index("ix_subtasks_office_code", "office_code", "due_at", sqlite_where=text("state = 'open'"), postgresql_where=text("state = 'open'")),
    )


class Attachment(Base):
    """A photo or document of a complaint: checked by its content, kept under `storage.attachments`."""

    __tablename__ = "attachments"
    id: Mapped[int] = mapped_column(Id, primary_key=True)
    complaint_id: Mapped[int] = mapped_column(ForeignKey("complaints.id"))
    seq: Mapped[int]  # the event it came with
    purpose: Mapped[str] = mapped_column(String(10))  # proof | document | citizen
    name: Mapped[str] = mapped_column(String(120))  # what its sender called it: shown, never used as a name
    content_type: Mapped[str] = mapped_column(String(40))
    size: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    path: Mapped[str] = mapped_column(String(200))
    thumbnail: Mapped[str | None] = mapped_column(String(200))  # photos have one
    by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    at: Mapped[datetime]
    __table_args__ = (Index("ix_attachments_complaint_id", "complaint_id"), Index("ix_attachments_sha256", "sha256"))


class ClosingText(Base):
    """What was reported as done, as a hash of its folded words: the same text under many complaints is found by it."""

    __tablename__ = "closing_texts"
    complaint_id: Mapped[int] = mapped_column(ForeignKey("complaints.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)  # of the event
    text_hash: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime]
    office_code: Mapped[str | None] = mapped_column(OFFICE)
    by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    __table_args__ = (Index("ix_closing_texts_text_hash", "text_hash", "at"), Index("ix_closing_texts_at", "at", "text_hash", "complaint_id"))


class Suspicion(Base):
    """A resolution that looks wrong, until somebody has looked into it."""

    __tablename__ = "suspicions"
    complaint_id: Mapped[int] = mapped_column(ForeignKey("complaints.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)  # of the event that resolved it
    kind: Mapped[str] = mapped_column(String(20), primary_key=True)  # helpline.suspicions.KINDS
    at: Mapped[datetime]  # of the resolution
    office_code: Mapped[str] = mapped_column(OFFICE)
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    found_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
    settled_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    data: Mapped[dict[str, Any]]
    __table_args__ = (Index("ix_suspicions_at", "at"),)


class Finding(Base):
    """What the nightly check found wrong with a complaint; settled when a later check finds it right."""

    __tablename__ = "findings"
    complaint_id: Mapped[int] = mapped_column(ForeignKey("complaints.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(30), primary_key=True)  # helpline.nightly.KINDS
    found_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]


class Feedback(Base):
    """What the citizen said of a resolution: asked once for each time it was resolved."""

    __tablename__ = "feedback"
    complaint_id: Mapped[int] = mapped_column(ForeignKey("complaints.id"), primary_key=True)
    round: Mapped[int] = mapped_column(primary_key=True)  # the complaint's reopen_count then
    asked_at: Mapped[datetime]
    asked_by: Mapped[str] = mapped_column(String(5), default="sms")  # the last way it was asked: sms | call
    tries: Mapped[int] = mapped_column(default=1)
    next_at: Mapped[datetime | None]  # when it is asked again; none once answered or given up
    solved: Mapped[bool | None]
    rating: Mapped[int | None]  # 1 (very poor) … 5 (very good)
    conduct: Mapped[bool | None]  # somebody asked for money or behaved badly: never shown to officers
    channel: Mapped[str | None] = mapped_column(String(10))  # of the answer
    answered_at: Mapped[datetime | None]
    from_number: Mapped[str | None] = mapped_column(PHONE)
    from_staff: Mapped[bool] = mapped_column(default=False)  # that number is one of an officer
    claimed_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))  # the agent who rings
    claimed_at: Mapped[datetime | None]
    outcome: Mapped[str | None] = mapped_column(String(20))  # of the agent's last attempt
    __table_args__ = (
        Index("ix_feedback_next_at", "next_at", sqlite_where=text("next_at IS NOT NULL"), postgresql_where=text("next_at IS NOT NULL")),
        Index("ix_feedback_answered_at", "answered_at"),
    )


class Translated(Base):
    """A machine's translation of a citizen's or an officer's text, kept beside the original."""

    __tablename__ = "translations"
    id: Mapped[int] = mapped_column(Id, primary_key=True)
    complaint_id: Mapped[int] = mapped_column(ForeignKey("complaints.id"))
    subject: Mapped[str] = mapped_column(String(40))  # "description", "event:<seq>"
    source: Mapped[str] = mapped_column(LANGUAGE)
    target: Mapped[str] = mapped_column(LANGUAGE)
    original: Mapped[str] = mapped_column(Text)
    translation: Mapped[str | None] = mapped_column(Text)
    engine: Mapped[str | None] = mapped_column(String(40))
    state: Mapped[str] = mapped_column(String(10), default="pending")  # pending | done | failed
    attempts: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[datetime]
    created_at: Mapped[datetime]
    __table_args__ = (
        UniqueConstraint("complaint_id", "subject", "target"),
        Index("ix_translations_due", "next_at", sqlite_where=text("state = 'pending'"), postgresql_where=text("state = 'pending'")),
    )


class LearntWord(Base):
    """A word of a complaint that staff gave another category: what the classifier learns (helpline.learning)."""

    __tablename__ = "learnt_words"
    complaint_id: Mapped[int] = mapped_column(ForeignKey("complaints.id"), primary_key=True)
    word: Mapped[str] = mapped_column(String(40), primary_key=True)
    category_code: Mapped[str] = mapped_column(String(40))
    weight: Mapped[float]


class SearchWord(Base):
    """A complaint's searchable words (folded), so that search is an index look-up on SQLite and PostgreSQL alike."""

    __tablename__ = "search_words"
    complaint_id: Mapped[int] = mapped_column(ForeignKey("complaints.id"), primary_key=True)
    word: Mapped[str] = mapped_column(String(40), primary_key=True)
    __table_args__ = (Index("ix_search_words_word", "word", "complaint_id"),)
