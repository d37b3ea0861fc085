"""Several people at one complaint, and several complaints about one problem."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from helpline import search
from models import Complaint
from simulator.driver import Caller
from tests.journeys.test_casework import BARASAT, act, filed, only, somebody, told  # noqa: F401


def test_who_else_has_it_open_and_what_they_write(app, told, somebody):  # noqa: F811
    desk, officer = somebody("desk", "cell"), somebody("roads", "officer", BARASAT)
    path = f"/console/complaints/{told}/here"
    assert "also looking" not in desk.post(path).text
    assert "Test desk is also looking at it" in officer.post(path).text
    officer.post(path, {"doing": "resolve"})
    assert "Test roads is writing: Report resolved" in desk.post(path).text
    assert act(officer, app, told, "note", text="On it").status_code == 302
    assert "Test roads" not in desk.post(path).text, "what is done is not being written any more"
    act(desk, app, told, "review")
    assert "Something happened" in officer.post(path, {"seen": 1}).text


def test_nothing_is_overwritten_silently(app, told, somebody):  # noqa: F811
    desk, officer = somebody("desk", "cell"), somebody("roads", "officer", BARASAT)
    seen = only(app).last_seq
    act(desk, app, told, "note", text="The mayor called about this")
    answer = officer.post(f"/console/complaints/{told}/accept", {"version": seen, "news_on": "2030-01-07"})
    assert answer.status_code == 409
    for text in ("The mayor called about this", "Test desk", "2030-01-07", "Do mine now", "Discard mine"):
        assert text in answer.text, text
    assert only(app).state != "in_progress"
    import re

    fresh = re.search(r'id="form-accept".*?name="version" value="(\d+)"', answer.text, re.S)[1]
    assert officer.post(f"/console/complaints/{told}/accept", {"version": fresh, "news_on": "2030-01-07"}).status_code == 302
    assert only(app).state == "in_progress"


@pytest.fixture
def twice(app, network, told, caller):  # noqa: F811
    """The same hole told by a neighbour, and something else: (told, neighbour's)."""
    neighbour = Caller(network, "+919830099999")
    neighbour.texts("FILE big potholes near the school on Station road, Barasat")
    Caller(network, "+919830088888").texts("FILE ration dealer gives less rice, Tamluk")
    search.index_pending(app.extensions["runtime"])
    with app.extensions["runtime"].reading() as db:
        return told, db.scalars(select(Complaint).where(Complaint.phone == "+919830099999")).one().ack, neighbour


def test_the_same_problem_is_suggested_with_its_reasons_on_the_page_and_while_entering(app, twice, somebody):  # noqa: F811
    first, second, _ = twice
    agent = somebody("phones", "agent")
    for page in (
        agent.get(f"/console/complaints/{second}/alike").text,
        agent.post("/console/new/similar", {"description": "potholes near the school", "category": "ROAD.POTHOLE", "district": "303"}).text,
    ):
        assert first[7:] in page
        for reason in ("same district", "words in common", "within a day"):
            assert reason in page, reason
        assert page.count("words in common") <= 2, "the ration dealer is another matter"


def test_another_matter_at_the_same_place_is_not_suggested(app, network, told, somebody):  # noqa: F811
    Caller(network, "+919830099999").texts("FILE no water in the taps for three days near the school on Station road, Barasat, PIN 700124")
    Caller(network, "+919830088888").texts("FILE dead animal near the bus stand, Barasat, PIN 700124")
    search.index_pending(app.extensions["runtime"])
    with app.extensions["runtime"].reading() as db:
        water = db.scalars(select(Complaint.ack).where(Complaint.phone == "+919830099999")).one()
        animal = db.scalars(select(Complaint.ack).where(Complaint.phone == "+919830088888")).one()
    page = somebody("desk", "cell").get(f"/console/complaints/{water}/alike").text
    assert animal not in page.replace(" ", "")


def test_joined_by_one_click_told_together_and_undone(app, twice, somebody, caller):  # noqa: F811
    first, second, neighbour = twice
    desk, monitor = somebody("desk", "cell"), somebody("watch", "monitor")
    assert desk.post(f"/console/complaints/{second}/merge", {"original": first}).status_code == 302
    page = desk.get(f"/console/complaints/{first}").text
    assert "98300 99999" in page
    assert "98300 99999" not in monitor.get(f"/console/complaints/{first}").text, "masked"
    neighbour.texts(f"STATUS {second}")
    assert "under review" in neighbour.reads, "either number is answered"
    assert desk.post(f"/console/complaints/{second}/separate", {"reason": "Another hole"}).status_code == 302
    assert "98300 99999" not in desk.get(f"/console/complaints/{first}").text
    with app.extensions["runtime"].reading() as db:
        assert [row.joined for row in db.scalars(select(Complaint).order_by(Complaint.id).limit(1))] == [0]
