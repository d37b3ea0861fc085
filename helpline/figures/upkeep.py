"""Keeping the counts: what the worker adds when it takes in a changed complaint, and counting everything anew.

`counted_complaints` says how each complaint was last counted, so that a change takes away exactly what it added before;
`daily_counts` has the sums by day for all, for each value of a dimension and of each pair of dimensions. Both are written
in the transaction that marks the complaint as taken in (`indexed_seq`): what is not marked is added by the reader.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from itertools import combinations
from typing import Any

from sqlalchemy import Connection, delete, exists, func, insert, literal, select, update
from sqlalchemy.dialects import postgresql, sqlite

from helpline.figures.meaning import CODES, EVENT_OFFICE, EVENTS, FIGURES, MEASURES, ist_day
from models import Complaint, CountedComplaint, DailyCount, Event, Holding

PAIRED = ("department", "district", "category", "level")
SLICES: tuple[tuple[str, ...], ...] = ((), *((name,) for name in (*PAIRED, "office")), *combinations(PAIRED, 2))
Key = tuple[str, str, str, str, date, int]  # slice, figure, code, second code, day, working hours
_table = CountedComplaint.__table__
_count = DailyCount.__table__

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
    """In which sums a figure stands: measured times only in the whole, all others in each."""
    return ((),) if figure in MEASURES else SLICES


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
    old = db.execute(select(_table).where(CountedComplaint.complaint_id == complaint_id)).first()
    new = db.execute(facts.where(Complaint.id == complaint_id)).first()
    if old is not None:
        change.subtract(contributions(dict(old._mapping)))
    if new is not None:
        change.update(contributions(dict(new._mapping)))
    change.update(beside(db, Event.complaint_id == complaint_id, Event.seq > since))
    if new is not None:
        values = dict(new._mapping)
        if old is None:
            db.execute(insert(CountedComplaint), [values])
        else:
            db.execute(update(CountedComplaint).where(CountedComplaint.complaint_id == complaint_id).values(**values))
    _add(db, change)


def beside(db: Connection, *which: Any) -> Counter[Key]:
    """What the events of `which` count for their offices: news given or not, and how long each had it."""
    found: Counter[Key] = Counter()
    day = ist_day(Event.at)
    for name, condition in EVENTS.items():
        counted = select(EVENT_OFFICE.label("office"), day.label("day"), func.count()).where(*which, condition).group_by("office", "day")
        for office, on, count in db.execute(counted):
            found["office", name, office, "", on, 0] += count
    ended = exists().where(Event.complaint_id == Holding.complaint_id, Event.at == Holding.until, *which)
    hours = (Holding.working_minutes + 59) // 60
    held = select(Holding.office_code, ist_day(Holding.until).label("day"), hours.label("hours"), func.count()).where(ended)
    for office, on, taken, count in db.execute(held.group_by(Holding.office_code, "day", "hours")):
        found["office", "held", office, "", on, taken] += count
    return found


def _add(db: Connection, change: Counter[Key]) -> None:
    names = ("slice", "figure", "code", "second", "day", "hours")
    rows = [{**dict(zip(names, key, strict=True)), "count": count} for key, count in sorted(change.items()) if count]
    if rows:
        dialect: Any = postgresql if db.dialect.name == "postgresql" else sqlite
        statement = dialect.insert(DailyCount)
        added = {"count": DailyCount.count + statement.excluded.count}
        db.execute(statement.on_conflict_do_update(index_elements=list(names), set_=added), rows)


def count_anew(db: Connection) -> None:
    """Everything from the beginning, by the store itself: for stores that were filled in another way."""
    db.execute(delete(CountedComplaint))
    db.execute(delete(DailyCount))
    taken = Complaint.indexed_seq == Complaint.last_seq
    db.execute(insert(CountedComplaint).from_select(list(FACTS), facts.where(taken)))
    columns = ["slice", "figure", "code", "second", "day", "hours", "count"]
    for figure in FIGURES:
        day = getattr(CountedComplaint, figure)
        hours: Any = getattr(CountedComplaint, f"{figure}_hours") if figure in MEASURES else literal(0)
        for names in slices_of(figure):
            codes = [getattr(CountedComplaint, name) for name in names] + [literal("")] * (2 - len(names))
            grouped = [*(code for code, _ in zip(codes, names, strict=False)), day, *([hours] if figure in MEASURES else [])]
            kept = [day.is_not(None), *([hours.is_not(None)] if figure in MEASURES else [])]
            rows = select(literal(slice_name(names)), literal(figure), *codes, day, hours, func.count()).where(*kept).group_by(*grouped)
            db.execute(insert(DailyCount).from_select(columns, rows))
    known = exists().where(Complaint.id == Event.complaint_id, taken)
    _add(db, beside(db, known))
