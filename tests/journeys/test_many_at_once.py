"""Many complaints at once, and texts that staff insert."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import func, select

from models import BulkRun, Complaint, Event, Outgoing
from tests.journeys.test_casework import BARASAT, act, filed, only, somebody, told  # noqa: F401


def fields_of(page: str, action: str) -> dict[str, list[str]]:
    form = re.search(rf'action="{action}">(.*?)</form>', page, re.S)[1]
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form):
        found.setdefault(name, []).append(value)
    return found


def count(app, table) -> int:
    with app.extensions["runtime"].reading() as db:
        return db.scalar(select(func.count()).select_from(table))


@pytest.fixture
def three(app, caller):
    return [filed(caller, app, f"FILE big potholes on the road number {n}, Barasat") for n in range(3)]


def test_chosen_previewed_done_once(app, three, somebody):  # noqa: F811
    desk = somebody("desk", "cell")
    desk.post(f"/console/complaints/{three[2].ack}/reject", {"rejection_reason": "court", "reason": "Before the court"})
    chosen = {"chosen": [row.id for row in three], "action": "forward"}
    before = count(app, Event), count(app, Outgoing)
    assert "Preview" in desk.post("/console/bulk", chosen).text
    page = desk.post("/console/bulk", {**chosen, "office": BARASAT, "preview": "1"}).text
    assert (count(app, Event), count(app, Outgoing)) == before, "a preview changes nothing"
    assert "Possible for 2 of 3" in page
    assert page.count("SMS</small>") == 2
    form = fields_of(page, "/console/bulk/do")
    first, second = desk.post("/console/bulk/do", form), desk.post("/console/bulk/do", form)
    assert first.location == second.location
    assert count(app, BulkRun) == 1
    assert count(app, Event) == before[0] + 2, "sent twice, done once"
    assert desk.get(first.location).text.count("Done.") == 2
    with app.extensions["runtime"].reading() as db:
        assert [row.state for row in db.scalars(select(Complaint).order_by(Complaint.id))] == ["forwarded", "forwarded", "rejected"]


def test_one_that_changed_since_the_preview_is_left_alone_and_said(app, three, somebody):  # noqa: F811
    desk = somebody("desk", "cell")
    page = desk.post("/console/bulk", {"chosen": [row.id for row in three], "action": "review", "preview": "1"}).text
    desk.post(f"/console/complaints/{three[0].ack}/note", {"text": "Wait with this one"})
    done = desk.get(desk.post("/console/bulk/do", fields_of(page, "/console/bulk/do")).location).text
    assert done.count("Done.") == 2
    assert "changed while" in done


def test_nothing_that_one_may_not_see(app, three, somebody):  # noqa: F811
    water = somebody("water", "officer", "phe.303")
    assert water.post("/console/bulk", {"chosen": [three[0].id], "action": "accept", "preview": "1"}).status_code == 302
    desk = somebody("desk", "cell")
    page = desk.post("/console/bulk", {"chosen": [three[0].id], "action": "note", "text": "x", "preview": "1"}).text
    form = fields_of(page, "/console/bulk/do")
    water.post("/console/bulk/do", form)
    with app.extensions["runtime"].reading() as db:
        assert list(db.scalars(select(BulkRun)).one().results.values()) == ["not_you"]


def test_templates_are_edited_by_supervisors_and_filled_in_for_the_complaint(app, told, somebody):  # noqa: F811
    boss, officer = somebody("boss", "supervisor"), somebody("roads", "officer", BARASAT)
    good = {"field": "report", "language": "en", "title": "Holes filled", "body": "The holes at {place} were filled: {ack}, {office}."}
    assert boss.post("/console/replies", good).status_code == 302
    for change in ({"body": "{phone.__class__}"}, {"body": "{unknown}"}, {"body": "{"}, {"title": " "}, {"field": "name"}):
        assert boss.post("/console/replies", good | change).status_code == 422, change
    assert officer.get("/console/replies").status_code == 403
    act(officer, app, told, "accept")
    page = officer.get(f"/console/complaints/{told}").text
    assert f"{told[:3]} {told[3:7]} {told[7:]}, Public Works, North 24 Parganas." in page
    assert 'data-into="resolve-report"' in page
    assert boss.post("/console/replies", good | {"title": "Thanks", "body": "Dear {name}, thank you, {name}."}).status_code == 302
    assert 'data-insert="Dear Sir or Madam, thank you."' in officer.get(f"/console/complaints/{told}").text
