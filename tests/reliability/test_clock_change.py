"""The server's clock is set forward and back by an hour while everything is under way: nothing twice, nothing waits for ever."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update

from carriers.base import Accepted, CallState, Unknown
from helpline import (
    callbacks,
    calling,
    calls,
    clock_change,
    clocks,
    complaints,
    delivery,
    events,
    metrics,
    nightly,
    queueing,
    recordings,
    worker,
)
from helpline.carriers_in_use import InUse
from helpline.complaints import Actor, Filing
from models import (
    Attendance,
    Call,
    Callback,
    Complaint,
    Event,
    Heartbeat,
    LastRun,
    Outgoing,
    Recording,
    Tally,
    Try,
    Waiting,
)
from simulator import sound
from tests.carriers.edge import Accounts
from tests.conftest import NOW

HOUR = timedelta(hours=1)
CALLER = Actor("citizen", "voice")
CELL = Actor("cell", "agent")


class Carrier:
    """Takes messages and calls, and remembers them by its own clock, which is right."""

    name = "twilio"
    answers_lookups = True

    def __init__(self):
        self.right, self.got, self.called, self.silent = NOW, [], [], False

    def send_sms(self, message):
        self.got.append((message.to, message.text, Accepted(f"SM{len(self.got)}", "sent"), self.right))
        if self.silent:
            raise Unknown("timeout")
        return self.got[-1][2]

    def find_sms(self, to, text, since):
        return [taken for number, words, taken, at in reversed(self.got) if (number, words) == (to, text) and at >= since]

    def place_call(self, call):
        self.called.append((call.to, CallState(f"CA{len(self.called)}", "in-progress"), self.right))
        if self.silent:
            raise Unknown("timeout")
        return Accepted(self.called[-1][1].sid, "queued")

    def find_call(self, to, since):
        return next((state for number, state, at in reversed(self.called) if number == to and at >= since), None)

    def call_state(self, sid):
        return next((state for _, state, _ in self.called if state.sid == sid), None)

    def fetch_recording(self, url):
        return sound.tone(1.0), "audio/wav"


@pytest.fixture
def carrier():
    return Carrier()


def owe(runtime, now, number="+919830012345"):
    with runtime.writing() as db:
        return complaints.file(db, runtime, Filing(channel="voice", language="en", phone=number), CALLER, now)


def all_of(runtime, table):
    with runtime.reading() as db:
        return db.scalars(select(table)).all()


def rounds(runtime, carrier, now, *, minutes=5, watch=None):
    """Every job of the worker, minute by minute, from `now`."""
    in_use = InUse(carrier, (carrier,), {"twilio": carrier})
    for minute in range(minutes):
        moment = now + timedelta(minutes=minute)
        carrier.right += timedelta(minutes=1)
        for name, (_, job) in worker.jobs(runtime, in_use, lambda at=moment: at, watch=watch).items():
            if name not in ("translate", "reconcile", "journal", "switchboard"):
                job()


# ── messages ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("silent", [False, True])
@pytest.mark.parametrize("step", [-HOUR, HOUR, -24 * HOUR])
def test_a_message_written_before_the_step_goes_out_once_and_soon(runtime, carrier, now, step, silent):
    """`silent`: the carrier took it and nobody heard: it is looked up, in either direction of the clock."""
    owe(runtime, now)
    carrier.silent = silent
    if silent:
        delivery.send_due(runtime, [carrier], lambda: now)
    assert [row.state for row in all_of(runtime, Outgoing)] == ["claimed" if silent else "pending"]
    carrier.silent = False
    rounds(runtime, carrier, (now + step).replace(hour=7))
    rounds(runtime, carrier, (now + step).replace(hour=7) + timedelta(minutes=5))
    assert [row.state for row in all_of(runtime, Outgoing)] == ["sent"]
    assert len(carrier.got) == 1
    assert all(row.created_at <= now + max(step, timedelta(0)) + HOUR for row in all_of(runtime, Outgoing))


def test_a_clock_that_was_ahead_all_along_asks_the_carrier_far_enough_back(runtime, carrier, now):
    """Ours is an hour ahead when the message is handed over, and still when the carrier is asked."""
    owe(runtime, now + HOUR)
    carrier.silent = True
    delivery.send_due(runtime, [carrier], lambda: now + HOUR)
    delivery.settle_unknown(runtime, {"twilio": carrier}, now + HOUR + timedelta(minutes=3))
    delivery.send_due(runtime, [carrier], lambda: now + HOUR + timedelta(minutes=4))
    assert ([row.state for row in all_of(runtime, Outgoing)], len(carrier.got)) == (["sent"], 1)


def test_set_forward_while_a_message_is_being_handed_over(runtime, carrier, now):
    """The claim seems an hour old, and the carrier has not answered yet: nobody takes it for lost."""
    owe(runtime, now)
    wall, steady, handed = [5000.0], [1000.0], []
    watch = clock_change.Watch(lambda: wall[0], lambda: steady[0])
    moments = [now]
    jobs = worker.jobs(runtime, InUse(carrier, (carrier,), {"twilio": carrier}), lambda: moments[-1], watch=watch)

    def slow(message):
        handed.append(message.to)
        if len(handed) == 1:
            wall[0] += 3600
            moments.append(now + HOUR)
            jobs["settle"][1]()  # other threads of the worker, meanwhile
            jobs["send"][1]()
        return Accepted("SM1", "sent")

    carrier.send_sms = slow
    jobs["send"][1]()
    jobs["send"][1]()
    assert len(handed) == 1, "sent once"
    assert [row.state for row in all_of(runtime, Outgoing)] == ["sent"]
    with runtime.writing() as db:
        db.execute(update(Outgoing).values(state="claimed", carrier_sid=None, claimed_at=now))
    steady[0], wall[0] = steady[0] + 61, wall[0] + 61
    carrier.find_sms = lambda *_: [Accepted("SM1", "delivered")]
    jobs["settle"][1]()
    assert [row.state for row in all_of(runtime, Outgoing)] == ["delivered"], "a minute later it is believed again"


def test_on_the_carriers_own_http_with_our_clock_wrong(runtime, now):
    """Taken without an answer while ours was an hour ahead; set back; looked up in the carrier's list."""
    from helpline.carriers_in_use import in_use
    from tests.conftest import make_config

    with Accounts("silence taken") as server:
        server.clock = lambda: now
        config = make_config(runtime.config.var, runtime.config.database.url, **{
            "carriers.outbound_sms": ["twilio"], "carriers.twilio.api_base": server.base, "carriers.twilio.timeout_seconds": 0.3})  # fmt: skip
        carriers = in_use(config)
        owe(runtime, now + HOUR)
        delivery.send_due(runtime, carriers.outbound, lambda: now + HOUR)
        for minute in range(1, 10):
            at = now + timedelta(minutes=minute)
            clock_change.mend(runtime, at)
            delivery.settle_unknown(runtime, carriers.known, at)
            delivery.send_due(runtime, carriers.outbound, lambda at=at: at)
        assert ([row.state for row in all_of(runtime, Outgoing)], len(server.taken)) == (["sent"], 1)


# ── calls ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_calls_out_are_placed_once_and_hold_no_line(runtime, carrier, now):
    runtime_rules = runtime.config.calls
    for n in range(3):
        owe(runtime, now, f"+91332555123{n}")
    carrier.silent = True
    ahead = now + HOUR
    with runtime.writing() as db:
        db.execute(update(Outgoing).values(next_at=now))
    calling.place_due(runtime, carrier, lambda: ahead)
    assert len(carrier.called) == 3
    carrier.silent = False
    for minute in range(1, 8):
        at = now + timedelta(minutes=minute)
        clock_change.mend(runtime, at)
        calling.settle_lost(runtime, carrier, at)
        calling.place_due(runtime, carrier, lambda at=at: at)
    assert len(carrier.called) == 3
    assert {row.state for row in all_of(runtime, Outgoing)} == {"sent"}
    with runtime.writing() as db:  # all lines seem to be in use, by tries noted in the future
        db.execute(update(Try).values(ended_at=ahead))
        db.execute(Try.__table__.insert(), [{"id": n + 1, "outbox_id": all_of(runtime, Outgoing)[0].id, "kind": "call", "at": ahead} for n in range(runtime_rules.per_minute)])
    owe(runtime, now + timedelta(minutes=8), "+913325559999")
    with runtime.writing() as db:
        db.execute(update(Outgoing).where(Outgoing.state == "pending").values(next_at=now))
    calling.place_due(runtime, carrier, lambda: now + timedelta(minutes=9))
    assert len(carrier.called) == 4


def test_open_calls_end_and_what_was_said_is_filed_once(runtime, carrier, now):
    ahead = now + HOUR
    with runtime.writing() as db:
        call = calls.begin(db, "CA1", "+919830012345", "+913322145555", ahead)
        draft = calls.draft_of(db, runtime, call, "bn", ahead)
        calls.keep_recording(db, "CA1", {"RecordingSid": "RE1", "RecordingUrl": "https://api.twilio.com/RE1"}, "problem", draft, ahead)
        calls.begin(db, "CA2", "+919830054321", "+913322145555", ahead)
        calls.end(db, runtime, "CA2", "completed", ahead, seconds=4)
    rounds(runtime, carrier, now, minutes=14)
    (complaint,) = all_of(runtime, Complaint)
    assert (complaint.state, complaint.incomplete) == ("registered", True)
    assert all(call.ended_at and call.accounted_at for call in all_of(runtime, Call))
    assert sorted((e.reason, e.number) for e in all_of(runtime, Callback)) == [("missed", "+919830054321"), ("recording", "+919830012345")]
    assert [r.state for r in all_of(runtime, Recording)] == ["stored"]
    assert all(e.promised_at - now < timedelta(hours=30) for e in all_of(runtime, Callback))


def test_a_caller_who_is_talking_is_not_ended_by_a_clock_set_forward(runtime, carrier, now):
    with runtime.writing() as db:
        calls.begin(db, "CA1", "+919830012345", "+913322145555", now)
    steady, wall = [1000.0], [5000.0]
    watch = clock_change.Watch(lambda: wall[0], lambda: steady[0])
    wall[0] += 3600
    rounds(runtime, carrier, now + HOUR, minutes=1, watch=watch)
    assert [call.ended_at for call in all_of(runtime, Call)] == [None]
    with runtime.writing() as db:
        calls.touch(db, "CA1", now + HOUR)  # the next step
    steady[0], wall[0] = steady[0] + 601, wall[0] + 601
    rounds(runtime, carrier, now + HOUR + timedelta(minutes=10), minutes=1, watch=watch)
    assert [call.ended_at for call in all_of(runtime, Call)] == [None]
    steady[0], wall[0] = steady[0] + 601, wall[0] + 601
    rounds(runtime, carrier, now + HOUR + timedelta(minutes=20), minutes=1, watch=watch)
    assert all(call.ended_at for call in all_of(runtime, Call)), "silence is silence again"


def test_a_promise_to_ring_back_taken_by_somebody_comes_free_again(runtime, carrier, now):
    from helpline import people

    ahead = now + HOUR
    user = people.add(runtime, username="agent1", name="Agent", role="agent", password="a long password of the tests")
    with runtime.writing() as db:
        calls.begin(db, "CA1", "+919830012345", "+913322145555", ahead)
        calls.end(db, runtime, "CA1", "completed", ahead)
    callbacks.work(runtime, ahead + timedelta(minutes=1))
    (entry,) = all_of(runtime, Callback)
    with runtime.writing() as db:
        callbacks.claim(db, entry.id, user, ahead + timedelta(minutes=1))
    rounds(runtime, carrier, now, minutes=33)
    (entry,) = all_of(runtime, Callback)
    assert (entry.state, entry.owner_id) == ("due", None)
    assert entry.next_at <= now + timedelta(minutes=33)


def test_the_queue_goes_on(runtime, now):
    ahead = now + HOUR
    with runtime.writing() as db:
        queueing.enter(db, "CA1", "+919830012345", "en", "+913322145555", None, ahead)
    clock_change.mend(runtime, now)
    with runtime.writing() as db:
        row = queueing.of_call(db, "CA1")
        assert row.since == now
        assert queueing.board(db, runtime, now - timedelta(minutes=1)).longest == 0, "no negative seconds"
    assert all_of(runtime, Waiting)[0].state == "waiting"


# ── complaints ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("step", [-HOUR, HOUR, -30 * 24 * HOUR])
def test_the_life_of_a_complaint_across_a_step(runtime, carrier, now, step):
    """Registered before, worked on after: events in their order, a whole chain, and no negative minutes anywhere."""
    filed = owe(runtime, now)
    after = now + step
    with runtime.writing() as db:
        complaints.act(db, runtime, filed.id, "review", CELL, after)
        complaints.act(db, runtime, filed.id, "ask", CELL, after + timedelta(minutes=1), {"question": "Which pump is it, please?"})
    with runtime.writing() as db:
        db.execute(update(Outgoing).where(Outgoing.template.like("%action_required%")).values(state="delivered", delivered_at=now))
    clocks.tick(runtime, after + timedelta(minutes=2))
    with runtime.writing() as db:
        complaints.act(db, runtime, filed.id, "answer", CELL, after + timedelta(minutes=3), {"text": "The one beside the school"})
        complaints.act(db, runtime, filed.id, "resolve", CELL, after + timedelta(minutes=4), {"report": "The pump was repaired today"})
    row = all_of(runtime, Complaint)[0]
    assert row.state == "resolved"
    assert row.paused_minutes >= 0
    assert row.held_paused_minutes >= 0
    assert row.resolution_minutes >= 0
    assert (row.response_minutes or 0) >= 0
    with runtime.reading() as db:
        assert events.broken_links(db.connection(), filed.id) == []
        assert [e.seq for e in db.scalars(select(Event).order_by(Event.seq))] == list(range(1, row.last_seq + 1))


def test_reminders_and_escalation_come_once_when_the_clock_goes_back_and_forth(runtime, now):
    filed = owe(runtime, now)
    due = all_of(runtime, Complaint)[0].due_at + timedelta(minutes=1)
    for at in (due, due - HOUR, due, due - HOUR + timedelta(minutes=5), due + timedelta(minutes=1)):
        clocks.tick(runtime, at)
    with runtime.reading() as db:
        actions = [e.action for e in db.scalars(select(Event).where(Event.complaint_id == filed.id).order_by(Event.seq))]
        templates = [m.template for m in db.scalars(select(Outgoing).order_by(Outgoing.id))]
    assert actions.count("escalate") == 1
    assert len(templates) == len(set(templates)) or templates.count("notify.escalated") == 1


# ── the worker itself ───────────────────────────────────────────────────────────────────────────────────────────────


def test_the_night_is_checked_again_although_the_last_check_lies_in_the_future(runtime, now):
    assert nightly.check_when_due(runtime, now + timedelta(days=30))
    assert nightly.check_when_due(runtime, now)
    assert not nightly.check_when_due(runtime, now + timedelta(minutes=5)), "once"
    assert nightly.check_when_due(runtime, now + timedelta(days=1))
    assert all_of(runtime, LastRun)[0].at == now + timedelta(days=1)


def test_metrics_have_no_negative_ages(runtime):
    from helpline.runtime import utc_now

    ahead = utc_now() + HOUR
    worker.beat(runtime, ahead)
    owe(runtime, ahead)
    shown = metrics.render(runtime).decode()
    assert "helpline_worker_silent_seconds 0.0" in shown
    assert "helpline_outbox_oldest_seconds 0.0" in shown
    clock_change.mend(runtime, utc_now())
    assert all(beat.at <= utc_now() for beat in all_of(runtime, Heartbeat))


def test_what_is_right_is_left_alone(runtime, carrier, now):
    owe(runtime, now)
    with runtime.writing() as db:
        calls.begin(db, "CA1", "+919830012345", "+913322145555", now)
        db.execute(Tally.__table__.insert(), [{"kind": "sms-reply", "subject": "x", "hour": now + HOUR, "count": 1}])
    assert clock_change.mend(runtime, now + timedelta(minutes=1)) == 0
    assert clock_change.mend(runtime, now - timedelta(minutes=1)) == 0, "clocks of several machines differ a little"


class Clock:
    def __init__(self):
        self.wall, self.steady = 5000.0, 100.0

    def passes(self, seconds, set_by=0.0):
        self.wall, self.steady = self.wall + seconds + set_by, self.steady + seconds


@pytest.mark.parametrize("by", [3600, -3600, 11])
def test_a_step_is_seen_once_and_drift_is_none(by):
    clock = Clock()
    watch = clock_change.Watch(lambda: clock.wall, lambda: clock.steady)
    clock.passes(1000, set_by=2)
    assert not watch.stepped()
    clock.passes(2, set_by=by)
    assert watch.is_settling(60)
    assert not watch.stepped()
    clock.passes(59)
    assert watch.is_settling(60)
    clock.passes(2)
    assert not watch.is_settling(60)


def test_the_scheduler_does_not_wait_for_the_old_time():
    from apscheduler.schedulers.background import BackgroundScheduler

    scheduler, ran = BackgroundScheduler(), threading.Event()
    scheduler.add_job(ran.set, "interval", seconds=1, next_run_time=datetime.now().astimezone() + HOUR)  # as after a clock that was set back by an hour
    scheduler.start()
    assert not ran.wait(0.3)
    worker.all_due(scheduler)
    assert ran.wait(10)
    scheduler.shutdown()


def test_recordings_wait_for_nothing(runtime, carrier, now):
    with runtime.writing() as db:
        calls.keep_recording(db, "CA1", {"RecordingSid": "RE1", "RecordingUrl": "https://api.twilio.com/RE1"}, "problem", None, now + HOUR)
    clock_change.mend(runtime, now)
    recordings.fetch_due(runtime, carrier, now)
    assert [r.state for r in all_of(runtime, Recording)] == ["stored"]


def test_an_agent_who_left_is_not_taken_to_be_there(runtime, now):
    from helpline import people

    user = people.add(runtime, username="agent1", name="Agent", role="agent", password="a long password of the tests")
    with runtime.writing() as db:
        queueing.sign_on(db, user, ("bn",), now + HOUR)
    clock_change.mend(runtime, now)
    with runtime.writing() as db:
        assert len(queueing.agents_now(db, runtime, now + timedelta(seconds=10))) == 1
        assert queueing.agents_now(db, runtime, now + timedelta(minutes=2)) == []
    assert all_of(runtime, Attendance)[0].seen_at == now
