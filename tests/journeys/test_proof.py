"""Whether a message is really ours: by SMS in three scripts, and keyed on the line."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from helpline import notices, proof
from helpline.lifecycle import TABLE
from helpline.telling import way
from models import Complaint, Outgoing
from sms.keywords import parse
from tests.journeys.test_voice import files


def sent(app):
    with app.extensions["runtime"].reading() as db:
        return db.scalars(select(Outgoing).order_by(Outgoing.id)).all()


@pytest.fixture
def code(app, caller):
    files(caller).hangs_up()
    message = sent(app)[0]
    found = re.search(r"#(\d{9})$", message.body)[1]
    assert found == message.check_code == proof.code(app.extensions["runtime"], message.id)
    return found


@pytest.mark.parametrize("form", ["CHECK {}", "check #{}", "যাচাই {}", "#{}", "जाँच {}", "verify: {}", "jachai {}"])
def test_a_message_of_ours_is_said_to_be_ours(caller, code, form):
    grouped = f"{code[:3]} {code[3:6]} {code[6:]}"
    assert "2345" in caller.texts(form.format(code)).reads
    assert "2345" in caller.texts(form.format(grouped)).reads


def test_bengali_digits_and_the_whole_message(app, caller, stranger, code):
    assert (
        "হ্যাঁ, এটি আমরাই পাঠিয়েছি" in caller.texts("যাচাই " + code.translate(str.maketrans("0123456789", "০১২৩৪৫৬৭৮৯"))).reads
    )
    told = stranger.texts(f"CHECK {sent(app)[0].body}").reads
    assert "2345" in told, "anybody may ask, and hears the day and the last digits only"
    with app.extensions["runtime"].reading() as db:
        assert db.scalars(select(Complaint.ack)).one() not in told.replace(" ", "")


def test_another_code_is_not_to_be_trusted_and_tries_are_limited(app, caller, code):
    wrong = f"{(int(code) + 1) % 10**9:09d}"
    assert "Do not trust it" in caller.texts(f"CHECK {wrong}").reads
    limit = app.extensions["runtime"].config.status_lookups.per_caller_per_hour
    for _ in range(limit):
        caller.texts(f"CHECK {wrong}")
    assert "Too many tries" in caller.texts(f"CHECK {wrong}").reads


def test_keyed_on_the_line(caller, stranger, code):
    stranger.dials().presses("2", "2", f"{code}#")
    assert stranger.heard("Yes, we sent that message", "en")
    assert "2 3 4 5" in stranger.last_said
    stranger.presses("2", f"{(int(code) + 1) % 10**9:09d}#")
    assert stranger.heard("We sent no message with that code", "en")


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("CHECK 261 2345 6789", "status"),
        ("check", "status"),
        ("যাচাই", "check"),
        ("check my road, it is broken in Barasat", "file"),
        ("9830012345", "unknown"),
    ],
)
def test_what_is_no_question_of_that_kind(text, intent):
    assert (parse(text).intent == "check") == (intent == "check")


def test_every_text_about_a_change_carries_its_code_and_can_be_read_out(app):
    catalogue = app.extensions["runtime"].catalogue
    for key in {row.tells for row in TABLE if row.tells} | {"notify.registered_incomplete", "notify.still_asking"}:
        assert "check" in catalogue[key].placeholders, key
        assert all(text.endswith("#{check}") for text in catalogue[key].texts.values()), key
        assert catalogue[notices.spoken_key(key)].placeholders <= catalogue[key].placeholders | {
            "office",
            "date",
            "phone",
            "news",
        }, key


def test_codes_differ(app):
    runtime = app.extensions["runtime"]
    assert len({proof.code(runtime, key) for key in range(1000)}) > 990


@pytest.mark.parametrize(
    ("number", "told_by", "kind"),
    [("+919830012345", "sms", "sms"), ("+919830012345", "call", "call"), ("+913322145555", "sms", "call")],
)
def test_who_is_told_by_a_call(number, told_by, kind):
    assert way(number, told_by) == kind
