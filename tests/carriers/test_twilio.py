"""Twilio at its HTTP edge, through its own SDK: what we send, and what each of its answers means."""

from __future__ import annotations

import contextlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest
from sqlalchemy import select

from app import create_app
from carriers.base import Absent, Accepted, Message, Permanent, Stopped, Temporary, Unknown, Unusable
from carriers.twilio import CODES, Twilio
from helpline import complaints, delivery
from helpline.carriers_in_use import in_use
from helpline.complaints import Actor, Filing
from models import Outgoing, Phone
from simulator.driver import Caller
from tests.carriers.edge import Edge
from tests.conftest import ACCOUNT_SID, AUTH_TOKEN, make_config

NUMBER = "+919830012345"
TAKEN = (201, json.dumps({"sid": "SM1", "status": "queued"}), "application/json")


def refused(code, status=400):
    return status, json.dumps({"code": code, "message": "no", "status": status}), "application/json"


def send(edge, **values):
    carrier = Twilio(account_sid=ACCOUNT_SID, auth_token=AUTH_TOKEN, sender="+913322145555", status_callback="https://h.example/sms/status",
                     api_base=edge if isinstance(edge, str) else edge.url.removesuffix("/send"), timeout=0.4)  # fmt: skip
    return carrier.send_sms(Message(**({"to": NUMBER, "text": "নমস্কার", "reference": 7} | values)))


def test_what_it_is_sent():
    with Edge(TAKEN) as edge:
        assert send(edge, header="WBGOVT") == Accepted("SM1", "queued")
    form = {name: values[0] for name, values in parse_qs(edge.got[0].body.decode()).items()}
    assert form == {"To": NUMBER, "From": "WBGOVT", "Body": "নমস্কার", "StatusCallback": "https://h.example/sms/status?outbox=7"}


@pytest.mark.parametrize(
    ("answer", "raised"),
    [(refused(21211), Permanent), (refused(21614), Permanent), (refused(21408), Permanent), (refused(21610), Stopped), (refused(20003, 401), Unusable),
     (refused(21606), Unusable), (refused(99999, 403), Unusable), (refused(99999), Permanent), (refused(20429, 429), Temporary), (refused(30001), Temporary),
     (refused(20500, 500), Unknown), ((502, "<html>"), Unknown), ("silence", Unknown)],
)  # fmt: skip
def test_what_its_answers_mean(answer, raised):
    with Edge(answer) as edge, pytest.raises(raised) as caught:
        send(edge)
    assert type(caught.value) is raised


def test_it_cannot_be_reached():
    with pytest.raises(Temporary):
        send("http://127.0.0.1:1")


def test_a_status_never_moves_backwards():
    ranks = [CODES.statuses[word].rank for word in ("accepted", "queued", "sending", "sent", "undelivered", "delivered", "read")]
    assert ranks == sorted(ranks)


# ── opting out ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def edge():
    with Edge(refused(21610)) as running:
        yield running


@pytest.fixture
def app(database_url, tmp_path, edge):
    built = create_app(make_config(tmp_path, database_url, **{"carriers.outbound_sms": ["twilio"], "carriers.twilio.api_base": edge.url.removesuffix("/send")}))
    yield built
    built.extensions["runtime"].dispose()


@pytest.fixture
def runtime(app):
    return app.extensions["runtime"]


def messages(runtime):
    with runtime.reading() as db:
        return {row.template: (row.state, row.error_code) for row in db.scalars(select(Outgoing).order_by(Outgoing.id))}


def changes(runtime, complaint_id, action, now):
    with runtime.writing() as db:
        complaints.act(db, runtime, complaint_id, action, Actor("cell", "agent"), now)


def test_who_opted_out_at_the_carrier_is_left_in_peace_until_they_ask(app, runtime, network, edge, now):
    with runtime.writing() as db:
        filed = complaints.file(db, runtime, Filing(channel="voice", language="en", phone=NUMBER), Actor("citizen", "voice"), now)
    due = in_use(runtime.config).outbound
    delivery.send_due(runtime, due, lambda: now)
    assert messages(runtime) == {"notify.registered": ("parked", "21610")}
    with runtime.reading() as db:
        assert db.get(Phone, NUMBER).sms_stopped_at == now

    changes(runtime, filed.id, "review", now)
    delivery.send_due(runtime, due, lambda: now)
    assert messages(runtime)["notify.under_review"] == ("suppressed", "stopped")
    assert len(edge.got) == 1, "the carrier is not asked again"

    caller = Caller(network, NUMBER)
    assert "under review" in caller.texts("STATUS").reads, "what is asked for just now is answered"
    assert "on again" in caller.texts("START").reads
    with runtime.reading() as db:
        assert db.get(Phone, NUMBER).sms_stopped_at is None


def test_an_opt_out_that_a_report_tells(runtime, network):
    number = "+919999921610"  # the simulated network reports 21610 for it
    Caller(network, number).texts("FILE no street light in Barasat")
    assert list(messages(runtime).values()) == [("parked", "21610")]
    with runtime.reading() as db:
        assert db.get(Phone, number).sms_stopped_at is not None


def test_stopped_by_sms_the_next_question_is_answered(app, runtime, network):
    caller = Caller(network, NUMBER)
    caller.texts("FILE no street light in Barasat")
    assert "no more messages" in caller.texts("STOP").reads
    assert "under review" in caller.texts("STATUS").reads


# ── machines ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("sender", ["AD-WBGOVT", "56161", "1930", "Restricted", "+266696687", "+913322145555"])
def test_headers_and_short_codes_and_ourselves_are_not_answered(app, network, sender):
    assert Caller(network, sender).texts("FILE no street light in Barasat").replies == []


def test_two_machines_do_not_answer_each_other_for_ever(app, runtime, network):
    machine, answers = Caller(network, NUMBER), 0
    text = "Hello, this is an automatic reply"
    for _ in range(runtime.config.sms.replies_per_hour + 20):
        text = machine.texts(text).reads
        answers += bool(text)
    assert answers == runtime.config.fairness.messages_per_hour + 1, "and once it is said that answers come together"


# ── pictures ────────────────────────────────────────────────────────────────────────────────────────────────────────


class Files:
    """A server that has pictures: path → (status, content, headers); keeps the paths asked for and the credentials."""

    def __init__(self, files):
        self.files, self.asked = files, []

    def __enter__(self):
        files = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                files.asked.append((self.path, self.headers.get("Authorization")))
                status, content, headers = files.files.get(self.path, (404, b"", {}))
                self.send_response(status)
                for name, value in {"Content-Length": str(len(content)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                with contextlib.suppress(OSError):  # nobody listens to the end of what is too large
                    self.wfile.write(content)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    @property
    def api(self):
        return f"http://127.0.0.1:{self.server.server_port}/api"


def fetch(files, path, most=1000):
    carrier = Twilio(account_sid=ACCOUNT_SID, auth_token=AUTH_TOKEN, sender="+913322145555", status_callback="", api_base=files.api, timeout=2)
    return carrier.fetch_media(f"{files.api}{path}", most)


def test_a_picture_is_fetched_with_our_credentials_and_from_where_it_was_moved_to():
    with Files({"/api/a": (302, b"", {"Location": "/api/b"}), "/api/b": (200, b"picture", {})}) as files:
        assert fetch(files, "/a") == b"picture"
    assert all(credentials and credentials.startswith("Basic") for _, credentials in files.asked)


@pytest.mark.parametrize("location", ["http://evil.example/x", "https://127.0.0.2/x", "file:///etc/passwd", "/outside"])
def test_it_is_not_followed_to_anywhere_else(location):
    with Files({"/api/a": (302, b"", {"Location": location}), "/outside": (200, b"x", {})}) as files, pytest.raises(Permanent):
        fetch(files, "/a")
    assert len(files.asked) == 1


def test_it_goes_round_in_circles():
    with Files({"/api/a": (302, b"", {"Location": "/api/a"})}) as files, pytest.raises(Permanent):
        fetch(files, "/a")


@pytest.mark.parametrize(
    ("answer", "raised"),
    [((404, b"", {}), Absent), ((410, b"", {}), Permanent), ((401, b"", {}), Permanent), ((503, b"", {}), Temporary), ((429, b"", {"Retry-After": "40"}), Temporary), ((200, b"x" * 1001, {}), Permanent)],
)
def test_what_the_answers_for_a_picture_mean(answer, raised):
    with Files({"/api/a": answer}) as files, pytest.raises(raised) as caught:
        fetch(files, "/a")
    assert type(caught.value) is raised


def test_a_server_that_is_away_is_asked_later():
    with Files({}) as files:
        pass
    with pytest.raises(Temporary):
        fetch(files, "/a")
