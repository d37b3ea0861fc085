from __future__ import annotations

import sys
from datetime import timedelta
from itertools import pairwise

import pytest
from sqlalchemy import insert, select, update

from carriers.base import Accepted, Permanent, Stopped, Temporary, Unknown
from carriers.twilio import read_report
from carriers.webhook import Webhook
from helpline import calls, clocks, complaints, delivery, reports, worker
from helpline.carriers_in_use import InUse
from helpline.complaints import Actor, Filing
from models import Complaint, Inbound, Outgoing, Phone, new_id

CITIZEN = Actor("citizen", "sms")


class Carrier:
    """A carrier at its edge: what it was given, and what it answers."""

    name = "twilio"
    answers_lookups = True

    def __init__(self, *outcomes):
        self.outcomes, self.got, self.known = list(outcomes), [], {}

    def send_sms(self, message):
        text = message.text
        outcome = self.outcomes.pop(0) if self.outcomes else None
        if isinstance(outcome, Exception):
            if isinstance(outcome, Unknown) and outcome.code == "arrived":
                self.got.append(text)
                self.known[text] = Accepted("SMlost", "sent")
            raise outcome
        self.got.append(text)
        return Accepted(f"SM{len(self.got)}", "queued")

    def find_sms(self, to, text, since):
        return [self.known[text]] if text in self.known else []


@pytest.fixture
def owed(runtime, now):
    def owe(phone="+919830012345"):
        with runtime.writing() as db:
            return complaints.file(db, runtime, Filing(channel="sms", language="en", phone=phone), CITIZEN, now)

    return owe


def outgoing(runtime):
    with runtime.reading() as db:
        return db.scalars(select(Outgoing)).one()


def send(runtime, carrier, now):
    return delivery.send_due(runtime, [carrier], lambda: now)


def settle(runtime, carrier, now):
    return delivery.settle_unknown(runtime, {carrier.name: carrier}, now)


def reported(db, runtime, fields, query, now):
    reports.take_in(db, runtime, read_report(Webhook(fields, query)), now)


def test_sent_and_delivered(runtime, owed, now):
    owed()
    assert send(runtime, Carrier(), now) == 1
    assert outgoing(runtime).state == "sent"
    with runtime.writing() as db:
        reported(db, runtime, {"MessageSid": "SM1", "MessageStatus": "delivered"}, {}, now)
        reported(db, runtime, {"MessageSid": "SM1", "MessageStatus": "sent"}, {}, now)
    assert (outgoing(runtime).state, outgoing(runtime).carrier_status) == ("delivered", "delivered"), "a late `sent` changes nothing"
    assert send(runtime, Carrier(), now) == 0


def test_a_report_that_comes_before_our_own_record(runtime, owed, now):
    owed()
    with runtime.writing() as db:
        reported(db, runtime, {"MessageSid": "SM1", "MessageStatus": "delivered"}, {}, now)
    send(runtime, Carrier(), now)
    assert outgoing(runtime).state == "delivered"


def test_a_temporary_refusal_is_tried_again_later_and_at_last_parked(runtime, owed, now):
    owed()
    carrier = Carrier(*[Temporary("20429")] * 10)
    send(runtime, carrier, now)
    assert outgoing(runtime).state == "pending"
    assert outgoing(runtime).next_at > now
    tried = [now]
    while outgoing(runtime).state == "pending":
        tried.append(outgoing(runtime).next_at)
        carrier.outcomes = [Temporary("20429")]
        send(runtime, carrier, tried[-1])
    assert (outgoing(runtime).state, outgoing(runtime).error_code) == ("parked", "20429")
    pauses = [(later - earlier).total_seconds() for earlier, later in pairwise(tried)]
    assert 5 <= pauses[0] < 7
    assert 600 <= max(pauses) < 800
    assert 6 <= (tried[-1] - now).total_seconds() / 3600 < 8, "not before the stated time"


def test_a_permanent_refusal_waits_for_a_person(runtime, owed, now):
    owed()
    send(runtime, Carrier(Permanent("21408")), now)
    assert (outgoing(runtime).state, outgoing(runtime).error_code) == ("parked", "21408")


def test_a_landline_gets_no_sms(runtime, owed, now):
    owed("+913322145555")
    carrier = Carrier()
    send(runtime, carrier, now)
    assert carrier.got == []
    assert (outgoing(runtime).kind, outgoing(runtime).state) == ("call", "pending")


def test_at_night_nothing_is_sent_but_what_answers_the_citizen(runtime, owed, now):
    filed = owed()
    with runtime.writing() as db:
        complaints.act(db, runtime, filed.id, "review", Actor("cell", "agent"), now)
    night = now.replace(hour=20)  # half past one in Kolkata
    carrier = Carrier()
    send(runtime, carrier, night)
    assert len(carrier.got) == 1
    assert "registered" in carrier.got[0]
    with runtime.reading() as db:
        held = db.scalars(select(Outgoing).where(Outgoing.template == "notify.under_review")).one()
    assert held.next_at == (now + timedelta(days=1)).replace(hour=2, minute=30, second=0), "eight in the morning"
    assert send(runtime, carrier, held.next_at) == 1


def test_what_an_agent_registers_for_a_caller_is_answered_at_night_too(runtime, now):
    night = now.replace(hour=20)
    with runtime.writing() as db:
        draft = complaints.open_draft(db, runtime, Filing(channel="agent", language="bn", phone="+919830012345", description="x"), Actor("agent", "agent"), night)
        complaints.register(db, runtime, draft, Actor("agent", "agent"), night)
    carrier = Carrier()
    assert send(runtime, carrier, night) == 1
    assert "নথিভুক্ত" in carrier.got[0]


def test_who_asked_for_silence_gets_none_but_answers(runtime, owed, now):
    filed = owed()
    with runtime.writing() as db:
        db.execute(Phone.__table__.insert(), [{"number": "+919830012345", "sms_stopped_at": now, "updated_at": now}])
        complaints.act(db, runtime, filed.id, "review", Actor("cell", "agent"), now)
    carrier = Carrier()
    send(runtime, carrier, now)
    with runtime.reading() as db:
        states = {m.template: m.state for m in db.scalars(select(Outgoing))}
    assert states == {"notify.registered": "sent", "notify.under_review": "suppressed"}, "the number is what was asked for just now"


def test_an_opt_out_at_the_carrier_is_remembered(runtime, owed, now):
    owed()
    send(runtime, Carrier(Stopped("21610")), now)
    assert (outgoing(runtime).state, outgoing(runtime).error_code) == ("parked", "21610")
    with runtime.reading() as db:
        assert db.get(Phone, "+919830012345").sms_stopped_at == now


@pytest.mark.parametrize(("code", "sends"), [("arrived", 1), ("timeout", 1)])
def test_an_unknown_outcome_is_looked_up_before_anything_is_sent_again(runtime, owed, now, code, sends):
    owed()
    carrier = Carrier(Unknown(code))
    send(runtime, carrier, now)
    assert outgoing(runtime).state == "claimed"
    assert send(runtime, carrier, now) == 0, "nobody sends it meanwhile"
    later = now + timedelta(seconds=runtime.config.worker.claim_seconds + 1)
    settle(runtime, carrier, later)
    send(runtime, carrier, later)
    assert outgoing(runtime).state == "sent"
    assert len(carrier.got) == sends, "the citizen gets it exactly once"


def test_an_answer_that_was_reported_is_not_sent_again(runtime, now):
    with runtime.writing() as db:
        filed = complaints.file(db, runtime, Filing(channel="sms", language="en", phone="+919830012345"), CITIZEN, now, answered=True)
        reported(db, runtime, {"MessageSid": "SMx", "MessageStatus": "delivered"}, {"outbox": str(filed.outgoing_id)}, now)
    carrier = Carrier()
    later = now + timedelta(hours=1)
    settle(runtime, carrier, later)
    assert send(runtime, carrier, later) == 0
    assert outgoing(runtime).state == "delivered"


def test_an_answer_nobody_reported_on_is_sent(runtime, now):
    with runtime.writing() as db:
        complaints.file(db, runtime, Filing(channel="sms", language="en", phone="+919830012345"), CITIZEN, now, answered=True)
    carrier = Carrier()
    later = now + timedelta(hours=1)
    settle(runtime, carrier, later)
    assert send(runtime, carrier, later) == 1


@pytest.mark.parametrize("fields", [{}, {"MessageSid": "x"}, {"MessageStatus": "sent"}, {"MessageSid": "y" * 500, "MessageStatus": "nonsense"}])
def test_strange_reports_harm_nothing(runtime, now, fields):
    with runtime.writing() as db:
        reported(db, runtime, fields, {"outbox": "²"}, now)


def test_what_is_late_goes_to_the_next_level_once(runtime, owed, now):
    filed = owed()
    with runtime.reading() as db:
        due = db.get(Complaint, filed.id).due_at
    for _ in range(2):
        clocks.escalate_due(runtime, due + timedelta(minutes=1))
    with runtime.reading() as db:
        row = db.get(Complaint, filed.id)
        assert (row.level, row.due_at) == (4, due)  # without a category it was the CMO's from the start
        assert [m.template for m in db.scalars(select(Outgoing).order_by(Outgoing.id))] == ["notify.registered", "notify.escalated"]


def test_no_answer_closes_not_confirmed(runtime, owed, now):
    filed = owed()
    with runtime.writing() as db:
        complaints.act(db, runtime, filed.id, "review", Actor("cell", "agent"), now)
        complaints.act(db, runtime, filed.id, "resolve", Actor("cell", "agent"), now, {"report": "The pump was repaired today"})
    clocks.expire_unanswered(runtime, now + timedelta(days=6))
    clocks.expire_unanswered(runtime, now + timedelta(days=8))
    with runtime.reading() as db:
        assert (db.get(Complaint, filed.id).state, db.get(Complaint, filed.id).outcome) == ("closed", "unconfirmed")


def test_a_call_whose_end_was_never_reported_is_swept(runtime, now):
    with runtime.writing() as db:
        call = calls.begin(db, "CA1", "+919830012345", "+913322145555", now)
        draft = calls.draft_of(db, runtime, call, "bn", now)
        calls.keep_recording(db, "CA1", {"RecordingSid": "RE1", "RecordingUrl": "https://api.twilio.com/RE1"}, "problem", draft, now)
    assert calls.sweep(runtime, now + timedelta(minutes=5)) == 0
    assert calls.sweep(runtime, now + timedelta(minutes=11)) == 1
    with runtime.reading() as db:
        assert (db.get(Complaint, draft).state, db.get(Complaint, draft).incomplete) == ("registered", True)


def test_a_message_that_failed_half_way_is_taken_up(app, network, caller, monkeypatch):
    from sms import dialogue
    from sms.routes import take_up

    runtime = app.extensions["runtime"]
    with monkeypatch.context() as patch:
        patch.setattr(dialogue, "answer", lambda *_: 1 / 0)
        assert "shortly" in caller.texts("FILE no street light in Barasat").reads
    with runtime.reading() as db:
        assert db.scalars(select(Inbound)).one().state == "pending"
        assert not db.scalars(select(Complaint)).all()
    worker.retry_inbound(runtime, {"sms": take_up}, complaints_now())
    with runtime.reading() as db:
        assert db.scalars(select(Complaint)).one().ack
        assert db.scalars(select(Inbound).where(Inbound.kind == "sms")).one().state == "done"


def complaints_now():
    from helpline.runtime import utc_now

    return utc_now()


def test_one_job_that_fails_does_not_stop_the_others(runtime, owed, now, monkeypatch):
    owed()
    monkeypatch.setattr(delivery, "settle_unknown", lambda *_: 1 / 0)
    carrier = Carrier()
    carrier.fetch_recording = lambda url: (b"", "")
    monkeypatch.setattr("helpline.translation.translate_due", lambda *_: 0)
    worker.run_once(runtime, now, InUse(carrier, (carrier,), {carrier.name: carrier}))
    assert outgoing(runtime).state == "sent"


def test_a_parked_message_can_be_tried_again(runtime, owed, now):
    filed = owed()
    with runtime.writing() as db:
        db.execute(update(Outgoing).values(state="parked", error_code="30003"))
        assert delivery.requeue(db, filed.outgoing_id, now)
    assert send(runtime, Carrier(), now) == 1


def test_very_many_that_cannot_be_sent_stand_in_nobodys_way(runtime, owed, now):
    owed("+913325551234")
    with runtime.writing() as db:
        landline = dict(db.execute(select(Outgoing.__table__)).one()._mapping)
        db.execute(insert(Outgoing), [{**landline, "id": new_id(now), "key": f"many:{n}", "state": "pending", "kind": "sms", "next_at": now, "check_code": None} for n in range(sys.getrecursionlimit())])
    owed("+919830012345")
    carrier = Carrier()
    assert send(runtime, carrier, now) == 1
    assert len(carrier.got) == 1
