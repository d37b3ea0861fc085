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


# ── the worklist ──


def filed(caller, app, text: str) -> Complaint:
    caller.texts(text)
    with app.extensions["runtime"].reading() as db:
        return db.scalars(select(Complaint).order_by(Complaint.id.desc())).first()


def numbers_in(page: str) -> list[str]:
    import re

    return re.findall(r'class="number" href="/console/complaints/(\d{11})"', page)


def test_the_worklist_goes_by_harm_then_priority_then_due_time(app, caller, somebody):
    rows = [filed(caller, app, f"FILE big potholes on the road number {n}, Barasat") for n in range(4)]
    cell = somebody("desk", "cell")

    def change(row, **fields):
        with app.extensions["runtime"].reading() as db:
            seen = db.get(Complaint, row.id)
        assert cell.post(f"/console/complaints/{row.ack}/categorise", {"version": seen.last_seq, "category": "ROAD.POTHOLE", **fields}).status_code == 302

    change(rows[1], priority="urgent")
    change(rows[2], harm_on="2030-03-01")
    change(rows[3], harm_on="2030-02-01", priority="low")
    shown = numbers_in(cell.get("/console/complaints?tab=open").text)
    assert shown == [rows[3].ack, rows[2].ack, rows[1].ack, rows[0].ack]


def test_pages_of_the_worklist_follow_each_other_without_a_gap(app, caller, somebody, monkeypatch):
    cell = somebody("desk", "cell")
    rows = [filed(caller, app, f"FILE big potholes on the road number {n}, Barasat") for n in range(5)]
    monkeypatch.setattr(type(app.extensions["runtime"].config.console), "rows_per_page", 2, raising=False)
    object.__setattr__(app.extensions["runtime"].config.console, "rows_per_page", 2)
    import re

    seen, path = [], "/console/complaints?tab=open"
    while path:
        page = cell.get(path).text
        seen += numbers_in(page)
        more = re.search(r'class="more".*?href="([^"]+)"', page, re.S)
        path = more[1].replace("&amp;", "&") if more else None
    assert seen == [row.ack for row in rows]


def test_who_sees_what_in_which_tab(app, told, somebody, caller):
    cell, officer = somebody("desk", "cell"), somebody("barasat", "officer", BARASAT)
    head = somebody("head", "officer", "pwd")
    act(cell, app, told, "forward", office=BARASAT)
    assert numbers_in(officer.get("/console/complaints?tab=office").text) == [told]
    assert numbers_in(officer.get("/console/complaints?tab=mine").text) == []
    assert numbers_in(officer.get("/console/complaints").text) == [told], "who has nothing of the own sees what the office has"
    act(officer, app, told, "accept")
    assert numbers_in(officer.get("/console/complaints?tab=mine").text) == [told]
    assert numbers_in(head.get("/console/complaints?tab=office").text) == []
    supervisor = somebody("boss", "supervisor")
    act(supervisor, app, told, "escalate", reason="Late")
    assert numbers_in(head.get("/console/complaints?tab=escalated").text) == [told]
    act(officer, app, told, "ask", question="Which lane?")
    assert numbers_in(officer.get("/console/complaints?tab=waiting").text) == [told]
    caller.texts("the lane behind the school")
    assert numbers_in(officer.get("/console/complaints?tab=waiting").text) == []
    assert numbers_in(cell.get("/console/complaints?tab=open&office=pwd").text) == [told]
    assert numbers_in(cell.get("/console/complaints?tab=open&office=phe").text) == []
