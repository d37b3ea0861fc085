"""A full disk, at each place that is written: callers hear something true, nothing half-written is told as filed, work goes on with room."""

from __future__ import annotations

import errno
import io
import os
import re
import shutil
import threading
from collections import Counter
from datetime import timedelta
from functools import partial
from types import SimpleNamespace

import httpx
import pytest
from fsspec.implementations.local import LocalFileOpener
from sqlalchemy import event, func, select

from carriers.twilio_history import TwilioHistory
from commands import simulator_settings, take_in
from helpline import (
    acknowledgement,
    attachments,
    checks,
    complaints,
    delivery,
    events,
    people,
    reconcile,
    recordings,
    worker,
)
from helpline.carriers_in_use import InUse, in_use
from helpline.complaints import Actor, Filing
from helpline.runtime import utc_now
from models import Attachment, Call, Complaint, Event, Inbound, Outgoing, Recording, resting
from simulator import sound
from simulator.driver import Caller
from simulator.network import Network
from tests.agent_console.conftest import PASSWORD, Staff
from tests.carriers.edge import Accounts
from tests.conftest import ACCOUNT_SID, AUTH_TOKEN, NOW, PUBLIC_URL, make_config
from tests.journeys.test_proof import photo

FULL = OSError(errno.ENOSPC, "No space left on device")


def all_of(runtime, table):
    with runtime.reading() as db:
        return db.scalars(select(table).order_by(table.id)).all()


class Disk:
    """The store's disk: `fill` leaves it no page, `leave` so many, `clear` any number. Every connection of every engine keeps to it."""

    def __init__(self, *engines):
        self.limit, self.engines = None, engines
        for engine in engines:
            event.listen(engine, "begin", self._keep_to)

    def _keep_to(self, connection):
        pages = connection.connection.driver_connection.execute
        if self.limit is not None:
            pages(f"PRAGMA max_page_count={self.limit}")
        else:
            pages("PRAGMA max_page_count=4294967294")

    def leave(self, pages):
        with self.engines[0].connect() as db:
            db.exec_driver_sql("PRAGMA incremental_vacuum")
            self.limit = db.exec_driver_sql("PRAGMA page_count").scalar() + pages

    def clear(self):
        self.limit = None
        resting.end()


@pytest.fixture
def app(sqlite_url, tmp_path):
    from app import create_app

    made = create_app(make_config(tmp_path, sqlite_url))
    yield made
    made.extensions["runtime"].dispose()


@pytest.fixture
def runtime(app):
    return app.extensions["runtime"]


@pytest.fixture
def disk(runtime):
    return Disk(runtime.engine)


@pytest.fixture
def network(app):
    with httpx.Client(transport=httpx.WSGITransport(app=app), base_url=PUBLIC_URL) as client:
        yield Network(simulator_settings(app.extensions["runtime"].config), client)


def room_again(disk, runtime):
    """There is room, and the worker has looked, twice."""
    from sms.routes import take_up

    disk.clear()
    for _ in range(2):
        worker.take_in_journal(runtime, take_in())
        worker.retry_inbound(runtime, {"sms": take_up}, utc_now(), limit=500)


def files(caller):
    """A whole filing on the telephone, as far as it gets; the number that was told, if one was."""
    caller.dials()
    for keys in ("2", "1", "1", "1", None, "1", "3", None, "1", "1"):
        if not caller.is_talking:
            break
        if keys is None or (caller.call.pending or {}).get("verb") == "Record":
            caller.speaks("a deep hole", "en")
        else:
            caller.presses(keys)
    caller.hangs_up()
    heard = "\n".join(h.text for h in caller.call.heard if h.who == "helpline" and "complaint number is" in h.text)
    assert not any(h.who == "network" and "application error" in h.text for h in caller.call.heard)
    return acknowledgement.find_all(re.sub(r"[^0-9]", "", heard)[:11])


@pytest.mark.parametrize("pages", [0, 3, 12])
def test_the_store_fills_up_while_people_call_and_text(runtime, network, disk, pages):
    """From some moment on nothing fits: whoever is told a number has a complaint, and everybody else is taken in when there is room."""
    disk.leave(pages)
    told, kept = [], 0
    for n in range(8):
        reply = network.text(f"+9198300100{n:02d}", "FILE no street light in Barasat", f"SM{n:032x}")[0]
        told += acknowledgement.find_all(reply)
        kept += "We have your message" in reply
        told += files(Caller(network, f"+9198300200{n:02d}"))
    assert kept, "the disk was full in the end"
    with runtime.reading() as db:
        assert set(told) <= set(db.scalars(select(Complaint.ack))), "every number that was told exists"
        assert {state for state in db.scalars(select(Complaint.state)) if state != "draft"} <= {"registered"}
    room_again(disk, runtime)
    filed = Counter(c.phone for c in all_of(runtime, Complaint))
    assert filed == Counter({f"+9198300{kind}{n:02d}": 1 for kind in ("100", "200") for n in range(8)}), "each of them once"
    assert {c.state for c in all_of(runtime, Complaint)} == {"registered"}
    assert all(call.ended_at for call in all_of(runtime, Call))
    assert not [i.key for i in all_of(runtime, Inbound) if i.state != "done"]
    assert runtime.journal.backlog().waiting == 0
    with runtime.reading() as db:
        per_complaint = Counter(db.scalars(select(Event.complaint_id).where(Event.action == "register")))
        assert set(per_complaint.values()) == {1}
        assert not [c for c in db.scalars(select(Complaint.id)) if events.broken_links(db.connection(), c)]
        said = network.store.rows("SELECT sid FROM recordings")
        assert {row["sid"] for row in said} == set(db.scalars(select(Recording.sid))), "everything said is kept"
        assert not db.scalars(select(Recording.sid).where(Recording.complaint_id.is_(None))).all()


def test_full_is_said_and_so_is_room(runtime, app, disk):
    client = app.test_client()
    assert client.get("/readyz").status_code == 200
    disk.leave(0)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "database or disk is full" in answer.text
    assert any("takes nothing more" in line for line in checks.everything(runtime))
    shown = client.get("/metrics").text
    assert "helpline_store_takes_writes 0.0" in shown
    assert "helpline_store_up 1.0" in shown, "it can be read"
    disk.clear()
    assert client.get("/readyz").status_code == 200
    assert "helpline_store_takes_writes 1.0" in client.get("/metrics").text


def test_a_disk_nearly_full_is_told_of_before(runtime, app, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=100 << 20))
    answer = app.test_client().get("/readyz")
    assert answer.status_code == 200, "it still serves"
    for name in ("storage.recordings", "storage.attachments", "storage.journal", "database.url"):
        assert f"{name}: only 100 MB free" in answer.text
    assert 'helpline_disk_free_bytes{of="storage.journal"} 1.048576e+08' in app.test_client().get("/metrics").text
    assert "only 100 MB free" in app.test_cli_runner().invoke(args=["check"]).output


def test_files_that_are_elsewhere_have_no_disk_here(tmp_path, sqlite_url):
    from helpline.runtime import build_runtime

    runtime = build_runtime(make_config(tmp_path, sqlite_url, **{"storage.recordings": "memory://recordings"}))
    assert "storage.recordings" not in checks.disks(runtime)
    runtime.dispose()


# ── the worker ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_store_is_full_when_the_carrier_has_taken_a_message(runtime, disk):
    """What cannot be noted is looked up: the carrier has it, and gets it once."""
    with Accounts() as server:
        config = make_config(runtime.config.var, runtime.config.database.url, **{"carriers.outbound_sms": ["twilio"], "carriers.twilio.api_base": server.base})
        carriers, server.clock = in_use(config), lambda: NOW
        with runtime.writing() as db:
            for n in range(3):
                complaints.file(db, runtime, Filing(channel="voice", language="en", phone=f"+91983001000{n}"), Actor("citizen", "voice"), NOW)
        real = runtime.engine.dialect.do_commit
        sent = threading.Event()

        def refused(connection):
            if sent.is_set():
                error = __import__("sqlite3").OperationalError("database or disk is full")
                error.sqlite_errorcode = 13
                raise error
            real(connection)

        create = server._create

        def takes(got):
            sent.set()
            return create(got)

        server.answers, runtime.engine.dialect.do_commit = [takes], refused
        job = worker.jobs(runtime, carriers, lambda: NOW)["send"][1]
        for _ in range(3):
            worker._safely("send", job)
        sent.clear()
        runtime.engine.dialect.do_commit = real
        assert len(server.taken) == 1, "with the store full nothing more is begun"
        for minute in range(1, 8):
            at = NOW.replace(minute=30 + minute)
            delivery.settle_unknown(runtime, carriers.known, at)
            delivery.send_due(runtime, carriers.outbound, lambda at=at: at)
            sent.clear()
        assert Counter(server.texts) == Counter(row.body for row in all_of(runtime, Outgoing))
        assert {row.state for row in all_of(runtime, Outgoing)} == {"sent"}


def test_a_message_is_not_given_up_for_a_store_that_is_full(runtime, network, disk, monkeypatch):
    """Nothing is held against a message when it is the store that fails."""
    from sms import dialogue
    from sms.routes import take_up

    with monkeypatch.context() as patch:
        patch.setattr(dialogue, "answer", lambda *_: 1 / 0)
        network.text("+919830012345", "FILE no street light in Barasat")
    disk.leave(0)
    with runtime.engine.connect() as db:  # no page has room for a complaint, some have for a counter
        assert db.scalar(select(func.count()).select_from(Inbound).where(Inbound.state == "pending")) == 1

    def full(*_):
        error = __import__("sqlite3").OperationalError("database or disk is full")
        error.sqlite_errorcode = 13
        raise error

    for _ in range(7):
        worker._safely("inbound", lambda: worker.retry_inbound(runtime, {"sms": full}, utc_now()))
    assert [(i.state, i.attempts) for i in all_of(runtime, Inbound) if i.kind == "sms"] == [("pending", 0)]
    disk.clear()
    worker.retry_inbound(runtime, {"sms": take_up}, utc_now())
    assert [c.state for c in all_of(runtime, Complaint)] == ["registered"]


# ── recordings and attachments ──────────────────────────────────────────────────────────────────────────────────────


class Voice:
    name = "twilio"

    def fetch_recording(self, url):
        return sound.tone(1.0), "audio/wav"


@pytest.fixture
def no_room(monkeypatch):
    """Files can be begun, and are cut off half-way."""

    def write(self, data, *_):
        self.f.write(bytes(data)[: len(data) // 2])
        self.f.flush()
        raise FULL

    monkeypatch.setattr(LocalFileOpener, "write", write)
    return monkeypatch


def test_a_recording_that_finds_no_room_is_fetched_when_there_is_some(runtime, no_room):
    with runtime.writing() as db:
        db.execute(Recording.__table__.insert(), [{"sid": f"RE{n}", "call_sid": "CA1", "purpose": "problem", "url": f"https://api.twilio.com/RE{n}", "state": "pending",
                                                   "attempts": 0, "next_at": NOW, "created_at": NOW} for n in range(3)])  # fmt: skip
    now = NOW
    for _ in range(30):  # far more often than what is not there is asked for
        recordings.fetch_due(runtime, Voice(), now)
        now = max(r.next_at for r in all_of(runtime, Recording))
    assert {(r.state, r.path) for r in all_of(runtime, Recording)} == {("pending", None)}
    assert [path for path in (runtime.config.var / "recordings").rglob("*") if path.is_file()] == [], "nothing half-written is left"
    no_room.undo()
    recordings.fetch_due(runtime, Voice(), now)
    assert {r.state for r in all_of(runtime, Recording)} == {"stored"}
    assert {r.size for r in all_of(runtime, Recording)} == {len(sound.tone(1.0))}


def test_one_full_store_of_recordings_stops_no_other_job(runtime, no_room):
    with runtime.writing() as db:
        db.execute(Recording.__table__.insert(), [{"sid": "RE1", "call_sid": "CA1", "purpose": "problem", "url": "https://api.twilio.com/RE1", "state": "pending",
                                                   "attempts": 0, "next_at": NOW, "created_at": NOW}])  # fmt: skip
    worker.run_once(runtime, NOW, InUse(Voice(), (), {}))
    assert all_of(runtime, Recording)[0].attempts == 1


@pytest.mark.parametrize("at_file", [1, 2, 3])
def test_an_action_whose_file_finds_no_room_is_not_done(app, runtime, tmp_path, monkeypatch, at_file):
    """The second of two photos, or a thumbnail: then none of them is there, and the officer is told."""
    people.add(runtime, username="cell", name="Cell", role="cell", password=PASSWORD, must_change_password=False)
    staff = Staff(app.test_client())
    staff.signs_in("cell")
    staff.post("/console/language")  # to English
    with runtime.writing() as db:
        filed = complaints.file(db, runtime, Filing(channel="sms", language="en", phone="+919830012345"), Actor("citizen", "sms"), utc_now())
    real, written = LocalFileOpener.write, []

    def write(self, data, *rest):
        written.append(self.path)
        if len(written) >= at_file:
            raise FULL
        return real(self, data, *rest)

    monkeypatch.setattr(LocalFileOpener, "write", write)
    def note():
        return staff.post(f"/console/complaints/{filed.ack}/note", {"text": "Two photos of the pump", "files": [(io.BytesIO(photo()), f"{n}.jpg") for n in range(2)]})

    answer = note()
    assert answer.status_code == 422
    assert "no room" in answer.text
    assert "Two photos of the pump" in answer.text, "what was typed is still there"
    assert all_of(runtime, Attachment) == []
    assert [path for path in (tmp_path / "attachments").rglob("*") if path.is_file()] == []
    monkeypatch.undo()
    assert note().status_code == 302
    assert len(all_of(runtime, Attachment)) == 2
    with runtime.reading() as db:
        assert attachments.of(db, filed.id)


# ── the journal ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_store_and_journal_are_both_full_half_way(app, runtime, network, disk, monkeypatch):
    """A line that does not fit is not there at all, the lines before it are; and what fitted nowhere the carrier is asked for."""
    real, room = os.write, [3]

    def write(file, data):
        if room[0] <= 0:
            real(file, bytes(data)[: len(data) // 2])
            raise FULL
        room[0] -= 1
        return real(file, data)

    disk.leave(0)
    monkeypatch.setattr(os, "write", write)
    told, kept = [], 0
    for n in range(6):
        reply = network.text(f"+9198300100{n:02d}", "FILE no street light in Barasat")[0]
        told += acknowledgement.find_all(reply)
        kept += "We have your message" in reply
        told += files(Caller(network, f"+9198300200{n:02d}"))
    assert kept > 3, "more than the journal had room for"
    monkeypatch.undo()
    assert runtime.journal.backlog().waiting <= 3
    room_again(disk, runtime)
    assert runtime.journal.backlog() == type(runtime.journal.backlog())(0, 0), "every line there is whole"
    ask_the_carrier(app, runtime)
    filed = Counter(c.phone for c in all_of(runtime, Complaint) if c.state == "registered")
    assert filed == Counter({f"+9198300{kind}{n:02d}": 1 for kind in ("100", "200") for n in range(6)}), "each of them once"
    assert set(told) <= {c.ack for c in all_of(runtime, Complaint)}


def ask_the_carrier(app, runtime):
    from sms.routes import take_up

    with httpx.Client(transport=httpx.WSGITransport(app=app), base_url=PUBLIC_URL) as client:
        history = TwilioHistory(account_sid=ACCOUNT_SID, auth_token=AUTH_TOKEN, api_base=f"{PUBLIC_URL}/simulator/carrier", client=client)
        now = utc_now() + timedelta(minutes=6)
        reconcile.take_in(runtime, history, {kind: partial(handler, runtime) for kind, handler in take_in().items()}, now - timedelta(hours=1), now)
    worker.retry_inbound(runtime, {"sms": take_up}, utc_now())
