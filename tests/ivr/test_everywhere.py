"""At every question of the tree, on both engines: 0, 9 and * do what they do everywhere, silence and wrong keys lead to a person."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from helpline import calls, complaints
from helpline.complaints import Actor, Filing
from ivr.menu import Agent, Digits, Record, Say
from ivr.tree import TREE
from tests.conftest import NOW, make_config
from tests.ivr.test_walk import post

ASKING = [name for name, node in TREE.items() if not isinstance(node, Say | Agent)]
ARGS = {"subcategory": "ROAD~0", "which_category": "WATER.NONE-ROAD", "which_place": "306-704", "whose": "26123456789-26123456797", "spoken_category": "ROAD.LIGHT",
        "spoken_place": "306~~", "pin_confirm": "713101"}  # fmt: skip
ABOUT_ONE = ("told", "solved", "registered", "confirmed", "addition", "out_solved")
ASKED_BY_US = [name for name, node in TREE.items() if getattr(node, "lost", "agent") != "agent"]  # a call of ours ends instead


@pytest.fixture(scope="module", params=["twilio", "somleng"])
def line(request, sqlite_template, tmp_path_factory):
    """(client, the id of a registered complaint) of an application on each engine."""
    import shutil

    from app import create_app

    directory = tmp_path_factory.mktemp("everywhere")
    shutil.copy(sqlite_template, directory / "helpline.db")
    app = create_app(make_config(directory, f"sqlite:///{directory}/helpline.db", **{"carriers.voice_engine": request.param}))
    runtime = app.extensions["runtime"]
    with runtime.writing() as db:
        filed = complaints.file(db, runtime, Filing(channel="voice", language="en", phone="+919830012345", category_code="ROAD.LIGHT"), Actor("citizen", "voice"), NOW)
        calls.begin(db, "CAwalk", "+919830012345", "+913322145555", NOW)
    yield app.test_client(), filed.id
    runtime.dispose()


def address(name, complaint_id, **more):
    arg = ARGS.get(name, str(complaint_id) if name in ABOUT_ONE else "")
    return f"/ivr/step?at={name}&l=en&a={arg}&n={address.steps}" + "".join(f"&{key}={value}" for key, value in more.items())


address.steps = 0


def asked(client, url, **fields):
    """(words, where the answer goes) of what follows."""
    address.steps += 50  # each its own step, or it would be the repetition of one
    got = post(client, url, fields)
    assert got.status_code == 200
    document = ET.fromstring(got.data)
    words = "\n".join("".join(said.itertext()) for said in document.iter("Say"))
    asks = next((e for e in document if e.tag in ("Gather", "Record", "Dial")), None)
    return words, asks.get("action") if asks is not None else "", document


def shown(client, name, complaint_id):
    return asked(client, address(name, complaint_id, show=1))


@pytest.mark.parametrize("name", ASKING)
def test_nought_reaches_a_person(line, name):
    client, complaint_id = line
    _, action, _ = shown(client, name, complaint_id)
    words, _, _ = asked(client, action, Digits="0")
    assert "connecting you to a person" in words or "Nobody is free" in words


@pytest.mark.parametrize("name", ASKING)
def test_nine_repeats(line, name):
    client, complaint_id = line
    words, action, _ = shown(client, name, complaint_id)
    again, _, _ = asked(client, action, Digits="9")
    assert again == words


@pytest.mark.parametrize("name", ASKING)
def test_star_goes_back(line, name):
    client, complaint_id = line
    _, action, _ = shown(client, name, complaint_id)
    words, _, _ = asked(client, action, Digits="*")
    assert words == shown(client, TREE[name].back, complaint_id)[0]


@pytest.mark.parametrize("name", [name for name in ASKING if name not in ("language", *ASKED_BY_US)])
def test_silence_three_times_and_a_person(line, name):
    client, complaint_id = line
    if getattr(TREE[name], "silent", ""):
        pytest.skip("silence goes on here")
    _, _, document = shown(client, name, complaint_id)
    for told in ("did not hear", "with the keys", "A person will help you"):
        quiet = [e for e in document if e.tag == "Redirect"][-1].text
        words, _, document = asked(client, quiet)
        assert told in words


@pytest.mark.parametrize("name", [name for name in ASKING if not isinstance(TREE[name], Record | Digits) and name not in ("language", *ASKED_BY_US)])
def test_wrong_keys_three_times_and_a_person(line, name):
    client, complaint_id = line
    _, action, _ = shown(client, name, complaint_id)
    for told in ("press again", "one of the keys", "A person will help you"):
        words, action, _ = asked(client, action, Digits="8")
        assert told in words


def test_silence_and_wrong_keys_are_counted_apart(line):
    client, complaint_id = line
    _, action, _ = shown(client, "main", complaint_id)
    for fields, told in (({}, "did not hear"), ({"Digits": "8"}, "press again"), ({}, "with the keys"), ({"Digits": "8"}, "one of the keys")):
        words, action, _ = asked(client, action, **fields)
        assert told in words
        assert "A person will help you" not in words


@pytest.mark.parametrize("name", ASKING)
def test_keys_interrupt_whatever_is_said_and_choices_are_apart(line, name):
    client, complaint_id = line
    _, _, document = shown(client, name, complaint_id)
    assert not [e for e in document if e.tag in ("Say", "Play")], "all that is said stands inside a Gather"
    gather = document.find("Gather")
    said = [e for e in gather if e.tag == "Say"]
    if len(said) > 1:
        breaks = len(list(gather.iter("break"))) + len([e for e in gather if e.tag == "Play" and "silence/350" in e.text])
        assert breaks >= len(said) - 1, "a third of a second between two choices"


def test_a_known_number_is_greeted_inside_a_gather_too(line):
    client, _ = line
    document = ET.fromstring(post(client, "/ivr/incoming", {"CallSid": "CAnew", "From": "+919831234567"}).data)
    assert document[0].tag == "Gather"
    assert re.search("স্বাগত", "".join(document[0].itertext()))
