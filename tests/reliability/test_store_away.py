"""The store is away: callers hear something valid, what they say and text is kept, and taken in once when the store is back."""

from __future__ import annotations

import errno
import fcntl
import os
import sqlite3
import stat
import time
import xml.etree.ElementTree as ET
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from sqlalchemy import make_url, select
from sqlalchemy.exc import OperationalError

from commands import simulator_settings, take_in
from helpline import acknowledgement, callbacks, logs, worker
from helpline.runtime import Runtime, build_runtime, utc_now
from models import Call, Callback, Complaint, Event, Inbound, Outgoing, Recording
from models import engine as engines
from models.direct import Direct
from simulator.driver import Caller
from simulator.network import Network
from tests.conftest import PUBLIC_URL, make_config
from tests.reliability.stores import prepare

pytestmark = pytest.mark.xdist_group("away")


@pytest.fixture(params=["sqlite", "postgresql", "frozen"])
def store(request, tmp_path, monkeypatch):
    monkeypatch.setattr(engines, "WAIT", 0.3 if request.param == "sqlite" else 2.0)  # of PostgreSQL also what goes well keeps to it
    monkeypatch.setattr(engines, "REST", 3.0 if request.param == "frozen" else 0.3)
    made = prepare(request.param, request, tmp_path)
    yield made
    made.close()


@pytest.fixture
def app(store, tmp_path):
    from app import create_app

    made = create_app(make_config(tmp_path, store.url))
    yield made
    made.extensions["runtime"].dispose()


@pytest.fixture
def runtime(app):
    return app.extensions["runtime"]


@pytest.fixture
def network(app):
    with httpx.Client(transport=httpx.WSGITransport(app=app), base_url=PUBLIC_URL) as client:
        yield Network(simulator_settings(app.extensions["runtime"].config), client)


@pytest.fixture
def caller(network):
    return Caller(network, "+919830012345")


def back(store, runtime):
    """The store is there again, and the worker has looked, twice."""
    from sms.routes import take_up

    store.start()
    for _ in range(2):
        worker.take_in_journal(runtime, take_in())
        worker.retry_inbound(runtime, {"sms": take_up}, utc_now())


def all_of(runtime, table):
    with runtime.reading() as db:
        return db.scalars(select(table).order_by(table.id)).all()


def nothing_wrong(caller):
    assert not any(h.who == "network" and "application error" in h.text for h in caller.call.heard)


def test_cut_by_the_store_in_the_middle_everything_said_is_one_complaint(store, runtime, caller):
    caller.dials().presses("2", "1", "1", "1")
    store.stop()
    caller.speaks("a deep hole", "en")
    assert "something is wrong on our side" in caller.last_said
    assert caller.call.pending["verb"] == "Record"
    caller.speaks("ring me please", "en")
    assert "We have kept what you said" in caller.last_said
    assert not caller.is_talking
    nothing_wrong(caller)
    back(store, runtime)
    (complaint,) = all_of(runtime, Complaint)
    assert (complaint.state, complaint.incomplete, complaint.category_code) == ("registered", True, "ROAD.POTHOLE")
    assert [(r.purpose, r.complaint_id) for r in all_of(runtime, Recording)] == [("problem", complaint.id), ("message", complaint.id)]
    assert [m.template for m in all_of(runtime, Outgoing)] == ["notify.registered_incomplete"]
    (call,) = all_of(runtime, Call)
    assert call.fault
    assert call.ended_at
    callbacks.work(runtime, utc_now().replace(year=2030))
    assert [(e.reason, e.complaint_id) for e in all_of(runtime, Callback)] == [("fault", complaint.id)]


def test_a_whole_call_in_three_languages_and_kept(store, runtime, caller):
    store.stop()
    caller.dials()
    for words, language in (("অসুবিধা", "bn"), ("something is wrong", "en"), ("गड़बड़", "hi")):
        assert caller.heard(words, language)
    caller.speaks("no water for a week", "bn")
    assert "আপনার কথা রাখা হয়েছে" in caller.last_said
    nothing_wrong(caller)
    assert runtime.journal.backlog().waiting >= 3
    back(store, runtime)
    (complaint,) = all_of(runtime, Complaint)
    assert (complaint.state, complaint.incomplete, complaint.phone) == ("registered", True, "+919830012345")
    assert [r.purpose for r in all_of(runtime, Recording)] == ["message"]
    assert runtime.journal.backlog().waiting == 0


def test_rung_off_at_the_apology_is_still_rung_back(store, runtime, caller):
    store.stop()
    caller.dials().hangs_up()
    back(store, runtime)
    callbacks.work(runtime, utc_now().replace(year=2030))
    assert [(e.reason, e.number) for e in all_of(runtime, Callback)] == [("fault", "+919830012345")]


@pytest.mark.parametrize(("number", "rung"), [("+919830012345", []), ("+913325551234", ["fault"])])
def test_the_confirming_key_is_not_lost(store, runtime, network, number, rung):
    caller = Caller(network, number).dials().presses("2", "1", "1", "1").speaks("a deep hole", "en").presses("1", "3").speaks("R", "en").presses("1")
    store.stop()
    caller.presses("1").hangs_up()
    back(store, runtime)
    (complaint,) = all_of(runtime, Complaint)
    assert (complaint.state, complaint.incomplete) == ("registered", False)
    assert [m.to_number for m in all_of(runtime, Outgoing)] == [number]
    callbacks.work(runtime, utc_now().replace(year=2030))
    assert [e.reason for e in all_of(runtime, Callback)] == rung, "who cannot be sent the number is told it"


@pytest.mark.parametrize("written", [False, True], ids=["", "written-all-the-same"])
def test_what_is_said_after_the_confirming_key_failed_belongs_to_that_complaint(store, runtime, caller, monkeypatch, written):
    """Also where the store wrote the filing and could only not say so any more."""
    caller.dials().presses("2", "1", "1", "1").speaks("a deep hole", "en").presses("1", "3").speaks("R", "en").presses("1")
    if written:
        write = Direct.write

        def silent(db, writes, **how):
            write(db, writes, **how)
            store.stop()
            raise OperationalError("the answer never came", None, db.dialect.dbapi.OperationalError())

        monkeypatch.setattr(Direct, "write", silent)
    else:
        store.stop()
    caller.presses("1")
    assert "something is wrong on our side" in caller.last_said
    caller.speaks("is it registered? ring me please", "en")
    monkeypatch.undo()
    back(store, runtime)
    (complaint,) = all_of(runtime, Complaint)
    assert complaint.state == "registered"
    assert [r.complaint_id for r in all_of(runtime, Recording)] == [complaint.id] * 3, "the problem, the name, and the message"
    with runtime.reading() as db:
        assert db.scalars(select(Event.action).where(Event.complaint_id == complaint.id).order_by(Event.seq)).all()[-1] == "add", "staff see that more was said"
    assert len([m for m in all_of(runtime, Outgoing) if "registered" in m.template]) == 1


def test_what_was_kept_and_comes_after_the_message_belongs_to_the_same_complaint(store, runtime, caller):
    """The store is back before the caller leaves the message: what failed before is taken in after it."""
    caller.dials().presses("2", "1", "1", "1").speaks("a deep hole", "en").presses("1", "3")
    store.stop()
    caller.speaks("Rahima", "en")
    assert "something is wrong on our side" in caller.last_said
    store.start()
    caller.speaks("ring me please", "en")
    back(store, runtime)
    (complaint,) = all_of(runtime, Complaint)
    assert (complaint.state, complaint.incomplete) == ("registered", True)
    assert [r.complaint_id for r in all_of(runtime, Recording)] == [complaint.id] * 3


def test_nobody_is_put_into_the_queue_afterwards(store, runtime, caller):
    from models import Waiting

    caller.dials().presses("2")
    store.stop()
    caller.presses("0").hangs_up()
    back(store, runtime)
    assert all_of(runtime, Waiting) == []
    callbacks.work(runtime, utc_now().replace(year=2030))
    assert [(e.reason, e.at) for e in all_of(runtime, Callback)] == [("agent", "agent")]


def test_messages_are_answered_as_received_and_taken_in_once(store, runtime, caller, network):
    store.stop()
    sid = "SM" + "7" * 32
    assert "We have your message" in network.text(caller.number, "FILE no street light in Barasat", sid)[0]
    assert "আপনার এসএমএস পেয়েছি" in network.text("+919830054321", "অভিযোগ রাস্তা ভাঙা, তমলুক")[0]
    network.text(caller.number, "FILE no street light in Barasat", sid)  # brought again while away
    store.start()
    network.text(caller.number, "FILE no street light in Barasat", sid)  # and again when the store is back, before the journal
    back(store, runtime)
    assert sorted(c.phone for c in all_of(runtime, Complaint)) == ["+919830012345", "+919830054321"]
    assert len([i for i in all_of(runtime, Inbound) if i.kind == "sms"]) == 2
    owed = [m for m in all_of(runtime, Outgoing) if m.to_number == "+919830054321"]
    assert any("নথিভুক্ত" in m.body for m in owed)


@pytest.mark.parametrize("body", ["STATUS {}", "FILE no water for days in Kalna"])
def test_what_was_written_just_as_the_store_was_lost_is_answered_all_the_same(store, runtime, caller, network, monkeypatch, body):
    caller.texts("FILE no street light in Barasat").texts("A Sen")
    ack = acknowledgement.display(all_of(runtime, Complaint)[0].ack)
    directly, writing = Direct.write, Runtime.writing

    def lost(*_):
        raise OperationalError("COMMIT", None, engines._busy("lost"))

    def write_and_be_lost(direct, writes, *, lasting=True):
        directly(direct, writes, lasting=lasting)
        lost()

    @contextmanager
    def commit_and_be_lost(self):
        with writing(self) as db:
            yield db
        lost()

    with monkeypatch.context() as patch:
        patch.setattr(Direct, "write", write_and_be_lost)
        patch.setattr(Runtime, "writing", commit_and_be_lost)
        assert "We have your message" in network.text(caller.number, body.format(ack))[0]
    back(store, runtime)
    new = all_of(runtime, Complaint)[-1]
    owed = [m for m in all_of(runtime, Outgoing) if m.state == "pending"]
    assert [acknowledgement.display(new.ack) in m.body for m in owed] == [True]
    assert len(all_of(runtime, Complaint)) == (2 if "FILE" in body else 1)


def test_a_delivery_report_is_not_lost(store, runtime, network):
    network.text("+919830012345", "FILE no street light in Barasat")
    with runtime.writing() as db:
        from sqlalchemy import update

        db.execute(update(Outgoing).values(state="sent", carrier="twilio", carrier_sid="SM1", carrier_status="sent"))
    store.stop()
    answer = network._post(f"{PUBLIC_URL}/sms/status", {"MessageSid": "SM1", "MessageStatus": "delivered"})
    assert answer.status_code == 204
    back(store, runtime)
    assert [m.state for m in all_of(runtime, Outgoing)] == ["delivered"]


def test_disk_full_as_well(store, runtime, caller, network, monkeypatch):
    """Nothing can be kept here: the caller is still heard by the carrier, and nobody meets a fault that says nothing."""
    store.stop()

    def full(file, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    caller.dials().speaks("no water", "bn")
    assert "আপনার কথা রাখা হয়েছে" in caller.last_said
    nothing_wrong(caller)
    assert "We have your message" in network.text(caller.number, "FILE no street light in Barasat")[0]
    monkeypatch.undo()
    assert runtime.journal.backlog().waiting == 0
    assert network.store.rows("SELECT sid FROM recordings"), "the carrier has the recording: `flask reconcile` asks for it"


def test_health_and_metrics_tell_of_it(store, app, runtime, caller):
    client = app.test_client()
    store.stop()
    caller.dials().hangs_up()
    ready = client.get("/readyz")
    assert "wait in the journal" in ready.text
    assert ready.status_code == 503
    if "postgresql" in store.url:
        assert "helpline_store_up 0.0" in client.get("/metrics").text
    assert client.get("/healthz").status_code == 200
    assert 'helpline_journal{state="waiting"} 2.0' in client.get("/metrics").text
    back(store, runtime)
    assert client.get("/readyz").text == "ok\n"


def test_the_journal_is_for_its_owner_alone_and_nothing_of_it_is_logged(store, runtime, caller, capsys):
    logs.set_up(runtime.config)
    store.stop()
    caller.texts("FILE the private words of Rahima")
    caller.dials().hangs_up()
    directory = runtime.config.storage.journal
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()} == {0o600}
    logged = "".join(capsys.readouterr())
    assert "store_away" in logged
    for private in ("9830012345", "Rahima"):
        assert private not in logged


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
@pytest.mark.parametrize("is_full", [False, True])
def test_a_carrier_that_takes_no_answers_brings_a_message_again_only_when_it_is_not_kept(store, tmp_path, monkeypatch, is_full):
    from app import create_app

    app = create_app(make_config(tmp_path, store.url, **{"carriers.inbound_sms": ["kannel"], "carriers.kannel.allow": ["127.0.0.1"]}))
    store.stop()
    if is_full:
        monkeypatch.setattr(app.extensions["runtime"].journal, "keep", lambda *_: False)
    answer = app.test_client().get("/sms/kannel/incoming", query_string={"from": "+919830012345", "to": "1", "text": "FILE water", "id": "k1"})
    assert answer.status_code == (503 if is_full else 200), answer.text
    app.extensions["runtime"].dispose()


def test_every_answer_is_valid_whatever_comes(store, app, network, caller):
    store.stop()
    for path in ("/ivr/incoming", "/ivr/step?at=summary&l=bn&n=3", "/ivr/step?at=told&l=en&a=1", "/ivr/fallback", "/ivr/waiting?l=bn", "/ivr/leg?leg=1", "/ivr/outbound?outbox=1"):
        answer = network._post(PUBLIC_URL + path, {"CallSid": "CAx", "From": caller.number, "Digits": "1"})
        assert answer.status_code == 200, path
        assert ET.fromstring(answer.content).tag == "Response"
    for path in ("/ivr/status", "/ivr/recording?purpose=problem", "/ivr/leg-status?leg=1", "/ivr/outbound/status?outbox=1"):
        assert network._post(PUBLIC_URL + path, {"CallSid": "CAx", "CallStatus": "completed"}).status_code == 204, path


@pytest.fixture
def stopped_writer(tmp_path, sqlite_url, monkeypatch):
    """The store's address, while another writer has its turn and does not go on."""
    monkeypatch.setattr(engines, "WAIT", 0.3)
    monkeypatch.setattr(engines, "REST", 0.1)
    with Path(f"{make_url(sqlite_url).database}.queue").open("a") as queue:
        fcntl.flock(queue, fcntl.LOCK_EX)
        yield sqlite_url
    engines.resting.end()


def test_a_writer_that_was_stopped_keeps_nobody_waiting(stopped_writer, tmp_path):
    from app import create_app

    app = create_app(make_config(tmp_path, stopped_writer))
    runtime = app.extensions["runtime"]
    began = time.monotonic()
    with pytest.raises(sqlite3.OperationalError, match="another writer has had its turn"), runtime.writing():
        pass
    assert time.monotonic() - began < 3
    with httpx.Client(transport=httpx.WSGITransport(app=app), base_url=PUBLIC_URL) as client:
        caller = Caller(Network(simulator_settings(runtime.config), client), "+919830012345")
        caller.dials()
        assert caller.heard("অসুবিধা", "bn")
        nothing_wrong(caller)
        assert "We have your message" in caller.texts("FILE no street light in Barasat").reads
    runtime.dispose()


def test_a_write_within_a_write_is_refused_rather_than_waited_for(sqlite_url, tmp_path, monkeypatch):
    monkeypatch.setattr(engines, "WAIT", 0.3)
    runtime = build_runtime(make_config(tmp_path, sqlite_url))
    with runtime.writing(), pytest.raises(sqlite3.OperationalError, match="waiting for this one"), runtime.writing():
        pass
    engines.resting.end()
    with runtime.writing() as db:
        db.execute(select(1))
    runtime.dispose()
