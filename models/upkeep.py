"""What the processes keep for themselves, and what the office changed in the shipped reference data."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Id


class Amendment(Base):
    """What the office changed in the shipped reference data: the whole row, or None where it was taken out."""

    __tablename__ = "amendments"
    kind: Mapped[str] = mapped_column(String(20), primary_key=True)  # helpline.reference.KINDS
    code: Mapped[str] = mapped_column(String(120), primary_key=True)
    row: Mapped[dict[str, Any] | None]
    version: Mapped[int] = mapped_column(Id, unique=True)  # models.ids.new_id: grows with every change
    at: Mapped[datetime]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))


class LastRun(Base):
    """When a job that runs once a night was last begun."""

    __tablename__ = "last_runs"
    name: Mapped[str] = mapped_column(String(30), primary_key=True)
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
