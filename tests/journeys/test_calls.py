"""Calls of ours: from a complaint's change to the citizen's telephone and back, through the simulated carrier."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event, select, update

from carriers.base import Accepted, CallState, Permanent, Temporary, Unknown
from helpline import callbacks, calling, complaints, notices
from helpline.complaints import Actor, Filing
from helpline.runtime import utc_now
from models import Callback, Complaint, Feedback, Outgoing, Phone, Try
from simulator.driver import Caller
from tests.journeys.test_voice import files

DESK = Actor("cell", "agent")
LANDLINE = "+913325551234"
REPORT = {"report": "The pump was repaired and water runs again"}


class Voice:
    """The carrier's edge for calls: places them in the simulated network, or fails as told."""

    name = "twilio"

    def __init__(self, network, *failures):
        self.network, self.failures, self.placed, self.lost = network, list(failures), [], None

    def place_call(self, call):
        failure = self.failures.pop(0) if self.failures else None
        if failure is not None and failure.code != "arrived":
            raise failure
        self.placed.append(call)
        sid = self.network.ring_up(call.to, call.url, call.report, call.ring_seconds)
        self.lost = sid
        if failure is not None:
            raise failure
        return Accepted(sid, "queued")

    def find_call(self, to, since):
        return CallState(self.lost, "ringing") if self.lost else None

    def call_state(self, sid):
        return CallState(sid, self.network.call(sid).state, 30)


@pytest.fixture
def voice(network):
    return Voice(network)


@pytest.fixture
def citizen(network):
    return Caller(network, LANDLINE)


@pytest.fixture
def filed(app, now):
    runtime = app.extensions["runtime"]
    with runtime.writing() as db:
        filing = Filing(
            channel="agent",
            language="bn",
            phone=LANDLINE,
            category_code="WATER.NONE",
            district_code="305",
            description="জল নেই",
        )
        done = complaints.file(db, runtime, filing, Actor("agent", "agent"), now)
        db.execute(update(Outgoing).values(state="delivered"))
        complaints.act(db, runtime, done.id, "review", DESK, now)
    return done


class Clock:
    """The moment at which the citizen's telephone is answered: that of the round that rang it, whatever the time of day is here."""

    at = None

    def now(self):
        return self.at or utc_now()


clock = Clock()


@pytest.fixture(autouse=True)
def _one_clock(monkeypatch):
    clock.at = None
    monkeypatch.setattr("ivr.outbound.utc_now", clock.now)


def runs(app, voice, at):
    clock.at = at
    return calling.place_due(app.extensions["runtime"], voice, lambda: at)


def message(app, template="notify.under_review"):
    with app.extensions["runtime"].reading() as db:
        return db.scalars(select(Outgoing).where(Outgoing.template == template).order_by(Outgoing.id.desc())).first()


def history(app):
    with app.extensions["runtime"].reading() as db:
        return [(t.kind, t.outcome) for t in db.scalars(select(Try).order_by(Try.id))]


@pytest.fixture
def later(now):
    return now + timedelta(minutes=4)


def test_a_landline_hears_of_the_change_and_hears_it_again(app, voice, citizen, filed, now, later):
    assert runs(app, voice, now) == 0, "whoever caused it may still be on the line"
    assert runs(app, voice, later) == 1
    citizen.answers()
    assert citizen.heard("থেকে ফোন করছি", "bn")
    assert "পর্যালোচনাধীন" in citizen.last_said
    assert "২, ৬" in citizen.last_said or "২ ৬" in citizen.last_said, "its number is said digit by digit"
    citizen.presses("1")
    assert "পর্যালোচনাধীন" in citizen.last_said
    citizen.waits()
    assert not citizen.is_talking
    sent = message(app)
    assert (sent.kind, sent.state) == ("call", "delivered")
    assert sent.delivered_at
    assert history(app) == [("call", "heard")]
    assert runs(app, voice, later + timedelta(days=1)) == 0


@pytest.mark.parametrize(("language", "day"), [("bn", "৩০ নভেম্বর ২০২৬"), ("en", "30 November 2026"), ("hi", "30 नवंबर 2026")])
def test_a_date_is_said_with_its_month_in_full(app, voice, citizen, filed, now, later, language, day):
    """Read aloud, a shortened month is no word: "30 nov", নভে."""
    runtime = app.extensions["runtime"]
    due = datetime(2026, 11, 30, 12, tzinfo=UTC)
    with runtime.writing() as db:
        db.execute(update(Outgoing).values(state="delivered"))
        db.execute(update(Complaint).values(language=language, due_at=due, updated_at=due - timedelta(days=3)))
        row = complaints.get(db, filed.id)
        for template in ("notify.forwarded", "notify.promised"):
            sms = notices.compose(runtime, template, dict(row._mapping) | {"news_at": due}, {}, spoken=True)
            assert day in sms.text
        assert notices.short_date(due, language) in notices.compose(runtime, "notify.forwarded", dict(row._mapping), {}).text, "an SMS has it short"


def test_0_reaches_a_person(app, voice, citizen, filed, later):
    runs(app, voice, later)
    citizen.answers().presses("0")
    assert citizen.heard("প্রতিনিধি", "bn")
    citizen.hangs_up(after=30)
    assert message(app).state == "delivered"


def test_our_own_calls_are_no_calls_that_broke_off(app, voice, citizen, filed, later):
    runtime = app.extensions["runtime"]

    def ledger():
        callbacks.account(runtime, utc_now() + timedelta(minutes=5))
        with runtime.reading() as db:
            return [row.reason for row in db.scalars(select(Callback))]

    runs(app, voice, later)
    citizen.answers().hangs_up(after=2)
    assert ledger() == []
    runs(app, voice, message(app).next_at)
    citizen.answers().presses("0").hangs_up()
    assert ledger() == ["agent"], "a person was asked for, and nobody was there"


def test_who_rings_off_at_once_has_not_heard_it(app, voice, citizen, filed, later):
    runs(app, voice, later)
    citizen.answers().hangs_up(after=2)
    assert (message(app).state, history(app)) == ("pending", [("call", "cut")])


@pytest.mark.parametrize("outcome", ["busy", "no-answer", "failed"])
def test_not_reached_is_tried_again_with_growing_pauses_then_a_person_rings(app, voice, citizen, filed, later, outcome):
    at, pauses = later, []
    for _ in range(4):
        assert runs(app, voice, at) == 1
        citizen.turns_away(outcome)
        row = message(app)
        assert runs(app, voice, at) == 0
        if row.state == "pending":
            pauses.append(row.next_at - row.claimed_at)
            at = row.next_at
    assert (row.state, row.error_code) == ("parked", outcome)
    assert [p.total_seconds() > 60 for p in pauses] == [True] * 3
    assert history(app) == [("call", outcome)] * 4


def test_a_mobile_that_was_not_reached_gets_an_sms(app, network, voice, now, later):
    runtime, mobile = app.extensions["runtime"], Caller(network, "+919830012345")
    with runtime.writing() as db:
        done = complaints.file(
            db,
            runtime,
            Filing(channel="voice", language="en", phone=mobile.number, told_by="call"),
            Actor("citizen", "voice"),
            now,
        )
    at = later
    for _ in range(4):
        runs(app, voice, at)
        mobile.turns_away("no-answer")
        at = message(app, "notify.registered").next_at
    with runtime.reading() as db:
        rows = {m.kind: m for m in db.scalars(select(Outgoing).where(Outgoing.complaint_id == done.id))}
    assert (rows["call"].state, rows["sms"].state) == ("replaced", "pending")
    assert "SMS STATUS" in rows["sms"].body
    assert "SMS STATUS" not in rows["call"].body


def test_calls_are_placed_in_their_hours_only(app, voice, citizen, filed, now):
    night = now.replace(hour=17)  # half past ten in the evening
    assert runs(app, voice, night) == 0
    morning = message(app).next_at
    assert morning == (now + timedelta(days=1)).replace(hour=3, minute=30), "nine in the morning"
    assert runs(app, voice, morning) == 1


def test_only_as_many_as_the_lines_allow(app, voice, now, later):
    runtime = app.extensions["runtime"]
    limit = runtime.config.calls.at_once
    with runtime.writing() as db:
        for number in range(limit + 3):
            complaints.file(
                db,
                runtime,
                Filing(channel="agent", language="bn", phone=f"+9133255512{number:02d}"),
                Actor("agent", "agent"),
                now,
            )
    assert runs(app, voice, later) == limit
    voice.network.turn_away(voice.network.ringing("+913325551200"))
    assert runs(app, voice, later) == 1


@pytest.mark.parametrize(
    ("setting", "state", "outcome", "says"),
    [("hang_up", "pending", "machine", False), ("leave_message", "delivered", "left", True)],
)
def test_an_answering_machine(app, voice, citizen, filed, later, setting, state, outcome, says, monkeypatch):
    from helpline.config import Calls

    rules = app.extensions["runtime"].config.calls
    monkeypatch.setitem(rules.__dict__, "answering_machine", setting)
    assert isinstance(rules, Calls)
    runs(app, voice, later)
    citizen.answers(by="machine_end_beep")
    assert (message(app).state, history(app)) == (state, [("call", outcome)])
    assert citizen.heard("পর্যালোচনাধীন") is says


def test_a_crash_after_placing_places_no_second_call(app, network, citizen, filed, later):
    voice = Voice(network, Unknown("arrived"))
    runs(app, voice, later)
    assert message(app).state == "claimed"
    assert runs(app, voice, later) == 0
    calling.settle_lost(app.extensions["runtime"], voice, later + timedelta(minutes=3))
    assert (message(app).state, len(voice.placed)) == ("sent", 1)
    citizen.answers().waits()
    assert message(app).state == "delivered"


def test_a_claim_that_the_carrier_does_not_know_is_placed_once_more(app, network, citizen, filed, later):
    voice = Voice(network, Unknown("timeout"))
    runs(app, voice, later)
    aged = later + timedelta(minutes=3)
    calling.settle_lost(app.extensions["runtime"], voice, aged)
    assert runs(app, voice, aged) == 1
    assert (len(voice.placed), message(app).attempts) == (1, 1)


def test_a_lost_report_of_the_end_is_asked_for(app, voice, citizen, filed, later, network):
    runs(app, voice, later)
    network.store.run("UPDATE calls SET state = 'busy' WHERE sid = ?", network.ringing(LANDLINE))
    calling.settle_lost(app.extensions["runtime"], voice, later + timedelta(minutes=16))
    assert (message(app).state, history(app)) == ("pending", [("call", "busy")])


@pytest.mark.parametrize(("failure", "state"), [(Temporary("20429"), "pending"), (Permanent("21211"), "parked")])
def test_a_refusal_of_the_carrier(app, network, filed, later, failure, state):
    runs(app, Voice(network, failure), later)
    assert (message(app).state, history(app)) == (state, [("call", "failed")])


def test_a_late_report_of_an_earlier_try_changes_nothing(app, voice, citizen, filed, later, network):
    runs(app, voice, later)
    first = voice.placed[0]
    citizen.turns_away("busy")
    again = message(app).next_at
    runs(app, voice, again)
    runtime = app.extensions["runtime"]
    with runtime.writing() as db:
        calling.ended(db, runtime, message(app).id, 1, CallState("CAold", "completed", 60), again)
    assert message(app).state == "sent"
    assert first.url != voice.placed[1].url


def test_resolved_is_asked_by_the_call_itself_and_a_no_goes_to_the_next_senior(app, voice, citizen, filed, now, later):
    runtime = app.extensions["runtime"]
    with runtime.writing() as db:
        db.execute(update(Outgoing).values(state="delivered"))
        complaints.act(db, runtime, filed.id, "resolve", DESK, now, REPORT)
    runs(app, voice, later)
    citizen.answers()
    assert citizen.heard("মিটেছে", "bn")
    citizen.presses("2")
    with runtime.reading() as db:
        row = db.get(Complaint, filed.id)
        assert (row.state, row.reopen_count) == ("reopened", 1)
    assert message(app, "notify.resolved").state == "delivered"


def test_whose_complaint_is_handled_with_another_is_asked_too(app, network, voice, citizen, filed, now, later):
    """The neighbour's call asks the same question, of the complaint that carries on."""
    runtime, neighbour = app.extensions["runtime"], Caller(network, "+913325554321")
    with runtime.writing() as db:
        filing = Filing(channel="agent", language="bn", phone=neighbour.number, category_code="WATER.NONE", district_code="305", description="জল নেই")
        joined = complaints.file(db, runtime, filing, Actor("agent", "agent"), now)
        complaints.act(db, runtime, joined.id, "merge", DESK, now, {"original": filed.ack})
        db.execute(update(Outgoing).values(state="delivered"))
        complaints.act(db, runtime, filed.id, "resolve", DESK, now, REPORT)
    assert runs(app, voice, later) == 2
    neighbour.answers()
    assert neighbour.heard("মিটেছে", "bn")
    neighbour.presses("2")
    with runtime.reading() as db:
        assert db.get(Complaint, filed.id).state == "reopened"
        assert db.scalars(select(Feedback)).one().from_number == neighbour.number


def test_older_news_of_what_is_handled_together_is_not_told_after_newer(app, network, voice, citizen, filed, now, later):
    runtime, neighbour = app.extensions["runtime"], Caller(network, "+913325554321")
    with runtime.writing() as db:
        filing = Filing(channel="agent", language="bn", phone=neighbour.number, category_code="WATER.NONE", district_code="305", description="জল নেই")
        joined = complaints.file(db, runtime, filing, Actor("agent", "agent"), now)
        complaints.act(db, runtime, joined.id, "merge", DESK, now, {"original": filed.ack})
        db.execute(update(Outgoing).values(state="delivered"))
        complaints.act(db, runtime, filed.id, "forward", DESK, now, {"office": "phe.305"})
    runs(app, voice, later)
    neighbour.turns_away("busy")
    citizen.answers().waits()
    with runtime.writing() as db:
        complaints.act(db, runtime, filed.id, "resolve", DESK, later, REPORT)
    at = later + timedelta(minutes=4)
    runs(app, voice, at)
    neighbour.answers()
    assert neighbour.heard("মিটেছে", "bn")
    neighbour.hangs_up(after=30)
    runs(app, voice, at + timedelta(hours=1))
    with runtime.reading() as db:
        told = {m.template: m.state for m in db.scalars(select(Outgoing).where(Outgoing.to_number == neighbour.number))}
    assert (told["notify.resolved"], told["notify.forwarded"]) == ("delivered", "replaced")


def test_a_caller_chooses_to_be_told_by_calls(app, caller, voice, now):
    files(caller).presses("3")
    assert caller.heard("ফোন করে জানাব", "bn")
    runtime = app.extensions["runtime"]
    with runtime.writing() as db:
        row = db.execute(select(Complaint)).one()
        assert row.told_by == "call"
        complaints.act(db, runtime, row.id, "review", DESK, now)
    assert message(app).kind == "call"


def test_somebody_else_cannot_choose_for_a_complaint(app, filed, client=None):
    from tests.ivr.test_walk import post

    post(app.test_client(), f"/ivr/step?at=registered&l=bn&a={filed.id}", {"CallSid": "CAother", "Digits": "3"})
    with app.extensions["runtime"].reading() as db:
        assert db.get(Complaint, filed.id).told_by == "sms"


def test_who_stopped_sms_is_still_called_when_that_was_chosen(app, voice, citizen, filed, later):
    with app.extensions["runtime"].writing() as db:
        db.execute(Phone.__table__.insert(), [{"number": LANDLINE, "sms_stopped_at": later, "updated_at": later}])
    assert runs(app, voice, later) == 1


def test_an_unsigned_answer_is_refused(app):
    client = app.test_client()
    for path in ("/ivr/outbound?o=1&t=1", "/ivr/outbound/status?o=1&t=1"):
        assert client.post(path, data={"CallSid": "CA1", "CallStatus": "completed"}).status_code == 403


@pytest.mark.parametrize("query", ["x=1", "o=x&t=y", "o=9999999999999999999&t=1", "o=1&t=1"])
def test_addresses_nobody_made_are_answered(app, query):
    from tests.ivr.test_walk import post

    assert b"<Hangup" in post(app.test_client(), f"/ivr/outbound?{query}", {}).data
    post(app.test_client(), f"/ivr/outbound/status?{query}", {"CallStatus": "completed"})


def test_calls_switched_off_are_for_people(app, voice, filed, later, monkeypatch):
    monkeypatch.setitem(app.extensions["runtime"].config.calls.__dict__, "enabled", False)
    runs(app, voice, later)
    assert (message(app).state, message(app).error_code) == ("parked", "calls_off")


def test_one_telephone_is_rung_with_one_call_at_a_time(app, network, voice, citizen, filed, now):
    runtime = app.extensions["runtime"]
    with runtime.writing() as db:
        complaints.act(db, runtime, filed.id, "resolve", DESK, now, REPORT)
        db.execute(update(Outgoing).values(next_at=now))
    calling.place_due(runtime, voice, lambda: now)
    calling.place_due(runtime, voice, lambda: now)
    assert [call.to for call in voice.placed] == [LANDLINE]
    citizen.answers().presses("1").hangs_up()
    calling.place_due(runtime, voice, lambda: now)
    assert len(voice.placed) == 2


def resolve(app, filed, at):
    with app.extensions["runtime"].writing() as db:
        complaints.act(db, app.extensions["runtime"], filed.id, "resolve", DESK, at, REPORT)


def test_older_news_tried_in_vain_is_not_rung_after_the_newest(app, voice, citizen, filed, later):
    runs(app, voice, later)
    citizen.turns_away()
    resolve(app, filed, later)
    newest = message(app, "notify.resolved").next_at
    assert message(app).next_at > newest, "the older one is tried again after the newest is rung"
    runs(app, voice, newest)
    citizen.answers().waits()
    citizen.hangs_up(after=40)
    assert message(app, "notify.resolved").state == "delivered"
    assert runs(app, voice, newest + timedelta(days=2)) == 0
    assert (message(app).state, message(app).error_code) == ("replaced", "overtaken")
    assert len(voice.placed) == 2


def test_older_and_newest_news_due_together_are_rung_in_their_order(app, voice, citizen, filed, later):
    runs(app, voice, later)
    citizen.turns_away()
    resolve(app, filed, later)
    together = message(app).next_at  # the lines were full till then
    runs(app, voice, together)
    citizen.answers().waits()
    assert citizen.heard("পর্যালোচনাধীন", "bn")
    citizen.hangs_up(after=40)
    assert message(app).state == "delivered"
    runs(app, voice, together)
    citizen.answers()
    assert "মিটেছে" in citizen.last_said
    citizen.hangs_up(after=40)
    assert [message(app, f"notify.{told}").state for told in ("under_review", "resolved")] == ["delivered", "delivered"]


def test_older_news_never_reached_by_call_is_no_sms_after_the_newest(app, network, voice, now, later):
    runtime, mobile = app.extensions["runtime"], Caller(network, "+919830012345")
    with runtime.writing() as db:
        filing = Filing(channel="agent", language="bn", phone=mobile.number, category_code="WATER.NONE", district_code="305", description="জল নেই")
        done = complaints.file(db, runtime, filing, Actor("agent", "agent"), now)
        db.execute(update(Outgoing).values(state="delivered"))
        db.execute(update(Complaint).values(told_by="call"))
        complaints.act(db, runtime, done.id, "review", DESK, now)
    for _ in range(len(runtime.config.calls.retry_minutes)):
        runs(app, voice, message(app).next_at)
        mobile.turns_away()
    resolve(app, done, later)
    runs(app, voice, message(app).next_at)  # its last try
    with runtime.writing() as db:  # meanwhile the citizen says by SMS how it is
        complaints.act(db, runtime, done.id, "reopen", Actor("citizen", "sms"), later, {"reason": "no"}, answered=True)
    mobile.turns_away()
    assert message(app).state == "replaced"
    with runtime.reading() as db:
        assert [m.template for m in db.scalars(select(Outgoing).where(Outgoing.kind == "sms", Outgoing.state == "pending"))] == []


def test_an_open_question_is_rung_also_after_newer_news(app, voice, citizen, filed, later):
    runtime = app.extensions["runtime"]
    with runtime.writing() as db:
        db.execute(update(Outgoing).values(state="delivered"))
        complaints.act(db, runtime, filed.id, "ask", DESK, later, {"question": "Which lane?"})
    runs(app, voice, message(app, "notify.action_required").next_at)
    citizen.turns_away()
    with runtime.writing() as db:
        complaints.act(db, runtime, filed.id, "escalate", Actor("supervisor", "agent"), later, {"reason": "It is late"})
    at = message(app, "notify.escalated").next_at
    assert message(app, "notify.action_required").next_at > at
    runs(app, voice, at)
    citizen.answers().hangs_up(after=40)
    assert message(app, "notify.escalated").state == "delivered"
    assert runs(app, voice, at + timedelta(days=2)) == 1
    citizen.answers()
    assert "কিছু তথ্য জানার" in citizen.last_said


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_next_call_is_found_among_millions_of_messages_by_indexes(app, voice, filed, now):
    runtime, asked = app.extensions["runtime"], []
    with runtime.writing() as db:
        complaints.act(db, runtime, filed.id, "resolve", DESK, now, REPORT)
        db.execute(update(Outgoing).values(next_at=now))
    event.listen(runtime.engine, "before_cursor_execute", lambda *seen: asked.append((seen[2], seen[3])) if seen[2].startswith("SELECT") else None)
    calling.place_due(runtime, voice, lambda: now)
    with runtime.engine.connect() as db:
        plans = [step.detail for statement, values in list(asked) for step in db.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
    assert plans
    assert [step for step in plans if step.startswith("SCAN") and "INDEX" not in step] == []
