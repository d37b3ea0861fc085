"""People to ring: what could not be delivered, and what came of ringing."""

from __future__ import annotations

import pytest
from sqlalchemy import insert, select, update

from helpline import complaints
from helpline.complaints import Actor, Filing
from models import Complaint, Outgoing, Phone, Try


@pytest.fixture
def parked(app, now):
    runtime = app.extensions["runtime"]
    with runtime.writing() as db:
        done = complaints.file(
            db,
            runtime,
            Filing(channel="sms", language="bn", phone="+913325551234", description="জল নেই"),
            Actor("citizen", "sms"),
            now,
        )
        db.execute(update(Outgoing).values(state="parked", error_code="no-answer"))
    return done


@pytest.mark.parametrize(
    ("outcome", "state"), [("told", "delivered"), ("no_answer", "parked"), ("wrong_number", "parked")]
)
def test_an_agent_rings_and_records_what_came_of_it(app, staff, parked, outcome, state):
    agent = staff("agent")
    assert "Did not pick up" in agent.get("/console/messages").text
    with app.extensions["runtime"].reading() as db:
        key = db.scalar(select(Outgoing.id))
    agent.post(f"/console/messages/{key}/rang", {"outcome": outcome})
    with app.extensions["runtime"].reading() as db:
        assert db.get(Outgoing, key).state == state
        assert [(t.kind, t.outcome) for t in db.scalars(select(Try))] == [("person", outcome)]
    assert "Test agent" in agent.get(f"/console/complaints/{parked.ack}").text
    assert agent.post(f"/console/messages/{key}/rang", {"outcome": "nonsense"}).status_code == 400


def test_where_the_citizen_stopped_messages_it_is_said_and_not_tried_again(app, staff, parked, now):
    agent, runtime = staff("agent"), app.extensions["runtime"]
    with runtime.writing() as db:
        db.execute(update(Outgoing).values(kind="sms", to_number="+919830012345", state="suppressed", error_code="stopped", asked=False))
        db.execute(insert(Phone), [{"number": "+919830012345", "language": "bn", "sms_stopped_at": now, "updated_at": now}])
        key = db.scalar(select(Outgoing.id))
    page = agent.get("/console/messages").text
    assert "until they send START" in page and f"/messages/{key}/again" not in page
    assert f"/messages/{key}/rang" in page, "somebody may ring"
    agent.post(f"/console/messages/{key}/again")
    with runtime.reading() as db:
        assert db.get(Outgoing, key).state == "suppressed", "a page that was open before"
    with runtime.writing() as db:
        db.execute(update(Phone).values(sms_stopped_at=None))
    assert f"/messages/{key}/again" in agent.get("/console/messages").text, "they began them again"


def test_the_on_call_form_takes_an_email_and_the_way_to_be_told(app, staff):
    agent = staff("agent")
    form = {
        "form": "f1",
        "phone": "9830012345",
        "language": "bn",
        "category": "WATER.NONE",
        "description": "no water",
        "email": "mina@example.org",
        "told_by": "call",
    }
    assert agent.post("/console/new", form | {"email": "not an address"}).status_code == 422
    assert agent.post("/console/new", form).status_code == 302
    with app.extensions["runtime"].reading() as db:
        row = db.scalars(select(Complaint).where(Complaint.ack.is_not(None))).one()
        assert (row.email, row.told_by) == ("mina@example.org", "call")
