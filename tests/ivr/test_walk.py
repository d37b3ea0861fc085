"""Arbitrary callers: any keys, silence, speech and hang-ups always get a valid answer in the caller's language."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from ivr import menu, twiml
from ivr.actions import ACTIONS, LEADS
from ivr.menu import Answer, Move, State
from ivr.tree import TREE
from prompts.catalogue import load
from simulator.network import sign
from tests.conftest import AUTH_TOKEN, PUBLIC_URL, make_config

ALLOWED = {"twilio": {"Response", "Say", "break", "Play", "Pause", "Gather", "Record", "Redirect", "Dial", "Number", "Hangup"},
           "somleng": {"Response", "Say", "Play", "Gather", "Record", "Redirect", "Dial", "Number", "Hangup"}}  # fmt: skip
SCRIPTS = {"bn-IN": "[\u0980-\u09ff]", "hi-IN": "[\u0900-\u0963\u0966-\u097f]"}


def codes(items, listed):
    return [f"{listed}{n}" for n in range(12)]


def test_the_tree_fits_together():
    assert menu.faults(TREE, ACTIONS, LEADS, [entry.key for entry in load()]) == []


def test_a_broken_tree_is_refused():
    broken = {**TREE, "main": menu.Menu("nowhere", "main", {"1": "lost", **{str(n): "main" for n in range(2, 8)}})}
    found = "\n".join(menu.faults(broken, ACTIONS, LEADS, [entry.key for entry in load()]))
    for fault in ("unknown prompt", "unknown node lost", "more than five choices", "never reached"):
        assert fault in found


@pytest.mark.parametrize(
    ("state", "answer", "move"),
    [
        (State("main", "bn"), Answer("1"), Move(State("category", "bn", "", 1))),
        (State("main", "bn"), Answer("0"), Move(State("agent", "bn", "", 1))),
        (State("status", "bn"), Answer("*"), Move(State("main", "bn", "", 1))),
        (State("main", "bn", wrongs=1), Answer("9"), Move(State("main", "bn", "", 1))),
        (State("main", "bn"), Answer(), Move(State("main", "bn", "", 1, 1, 0), None, "silence")),
        (State("main", "bn", silences=1), Answer("8"), Move(State("main", "bn", "", 1, 1, 1), None, "wrong")),
        (State("main", "bn", silences=2), Answer(), Move(State("agent", "bn", "", 1), None, "lost")),
        (State("category", "bn"), Answer("6"), Move(State("category", "bn", "~1", 1))),
        (State("category", "bn", "~2"), Answer("6"), Move(State("category", "bn", "~2", 1, 0, 1), None, "wrong")),
        (State("district", "en", "~1"), Answer("2"), Move(State("district", "en", "~1", 1), menu.Do("keep_district", "6"))),
        (State("problem", "en"), Answer(recorded=True), Move(State("problem", "en", "", 1), menu.Do("keep_problem"))),
        (State("problem", "en"), Answer("0", recorded=True), Move(State("problem", "en", "", 1), menu.Do("keep_problem"), onto="agent")),
        (State("problem", "en"), Answer("5", early=True), Move(State("problem", "en", "", 1), None, "early")),
        (State("problem", "en", silences=1), Answer("9", early=True), Move(State("problem", "en", "", 1))),
        (State("status", "bn"), Answer("261*"), Move(State("main", "bn", "", 1))),
    ],
)
def test_the_pure_step(state, answer, move):
    assert menu.step(TREE, state, answer, codes) == move


@pytest.mark.parametrize("name", [n for n, node in TREE.items() if not isinstance(node, menu.Say)])
def test_a_person_is_on_0_everywhere(name):
    if name != "agent":
        assert menu.step(TREE, State(name, "bn"), Answer("0"), codes).state.at == "agent"


def test_long_texts_are_said_in_parts_a_voice_can_take():
    assert all(len(part) <= twiml.MAX_SAY for part in twiml.sentences("ক" * 5000 + "। " + "খ খ। " * 500))


def test_control_characters_never_reach_the_document():
    ET.fromstring(twiml.render([twiml.Say("a\x00\x0b\ud800<&>b", "en")], {"en": "v\x01\""[:1]}))


def post(client, url, fields):
    fields = {"CallSid": "CAwalk", "From": "+919830012345", "To": "+913322145555", **fields}
    return client.post(url, data=fields, headers={"X-Twilio-Signature": sign(PUBLIC_URL + url, fields, AUTH_TOKEN)})


# Who calls: keys pressed in an earlier call, which then ended.
BEFORE = {"new": (), "known": ("2",), "cut_off": ("1", "1", "1", "1")}


class Wanderer(RuleBasedStateMachine):
    app = None
    engine = "twilio"
    number = 0

    @initialize(before=st.sampled_from(sorted(BEFORE)))
    def dials(self, before):
        """A number of its own each time: what one caller did does not change what the next one hears."""
        Wanderer.number += 1
        self.caller = f"+9198300{Wanderer.number % 100000:05d}"
        self.calls(1)
        for keys in BEFORE[before]:
            self.step({"Digits": keys})
        if before != "new":
            self.hangs_up()
            self.calls(2)

    def calls(self, time):
        self.sid = f"CA{time}{Wanderer.number:031d}" if self.engine == "twilio" else f"00000000-0000-4000-800{time}-{Wanderer.number:012d}"
        self.client = self.app.test_client()
        self.answer("/ivr/incoming", {})

    def answer(self, url, fields):
        got = post(self.client, url, {"CallSid": self.sid, "From": self.caller, **fields})
        assert got.status_code == 200
        assert len(got.data) < 64 * 1024
        self.document = ET.fromstring(got.data)
        assert {element.tag for element in self.document.iter()} <= ALLOWED[self.engine]
        for asked in self.document.iter("Gather"):
            assert {child.tag for child in asked} <= {"Say", "Play", "Pause"} & ALLOWED[self.engine]
            assert self.engine == "twilio" or "speech" not in asked.get("input")
        for said in self.document.iter("Say"):
            script, words = SCRIPTS.get(said.get("language")), "".join(said.itertext())
            assert said.get("language") in said.get("voice")
            if script and words:
                assert re.search(script, words) or not re.search("[A-Za-z]{4,}", words)
            assert not re.search(r"[:,।]\s*[.।,:]", words), f"an empty value: {words}"
        last = list(self.document)[-1]
        assert last.tag in ("Redirect", "Hangup", "Dial"), "what a carrier falls through to goes on, or ends on purpose"
        assert last.tag != "Dial" or last.get("action")

    def step(self, fields):
        asked = [e for e in self.document if e.tag in ("Gather", "Record", "Dial")]
        before_beep = len(asked) > 1 and "Digits" not in fields
        asks = asked[before_beep] if asked else None
        if asks is not None:
            self.answer(asks.get("action"), fields)
        elif (go := self.document.find("Redirect")) is not None:
            self.answer(go.text, {})

    @rule(keys=st.one_of(st.sampled_from("0123456789*#"), st.text("0123456789*#", max_size=14), st.sampled_from(["713101", "9830012345", "²", "১"])))
    def presses(self, keys):
        self.step({"Digits": keys})

    @rule(text=st.one_of(st.text(max_size=60), st.sampled_from(["রাস্তা ভাঙা", "no water", "<Say>x</Say>"])))
    def speaks(self, text):
        self.step({"SpeechResult": text, "Confidence": "0.5"})

    @rule(seconds=st.sampled_from(["0", "1", "90", "x"]))
    def records(self, seconds):
        sid = f"RE{self.sid[2:]}"
        told = {"RecordingUrl": f"https://api.twilio.com/{sid}", "RecordingDuration": seconds}
        self.step(told if self.engine == "somleng" else {**told, "RecordingSid": sid})

    @rule(outcome=st.sampled_from(["completed", "busy", "no-answer", "failed"]))
    def rings(self, outcome):
        self.step({"DialCallStatus": outcome})

    @rule()
    def is_silent(self):
        """An empty Gather asks its action; a silent Record falls through to the verb after it, as with the carrier."""
        verbs = list(self.document)
        record = next((i for i, e in enumerate(verbs) if e.tag == "Record"), None)
        if record is None:
            self.step({"Digits": ""})
        else:
            assert verbs[record + 1].tag == "Redirect"
            self.answer(verbs[record + 1].text, {})

    @precondition(lambda self: self.document.find("Gather") is not None)
    @rule(keys=st.sampled_from("123456"))
    def is_delivered_twice(self, keys):
        url = self.document.find("Gather").get("action")
        one = post(self.client, url, {"CallSid": self.sid, "From": self.caller, "Digits": keys}).data
        two = post(self.client, url, {"CallSid": self.sid, "From": self.caller, "Digits": keys}).data
        assert one == two

    @rule()
    def hangs_up(self):
        post(self.client, "/ivr/status", {"CallSid": self.sid, "From": self.caller, "CallStatus": "completed"})


@pytest.mark.parametrize("engine", ["twilio", "somleng"])
def test_arbitrary_callers(engine, sqlite_url, tmp_path):
    from app import create_app

    Wanderer.app, Wanderer.engine = create_app(make_config(tmp_path, sqlite_url, **{"carriers.voice_engine": engine})), engine
    run_state_machine_as_test(Wanderer, settings=settings(max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)))
    Wanderer.app.extensions["runtime"].dispose()


@pytest.mark.parametrize("query", ["at=nowhere&l=xx", "at=told&l=bn&a=99999999999999999999", "at=summary&l=bn", "at=spoken_category&l=en&a=%3Cx%3E", "n=-1&s=%00"])
def test_addresses_nobody_made_get_a_valid_answer(app, query):
    got = post(app.test_client(), f"/ivr/step?{query}", {"Digits": "1"})
    assert got.status_code == 200
    ET.fromstring(got.data)


def test_a_fault_of_ours_is_an_apology_and_a_way_on(app, monkeypatch):
    from helpline import calls

    def fails(*_args, **_kwargs):
        raise RuntimeError("+919830012345 and other secrets")

    monkeypatch.setattr(calls, "begin", fails)
    got = post(app.test_client(), "/ivr/step?at=category&l=bn", {"Digits": "1"})
    assert got.status_code == 200
    assert "দুঃখিত" in got.text
    assert "<Record" in got.text
