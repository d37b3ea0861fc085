"""What becomes of a complaint that goes to the wrong office, names an officer, or is waited for: from the telephone, over the offices' pages, back to the citizen."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from helpline import acknowledgement, clocks, complaints, nightly
from helpline.complaints import Actor, CannotAct
from helpline.figures import meaning, reading
from helpline.runtime import utc_now
from models import Alert, Finding, Holding, Outgoing, User
from tests.journeys.test_casework import BARASAT, act, only, somebody, told  # noqa: F401

WATER, VILLAGES = "phe.303", "prd.303"


def owed(app, template):
    """The citizen's messages of a template, in their order."""
    with app.extensions["runtime"].reading() as db:
        return db.scalars(select(Outgoing.body).where(Outgoing.template == template).order_by(Outgoing.id)).all()


def tick(app, moment):
    clocks.tick(app.extensions["runtime"], moment)


def delivered(app, template, moment):
    with app.extensions["runtime"].writing() as db:
        db.execute(update(Outgoing).where(Outgoing.template == template).values(state="delivered", delivered_at=moment))


def test_from_office_to_office_twice_then_the_cell_decides(app, told, somebody, caller):  # noqa: F811
    desk = somebody("desk", "cell")
    roads, water, villages = (somebody(name, "officer", office) for name, office in (("roads", BARASAT), ("water", WATER), ("villages", VILLAGES)))
    act(desk, app, told, "forward", office=WATER)
    page = water.get(f"/console/complaints/{told}").text
    assert 'data-action="transfer"' in page and "has changed offices" not in page
    answer = act(water, app, told, "transfer", office=BARASAT, reason="A road, not a pipe")
    assert "no longer with your office" in water.get(answer.headers["Location"]).text
    act(roads, app, told, "transfer", office=VILLAGES, reason="A village road")
    page = villages.get(f"/console/complaints/{told}").text
    assert 'data-action="transfer"' not in page, "what would be refused is not offered"
    assert 'data-action="send_back"' in page
    assert "It has changed offices 2 times already" in page
    refused = act(villages, app, told, "transfer", office=WATER, reason="No, water")
    assert refused.status_code == 422
    assert "the grievance cell decides" in refused.text
    act(villages, app, told, "send_back", reason="Not ours either")
    assert (only(app).office_code, only(app).transfers) == ("cmo", 3)
    page = desk.get(f"/console/complaints/{told}").text
    for reason in ("A road, not a pipe", "A village road", "Not ours either"):
        assert reason in page
    with app.extensions["runtime"].reading() as db:
        held = db.execute(select(Holding.office_code, Holding.ended_by).order_by(Holding.id)).all()
    assert [tuple(row) for row in held] == [(BARASAT, "forward"), (WATER, "transfer"), (BARASAT, "transfer"), (VILLAGES, "send_back")]
    assert len(owed(app, "notify.forwarded")) == 3
    assert "Chief Minister" in owed(app, "notify.under_review")[-1], "the citizen hears that the office no longer has it"
    caller.texts(f"STATUS {told}")
    assert "Chief Minister" in caller.reads


def test_an_officer_named_on_the_telephone_neither_sees_nor_closes_it(app, told, somebody, caller):  # noqa: F811
    roads, head, desk = somebody("roads", "officer", BARASAT), somebody("head", "officer", "pwd"), somebody("desk", "cell")
    assert roads.get(f"/console/complaints/{told}").status_code == 200
    caller.texts(f"ADD {told} the engineer of the roads office asked for money")
    with app.extensions["runtime"].reading() as db:
        engineer = db.scalars(select(User.id).where(User.username == "roads")).one()
    assert act(desk, app, told, "name_officer", officer=engineer).status_code == 302
    assert roads.get(f"/console/complaints/{told}").status_code == 404
    assert act(roads, app, told, "resolve", report="Everything is in order now").status_code == 404
    assert told not in roads.get("/console/complaints?tab=all").text
    assert told not in roads.get("/console/alerts").text
    assert only(app).office_code == "pwd"
    assert act(head, app, told, "accept").status_code == 302
    assert "has begun work" in owed(app, "notify.in_progress")[-1]


NO_OFFICE = [("agent", None), ("cell", None), ("supervisor", None), ("monitor", None), ("cell", "cmo")]


def id_of(app, username):
    with app.extensions["runtime"].reading() as db:
        return db.scalars(select(User.id).where(User.username == username)).one()


@pytest.mark.parametrize(("role", "office"), NO_OFFICE, ids=["agent", "cell", "supervisor", "monitor", "office of the cell"])
def test_somebody_without_an_office_is_named_and_neither_sees_it_nor_gets_it(app, told, somebody, caller, role, office):  # noqa: F811
    desk, roads = somebody("desk", "cell"), somebody("roads", "officer", BARASAT)
    named = somebody("named", role, office)
    caller.texts(f"ADD {told} the person who answered the telephone was rude")
    with app.extensions["runtime"].writing() as db:
        db.execute(update(Outgoing).values(state="parked"))
    assert act(desk, app, told, "name_officer", officer="named").status_code == 302
    assert only(app).office_code == BARASAT, "the work stays where it is"
    assert named.get(f"/console/complaints/{told}").status_code == 404
    where = ["/console/complaints?tab=all", f"/console/complaints?tab=all&q={told}", "/console/alerts", "/console/figures/registered", "/console/exports/complaints.csv"]
    where += ["/console/messages", "/console/callbacks"] if role != "monitor" else []
    where += [f"/console/audit?complaint={told}", "/console/audit"] if role == "supervisor" else []
    for path in where:
        answer = named.get(path).text
        for written in (f"complaints/{told}", acknowledgement.display(told)):
            assert written not in answer, path
    if role != "monitor":
        known = named.post("/console/new/caller", {"phone": caller.number}).text
        alike = named.post("/console/new/similar", {"phone": caller.number, "category": "ROAD.POTHOLE", "description": "big potholes near the school"}).text
        assert told not in known + alike
        assert act(named, app, told, "add", text="x").status_code == 404
    with app.extensions["runtime"].writing() as db, pytest.raises(CannotAct) as fault:
        complaints.act(db, app.extensions["runtime"], only(app).id, "note", Actor(role, "agent", id_of(app, "named")), utc_now(), {"text": "x"})
    assert fault.value.reason == "not_you"
    assert act(desk, app, told, "assign", owner=str(id_of(app, "named"))).status_code == 422
    assert roads.get(f"/console/complaints/{told}").status_code == 200
    assert act(roads, app, told, "accept").status_code == 302
    assert act(desk, app, told, "forward", office=WATER).status_code == 302, "no office is barred"


def test_who_has_it_and_is_named_has_it_no_more_and_no_figure_counts_it_for_them(app, told, somebody, caller):  # noqa: F811
    somebody("boss", "supervisor")
    desk, runtime = somebody("desk", "cell"), app.extensions["runtime"]
    assert act(desk, app, told, "assign", owner="boss").status_code == 302
    before = only(app)
    assert act(desk, app, told, "name_officer", officer="boss").status_code == 302
    assert (only(app).owner_id, only(app).office_code, only(app).level) == (None, before.office_code, before.level)
    with runtime.reading() as db:
        users = {user.username: user for user in db.execute(select(User.__table__))}
        today = meaning.today(utc_now())
        choice = reading.Choice(today - timedelta(days=3), today, today)
        counted = {name: reading.Reader(db.connection(), users[name], choice).total()["registered"] for name in ("boss", "desk")}
    assert counted == {"boss": 0, "desk": 1}


def test_a_named_person_is_no_deputy_for_it_either(app, told, somebody):  # noqa: F811
    desk = somebody("desk", "cell")
    somebody("away", "officer", WATER)
    somebody("named", "cell")
    with app.extensions["runtime"].writing() as db:
        days = {"absent_from": utc_now() - timedelta(days=1), "absent_until": utc_now() + timedelta(days=1), "deputy_id": id_of(app, "named")}
        db.execute(update(User).where(User.username == "away").values(**days))
    act(desk, app, told, "name_officer", officer="named")
    refused = act(desk, app, told, "assign", owner="away")
    assert (refused.status_code, "whoever the complaint names" in refused.text) == (422, True)
    assert only(app).owner_id is None


def test_who_reported_it_resolved_is_told_that_the_citizen_opened_it_again(app, told, somebody, caller):  # noqa: F811
    roads, head = somebody("roads", "officer", BARASAT), somebody("head", "officer", "pwd")
    act(roads, app, told, "accept")
    act(roads, app, told, "resolve", report="The holes were filled and rolled on Monday")
    caller.dials().presses("2", "1", "2")
    assert caller.heard("A senior officer will see to it", "en")
    assert only(app).office_code == "pwd"
    assert ">1<" in roads.get("/console/alerts/bell").text
    page = roads.get("/console/alerts").text
    assert acknowledgement.display(told) in page and "Reopened" in page and "now with Public Works, head office" in page
    assert f"/console/complaints/{told}" not in page, "it is not theirs to open any more"
    assert f"/console/complaints/{told}" in head.get("/console/alerts").text
    assert "Reopened" in head.get(f"/console/complaints/{told}").text
    roads.post("/console/alerts/seen")
    assert ">0<" in roads.get("/console/alerts/bell").text
    with app.extensions["runtime"].writing() as db:
        db.execute(update(Alert).values(seen_at=None))
    act(somebody("desk", "cell"), app, told, "name_officer", officer="roads")
    assert acknowledgement.display(told) not in roads.get("/console/alerts").text, "of what names them they hear nothing"


def test_a_question_stops_the_clock_from_its_delivery_and_silence_starts_it_again(app, told, somebody, caller):  # noqa: F811
    roads, runtime = somebody("roads", "officer", BARASAT), app.extensions["runtime"]
    act(roads, app, told, "accept")
    due = only(app).due_at
    act(roads, app, told, "ask", question="Which school is it near?")
    assert "Which school is it near?" in owed(app, "notify.action_required")[-1]
    at = utc_now()
    tick(app, at)
    assert only(app).clock_stopped_at is None, "nobody has it yet"
    delivered(app, "notify.action_required", at)
    tick(app, at)
    assert only(app).clock_stopped_at == at
    assert "the clock stands still since" in roads.get(f"/console/complaints/{told}").text
    caller.texts("the primary school")
    assert (only(app).state, only(app).clock_stopped_at) == ("in_progress", None)
    assert "the primary school" in roads.get(f"/console/complaints/{told}").text
    act(roads, app, told, "ask", question="Which lane?")
    delivered(app, "notify.action_required", utc_now())
    tick(app, utc_now())
    tick(app, runtime.calendar.add(utc_now(), 4 * runtime.calendar.day_minutes))
    assert only(app).state == "in_progress", "silence does not stop the work for ever"
    assert only(app).due_at > due, "the citizen's time is not the office's"


def test_a_promised_date_that_passes_is_told_and_what_is_late_goes_up_with_everybody_told(app, told, somebody, caller):  # noqa: F811
    roads, head = somebody("roads", "officer", BARASAT), somebody("head", "officer", "pwd")
    act(roads, app, told, "accept")
    tomorrow = utc_now() + timedelta(days=2)
    act(roads, app, told, "promise", news_on=tomorrow.date().isoformat())
    assert owed(app, "notify.promised"), "the citizen knows the date"
    tick(app, only(app).news_at + timedelta(minutes=1))
    assert "still working" in owed(app, "notify.still_working")[-1]
    assert only(app).news_at > tomorrow, "and the next one"
    late = only(app).due_at + timedelta(minutes=1)
    for moment in (late - timedelta(minutes=2), late):
        tick(app, moment)
    assert (only(app).level, only(app).office_code) == (3, BARASAT)
    assert "taken up with a senior officer" in owed(app, "notify.escalated")[-1]
    assert acknowledgement.display(told) in head.get("/console/complaints?tab=escalated").text, "the next level has it in its list"
    assert ">0<" not in head.get("/console/alerts/bell").text


def test_what_nobody_has_any_more_is_a_list_in_the_console(app, told, somebody):  # noqa: F811
    roads, desk, runtime = somebody("roads", "officer", BARASAT), somebody("desk", "cell"), app.extensions["runtime"]
    act(roads, app, told, "accept")
    nightly.check(runtime, utc_now())
    assert told not in desk.get("/console/findings").text
    with runtime.writing() as db:
        db.execute(update(User).where(User.username == "roads").values(active=False))
    nightly.check(runtime, utc_now())
    assert told in desk.get("/console/findings").text
    act(desk, app, told, "forward", office=WATER)
    nightly.check(runtime, utc_now())
    with runtime.reading() as db:
        assert [row.settled_at is not None for row in db.scalars(select(Finding))] == [True], "it is settled by itself"


@pytest.mark.parametrize(
    ("said", "office", "body"),
    [
        ("FILE the drain is blocked in Kalna", "udma.306.mu-kalna", "306-mu-kalna"),  # the town's
        ("FILE less ration was given in Kalna", "fs.306.sd-kalna", "306-sd-kalna"),  # the sub-division's: of two places of that name the one that has an office for it
        ("FILE tube well is broken in Kalna", "prd.306", None),  # neither has: the district's
        ("অভিযোগ কালনায় নর্দমা বন্ধ", "udma.306.mu-kalna", "306-mu-kalna"),
        ("FILE the drain is blocked, pin 713101", "udma.306.mu-bardhaman", "306-mu-bardhaman"),  # the PIN code's post office has the town's name
        ("FILE the drain is blocked in Purba Bardhaman", "udma.306", None),
    ],
)
def test_a_place_that_is_named_goes_to_its_own_office(app, caller, said, office, body):
    caller.texts(said)
    row = only(app)
    assert (row.office_code, row.local_body_code) == (office, body)
    assert row.level == (1 if body else 2)


def test_another_place_or_subject_is_another_office(app, caller):
    caller.texts("FILE the drain is blocked in Kalna").texts("A Sen")
    caller.texts("not Kalna, Memari")
    assert (only(app).office_code, only(app).local_body_code) == ("udma.306.mu-memari", "306-mu-memari")
    caller.texts("wrong place, pin is 713101")
    assert (only(app).office_code, only(app).local_body_code) == ("udma.306.mu-bardhaman", "306-mu-bardhaman")
    caller.texts("not Bardhaman, Kalna")
    caller.texts("not drain, ration")
    assert (only(app).office_code, only(app).local_body_code) == ("fs.306.sd-kalna", "306-sd-kalna")


def test_in_another_district_it_leaves_the_town_office(app, caller, somebody):  # noqa: F811
    caller.texts("FILE the drain is blocked in Kalna")
    assert only(app).office_code == "udma.306.mu-kalna"
    assert act(somebody("desk", "cell"), app, only(app).ack, "categorise", category="SANI.DRAIN", district="303").status_code == 302
    assert (only(app).district_code, only(app).office_code, only(app).local_body_code) == ("303", "udma.303", None)
