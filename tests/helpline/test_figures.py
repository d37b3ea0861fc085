"""The figures, right to the unit against a plain recount, whoever looks and whatever is not counted yet."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import pytest
from sqlalchemy import select, text, update

from helpline import complaints, offices, people, scope, store, worker
from helpline.events import Actor
from helpline.figures import meaning, reading, upkeep
from helpline.sla import IST
from models import Complaint, CountedComplaint, DailyCount, Event, Holding, MonthlyCount, User
from tests.conftest import demonstration_store

pytestmark = pytest.mark.xdist_group("demonstration")
DESK = Actor("cell", "agent")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request, tmp_path, now):
    """A year of demonstration complaints up to the test's day."""
    return demonstration_store(request.param, request, tmp_path, now, count=220, seed=5)


def somebody(runtime, role, **limits):
    key = people.add(runtime, username=f"{role}-{len(limits)}-{'-'.join(map(str, limits.values()))}", name="x", role=role, password="a long pass-phrase", **limits)
    with runtime.reading() as db:
        return db.execute(select(User.__table__).where(User.id == key)).one()


def day_of(moment):
    return moment.astimezone(IST).date() if moment else None


def recount(rows, choice, dimension=None):
    """The same with nothing but loops: what each word means, once more."""
    found = {}
    for row in rows:
        row = row._mapping
        if row["ack"] is None:
            continue
        codes = {"department": row["department_code"], "district": row["district_code"], "category": (row["category_code"] or "").split(".")[0],
                 "level": str(row["level"]), "office": row["office_code"]}  # fmt: skip
        if any(codes[name] != code for name, code in choice.filters.items()):
            continue
        in_time = bool(row["resolved_at"] and row["resolved_at"] <= row["due_at"])
        closed, state = day_of(row["closed_at"]), row["state"]
        open_ = state in ("registered", "under_review", "forwarded", "in_progress", "action_required", "reopened")
        due = day_of(row["due_at"])
        judged = None
        if state not in ("duplicate", "rejected"):
            judged = closed if in_time or (row["closed_at"] and row["closed_at"] <= row["due_at"]) else due
        days = {"registered": day_of(row["registered_at"]), "judged": judged,
                "kept": closed if state == "closed" and row["outcome"] == "confirmed" and in_time else None,
                "closed": closed if state == "closed" else None,
                "confirmed": closed if state == "closed" and row["outcome"] == "confirmed" else None,
                "unconfirmed": closed if state == "closed" and row["outcome"] == "unconfirmed" else None,
                "rejected": closed if state == "rejected" else None, "reopened": day_of(row["reopened_at"])}  # fmt: skip
        counts = found.setdefault(codes.get(dimension, ""), Counter())
        counts.update(name for name, day in days.items() if day and choice.first <= day <= choice.last)
        if open_:
            counts.update(["open"] + ["due"] * (choice.today <= due <= choice.today + timedelta(days=7)) + ["overdue"] * (due < choice.today))
    return {code: dict(+counts) for code, counts in found.items() if +counts}


def same(runtime, user, choice):
    with runtime.reading() as session:
        db = session.connection()
        rows = db.execute(select(Complaint.__table__).where(scope.visible(user) if user.role != "administrator" else Complaint.id > 0)).all()
        reader = reading.Reader(db, user, choice)
        assert {name: n for name, n in reader.total().items() if n} == recount(rows, choice).get("", {})
        for dimension in meaning.DIMENSIONS:
            assert {code: dict(+counts) for code, counts in reader.by(dimension).items()} == recount(rows, choice, dimension), dimension
        for name, count in recount(rows, choice).get("", {}).items():
            listed = meaning.listed(name, choice.days, choice.today)
            where = [scope.visible(user)] if user.role != "administrator" else []
            assert len(db.execute(select(Complaint.id).where(listed, *meaning.only(dict(choice.filters)), *where)).all()) == count, name
        hours = Counter(-(-r.resolution_minutes // 60) for r in rows if r.resolved_at and choice.first <= day_of(r.resolved_at) <= choice.last
                        and all({"department": r.department_code, "district": r.district_code, "level": str(r.level), "category": (r.category_code or "").split(".")[0]}[n] == c
                                for n, c in choice.filters.items()))  # fmt: skip
        assert reader.hours("resolved") == dict(hours)
        hours = Counter(-(-r.response_minutes // 60) for r in rows if r.ack and r.responded_at and choice.first <= day_of(r.responded_at) <= choice.last
                        and all({"department": r.department_code, "district": r.district_code, "level": str(r.level), "category": (r.category_code or "").split(".")[0]}[n] == c
                                for n, c in choice.filters.items()))  # fmt: skip
        assert reader.hours("responded") == dict(hours)
        for name, by_day in reader.days(["registered", "closed", "kept"]).items():
            assert sum(by_day.values()) == recount(rows, choice).get("", {}).get(name, 0)
        return reader


# The test's day is in November 2026; the demonstration's year began in November 2025, due times go on into December.
PERIODS = [
    (date(2026, 1, 17), date(2026, 10, 9)),  # from within a month until within another
    (date(2025, 12, 1), date(2026, 9, 30)),  # from a month's first day until a month's last, across years
    (date(2025, 12, 31), date(2026, 3, 1)),  # from a month's last day until a month's first, across years
    (date(2026, 2, 1), date(2026, 2, 28)),  # one month
    (date(2026, 2, 1), date(2026, 2, 27)),  # a month without its last day
    (date(2026, 2, 2), date(2026, 2, 28)),  # a month without its first day
    (date(2026, 6, 10), date(2026, 6, 20)),  # within one month
    (date(2026, 7, 20), date(2026, 8, 12)),  # no whole month
    (date(2026, 7, 1), date(2026, 7, 1)),  # one day: a month's first
    (date(2026, 7, 31), date(2026, 7, 31)),  # a month's last
    (date(2026, 7, 15), date(2026, 7, 15)),
    (date(2025, 12, 31), date(2025, 12, 31)),
    (date(2024, 2, 29), date(2028, 2, 29)),  # far beyond both ends
    (date(2026, 11, 1), date(2026, 12, 31)),  # into the days to come
]


@pytest.mark.parametrize(("first", "last"), PERIODS)
def test_a_period_is_made_of_each_of_its_days_once(first, last):
    found = Counter()
    for table, begin, end in reading.period_spans(first, last):
        assert begin <= end
        if table is MonthlyCount:
            assert begin.day == 1 and (end + timedelta(days=1)).day == 1
        found.update(begin + timedelta(days=n) for n in range((end - begin).days + 1))
    assert found == Counter(first + timedelta(days=n) for n in range((last - first).days + 1))


def test_a_year_is_eleven_months_and_the_days_at_its_edges():
    first, last = date(2025, 11, 25), date(2026, 11, 24)
    assert reading.period_spans(first, last) == [(DailyCount, first, date(2025, 11, 30)), (MonthlyCount, date(2025, 12, 1), date(2026, 10, 31)),
                                                 (DailyCount, date(2026, 11, 1), last)]  # fmt: skip


@pytest.mark.parametrize("day", [date(2026, 11, 1), date(2026, 11, 30), date(2026, 12, 31), date(2027, 1, 1)])
def test_right_to_the_unit_wherever_a_period_begins_and_ends(runtime, day):
    """`day`: as of which what is open, due and overdue is told, with months before and after it."""
    everything, of_an_office = somebody(runtime, "supervisor"), somebody(runtime, "officer", office_code="phe")
    for n, (first, last) in enumerate(PERIODS):
        for filters in ({}, {"level": "1"}, ({"department": "pwd"}, {"district": "303"}, {"category": "WATER"}, {"level": "2"})[n % 4]):
            same(runtime, everything, reading.Choice(first, last, day, filters))
    same(runtime, of_an_office, reading.Choice(*PERIODS[0], day))


def test_offices_are_compared_over_any_period(runtime):
    user = somebody(runtime, "supervisor")
    with runtime.reading() as db:
        rows = db.execute(select(Complaint.__table__)).all()
        held = db.execute(select(Holding.office_code, Holding.until, Holding.working_minutes)).all()
        missed = db.execute(select(Event.before["office_code"].as_string(), Event.at).where(Event.action == "news")).all()
    for first, last in PERIODS:
        choice = reading.Choice(first, last, last)
        counts, hours = offices_of(runtime, user, choice)
        expected = {code: {name: n for name, n in found.items() if name in ("judged", "kept", "reopened")} for code, found in recount(rows, choice, "office").items()}
        for office, at in missed:
            if first <= day_of(at) <= last:
                found = expected.setdefault(office, {})
                found["news_missed"] = found.get("news_missed", 0) + 1
        assert {code: {name: n for name, n in c.items() if name != "news_kept"} for code, c in counts.items() if set(c) - {"news_kept"}} == {c: f for c, f in expected.items() if f}
        assert hours == {office: dict(taken) for office in {row.office_code for row in held}
                         if (taken := Counter(-(-row.working_minutes // 60) for row in held if row.office_code == office and row.until and first <= day_of(row.until) <= last))}  # fmt: skip


def test_a_store_that_has_no_sums_by_month_gets_them(runtime):
    with runtime.reading() as db:
        kept = sums(db)
    store.downgrade(runtime.engine, "0023")
    store.upgrade(runtime.engine)
    with runtime.reading() as db:
        assert sums(db) == kept


def test_right_to_the_unit_for_everybody(runtime, now):
    today = meaning.today(now)
    people_ = [somebody(runtime, "supervisor"), somebody(runtime, "monitor", department_code="pwd"), somebody(runtime, "supervisor", district_code="305"),
               somebody(runtime, "officer", office_code="phe"), somebody(runtime, "officer", office_code="udma.303"), somebody(runtime, "administrator")]  # fmt: skip
    choices = [reading.Choice(today - timedelta(days=days), today, today, filters) for days, filters in
               ((400, {}), (30, {}), (400, {"department": "pwd"}), (400, {"district": "303"}), (90, {"level": "1"}), (400, {"category": "WATER"}),
                (400, {"department": "phe", "district": "303"}), (400, {"category": "ROAD", "level": "2", "district": "303"}))]  # fmt: skip
    for user in people_:
        for choice in choices:
            same(runtime, user, choice)


def test_what_is_not_counted_yet_counts_all_the_same(runtime, now):
    today, user = meaning.today(now), somebody(runtime, "supervisor")
    choice = reading.Choice(today - timedelta(days=60), today, today)
    with runtime.writing() as db:
        rows = db.execute(select(Complaint.id, Complaint.state).where(Complaint.state.in_(("registered", "in_progress", "closed"))).order_by(Complaint.state.desc()).limit(60)).all()
        done = Counter()
        for row in rows:
            action, data = {"registered": ("forward", {"office": "pwd.305"}), "in_progress": ("resolve", {"report": "Mended, and seen to be mended"}),
                            "closed": ("reopen", {})}[row.state]  # fmt: skip
            complaints.act(db, runtime, row.id, action, Actor("citizen", "sms") if action == "reopen" else DESK, now, data)
            done[action] += 1
        assert len(done) == 3
    same(runtime, user, choice)
    same(runtime, user, reading.Choice(choice.first, today, today, {"department": "pwd"}))
    before = offices_of(runtime, user, choice)
    worker.take_in_changes(runtime, now)
    same(runtime, user, choice)
    assert offices_of(runtime, user, choice) == before
    with runtime.writing() as db:
        kept = sums(db)
        upkeep.count_anew(db)
        assert sums(db) == kept, "counting everything anew gives the same"


def sums(db):
    """All sums by day and by month; the months are the days' sums."""
    rows = db.execute(select(DailyCount.__table__).where(DailyCount.count != 0)).all()
    months = db.execute(select(MonthlyCount.__table__).where(MonthlyCount.count != 0)).all()
    added = Counter()
    for row in rows:
        if row.figure != "held":
            added[row.slice, row.figure, row.code, row.second, row.day.replace(day=1), row.hours] += row.count
    assert added == {(row.slice, row.figure, row.code, row.second, row.day, row.hours): row.count for row in months}
    assert len(db.execute(select(CountedComplaint.complaint_id)).all()) == len(db.execute(select(Complaint.id).where(Complaint.ack.is_not(None))).all())
    return sorted(map(tuple, rows)), sorted(map(tuple, months))


def offices_of(runtime, user, choice):
    with runtime.reading() as session:
        reader = reading.Reader(session.connection(), user, choice)
        counts = reader.of_offices()
        held = reader.held({office for office, in session.execute(select(Holding.office_code).distinct())})
        return {code: dict(+c) for code, c in counts.items() if +c}, {code: {h: n for h, n in c.items() if n} for code, c in held.items() if any(c.values())}


def test_offices_are_compared_by_news_and_by_how_long_they_hold(runtime, now):
    today, user = meaning.today(now), somebody(runtime, "supervisor")
    counts, held = offices_of(runtime, user, reading.Choice(today - timedelta(days=400), today, today))
    with runtime.reading() as db:
        expected = {}
        for office, minutes in db.execute(select(Holding.office_code, Holding.working_minutes)):
            expected.setdefault(office, Counter())[-(-minutes // 60)] += 1
        assert held == expected
        missed = Counter(event.before["office_code"] for event in db.scalars(select(Event).where(Event.action == "news")))
        assert {code: c["news_missed"] for code, c in counts.items() if c.get("news_missed")} == missed
        assert sum(c.get("news_kept", 0) for c in counts.values()) > 0
    mine = somebody(runtime, "officer", office_code="phe")
    of_mine, _ = offices_of(runtime, mine, reading.Choice(today - timedelta(days=400), today, today))
    assert of_mine and all(offices.is_within(code, "phe") for code in of_mine)


def test_places_where_it_keeps_coming_back(runtime, now):
    today, user = meaning.today(now), somebody(runtime, "supervisor")
    with runtime.reading() as session:
        rows = session.execute(select(Complaint.category_code, Complaint.district_code, Complaint.local_body_code).where(Complaint.ack.is_not(None))).tuples()
        expected = Counter(row for row in rows if row[0])
        found = reading.Reader(session.connection(), user, reading.Choice(today - timedelta(days=400), today, today)).repeats(2)
    assert found
    assert {row[:3]: row[3] for row in found} == {key: n for key, n in expected.items() if n >= 2} or len(found) == 30


@pytest.mark.parametrize(("hours", "share", "expected"), [({}, 0.5, None), ({3: 1}, 0.9, 3), ({1: 5, 2: 4, 9: 1}, 0.5, 1), ({1: 5, 2: 4, 9: 1}, 0.9, 2), ({1: 1, 5: 1}, 0.51, 5)])
def test_percentiles(hours, share, expected):
    assert reading.percentile(hours, share) == expected


def test_the_day_is_the_day_in_kolkata(runtime):
    with runtime.writing() as db:
        for moment, day in (("2026-11-23 18:29:59", date(2026, 11, 23)), ("2026-11-23 18:30:00", date(2026, 11, 24))):
            value = text(f"'{moment}'") if db.dialect.name == "sqlite" else text(f"timestamptz '{moment}+00'")
            assert db.scalar(select(meaning.ist_day(value))) == day


def test_barred_complaints_leave_the_figures_of_the_officer_named(runtime, now):
    today, officer = meaning.today(now), somebody(runtime, "officer", office_code="phe")
    with runtime.writing() as db:
        row = db.execute(select(Complaint.id).where(Complaint.office_code.startswith("phe"), Complaint.state == "in_progress")).first()
        if row is None:
            row = db.execute(select(Complaint.id).where(Complaint.office_code.startswith("phe"))).first()
            db.execute(update(Complaint).where(Complaint.id == row.id).values(state="in_progress", closed_at=None))
        complaints.act(db, runtime, row.id, "name_officer", DESK, now, {"officer": officer.id})
    same(runtime, officer, reading.Choice(today - timedelta(days=400), today, today))
