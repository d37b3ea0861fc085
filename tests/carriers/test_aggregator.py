"""An aggregator over signed HTTP: the worked example of docs/carriers.md, and what must not come in."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

import pytest
import yaml
from sqlalchemy import select

from app import create_app
from carriers.aggregator import sign
from carriers.base import Accepted, Message, Permanent, Stopped, Temporary, Unknown, Unusable
from helpline import complaints, delivery
from helpline.carriers_in_use import in_use
from helpline.complaints import Actor, Filing
from models import Complaint, Inbound, Outgoing, Phone
from tests.carriers.edge import Edge
from tests.conftest import make_config

SECRET, NEXT = "a-shared-secret", "the-secret-to-come"
PAGE = (Path(__file__).parent.parent.parent / "docs" / "carriers.md").read_text(encoding="utf-8")
OVERRIDES = {"carriers.inbound_sms": ["aggregator"], "carriers.outbound_sms": ["aggregator"], "carriers.aggregator.templates_required": False,
             "sms.dlt_entity_id": "1001", "sms.dlt_header": "WBGOVT"}  # fmt: skip


def block(kind):
    return re.search(rf"```{kind}\n(.*?)```", PAGE, re.S)[1]


@pytest.fixture
def make_app(database_url, tmp_path):
    made = []

    def make(**overrides):
        app = create_app(make_config(tmp_path, database_url, {"AGGREGATOR_SECRET": SECRET, "AGGREGATOR_SECRET_NEXT": NEXT}, **OVERRIDES | overrides))
        made.append(app)
        return app

    yield make
    for app in made:
        app.extensions["runtime"].dispose()


@pytest.fixture
def app(make_app):
    return make_app()


@pytest.fixture
def runtime(app):
    return app.extensions["runtime"]


def all_of(app, table):
    with app.extensions["runtime"].reading() as db:
        return db.scalars(select(table).order_by(table.id)).all()


def post(app, fields, *, to="incoming", secret=SECRET, stamp=None, form=False, signature=None):
    body = urlencode(fields).encode() if form else fields if isinstance(fields, bytes) else json.dumps(fields).encode()
    stamp = str(int(time.time())) if stamp is None else stamp
    headers = {"X-Timestamp": stamp, "X-Signature": sign(secret, stamp, body) if signature is None else signature,
               "Content-Type": "application/x-www-form-urlencoded" if form else "application/json"}  # fmt: skip
    return app.test_client().post(f"/sms/aggregator/{to}", data=body, headers=headers)


FIELDS = {"id": "m-1", "from": "+919830012345", "to": "56070", "text": "FILE no street light in Barasat"}


# ── in ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_documented_example_is_run(app):
    from werkzeug.serving import make_server

    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        environ = os.environ | {"SECRET": SECRET, "HELPLINE": f"http://127.0.0.1:{server.server_port}"}
        ran = subprocess.run([sys.executable, "-c", block("python")], env=environ, capture_output=True, text=True, check=False, timeout=60)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert (ran.stdout, ran.stderr) == ("200\n", "")
    complaint, owed = all_of(app, Complaint)[0], all_of(app, Outgoing)[0]
    assert (complaint.phone, complaint.pincode, complaint.language) == ("+919830012345", "713101", "bn")
    assert (owed.state, owed.language) == ("pending", "bn")


@pytest.mark.parametrize("form", [False, True])
def test_json_and_form(app, form):
    assert (post(app, FIELDS, form=form).status_code, len(all_of(app, Complaint))) == (200, 1)


def test_brought_again_in_any_way_it_is_acted_on_once(app):
    first = str(int(time.time()) - 60)
    for stamp in (first, first, None):
        assert post(app, FIELDS, stamp=stamp).status_code == 200
    assert len(all_of(app, Inbound)) == len(all_of(app, Complaint)) == len(all_of(app, Outgoing)) == 1


@pytest.mark.parametrize(
    "given",
    [{"signature": ""}, {"signature": "0" * 64}, {"secret": "another"}, {"secret": ""}, {"stamp": ""}, {"stamp": "²"}, {"stamp": "soon"},
     {"stamp": str(int(time.time()) - 3600)}, {"stamp": str(int(time.time()) + 3600)}, {"stamp": "9" * 400}],
)  # fmt: skip
def test_what_is_not_signed_just_now_is_refused(app, given):
    assert post(app, FIELDS, **given).status_code == 403
    assert all_of(app, Inbound) == []


def test_a_body_that_was_changed_is_refused(app):
    stamp = str(int(time.time()))
    signature = sign(SECRET, stamp, json.dumps(FIELDS).encode())
    assert post(app, FIELDS | {"text": "STOP"}, stamp=stamp, signature=signature).status_code == 403


def test_two_secrets_are_valid_while_one_is_changed(app):
    assert post(app, FIELDS, secret=NEXT).status_code == 200


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"null", b'"x"', b"[" * 5000, b'{"id": {"a": 1}}', json.dumps(FIELDS | {"id": ""}).encode()])
def test_what_cannot_be_read_or_told_apart_is_refused(app, body):
    assert post(app, body).status_code == 403


def test_without_a_secret_nobody_comes_in(database_url, tmp_path):
    app = create_app(make_config(tmp_path, database_url, **OVERRIDES))
    assert post(app, FIELDS, secret="").status_code == 403
    assert "AGGREGATOR_SECRET: set in the environment" in app.test_cli_runner().invoke(args=["check"]).output
    app.extensions["runtime"].dispose()


# ── out, and what is reported ───────────────────────────────────────────────────────────────────────────────────────


def owe(app, now, language="bn"):
    runtime = app.extensions["runtime"]
    with runtime.writing() as db:
        return complaints.file(db, runtime, Filing(channel="voice", language=language, phone="+919830012345"), Actor("citizen", "voice"), now).outgoing_id


def send_due(app, now):
    runtime = app.extensions["runtime"]
    return delivery.send_due(runtime, in_use(runtime.config).outbound, lambda: now)


@pytest.mark.parametrize("kind", ["json", "form"])
def test_sent_signed_and_reported(make_app, now, kind):
    with Edge((200, json.dumps({"id": "agg-7", "status": "ACCEPTED"}), "application/json")) as edge:
        app = make_app(**{"carriers.aggregator.url": edge.url, "carriers.aggregator.format": kind})
        key = owe(app, now)
        send_due(app, now)
    got = edge.got[0]
    assert got.headers["X-Signature"] == sign(SECRET, got.headers["X-Timestamp"], got.body)
    fields = json.loads(got.body) if kind == "json" else dict(parse_qsl(got.body.decode()))
    row = all_of(app, Outgoing)[0]
    assert fields == {"to": "+919830012345", "text": row.body, "sender": "WBGOVT", "reference": str(key), "entity_id": "1001", "encoding": "unicode"}
    assert (row.state, row.carrier_sid) == ("sent", "agg-7")
    for status in ("ENROUTE", "DELIVRD", "SENT"):
        assert post(app, {"id": "agg-7", "status": status}, to="status").status_code == 204
    row = all_of(app, Outgoing)[0]
    assert (row.state, row.carrier_status) == ("delivered", "delivrd")


def test_a_report_that_comes_before_our_own_record_finds_it_by_its_reference(app, now):
    key = owe(app, now)
    assert post(app, {"id": "agg-9", "reference": str(key), "status": "UNDELIV", "code": "001"}, to="status").status_code == 204
    row = all_of(app, Outgoing)[0]
    assert (row.state, row.error_code) == ("parked", "001")


@pytest.mark.parametrize("fields", [{}, {"id": "x"}, {"id": "x", "status": "???"}, {"status": "DELIVRD"}, {"id": "x" * 500, "status": "DELIVRD", "reference": "²"}])
def test_strange_reports_harm_nothing(app, fields):
    assert post(app, fields, to="status").status_code == 204


def test_a_report_that_nobody_signed_is_refused(app):
    assert post(app, {"id": "x", "status": "DELIVRD"}, to="status", secret="another").status_code == 403


@pytest.fixture
def documented(make_app):
    """The application with the documented settings of an aggregator that names things otherwise."""

    def make(url):
        settings = yaml.safe_load(block("yaml"))["carriers"]["aggregator"] | {"url": url}
        return make_app(**{f"carriers.aggregator.{name}": value for name, value in settings.items()})

    return make


def carrier(app):
    return in_use(app.extensions["runtime"].config).outbound[0]


def test_the_documented_dialect(documented):
    with Edge((200, json.dumps({"result": "OK", "data": [{"message_id": 55}]}), "application/json")) as edge:
        sent = carrier(documented(edge.url)).send_sms(Message("+919830012345", "…", 7, "1107…", "1001…", "WBGOVT"))
    assert sent == Accepted("55", "ok")
    expected = json.loads(block("json")) | {"client_ref": "7"}
    assert json.loads(edge.got[0].body) == expected
    assert "X-Hub-Signature" in edge.got[0].headers


@pytest.mark.parametrize(
    ("answer", "raised"),
    [((200, '{"result": "ERROR", "error": {"code": "E101"}}'), Unusable), ((400, '{"error": {"code": "E205"}}'), Permanent),
     ((200, '{"error": {"code": "E210"}}'), Stopped), ((200, '{"error": {"code": "E429"}}'), Temporary), ((400, '{"error": {"code": "E999"}}'), Permanent),
     ((401, ""), Unusable), ((403, "<html>"), Unusable), ((429, ""), Temporary), ((503, ""), Temporary), ((500, ""), Unknown), ((200, ""), Unknown),
     ((200, "<html>", "text/html"), Unknown), ((200, "[]"), Unknown)],
)  # fmt: skip
def test_what_it_may_answer(documented, answer, raised):
    with Edge((*answer, "application/json")[:3]) as edge, pytest.raises(raised):
        carrier(documented(edge.url)).send_sms(Message("+919830012345", "…", 7))


def test_an_opt_out_it_tells_is_remembered(documented, now):
    with Edge((200, '{"error": {"code": "E210"}}', "application/json")) as edge:
        app = documented(edge.url)
        owe(app, now)
        send_due(app, now)
    assert all_of(app, Outgoing)[0].error_code == "E210"
    with app.extensions["runtime"].reading() as db:
        assert db.get(Phone, "+919830012345").sms_stopped_at == now
