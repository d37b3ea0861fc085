"""One phone for a family: whose complaint is meant, and messages that say nothing of the content."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from helpline import acknowledgement, complaints, missed, worker
from helpline.complaints import Filing
from helpline.events import Actor
from helpline.runtime import utc_now
from models import Complaint, Event, Outgoing
from tests.journeys.test_casework import somebody  # noqa: F401

NUMBER = "+919830012345"
CELL = Actor("cell", "agent")


def runtime(app) -> Any:
    return app.extensions["runtime"]


def file(app, name: str = "", category: str = "WATER.NONE", **values) -> complaints.Filed:
    filing = Filing(channel="agent", language="en", phone=NUMBER, name=name, category_code=category, district_code="303", description="x", **values)
    with runtime(app).writing() as db:
        return complaints.file(db, runtime(app), filing, Actor("citizen", "sms"), utc_now())


def row(app, filed) -> Complaint:
    with runtime(app).reading() as db:
        return db.scalars(select(Complaint).where(Complaint.id == filed.id)).one()


def act(app, filed, action, **given) -> None:
    with runtime(app).writing() as db:
        complaints.act(db, runtime(app), filed.id, action, CELL, utc_now(), given)


def newest(app, filed) -> Outgoing:
    with runtime(app).reading() as db:
        return db.scalars(select(Outgoing).where(Outgoing.complaint_id == filed.id).order_by(Outgoing.id.desc())).first()


@pytest.fixture
def family(app):
    """Three people's complaints from one phone, the newest last."""
    return file(app, "Rahima Khatun"), file(app, "Selim Khan", "ROAD.POTHOLE"), file(app, "Mina Das", "ROAD.LIGHT")


def shown(filed) -> str:
    return acknowledgement.display(filed.ack)


# ── whose ──


def test_what_is_added_without_a_number_asks_whose_it_is_and_goes_there(app, caller, family):
    caller.texts("ADD please come soon")
    assert all(shown(one) in caller.reads for one in family) and "Rahima" in caller.reads
    caller.texts("Rahima")
    assert shown(family[0]) in caller.reads
    with runtime(app).reading() as db:
        added = db.scalars(select(Event).where(Event.action == "add")).one()
    assert (added.complaint_id, added.data["text"]) == (family[0].id, "please come soon")


def test_the_number_answers_too_and_another_spelling_of_the_name(app, caller, family):
    caller.texts("CANCEL")
    caller.texts(shown(family[1]))
    assert row(app, family[1]).state == "closed"
    caller.texts("CANCEL")
    caller.texts("রহিমা")
    assert row(app, family[0]).state == "closed"
    assert row(app, family[2]).state == "registered"


def test_a_name_with_the_keyword_needs_no_question(app, caller, family):
    act(app, family[0], "review")
    act(app, family[0], "resolve", report="The pump was repaired today")
    caller.texts("STATUS Rahima")
    assert shown(family[0]) in caller.reads
    caller.texts("STATUS Selim")
    assert shown(family[1]) in caller.reads


def test_one_person_with_two_spellings_is_one_person(app, caller):
    """Then her complaints are told apart by what they are about."""
    file(app, "Rahima Khatun")
    second = file(app, "রহিমা খাতুন", "ROAD.LIGHT")
    caller.texts("ADD please come soon")
    assert "Rahima" not in caller.reads and "Street light" in caller.reads
    caller.dials().presses("2", "1")
    assert second.ack[-4:] in "".join(ch for ch in caller.last_said if ch.isdigit())


def test_the_telephone_lists_people_by_name(app, caller, family):
    caller.dials().presses("2", "1")
    assert "Several people" in caller.last_said
    assert "Mina Das: press 1" in caller.last_said and "Rahima Khatun: press 3" in caller.last_said
    caller.presses("2")
    assert row(app, family[1]).ack[-4:] in "".join(ch for ch in caller.last_said if ch.isdigit())


def test_without_names_the_newest_is_told_at_once(app, caller):
    file(app)
    second = file(app, category="ROAD.LIGHT")
    caller.dials().presses("2", "1")
    assert second.ack[-4:] in "".join(ch for ch in caller.last_said if ch.isdigit())


def test_nobody_elses_number_is_told_by_an_address_that_was_made_up(app, caller, stranger, family):
    """The list's addresses are signed; what they name must be of this telephone all the same."""
    stranger.dials().presses("2")
    assert not stranger.heard("Rahima")


def test_the_form_lists_the_people_of_a_number(app, family, somebody):  # noqa: F811
    file(app, "Rahima Khatoon")
    agent = somebody("one", "agent")
    page = agent.post("/console/new/caller", {"phone": "9830012345"}).text
    assert "3 people have complained" in page
    assert page.count('class="person"') == 3 and page.count("data-person") == 3


# ── nothing of the content ──


def private(app, filed) -> bool:
    return bool(row(app, filed).discreet)


@pytest.mark.parametrize(("on", "off", "says"), [("PRIVATE", "PRIVATE OFF", "nothing more"), ("গোপন", "গোপন নয়", "খবর আছে"), ("निजी", "निजी नहीं", "सूचना")])
def test_a_keyword_makes_messages_neutral_and_undoes_it(app, caller, on, off, says):
    filed = file(app)
    assert says in caller.texts(on).reads
    assert private(app, filed)
    act(app, filed, "review")
    told = newest(app, filed)
    assert told.template == "notify.discreet" and shown(filed) in told.body
    for word in ("review", "Public Health", "Water", "complaint"):
        assert word not in told.body
    caller.texts(off)
    assert not private(app, filed)


def test_with_a_number_only_that_one_and_not_for_strangers(app, caller, stranger):
    first, second = file(app), file(app, category="ROAD.LIGHT")
    stranger.texts(f"PRIVATE {first.ack}")
    assert not private(app, first)
    caller.texts(f"PRIVATE {first.ack}")
    assert (private(app, first), private(app, second)) == (True, False)


def test_status_from_the_own_phone_tells_all_of_it_and_a_stranger_no_more_than_before(app, caller, stranger):
    filed = file(app, discreet=True)
    assert "under review" in caller.texts(f"STATUS {filed.ack}").reads
    assert "do not match" in stranger.texts(f"STATUS {filed.ack}").reads


def test_every_way_of_telling_says_no_more(app, caller):
    filed = file(app, discreet=True, told_by="call")
    act(app, filed, "review")
    call = newest(app, filed)
    assert call.kind == "call" and "There is news on number" in call.body and "review" not in call.body
    with runtime(app).writing() as db:
        assert missed.answer(db, runtime(app), NUMBER, type("Call", (), {"language": "en", "sid": "CA1"})(), utc_now())
    assert newest(app, filed).template == "notify.discreet"
    act(app, filed, "resolve", report="The pump was repaired today")
    assert newest(app, filed).template == "notify.discreet"


def test_what_still_waits_to_be_sent_says_less_too(app, caller):
    filed = file(app)
    act(app, filed, "review")
    assert newest(app, filed).template == "notify.under_review"
    caller.texts("PRIVATE")
    with runtime(app).reading() as db:
        waiting = db.scalars(select(Outgoing).where(Outgoing.complaint_id == filed.id, Outgoing.state == "pending", Outgoing.kind == "sms")).all()
    assert {one.template for one in waiting} <= {"notify.discreet"} and waiting
    assert all(one.check_code in one.body for one in waiting), "the code still proves that it is ours"


def test_a_key_after_filing_and_after_the_status(app, caller):
    caller.dials().presses("2", "1", "1", "1").speaks("no street light", "en").presses("1", "3").speaks("Rahima", "en").presses("1", "1")
    assert "press 4" in caller.last_said
    caller.presses("4")
    assert caller.heard("only say that there is news")
    with runtime(app).reading() as db:
        assert db.scalars(select(Complaint.discreet)).all() == [True]
    caller.hangs_up()
    worker.run_once(runtime(app), utc_now())


def test_the_agents_form_and_the_complaints_page(app, somebody):  # noqa: F811
    agent = somebody("one", "agent")
    given = {"phone": "9830012345", "language": "en", "name": "R", "description": "He beats me", "category": "WATER.NONE", "discreet": "yes"}
    assert agent.post("/console/new", given).status_code == 302
    with runtime(app).reading() as db:
        made = db.scalars(select(Complaint)).one()
        assert made.discreet
        assert [one.template for one in db.scalars(select(Outgoing))] == ["notify.discreet"]
    page = agent.get(f"/console/complaints/{made.ack}").text
    assert "Neutral messages" in page
    assert agent.post(f"/console/complaints/{made.ack}/discreet", {"discreet": "no"}).status_code == 302
    assert "Neutral messages" not in agent.get(f"/console/complaints/{made.ack}").text
