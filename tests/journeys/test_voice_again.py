"""A call back goes on where the last one stopped; a missed call is a request."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from helpline import callbacks
from helpline.runtime import utc_now
from models import Call, Callback, Complaint, Event, Outgoing, Recording
from simulator.driver import Caller
from tests.journeys.test_voice import files, only


@pytest.fixture
def runtime(app):
    return app.extensions["runtime"]


def everything(runtime, table, **where):
    with runtime.reading() as db:
        return db.scalars(select(table).filter_by(**where).order_by(table.id)).all()


def work(runtime):
    callbacks.work(runtime, utc_now() + timedelta(minutes=1))


# ── going on ──


def test_cut_off_at_the_beep_the_draft_is_told_on(app, runtime, caller):
    caller.dials().presses("2", "1", "1", "1").hangs_up()
    work(runtime)
    caller.dials()
    assert "You were telling us about Potholes or broken road." in caller.last_said
    caller.presses("1")
    assert "After the beep" in caller.last_said
    caller.speaks("a deep hole", "en").presses("1", "3").speaks("Ratan", "en").presses("1", "1").hangs_up()
    complaint = only(app)
    assert (complaint.state, complaint.incomplete, complaint.category_code) == ("registered", False, "ROAD.POTHOLE")
    work(runtime)
    assert [e.state for e in everything(runtime, Callback)] == ["settled"]
    assert [m.template for m in everything(runtime, Outgoing)] == ["notify.registered"]


@pytest.mark.parametrize(("words", "language", "asked", "key", "code"), [
    ("the street light is not working", "en", "Street", "1", "ROAD.LIGHT"),
    ("রেশন দোকানে চাল কম দেয়", "bn", "রেশন", "1", "PDS.SHORT"),
    ("राशन दुकान में चावल कम मिलता है", "hi", "राशन", "1", "PDS.SHORT"),
])  # fmt: skip
def test_cut_off_before_the_key_that_confirms_what_was_said(app, runtime, caller, words, language, asked, key, code):
    """The subject was spoken, and the call broke off before it was confirmed: the call back asks for that confirmation."""
    choose = {"bn": "1", "en": "2", "hi": "3"}[language]
    caller.dials().presses(choose, "1").speaks(words, language).hangs_up()
    work(runtime)
    assert only(app).description == words
    caller.dials()
    assert {"en": "Your last call was cut off.", "bn": "আপনার আগের কলটি কেটে গিয়েছিল।", "hi": "आपकी पिछली कॉल कट गई थी।"}[language] in caller.last_said
    assert asked not in caller.last_said, "what nobody confirmed is not said unasked"
    caller.presses("1")
    assert asked in caller.last_said
    caller.presses(key)
    complaint = only(app)
    assert (complaint.category_code, complaint.state, complaint.description) == (code, "draft", words)


def test_words_in_which_nothing_was_understood_go_on_at_the_categories(app, runtime, caller):
    caller.dials().presses("2", "1").speaks("hm hm hm", "en").hangs_up()
    caller.dials().presses("1")
    assert "What is it about" in caller.last_said or "road" in caller.last_said.lower()
    caller.presses("1", "1").speaks("a deep hole", "en")
    assert only(app).category_code.startswith("ROAD")


def test_cut_off_after_telling_the_registered_complaint_is_completed(app, runtime, caller):
    caller.dials().presses("2", "1", "1", "1").speaks("a deep hole", "en").hangs_up()
    work(runtime)
    before = only(app)
    assert before.incomplete
    caller.dials().presses("1")
    assert "Where is it?" in caller.last_said
    caller.presses("1", "713101", "1").speaks("Ratan", "en").presses("2", "9434099999#")
    assert "713101" not in caller.last_said
    assert "94340" in caller.last_said.replace(" ", "").replace(",", "") or "9 4 3 4 0" in caller.last_said
    caller.presses("1")
    assert "complaint number is" in caller.last_said
    after = only(app)
    assert (after.ack, after.incomplete, after.pincode, after.phone) == (before.ack, False, "713101", "+919434099999")
    assert [e.action for e in everything(runtime, Event)] == ["open", "register", "complete"]
    assert {r.purpose for r in everything(runtime, Recording)} == {"problem", "name"}
    caller.hangs_up()
    work(runtime)
    assert [e.state for e in everything(runtime, Callback)] == ["settled"]


def test_cut_off_twice_nothing_is_asked_again(app, runtime, caller):
    caller.dials().presses("2", "1", "1", "1").speaks("a deep hole", "en").hangs_up()
    caller.dials().presses("1", "1", "713101", "1").hangs_up()
    caller.dials().presses("1")
    assert "your name" in caller.last_said
    caller.speaks("Ratan", "en").hangs_up()
    caller.dials().presses("1")
    assert "reach you on this telephone" in caller.last_said
    caller.presses("1", "1")
    complaint = only(app)
    assert (complaint.pincode, complaint.incomplete) == ("713101", False)


def test_to_begin_anew_leaves_what_was_told(app, runtime, caller):
    caller.dials().presses("2", "1", "1").hangs_up()
    caller.dials().presses("2")
    assert "To file a complaint, press 1" in caller.last_said
    caller.presses("1", "2", "1").speaks("no water", "en").hangs_up()
    assert {c.category_code: c.state for c in everything(runtime, Complaint)} == {"ROAD": "draft", "WATER.NONE": "registered"}


def test_a_second_complaint_after_the_first_was_completed_is_one_of_its_own(runtime, caller):
    caller.dials().presses("2", "1", "1", "1").speaks("a deep hole", "en").hangs_up()
    caller.dials().presses("1", "3").speaks("Ratan", "en").presses("1", "1", "2", "1", "2", "1")
    caller.speaks("no water", "en").hangs_up()
    assert [c.category_code for c in everything(runtime, Complaint)] == ["ROAD.POTHOLE", "WATER.NONE"]


def test_not_after_an_hour_nor_from_another_telephone_nor_what_was_confirmed(runtime, caller, stranger):
    caller.dials().presses("2", "1", "1", "1").hangs_up()
    stranger.dials().presses("2")
    assert "press 2. To begin" not in stranger.last_said
    with runtime.writing() as db:
        db.execute(update(Call).values(ended_at=utc_now() - timedelta(minutes=61)))
    caller.dials()
    assert "To begin anew" not in caller.last_said
    files(stranger).hangs_up()
    stranger.dials()
    assert "নতুন করে" not in stranger.last_said


def test_a_message_left_for_an_agent_is_not_told_on(caller):
    caller.dials().presses("2", "0").speaks("my pension", "en").hangs_up()
    caller.dials()
    assert "To begin anew" not in caller.last_said


def test_on_a_shared_telephone_nothing_is_said_of_what_is_private(app, runtime, caller):
    reference = runtime.reference
    tops = [c.code for c in reference.top_categories()]
    position = tops.index("WOMEN")
    keys = ["6"] * (position // 5) + [str(position % 5 + 1)]
    caller.dials().presses("2", "1", *keys, "1").speaks("he beats me", "en").presses("1").hangs_up()
    caller.dials()
    assert "Your last call was cut off." in caller.last_said
    assert "violence" not in caller.last_said.lower()
    caller.presses("1", "*", "2")
    assert not any("Recordings" in text for text, _ in caller.said), "what was said in another call is not played"
    caller.presses("1", "3").speaks("S", "en").presses("1")
    assert "as you told us" in caller.last_said
    assert "violence" not in caller.last_said.lower()


def test_the_language_can_be_changed_before_going_on(app, caller):
    caller.dials().presses("2", "1", "1", "1").hangs_up()
    caller.dials().presses("*", "3")
    assert "बता रहे थे" in caller.last_said
    caller.presses("1")
    assert "बीप" in caller.last_said


def test_two_calls_that_both_go_on_file_one_complaint(app, network, caller):
    caller.dials().presses("2", "1", "1", "1").speaks("a deep hole", "en").hangs_up()
    one, two = Caller(network, caller.number).dials(), Caller(network, caller.number).dials()
    for call in (one, two):
        call.presses("1")
    for call in (one, two):
        call.presses("3").speaks("Ratan", "en").presses("1", "1").hangs_up()
    assert only(app).state == "registered"


# ── missed calls ──


def misses(caller, times=1):
    for _ in range(times):
        caller.dials().hangs_up()
    return caller


def test_a_missed_call_gets_the_last_status_and_a_call_back(app, runtime, caller):
    files(caller).hangs_up()
    work(runtime)
    misses(caller)
    work(runtime)
    message = everything(runtime, Outgoing)[-1]
    assert (message.template, message.language, message.to_number) == ("status.under_review", "bn", "+919830012345")
    assert [(e.reason, e.state) for e in everything(runtime, Callback)] == [("missed", "due")]


def test_without_a_complaint_how_the_line_is_used(runtime, caller):
    misses(caller)
    work(runtime)
    (message,) = everything(runtime, Outgoing)
    assert message.template == "notify.missed_call"
    assert "FILE" in message.body


def test_many_missed_calls_are_one_sms_and_one_entry(runtime, caller):
    misses(caller, times=4)
    work(runtime)
    misses(caller, times=2)
    work(runtime)
    assert len(everything(runtime, Outgoing)) == 1
    assert [e.calls for e in everything(runtime, Callback)] == [6]
    misses(caller)
    callbacks.work(runtime, utc_now() + timedelta(hours=13, minutes=1))
    assert len(everything(runtime, Outgoing)) == 2


@pytest.mark.parametrize(("number", "rung"), [("+913325551234", ["+913325551234"]), ("anonymous", []), ("+266696687", [])])
def test_landlines_get_no_sms_and_withheld_numbers_nothing(runtime, network, number, rung):
    misses(Caller(network, number))
    work(runtime)
    assert everything(runtime, Outgoing) == []
    assert [e.number for e in everything(runtime, Callback)] == rung


def test_a_call_that_listened_longer_or_pressed_a_key_was_not_missed(runtime, caller, stranger):
    caller.dials().presses("2").hangs_up()
    sid = stranger.dials().call.sid
    stranger.network.store.run("UPDATE calls SET started = started - 40 WHERE sid = ?", sid)
    stranger.hangs_up()
    work(runtime)
    assert [e.reason for e in everything(runtime, Callback)] == ["menu", "menu"]
    assert everything(runtime, Outgoing) == []
