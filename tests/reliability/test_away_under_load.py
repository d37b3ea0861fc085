"""The store taken away for a while under load: every caller hears something valid, nothing is lost, nothing is there twice."""

from __future__ import annotations

import random
import re
import secrets
import threading
import time
from collections import Counter

import httpx
import pytest
from sqlalchemy import func, select

from helpline import acknowledgement
from helpline.runtime import build_runtime
from models import Call, Complaint, Event, Inbound, Outgoing, Recording
from simulator import sound
from simulator.network import ApplicationError, Network
from simulator.settings import Settings
from tests.conftest import ACCOUNT_SID, AUTH_TOKEN, make_config
from tests.reliability.stores import prepare
from tests.reliability.test_killed import BIN, begin, environ, free_port, kill

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("killed")]
WAV = sound.tone(1.0)
CARRIER_WAITS = 15  # seconds
ALWAYS = '{"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "from": "00:00", "to": "23:59:59.999999"}'


class Citizen(threading.Thread):
    """Calls and texts without pause, as a carrier brings it; notes what a carrier would note."""

    def __init__(self, settings, stop):
        super().__init__(daemon=True)
        self.settings, self.stop = settings, stop
        self.texted, self.called, self.numbers, self.wrong = [], [], [], []

    def run(self):
        with httpx.Client(timeout=CARRIER_WAITS) as client:
            network = Network(self.settings, client)
            while not self.stop.is_set():
                time.sleep(random.random())
                try:
                    (self.text if random.random() < 0.5 else self.call)(network)
                except ApplicationError as error:
                    self.wrong.append(error.code)

    def text(self, network):
        sid, number = "SM" + secrets.token_hex(16), f"+9198300{random.randint(10000, 99999)}"
        replies = network.text(number, "FILE no street light in Barasat", sid)
        self.texted.append(sid)
        self.numbers += acknowledgement.find_all(replies[0])

    def call(self, network):
        call = network.dial(f"+9198311{random.randint(10000, 99999)}")
        for keys in ("2", "1", "1", "1", None, "1", "3", None, "1", "1"):
            before_beep = call.pending and call.pending["verb"] == "Record"
            if call.state != "in-progress":
                break
            if keys is None or before_beep:
                asked_for_message = before_beep and "at=message" in call.pending["action"]
                call = network.speak(call.sid, "words", wav=WAV)
                if asked_for_message:  # after a fault: it is left, and that was the call
                    break
            else:
                call = network.press(call.sid, keys)
        network.hang_up(call.sid)
        call = network.call(call.sid)
        self.called.append(call.sid)
        self.wrong += [heard.text for heard in call.heard if heard.who == "network" and "error" in heard.text]
        told = "\n".join(heard.text for heard in call.heard if heard.who == "helpline" and "complaint number is" in heard.text)
        self.numbers += acknowledgement.find_all(re.sub(r"[^0-9]", "", told)[:11])


@pytest.fixture(params=[("sqlite", 10), ("postgresql", 60), ("frozen", 20)], ids=lambda param: param[0])
def outage(request, tmp_path):
    """(the store, for how many seconds it goes away)"""
    kind, seconds = request.param
    made = prepare(kind, request, tmp_path)
    yield made, seconds
    made.close()


def test_away_for_a_while_under_load(outage, tmp_path):
    """Web and worker as they run in production; the worker takes in by itself what was kept, and sends what is owed."""
    store, seconds = outage
    port = free_port()
    more = {"SIMULATOR__DATABASE": str(tmp_path / "network.db"), "WORKER__CLAIM_SECONDS": "10", "TELLING__SMS_HOURS": ALWAYS}
    env = environ(store.url, tmp_path, port, **{f"HELPLINE_{name}": value for name, value in more.items()})
    web = begin([str(BIN / "gunicorn"), "app:web()", "-b", f"127.0.0.1:{port}", "-w", "2", "--log-level", "error", "--timeout", "30"], env)
    worker_ = begin([str(BIN / "flask"), "--app", "app", "worker"], env)
    settings = Settings(f"http://127.0.0.1:{port}", ACCOUNT_SID, AUTH_TOKEN, "+913322145555", str(tmp_path / "network.db"))
    runtime = build_runtime(make_config(tmp_path, store.url, public_url=settings.public_url))
    try:
        wait_for(port)
        stop = threading.Event()
        citizens = [Citizen(settings, stop) for _ in range(4)]
        for citizen in citizens:
            citizen.start()
        until(lambda: sum(len(citizen.texted) + len(citizen.called) for citizen in citizens) > 10)
        store.stop()
        kept, unready = watch(runtime, port, seconds)
        store.start()
        served = sum(len(citizen.numbers) for citizen in citizens)
        until(lambda: sum(len(citizen.numbers) for citizen in citizens) > served + 5)  # numbers are told again
        stop.set()
        for citizen in citizens:
            citizen.join(timeout=60)
        assert [wrong for citizen in citizens for wrong in citizen.wrong] == []
        assert kept > 10, "the journal was needed"
        assert unready, "and it was said"
        until_nothing_waits(runtime)
        check_messages(runtime, [sid for citizen in citizens for sid in citizen.texted])
        check_calls(runtime, settings, [sid for citizen in citizens for sid in citizen.called])
        check_numbers(runtime, settings, {number for citizen in citizens for number in citizen.numbers})
    finally:
        kill(web)
        kill(worker_)
        runtime.dispose()


def until(happened):
    for _ in range(600):
        if happened():
            return
        time.sleep(0.1)
    raise AssertionError("within a minute")


def watch(runtime, port, seconds):
    """The most that waited in the journal, and whether `/readyz` told of it; the process is alive all the while."""
    ends, kept, unready = time.monotonic() + seconds, 0, False
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=CARRIER_WAITS) as client:
        while time.monotonic() < ends:
            assert client.get("/healthz").status_code == 200
            unready = client.get("/readyz").status_code == 503 or unready
            kept = max(kept, runtime.journal.backlog().waiting)
            time.sleep(1)
    return kept, unready


def until_nothing_waits(runtime):
    """The worker has taken in and sent everything, by itself."""
    waiting = None
    for _ in range(480):
        with runtime.reading() as db:
            inbound = db.scalar(select(func.count()).select_from(Inbound).where(Inbound.state == "pending"))
            owed = db.scalar(select(func.count()).select_from(Outgoing).where(Outgoing.state.in_(("pending", "claimed"))))
            talking = db.scalar(select(func.count()).select_from(Call).where(Call.ended_at.is_(None)))
        waiting = (runtime.journal.backlog().waiting, inbound, owed, talking)
        if not any(waiting):
            break
        time.sleep(0.5)
    assert waiting == (0, 0, 0, 0), "(journal, inbound, outbox, calls)"
    assert runtime.journal.backlog().failed == 0


def check_numbers(runtime, settings, told):
    """Every number told exists, and every complaint's citizen has got exactly one message with its number."""
    from simulator.store import Store

    with runtime.reading() as db:
        phones = {row.ack: row.phone for row in db.execute(select(Complaint.ack, Complaint.phone).where(Complaint.ack.is_not(None)))}
    assert told <= set(phones), "every number given out exists"
    sent = Store(settings.database).rows("SELECT recipient, body FROM messages WHERE sender = ?", settings.helpline_number)
    got = Counter((row["recipient"], ack) for row in sent for ack in acknowledgement.find_all(row["body"]))
    assert got == Counter((phone, ack) for ack, phone in phones.items()), "once each"


def wait_for(port):
    for _ in range(300):
        try:
            if httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.1)
    raise AssertionError("the web process did not start")


def check_messages(runtime, sids):
    assert len(sids) > 10
    with runtime.reading() as db:
        filed = Counter(db.scalars(select(Complaint.source_key).where(Complaint.channel == "sms")))
        assert set(filed) == {f"sms:{sid}" for sid in sids}, "every message is a complaint"
        assert set(filed.values()) == {1}
        assert not db.scalars(select(Inbound.key).where(Inbound.state != "done", Inbound.kind == "sms")).all()
        registered = Counter(db.scalars(select(Event.complaint_id).where(Event.action == "register")))
        owed = Counter(db.scalars(select(Outgoing.complaint_id).where(Outgoing.template.like("sms.registered%"))))
        assert set(registered.values()) == {1}
        assert set(owed.values()) == {1}


def check_calls(runtime, settings, sids):
    from simulator.store import Store

    said = Store(settings.database).rows("SELECT sid, call_sid FROM recordings")
    with runtime.reading() as db:
        ended = dict(db.execute(select(Call.sid, Call.ended_at)).all())
        kept = {r.sid: r for r in db.scalars(select(Recording))}
        assert set(ended) == set(sids), "every call is known"
        assert all(ended.values()), "and has ended"
        assert {row["sid"] for row in said} == set(kept), "everything said is kept"
        complaints = {}
        for row in said:
            assert kept[row["sid"]].complaint_id, "with a complaint"
            complaints.setdefault(row["call_sid"], set()).add(kept[row["sid"]].complaint_id)
        assert {len(of_call) for of_call in complaints.values()} == {1}, "one for each call"
        states = dict(db.execute(select(Complaint.id, Complaint.state)).all())
        assert {states[recording.complaint_id] for recording in kept.values()} == {"registered"}
