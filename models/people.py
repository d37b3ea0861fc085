"""Who works here and what they have open: accounts, alerts, presence, what they decided."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import LANGUAGE, OFFICE, PHONE, Base, Id


class User(Base):
    """A member of staff who signs in to the console."""

    __tablename__ = "users"
    id: Mapped[int] = mapped_column(Id, primary_key=True)
    username: Mapped[str] = mapped_column(String(60), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    role: Mapped[str] = mapped_column(String(20))  # helpline.lifecycle.STAFF_ROLES
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


class Presence(Base):
    """Who has a complaint's page open just now, and what they are writing."""

    __tablename__ = "presence"
    complaint_id: Mapped[int] = mapped_column(ForeignKey("complaints.id"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    at: Mapped[datetime]
    doing: Mapped[str] = mapped_column(String(20), default="")  # an action of the lifecycle


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
