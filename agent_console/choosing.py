"""What a dashboard is asked for, as it stands in the page's address: a period and what is chosen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from flask import request

from helpline.figures import meaning, reading
from helpline.runtime import Runtime, utc_now

PERIODS = ("7", "30", "90", "365", "month", "last_month", "own")
LEVELS = ("1", "2", "3", "4")
FIRST_DAY = date(2000, 1, 1)


@dataclass(frozen=True)
class Chosen:
    period: str
    choice: reading.Choice

    @property
    def address(self) -> dict[str, str]:
        """The same again, for links."""
        given = {"period": self.period, **self.choice.filters}
        return given | ({"from": self.choice.first.isoformat(), "to": self.choice.last.isoformat()} if self.period == "own" else {})


def chosen(runtime: Runtime, default: str = "30") -> Chosen:
    """What the request at hand asks for; what does not exist is left out."""
    on = meaning.today(utc_now())
    period = request.args.get("period", default)
    period = period if period in PERIODS else default
    first, last = _days(period, on)
    filters = {name: code for name in ("department", "district", "category", "level", "office") if _exists(runtime, name, code := request.args.get(name, "")[:80])}
    return Chosen(period, reading.Choice(first, last, on, filters))


def _exists(runtime: Runtime, name: str, code: str) -> bool:
    if name == "level":
        return code in LEVELS
    known: Any = {"department": runtime.reference.departments, "district": runtime.reference.districts, "category": runtime.reference.categories,
                  "office": runtime.reference.offices}  # fmt: skip
    return code in known[name]


def _days(period: str, on: date) -> tuple[date, date]:
    if period == "month":
        return on.replace(day=1), on
    if period == "last_month":
        last = on.replace(day=1) - timedelta(days=1)
        return last.replace(day=1), last
    if period == "own":
        first, last = _day("from", on - timedelta(days=29)), _day("to", on)
        return min(first, last), max(first, last)
    return on - timedelta(days=int(period) - 1), on


def _day(name: str, otherwise: date) -> date:
    try:
        day = date.fromisoformat(request.args.get(name, "")[:10])
    except ValueError:
        return otherwise
    return min(max(day, FIRST_DAY), date(2100, 1, 1))


def buckets(first: date, last: date) -> list[tuple[date, date]]:
    """The period cut for a trend: days up to three weeks, weeks (from Monday) up to half a year, else months."""
    length = (last - first).days + 1
    found, begin = [], first
    while begin <= last:
        if length <= 21:
            end = begin
        elif length <= 190:
            end = begin + timedelta(days=6 - begin.weekday())
        else:
            end = (begin.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
        found.append((begin, min(end, last)))
        begin = end + timedelta(days=1)
    return found
