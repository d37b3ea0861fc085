"""What becomes of a complaint that goes to the wrong office, names an officer, or is waited for: from the telephone, over the offices' pages, back to the citizen."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select, update

from helpline import acknowledgement, clocks, nightly
from helpline.runtime import utc_now
from models import Finding, Holding, Outgoing, User
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
    answer = act(water, app, told, "transfer", office=BARASAT, reason="A road, not a pipe")
    assert "no longer with your office" in water.get(answer.headers["Location"]).text
    act(roads, app, told, "transfer", office=VILLAGES, reason="A village road")
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
