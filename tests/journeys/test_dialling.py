"""An agent rings a citizen from the complaint's page: over the agent's browser, or the agent's telephone where the engine rings no browser."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from carriers.base import Accepted
from helpline import dialling, queueing, switchboard
from helpline.runtime import utc_now
from models import Audit, Complaint, Dial, Event, User
from simulator.driver import Caller
from tests.conftest import make_config
from tests.journeys.test_casework import somebody  # noqa: F401

NUMBER, AGENTS_PHONE = "+919830012345", "+919434011111"


@pytest.fixture
def engine():
    return "twilio"


@pytest.fixture
def config(database_url, tmp_path, engine):
    return make_config(tmp_path, database_url, **{"carriers.voice_engine": engine})


@pytest.fixture
def worker(app, network):
    """The worker's round over the calls of agents, its carrier speaking to the simulated one at once."""

    class Direct:
        def place_call(self, call):
            return Accepted(network.ring_up(call.to, call.url, call.report, call.ring_seconds), "queued")

        def hang_up(self, sid):
            network.exchange.complete(sid)

    return lambda now=None: switchboard.work(app.extensions["runtime"], Direct(), now or utc_now())


def rows(app, table) -> list[Any]:
    with app.extensions["runtime"].reading() as db:
        return list(db.scalars(select(table).order_by(table.id)))


def called(app) -> list[str]:
    return [event.data["called"] for event in rows(app, Event) if event.action == "called"]


@pytest.fixture
def filed(app, caller):
    caller.texts("FILE no street light near the school, Barasat PIN 700124")
    return rows(app, Complaint)[0]


class Agent:
    def __init__(self, app, network, person, name="asha") -> None:
        self.app, self.network, self.person = app, network, person
        self.id = next(user.id for user in rows(app, User) if user.username == name)
        self.sid = ""

    def asks_for(self, complaint, status=302):
        answer = self.person.post(f"/console/complaints/{complaint.ack}/dial")
        assert answer.status_code == status
        return answer

    def connects(self, dial_id=None, client=None):
        """What the browser does when it sees that somebody is to be rung."""
        asked = dial_id or rows(self.app, Dial)[-1].id
        self.sid = self.network.connect(client or f"client:agent-{self.id}", {"dial": str(asked)}).sid
        return self.network.call(self.sid)

    @property
    def heard(self) -> str:
        return "\n".join(h.text for h in self.network.call(self.sid).heard)


@pytest.fixture
def agent(app, network, somebody):  # noqa: F811
    return Agent(app, network, somebody("asha", "agent"))


def test_they_talk_and_it_stands_on_the_timeline(app, network, caller, filed, agent):
    agent.asks_for(filed)
    assert not caller.rings, "nobody is rung before the agent's end is there"
    agent.connects()
    assert caller.rings
    page = agent.person.get(f"/console/complaints/{filed.ack}").text
    assert "citizen&#39;s telephone rings" in page and "98300 12345" in page
    caller.answers()
    caller.speaks("হ্যালো")
    network.speak(agent.sid, "নমস্কার, হেল্পলাইন থেকে বলছি")
    assert "হ্যালো" in agent.heard and any("হেল্পলাইন" in h.text for h in network.call(caller.call.sid).heard)
    assert "Talking" in agent.person.get("/console/phone/now").text
    caller.hangs_up()
    assert network.call(agent.sid).state == "completed"
    assert called(app) == ["answered"]
    page = agent.person.get(f"/console/complaints/{filed.ack}").text
    assert "Rang the citizen" in page and "Answered" in page and "Test asha" in page
    assert [entry.complaint_id for entry in rows(app, Audit) if entry.action == "citizen.rung"] == [filed.id]


def test_who_hangs_up_first_ends_both(app, network, caller, filed, agent):
    agent.asks_for(filed)
    agent.connects()
    caller.answers()
    network.hang_up(agent.sid)
    assert network.call(caller.call.sid).state == "completed"
    assert called(app) == ["answered"]


@pytest.mark.parametrize(("outcome", "kept"), [("busy", "busy"), ("no-answer", "no_answer"), ("failed", "failed")])
def test_what_came_of_it_when_nobody_answered(app, network, caller, filed, agent, outcome, kept):
    agent.asks_for(filed)
    agent.connects()
    caller.turns_away(outcome)
    assert called(app) == [kept]
    assert network.call(agent.sid).state == "completed"
    agent.asks_for(filed)


def test_the_agent_gives_up_while_it_rings(app, network, caller, filed, agent):
    agent.asks_for(filed)
    agent.connects()
    network.hang_up(agent.sid)
    assert not caller.rings
    assert called(app) == ["no_answer"]


def test_the_helplines_number_is_shown_and_only_the_complaints_is_rung(app, network, filed, agent):
    agent.asks_for(filed)
    fields = {"CallSid": "CA1", "From": f"client:agent-{agent.id}", "To": "+919999999999", "dial": str(rows(app, Dial)[0].id), "Direction": "inbound"}
    answer = network._post("http://helpline.test/ivr/dial", fields).text
    assert 'callerId="+913322145555"' in answer and answer.count("<Number") == 1 and f">{NUMBER}</Number>" in answer
    assert network._post("http://helpline.test/ivr/dial", fields).text == answer, "asked again by the carrier, the same"
    assert app.test_client().post("/ivr/dial", data=fields).status_code == 403, "unsigned"


def test_nobody_else_rings_anybody(app, network, caller, filed, agent, somebody):  # noqa: F811
    other = Agent(app, network, somebody("bela", "agent"), "bela")
    agent.asks_for(filed)
    dial_id = rows(app, Dial)[0].id
    for who, what in ((f"client:agent-{other.id}", dial_id), ("client:agent-1", dial_id), ("+919830054321", dial_id), (f"client:agent-{agent.id}", dial_id + 1)):
        assert agent.connects(what, who).state == "completed", who
        assert not caller.rings
    agent.connects()
    assert caller.rings
    assert agent.connects(dial_id).state == "completed", "a second browser of the same agent rings nobody"


def test_what_may_not_be_rung_any_more_is_not(app, network, caller, filed, agent):
    agent.asks_for(filed)
    with app.extensions["runtime"].writing() as db:
        db.execute(update(User).where(User.username == "asha").values(active=False))
    assert agent.connects().state == "completed"
    assert not caller.rings and called(app) == []


def test_only_those_who_take_calls(app, filed, somebody):  # noqa: F811
    for name, role, office in (("lights", "officer", "udma.303"), ("watch", "monitor", None), ("accounts", "administrator", None)):
        person = somebody(name, role, office)
        assert person.post(f"/console/complaints/{filed.ack}/dial").status_code == 403
        assert person.get(f"/console/dials/{filed.id}").status_code == 403
    assert "Ring the citizen" not in somebody("reader", "monitor").get(f"/console/complaints/{filed.ack}").text
    cell = somebody("desk", "cell")
    assert cell.post(f"/console/complaints/{filed.ack}/called", {"called": "answered"}).status_code == 404, "nobody writes it down by hand"


def test_one_call_at_a_time_and_no_caller_from_the_queue_meanwhile(app, network, caller, stranger, filed, agent, worker, monkeypatch):
    monkeypatch.setattr(queueing, "is_open", lambda *_: True)
    runtime = app.extensions["runtime"]
    with runtime.writing() as db:
        queueing.sign_on(db, agent.id, ("bn", "en", "hi"), utc_now())
    agent.asks_for(filed)
    assert "in another call" in agent.asks_for(filed, 409).text
    agent.connects()
    caller.answers()
    stranger.dials().presses("2", "0")
    worker()
    assert network.ringing(f"client:agent-{agent.id}") is None
    caller.hangs_up()
    with runtime.reading() as session:
        assert queueing.attendance(session.connection(), agent.id).state == "wrap_up"


def test_what_no_browser_takes_up_is_given_up_and_rings_nobody(app, network, caller, filed, agent, worker):
    agent.asks_for(filed)
    worker(utc_now() + timedelta(minutes=1))
    assert [dial.state for dial in rows(app, Dial)] == ["ended"]
    assert agent.connects().state == "completed"
    assert not caller.rings and called(app) == []
    agent.asks_for(filed)
    agent.person.post("/console/dials/cancel")
    assert [dial.state for dial in rows(app, Dial)] == ["ended", "ended"]


def test_a_lost_report_does_not_hold_the_agent_for_ever(app, filed, agent, worker):
    agent.asks_for(filed)
    with app.extensions["runtime"].writing() as db:
        dialling.begin(db, app.extensions["runtime"], rows(app, Dial)[0].id, "CA7", f"client:agent-{agent.id}", utc_now())
    worker(utc_now() + timedelta(minutes=4))
    assert called(app) == ["no_answer"]


class TestSomleng:
    """No browser can be rung: the telephone of the agent's account rings first."""

    @pytest.fixture
    def engine(self):
        return "somleng"

    def test_the_agents_telephone_rings_then_the_citizens(self, app, network, caller, filed, agent, worker):
        with app.extensions["runtime"].writing() as db:
            db.execute(update(User).where(User.username == "asha").values(phone=AGENTS_PHONE))
        agent.asks_for(filed)
        worker()
        desk = Caller(network, AGENTS_PHONE)
        assert desk.rings and not caller.rings
        desk.answers()
        caller.answers()
        caller.speaks("হ্যালো")
        assert any("হ্যালো" in h.text for h in network.call(desk.call.sid).heard)
        caller.hangs_up()
        assert called(app) == ["answered"]
        assert desk.network.call(desk.call.sid).state != "in-progress"

    def test_an_agent_who_does_not_pick_up_rings_nobody(self, app, network, caller, filed, agent, worker):
        with app.extensions["runtime"].writing() as db:
            db.execute(update(User).where(User.username == "asha").values(phone=AGENTS_PHONE))
        agent.asks_for(filed)
        worker()
        Caller(network, AGENTS_PHONE).turns_away("no-answer")
        assert not caller.rings and called(app) == []
        assert [dial.state for dial in rows(app, Dial)] == ["ended"]

    def test_without_a_telephone_it_is_said(self, filed, agent):
        assert "no telephone number" in agent.asks_for(filed, 409).text
