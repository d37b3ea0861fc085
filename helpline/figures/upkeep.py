"""Keeping the counts: what the worker adds when it takes in a changed complaint, and counting everything anew.

`counted_complaints` says how each complaint was last counted, so that a change takes away exactly what it added before;
`daily_counts` has the sums by day for all, for each value of a dimension and of each pair of dimensions, `monthly_counts`
the same by month. All are written in the transaction that marks the complaint as taken in (`indexed_seq`): what is not
marked is added by the reader.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from itertools import combinations
from typing import Any

from sqlalchemy import Connection, bindparam, delete, exists, func, insert, literal, select, text, update
from sqlalchemy.dialects import postgresql

from helpline.figures.meaning import CODES, EVENT_OFFICE, EVENTS, FIGURES, MEASURES, ist_day, month_of
from models import Complaint, CountedComplaint, DailyCount, Event, Holding, MonthlyCount

PAIRED = ("department", "district", "category", "level")
SLICES: tuple[tuple[str, ...], ...] = ((), *((name,) for name in (*PAIRED, "office")), *combinations(PAIRED, 2))
MEASURED: tuple[tuple[str, ...], ...] = ((), ("level",))
BY_DAY_ALONE = "held"  # an office's month has nearly as many different hours as holdings: its sums would be as many rows again
Key = tuple[str, str, str, str, date, int]  # slice, figure, code, second code, day (or a month's first), working hours
_KEY = ("slice", "figure", "code", "second", "day", "hours")
_COLUMNS = (*_KEY, "count")
_table = CountedComplaint.__table__

# A complaint as it is counted: its dimensions, and for each figure the day on which it counts.
FACTS: dict[str, Any] = {
    "complaint_id": Complaint.id,
    **CODES,
    "subcategory": func.coalesce(Complaint.category_code, ""),
    "local_body": func.coalesce(Complaint.local_body_code, ""),
    **{name: figure.day for name, figure in FIGURES.items()},
    "responded_hours": FIGURES["responded"].value,
    "resolved_hours": FIGURES["resolved"].value,
}
facts = select(*(column.label(name) for name, column in FACTS.items())).where(Complaint.ack.is_not(None))


def slice_name(names: tuple[str, ...]) -> str:
    return ".".join(names)


def slices_of(figure: str) -> tuple[tuple[str, ...], ...]:
    """In which sums a figure stands: measured times only in the whole and by level, of which there are few; all others in each."""
    return MEASURED if figure in MEASURES else SLICES


def contributions(fact: Mapping[str, Any]) -> Iterator[Key]:
    """The sums that a complaint counts in."""
    for figure in FIGURES:
        day = fact[figure]
        hours = fact[f"{figure}_hours"] if figure in MEASURES else 0
        if day is None or hours is None:
            continue
        for names in slices_of(figure):
            codes = [fact[name] for name in names] + [""] * (2 - len(names))
            yield slice_name(names), figure, codes[0], codes[1], day, hours


def take_in(db: Connection, complaint_id: int, since: int) -> None:
    """Count a complaint as it stands, and its events after the `since`-th."""
    change: Counter[Key] = Counter()
    asked = {"complaint": complaint_id, "since": since}
    old = db.execute(_ONE_COUNTED, asked).first()
    new = db.execute(_ONE, asked).first()
    if old is not None:
        change.subtract(contributions(dict(old._mapping)))
    if new is not None:
        change.update(contributions(dict(new._mapping)))
    change.update(_answers(db, _ONE_BESIDE, asked))
    if new is not None:
        values = dict(new._mapping)
        if old is None:
            db.execute(insert(CountedComplaint), [values])
        else:
            db.execute(update(CountedComplaint).where(CountedComplaint.complaint_id == complaint_id).values(**values))
    _add(db, change)


def _questions(*which: Any) -> list[tuple[str, Any]]:
    """Of the events of `which`: figure, and what gives its (office, day, working hours, count)."""
    news = select(EVENT_OFFICE.label("office"), ist_day(Event.at).label("day"), literal(0), func.count()).where(*which).group_by("office", "day")
    counted = {name: news.where(condition) for name, condition in EVENTS.items()}
    hours = (Holding.working_minutes + 59) // 60
    ended = exists().where(Event.complaint_id == Holding.complaint_id, Event.at == Holding.until, *which)
    held = select(Holding.office_code, ist_day(Holding.until).label("day"), hours.label("hours"), func.count()).where(ended)
    return [*counted.items(), (BY_DAY_ALONE, held.group_by(Holding.office_code, "day", "hours"))]


def beside(db: Connection, *which: Any) -> Counter[Key]:
    """What the events of `which` count for their offices: news given or not, and how long each had it."""
    return _answers(db, _questions(*which), {})


def _answers(db: Connection, questions: list[tuple[str, Any]], values: Mapping[str, Any]) -> Counter[Key]:
    found: Counter[Key] = Counter()
    for figure, question in questions:
        for office, on, taken, count in db.execute(question, values):
            found["office", figure, office, "", on, taken] += count
    return found


# What is asked of one complaint, again and again: built once.
_ONE = facts.where(Complaint.id == bindparam("complaint"))
_ONE_COUNTED = select(_table).where(CountedComplaint.complaint_id == bindparam("complaint"))
_ONE_BESIDE = _questions(Event.complaint_id == bindparam("complaint"), Event.seq > bindparam("since"))


def _add(db: Connection, change: Counter[Key]) -> None:
    months: Counter[Key] = Counter()
    for (name, figure, code, second, day, hours), count in change.items():
        if figure != BY_DAY_ALONE:
            months[name, figure, code, second, day.replace(day=1), hours] += count
    for by_rows, by_lists, counts in zip(_ADD_ROWS, _ADD_LISTS, (change, months), strict=True):
        rows = [(*key, count) for key, count in sorted(counts.items()) if count]  # in one order everywhere: workers wait for each other, never in a ring
        if rows and db.dialect.name == "postgresql":
            db.execute(by_lists, dict(zip(_COLUMNS, map(list, zip(*rows, strict=True)), strict=True)))
        elif rows:
            db.execute(by_rows, [dict(zip(_COLUMNS, row, strict=True)) for row in rows])


def _adding(table: Any, values: str, kind: Callable[[Any], Any]) -> Any:
    """As text, since what SQLAlchemy makes of an upsert is compiled anew each time."""
    name, bound = table.__tablename__, ", ".join(f":{column}" for column in _COLUMNS)
    added = f"ON CONFLICT ({', '.join(_KEY)}) DO UPDATE SET count = {name}.count + excluded.count"
    return text(f"INSERT INTO {name} ({', '.join(_COLUMNS)}) {values} ({bound}) {added}").bindparams(*(bindparam(column, type_=kind(table.__table__.c[column].type)) for column in _COLUMNS))


_ADD_ROWS = [_adding(table, "VALUES", lambda kind: kind) for table in (DailyCount, MonthlyCount)]
_ADD_LISTS = [_adding(table, "SELECT * FROM unnest", postgresql.ARRAY) for table in (DailyCount, MonthlyCount)]  # PostgreSQL's: each column a list


def count_anew(db: Connection) -> None:
    """Everything from the beginning, by the store itself: for stores that were filled in another way."""
    db.execute(delete(CountedComplaint))
    db.execute(delete(DailyCount))
    db.execute(delete(MonthlyCount))
    taken = Complaint.indexed_seq == Complaint.last_seq
    db.execute(insert(CountedComplaint).from_select(list(FACTS), facts.where(taken)))
    for figure in FIGURES:
        day = getattr(CountedComplaint, figure)
        hours: Any = getattr(CountedComplaint, f"{figure}_hours") if figure in MEASURES else literal(0)
        for names in slices_of(figure):
            codes = [getattr(CountedComplaint, name) for name in names] + [literal("")] * (2 - len(names))
            grouped = [*(code for code, _ in zip(codes, names, strict=False)), day, *([hours] if figure in MEASURES else [])]
            kept = [day.is_not(None), *([hours.is_not(None)] if figure in MEASURES else [])]
            rows = select(literal(slice_name(names)), literal(figure), *codes, day, hours, func.count()).where(*kept).group_by(*grouped)
            db.execute(insert(DailyCount).from_select(_COLUMNS, rows))
    key = (DailyCount.slice, DailyCount.figure, DailyCount.code, DailyCount.second, month_of(DailyCount.day), DailyCount.hours)
    db.execute(insert(MonthlyCount).from_select(_COLUMNS, select(*key, func.sum(DailyCount.count)).group_by(*key).order_by(*key)))
    known = exists().where(Complaint.id == Event.complaint_id, taken)
    _add(db, beside(db, known))
