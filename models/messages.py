"""What comes in and goes out, whatever carries it, and where a conversation stands."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import LANGUAGE, PHONE, Base, Id

UNSETTLED = "state IN ('claimed', 'parked', 'suppressed')"  # of the outbox: helpline.outbox.UNSETTLED


class Phone(Base):
    """What is known of a number, not of a person: several people can share one phone."""

    __tablename__ = "phones"
    number: Mapped[str] = mapped_column(PHONE, primary_key=True)
    language: Mapped[str | None] = mapped_column(LANGUAGE)
    sms_stopped_at: Mapped[datetime | None]
    updated_at: Mapped[datetime]


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


class CarrierState(Base):
    """When a carrier of SMS may be sent to next: what all workers share of it."""

    __tablename__ = "carrier_states"
    carrier: Mapped[str] = mapped_column(String(20), primary_key=True)
    free_at: Mapped[int] = mapped_column(BigInteger, default=0)  # microseconds since 1970: the next place within its rate
    resting_until: Mapped[datetime | None]  # it was in trouble: others are tried first
    closed_until: Mapped[datetime | None]  # it asked to be left alone


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


class Conversation(Base):
    """What the text line last asked a number, and what the answer is about."""

    __tablename__ = "conversations"
    number: Mapped[str] = mapped_column(PHONE, primary_key=True)
    awaiting: Mapped[str] = mapped_column(String(20))
    context: Mapped[dict[str, Any]]
    expires_at: Mapped[datetime]


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
