from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from helpline import acknowledgement
from models import Complaint, Outgoing, Phone, Recording


def only(app, **where):
    with app.extensions["runtime"].reading() as db:
        rows = db.scalars(select(Complaint)).all()
        assert len(rows) == 1
        return rows[0]


def files(caller):
    """A whole filing in Bengali: drinking water, no supply, by PIN code."""
    caller.dials().presses("1", "1", "2", "1").speaks("তিন দিন ধরে কলে জল নেই")
    return caller.presses("1", "1", "713101", "1").speaks("মিনা").presses("1", "1")


def test_a_caller_files_in_bengali_and_hears_the_number_twice(app, caller):
    files(caller)
    complaint = only(app)
    assert complaint.state == "registered"
    assert not complaint.incomplete
    assert (complaint.category_code, complaint.district_code, complaint.pincode) == ("WATER.NONE", "306", "713101")
    assert (complaint.language, complaint.channel, complaint.phone) == ("bn", "voice", "+919830012345")
    said = caller.last_said
    spoken = "".join(re.findall(r"[০-৯]", said.split("অভিযোগ নম্বর:")[1]))
    assert spoken[:22] == complaint.ack.translate(str.maketrans("0123456789", "০১২৩৪৫৬৭৮৯")) * 2
    with app.extensions["runtime"].reading() as db:
        assert acknowledgement.display(complaint.ack) in db.scalars(select(Outgoing)).one().body
        assert {r.purpose for r in db.scalars(select(Recording))} == {"problem", "name"}


def test_every_bengali_word_is_spoken_by_a_bengali_voice(caller):
    files(caller)
    for heard in caller.call.heard:
        if heard.who == "helpline" and re.search("[\u0980-\u09ff]", heard.text):
            assert heard.voice.startswith("Google.bn-IN")


def test_a_known_number_is_greeted_in_its_language_and_offered_its_status(app, caller):
    files(caller).hangs_up()
    caller.dials()
    assert caller.heard("একটি অভিযোগ আমাদের কাছে আছে", "bn")
    complaint = only(app)
    assert not any("জনস্বাস্থ্য" in text for text, _ in caller.said), "nothing of its content is said unasked"
    caller.presses("1")
    assert caller.heard("পর্যালোচনাধীন")
    assert complaint.ack


def test_a_stranger_with_the_number_needs_the_mobile_number_too(app, caller, stranger):
    files(caller).hangs_up()
    ack = only(app).ack
    stranger.dials().presses("2", "2", ack)
    assert "mobile number" in stranger.last_said
    stranger.presses("9434099999")
    assert "do not match" in stranger.last_said
    stranger.presses("9830012345")
    assert "under review" in stranger.last_said


def test_a_wrong_digit_is_caught_before_any_look_up(app, caller, stranger):
    files(caller).hangs_up()
    ack = only(app).ack
    stranger.dials().presses("2", "2", ack[:-1] + str((int(ack[-1]) + 1) % 10))
    assert "A digit of that complaint number" in stranger.last_said


def test_cut_off_after_keys_leaves_a_draft(app, caller):
    caller.dials().presses("1", "1", "2", "1").hangs_up()
    complaint = only(app)
    assert (complaint.state, complaint.category_code, complaint.ack) == ("draft", "WATER.NONE", None)
    assert complaint.incomplete


@pytest.mark.parametrize("when", ["during", "after"])
def test_cut_off_after_speaking_is_a_registered_complaint(app, caller, when):
    caller.dials().presses("1", "1", "1", "1")
    if when == "during":
        caller.hangs_up(saying="রাস্তা ভেঙে গেছে")
    else:
        caller.speaks("রাস্তা ভেঙে গেছে").hangs_up()
    complaint = only(app)
    assert (complaint.state, complaint.incomplete) == ("registered", True)
    with app.extensions["runtime"].reading() as db:
        assert db.scalars(select(Outgoing)).one().template == "notify.registered_incomplete"


def test_silence_is_asked_again_and_at_last_offered_a_person(caller):
    caller.dials().presses("2").waits()
    assert "did not hear" in caller.last_said
    caller.waits()
    assert "with the keys" in caller.last_said
    caller.waits()
    assert "A person will help you" in caller.last_said


def test_nobody_at_the_desk_means_a_message_which_is_a_complaint(app, caller):
    caller.dials().presses("2", "0").speaks("please ring me about my pension")
    complaint = only(app)
    assert (complaint.state, complaint.incomplete) == ("registered", True)
    assert "complaint number is" in caller.last_said


def test_speech_is_a_shortcut_confirmed_by_a_key(app, caller):
    caller.dials().presses("2", "1").speaks("street light is not working", "en")
    assert "Street light" in caller.last_said
    caller.presses("1").hangs_up()
    assert only(app).category_code == "ROAD.LIGHT"


def test_the_language_can_be_changed(app, caller):
    caller.dials().presses("2", "7", "3")
    assert caller.heard("नई शिकायत", "hi")
    with app.extensions["runtime"].reading() as db:
        assert db.get(Phone, "+919830012345").language == "hi"


def test_a_withheld_number_keys_in_a_contact(app, network):
    from simulator.driver import Caller

    hidden = Caller(network, "anonymous").dials().presses("2", "1", "1", "1").speaks("road", "en")
    hidden.presses("1", "3").speaks("R", "en").presses("12345#")
    assert "does not look like a telephone number" in hidden.last_said
    hidden.presses("9830077777#", "1")
    assert only(app).phone == "+919830077777"


def test_after_resolution_the_caller_says_no_and_it_goes_to_the_next_senior(app, caller, now):
    from helpline import complaints
    from helpline.complaints import Actor

    files(caller).hangs_up()
    runtime, complaint = app.extensions["runtime"], only(app)
    with runtime.writing() as db:
        desk = Actor("cell", "agent")
        complaints.act(db, runtime, complaint.id, "review", desk, now)
        complaints.act(db, runtime, complaint.id, "resolve", desk, now, {"report": "The pump was repaired today"})
    caller.dials().presses("1", "2")
    assert "ঊর্ধ্বতন আধিকারিক" in caller.last_said
    assert (only(app).state, only(app).level) == ("reopened", 3)
