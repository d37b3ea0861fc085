"""Ringing back from the console: taken by one, prefilled, recorded."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from agent_console.callbacks import WHERE
from helpline import callbacks
from helpline.runtime import utc_now
from ivr.tree import TREE
from models import Audit, Callback, Complaint
from simulator.driver import Caller


@pytest.fixture
def broke_off(app, network):
    def call(*keys, number="+919830012345", saying=""):
        Caller(network, number).dials().presses(*keys).hangs_up(saying=saying)
        runtime = app.extensions["runtime"]
        callbacks.account(runtime, utc_now() + timedelta(minutes=1))
        with runtime.reading() as db:
            return db.scalars(select(Callback).order_by(Callback.id.desc())).first()

    return call


def state(app, entry):
    with app.extensions["runtime"].reading() as db:
        return db.get(Callback, entry.id).state


def test_every_node_an_agent_is_told_of_is_in_the_tree():
    assert set(WHERE) <= set(TREE)


def test_the_oldest_promise_first_with_what_is_known(app, staff, broke_off):
    broke_off("1", "1", "1", "1", number="+919830054321")
    broke_off("2")
    page = staff("agent").get("/console/callbacks").text
    assert page.index("98300 54321") < page.index("98300 12345")
    assert "Potholes" in page
    assert "telling the problem" in page
    assert "in the menu" in page


def test_taken_prefilled_and_registered_is_done(app, staff, broke_off):
    entry = broke_off("2", "1", "1", "1")
    agent = staff("agent")
    answer = agent.post(f"/console/callbacks/{entry.id}/claim")
    assert f"draft={entry.complaint_id}" in answer.location
    form = agent.get(answer.location).text
    assert "98300 12345" in form
    assert 'value="Potholes or broken road"' in form
    assert '<option value="en" selected>' in form
    assert "Reached and done" in form
    agent.post("/console/new", {"draft": entry.complaint_id, "callback": entry.id, "phone": "9830012345", "category": "ROAD.POTHOLE",
                                "description": "a deep hole", "language": "en"})  # fmt: skip
    assert state(app, entry) == "done"
    with app.extensions["runtime"].reading() as db:
        assert db.get(Complaint, entry.complaint_id).state == "registered"


def test_without_a_draft_the_form_has_number_and_language(app, staff, broke_off):
    entry = broke_off("3", "2")
    agent = staff("agent")
    form = agent.get(agent.post(f"/console/callbacks/{entry.id}/claim").location).text
    assert 'value="98300 12345"' in form
    assert '<option value="hi" selected>' in form


def test_a_registered_one_is_rung_from_the_page_itself(app, staff, broke_off):
    entry = broke_off("2", "1", "1", "1", saying="the road is broken")
    agent = staff("agent")
    answer = agent.post(f"/console/callbacks/{entry.id}/claim")
    page = agent.get(answer.location).text
    assert "You are ringing" in page
    assert re.search(r"/console/complaints/\d{11}", page)


def test_what_came_of_it_is_recorded_and_audited(app, staff, broke_off):
    entry = broke_off("2")
    agent, other = staff("agent"), staff("cell")
    agent.post(f"/console/callbacks/{entry.id}/claim")
    assert "Test agent" in other.get("/console/callbacks").text
    taken = other.post(f"/console/callbacks/{entry.id}/claim")
    assert taken.status_code == 409
    assert "Somebody else has taken" in taken.text
    assert other.post(f"/console/callbacks/{entry.id}/reached").status_code == 409
    assert agent.post(f"/console/callbacks/{entry.id}/sung").status_code == 404
    agent.post(f"/console/callbacks/{entry.id}/no_answer")
    page = agent.get("/console/callbacks/list").text
    assert "Tries: 1; the last: No answer" in page
    assert "To be tried again later" in page
    with app.extensions["runtime"].reading() as db:
        assert {"callback.claimed", "callback.no_answer"} <= set(db.scalars(select(Audit.action)))


def test_given_back(app, staff, broke_off):
    entry = broke_off("2")
    agent = staff("agent")
    agent.post(f"/console/callbacks/{entry.id}/claim")
    agent.post(f"/console/callbacks/{entry.id}/release")
    assert state(app, entry) == "due"


def test_who_asked_by_sms_is_on_the_page_like_the_others(app, staff, network):
    Caller(network, "+919830054321").texts("phone korun amake")
    with app.extensions["runtime"].reading() as db:
        entry = db.scalars(select(Callback)).one()
    agent = staff("agent")
    page = agent.get("/console/callbacks").text
    assert "98300 54321" in page
    assert "Asked by SMS to be rung" in page
    assert "in the menu" not in page, "there was no call"
    form = agent.get(agent.post(f"/console/callbacks/{entry.id}/claim").location).text
    assert 'value="98300 54321"' in form
    assert '<option value="bn" selected>' in form
    assert "in the menu" not in form
    agent.post("/console/new", {"callback": entry.id, "phone": "9830054321", "category": "ROAD.POTHOLE", "description": "a deep hole", "language": "bn"})
    assert state(app, entry) == "done"
