"""Processes killed with SIGKILL at random moments under load: nothing given out is lost, nothing is there twice."""

from __future__ import annotations

import json
import os
import random
import re
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from sqlalchemy import func, select

from carriers.twilio import Twilio
from helpline import acknowledgement, complaints, delivery
from helpline.complaints import Actor, Filing
from helpline.runtime import utc_now
from models import Complaint, Event, Outgoing
from simulator.network import sign
from tests.conftest import ACCOUNT_SID, AUTH_TOKEN

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("killed")]
BIN = Path(sys.executable).parent


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def environ(database_url, tmp_path, port, **more):
    return {**os.environ, "DATABASE_URL": database_url, "HELPLINE_VAR": str(tmp_path), "PORT": str(port), "PUBLIC_URL": f"http://127.0.0.1:{port}",
            "TWILIO_ACCOUNT_SID": ACCOUNT_SID, "TWILIO_AUTH_TOKEN": AUTH_TOKEN, "HELPLINE_SMS__REPLIES_PER_HOUR": "100000", **more}  # fmt: skip


def begin(command, env):
    return subprocess.Popen(command, env=env, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def kill(process):
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


class Texter(threading.Thread):
    """Files by SMS without pause; a request that failed is sent again under the same id, as a carrier may."""

    def __init__(self, port, stop, given):
        super().__init__(daemon=True)
        self.port, self.stop, self.given = port, stop, given

    def run(self):
        with httpx.Client(timeout=5) as client:
            while not self.stop.is_set():
                sid, sender = "SM" + secrets.token_hex(16), f"+9198300{random.randint(10000, 99999)}"
                fields = {"MessageSid": sid, "From": sender, "To": "+913322145555", "Body": "FILE no street light in Barasat"}
                for _ in range(40):
                    try:
                        url = f"http://127.0.0.1:{self.port}/sms/incoming"
                        answer = client.post(url, content=urlencode(fields), headers={
                            "X-Twilio-Signature": sign(url, fields, AUTH_TOKEN), "Content-Type": "application/x-www-form-urlencoded"})  # fmt: skip
                    except httpx.HTTPError:
                        time.sleep(0.1)
                        continue
                    found = acknowledgement.find_all(re.sub("<[^>]*>", " ", answer.text)) if answer.status_code == 200 else []
                    if found:
                        self.given.append((sid, found[0]))
                        break
                    time.sleep(0.1)


def test_the_web_process_killed_under_load(runtime, database_url, tmp_path):
    port = free_port()
    env = environ(database_url, tmp_path, port)
    command = [str(BIN / "gunicorn"), "app:web()", "-b", f"127.0.0.1:{port}", "-w", "2", "--log-level", "error"]
    stop, given = threading.Event(), []
    texters = [Texter(port, stop, given) for _ in range(4)]
    web = begin(command, env)
    for texter in texters:
        texter.start()
    deadline = time.monotonic() + 120  # a busy machine starts the web process slowly
    for round_ in range(4):
        wanted = len(given) + 15
        while len(given) < wanted and time.monotonic() < deadline + round_ * 10:
            time.sleep(0.05)
        time.sleep(random.random() / 4)
        kill(web)
        web = begin(command, env)
    wanted = len(given) + 5
    while len(given) < wanted and time.monotonic() < deadline + 60:
        time.sleep(0.05)
    stop.set()
    for texter in texters:
        texter.join(timeout=20)
    kill(web)
    assert len(given) >= 60
    with runtime.reading() as db:
        rows = db.execute(select(Complaint.ack, Complaint.source_key, Complaint.id)).all()
        by_source = {row.source_key: row.ack for row in rows}
        assert len(by_source) == len(rows), "no complaint is there twice"
        assert all(by_source[f"sms:{sid}"] == ack for sid, ack in given), "every number given out exists"
        events = dict(db.execute(select(Event.complaint_id, func.count()).where(Event.action == "register").group_by(Event.complaint_id)).all())
        owed = dict(db.execute(select(Outgoing.complaint_id, func.count()).group_by(Outgoing.complaint_id)).all())
        assert all(events[row.id] == 1 and owed[row.id] == 1 for row in rows), "each has its event and its message, once"


class FakeCarrier(BaseHTTPRequestHandler):
    """A Twilio-compatible server that keeps what it was given."""

    def log_message(self, *_args):
        pass

    def do_POST(self):
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        message = {"sid": "SM" + secrets.token_hex(16), "to": form["To"][0], "from": form["From"][0], "body": form["Body"][0], "status": "queued",
                   "date_created": time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime()), "account_sid": ACCOUNT_SID}  # fmt: skip
        self.server.got.append(message)
        time.sleep(random.random() / 20)
        self._answer(message, 201)

    def do_GET(self):
        to = parse_qs(urlsplit(self.path).query).get("To", [""])[0]
        self._answer({"messages": [m for m in self.server.got if m["to"] == to], "page": 0, "page_size": 50, "next_page_uri": None}, 200)

    def _answer(self, data, status):
        body = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def test_the_worker_killed_while_it_sends(runtime, database_url, tmp_path):
    server = ThreadingHTTPServer(("127.0.0.1", 0), FakeCarrier)
    server.got = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_port}"
    now = utc_now()
    with runtime.writing() as db:
        for n in range(120):
            complaints.file(db, runtime, Filing(channel="sms", language="en", phone=f"+9198300{10000 + n}"), Actor("citizen", "sms"), now)
    env = environ(database_url, tmp_path, free_port(), HELPLINE_CARRIERS__OUTBOUND_SMS="twilio", HELPLINE_CARRIERS__TWILIO__API_BASE=base,
                  HELPLINE_WORKER__POLL_SECONDS="0.2", HELPLINE_CARRIERS__TWILIO__PER_SECOND="200", HELPLINE_TRANSLATION__ENABLED="false")  # fmt: skip
    command = [str(BIN / "flask"), "--app", "app", "worker"]
    for target in (10, 35, 60):
        process = begin(command, env)
        deadline = time.monotonic() + 25
        while len(server.got) < target and time.monotonic() < deadline:
            time.sleep(0.01)
        kill(process)
    assert len(server.got) >= 60
    carrier = Twilio(account_sid=ACCOUNT_SID, auth_token=AUTH_TOKEN, sender="+913322145555", status_callback=base, api_base=base)
    later = utc_now() + timedelta(hours=1)
    delivery.settle_unknown(runtime, {"twilio": carrier}, later)
    while delivery.send_due(runtime, [carrier], lambda: later):
        pass
    server.shutdown()
    server.server_close()
    with runtime.reading() as db:
        assert set(db.scalars(select(Outgoing.state))) == {"sent"}
    bodies = [message["body"] for message in server.got]
    assert len(bodies) == len(set(bodies)) == 120, "every message arrived, and none twice"
