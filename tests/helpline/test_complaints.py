from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import DBAPIError

from helpline import acknowledgement, complaints, events, lifecycle, people, subtasks
from helpline.complaints import Actor, CannotAct, Filing
from helpline.lifecycle import Role, State
from models import Complaint, Event, Outgoing, Subtask

CITIZEN = Actor(Role.CITIZEN, "sms")
PHONE = "+919830012345"


def filing(**values):
    return Filing(**({"channel": "sms", "language": "bn", "phone": PHONE, "category_code": "ROAD.LIGHT",
                      "description": "রাস্তার আলো জ্বলে না"} | values))  # fmt: skip


def test_filing_writes_complaint_event_and_message_together(runtime, now):
    with runtime.writing() as db:
        filed = complaints.file(db, runtime, filing(source_key="SM1"), CITIZEN, now)
    with runtime.reading() as session:
        row = session.get(Complaint, filed.id)
        assert acknowledgement.is_valid(filed.ack)
        assert row.ack == filed.ack
        assert (row.state, row.department_code, row.level) == ("registered", "udma", 3)
        assert row.due_at > now
        assert [e.action for e in row.events] == ["register"]
        message = session.scalars(select(Outgoing)).one()
        assert acknowledgement.display(filed.ack) in message.body
        assert message.to_number == PHONE


def test_the_same_source_files_once(runtime, now):
    with runtime.writing() as db:
        first = complaints.file(db, runtime, filing(source_key="SM1"), CITIZEN, now)
    with runtime.writing() as db:
        again = complaints.file(db, runtime, filing(source_key="SM1"), CITIZEN, now)
    assert again.ack == first.ack
    assert not again.is_new
    with runtime.reading() as session:
        assert session.scalar(select(func.count()).select_from(Complaint)) == 1
        assert session.scalar(select(func.count()).select_from(Outgoing)) == 1


def test_a_draft_becomes_registered_once(runtime, now):
    with runtime.writing() as db:
        draft = complaints.open_draft(db, runtime, filing(source_key="CA1"), CITIZEN, now)
        assert complaints.update_draft(db, draft, now, description="জল নেই", category_code="WATER.NONE")
        one = complaints.register(db, runtime, draft, CITIZEN, now)
        two = complaints.register(db, runtime, draft, CITIZEN, now)
    assert one.ack == two.ack
    with runtime.reading() as session:
        assert session.get(Complaint, draft).department_code == "phe"
        assert session.scalar(select(func.count()).select_from(Outgoing)) == 1


def test_whole_life_and_its_chain(runtime, now):
    desk, officer = Actor(Role.CELL, "agent"), Actor(Role.OFFICER, "agent")
    with runtime.writing() as db:
        filed = complaints.file(db, runtime, filing(), CITIZEN, now)
        complaints.act(db, runtime, filed.id, "review", desk, now)
        complaints.act(db, runtime, filed.id, "forward", desk, now, {"office": "pwd.305"})
        complaints.act(db, runtime, filed.id, "accept", officer, now)
        complaints.act(db, runtime, filed.id, "resolve", officer, now, {"report": "The lamp was replaced and lit"})
        complaints.act(db, runtime, filed.id, "reopen", CITIZEN, now, {"reason": "still dark"})
        row = complaints.get(db, filed.id)
        assert (row.state, row.office_code, row.level, row.reopen_count) == ("reopened", "pwd", 3, 1)
        complaints.act(db, runtime, filed.id, "resolve", officer, now, {"report": "The lamp was replaced again, with its wire"})
        complaints.act(db, runtime, filed.id, "confirm", CITIZEN, now, {"rating": "4"})
        row = complaints.get(db, filed.id)
        assert (row.state, row.outcome, row.rating) == ("closed", "confirmed", 4)
        assert events.broken_links(db, filed.id) == []


@pytest.mark.parametrize("statement", ["UPDATE events SET action = 'x'", "DELETE FROM events"])
def test_the_store_refuses_to_change_events(runtime, now, statement):
    with runtime.writing() as db:
        complaints.file(db, runtime, filing(), CITIZEN, now)
    with pytest.raises(DBAPIError), runtime.writing() as db:
        db.execute(text(statement))


def test_a_forged_event_shows(runtime, now):
    with runtime.writing() as db:
        filed = complaints.file(db, runtime, filing(), CITIZEN, now)
        if db.dialect.name == "sqlite":
            db.execute(text("DROP TRIGGER events_no_update"))
        else:
            db.execute(text("ALTER TABLE events DISABLE TRIGGER events_append_only"))
        db.execute(update(Event).values(action="forged"))
        assert events.broken_links(db, filed.id) == [1]
        if db.dialect.name == "postgresql":
            db.execute(text("ALTER TABLE events ENABLE TRIGGER events_append_only"))


def test_every_state_action_role(runtime, now):
    """The whole table: who may not, cannot; what is not in the table, is not possible."""
    given = {"reason": "r", "rejection_reason": "court", "discreet": "yes", "called": "answered", "report": "what was done, in a sentence", "question": "q", "text": "t", "rating": "3",
             "office": "pwd", "category": "WATER.NONE", "news_on": "2026-12-20", "share": "half", "message": "1", "heard": "confirmed",
             "due_on": "2026-12-20", "files": "0" * 64}  # fmt: skip
    officer = people.add(runtime, username="officer", name="Test officer", role="officer", password="a long pass-phrase", office_code="pwd.305")
    desks = {role: people.add(runtime, username=role, name=f"Test {role}", role=role, password="a long pass-phrase") for role in ("cell", "supervisor")}
    answering = {**desks, Role.OFFICER: officer}
    with runtime.writing() as db:
        other = complaints.file(db, runtime, filing(), CITIZEN, now)
        for state in State:
            draft = complaints.open_draft(db, runtime, filing(), CITIZEN, now)
            registered = {} if state == State.DRAFT else {"ack": acknowledgement.generate(now), "registered_at": now, "due_at": now + timedelta(days=9)}
            db.execute(update(Complaint).where(Complaint.id == draft).values(state=state, **registered))
            as_it_was = complaints.get(db, draft)
            for action in lifecycle.ACTIONS:
                for role in Role:
                    row = lifecycle.transition(state, action)
                    data = given | {"original": other.ack}
                    if action in ("assign", "name_officer"):
                        data |= {"owner": officer, "officer": officer}
                    if not (row and role in row.who):
                        with pytest.raises(CannotAct) as refused:
                            complaints.act(db, runtime, draft, action, Actor(role, "agent"), now, data)
                        assert refused.value.reason == ("not_you" if row else "not_now")
                        continue
                    with db.begin_nested() as attempt:
                        actor = Actor(role, "agent")
                        if action in subtasks.ANSWERS:  # somebody of the office that was asked
                            subtasks.ask(db, draft, "pwd.305", "Look at it", now + timedelta(days=2), None, now)
                            data |= {"subtask": db.scalar(select(Subtask.id).where(Subtask.complaint_id == draft))}
                            actor = Actor(role, "agent", answering[role])
                        complaints.act(db, runtime, draft, action, actor, now, data)
                        assert complaints.get(db, draft).state == (row.target or state)
                        attempt.rollback()
            assert complaints.get(db, draft) == as_it_was, "what was refused changed nothing"


def test_a_stale_page_overwrites_nothing(runtime, now):
    desk = Actor(Role.CELL, "agent")
    with runtime.writing() as db:
        filed = complaints.file(db, runtime, filing(), CITIZEN, now)
        complaints.act(db, runtime, filed.id, "note", desk, now, {"text": "seen"}, version=1)
        with pytest.raises(CannotAct) as refused:
            complaints.act(db, runtime, filed.id, "review", desk, now, version=1)
    assert refused.value.reason == "stale"


def test_an_edit_does_not_restart_the_clock(runtime, now):
    with runtime.writing() as db:
        filed = complaints.file(db, runtime, filing(), CITIZEN, now)
        due = complaints.get(db, filed.id).due_at
        later = now + timedelta(days=2)
        complaints.act(db, runtime, filed.id, "categorise", Actor(Role.CELL, "agent"), later, {"category": "ELEC.DANGER"})
        assert complaints.get(db, filed.id).due_at == due
