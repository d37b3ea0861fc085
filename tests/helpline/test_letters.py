"""Emails, to a real SMTP server on this machine."""

from __future__ import annotations

import email
import email.policy
import socketserver
import threading
from datetime import timedelta

import pytest
from sqlalchemy import select

from helpline import complaints, letters
from helpline.complaints import Actor, Filing
from helpline.runtime import build_runtime
from models import Outgoing, Try
from tests.conftest import make_config


class Session(socketserver.StreamRequestHandler):
    """One SMTP session, as RFC 5321 has it."""

    def handle(self):
        self.say("220 test")
        for line in self.rfile:
            verb = line.split()[0].upper() if line.split() else b""
            if verb == b"DATA":
                self.say("354 go on")
                self.server.got.append(self.body())
                self.say("250 taken")
            elif verb == b"RCPT" and self.server.refuses:
                self.say(self.server.refuses)
            elif verb == b"QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 ok")

    def say(self, text):
        self.wfile.write(f"{text}\r\n".encode())

    def body(self):
        lines = []
        for line in self.rfile:
            if line == b".\r\n":
                break
            lines.append(line[1:] if line.startswith(b"..") else line)
        return email.message_from_bytes(b"".join(lines), policy=email.policy.default)


@pytest.fixture
def server():
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session) as running:
        running.daemon_threads = True
        running.got, running.refuses = [], ""
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def runtime(tmp_path, database_url, server):
    smtp = {
        "smtp.host": "127.0.0.1",
        "smtp.port": server.server_address[1],
        "smtp.security": "none",
        "smtp.sender": "helpline@wb.example",
    }
    built = build_runtime(make_config(tmp_path, database_url, **smtp))
    yield built
    built.dispose()


def files(runtime, now, address="mina@example.org", phone="+919830012345"):
    with runtime.writing() as db:
        return complaints.file(
            db,
            runtime,
            Filing(channel="agent", language="bn", phone=phone, email=address, description="জল নেই"),
            Actor("agent", "agent"),
            now,
        )


def rows(runtime):
    with runtime.reading() as db:
        return {row.kind: row for row in db.scalars(select(Outgoing))}


def test_beside_the_sms_an_email_with_the_same_words_and_no_link(runtime, server, now):
    files(runtime, now)
    assert letters.send_due(runtime, lambda: now) == 1
    sent = server.got[0]
    text = sent.get_content()
    assert (sent["To"], sent["From"], sent["Auto-Submitted"]) == (
        "mina@example.org",
        "helpline@wb.example",
        "auto-generated",
    )
    assert "অভিযোগ" in sent["Subject"]
    assert "আপনার অভিযোগ নথিভুক্ত হয়েছে" in text
    assert f"#{rows(runtime)['email'].check_code}" in text
    assert "http" not in text
    assert (rows(runtime)["email"].state, rows(runtime)["sms"].state) == ("sent", "pending")
    assert letters.send_due(runtime, lambda: now) == 0
    with runtime.reading() as db:
        assert [(t.kind, t.outcome) for t in db.scalars(select(Try))] == [("email", "sent")]


def test_who_gave_no_number_is_told_by_email_alone(runtime, server, now):
    files(runtime, now, phone=None)
    assert set(rows(runtime)) == {"email"}
    assert letters.send_due(runtime, lambda: now) == 1


@pytest.mark.parametrize(
    ("refuses", "state", "code"), [("550 no such mailbox", "parked", "550"), ("451 later", "pending", "451")]
)
def test_refused_for_good_and_for_now(runtime, server, now, refuses, state, code):
    server.refuses = refuses
    files(runtime, now)
    letters.send_due(runtime, lambda: now)
    assert (rows(runtime)["email"].state, rows(runtime)["email"].error_code) == (state, code)


def test_a_worker_that_ended_half_way_sends_the_same_letter(runtime, server, now):
    files(runtime, now)
    letters._claim(runtime, now)
    assert letters.send_due(runtime, lambda: now) == 0
    later = now + timedelta(minutes=5)
    letters.send_due(runtime, lambda: later)
    assert server.got[0]["Message-ID"].startswith(f"<{rows(runtime)['email'].id}@")


@pytest.mark.parametrize(
    "text",
    [
        "mina@example.org\nBcc: all@example.org",
        "mina@example.org, x@y.in",
        "mina",
        "a@b",
        "x" * 120 + "@example.org",
        "a..b@example.org",
        "",
    ],
)
def test_what_is_no_address_gets_no_letter(runtime, server, now, text):
    assert letters.address(text) is None
    files(runtime, now, address=text or None)
    letters.send_due(runtime, lambda: now)
    assert server.got == []
    assert not text or rows(runtime)["email"].state == "parked"


def test_without_a_server_nothing_is_owed(tmp_path, sqlite_url, now):
    runtime = build_runtime(make_config(tmp_path, sqlite_url))
    files(runtime, now)
    assert set(rows(runtime)) == {"sms"}
    runtime.dispose()
