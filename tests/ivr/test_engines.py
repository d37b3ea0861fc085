"""What engines cannot do is done otherwise: a call is the same call on both."""

from __future__ import annotations

import io
import re
import uuid
import wave
import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from commands import simulator_settings
from helpline import people, queueing
from helpline.config import ROOT
from ivr import engines, twiml
from ivr.engines import ENGINES, INSTEAD, SOMLENG, TWILIO, Can
from ivr.steps import WITHIN, Ask, GoTo, Listen, Pause, Play, Ring, Say
from models import Complaint, Recording
from simulator.driver import Caller
from simulator.network import Network
from tests.conftest import PUBLIC_URL, make_config

VOICES = {"bn": "Google.bn-IN-Standard-A", "en": "Azure.en-IN-NeerjaNeural"}
SILENCE = "<Play>/ivr/audio/silence/350.wav</Play>"


def body(steps, engine):
    document = twiml.render(steps, VOICES, engine)
    return re.search("<Response>(.*)</Response>", document).group(1)


@pytest.mark.parametrize(
    ("steps", "twilio", "somleng"),
    [
        ([Say("ক", "bn"), Pause(), Say("খ", "bn")],
         '<Say voice="Google.bn-IN-Standard-A" language="bn-IN">ক<break time="350ms"/></Say><Say voice="Google.bn-IN-Standard-A" language="bn-IN">খ</Say>',
         f'<Say voice="Google.bn-IN-Standard-A" language="bn-IN">ক</Say>{SILENCE}<Say voice="Google.bn-IN-Standard-A" language="bn-IN">খ</Say>'),
        ([Play("/x.wav"), Pause()], f"<Play>/x.wav</Play>{SILENCE}", f"<Play>/x.wav</Play>{SILENCE}"),
        ([Pause(2)], '<Pause length="2"/>', "<Play>/ivr/audio/silence/2000.wav</Play>"),
        ([Say(f"1 2{WITHIN}3", "en")],
         '<Say voice="Azure.en-IN-NeerjaNeural" language="en-IN">1 2<break time="400ms"/>3</Say>',
         '<Say voice="Azure.en-IN-NeerjaNeural" language="en-IN">1 2, 3</Say>'),
        ([Ask("/a", (), 1, 5, "bn", speech=True, hints=("জল",))],
         '<Gather input="dtmf speech" speechTimeout="auto" language="bn-IN" hints="জল" action="/a" method="POST" numDigits="1" timeout="5" actionOnEmptyResult="true"></Gather>',
         '<Gather input="dtmf" action="/a" method="POST" numDigits="1" timeout="5" actionOnEmptyResult="true"></Gather>'),
        ([Ring(("+919830012345",), "/a", "+913322145555", 30, "http://helpline.test/r?d=1")],
         '<Dial action="/a" method="POST" timeout="30" callerId="+913322145555"><Number statusCallback="http://helpline.test/r?d=1" statusCallbackEvent="answered" statusCallbackMethod="POST">+919830012345</Number></Dial>',
         '<Dial action="/a" method="POST" timeout="30" callerId="+913322145555"><Number>+919830012345</Number></Dial>'),
        ([Ring(("+913322140001",), "/a", "+913322145555", 20)], *2 * ['<Dial action="/a" method="POST" timeout="20" callerId="+913322145555"><Number>+913322140001</Number></Dial>']),
        ([GoTo("/b")], *2 * ['<Redirect method="POST">/b</Redirect>']),
    ],
)  # fmt: skip
def test_steps_for_each_engine(steps, twilio, somleng):
    assert body(steps, TWILIO) == twilio
    assert body(steps, SOMLENG) == somleng


def test_the_words_before_the_beep_can_be_cut_short_on_both():
    step = Listen("/kept", "http://h/report", 60, (Say("Speak", "en"),), "/early")
    for engine in ENGINES.values():
        asks, records = ET.fromstring(twiml.render([step], VOICES, engine))
        assert (asks.tag, asks.get("action"), asks.get("numDigits"), asks.get("actionOnEmptyResult")) == ("Gather", "/early", "1", None)
        assert records.get("finishOnKey") == ("#*0" if engine is TWILIO else "#")


def test_whatever_an_engine_lacks_has_a_stated_substitute():
    assert set(INSTEAD) == set(Can)
    page = (ROOT / "docs" / "voice.md").read_text(encoding="utf-8")
    assert engines.as_markdown() in page, "docs/voice.md has another table than ivr/engines.py"


@pytest.fixture
def somleng_app(database_url, tmp_path):
    from app import create_app

    app = create_app(make_config(tmp_path, database_url, **{"carriers.voice_engine": "somleng"}))
    yield app
    app.extensions["runtime"].dispose()


@pytest.fixture
def somleng(somleng_app):
    """The simulated network as Somleng is: strict."""
    with httpx.Client(transport=httpx.WSGITransport(app=somleng_app), base_url=PUBLIC_URL) as client:
        yield Network(simulator_settings(somleng_app.extensions["runtime"].config), client)


def test_a_whole_filing_on_somleng(somleng, somleng_app):
    caller = Caller(somleng, "+919830012345").dials().presses("1", "1", "2", "1").speaks("তিন দিন ধরে কলে জল নেই")
    caller.presses("1", "1", "713101", "1").speaks("মিনা").presses("1", "1")
    assert caller.heard("অভিযোগ নম্বর", "bn")
    assert all(h.voice.startswith("Azure.bn-IN") for h in caller.call.heard if h.language.startswith("bn"))
    assert not any("বলতে পারেন" in text for text, _ in caller.said), "speech is not offered where it is not recognised"
    caller.hangs_up()
    with somleng_app.extensions["runtime"].reading() as db:
        complaint = db.scalars(select(Complaint)).one()
        recordings = {r.purpose: r for r in db.scalars(select(Recording))}
    assert (complaint.state, complaint.pincode) == ("registered", "713101")
    assert set(recordings) == {"problem", "name"}
    for recording in recordings.values():
        assert str(uuid.UUID(recording.sid)) == recording.sid
        assert recording.url.endswith(recording.sid)


def test_cut_off_while_speaking_on_somleng(somleng, somleng_app):
    """There `action` is not asked any more: the report of the recording alone saves what was said."""
    Caller(somleng, "+919830012345").dials().presses("1", "1", "1", "1").hangs_up(saying="রাস্তা ভেঙে গেছে")
    with somleng_app.extensions["runtime"].reading() as db:
        complaint = db.scalars(select(Complaint)).one()
    assert (complaint.state, complaint.incomplete) == ("registered", True)


def test_speech_is_not_heard_by_somleng(somleng):
    caller = Caller(somleng, "+919830012345").dials().presses("2", "1").speaks("no water", "en")
    assert "did not hear" in caller.last_said


def test_where_nobody_can_be_queued_the_agents_telephones_ring(somleng, somleng_app, monkeypatch):
    """An agent is signed on in the browser, which Somleng cannot ring: no Enqueue, no Client, but the telephones, then a message."""
    monkeypatch.setattr(queueing, "is_open", lambda *_: True)
    runtime = somleng_app.extensions["runtime"]
    agent = people.add(runtime, username="agent", name="agent", role="agent", password="a long pass-phrase")
    with runtime.writing() as db:
        queueing.sign_on(db, agent, ("bn", "en", "hi"), datetime.now(UTC))
    caller = Caller(somleng, "+919830012345").dials().presses("2", "0")
    numbers = runtime.config.voice.agent_numbers
    assert f"☎ {', '.join(numbers)}: no-answer" in caller.last_said
    assert "Nobody is free" in caller.last_said
    caller.speaks("please ring me", "en")
    assert "complaint number is" in caller.last_said


@pytest.fixture(params=["twilio", "somleng"])
def either(request, sqlite_url, tmp_path):
    """A caller on each engine."""
    from app import create_app

    config = make_config(tmp_path, sqlite_url, **{"carriers.voice_engine": request.param})
    app = create_app(config)
    with httpx.Client(transport=httpx.WSGITransport(app=app), base_url=PUBLIC_URL) as client:
        yield Caller(Network(simulator_settings(config), client), "+919830012345")
    app.extensions["runtime"].dispose()


def test_a_silent_caller_is_asked_again_at_the_beep(either):
    either.dials().presses("2", "1", "1", "1").waits()
    assert "did not hear" in either.last_said
    assert "After the beep" in either.last_said
    either.waits()
    assert "with the keys" in either.last_said
    either.waits()
    assert "A person will help you" in either.last_said
    assert either.is_talking, "nobody there: a message is asked for"


def test_keys_cut_the_words_before_the_beep_short(either):
    either.dials().presses("2", "1", "1", "1")
    assert "After the beep" in either.last_said
    either.presses("5")
    assert either.last_said == "", "straight to the beep"
    either.speaks("road", "en")
    assert "We have recorded it" in either.last_said


def test_nine_repeats_star_goes_back_and_nought_reaches_a_person_at_the_beep(either):
    either.dials().presses("2", "1", "1", "1", "9")
    assert "After the beep" in either.last_said
    either.presses("*")
    assert "What is your complaint about?" in either.last_said
    either.presses("1", "1", "0")
    assert "Nobody is free" in either.last_said


def test_what_was_said_before_nought_is_kept(caller, app):
    caller.dials().presses("2", "1", "1", "1").speaks("road", "en", ending="0")
    assert "Nobody is free" in caller.last_said
    caller.hangs_up()
    with app.extensions["runtime"].reading() as db:
        assert [r.purpose for r in db.scalars(select(Recording))] == ["problem"]
        assert db.scalars(select(Complaint)).one().state == "registered"


def test_a_pause_is_a_silent_wav(app):
    client = app.test_client()
    with wave.open(io.BytesIO(client.get("/ivr/audio/silence/350.wav").data)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth(), file.getnframes()) == (8000, 1, 2, 2800)
        assert set(file.readframes(2800)) == {0}
    assert client.get("/ivr/audio/silence/99999.wav").status_code == 404


@pytest.mark.parametrize("document", ["<Pause length='1'/>", "<Gather action='/x'><Pause/></Gather>", "<Enqueue>q</Enqueue>", "<Leave/>",
                                      "<Dial><Client>agent</Client></Dial>", "<Record action='/x' recordingStatusCallback='/relative'/>"])  # fmt: skip
def test_the_strict_network_refuses_what_somleng_does_not_know(document, tmp_path):
    from flask import Flask, Response

    from simulator.settings import Settings

    app = Flask("answers")
    app.add_url_rule("/<path:path>", view_func=lambda path: Response(f"<Response><Say>before</Say>{document}<Say>after</Say></Response>", mimetype="text/xml"), methods=["POST"])
    settings = Settings("http://h.test", "AC" + "0" * 32, "token", "+913322145555", str(tmp_path / "net.db"), engine="somleng")
    with httpx.Client(transport=httpx.WSGITransport(app=app), base_url="http://h.test") as client:
        call = Network(settings, client).dial("+919830012345")
    assert next(h.text for h in call.heard) == "before"
    assert "after" not in [h.text for h in call.heard]
    assert call.state == "completed"


def test_docs_name_every_engine():
    page = Path(ROOT / "docs" / "voice.md").read_text(encoding="utf-8")
    assert all(name in page for name in ENGINES)
