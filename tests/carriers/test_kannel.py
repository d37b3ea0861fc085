"""Kannel: a real one in both directions, and what stands at our door."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import select

from app import create_app
from carriers import guard, kannel
from carriers.base import Message, Permanent, Temporary, Unusable
from helpline import acknowledgement, delivery
from helpline.carriers_in_use import in_use
from models import Complaint, Inbound, Outgoing
from tests.carriers.kannel import PASSWORD, SECRET, Kannel, Phone, free_ports, until
from tests.conftest import make_config

pytestmark = [pytest.mark.xdist_group("kannel")]
CALLER = "+919830012345"


@pytest.fixture
def ports():
    return free_ports(2)


@pytest.fixture
def config(database_url, tmp_path, ports):
    helpline, sendsms = ports
    overrides = {"carriers.inbound_sms": ["kannel"], "carriers.outbound_sms": ["kannel"], "carriers.kannel.url": f"http://127.0.0.1:{sendsms}/cgi-bin/sendsms",
                 "carriers.kannel.report_url": f"http://127.0.0.1:{helpline}", "carriers.kannel.templates_required": False,
                 "sms.dlt_entity_id": "1001", "sms.dlt_header": "WBGOVT", "carriers.kannel.per_second": 100}  # fmt: skip
    return make_config(tmp_path, database_url, {"KANNEL_PASSWORD": PASSWORD, "KANNEL_SECRET": SECRET}, **overrides)


class Served:
    """The application on its port, begun and ended like a server that may be away."""

    def __init__(self, app, port):
        self.app, self.port = app, port

    def __enter__(self):
        from werkzeug.serving import make_server

        self.server = make_server("127.0.0.1", self.port, self.app, threaded=True)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def served(config, ports):
    app = create_app(config)
    yield Served(app, ports[0])
    app.extensions["runtime"].dispose()


@pytest.fixture
def gateway(tmp_path, ports):
    directory = tmp_path / "kannel"
    directory.mkdir()
    with Kannel(directory, *ports) as running:
        yield running


def outgoing(runtime):
    with runtime.reading() as db:
        return db.scalars(select(Outgoing).order_by(Outgoing.id)).all()


def sends_due(runtime):
    return delivery.send_due(runtime, in_use(runtime.config).outbound)


def test_a_real_message_both_ways_in_bengali_with_its_delivery_report(runtime, served, gateway):
    with served, Phone(gateway) as phone:
        phone.sends(CALLER, "অভিযোগ বারাসাতে রাস্তার আলো তিন দিন জ্বলে না")
        owed = until(lambda: outgoing(runtime))
        assert (owed[0].state, owed[0].language, owed[0].asked) == ("pending", "bn", True)
        sends_due(runtime)
        told = phone.reads(CALLER, "আপনার অভিযোগ নথিভুক্ত হয়েছে")
        assert told == owed[0].body, "several parts, whole again on the telephone"
        assert {sender for sender, _, _ in phone.got} == {"WBGOVT"}
        until(lambda: outgoing(runtime)[0].state == "delivered")
        assert (outgoing(runtime)[0].carrier, outgoing(runtime)[0].carrier_sid) == ("kannel", str(owed[0].id))

        with runtime.reading() as db:
            complaint = db.scalars(select(Complaint)).one()
        assert (complaint.description, complaint.phone) == ("বারাসাতে রাস্তার আলো তিন দিন জ্বলে না", CALLER)
        phone.sends(CALLER, f"STATUS {acknowledgement.display(complaint.ack)}")
        until(lambda: len(outgoing(runtime)) == 2)
        sends_due(runtime)
        assert acknowledgement.display(complaint.ack) in phone.reads(CALLER, "পর্যালোচনাধীন")
    assert "?smpp?dlt_entity_id=1001&dlt_header=WBGOVT" in (gateway.directory / "access.log").read_text(), "for the operator's SMPP parameters"


def gateway_log(gateway):
    return (gateway.directory / "smsbox.log").read_text(errors="replace") + (gateway.directory / "bearerbox.log").read_text(errors="replace")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_came_while_we_were_away_is_brought_again_and_taken_in_once(runtime, served, gateway):
    with Phone(gateway) as phone:
        phone.sends(CALLER, "FILE no street light in Barasat")
        until(lambda: "Retrying" in gateway_log(gateway) or "retry" in gateway_log(gateway).lower())
        with served:
            until(lambda: outgoing(runtime))
            sends_due(runtime)
            phone.reads(CALLER, "Your complaint is registered")
        assert [to for _, to, _ in phone.got] == [CALLER], "no word of Kannel's own faults"
    with runtime.reading() as db:
        assert len(db.scalars(select(Complaint)).all()) == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("text", ["অভিযোগ রাস্তা + সেতু ভাঙা, তমলুক & কাঁথি", "FILE road at the café is broken [1] 100% €, Barasat"])
def test_by_get_as_documented(runtime, served, tmp_path, ports, text):
    directory = tmp_path / "by_get"
    directory.mkdir()
    with served, Kannel(directory, *ports, by="get") as gateway, Phone(gateway) as phone:
        phone.sends("919830012345", text)
        until(lambda: outgoing(runtime))
    with runtime.reading() as db:
        kept = db.scalars(select(Inbound)).one()
    assert (kept.payload["Body"], kept.payload["To"], kept.from_number) == (text, "56070", CALLER)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_real_kannel_refuses(runtime, gateway, ports):
    def carrier(**values):
        given = {"url": f"http://127.0.0.1:{ports[1]}/cgi-bin/sendsms", "username": "helpline", "password": PASSWORD, "sender": "+913322145555",
                 "report_url": "http://127.0.0.1:1", "secret": SECRET} | values  # fmt: skip
        return kannel.Kannel(**given)

    with pytest.raises(Unusable) as refused:
        carrier(password="wrong").send_sms(Message(CALLER, "x", 1))
    assert refused.value.code == "Authorization failed"
    with pytest.raises(Permanent):
        carrier().send_sms(Message("", "x", 1))
    with pytest.raises(Temporary):
        carrier(url="http://127.0.0.1:1/").send_sms(Message(CALLER, "x", 1))
    assert carrier().send_sms(Message(CALLER, "নমস্কার", 7)).sid == "7"


# ── at our door ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def client(served):
    return served.app.test_client()


def bring(client, text="FILE no street light in Barasat", *, number=CALLER, sid="11-22", secret=SECRET, address="127.0.0.1"):
    return client.post(f"/sms/kannel/incoming?id={sid}&secret={secret}", data=text.encode("utf-16-be"), environ_base={"REMOTE_ADDR": address},
                       headers={"X-Kannel-From": number, "X-Kannel-To": "56070", "Content-Type": 'text/plain; charset="UTF-16BE"'})  # fmt: skip


@pytest.mark.parametrize(("door", "status"), [({}, 200), ({"secret": "wrong"}, 403), ({"secret": ""}, 403), ({"address": "203.0.113.9"}, 403), ({"sid": ""}, 403)])
def test_only_our_own_smsbox_comes_in(runtime, client, door, status):
    assert bring(client, **door).status_code == status
    assert len(outgoing(runtime)) == (1 if status == 200 else 0)


def test_brought_twice_it_is_one(runtime, client):
    for _ in range(2):
        assert (bring(client).status_code, bring(client).data) == (200, b"")
    with runtime.reading() as db:
        assert len(db.scalars(select(Complaint)).all()) == len(db.scalars(select(Outgoing)).all()) == len(db.scalars(select(Inbound)).all()) == 1


@pytest.mark.parametrize("charset", ["", "UTF-8", "nonsense"])
def test_by_get_in_utf_8(runtime, client, charset):
    fields = {"id": "1", "secret": SECRET, "from": CALLER, "to": "56070", "text": "অভিযোগ রাস্তা ভাঙা, তমলুক", "charset": charset}
    assert client.get("/sms/kannel/incoming", query_string=fields).status_code == 200
    assert outgoing(runtime)[0].language == "bn"


@pytest.mark.parametrize("sender", ["AD-WBGOVT", "56161", "1930", "anonymous", "", "+913322145555"])
def test_machines_are_kept_and_not_answered(runtime, client, sender):
    """Headers, short codes, and our own number: they would answer each other for ever."""
    assert bring(client, number=sender).status_code == 200
    assert outgoing(runtime) == []
    with runtime.reading() as db:
        assert db.scalars(select(Inbound)).one().payload["Body"].startswith("FILE")


def test_a_machine_with_a_number_is_answered_so_often_and_no_more(database_url, tmp_path):
    config = make_config(tmp_path, database_url, {"KANNEL_SECRET": SECRET}, **{"carriers.inbound_sms": ["kannel"], "sms.replies_per_hour": 3})
    app = create_app(config)
    for n in range(6):
        assert bring(app.test_client(), "I am out of office", sid=str(n)).status_code == 200
    runtime = app.extensions["runtime"]
    assert [row.template for row in outgoing(runtime)] == ["sms.confirm_filing"] * 3 + ["sms.slowed"], "and once it is said why"
    with runtime.reading() as db:
        assert len(db.scalars(select(Inbound)).all()) == 6, "kept all the same"
    runtime.dispose()


def test_who_is_in_danger_hears_so_first_in_one_registered_text(runtime, client):
    bring(client, "FILE live wire has fallen on the road in Barasat, PIN 700124")
    message = outgoing(runtime)[0]
    assert (message.template, len(outgoing(runtime))) == ("sms.danger_ask_name", 1)
    assert message.body.index("112") < message.body.index("registered")


def test_it_is_not_open_when_kannel_is_not_chosen(database_url, tmp_path):
    app = create_app(make_config(tmp_path, database_url, {"KANNEL_SECRET": SECRET}))
    assert bring(app.test_client()).status_code == 403
    app.extensions["runtime"].dispose()


@pytest.mark.parametrize(("value", "state", "code"), [("8", "sent", None), ("4", "sent", None), ("1", "delivered", None), ("2", "parked", "undelivered"), ("16", "parked", "rejected")])
def test_delivery_reports(runtime, client, value, state, code):
    bring(client)
    key = outgoing(runtime)[0].id
    mac = guard.mac(SECRET, f"kannel:{key}")
    assert client.get(f"/sms/kannel/status?outbox={key}&mac={mac}&status={value}&answer=").status_code == 204
    assert (outgoing(runtime)[0].state, outgoing(runtime)[0].error_code) == (state, code)


def test_a_report_that_nobody_signed_is_refused(runtime, client):
    bring(client)
    key = outgoing(runtime)[0].id
    other = guard.mac(SECRET, "kannel:12")
    for mac in ("", "x", other):
        assert client.get(f"/sms/kannel/status?outbox={key}&mac={mac}&status=1").status_code == 403
    assert outgoing(runtime)[0].state == "pending"


def test_why_the_operator_refused_is_kept(runtime, client):
    bring(client)
    key = outgoing(runtime)[0].id
    mac = guard.mac(SECRET, f"kannel:{key}")
    client.get(f"/sms/kannel/status?outbox={key}&mac={mac}&status=16&answer=NACK%2F11%2FInvalid%20Destination%20Address")
    assert outgoing(runtime)[0].error_code == "smpp-11"
