"""Casework: who has a complaint, what the clocks do, who sees it, and what staff and citizens are told."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from helpline import amendments, clocks, complaints, nightly, offices, people, routing, scope
from helpline.complaints import Actor, CannotAct, Filing
from helpline.lifecycle import Role
from models import Alert, Audit, Complaint, Finding, Holding, Outgoing, User

CITIZEN = Actor(Role.CITIZEN, "sms")
DESK = Actor(Role.CELL, "agent")
PHONE = "+919830012345"
REPORT = {"report": "The pipe was mended and water runs again"}


def filing(**values):
    return Filing(**({"channel": "sms", "language": "en", "phone": PHONE, "category_code": "WATER.NONE", "district_code": "305"} | values))


@pytest.fixture
def filed(runtime, now):
    with runtime.writing() as db:
        return complaints.file(db, runtime, filing(), CITIZEN, now)


def officer(runtime, name="officer", office="phe.305", **values):
    return people.add(runtime, username=name, name=name, role="officer", password="a long pass-phrase", office_code=office, **values)


def act(runtime, key, action, actor, now, **data):
    with runtime.writing() as db:
        complaints.act(db, runtime, key, action, actor, now, data)
        return complaints.get(db, key)


# ── where it goes ──


@pytest.mark.parametrize(
    ("category", "district", "body", "office", "why"),
    [
        ("WATER.NONE", "305", None, "phe.305", "district"),
        ("WATER.NONE", None, None, "phe", "department"),
        ("ROAD.LIGHT", "309", "309-ub-siliguri", "udma.309.ub-siliguri", "body"),
        (None, "305", None, "cmo", "no_category"),
        ("nonsense", "305", None, "cmo", "no_category"),
        ("WATER.NONE", "nowhere", "nowhere", "phe", "department"),
    ],
)
def test_the_category_and_the_place_lead_to_an_office(runtime, category, district, body, office, why):
    decision = routing.decide(runtime.reference, category, district, body)
    assert (decision.office_code, decision.why) == (office, why)
    assert decision.office_code in runtime.reference.offices


def test_the_most_specific_rule_wins(runtime, now):
    def rule(category, district, body, office):
        code = "/".join(part or "*" for part in (category, district, body))
        return code, {"code": code, "category_code": category, "district_code": district, "local_body_code": body, "office_code": office}

    with runtime.writing() as db:
        amendments.amend(db, "routes", dict([rule("", "305", "", "pwd.305"), rule("WATER", "", "", "wrid"), rule("WATER.NONE", "305", "", "irr.305")]), None, now)
    runtime.shelf.look_again()
    for place, office in ((("WATER.NONE", "305"), "irr.305"), (("WATER.DIRTY", "305"), "pwd.305"), (("WATER.NONE", "306"), "wrid"), (("ROAD", "306"), "pwd.306")):
        assert routing.decide(runtime.reference, *place).office_code == office


@pytest.mark.parametrize(
    ("code", "level", "up"),
    [("cmo", 4, ["cmo"]), ("pwd", 3, ["pwd", "cmo"]), ("pwd.305", 2, ["pwd.305", "pwd", "cmo"]), ("pwd.305.x", 1, ["pwd.305.x", "pwd.305", "pwd", "cmo"])],
)
def test_the_ladder(code, level, up):
    assert offices.level(code) == level
    assert offices.upwards(code) == up


def test_every_office_stands_on_the_ladder(runtime):
    assert all(offices.parent(code) in runtime.reference.offices for code in runtime.reference.offices if code != "cmo")


# ── amendments ──


def test_an_amendment_is_seen_audited_and_refused_where_it_does_not_fit(runtime, now):
    shown = runtime.reference.categories["WATER"].name("en")
    row = dict(runtime.shelf.book().rows["categories"]["WATER"])
    with runtime.writing() as db:
        assert amendments.amend(db, "categories", {"WATER": row | {"name_en": "Drinking water"}}, None, now) == 1
        assert amendments.amend(db, "categories", {"WATER": row | {"name_en": "Drinking water"}}, None, now) == 0
        audited = db.execute(select(Audit.data).where(Audit.action == "reference.categories")).scalars().one()
    assert (audited["before"]["name_en"], audited["after"]["name_en"]) == (shown, "Drinking water")
    runtime.shelf.look_again()
    assert runtime.reference.categories["WATER"].name("en") == "Drinking water"
    for kind, changes in (("categories", {"WATER": row | {"department_code": "nobody"}}), ("offices", {"cmo": None}), ("categories", {"WATER": row | {"sla_days": "x"}})):
        with pytest.raises(amendments.CannotAmend), runtime.writing() as db:
            amendments.amend(db, kind, changes, None, now)


def test_csv_goes_out_and_comes_in_the_same(runtime):
    book = runtime.shelf.book()
    for kind in book.rows:
        assert amendments.from_csv(amendments.as_csv(book.rows, kind), kind) == book.rows[kind]


# ── clocks ──


def test_the_clock_stands_still_only_after_the_question_was_delivered(runtime, filed, now):
    row = act(runtime, filed.id, "review", DESK, now)
    due = row.due_at
    act(runtime, filed.id, "ask", DESK, now, question="Which lane?")
    clocks.tick(runtime, now + timedelta(hours=1))
    with runtime.writing() as db:
        assert complaints.get(db, filed.id).clock_stopped_at is None
        delivered = now + timedelta(hours=2)
        db.execute(update(Outgoing).where(Outgoing.template == "notify.action_required").values(state="delivered", delivered_at=delivered))
    clocks.tick(runtime, now + timedelta(hours=3))
    with runtime.reading() as db:
        assert db.get(Complaint, filed.id).clock_stopped_at == delivered
    row = act(runtime, filed.id, "answer", CITIZEN, now + timedelta(hours=4), text="Behind the school")
    assert (row.clock_stopped_at, row.paused_minutes) == (None, 120)
    assert row.due_at == runtime.calendar.add(due, 120)


def test_silence_starts_the_clock_again(runtime, filed, now):
    act(runtime, filed.id, "ask", DESK, now, question="Which lane?")
    with runtime.writing() as db:
        db.execute(update(Outgoing).where(Outgoing.template == "notify.action_required").values(state="delivered", delivered_at=now))
    clocks.tick(runtime, now)
    later = runtime.calendar.add(now, 3 * runtime.calendar.day_minutes)
    clocks.tick(runtime, later - timedelta(minutes=1))
    with runtime.reading() as db:
        assert db.get(Complaint, filed.id).state == "action_required"
    clocks.tick(runtime, later)
    with runtime.reading() as db:
        row = db.get(Complaint, filed.id)
        assert (row.state, row.paused_minutes) == ("in_progress", 3 * runtime.calendar.day_minutes)


def test_reminders_escalation_and_news(runtime, filed, now):
    with runtime.reading() as db:
        row = db.get(Complaint, filed.id)
        whole, due, news = runtime.calendar.between(now, row.due_at), row.due_at, row.news_at
    moments = [runtime.calendar.add(now, round(whole * share)) for share in (0.5, 0.8)]
    for moment in (*moments, due, max(news, due)):
        for _ in range(2):  # a second tick at the same moment changes nothing
            clocks.tick(runtime, moment + timedelta(minutes=1))
    with runtime.reading() as db:
        row = db.get(Complaint, filed.id)
        told = [(e.action, e.data.get("share")) for e in row.events if e.actor_kind == "system"]
        assert told[:3] == [("warn", "half"), ("warn", "four_fifths"), ("escalate", None)]
        assert ("news", None) in told
        assert (row.level, row.due_at) == (4, due)  # news came later than a further escalation
        alerts = {(a.kind, a.office_code) for a in db.scalars(select(Alert))}
        assert {("warn", "phe.305"), ("escalate", "phe.305"), ("escalate", "phe")} <= alerts


def test_each_holders_time_is_counted_against_that_holder(runtime, filed, now):
    hour = timedelta(hours=1)
    act(runtime, filed.id, "forward", DESK, now + hour, office="pwd.305")
    someone = Actor(Role.OFFICER, "agent", officer(runtime, office="pwd.305"))
    act(runtime, filed.id, "accept", someone, now + 2 * hour)
    act(runtime, filed.id, "resolve", someone, now + 4 * hour, **REPORT)
    with runtime.reading() as db:
        held = [(h.office_code, h.working_minutes, h.ended_by) for h in db.scalars(select(Holding).order_by(Holding.since))]
    assert held == [("phe.305", 60, "forward"), ("pwd.305", 60, "accept"), ("pwd.305", 120, "resolve")]


# ── offices and people ──


def test_after_two_transfers_the_grievance_cell_decides(runtime, filed, now):
    people_of = {office: Actor(Role.OFFICER, "agent", officer(runtime, office, office)) for office in ("phe.305", "pwd.305", "prd.305")}
    act(runtime, filed.id, "transfer", people_of["phe.305"], now, office="pwd.305", reason="a road")
    act(runtime, filed.id, "transfer", people_of["pwd.305"], now, office="prd.305", reason="a village road")
    with pytest.raises(CannotAct) as refused:
        act(runtime, filed.id, "transfer", people_of["prd.305"], now, office="phe.305", reason="no, water")
    assert refused.value.reason == "too_many"
    row = act(runtime, filed.id, "send_back", people_of["prd.305"], now, reason="not ours")
    assert (row.office_code, row.state) == ("cmo", "under_review")
    with runtime.reading() as db:
        assert db.scalars(select(Outgoing.template).order_by(Outgoing.id)).all()[-1] == "notify.under_review", "whoever was told of an office hears that it left it"


def test_an_officer_named_in_it_and_those_below_neither_see_nor_close_it(runtime, filed, now):
    chief, below = officer(runtime, "chief", "phe.305"), officer(runtime, "below", "phe.305.local")
    head = officer(runtime, "head", "phe")
    row = act(runtime, filed.id, "name_officer", DESK, now, officer=str(chief))
    assert row.office_code == "phe"
    for barred in (chief, below):
        with runtime.writing() as db:
            assert not scope.may_work_on(db, filed.id, barred)
        with pytest.raises(CannotAct) as refused:
            act(runtime, filed.id, "accept", Actor(Role.OFFICER, "agent", barred), now)
        assert refused.value.reason == "not_you"
        with pytest.raises(CannotAct):
            act(runtime, filed.id, "assign", DESK, now, owner=str(barred))
    with pytest.raises(CannotAct):
        act(runtime, filed.id, "forward", DESK, now, office="phe.305")
    act(runtime, filed.id, "accept", Actor(Role.OFFICER, "agent", head), now)


def test_an_absent_officers_deputy_gets_the_work(runtime, filed, now):
    deputy, absent = officer(runtime, "deputy"), officer(runtime, "absent")
    with runtime.writing() as db:
        db.execute(update(User).where(User.id == absent).values(deputy_id=deputy, absent_from=now, absent_until=now + timedelta(days=3)))
    assert act(runtime, filed.id, "assign", DESK, now, owner=str(absent)).owner_id == deputy
    assert act(runtime, filed.id, "assign", DESK, now + timedelta(days=4), owner=str(absent)).owner_id == absent


@pytest.mark.parametrize(
    ("values", "sees"),
    [
        ({"role": "officer", "office_code": "phe.305"}, True),
        ({"role": "officer", "office_code": "phe"}, True),
        ({"role": "officer", "office_code": "phe.306"}, False),
        ({"role": "officer", "office_code": "phe.30"}, False),
        ({"role": "officer"}, False),
        ({"role": "cell"}, True),
        ({"role": "monitor", "department_code": "pwd"}, False),
        ({"role": "monitor", "department_code": "phe", "district_code": "305"}, True),
        ({"role": "supervisor", "district_code": "306"}, False),
        ({"role": "administrator"}, False),
    ],
)
def test_who_sees_it_follows_from_role_department_and_district(runtime, filed, values, sees):
    person = people.add(runtime, username="somebody", name="Somebody", password="a long pass-phrase", **values)
    with runtime.writing() as db:
        assert scope.may_work_on(db, filed.id, person) is sees


# ── together ──


def test_those_handled_together_are_told_together_and_can_be_separated(runtime, filed, now):
    with runtime.writing() as db:
        other = complaints.file(db, runtime, filing(phone="+919830054321", language="bn"), CITIZEN, now)
    act(runtime, other.id, "merge", DESK, now, original=filed.ack)
    act(runtime, filed.id, "review", DESK, now)
    with runtime.reading() as db:
        sent = {(m.to_number, m.language) for m in db.scalars(select(Outgoing).where(Outgoing.template == "notify.under_review"))}
        assert sent == {(PHONE, "en"), ("+919830054321", "bn")}
        assert db.get(Complaint, filed.id).joined == 1
    row = act(runtime, other.id, "separate", DESK, now, reason="another tap")
    assert (row.state, row.duplicate_of_id, row.office_code) == ("under_review", None, "phe.305")
    with runtime.reading() as db:
        assert db.get(Complaint, filed.id).joined == 0


# ── the nightly check ──


def test_the_nightly_check_finds_what_nobody_owns_and_settles_it(runtime, filed, now):
    assert set(nightly.check(runtime, now).values()) == {0}
    with runtime.writing() as db:
        db.execute(update(Complaint).where(Complaint.id == filed.id).values(office_code=None, due_at=None, news_at=None))
        db.execute(update(Outgoing).values(key="lost"))
    wrong = {kind for kind, count in nightly.check(runtime, now).items() if count}
    assert wrong == {"no_office", "no_due_time", "nothing_next", "untold"}
    with runtime.writing() as db:
        db.execute(update(Complaint).where(Complaint.id == filed.id).values(office_code="phe", due_at=now, news_at=now))
    nightly.check(runtime, now)
    with runtime.reading() as db:
        assert [f.kind for f in db.scalars(select(Finding).where(Finding.settled_at.is_(None)))] == ["untold"]
