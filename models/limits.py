"""How much a number may send, and what was decided about those that send very much."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import LANGUAGE, PHONE, Base, Id, UtcDateTime


class Tally(Base):
    """How often something was done within an hour, by whom: limits that every process shares."""

    __tablename__ = "tallies"
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    subject: Mapped[str] = mapped_column(String(64), primary_key=True)
    hour: Mapped[datetime] = mapped_column(UtcDateTime(), primary_key=True)
    count: Mapped[int] = mapped_column(default=0)


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
