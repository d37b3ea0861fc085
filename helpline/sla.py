"""Due times: service levels in working days of the West Bengal calendar. A due time is stored when it is set."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

from helpline.config import ROOT, Hours

IST = ZoneInfo("Asia/Kolkata")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True)
class Calendar:
    """Working days: the configured week days less the state's holidays, as the office has corrected them."""

    hours: Hours
    added: frozenset[date]
    removed: frozenset[date]

    def is_working_day(self, day: date) -> bool:
        if DAYS[day.weekday()] not in self.hours.days:
            return False
        return day not in self.added and (day in self.removed or day not in _holidays_of(day.year))

    def is_working_time(self, now: datetime) -> bool:
        local = now.astimezone(IST)
        return self.is_working_day(local.date()) and self.hours.from_ <= local.time() < self.hours.to

    def due(self, start: datetime, days: int) -> datetime:
        """The close of the `days`-th working day after the day of `start`; UTC."""
        return _closing(self._nth_working_day(start.astimezone(IST).date(), max(days, 0)), self.hours.to)

    def _nth_working_day(self, day: date, count: int) -> date:
        while count or not self.is_working_day(day):
            day += timedelta(days=1)
            count -= self.is_working_day(day) if count else 0
        return day


def open_at(hours: Hours, now: datetime) -> bool:
    """Whether `now` is within `hours`, Asia/Kolkata."""
    local = now.astimezone(IST)
    return DAYS[local.weekday()] in hours.days and hours.from_ <= local.time() < hours.to


def load_calendar(hours: Hours, path: Path = ROOT / "reference" / "holidays.csv") -> Calendar:
    """The calendar with the office's own corrections (`+` added, `-` taken out) from `path`."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = [(date.fromisoformat(row["date"]), row["change"]) for row in csv.DictReader(file)]
    pick = {sign: frozenset(day for day, change in rows if change == sign) for sign in "+-"}
    return Calendar(hours, added=pick["+"], removed=pick["-"])


@lru_cache(maxsize=32)
def _holidays_of(year: int) -> frozenset[date]:
    import holidays  # here: the package takes a while to import and most processes need one year

    return frozenset(holidays.country_holidays("IN", subdiv="WB", years=year, categories=("public",)))


@lru_cache(maxsize=512)
def _closing(day: date, at: time) -> datetime:
    return datetime.combine(day, at, IST).astimezone(UTC)
