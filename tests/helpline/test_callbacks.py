"""The ledger of calls that broke off: who is rung back and why, by when, and what settles it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from helpline import callbacks, calls, complaints, queueing, sla
from helpline.complaints import Actor
from helpline.runtime import utc_now
from models import Call, Callback, Complaint, Outgoing, Waiting
from simulator.driver import Caller
from tests.journeys.test_voice import files

LATER = timedelta(minutes=1)


@pytest.fixture
def runtime(app):
    return app.extensions["runtime"]


def accounted(runtime, now=None):
    """What the worker takes note of a minute from now."""
    callbacks.work(runtime, (now or utc_now()) + LATER)


def entries(runtime, **where):
    with runtime.reading() as db:
        return db.scalars(select(Callback).filter_by(**where).order_by(Callback.id)).all()


def user(runtime, name="agent"):
    from helpline import people

    return people.add(runtime, username=name, name=name, role="agent", password="a long pass-phrase")


@pytest.mark.parametrize(
    ("how", "reason", "at"),
    [
        (lambda c: c.presses("2"), "menu", "main"),
        (lambda c: c.presses("2", "1", "1"), "menu", "subcategory"),
        (lambda c: c.presses("2", "1", "1", "1"), "recording", "problem"),
        (lambda c: c.presses("2", "1", "1", "1").hangs_up(saying="the road is broken"), "recording", "problem_review"),
        (lambda c: c.presses("2", "1", "1", "1").speaks("broken", "en").presses("1", "3").speaks("Ratan", "en"), "recording", "contact"),
        (lambda c: c.presses("2", "0"), "agent", "agent"),
        (lambda c: c.presses("2", "0").speaks("my pension", "en"), "message", "registered"),
        (lambda c: c.presses("2", "2"), "menu", "status"),
    ],
)
def test_a_call_that_breaks_off_is_in_the_ledger(runtime, caller, how, reason, at):
    how(caller.dials()).hangs_up()
    assert entries(runtime) == [], "late steps may still arrive"
    accounted(runtime)
    (entry,) = entries(runtime)
    assert (entry.reason, entry.at, entry.number, entry.language, entry.state) == (reason, at, "+919830012345", "en", "due")
    with runtime.reading() as db:
        complaint = db.scalars(select(Complaint)).first()
    assert entry.complaint_id == (complaint.id if complaint else None)


def test_the_first_key_is_not_lost_on_a_known_number(runtime, caller):
    files(caller).hangs_up()
    caller.dials().presses("2").hangs_up()
    accounted(runtime)
    assert [e.reason for e in entries(runtime)] == ["menu"]


def test_who_had_what_they_came_for_is_not_rung(runtime, caller, stranger):
    files(caller).hangs_up()
    caller.dials().presses("1").hangs_up()
    with runtime.reading() as db:
        ack = db.scalars(select(Complaint.ack)).one()
    stranger.dials().presses("2", "2", ack, "9830012345").hangs_up()
    accounted(runtime)
    assert entries(runtime) == []


def test_an_agent_who_answered_is_what_the_caller_came_for(runtime, caller, network, monkeypatch):
    monkeypatch.setattr(sla, "open_at", lambda *_: True)
    network.store.run("INSERT OR REPLACE INTO switches VALUES ('agents', 'answered')")
    caller.dials().presses("2", "0")
    assert not caller.is_talking
    accounted(runtime)
    assert entries(runtime) == []


@pytest.mark.parametrize(("became", "reasons"), [("left", ["agent"]), ("callback", ["asked"]), ("talked", [])])
def test_what_became_of_waiting_in_the_queue(runtime, caller, became, reasons):
    caller.dials().presses("2", "0")
    sid, now = caller.call.sid, utc_now()
    with runtime.writing() as db:
        row = queueing.enter(db, sid, caller.number, "en", "+913322145555", None, now)
        if became == "talked":
            db.execute(update(Waiting).where(Waiting.id == row.id).values(state="talking", answered_at=now))
        else:
            queueing.leave(db, sid, became, now)
    caller.hangs_up()
    accounted(runtime)
    assert [e.reason for e in entries(runtime)] == reasons


def test_ringing_off_while_the_agents_telephones_ring(runtime, caller, network, monkeypatch):
    monkeypatch.setattr(sla, "open_at", lambda *_: True)
    caller.dials().presses("2", "0").hangs_up()
    accounted(runtime)
    assert [(e.reason, e.at) for e in entries(runtime)] == [("agent", "agent")]


def test_one_entry_a_number_and_its_promise_stays(runtime, caller, network):
    for keys in (("2",), ("1", "1")):
        caller.dials().presses(*keys).hangs_up()
        accounted(runtime)
    Caller(network, "+919830054321").dials().presses("1").hangs_up()
    accounted(runtime)
    first, other = entries(runtime)
    assert (first.calls, first.at, other.calls) == (2, "subcategory", 1)
    assert first.complaint_id
    assert first.promised_at < other.promised_at or first.created_at < other.created_at


def test_a_missed_call_later_does_not_hide_where_an_earlier_one_broke_off(runtime, caller):
    caller.dials().presses("2", "1", "1", "1").hangs_up(saying="the road is broken")
    accounted(runtime)
    (before,) = entries(runtime)
    caller.dials().hangs_up()
    accounted(runtime)
    (entry,) = entries(runtime)
    assert (entry.id, entry.reason, entry.at, entry.complaint_id, entry.calls) == (before.id, before.reason, before.at, before.complaint_id, 2)


def test_the_same_call_is_counted_once(runtime, caller):
    caller.dials().presses("2", "1", "1").hangs_up()
    accounted(runtime)
    with runtime.writing() as db:
        calls.reached(db, caller.call.sid, "place", utc_now())  # a step that came after all
    accounted(runtime)
    (entry,) = entries(runtime)
    assert (entry.calls, entry.at) == (1, "place")


def test_a_withheld_number_has_no_entry_but_one_that_was_keyed_in_has(runtime, network):
    Caller(network, "anonymous").dials().presses("2").hangs_up()
    hidden = Caller(network, "anonymous").dials().presses("2", "1", "1", "1").speaks("road", "en")
    hidden.presses("1", "3").speaks("R", "en").presses("1", "9830077777#").hangs_up()
    accounted(runtime)
    assert [e.number for e in entries(runtime)] == ["+919830077777"]


def test_a_later_call_that_files_settles_it(runtime, caller):
    caller.dials().presses("1", "1").hangs_up()
    accounted(runtime)
    files(caller).hangs_up()
    accounted(runtime)
    assert [e.state for e in entries(runtime)] == ["settled"]


def test_a_filing_by_sms_settles_it_and_a_status_does_not_what_is_unfinished(runtime, caller):
    caller.dials().presses("2", "1", "1", "1").speaks("broken road", "en").hangs_up()
    accounted(runtime)
    caller.dials().presses("2", "1").hangs_up()  # not to go on, but to hear the status
    accounted(runtime)
    assert [e.state for e in entries(runtime)] == ["due"]
    caller.texts("FILE no street light in Barasat")
    assert [e.state for e in entries(runtime)] == ["settled"]


def test_completed_by_somebody_in_the_console_is_settled(runtime, caller):
    caller.dials().presses("2", "1", "1", "1").speaks("broken road", "en").hangs_up()
    accounted(runtime)
    (entry,) = entries(runtime)
    with runtime.writing() as db:
        complaints.act(db, runtime, entry.complaint_id, "complete", Actor("agent", "agent"), utc_now(), {"name": "Ratan"})
    accounted(runtime)
    assert [e.state for e in entries(runtime)] == ["settled"]


def test_nobody_is_rung_while_on_the_line_again(runtime, caller, network):
    caller.dials().presses("2").hangs_up()
    again = Caller(network, "+919830012345").dials().presses("1", "1")
    accounted(runtime)
    assert entries(runtime) == []
    again.hangs_up()
    accounted(runtime)
    assert [e.calls for e in entries(runtime)] == [2]


def test_the_lost_report_of_an_end_is_swept_into_the_ledger(runtime, caller, network, monkeypatch):
    monkeypatch.setattr(network, "_post_quietly", lambda *_: None)
    caller.dials().presses("2", "1", "1").hangs_up()
    later = utc_now() + timedelta(minutes=30)
    calls.sweep(runtime, later)
    accounted(runtime, later)
    assert [e.reason for e in entries(runtime)] == ["menu"]


# ── ringing ──


@pytest.fixture
def entry(runtime, caller):
    caller.dials().presses("2").hangs_up()
    accounted(runtime)
    return entries(runtime)[0]


def tries(runtime, entry, who, outcome, now):
    with runtime.writing() as db:
        callbacks.claim(db, entry.id, who, now)
        return callbacks.record(db, runtime, entry.id, who, outcome, now)


def test_tried_a_stated_number_of_times_then_given_up_with_an_sms(runtime, entry, now):
    who = user(runtime)
    assert [tries(runtime, entry, who, o, now) for o in ("no_answer", "busy")] == ["due", "due"]
    (row,) = entries(runtime)
    assert (row.tries, row.outcome, row.next_at) == (2, "busy", now + timedelta(hours=1))
    assert tries(runtime, entry, who, "no_answer", now) == "given_up"
    with runtime.reading() as db:
        message = db.scalars(select(Outgoing)).one()
    assert (message.template, message.language, message.to_number) == ("notify.not_reached", "en", entry.number)


def test_given_up_on_a_registered_complaint_names_it(runtime, caller, now):
    caller.dials().presses("2", "1", "1", "1").speaks("broken road", "en").hangs_up()
    accounted(runtime)
    who, (entry,) = user(runtime), entries(runtime)
    for _ in range(3):
        tries(runtime, entry, who, "no_answer", now)
    with runtime.reading() as db:
        assert [m.template for m in db.scalars(select(Outgoing).order_by(Outgoing.id))] == ["notify.registered_incomplete", "notify.not_reached_complaint"]


@pytest.mark.parametrize(("outcome", "state"), [("reached", "done"), ("wrong_number", "given_up")])
def test_reached_or_a_wrong_number_ends_it_without_an_sms(runtime, entry, now, outcome, state):
    assert tries(runtime, entry, user(runtime), outcome, now) == state
    (row,) = entries(runtime)
    assert (row.state, row.tries, row.outcome) == (state, 1, outcome)
    assert row.closed_at
    with runtime.reading() as db:
        assert db.scalars(select(Outgoing)).all() == []


def test_only_one_rings_and_what_is_forgotten_comes_back(runtime, entry, now):
    one, two = user(runtime, "one"), user(runtime, "two")
    with runtime.writing() as db:
        callbacks.claim(db, entry.id, one, now)
        with pytest.raises(callbacks.NotYours):
            callbacks.claim(db, entry.id, two, now)
        with pytest.raises(callbacks.NotYours):
            callbacks.record(db, runtime, entry.id, two, "reached", now)
    callbacks.release_forgotten(runtime, now + timedelta(minutes=31))
    with runtime.writing() as db:
        assert callbacks.claim(db, entry.id, two, now).owner_id == two


def test_a_call_dealt_with_is_never_dealt_with_again(runtime, entry, now, caller):
    assert tries(runtime, entry, user(runtime), "reached", now) == "done"
    with runtime.writing() as db:
        calls.reached(db, caller.call.sid, "main", utc_now())
    accounted(runtime)
    assert [e.state for e in entries(runtime)] == ["done"]
    with runtime.reading() as db:
        assert len(db.scalars(select(Call)).all()) == 1


# ── promises ──


@pytest.mark.parametrize(
    ("start", "due"),
    [
        ("2026-11-23 12:00", "2026-11-23 14:00"),  # a Monday
        ("2026-11-23 19:30", "2026-11-24 09:30"),
        ("2026-11-28 19:00", "2026-11-30 09:00"),  # Saturday evening; Sunday is closed
        ("2026-11-29 03:00", "2026-11-30 10:00"),
        ("2026-11-23 18:00", "2026-11-23 20:00"),
    ],
)
def test_promises_count_office_hours(runtime, start, due):
    def at(text):
        return datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=sla.IST).astimezone(UTC)

    assert callbacks.promise(runtime, at(start)) == at(due)


def test_a_line_that_never_opens_still_promises_something(runtime, now):
    closed = runtime.config.voice.office_hours.model_copy(update={"days": ()})
    assert sla.after_open_minutes(closed, now, 30) == now + timedelta(minutes=30)
