"""Clocks: service levels in working time of the West Bengal calendar. Due times are stored when they are set."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from helpline.config import ROOT, Hours

if TYPE_CHECKING:
    from helpline.reference import Holiday, Reference

IST = ZoneInfo("Asia/Kolkata")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
PRIORITIES = ("urgent", "high", "normal", "low")


@dataclass(frozen=True, eq=False)  # told apart by identity: the caches below hash it often
class Calendar:
    """Working days: the configured week days less the state's holidays, as the office has corrected them."""

    hours: Hours
    added: frozenset[date]
    removed: frozenset[date]

    @cached_property
    def day_minutes(self) -> int:
        """Working minutes of a working day."""
        return _minute(self.hours.to) - _minute(self.hours.from_)

    def is_working_day(self, day: date) -> bool:
        return _is_working_day(self, day)

    def is_holiday(self, day: date) -> bool:
        """Closed though it is one of the office's week days."""
        return DAYS[day.weekday()] in self.hours.days and not self.is_working_day(day)

    def is_working_time(self, now: datetime) -> bool:
        local = now.astimezone(IST)
        return self.is_working_day(local.date()) and self.hours.from_ <= local.time() < self.hours.to

    def add(self, start: datetime, minutes: int) -> datetime:
        """`minutes` of working time after `start`; UTC. Time outside working hours does not count, nor do seconds."""
        return _add(self, start.replace(second=0, microsecond=0), minutes)

    def between(self, start: datetime, end: datetime) -> int:
        """Working minutes from `start` to `end`; 0 when `end` is not later."""
        if end <= start:
            return 0
        first, last = start.astimezone(IST), end.astimezone(IST)
        if first.date() == last.date():
            return self._worked(first.date(), first.time(), last.time())
        whole = _working_days_between(self, first.date() + timedelta(days=1), last.date())
        return (
            self._worked(first.date(), first.time(), time.max)
            + whole * self.day_minutes
            + self._worked(last.date(), time.min, last.time())
        )

    def _worked(self, day: date, from_: time, to: time) -> int:
        if not self.is_working_day(day):
            return 0
        return max(0, min(_minute(to), _minute(self.hours.to)) - max(_minute(from_), _minute(self.hours.from_)))

    def _working_start(self, start: datetime) -> tuple[date, int]:
        """The first working day and minute of the day at or after `start`."""
        local = start.astimezone(IST)
        day, minute = local.date(), _minute(local.time())
        if minute >= _minute(self.hours.to):
            day, minute = day + timedelta(days=1), 0
        working = self._nth_working_day(day, 0)
        opening = _minute(self.hours.from_)
        return working, max(minute, opening) if working == day else opening

    def _nth_working_day(self, day: date, count: int) -> date:
        return _nth_working_day(self, day, count)


@lru_cache(maxsize=4096)  # all that is filed in a minute has the same few due times
def _add(calendar: Calendar, start: datetime, minutes: int) -> datetime:
    day, minute = calendar._working_start(start)
    days, rest = divmod(minute - _minute(calendar.hours.from_) + max(minutes, 0), calendar.day_minutes)
    if rest == 0 and days and minutes > 0:  # the close of a day rather than the opening of the next
        days, rest = days - 1, calendar.day_minutes
    return _at(calendar._nth_working_day(day, days), calendar.hours.from_) + timedelta(minutes=rest)


@lru_cache(maxsize=4096)
def _nth_working_day(calendar: Calendar, day: date, count: int) -> date:
    while count or not calendar.is_working_day(day):
        day += timedelta(days=1)
        count -= calendar.is_working_day(day) if count else 0
    return day


@lru_cache(maxsize=8192)
def _is_working_day(calendar: Calendar, day: date) -> bool:
    if DAYS[day.weekday()] not in calendar.hours.days:
        return False
    return day not in calendar.added and (day in calendar.removed or day not in _holidays_of(day.year))


@lru_cache(maxsize=4096)
def _working_days_between(calendar: Calendar, first: date, end: date) -> int:
    """Working days from `first` up to, not including, `end`."""
    return sum(calendar.is_working_day(date.fromordinal(n)) for n in range(first.toordinal(), end.toordinal()))


def open_at(hours: Hours, now: datetime) -> bool:
    """Whether `now` is within `hours`, Asia/Kolkata."""
    local = now.astimezone(IST)
    return DAYS[local.weekday()] in hours.days and hours.from_ <= local.time() < hours.to


def after_open_minutes(hours: Hours, start: datetime, minutes: int) -> datetime:
    """The moment when `minutes` of opening time have passed since `start`; UTC."""
    local, left = start.astimezone(IST), timedelta(minutes=minutes)
    for day in (local.date() + timedelta(days=n) for n in range(400)):
        if DAYS[day.weekday()] not in hours.days:
            continue
        opens, closes = (datetime.combine(day, at, IST) for at in (hours.from_, hours.to))
        begins = max(opens, local)
        if begins < closes and closes - begins >= left:
            return (begins + left).astimezone(UTC)
        left -= max(closes - begins, timedelta())
    return start + timedelta(minutes=minutes)  # never open: no hours to count in


def make_calendar(hours: Hours, corrections: Iterable[Holiday]) -> Calendar:
    """The calendar with the office's own corrections: `+` closed, `-` open after all."""
    rows = [(date.fromisoformat(row.code), row.change) for row in corrections]
    pick = {sign: frozenset(day for day, change in rows if change == sign) for sign in "+-"}
    return Calendar(hours, added=pick["+"], removed=pick["-"])


def load_calendar(hours: Hours, path: Path = ROOT / "reference" / "holidays.csv") -> Calendar:
    """The calendar with the corrections as shipped."""
    from helpline.reference import Holiday

    with path.open(encoding="utf-8", newline="") as file:
        return make_calendar(hours, [Holiday(row["date"], row["change"], "", "") for row in csv.DictReader(file)])


@dataclass(frozen=True)
class Target:
    """Working minutes allowed."""

    response: int
    resolution: int


@lru_cache(maxsize=4096)
def target(reference: Reference, calendar: Calendar, category_code: str | None, priority: str, level: int, further: float) -> Target:
    """The service level for a category, priority and level.

    Each figure is of the most specific row of `reference/service_levels.csv` that gives it (category before priority
    before level). Without one, resolution takes the category's days, and `further` of them at each level above the first.
    """
    category = reference.categories.get(category_code or "") or reference.categories["OTHER"]
    response = _figure(reference, category.code, priority, level, "first_response_hours")
    resolution = _figure(reference, category.code, priority, level, "resolution_hours")
    by_days = category.sla_days * calendar.day_minutes * (1 if level <= 1 else further)
    return Target(
        round(response * 60) if response is not None else calendar.day_minutes,
        round(resolution * 60) if resolution is not None else max(60, round(by_days)),
    )


def _figure(reference: Reference, category: str, priority: str, level: int, name: str) -> float | None:
    for code in dict.fromkeys((category, category.partition(".")[0], "")):
        for key in ((code, priority, str(level)), (code, priority, ""), (code, "", str(level)), (code, "", "")):
            row = reference.service_levels.get(key)
            figure: float | None = getattr(row, name) if row else None
            if figure is not None:
                return figure
    return None


@lru_cache(maxsize=32)
def _holidays_of(year: int) -> frozenset[date]:
    import holidays  # here: the package takes a while to import and most processes need one year

    return frozenset(holidays.country_holidays("IN", subdiv="WB", years=year, categories=("public",)))


@lru_cache(maxsize=512)
def _at(day: date, at: time) -> datetime:
    return datetime.combine(day, at, IST).astimezone(UTC)


def _minute(at: time) -> int:
    return at.hour * 60 + at.minute
