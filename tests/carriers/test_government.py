"""The government's own rails: Mobile Seva's pull service in, C-DAC's push service out, in their published forms."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from urllib.parse import parse_qsl

import pytest
from sqlalchemy import select

from app import create_app
from carriers import cdac, mobile_seva
from carriers.base import Accepted, Message, Permanent, Temporary, Unknown, Unusable
from helpline import complaints, delivery
from helpline.carriers_in_use import in_use
from helpline.complaints import Actor, Filing
from models import Complaint, Inbound, Outgoing
from tests.carriers.edge import Edge
from tests.conftest import make_config

GATEWAY = "203.0.113.7"


# ── Mobile Seva ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def app(database_url, tmp_path):
    overrides = {"carriers.inbound_sms": ["mobile_seva", "twilio"], "carriers.mobile_seva.allow": ["203.0.113.0/28"], "carriers.mobile_seva.keywords": ["WB", "WB CMO"]}
    built = create_app(make_config(tmp_path, database_url, **overrides))
    yield built
    built.extensions["runtime"].dispose()


@pytest.fixture
def runtime(app):
    return app.extensions["runtime"]


def pull(app, message="WB FILE no street light in Barasat", *, number="9830012345", time="2026-11-24 13:30:20", address=GATEWAY, method="GET"):
    fields = {"mobileNumber": number, "timeStamp": time, "operatorName": "", "areaCode": "", "message": message}
    given = {"query_string": fields} if method == "GET" else {"data": fields}
    return app.test_client().open("/sms/mobile-seva/incoming", method=method, environ_base={"REMOTE_ADDR": address}, **given)


def all_of(runtime, table):
    with runtime.reading() as db:
        return db.scalars(select(table).order_by(table.id)).all()


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_message_of_the_pull_service(app, runtime, method):
    answer = pull(app, method=method)
    assert (answer.status_code, answer.data) == (200, b"")
    complaint, owed, kept = all_of(runtime, Complaint)[0], all_of(runtime, Outgoing)[0], all_of(runtime, Inbound)[0]
    assert (complaint.phone, complaint.description) == ("+919830012345", "no street light in Barasat")
    assert (owed.state, owed.to_number) == ("pending", "+919830012345"), "the answer is owed: this carrier takes none"
    assert kept.payload["SentAt"] == "2026-11-24T08:00:20+00:00", "its time is Indian time, though it does not say so"


def test_repeats_are_told_by_number_time_and_text(app, runtime):
    for time in ("2026-11-24 13:30:20", "2026-11-24 13:30:20", "2026-11-24 13:30:20.0", "2026-11-24 13:31:00"):
        assert pull(app, time=time).status_code == 200
    pull(app, number="919830012345")
    pull(app, "WB STATUS")
    assert len(all_of(runtime, Inbound)) == 3
    assert len(all_of(runtime, Complaint)) == 2


@pytest.mark.parametrize("address", ["127.0.0.1", "203.0.113.16", "198.51.100.1", "::1", ""])
def test_only_listed_addresses_come_in(app, runtime, address):
    assert pull(app, address=address).status_code == 403
    assert all_of(runtime, Inbound) == []


def test_a_listed_address_in_its_longer_form(app):
    assert pull(app, address=f"::ffff:{GATEWAY}").status_code == 200


def test_nobody_comes_in_where_nobody_is_listed(database_url, tmp_path):
    app = create_app(make_config(tmp_path, database_url, **{"carriers.inbound_sms": ["mobile_seva"]}))
    assert pull(app).status_code == 403
    assert app.test_cli_runner().invoke(args=["check"]).output.count("carriers.mobile_seva.allow: empty") == 1
    app.extensions["runtime"].dispose()


@pytest.mark.parametrize(
    ("text", "left"),
    [("WB STATUS 261", "STATUS 261"), ("wb  cmo status 261", "status 261"), ("WB", ""), ("WB: STATUS", "STATUS"), ("STATUS 261", "STATUS 261"),
     ("WBSEDCL does not answer", "WBSEDCL does not answer"), ("WB অভিযোগ রাস্তা", "অভিযোগ রাস্তা"), ("", "")],
)  # fmt: skip
def test_the_states_keyword(text, left):
    assert mobile_seva.without_keyword(text, ("WB", "WB CMO")) == left


@pytest.mark.parametrize(("number", "time"), [("9830012345", ""), ("9830012345", "yesterday"), ("12", "2026-11-24 13:30:20"), ("৯৮৩০০১২৩৪৫", "2026-11-24 13:30:20")])
def test_strange_fields_are_kept(app, runtime, number, time):
    assert pull(app, number=number, time=time).status_code == 200
    assert len(all_of(runtime, Inbound)) == 1


def test_without_a_number_it_is_refused(app):
    assert pull(app, number="").status_code == 403


# ── C-DAC ───────────────────────────────────────────────────────────────────────────────────────────────────────────

ACCOUNT = {"username": "wbcmo", "password": "a password", "secure_key": "a-secure-key"}
BENGALI = "অভিযোগ নথিভুক্ত হয়েছে। নম্বর 261"


def push_service(got):
    """As published: checks the hashes, answers `402,MsgID = …`, or the code of what is wrong."""
    form = dict(parse_qsl(got.body.decode(), keep_blank_values=True))
    assert set(form) == {"username", "password", "senderid", "content", "smsservicetype", "mobileno", "key", "templateid"}
    if (form["username"], form["password"]) != (ACCOUNT["username"], hashlib.sha1(ACCOUNT["password"].encode()).hexdigest()):
        return 200, "401,Invalid username or password"
    content = form["username"] + form["senderid"] + form["content"] + ACCOUNT["secure_key"]
    if form["key"] != hashlib.sha512(content.encode()).hexdigest():
        return 200, "416,Hash doesn't match"
    if not re.fullmatch(r"[6-9]\d{9}", form["mobileno"]):
        return 200, "406,Invalid number"
    return 200, "402,MsgID = 241120261466003974245msdgsms"


def message(text="Complaint 261 is registered.", **values):
    return Message(**({"to": "+919830012345", "text": text, "reference": 77, "template_id": "1107160000000000001", "header": "WBGOVT"} | values))


@pytest.fixture
def service():
    with Edge(push_service) as edge:
        yield edge


def send(edge, what=None, **account):
    return cdac.Cdac(url=edge.url, timeout=0.4, **(ACCOUNT | account)).send_sms(what or message())


def form_of(edge):
    return dict(parse_qsl(edge.got[-1].body.decode(), keep_blank_values=True))


def test_an_english_message(service):
    assert send(service) == Accepted("241120261466003974245msdgsms", "accepted")
    form = form_of(service)
    assert (form["smsservicetype"], form["content"], form["mobileno"]) == ("singlemsg", "Complaint 261 is registered.", "9830012345")
    assert (form["senderid"], form["templateid"]) == ("WBGOVT", "1107160000000000001")


def test_a_bengali_message_goes_as_decimal_entities(service):
    send(service, message(BENGALI))
    form = form_of(service)
    assert form["smsservicetype"] == "unicodemsg"
    assert form["content"].startswith("&#2437;&#2477;&#2495;"), "অভি"
    assert "".join(chr(int(code)) for code in re.findall(r"&#(\d+);", form["content"])) == BENGALI


@pytest.mark.parametrize(("account", "code"), [({"password": "wrong"}, "cdac-401"), ({"secure_key": "wrong"}, "cdac-416")])
def test_an_account_that_is_not_right_is_ours_to_mend(service, account, code):
    with pytest.raises(Unusable) as refused:
        send(service, **account)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("answer", "raised"),
    [((200, "403,Credits not available"), Unusable), ((200, "411,Sender ID not approved"), Unusable), ((200, "404,Internal Database Error"), Temporary),
     ((200, "407,Network Error on SMSC"), Temporary), ((200, "418,Daily Limit Exceeded"), Temporary), ((200, "406,Invalid or Duplicate numbers"), Permanent),
     ((200, "413,Suspect Spam"), Permanent), ((200, "414,Rejected by operator"), Permanent), ((200, "499,New"), Unusable), ((503, ""), Temporary),
     ((429, ""), Temporary), ((500, "402,MsgID = 1"), Unknown), ((200, "<html>Log in</html>"), Unknown), ((200, ""), Unknown), ("silence", Unknown)],
)  # fmt: skip
def test_what_the_service_may_answer(answer, raised):
    with Edge(answer) as edge, pytest.raises(raised):
        send(edge)


def test_a_message_that_will_be_submitted_late_is_taken():
    with Edge((200, "409,SMSC response timed out, message will be submitted")) as edge:
        assert send(edge) == Accepted("77", "accepted")


def test_a_service_that_cannot_be_reached():
    with pytest.raises(Temporary):
        cdac.Cdac(url="http://127.0.0.1:1/", **ACCOUNT).send_sms(message())
    with pytest.raises(Unusable):
        cdac.Cdac(url="", **ACCOUNT).send_sms(message())


def test_a_foreign_number_is_for_another_carrier(service):
    with pytest.raises(Unusable):
        send(service, message(to="+447400123456"))
    assert service.got == []


def test_from_the_outbox_with_the_ids_of_the_register(database_url, tmp_path, service, now, monkeypatch):
    overrides = {"carriers.outbound_sms": ["cdac"], "carriers.cdac.url": service.url, "carriers.cdac.username": ACCOUNT["username"], "carriers.cdac.header": "WBCMOF"}
    secrets = {"CDAC_PASSWORD": ACCOUNT["password"], "CDAC_SECURE_KEY": ACCOUNT["secure_key"]}
    app = create_app(make_config(tmp_path, database_url, secrets, **overrides))
    runtime = app.extensions["runtime"]
    registered = replace(runtime.catalogue["notify.registered"], dlt={"bn": "1107160000000000002", "cdac": {"en": "1107160000000000003"}})
    monkeypatch.setitem(runtime.catalogue._entries, "notify.registered", registered)
    with runtime.writing() as db:
        for language, number in (("bn", "+919830012345"), ("en", "+919830012346")):
            complaints.file(db, runtime, Filing(channel="voice", language=language, phone=number), Actor("citizen", "voice"), now)
    delivery.send_due(runtime, in_use(runtime.config).outbound, lambda: now)
    forms = [dict(parse_qsl(got.body.decode())) for got in service.got]
    assert [(form["templateid"], form["senderid"]) for form in forms] == [("1107160000000000002", "WBCMOF"), ("1107160000000000003", "WBCMOF")]
    assert [(row.state, row.carrier) for row in all_of(runtime, Outgoing)] == [("sent", "cdac")] * 2
    runtime.dispose()
