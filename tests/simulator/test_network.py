"""The simulated carrier, spoken to as the real one is: by the SDK, by signatures, by TwiML of every kind."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import httpx
import pytest
from flask import Flask, Response, request
from sqlalchemy import select
from twilio.request_validator import RequestValidator

from commands import simulator_settings
from helpline import calling, carriers_in_use, complaints, worker
from helpline.complaints import Actor, Filing
from helpline.runtime import utc_now
from models import Outgoing, Recording
from simulator import sound
from simulator.network import Network, sign
from simulator.settings import Settings
from tests.conftest import AUTH_TOKEN, make_config


@pytest.fixture
def play(tmp_path):
    """A network that meets an application answering one document after the other."""

    def start(*documents, mimetype="text/xml"):
        app, asked = Flask("answers"), []

        @app.post("/<path:path>")
        def answer(path):
            asked.append((path, request.form.to_dict(), request.url, request.headers.get("X-Twilio-Signature")))
            if path == "ivr/status":
                return Response("", status=204)
            number = len([a for a in asked if a[0] != "ivr/status"]) - 1
            return Response(documents[min(number, len(documents) - 1)], mimetype=mimetype)

        settings = Settings("http://h.test", "AC" + "0" * 32, "token", "+913322145555", str(tmp_path / "net.db"))
        client = httpx.Client(transport=httpx.WSGITransport(app=app), base_url="http://h.test")
        return Network(settings, client), asked

    return start


def test_every_request_is_signed_as_the_sdk_would(play):
    network, asked = play("<Response><Hangup/></Response>")
    network.dial("+919830012345")
    assert len(asked) == 2
    for _, form, url, signature in asked:
        assert RequestValidator("token").validate(url, form, signature)


def test_silence_falls_through_a_gather(play):
    network, _ = play("<Response><Gather numDigits='1' action='/x'><Say>press</Say></Gather><Say>nothing came</Say></Response>")
    call = network.dial("+919830012345")
    call = network.silence(call.sid)
    assert [h.text for h in call.heard] == ["press", "…", "nothing came"]
    assert call.state == "completed"


def test_keys_go_where_they_are_asked_for(play):
    network, asked = play("<Response><Gather numDigits='3' action='/one'/></Response>", "<Response><Gather action='/two'/></Response>", "<Response/>")
    network.press(network.dial("+919830012345").sid, "12345#")
    assert [(a[0], a[1].get("Digits")) for a in asked[1:3]] == [("one", "123"), ("two", "45")]


@pytest.mark.parametrize(
    ("document", "code"),
    [("<Response><Sing/></Response>", "12100"), ("no xml", "12100"), ("<Response>" + "<Say>x</Say>" * 9000 + "</Response>", "11750"),
     ("<Response><Redirect>/again</Redirect></Response>", "loop")],
)  # fmt: skip
def test_bad_documents_are_an_application_error(play, document, code):
    network, _ = play(document)
    call = network.dial("+919830012345")
    assert code in call.heard[-1].text
    assert call.state == "completed"


def test_hanging_up_during_a_recording_still_reports_it(play):
    network, asked = play("<Response><Record action='/kept' recordingStatusCallback='/ready'/></Response>")
    network.hang_up(network.dial("+919830012345").sid, text="half a sent")
    assert [a[0] for a in asked] == ["ivr/incoming", "ready", "kept", "ivr/status"]
    assert asked[2][1]["Digits"] == "hangup"
    assert asked[2][1]["RecordingSid"] == asked[1][1]["RecordingSid"]


def test_a_call_goes_on_in_another_process(play):
    network, _ = play("<Response><Gather numDigits='1' action='/x'/></Response>", "<Response><Say>second</Say></Response>")
    sid = network.dial("+919830012345").sid
    other = Network(network.settings, network._client)
    assert other.press(sid, "1").heard[-1].text == "second"


def test_speech_is_a_sound_that_is_not_silent():
    for wav in (sound.spoken("রাস্তা ভাঙা", "bn"), sound.tone(1.5)):
        assert wav[:4] == b"RIFF"
        assert sound.seconds(wav) >= 1
        assert len(set(wav[44:4000])) > 10


@pytest.fixture
def live(sqlite_url, tmp_path):
    """The whole helpline on a port, with the simulated carrier's REST API for its worker."""
    import socket

    from werkzeug.serving import make_server

    from app import create_app

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = make_config(tmp_path, sqlite_url, public_url=f"http://127.0.0.1:{port}", **{"translation.enabled": False})
    app = create_app(config)
    server = make_server("127.0.0.1", port, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield app
    server.shutdown()
    server.server_close()
    thread.join()
    app.extensions["runtime"].dispose()


def wait_for(condition):
    until = time.monotonic() + 10
    while not condition() and time.monotonic() < until:
        time.sleep(0.05)
    assert condition()


def test_the_worker_sends_with_the_real_sdk_and_the_telephone_receives(live):
    runtime = live.extensions["runtime"]
    network = Network(simulator_settings(runtime.config), httpx.Client())
    with runtime.writing() as db:
        filed = complaints.file(db, runtime, Filing(channel="agent", language="bn", phone="+919830012345"), Actor("agent", "agent"), utc_now())
        failing = complaints.file(db, runtime, Filing(channel="agent", language="bn", phone="+919999930003"), Actor("agent", "agent"), utc_now())
    worker.run_once(runtime, utc_now())
    wait_for(lambda: len(network.messages("+919830012345")) == 1)

    def state(complaint_id):
        with runtime.reading() as db:
            row = db.scalars(select(Outgoing).where(Outgoing.complaint_id == complaint_id)).one()
            return row.state, row.error_code

    wait_for(lambda: state(filed.id) == ("delivered", None))
    wait_for(lambda: state(failing.id) == ("parked", "30003"))


def test_the_worker_calls_with_the_real_sdk_and_the_telephone_rings(live):
    runtime = live.extensions["runtime"]
    network = Network(simulator_settings(runtime.config), httpx.Client())
    noon = (utc_now() - timedelta(hours=6)).replace(hour=6)  # in India, of the day that has come to it: never later than now
    with runtime.writing() as db:
        filed = complaints.file(db, runtime, Filing(channel="agent", language="bn", phone="+913325551234"), Actor("agent", "agent"), noon)
    carrier = carriers_in_use.in_use(runtime.config).voice
    later = noon + timedelta(minutes=10)
    assert calling.place_due(runtime, carrier, lambda: later) == 1
    sid = network.ringing("+913325551234")
    assert carrier.call_state(sid).status == "ringing"
    assert carrier.find_call("+913325551234", noon).sid == sid
    assert carrier.call_state("CA" + "0" * 32) is None
    call = network.pick_up(sid)
    assert any("নথিভুক্ত" in heard.text for heard in call.heard)
    network.silence(sid)
    with runtime.reading() as db:
        row = db.scalars(select(Outgoing).where(Outgoing.complaint_id == filed.id)).one()
    assert (row.state, row.carrier_sid) == ("delivered", sid)


def test_the_worker_fetches_a_recording_with_the_accounts_credentials(live):
    runtime = live.extensions["runtime"]
    network = Network(simulator_settings(runtime.config), httpx.Client())
    sid = network.dial("+919830012345").sid
    network.press(sid, "2")
    network.press(sid, "1")
    network.press(sid, "2")
    network.press(sid, "1")
    network.speak(sid, "no water", "en")
    network.hang_up(sid)
    worker.run_once(runtime, utc_now())
    with runtime.reading() as db:
        assert [r.state for r in db.scalars(select(Recording))] == ["stored"]


def test_the_lists_of_what_was_are_read_by_the_real_sdk(live, monkeypatch):
    from datetime import UTC, datetime, timedelta

    runtime = live.extensions["runtime"]
    network = Network(simulator_settings(runtime.config), httpx.Client())
    for n in range(5):
        network.text(f"+91983001234{n}", "HELP")
    sid = network.dial("+919830012345").sid
    for keys in ("2", "0"):
        network.press(sid, keys)
    network.speak(sid, "my pension", "en")
    network.hang_up(sid)
    client, since = carriers_in_use.in_use(runtime.config).voice._client(), datetime.now(UTC) - timedelta(hours=1)
    messages = client.messages.list(date_sent_after=since, page_size=2)
    assert len({m.sid for m in messages}) == 10
    assert {m.direction for m in messages} == {"inbound", "outbound-api"}
    (call,) = client.calls.list(start_time_after=since)
    assert (call.sid, call.direction, call.status, call.to) == (sid, "inbound", "completed", runtime.config.helpline.number)
    assert call.end_time
    (recording,) = client.recordings.list(date_created_after=since)
    assert (recording.call_sid, recording.status) == (sid, "completed")
    assert client.calls.list(start_time_after=datetime.now(UTC) + timedelta(hours=1)) == []
    assert client.calls(sid).fetch().direction == "inbound"


def test_the_rest_api_wants_the_accounts_credentials(live):
    base = f"{live.extensions['runtime'].config.public_url}/simulator/carrier/2010-04-01/Accounts/AC{'0' * 32}"
    assert httpx.get(f"{base}/Messages.json").status_code == 401
    assert httpx.get(f"{base}/Recordings/RE1.wav").status_code == 401
    assert httpx.get(f"{base}/Messages.json", auth=("AC" + "0" * 32, "wrong")).status_code == 401


def test_no_other_site_can_use_the_telephone(live):
    url = f"{live.extensions['runtime'].config.public_url}/simulator/api"
    assert httpx.post(f"{url}/dial", json={"number": "+919830012345"}).status_code == 403
    assert httpx.post(f"{url}/dial", json={"number": "+1555"}, headers={"X-Simulator": "1"}).status_code == 400


def test_the_terminal_is_a_telephone(live, capsys):
    import io

    from simulator import terminal

    settings = simulator_settings(live.extensions["runtime"].config)
    out = io.StringIO()
    terminal.call(settings, "+919830012345", io.StringIO("2\n1\nsay no water\n1\nhang\n"), out)
    assert "What is your complaint about?" in out.getvalue()
    assert "the call has ended" in out.getvalue()
    out = io.StringIO()
    terminal.text(settings, "+919830012345", "HELP", out, wait=0.5)
    assert "STATUS" in out.getvalue()


def test_ctrl_c_in_the_terminal_rings_off(live):
    import io

    from simulator import terminal

    class Interrupted(io.StringIO):
        def readline(self, *_):
            return super().readline() or self._interrupt()

        def _interrupt(self):
            raise KeyboardInterrupt

    settings, out = simulator_settings(live.extensions["runtime"].config), io.StringIO()
    terminal.call(settings, "+919830012345", Interrupted("2\n1\n"), out)
    assert out.getvalue().endswith("-- the call has ended --\n")
    assert [row["state"] for row in Network(settings, httpx.Client()).store.rows("SELECT state FROM calls")] == ["completed"]


def test_the_terminal_says_where_no_helpline_answers(tmp_path):
    import io

    from simulator import terminal

    settings, out = Settings("http://127.0.0.1:9", "AC" + "0" * 32, "token", "+913322145555", str(tmp_path / "net.db")), io.StringIO()
    for telephone in (lambda: terminal.call(settings, "+919830012345", io.StringIO("1\n"), out), lambda: terminal.text(settings, "+919830012345", "HELP", out)):
        with pytest.raises(terminal.NoAnswer, match=r"is it running at http://127\.0\.0\.1:9"):
            telephone()
    assert Network(settings, httpx.Client()).store.rows("SELECT sid FROM calls") == [], "no call was begun"


def test_our_signature_is_the_carriers():
    fields = {"b": "2", "a": "১"}
    assert sign("https://h.example/x", fields, AUTH_TOKEN) == RequestValidator(AUTH_TOKEN).compute_signature("https://h.example/x", fields)
