"""From the caller in the queue to the agent's browser and back, over the simulated network."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from carriers.base import Accepted, OutgoingCall
from helpline import carriers_in_use, complaints, people, queueing, switchboard
from models import Complaint, Waiting
from simulator.driver import Caller
from tests.helpline.test_callbacks import accounted, entries

NOON = datetime(2026, 11, 25, 6, 30, tzinfo=UTC)


class Agent:
    """An agent at the telephone in the browser."""

    def __init__(self, app: Any, network: Any, name: str) -> None:
        self.runtime, self.network = app.extensions["runtime"], network
        self.id = people.add(self.runtime, username=name, name=name, role="agent", password="a long pass-phrase")
        self.sid = ""
        with self.runtime.writing() as db:
            queueing.sign_on(db, self.id, ("bn", "en", "hi"), datetime.now(UTC))

    def answers(self) -> None:
        self.sid = self.network.ringing(f"client:agent-{self.id}")
        assert self.network.pick_up(self.sid).state == "in-progress"

    def says(self, text: str) -> None:
        self.network.speak(self.sid, text)

    @property
    def heard(self) -> str:
        return "\n".join(h.text for h in self.network.call(self.sid).heard)

    @property
    def state(self) -> str:
        with self.runtime.reading() as db:
            return queueing.attendance(db.connection(), self.id).state


@pytest.fixture
def worker(app, config, network, monkeypatch):
    """The worker's round, its carrier speaking to the simulated one without a socket and at once."""
    runtime = app.extensions["runtime"]

    class Direct:
        def place_call(self, call):
            return Accepted(network.ring_up(call.to, call.url, call.report, call.ring_seconds), "queued")

        def redirect(self, sid, url):
            network.exchange.redirect(sid, url)

        def hold(self, room, sid, held, music_url):
            network.exchange.hold(room, sid, held)

        def hang_up(self, sid):
            network.exchange.complete(sid)

    return lambda: switchboard.work(runtime, Direct(), datetime.now(UTC))


def waiting(app, state=None):
    with app.extensions["runtime"].reading() as db:
        rows = db.scalars(select(Waiting).order_by(Waiting.id)).all()
        return [row.state for row in rows] if state is None else [row for row in rows if row.state == state]


def test_a_caller_waits_is_answered_talks_and_both_hang_up(app, network, caller, worker):
    agent = Agent(app, network, "one")
    caller.dials().presses("1", "0")
    assert "সারিতে ১ নম্বরে" in caller.last_said
    worker()
    agent.answers()
    worker()
    caller.speaks("আমার কথা শুনুন")
    agent.says("বলুন, শুনছি")
    assert "আমার কথা শুনুন" in agent.heard
    assert any("বলুন, শুনছি" in h.text for h in network.call(caller.call.sid).heard)
    network.hang_up(agent.sid)
    worker()
    assert network.call(caller.call.sid).state == "completed"
    assert waiting(app) == ["done"]
    assert agent.state == "wrap_up"


def talks(app, network, caller, worker):
    """The caller talks with an agent who has begun to write."""
    agent, runtime = Agent(app, network, "one"), app.extensions["runtime"]
    caller.dials().presses("2", "0")
    worker()
    agent.answers()
    worker()
    with runtime.writing() as db:
        filing = complaints.Filing(channel="agent", language="en", phone=caller.number, category_code="WATER.NONE", description="No water since Monday")
        draft = complaints.open_draft(db, runtime, filing, complaints.Actor("agent", "agent", agent.id), datetime.now(UTC))
        queueing.attach(db, agent.id, draft)
    return agent, draft


def test_a_talk_that_broke_off_at_the_agents_end_is_in_the_ledger(app, network, caller, worker):
    agent, draft = talks(app, network, caller, worker)
    network.hang_up(agent.sid)  # the browser was closed
    worker()
    accounted(app.extensions["runtime"])
    (entry,) = entries(app.extensions["runtime"])
    assert (entry.reason, entry.number, entry.complaint_id, entry.state) == ("agent", caller.number, draft, "due")


@pytest.mark.parametrize("end", ["agent", "caller"])
def test_a_talk_that_was_ended_is_not(app, network, caller, worker, end):
    agent, _draft = talks(app, network, caller, worker)
    if end == "caller":
        caller.hangs_up()
    else:
        with app.extensions["runtime"].writing() as db:
            queueing.withdraw(db, waiting(app, "talking")[0].id, agent.id, datetime.now(UTC))
    worker()
    worker()
    accounted(app.extensions["runtime"])
    assert entries(app.extensions["runtime"]) == []


LINE_BROKE = {"1": "প্রতিনিধির সঙ্গে লাইনটি কেটে গেছে", "2": "The line to the agent broke", "3": "प्रतिनिधि से लाइन कट गई"}
RUNG_BACK = {"1": "আপনাকে এই নম্বরেই ফোন করব", "2": "will call you back on this number", "3": "इसी नंबर पर फोन करेंगे"}


def in_a_talk(app, network, caller, worker, language="2"):
    agent = Agent(app, network, "one")
    caller.dials().presses(language, "0")
    worker()
    agent.answers()
    worker()
    return agent


def heard_since(network, caller, before):
    return "\n".join(h.text for h in network.call(caller.call.sid).heard[before:])


@pytest.mark.parametrize("language", ["1", "2", "3"])
def test_when_the_line_to_the_agent_breaks_the_caller_hears_it_and_that_we_ring_back(app, network, caller, worker, language):
    agent = in_a_talk(app, network, caller, worker, language)
    before = len(network.call(caller.call.sid).heard)
    network.break_off(agent.sid)
    worker()
    said = heard_since(network, caller, before)
    assert LINE_BROKE[language] in said
    assert RUNG_BACK[language] in said
    assert network.call(caller.call.sid).state == "in-progress"
    caller.waits()
    assert network.call(caller.call.sid).state == "completed"
    accounted(app.extensions["runtime"])
    assert [(entry.reason, entry.number, entry.state) for entry in entries(app.extensions["runtime"])] == [("agent", caller.number, "due")]


def test_after_the_line_broke_1_leads_to_an_agent_again_before_those_who_came_later(app, network, caller, stranger, worker):
    agent = in_a_talk(app, network, caller, worker)
    stranger.dials().presses("2", "0")
    network.break_off(agent.sid)
    worker()
    caller.presses("1")
    assert "You are number 1 in the queue" in caller.last_said
    with app.extensions["runtime"].writing() as db:
        queueing.sign_off(db, agent.id)
    two = Agent(app, network, "two")
    worker()
    two.answers()
    worker()
    two.says("Here I am")
    assert "Here I am" in heard_since(network, caller, 0)
    with app.extensions["runtime"].writing() as db:
        queueing.withdraw(db, waiting(app, "talking")[0].id, two.id, datetime.now(UTC))
    worker()
    worker()
    assert network.call(caller.call.sid).state == "completed"
    accounted(app.extensions["runtime"])
    assert entries(app.extensions["runtime"], number=caller.number) == [], "the second talk was ended, not broken off"


def test_who_waits_again_after_the_line_broke_and_rings_off_is_rung_back(app, network, caller, worker):
    agent = in_a_talk(app, network, caller, worker)
    network.break_off(agent.sid)
    worker()
    caller.presses("1").hangs_up()
    accounted(app.extensions["runtime"])
    assert [entry.reason for entry in entries(app.extensions["runtime"])] == ["agent"]


def test_an_agent_who_rings_off_ends_the_call_as_always(app, network, caller, worker):
    agent = in_a_talk(app, network, caller, worker)
    before = len(network.call(caller.call.sid).heard)
    network.hang_up(agent.sid)
    worker()
    assert LINE_BROKE["2"] not in heard_since(network, caller, before)
    assert "Namaskar" in heard_since(network, caller, before)
    assert network.call(caller.call.sid).state == "completed"


def test_with_a_colleague_on_the_line_nothing_broke_for_the_caller(app, network, caller, worker):
    one = in_a_talk(app, network, caller, worker)
    two = Agent(app, network, "two")
    with app.extensions["runtime"].writing() as db:
        queueing.bring_in(db, waiting(app, "talking")[0].id, two.id, datetime.now(UTC), announce=False)
    worker()
    two.answers()
    worker()
    before = len(network.call(caller.call.sid).heard)
    network.break_off(one.sid)
    worker()
    assert heard_since(network, caller, before) == ""
    assert waiting(app) == ["talking"]


def test_nobody_is_promised_a_call_that_will_not_be_made(app, network, worker):
    """The complaint is complete; or the number is withheld."""
    caller, runtime = Caller(network, "+919830012345"), app.extensions["runtime"]
    agent, draft = talks(app, network, caller, worker)
    with runtime.writing() as db:
        complaints.act(db, runtime, draft, "register", complaints.Actor("agent", "agent", agent.id), datetime.now(UTC), {"district_code": "306", "name": "Mina"})
    network.break_off(agent.sid)
    worker()
    withheld, two = Caller(network, "anonymous"), Agent(app, network, "two")
    with runtime.writing() as db:
        queueing.sign_off(db, agent.id)
    withheld.dials().presses("2", "0")
    worker()
    two.answers()
    worker()
    network.break_off(two.sid)
    worker()
    for each in (caller, withheld):
        said = heard_since(network, each, 0)
        assert LINE_BROKE["2"] in said
        assert RUNG_BACK["2"] not in said
        each.hangs_up()
    accounted(runtime)
    assert entries(runtime) == []


def test_a_complaint_registered_before_the_line_to_the_agent_broke_needs_no_call(app, network, caller, worker):
    agent, draft = talks(app, network, caller, worker)
    runtime = app.extensions["runtime"]
    with runtime.writing() as db:
        complaints.act(db, runtime, draft, "register", complaints.Actor("agent", "agent", agent.id), datetime.now(UTC), {"district_code": "306", "name": "Mina"})
    network.hang_up(agent.sid)
    worker()
    accounted(runtime)
    assert entries(runtime) == []


def test_a_caller_who_does_not_want_to_wait_is_rung_back_or_leaves_a_message(app, network, caller, stranger, worker):
    Agent(app, network, "one")
    caller.dials().presses("2", "0", "1")
    assert "keep your place" in caller.last_said
    stranger.dials().presses("2", "0", "2").speaks("Please ring me", "en").hangs_up()
    assert waiting(app) == ["callback", "message"]
    with app.extensions["runtime"].reading() as db:
        assert db.scalars(select(Complaint.incomplete).where(Complaint.state == "registered")).all() == [True]


def test_nobody_signed_on_rings_the_telephones_and_then_takes_a_message(app, network, caller):
    caller.dials().presses("2", "0")
    assert "After the beep" in caller.last_said
    assert waiting(app) == []


def test_out_of_hours_it_is_said(app, network, caller, monkeypatch):
    monkeypatch.setattr(queueing, "is_open", lambda *_: False)
    Agent(app, network, "one")
    caller.dials().presses("2", "0")
    assert "closed now" in caller.last_said


def test_a_caller_who_rings_off_while_waiting(app, network, caller, worker):
    agent = Agent(app, network, "one")
    caller.dials().presses("2", "0").hangs_up()
    worker()
    assert waiting(app) == ["left"]
    assert agent.state == "available"


def test_a_call_is_handed_over_to_a_colleague(app, network, caller, worker):
    one = Agent(app, network, "one")
    caller.dials().presses("2", "0")
    worker()
    one.answers()
    worker()
    two = Agent(app, network, "two")
    runtime = app.extensions["runtime"]
    (row,) = waiting(app, "talking")
    with runtime.writing() as db:
        queueing.bring_in(db, row.id, two.id, datetime.now(UTC), announce=True)
    worker()
    two.answers()
    worker()
    one.says("This caller needs you")
    assert "This caller needs you" in two.heard
    assert not any("This caller needs you" in h.text for h in network.call(caller.call.sid).heard)
    with runtime.writing() as db:
        queueing.withdraw(db, row.id, one.id, datetime.now(UTC))
    worker()
    two.says("Hello, tell me")
    assert any("Hello, tell me" in h.text for h in network.call(caller.call.sid).heard)
    assert (one.state, two.state) == ("wrap_up", "talking")


def test_what_was_typed_is_read_to_the_caller_who_confirms_it(app, network, caller, worker):
    agent = Agent(app, network, "one")
    caller.dials().presses("2", "0")
    worker()
    agent.answers()
    worker()
    runtime = app.extensions["runtime"]
    with runtime.writing() as db:
        filing = complaints.Filing(channel="agent", language="en", phone="+919830012345", category_code="WATER.NONE", description="No water since Monday")
        draft = complaints.open_draft(db, runtime, filing, complaints.Actor("agent", "agent", agent.id), datetime.now(UTC))
        queueing.attach(db, agent.id, draft)
        assert queueing.ask_read_back(db, waiting(app, "talking")[0].id)
    worker()
    said = "\n".join(h.text for h in network.call(caller.call.sid).heard)
    assert "No water since Monday" in said
    caller.presses("1")
    with runtime.reading() as db:
        events = [(e.action, e.data) for e in db.get(Complaint, draft).events]
    assert ("read_back", {"heard": "confirmed"}) in events
    agent.says("Thank you")
    assert any(h.text == "Thank you" for h in network.call(caller.call.sid).heard)


def test_the_real_carrier_object_says_the_same_over_http(app, config, network, caller):
    """Twilio's own SDK against the simulated carrier's REST API, over a socket."""
    import threading

    from werkzeug.serving import make_server

    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        carrier = carriers_in_use.in_use(config).voice
        carrier._api_base = f"http://127.0.0.1:{server.server_port}/simulator/carrier"  # the public address is a name
        call = OutgoingCall("client:agent-1", f"{config.public_url}/ivr/leg?leg=1", f"{config.public_url}/ivr/leg-status?leg=1", 20, "ignore")
        sid = carrier.place_call(call).sid
        assert network.ringing("client:agent-1") == sid
        carrier.hang_up(sid)
        for _ in range(50):
            if network.call(sid).state == "canceled":
                break
            time.sleep(0.1)
        assert network.call(sid).state == "canceled"
        carrier.hang_up(sid)  # over already: no error
    finally:
        server.shutdown()
        server.server_close()


def test_somleng_has_no_queue_and_rings_the_telephones(app, network):
    from ivr.engines import SOMLENG, Can

    assert not SOMLENG.can(Can.QUEUE)
    assert Caller(network, "+919830077777").dials().is_talking


def test_a_withheld_number_in_the_queue_is_offered_no_call_back(app, network):
    Agent(app, network, "busy")
    hidden = Caller(network, "anonymous").dials().presses("2", "0")
    assert "number 1 in the queue" in hidden.last_said
    assert "called back" not in hidden.last_said
    assert "leave a message, press 2" in hidden.last_said
    hidden.presses("1")
    assert waiting(app) == ["waiting"], "and the key that others have for it changes nothing"
    hidden.presses("2")
    assert "your telephone number" in hidden.last_said
