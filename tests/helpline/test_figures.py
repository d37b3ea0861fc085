"""The figures, right to the unit against a plain recount, whoever looks and whatever is not counted yet."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import pytest
from sqlalchemy import select, text, update

from helpline import complaints, offices, people, scope, worker
from helpline.events import Actor
from helpline.figures import meaning, reading, upkeep
from helpline.sla import IST
from models import Complaint, CountedComplaint, DailyCount, Event, Holding, User
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
        for name, by_day in reader.days(["registered", "closed", "kept"]).items():
            assert sum(by_day.values()) == recount(rows, choice).get("", {}).get(name, 0)
        return reader


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
    rows = db.execute(select(DailyCount.__table__).where(DailyCount.count != 0)).all()
    assert len(db.execute(select(CountedComplaint.complaint_id)).all()) == len(db.execute(select(Complaint.id).where(Complaint.ack.is_not(None))).all())
    return sorted(map(tuple, rows))


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
