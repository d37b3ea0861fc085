"""What dashboards read: complaints counted by day and by month."""

from __future__ import annotations

from datetime import date

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import OFFICE, Base


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
