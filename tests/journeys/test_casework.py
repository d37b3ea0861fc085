"""From the telephone to the officer and back, through the console's pages."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from helpline import people
from models import Alert, Complaint
from tests.agent_console.conftest import PASSWORD, Staff

BARASAT = "pwd.303"


@pytest.fixture
def somebody(app):
    """Somebody of the staff who signs in, in English."""

    def signs_in(username: str, role: str, office: str | None = None, **values) -> Staff:
        people.add(app.extensions["runtime"], username=username, name=f"Test {username}", role=role, password=PASSWORD, office_code=office,
                   must_change_password=False, **values)  # fmt: skip
        person = Staff(app.test_client())
        assert person.signs_in(username).status_code == 302
        person.post("/console/language")
        return person

    return signs_in


@pytest.fixture
def told(app, caller):
    """A complaint filed by SMS: its number."""
    caller.texts("FILE big potholes on the road near the school, Barasat")
    return only(app).ack


def only(app) -> Complaint:
    with app.extensions["runtime"].reading() as db:
        return db.scalars(select(Complaint).where(Complaint.duplicate_of_id.is_(None)).order_by(Complaint.id)).first()


def act(person: Staff, app, ack: str, action: str, **fields):
    return person.post(f"/console/complaints/{ack}/{action}", {"version": only(app).last_seq, **fields})


def test_the_page_says_what_changed_who_has_it_and_who_was_told(app, told, somebody):
    cell, officer = somebody("desk", "cell"), somebody("barasat", "officer", BARASAT)
    act(cell, app, told, "categorise", category="ROAD.POTHOLE", priority="urgent")
    act(cell, app, told, "forward", office=BARASAT)
    assert ">1<" in officer.get("/console/alerts/bell").text, "the bell of the office rings"
    assert told[7:] in officer.get("/console/alerts").text
    page = officer.get(f"/console/complaints/{told}").text
    for text in ("<del>Normal</del>", "<ins>Urgent</ins>", "Told in the console", "Nobody in person yet"):
        assert text in page, text
    assert ">0<" in officer.get("/console/alerts/bell").text, "seen by opening the complaint"
    with app.extensions["runtime"].reading() as db:
        assert db.scalars(select(Alert)).one().seen_at is not None


def test_what_was_told_can_be_corrected_also_when_it_is_complete(app, told, somebody):
    agent = somebody("phones", "agent")
    assert act(agent, app, told, "complete", name="Sita Test", place="Station Road").status_code == 302
    assert act(agent, app, told, "complete", name="Gita Test").status_code == 302
    assert only(app).name == "Gita Test"
