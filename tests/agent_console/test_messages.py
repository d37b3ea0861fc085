"""People to ring: what could not be delivered, and what came of ringing."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from helpline import complaints
from helpline.complaints import Actor, Filing
from models import Complaint, Outgoing, Try


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
