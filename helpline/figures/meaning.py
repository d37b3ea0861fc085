"""What each figure means: one condition and one moment, for counting and for listing alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Date, Integer, String, and_, case, cast, exists, func, or_
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction

from helpline import offices
from helpline.lifecycle import State, is_worked_on
from helpline.sla import IST
from models import Complaint, Event

DIMENSIONS = ("department", "district", "category", "level", "office")
WORKED_ON = [str(state) for state in State if is_worked_on(state)]
DUE_SOON_DAYS = 7


class ist_day(GenericFunction[Any]):
    """The day of a moment in Asia/Kolkata."""

    type = Date()
    inherit_cache = True


class month_of(GenericFunction[Any]):
    """The first day of a day's month."""

    type = Date()
    inherit_cache = True


class top_of(GenericFunction[Any]):
    """The first part of a dotted code."""

    type = String()
    inherit_cache = True


@compiles(ist_day, "sqlite")
def _sqlite_day(element: Any, compiler: Any, **kw: Any) -> str:
    return f"date({compiler.process(element.clauses, **kw)}, '+330 minutes')"


@compiles(ist_day, "postgresql")
def _postgresql_day(element: Any, compiler: Any, **kw: Any) -> str:
    return f"(({compiler.process(element.clauses, **kw)}) AT TIME ZONE 'Asia/Kolkata')::date"


@compiles(month_of, "sqlite")
def _sqlite_month(element: Any, compiler: Any, **kw: Any) -> str:
    return f"date({compiler.process(element.clauses, **kw)}, 'start of month')"


@compiles(month_of, "postgresql")
def _postgresql_month(element: Any, compiler: Any, **kw: Any) -> str:
    return f"date_trunc('month', ({compiler.process(element.clauses, **kw)})::timestamp)::date"


@compiles(top_of, "sqlite")
def _sqlite_top(element: Any, compiler: Any, **kw: Any) -> str:
    code = compiler.process(element.clauses, **kw)
    return f"substr({code}, 1, instr({code} || '.', '.') - 1)"


@compiles(top_of, "postgresql")
def _postgresql_top(element: Any, compiler: Any, **kw: Any) -> str:
    return f"split_part({compiler.process(element.clauses, **kw)}, '.', 1)"


@dataclass(frozen=True)
class Figure:
    name: str
    condition: ColumnElement[bool]
    moment: Any  # when it counts; nowhere while this is empty
    value: Any = None  # working hours, begun ones counted whole, of those that measure time

    def where(self, days: tuple[date | None, date | None]) -> ColumnElement[bool]:
        """Complaints of this figure on the days from … to …, both included; None leaves that side open."""
        first, last = days
        bounds = [self.moment.is_not(None)]
        bounds += [self.moment >= day_begins(first)] if first else []
        bounds += [self.moment < day_begins(last + timedelta(days=1))] if last else []
        return and_(self.condition, *bounds)

    @property
    def day(self) -> Any:
        return case((self.condition, ist_day(self.moment)))


def day_begins(day: date) -> datetime:
    return datetime.combine(day, time.min, IST).astimezone(UTC)


def today(now: datetime) -> date:
    return now.astimezone(IST).date()


def _hours(minutes: Any) -> Any:
    return cast((minutes + 59) // 60, Integer)


_filed = Complaint.ack.is_not(None)
_in_time = Complaint.resolved_at <= Complaint.due_at
# The day on which it is judged: when it was closed in time, or resolved in time and then closed; otherwise when its time ran out.
_judged: Any = case((or_(_in_time, Complaint.closed_at <= Complaint.due_at), Complaint.closed_at), else_=Complaint.due_at)
_counts = and_(_filed, Complaint.state.not_in([str(State.DUPLICATE), str(State.REJECTED)]))
_closed = Complaint.state == str(State.CLOSED)

FIGURES = {
    figure.name: figure
    for figure in (
        Figure("registered", _filed, Complaint.registered_at),
        Figure("open", and_(_filed, Complaint.state.in_(WORKED_ON)), Complaint.due_at),
        Figure("judged", _counts, _judged),
        Figure("kept", and_(_counts, _closed, Complaint.outcome == "confirmed", _in_time), Complaint.closed_at),
        Figure("closed", _closed, Complaint.closed_at),
        Figure("confirmed", and_(_closed, Complaint.outcome == "confirmed"), Complaint.closed_at),
        Figure("unconfirmed", and_(_closed, Complaint.outcome == "unconfirmed"), Complaint.closed_at),
        Figure("rejected", Complaint.state == str(State.REJECTED), Complaint.closed_at),
        Figure("reopened", _filed, Complaint.reopened_at),
        Figure("responded", _filed, Complaint.responded_at, _hours(Complaint.response_minutes)),
        Figure("resolved", _filed, Complaint.resolved_at, _hours(Complaint.resolution_minutes)),
    )
}
MEASURES = ("responded", "resolved")

# The state of things rather than of a period: days of the due time, seen from today.
STANDING = ("open", "due", "overdue")


def standing_days(name: str, on: date) -> tuple[date | None, date | None]:
    """Between which days the due time lies, of what is open, due soon and overdue `on` a day."""
    return {"open": (None, None), "due": (on, on + timedelta(days=DUE_SOON_DAYS)), "overdue": (None, on - timedelta(days=1))}[name]


def listed(name: str, days: tuple[date, date], on: date, held_by: str = "") -> ColumnElement[bool] | None:
    """The complaints behind a figure's number; None for a name there is not. `held_by`: the office that had it at the time."""
    if name in STANDING:
        return FIGURES["open"].where(standing_days(name, on))
    if name == "missed":
        return and_(FIGURES["judged"].where(days), ~FIGURES["kept"].where((None, None)))
    if name in EVENTS:
        first, last = day_begins(days[0]), day_begins(days[1] + timedelta(days=1))
        at = [held_by == EVENT_OFFICE] if held_by else []
        return exists().where(Event.complaint_id == Complaint.id, Event.at >= first, Event.at < last, EVENTS[name], *at)
    return FIGURES[name].where(days) if name in FIGURES else None


# Of events, by the office that had it: news promised to the citizen and not given by the day, or given before it.
_promised = Event.before["news_at"].as_string()
EVENTS: dict[str, ColumnElement[bool]] = {
    "news_missed": Event.action == "news",
    "news_kept": and_(
        Event.action.in_(("accept", "promise", "resolve", "reject")),
        _promised.is_not(None),
        or_(Event.after["news_at"].as_string().is_(None), Event.after["news_at"].as_string() != _promised),
    ),
}
EVENT_OFFICE: Any = func.coalesce(Event.before["office_code"].as_string(), offices.FALLBACK)

CODES: dict[str, Any] = {
    "department": func.coalesce(Complaint.department_code, ""),
    "district": func.coalesce(Complaint.district_code, ""),
    "category": func.coalesce(top_of(Complaint.category_code), ""),
    "level": cast(Complaint.level, String),
    "office": func.coalesce(Complaint.office_code, ""),
}


def only(filters: dict[str, str]) -> Iterator[ColumnElement[bool]]:
    """Conditions on complaints for what is chosen: dimension → code."""
    plain = {"department": Complaint.department_code, "district": Complaint.district_code, "office": Complaint.office_code}
    for name, code in filters.items():
        if name == "level":
            yield Complaint.level == int(code)
        elif name == "category":
            yield or_(Complaint.category_code == code, and_(Complaint.category_code >= f"{code}.", Complaint.category_code < f"{code}/"))
        elif code:
            yield plain[name] == code
        else:
            yield plain[name].is_(None)
