"""Feedback by telephone: the agents' page."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from helpline import asking, complaints
from helpline.complaints import Actor, Filing
from helpline.runtime import utc_now
from models import Alert, Complaint, Event, Feedback, User
from tests.agent_console.test_browser import page, serious, signs_in  # noqa: F401 - a fixture
from tests.journeys.test_calls import REPORT


@pytest.fixture
def unanswered(app):
    """Resolved three days ago, asked twice, not answered."""
    runtime, then = app.extensions["runtime"], utc_now() - timedelta(days=3)
    desk = Actor("cell", "agent")
    with runtime.writing() as db:
        filing = Filing(
            channel="sms",
            language="bn",
            phone="+919830012345",
            name="মিনা",
            category_code="WATER.NONE",
            district_code="305",
            description="জল নেই",
        )
        done = complaints.file(db, runtime, filing, Actor("citizen", "sms"), then)
        complaints.act(db, runtime, done.id, "review", desk, then)
        complaints.act(db, runtime, done.id, "resolve", desk, then, REPORT)
    asking.ask_again(runtime, utc_now())
    return done


def row(app):
    with app.extensions["runtime"].reading() as db:
        return db.scalars(select(Feedback)).one()


def test_one_agent_claims_it_asks_and_records(app, staff, unanswered):
    one, other = staff("agent"), staff("cell")
    assert "মিনা" in one.get("/console/feedback").text
    assert one.post(f"/console/feedback/{unanswered.ack}/claim").status_code == 302
    assert "আপনার সমস্যা কি সত্যিই মিটেছে?" in one.get("/console/feedback").text, "the question in the citizen's language"
    assert other.post(f"/console/feedback/{unanswered.ack}/claim").status_code == 409
    assert one.post(f"/console/feedback/{unanswered.ack}/record", {"outcome": "answered"}).status_code == 422
    done = one.post(
        f"/console/feedback/{unanswered.ack}/record",
        {"outcome": "answered", "solved": "yes", "rating": "4", "conduct": "yes"},
    )
    assert done.status_code == 302
    found = row(app)
    assert (found.solved, found.rating, found.conduct, found.channel) == (True, 4, True, "agent")
    with app.extensions["runtime"].reading() as db:
        event = db.scalars(select(Event).where(Event.action == "confirm")).one()
        agent = db.scalar(select(User.id).where(User.username == "agent"))
        assert (event.actor_id, event.channel) == (agent, "agent")
        assert {a.kind for a in db.scalars(select(Alert))} >= {"conduct"}
    assert "মিনা" not in one.get("/console/feedback").text


def test_not_reached_frees_it_and_counts(app, staff, unanswered):
    one, other = staff("agent"), staff("cell")
    one.post(f"/console/feedback/{unanswered.ack}/claim")
    one.post(f"/console/feedback/{unanswered.ack}/record", {"outcome": "no_answer"})
    assert (row(app).tries, row(app).outcome, row(app).claimed_by_id) == (3, "no_answer", None)
    assert other.post(f"/console/feedback/{unanswered.ack}/claim").status_code == 302


@pytest.mark.parametrize("outcome", ["refused", "wrong_number"])
def test_who_will_not_speak_of_it_and_a_stranger_are_asked_no_more(app, staff, unanswered, outcome):
    one = staff("agent")
    one.post(f"/console/feedback/{unanswered.ack}/claim")
    assert one.post(f"/console/feedback/{unanswered.ack}/record", {"outcome": outcome}).status_code == 302
    assert "মিনা" not in one.get("/console/feedback").text
    assert one.post(f"/console/feedback/{unanswered.ack}/claim").status_code == 404
    before = row(app).tries
    asking.ask_again(app.extensions["runtime"], utc_now() + timedelta(days=3))
    assert (row(app).tries, row(app).next_at) == (before, None)


def test_not_solved_reopens(app, staff, unanswered):
    one = staff("agent")
    one.post(f"/console/feedback/{unanswered.ack}/claim")
    one.post(
        f"/console/feedback/{unanswered.ack}/record",
        {"outcome": "answered", "solved": "no", "reason": "still no water"},
    )
    with app.extensions["runtime"].reading() as db:
        assert db.scalars(select(Complaint)).one().state == "reopened"


def test_what_was_said_of_conduct_never_shows_to_the_officer(app, staff, unanswered):
    staff("agent").post(
        f"/console/feedback/{unanswered.ack}/record", {"outcome": "answered", "solved": "yes", "conduct": "yes"}
    )
    runtime = app.extensions["runtime"]
    with runtime.writing() as db:
        db.execute(update(User).where(User.username == "officer").values(office_code="phe"))
    officer = staff("officer")
    for path in (f"/console/complaints/{unanswered.ack}", "/console/alerts", "/console/complaints"):
        assert "bad behaviour" not in officer.get(path).text
    assert officer.get("/console/feedback").status_code == 403
    assert "bad behaviour" in staff("supervisor").get("/console/alerts").text


@pytest.mark.browser
@pytest.mark.xdist_group("browser")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("width", [1280, 390])
def test_in_a_browser(page, live, app, unanswered, width):  # noqa: F811
    page.set_viewport_size({"width": width, "height": 900})
    signs_in(page, live, "agent")
    page.goto(f"{live}/console/feedback")
    page.locator("#rows button").click()
    page.wait_for_selector("#feedback-form")
    assert serious(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.check("#solved-yes")
    page.check("#rating-5")
    page.check("#conduct-no")
    page.locator("button[value=answered]").click()
    page.wait_for_url("**done=1")
    assert (row(app).solved, row(app).rating, row(app).conduct) == (True, 5, False)
