"""Reading figures: from the sums where one dimension is chosen or none, otherwise from the counted complaints.

A period is read as the sums of its whole months and of the days at its edges.
Either way what has changed since it was last counted is taken into account, so a number is right to the unit at any moment.
Whoever sees only some complaints gets figures of these alone: as a choice of department or district where that says it all,
else by asking about each complaint.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, bindparam, case, exists, func, select, union_all

from helpline import offices, scope
from helpline.figures import upkeep
from helpline.figures.meaning import FIGURES, MEASURES, STANDING, only, standing_days
from helpline.lifecycle import Role
from models import Barred, Complaint, CountedComplaint, DailyCount, Event, MonthlyCount

COUNTED = tuple(name for name in FIGURES if name not in MEASURES)
OF_A_PERIOD = tuple(name for name in COUNTED if name != "open")
Table = dict[str, Counter[str]]  # code of the dimension → figure → count
Sums = DailyCount | MonthlyCount
Span = tuple[type[Sums], date, date]  # rows from … to …, both included


@dataclass(frozen=True)
class Choice:
    """What is looked at: whole days from … to …, as of today, of the chosen department, district, category and level."""

    first: date
    last: date
    today: date
    filters: Mapping[str, str] = field(default_factory=dict)  # dimension → code

    @property
    def days(self) -> tuple[date, date]:
        return self.first, self.last


class Reader:
    """Figures as one person may see them."""

    def __init__(self, db: Connection, user: Row[Any], choice: Choice) -> None:
        self.db, self.user, self.choice = db, user, choice
        limits, self.visible = _reach(db, user)
        self.filters: dict[str, str] = {**choice.filters, **limits}
        # Outside of what the person sees: what was asked for contradicts the limits.
        self.nothing = any(choice.filters.get(name, code) != code for name, code in limits.items())
        self._pending = None if self.nothing else _Pending(db, self.filters, self.visible)

    # ── counts ──

    def by(self, dimension: str) -> Table:
        """Every figure for each value of a dimension; what is chosen already has one value."""
        found = self._from_facts((dimension,)) if self._asks_for_facts(dimension) else self._from_sums(dimension)
        table: Table = defaultdict(Counter)
        for code, name, count in found:
            table[code][name] += count
        return {code: counts for code, counts in table.items() if any(counts.values())}

    def total(self) -> Counter[str]:
        found = self._from_facts(()) if self._asks_for_facts(None) else self._from_sums(None)
        counts: Counter[str] = Counter()
        for _, name, count in found:
            counts[name] += count
        return counts

    def _asks_for_facts(self, dimension: str | None) -> bool:
        if self.visible is not None:
            return True
        names = set(self.filters) | ({dimension} if dimension else set())
        return len(names) > 2 or ("office" in names and len(names) > 1)

    def _from_sums(self, dimension: str | None) -> Iterator[tuple[str, str, int]]:
        """(code, figure, count)"""
        if self.nothing:
            return
        names = tuple(name for name in (*upkeep.PAIRED, "office") if name in self.filters or name == dimension)
        code = ("code", "second")[names.index(dimension)] if dimension else "code"  # without a dimension all have one code
        for found in _sums(self.db, names, self.filters, OF_A_PERIOD, period_spans(*self.choice.days), (code, "figure")):
            yield found[0] if dimension else "", found[1], found[2]
        days = {name: standing_days(name, self.choice.today) for name in STANDING}
        for found in _sums(self.db, names, self.filters, ("open",), standing_spans(self.choice.today), (code,), days):
            yield from ((found[0] if dimension else "", name, count) for name, count in zip(STANDING, found[1:], strict=True))
        yield from self._pending_counts(dimension)

    def _from_facts(self, names: tuple[str, ...]) -> Iterator[tuple[str, str, int]]:
        if self.nothing:
            return
        columns = [getattr(CountedComplaint, name) for name in names]
        sums = [func.sum(case((getattr(CountedComplaint, name).between(*self.choice.days), 1), else_=0)) for name in OF_A_PERIOD]
        sums += [func.sum(case((_within(CountedComplaint.open, name, self.choice.today), 1), else_=0)) for name in STANDING]
        query = self._facts(*columns, *sums).group_by(*columns) if columns else self._facts(*sums)
        for found in self.db.execute(query):
            code = found[0] if columns else ""
            yield from ((code, name, count or 0) for name, count in zip((*OF_A_PERIOD, *STANDING), found[len(columns) :], strict=True))
        yield from self._pending_counts(names[0] if names else None)

    def _facts(self, *columns: Any) -> Any:
        query = select(*columns).select_from(CountedComplaint).where(*(getattr(CountedComplaint, name) == code for name, code in self.filters.items()))
        if self.visible is not None:
            query = query.join(Complaint, Complaint.id == CountedComplaint.complaint_id).where(self.visible)
        return query

    def _pending_counts(self, dimension: str | None) -> Iterator[tuple[str, str, int]]:
        assert self._pending is not None
        for fact, sign in self._pending.facts:
            code = fact[dimension] if dimension else ""
            for name in OF_A_PERIOD:
                if fact[name] is not None and self.choice.first <= fact[name] <= self.choice.last:
                    yield code, name, sign
            for name in STANDING:
                if fact["open"] is not None and _is_within(fact["open"], name, self.choice.today):
                    yield code, name, sign

    # ── working time ──

    def hours(self, figure: str) -> dict[int, int]:
        """Working hours → how many complaints took so many (begun ones counted whole), of the `responded` or `resolved`."""
        if self.nothing:
            return {}
        if tuple(self.filters) not in upkeep.slices_of(figure) or self.visible is not None:
            day, taken = getattr(CountedComplaint, figure), getattr(CountedComplaint, f"{figure}_hours")
            rows = self.db.execute(self._facts(taken, func.count()).where(day.between(*self.choice.days), taken.is_not(None)).group_by(taken)).all()
        else:
            rows = _sums(self.db, tuple(self.filters), self.filters, (figure,), period_spans(*self.choice.days), ("hours",))
        found = Counter(dict(map(tuple, rows)))
        assert self._pending is not None
        for fact, sign in self._pending.facts:
            if fact[figure] is not None and fact[f"{figure}_hours"] is not None and self.choice.first <= fact[figure] <= self.choice.last:
                found[fact[f"{figure}_hours"]] += sign
        return {hours: count for hours, count in found.items() if count}

    # ── the course of time ──

    def days(self, figures: Iterable[str]) -> dict[str, Counter[date]]:
        """figure → day → count, within the period."""
        found: dict[str, Counter[date]] = {name: Counter() for name in figures}
        if self.nothing:
            return found
        if self._asks_for_facts(None):
            for name in found:
                day = getattr(CountedComplaint, name)
                query = self._facts(day, func.count()).where(day.between(*self.choice.days)).group_by(day)
                found[name].update(dict(self.db.execute(query).tuples().all()))
        else:
            names = tuple(name for name in (*upkeep.PAIRED, "office") if name in self.filters)
            chosen = [column == self.filters[name] for name, column in zip(names, (DailyCount.code, DailyCount.second), strict=False)]
            query = (
                select(DailyCount.figure, DailyCount.day, func.sum(DailyCount.count))
                .where(DailyCount.slice == upkeep.slice_name(names), DailyCount.figure.in_(list(found)), DailyCount.day.between(*self.choice.days), *chosen)
                .group_by(DailyCount.figure, DailyCount.day)
            )
            for name, day, count in self.db.execute(query):
                found[name][day] += count
        assert self._pending is not None
        for fact, sign in self._pending.facts:
            for name, counter in found.items():
                if fact[name] is not None and self.choice.first <= fact[name] <= self.choice.last:
                    counter[fact[name]] += sign
        return found

    # ── offices and places ──

    def of_offices(self) -> Table:
        """For each office that this person may compare: its figures."""
        wanted, figures = self._may_compare(), ("judged", "kept", "reopened", "news_kept", "news_missed")
        counts: Table = defaultdict(Counter)
        found = _sums(self.db, ("office",), {}, figures, period_spans(*self.choice.days), ("code", "figure"))
        for code, figure, count in [*found, *((code, figure, count) for code, figure, _, count in self._pending_offices(figures))]:
            if wanted(code):
                counts[code][figure] += count
        return counts

    def held(self, codes: Iterable[str]) -> dict[str, dict[int, int]]:
        """office → working hours it held a complaint → how many; of the offices asked for."""
        asked, found = set(codes), defaultdict[str, dict[int, int]](dict)
        query = (
            select(DailyCount.code, DailyCount.hours, func.sum(DailyCount.count))
            .where(DailyCount.slice == "office", DailyCount.figure == "held", DailyCount.code.in_(asked), DailyCount.day.between(*self.choice.days))
            .group_by(DailyCount.code, DailyCount.hours)
        )
        for code, hours, count in [*self.db.execute(query).all(), *((code, hours, count) for code, _, hours, count in self._pending_offices(("held",)))]:
            if code in asked:
                found[code][hours] = found[code].get(hours, 0) + count
        return found

    def _pending_offices(self, figures: tuple[str, ...]) -> Iterator[tuple[str, str, int, int]]:
        since = exists().where(Complaint.id == Event.complaint_id, Complaint.indexed_seq != Complaint.last_seq, Event.seq > Complaint.indexed_seq)
        changed = _changed(self.db)
        if changed is None:
            return
        change = Counter(upkeep.beside(self.db, Event.complaint_id.in_(select(Complaint.id).where(changed)), since))
        for fact, sign in _Pending(self.db, {}, None).facts:
            for key in upkeep.contributions(fact):
                change[key] += sign
        for (name, figure, code, _, day, hours), count in change.items():
            if name == "office" and figure in figures and self.choice.first <= day <= self.choice.last:
                yield code, figure, hours, count

    def _may_compare(self) -> Any:
        """Offices whose figures this person may see: of the own office downwards, or within the limits of the account."""
        user, filters = self.user, self.filters

        def wanted(code: str) -> bool:
            if user.role == Role.OFFICER and not offices.is_within(code, user.office_code or "-"):
                return False
            parts = code.split(".")
            if filters.get("department", parts[0]) != parts[0]:
                return False
            return "district" not in filters or (len(parts) > 1 and parts[1] == filters["district"])

        return wanted

    def repeats(self, least: int, limit: int = 30) -> list[tuple[str, str, str, int]]:
        """(subcategory, district, local body or "", complaints): where the same thing keeps coming back, most first."""
        if self.nothing:
            return []
        columns = (CountedComplaint.subcategory, CountedComplaint.district, CountedComplaint.local_body)
        query = self._facts(*columns, func.count()).where(CountedComplaint.registered.between(*self.choice.days), columns[0] != "", columns[1] != "")
        found: Counter[tuple[str, str, str]] = Counter({(a, b, c): n for a, b, c, n in self.db.execute(query.group_by(*columns))})
        assert self._pending is not None
        for fact, sign in self._pending.facts:
            if fact["registered"] is not None and self.choice.first <= fact["registered"] <= self.choice.last and fact["subcategory"] and fact["district"]:
                found[fact["subcategory"], fact["district"], fact["local_body"]] += sign
        return [(*key, count) for key, count in found.most_common(limit) if count >= least]


def period_spans(first: date, last: date) -> list[Span]:
    """What the days first … last, both included, are made of: whole months, and the days before and after them."""
    begin = first if first.day == 1 else _next_month(first)
    end = (last + timedelta(days=1)).replace(day=1)  # the day after the last whole month
    if begin >= end:
        return [(DailyCount, first, last)]
    spans: list[Span] = [(DailyCount, first, begin - timedelta(days=1)), (MonthlyCount, begin, end - timedelta(days=1)), (DailyCount, end, last)]
    return [span for span in spans if span[1] <= span[2]]


def standing_spans(today: date) -> list[Span]:
    """All days: months while they are altogether before today, then days."""
    begin = today.replace(day=1)
    return [(MonthlyCount, date.min, begin - timedelta(days=1)), (DailyCount, begin, date.max)]


def _next_month(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1)


def _sums(db: Connection, names: tuple[str, ...], filters: Mapping[str, str], figures: tuple[str, ...], spans: list[Span], group: tuple[str, ...],
          within: Mapping[str, tuple[date | None, date | None]] | None = None) -> Sequence[Row[Any]]:  # fmt: skip
    """Of the sums by the dimensions `names`, those of what is chosen, added up over the spans: (*group, sum), or (*group, the sum `within` each of these days)."""
    chosen = {column: filters[name] for name, column in zip(names, ("code", "second"), strict=False) if name in filters}
    values: dict[str, Any] = dict(chosen)
    for n, (_, first, last) in enumerate(spans):
        values |= {f"first_{n}": first, f"last_{n}": last}
    for name, (begin, end) in (within or {}).items():
        values |= {f"{name}_first": begin or date.min, f"{name}_last": end or date.max}
    statement = _added_up(names, figures, tuple(table for table, _, _ in spans), tuple(chosen), group, tuple(within or ()))
    return db.execute(statement, values).all()  # at once: one by one they take twice as long


@lru_cache(maxsize=1024)  # building one costs more than a millisecond; there are as many as kinds of question
def _added_up(names: tuple[str, ...], figures: tuple[str, ...], tables: tuple[type[Sums], ...], chosen: tuple[str, ...], group: tuple[str, ...], within: tuple[str, ...]) -> Any:
    """What `_sums` asks, with bound values: a code or second code that is chosen, the first and last day of each span and of each `within`."""
    without = ("code", "second")[len(names) :]  # codes that the slice has not are empty: said, so that an index can be followed to the day
    rows = [select(table.code, table.second, table.figure, table.day, table.hours, table.count)
            .where(table.slice == upkeep.slice_name(names), table.figure.in_(figures), *(getattr(table, column) == bindparam(column) for column in chosen), *(getattr(table, column) == "" for column in without),
                   table.day.between(bindparam(f"first_{n}"), bindparam(f"last_{n}"))) for n, table in enumerate(tables)]  # fmt: skip
    found = union_all(*rows).subquery() if len(rows) > 1 else rows[0].subquery()
    columns = [found.c[column] for column in group]
    amounts: list[Any] = [case((found.c.day.between(bindparam(f"{days}_first"), bindparam(f"{days}_last")), found.c.count), else_=0) for days in within]
    return select(*columns, *map(func.sum, amounts or [found.c.count])).group_by(*columns)


class _Pending:
    """Complaints that changed since they were counted: once as they stand (+1), once as they were counted (-1)."""

    def __init__(self, db: Connection, filters: Mapping[str, str], visible: ColumnElement[bool] | None) -> None:
        self.facts: list[tuple[Mapping[str, Any], int]] = []
        changed = _changed(db)
        if changed is None:
            return
        now = upkeep.facts.where(changed, *only(dict(filters)))
        before = select(CountedComplaint.__table__).join(Complaint, Complaint.id == CountedComplaint.complaint_id)
        before = before.where(changed, *(getattr(CountedComplaint, name) == code for name, code in filters.items()))
        if visible is not None:
            now, before = now.where(visible), before.where(visible)
        self.facts += [(dict(row._mapping), 1) for row in db.execute(now)]
        self.facts += [(dict(row._mapping), -1) for row in db.execute(before)]


FEW = 1_000


def _changed(db: Connection) -> ColumnElement[bool] | None:
    """Which complaints changed since they were counted; None when none did.

    Usually a handful, which are named: from the condition alone PostgreSQL cannot tell that they are few, and reads them all.
    """
    since = Complaint.indexed_seq != Complaint.last_seq
    keys = list(db.scalars(select(Complaint.id).where(since).limit(FEW + 1)))
    if not keys:
        return None
    return Complaint.id.in_(keys) if len(keys) <= FEW else since


def _reach(db: Connection, user: Row[Any]) -> tuple[dict[str, str], ColumnElement[bool] | None]:
    """What limits the person's figures: chosen values, or a condition on each complaint where these do not say it all."""
    if user.role == Role.ADMINISTRATOR:
        return {}, None  # figures only: administrators see no complaints
    if user.role not in scope.SEES_ALL or db.execute(select(Barred.user_id).where(scope.names(user)).limit(1)).first():
        return {}, scope.visible(user)
    limits = {"department": user.department_code, "district": user.district_code}
    return {name: code for name, code in limits.items() if code}, None


def _within(day: Any, standing: str, on: date) -> Any:
    first, last = standing_days(standing, on)
    return and_(day.is_not(None), *([day >= first] if first else []), *([day <= last] if last else []))


def _is_within(day: date, standing: str, on: date) -> bool:
    first, last = standing_days(standing, on)
    return (first is None or day >= first) and (last is None or day <= last)


def percentile(hours: Mapping[int, int], share: float) -> int | None:
    """The least number of hours within which `share` of the complaints were done; None without any."""
    whole = sum(hours.values())
    wanted, seen = share * whole, 0
    for value in sorted(hours):
        seen += hours[value]
        if seen >= wanted:
            return value
    return None
