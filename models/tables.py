"""The store: every table, its keys and indexes. Rules that span rows are in `helpline/`."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, Id, UtcDateTime

PHONE = String(64)  # E.164, or what a carrier gives for somebody without a number ("anonymous", a header)
LANGUAGE = String(2)
OFFICE = String(80)
UNACCOUNTED = "accounted_at IS NULL AND ended_at IS NOT NULL"  # of the calls: helpline.callbacks.account


STILL_OPEN = "state NOT IN ('closed', 'rejected', 'duplicate')"  # what worklists show in the order of urgency
UNSETTLED = "state IN ('claimed', 'parked', 'suppressed')"  # of the outbox: helpline.outbox.UNSETTLED


class Amendment(Base):
    """What the office changed in the shipped reference data: the whole row, or None where it was taken out."""

    __tablename__ = "amendments"
    kind: Mapped[str] = mapped_column(String(20), primary_key=True)  # helpline.reference.KINDS
    code: Mapped[str] = mapped_column(String(120), primary_key=True)
    row: Mapped[dict[str, Any] | None]
    version: Mapped[int] = mapped_column(Id, unique=True)  # models.ids.new_id: grows with every change
    at: Mapped[datetime]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))


class User(Base):
    """A member of staff who signs in to the console."""

    __tablename__ = "users"
    id: Mapped[int] = mapped_column(Id, primary_key=True)
    username: Mapped[str] = mapped_column(String(60), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    role: Mapped[str] = mapped_column(String(20))  # helpline.roles
    office_code: Mapped[str | None] = mapped_column(OFFICE)  # an officer's; helpline.offices
    department_code: Mapped[str | None] = mapped_column(String(20))  # a limit on what supervisors and monitors see
    district_code: Mapped[str | None] = mapped_column(String(8))  # likewise
    phone: Mapped[str | None] = mapped_column(PHONE)  # E.164, for work by SMS
    deputy_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))  # does the work while this person is absent
    absent_from: Mapped[datetime | None]
    absent_until: Mapped[datetime | None]
    password_hash: Mapped[str] = mapped_column(String(200))
    language: Mapped[str] = mapped_column(LANGUAGE, default="bn")
    active: Mapped[bool] = mapped_column(default=True)
    must_change_password: Mapped[bool] = mapped_column(default=False)
    failed_sign_ins: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None]
    session_epoch: Mapped[int] = mapped_column(default=0)  # raised to end every session of this person
    created_at: Mapped[datetime]


class Phone(Base):
    """What is known of a number, not of a person: several people can share one phone."""

    __tablename__ = "phones"
    number: Mapped[str] = mapped_column(PHONE, primary_key=True)
    language: Mapped[str | None] = mapped_column(LANGUAGE)
    sms_stopped_at: Mapped[datetime | None]
    updated_at: Mapped[datetime]


class Complaint(Base):
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


class Alert(Base):
    """Something staff are told in the console: one person, or everybody of an office."""

    __tablename__ = "alerts"
    id: Mapped[int] = mapped_column(Id, primary_key=True)
    complaint_id: Mapped[int] = mapped_column(ForeignKey("complaints.id"))
    kind: Mapped[str] = mapped_column(String(30))  # helpline.alerts.KINDS
    office_code: Mapped[str | None] = mapped_column(OFFICE)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    at: Mapped[datetime]
    seen_at: Mapped[datetime | None]
    seen_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    __table_args__ = (
        UniqueConstraint("complaint_id", "kind", "at", "office_code", "user_id"),
        Index("ix_alerts_office_code", "office_code", "at", sqlite_where=text("seen_at IS NULL"), postgresql_where=text("seen_at IS NULL")),
        Index("ix_alerts_user_id", "user_id", "at", sqlite_where=text("seen_at IS NULL"), postgresql_where=text("seen_at IS NULL")),
    )


class Finding(Base):
    """What the nightly check found wrong with a complaint; settled when a later check finds it right."""

    __tablename__ = "findings"
    complaint_id: Mapped[int] = mapped_column(ForeignKey("complaints.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(30), primary_key=True)  # helpline.nightly.KINDS
    found_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]


class CountedComplaint(Base):
    """How a complaint was last counted: its dimensions, and for each figure of helpline.figures the day on which it counts."""

    __tablename__ = "counted_complaints"
    complaint_id: Mapped[int] = mapped_column(ForeignKey("complaints.id"), primary_key=True, autoincrement=False)
    department: Mapped[str] = mapped_column(String(20))
    district: Mapped[str] = mapped_column(String(8))
    category: Mapped[str] = mapped_column(String(40))  # the first of its two levels
    level: Mapped[str] = mapped_column(String(2))
    office: Mapped[str] = mapped_column(OFFICE)
    subcategory: Mapped[str] = mapped_column(String(40))
    local_body: Mapped[str] = mapped_column(String(60))
    registered: Mapped[date | None]
    open: Mapped[date | None]
    judged: Mapped[date | None]
    kept: Mapped[date | None]
    closed: Mapped[date | None]
    confirmed: Mapped[date | None]
    unconfirmed: Mapped[date | None]
    rejected: Mapped[date | None]
    reopened: Mapped[date | None]
    responded: Mapped[date | None]
    responded_hours: Mapped[int | None]
    resolved: Mapped[date | None]
    resolved_hours: Mapped[int | None]
    __table_args__ = (Index("ix_counted_complaints_department", "department", "district"), Index("ix_counted_complaints_registered", "registered", "subcategory", "district", "local_body"),
                      *(Index(f"ix_counted_complaints_{name}_{figure}", name, figure, f"{figure}_hours")  # times taken, read from the index alone
                        for name in ("department", "district", "category") for figure in ("responded", "resolved")))  # fmt: skip


class DailyCount(Base):
    """How many complaints count in a figure on a day: in all, by one dimension, or by two (`slice` names them)."""

    __tablename__ = "daily_counts"
    slice: Mapped[str] = mapped_column(String(30), primary_key=True)
    figure: Mapped[str] = mapped_column(String(20), primary_key=True)
    code: Mapped[str] = mapped_column(OFFICE, primary_key=True)
    second: Mapped[str] = mapped_column(String(40), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    hours: Mapped[int] = mapped_column(primary_key=True, default=0)  # of those that measure working time
    count: Mapped[int]
    __table_args__ = (Index("ix_daily_counts_day", "slice", "figure", "day", "code", "second", "count"),
                      Index("ix_daily_counts_second", "slice", "figure", "second", "day", "code", "count"))  # fmt: skip


class MonthlyCount(Base):
    """The sums of `daily_counts` over a month, so that a long period is few rows."""

    __tablename__ = "monthly_counts"
    slice: Mapped[str] = mapped_column(String(30), primary_key=True)
    figure: Mapped[str] = mapped_column(String(20), primary_key=True)
    code: Mapped[str] = mapped_column(OFFICE, primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)  # the month's first
    second: Mapped[str] = mapped_column(String(40), primary_key=True)
    hours: Mapped[int] = mapped_column(primary_key=True, default=0)
    count: Mapped[int]
    # No index has the count: PostgreSQL then changes a row, and each complaint of its month does, without touching them.
    __table_args__ = (Index("ix_monthly_counts_second", "slice", "figure", "second", "day"),)


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


class Media(Base):
    """A picture or document that came with a message: first the carrier's address of it, later an attachment."""

    __tablename__ = "media"
    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)  # models.ids.new_id
    key: Mapped[str] = mapped_column(String(120))  # of the inbound message
    position: Mapped[int]  # among those of the message
    number: Mapped[str] = mapped_column(PHONE)  # who sent it, E.164
    url: Mapped[str] = mapped_column(Text)
    declared_type: Mapped[str] = mapped_column(String(80))  # as the carrier says; not believed
    complaint_id: Mapped[int | None] = mapped_column(ForeignKey("complaints.id"))  # none until the citizen has said which
    attachment_id: Mapped[int | None] = mapped_column(ForeignKey("attachments.id"))
    state: Mapped[str] = mapped_column(String(10), default="pending")  # pending | stored | refused
    reason: Mapped[str | None] = mapped_column(String(20))  # why it was refused
    attempts: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[datetime]
    at: Mapped[datetime]
    __table_args__ = (
        UniqueConstraint("key", "position"),
        Index("ix_media_due", "next_at", sqlite_where=text("state = 'pending'"), postgresql_where=text("state = 'pending'")),
        Index("ix_media_complaint_id", "complaint_id", sqlite_where=text("complaint_id IS NOT NULL"), postgresql_where=text("complaint_id IS NOT NULL")),
    )


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


class ReplyTemplate(Base):
    """A text that staff insert into a report, a question or a reason; edited by supervisors."""

    __tablename__ = "reply_templates"
    id: Mapped[int] = mapped_column(Id, primary_key=True)
    field: Mapped[str] = mapped_column(String(12))  # report | question | reason
    language: Mapped[str] = mapped_column(LANGUAGE)
    title: Mapped[str] = mapped_column(String(80))
    body: Mapped[str] = mapped_column(Text)
    active: Mapped[bool] = mapped_column(default=True)
    by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    at: Mapped[datetime]


class Presence(Base):
    """Who has a complaint's page open just now, and what they are writing."""

    __tablename__ = "presence"
    complaint_id: Mapped[int] = mapped_column(ForeignKey("complaints.id"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    at: Mapped[datetime]
    doing: Mapped[str] = mapped_column(String(20), default="")  # an action of the lifecycle


class BulkRun(Base):
    """Something done to many complaints at once, under a token that keeps it single."""

    __tablename__ = "bulk_runs"
    token: Mapped[str] = mapped_column(String(40), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    action: Mapped[str] = mapped_column(String(30))
    at: Mapped[datetime]
    results: Mapped[dict[str, Any]]  # complaint id → "done", or why not


class WorkCode(Base):
    """The short code under which an officer works on a complaint by SMS."""

    __tablename__ = "work_codes"
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    code: Mapped[str] = mapped_column(String(5), primary_key=True)
    complaint_id: Mapped[int] = mapped_column(ForeignKey("complaints.id"))
    at: Mapped[datetime]
    __table_args__ = (UniqueConstraint("user_id", "complaint_id"),)


class LastRun(Base):
    """When a job that runs once a night was last begun."""

    __tablename__ = "last_runs"
    name: Mapped[str] = mapped_column(String(30), primary_key=True)
    at: Mapped[datetime]


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


class SearchWord(Base):
    """A complaint's searchable words (folded), so that search is an index look-up on SQLite and PostgreSQL alike."""

    __tablename__ = "search_words"
    complaint_id: Mapped[int] = mapped_column(ForeignKey("complaints.id"), primary_key=True)
    word: Mapped[str] = mapped_column(String(40), primary_key=True)
    __table_args__ = (Index("ix_search_words_word", "word", "complaint_id"),)


class Call(Base):
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


class Callback(Base):
    """Somebody to be rung back: a call ended before what the caller came for was done, or it was asked for by SMS. One open entry a number."""

    __tablename__ = "callbacks"
    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)  # models.ids.new_id
    number: Mapped[str] = mapped_column(PHONE)  # E.164, where the citizen is rung
    language: Mapped[str] = mapped_column(LANGUAGE)
    reason: Mapped[str] = mapped_column(String(12))  # helpline.callbacks.REASONS
    at: Mapped[str | None] = mapped_column(String(24))  # where in the call tree it ended
    call_id: Mapped[int | None] = mapped_column(ForeignKey("calls.id"))  # the last of its calls; none when it was asked for by SMS
    complaint_id: Mapped[int | None] = mapped_column(ForeignKey("complaints.id"))  # what was told so far
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


class Attendance(Base):
    """An agent at the desk, ready for calls or not. Nobody without a row, or unseen for a while, is given one."""

    __tablename__ = "attendance"
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True, autoincrement=False)
    state: Mapped[str] = mapped_column(String(10))  # helpline.queueing.AGENT_STATES
    since: Mapped[datetime]
    seen_at: Mapped[datetime]  # by the browser, every few seconds
    languages: Mapped[str] = mapped_column(String(20))  # "bn,en"


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
    state: Mapped[str] = mapped_column(String(10))  # owed | placing | ringing | answered | ending | ended | failed
    sid: Mapped[str | None] = mapped_column(String(64))
    leaving: Mapped[bool] = mapped_column(default=False)  # as soon as a colleague has the call
    created_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    __table_args__ = (
        Index("ix_legs_live", "user_id", "state", sqlite_where=text("ended_at IS NULL"), postgresql_where=text("ended_at IS NULL")),
        Index("ix_legs_waiting_id", "waiting_id"),
    )


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


class Inbound(Base):
    """What a carrier sent, under its own id, and what was answered: delivered twice, it gets the same answer."""

    __tablename__ = "inbound"
    id: Mapped[int] = mapped_column(Id, primary_key=True)
    key: Mapped[str] = mapped_column(String(120), unique=True)  # "sms:<MessageSid>", "step:<CallSid>:<n>", …
    kind: Mapped[str] = mapped_column(String(16))  # sms | step | call-status | sms-status | recording
    payload: Mapped[dict[str, Any]]
    answer: Mapped[str | None] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(10), default="done")  # pending | done | failed
    attempts: Mapped[int] = mapped_column(default=0)
    received_at: Mapped[datetime]
    complaint_id: Mapped[int | None] = mapped_column(Id)  # what it was about; no key of the store's, which would be asked at each message
    from_number: Mapped[str | None] = mapped_column(PHONE)
    __table_args__ = (
        Index("ix_inbound_pending", "received_at", sqlite_where=text("state = 'pending'"), postgresql_where=text("state = 'pending'")),
        Index("ix_inbound_complaint_id", "complaint_id", sqlite_where=text("kind = 'sms'"), postgresql_where=text("kind = 'sms'")),
    )


class Outgoing(Base):
    """A message owed to a citizen: the outbox. Its text is frozen when it is written."""

    __tablename__ = "outbox"
    id: Mapped[int] = mapped_column(Id, primary_key=True)
    key: Mapped[str] = mapped_column(String(120), unique=True)
    kind: Mapped[str] = mapped_column(String(8), default="sms")  # sms | call | email
    to_number: Mapped[str] = mapped_column(PHONE)
    body: Mapped[str] = mapped_column(Text)
    template: Mapped[str] = mapped_column(String(60))
    language: Mapped[str] = mapped_column(LANGUAGE)
    asked: Mapped[bool] = mapped_column(default=False)  # the answer to what the citizen did just now: sent also after STOP
    complaint_id: Mapped[int | None] = mapped_column(ForeignKey("complaints.id"))
    state: Mapped[str] = mapped_column(String(12), default="pending")  # helpline.outbox.STATES
    attempts: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[datetime]
    claimed_at: Mapped[datetime | None]
    carrier: Mapped[str | None] = mapped_column(String(20))  # who it was handed to; none: to nobody yet
    carrier_sid: Mapped[str | None] = mapped_column(String(64))
    carrier_status: Mapped[str | None] = mapped_column(String(20))
    error_code: Mapped[str | None] = mapped_column(String(20))
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    check_code: Mapped[str | None] = mapped_column(String(9))  # stands in the text: helpline.proof
    address: Mapped[str | None] = mapped_column(String(120))  # of an email
    __table_args__ = (
        Index("ix_outbox_check_code", "check_code", sqlite_where=text("check_code IS NOT NULL"), postgresql_where=text("check_code IS NOT NULL")),
        Index("ix_outbox_due", "next_at", sqlite_where=text("state = 'pending'"), postgresql_where=text("state = 'pending'")),
        Index("ix_outbox_unsettled", "state", "created_at", sqlite_where=text(UNSETTLED), postgresql_where=text(UNSETTLED)),
        Index("ix_outbox_carrier_sid", "carrier_sid", sqlite_where=text("carrier_sid IS NOT NULL"), postgresql_where=text("carrier_sid IS NOT NULL")),
        Index("ix_outbox_complaint_id", "complaint_id"),
    )


class CarrierState(Base):
    """When a carrier of SMS may be sent to next: what all workers share of it."""

    __tablename__ = "carrier_states"
    carrier: Mapped[str] = mapped_column(String(20), primary_key=True)
    free_at: Mapped[int] = mapped_column(BigInteger, default=0)  # microseconds since 1970: the next place within its rate
    resting_until: Mapped[datetime | None]  # it was in trouble: others are tried first
    closed_until: Mapped[datetime | None]  # it asked to be left alone


class Try(Base):
    """One attempt to bring a message to its citizen: when, by whom, and what came of it."""

    __tablename__ = "tries"
    id: Mapped[int] = mapped_column(Id, primary_key=True)
    outbox_id: Mapped[int] = mapped_column(ForeignKey("outbox.id"))
    at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(String(8))  # sms | call | email | person
    outcome: Mapped[str | None] = mapped_column(String(20))  # helpline.tries.OUTCOMES; none while it goes on
    code: Mapped[str | None] = mapped_column(String(20))  # the carrier's, of what went wrong
    ended_at: Mapped[datetime | None]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))  # the person who rang
    __table_args__ = (Index("ix_tries_outbox_id", "outbox_id"), Index("ix_tries_kind_at", "kind", "at"))


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


class Conversation(Base):
    """What the text line last asked a number, and what the answer is about."""

    __tablename__ = "conversations"
    number: Mapped[str] = mapped_column(PHONE, primary_key=True)
    awaiting: Mapped[str] = mapped_column(String(20))
    context: Mapped[dict[str, Any]]
    expires_at: Mapped[datetime]


class Sender(Base):
    """A number that sends or calls a great deal, or wrote abuse, and what a supervisor decided about it."""

    __tablename__ = "senders"
    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)  # models.ids.new_id
    number: Mapped[str] = mapped_column(PHONE, unique=True)  # E.164
    noticed_at: Mapped[datetime]
    over: Mapped[str | None] = mapped_column(String(12))  # helpline.fairness.LIMITS: what it was last found beyond
    over_at: Mapped[datetime | None]
    abuse_at: Mapped[datetime | None]  # of the newest mark
    withheld: Mapped[int] = mapped_column(default=0)  # answers that the next summary stands for
    withheld_since: Mapped[datetime | None]
    summary_at: Mapped[datetime | None]
    language: Mapped[str | None] = mapped_column(LANGUAGE)  # of the summary
    decision: Mapped[str | None] = mapped_column(String(8))  # helpline.fairness.DECISIONS
    until: Mapped[datetime | None]  # the decision's end
    __table_args__ = (
        Index("ix_senders_summary_at", "summary_at", sqlite_where=text("summary_at IS NOT NULL"), postgresql_where=text("summary_at IS NOT NULL")),
    )


class SenderDecision(Base):
    """What a supervisor decided about a number, each time."""

    __tablename__ = "sender_decisions"
    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)  # models.ids.new_id
    sender_id: Mapped[int] = mapped_column(ForeignKey("senders.id"))
    decision: Mapped[str] = mapped_column(String(8))
    reason: Mapped[str] = mapped_column(String(300))
    until: Mapped[datetime]
    at: Mapped[datetime]
    by_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    __table_args__ = (Index("ix_sender_decisions_sender_id", "sender_id", "at"),)


class AbuseMark(Base):
    """Something abusive, obscene or threatening in what a number sent: for a supervisor to look at, nothing follows by itself."""

    __tablename__ = "abuse_marks"
    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)  # models.ids.new_id
    sender_id: Mapped[int] = mapped_column(ForeignKey("senders.id"))
    at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(String(10))  # helpline.abuse.KINDS
    channel: Mapped[str] = mapped_column(String(10))
    word: Mapped[str] = mapped_column(String(60))  # of the shipped list
    text: Mapped[str] = mapped_column(String(400))
    complaint_id: Mapped[int | None] = mapped_column(ForeignKey("complaints.id"))
    __table_args__ = (Index("ix_abuse_marks_sender_id", "sender_id", "at"),)


class Part(Base):
    """What a number wrote within the last minutes, by which a long message that came in parts is put together."""

    __tablename__ = "parts"
    id: Mapped[int] = mapped_column(Id, primary_key=True)
    key: Mapped[str] = mapped_column(String(120), unique=True)  # of the inbound message
    series: Mapped[str] = mapped_column(String(120))  # the key of the first of the parts that came
    number: Mapped[str] = mapped_column(PHONE)
    text: Mapped[str] = mapped_column(Text)  # without the mark
    at: Mapped[datetime]
    sent_at: Mapped[datetime | None]  # where the carrier says so
    position: Mapped[int]  # 2 of "2/3"; 0 without a mark
    total: Mapped[int]
    cut: Mapped[bool]  # it ends where a segment does
    begins: Mapped[bool]  # with the keyword that files
    effect: Mapped[str] = mapped_column(String(10))  # sms.parts.Piece
    complaint_id: Mapped[int | None] = mapped_column(Id)
    __table_args__ = (Index("ix_parts_number", "number", "at"),)


class Tally(Base):
    """How often something was done within an hour, by whom: limits that every process shares."""

    __tablename__ = "tallies"
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    subject: Mapped[str] = mapped_column(String(64), primary_key=True)
    hour: Mapped[datetime] = mapped_column(UtcDateTime(), primary_key=True)
    count: Mapped[int] = mapped_column(default=0)


class Audit(Base):
    """Who did or saw what in the console, beside the complaints' own events. Append-only: triggers refuse UPDATE and DELETE."""

    __tablename__ = "audit"
    id: Mapped[int] = mapped_column(Id, primary_key=True)
    at: Mapped[datetime]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    action: Mapped[str] = mapped_column(String(40))
    complaint_id: Mapped[int | None] = mapped_column(ForeignKey("complaints.id"))
    data: Mapped[dict[str, Any]]
    __table_args__ = (Index("ix_audit_at", "at"), Index("ix_audit_user_id", "user_id", "at"), Index("ix_audit_complaint_id", "complaint_id", "at"))


class AuditSeal(Base):
    """A hash over a run of rows of the audit and the seal before it (helpline.seals)."""

    __tablename__ = "audit_seals"
    first_id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    last_id: Mapped[int] = mapped_column(Id)
    count: Mapped[int]
    hash: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime]


class Watermark(Base):
    """Up to when something was done that is done again and again, and by whom it is being done just now."""

    __tablename__ = "watermarks"
    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    at: Mapped[datetime]
    held_until: Mapped[datetime | None]


class Heartbeat(Base):
    """When each worker was last alive, for `/readyz` and the metrics."""

    __tablename__ = "heartbeats"
    worker: Mapped[str] = mapped_column(String(80), primary_key=True)
    at: Mapped[datetime]
