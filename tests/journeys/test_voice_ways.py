"""Ways through a call that are easily forgotten: silence at the beep, hearing again, wrong digits, asking about what is over."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from helpline import acknowledgement, complaints
from helpline.complaints import Actor
from models import Complaint, Recording
from tests.conftest import ONE_STORE
from tests.journeys.test_voice import files, only

pytestmark = ONE_STORE

DESK = Actor("cell", "agent")


def act(app, now, *steps):
    """Each step: (action, what it is given)."""
    runtime = app.extensions["runtime"]
    for action, given in steps:
        with runtime.writing() as db:
            complaints.act(db, runtime, only(app).id, action, DESK, now, given)


REJECT = ("reject", {"rejection_reason": "court", "reason": "pending at court"})
RESOLVE = ("resolve", {"report": "The pump was repaired today"})
REVIEW = ("review", {})


def test_silence_at_the_problem_is_asked_again_and_then_leads_to_a_person(caller):
    caller.dials().presses("2", "1", "1", "1").waits()
    assert caller.is_talking
    assert "did not hear" in caller.last_said
    assert "After the beep" in caller.last_said
    caller.waits().waits()
    assert "A person will help you" in caller.last_said
    assert caller.is_talking


def test_no_name_said_goes_on_to_the_telephone_number(app, caller):
    caller.dials().presses("2", "1", "1", "1").speaks("broken road").presses("1", "3").waits()
    assert "reach you on this telephone" in caller.last_said
    caller.presses("1", "1")
    assert only(app).state == "registered"


def test_silence_at_a_message_is_asked_again(caller):
    caller.dials().presses("2", "0").waits()
    assert caller.is_talking
    caller.waits()
    assert caller.is_talking


def test_silence_at_an_addition_is_asked_again(app, caller):
    files(caller).hangs_up()
    caller.dials().presses("2", "3", only(app).ack).waits()
    assert caller.is_talking
    assert "বিপ" in caller.last_said


def test_the_number_is_heard_again_with_the_key_that_is_named(app, caller):
    files(caller)
    first = caller.last_said
    assert caller.presses("1").last_said == first
    assert caller.presses("1").last_said == first
    assert caller.presses("9").last_said == first


def test_the_status_is_heard_again_with_the_key_that_is_named(app, caller):
    files(caller).hangs_up()
    told = caller.dials().presses("1").last_said
    assert "পর্যালোচনাধীন" in told
    assert caller.presses("1").last_said == told


def test_what_was_rejected_is_not_told_as_under_review(app, caller, now):
    files(caller).hangs_up()
    act(app, now, REVIEW, REJECT)
    caller.dials().presses("2", only(app).ack)
    assert "গ্রহণ করা যায়নি" in caller.last_said
    assert "পর্যালোচনাধীন" not in caller.last_said
    assert "সম্ভাব্য তারিখ" not in caller.last_said
    caller.presses("3")
    assert only(app).state == "reopened"


def test_what_is_closed_has_no_expected_date_and_can_be_reopened(app, caller, now):
    files(caller).hangs_up()
    act(app, now, REVIEW, RESOLVE)
    caller.dials().presses("1", "1", "5").hangs_up()
    assert only(app).state == "closed"
    caller.dials().presses("2", only(app).ack)
    assert "বন্ধ" in caller.last_said
    assert "সম্ভাব্য তারিখ" not in caller.last_said
    caller.presses("3")
    assert only(app).state == "reopened"


def test_the_question_whether_it_is_solved_says_which_complaint(app, caller, now):
    files(caller).hangs_up()
    act(app, now, REVIEW, RESOLVE)
    caller.dials().presses("1")
    spoken = acknowledgement.display(only(app).ack).translate(str.maketrans("0123456789", "০১২৩৪৫৬৭৮৯"))
    assert ", ".join(spoken.replace(" ", "")) in caller.last_said
    assert "জনস্বাস্থ্য কারিগরি" in caller.last_said


def test_what_is_asked_is_answered_from_the_status(app, caller, now):
    files(caller).hangs_up()
    act(app, now, REVIEW, ("ask", {"question": "which tap?"}))
    caller.dials().presses("1")
    assert "which tap?" in caller.last_said, "whoever is asked hears the question"
    caller.presses("3").speaks("the one by the school")
    assert only(app).state == "in_progress"


def test_several_open_complaints_are_told_one_after_the_other(app, caller):
    files(caller).hangs_up()
    caller.dials().presses("2", "1", "2", "1").speaks("জল নেই").presses("1", "3").speaks("মিনা").presses("1", "1").hangs_up()
    with app.extensions["runtime"].reading() as db:
        old, new = [c.ack for c in db.scalars(select(Complaint).order_by(Complaint.id))]
    said = caller.dials().presses("1").last_said
    assert spoken_bn(new) in said
    said = caller.presses("4").last_said
    assert spoken_bn(old) in said
    assert "৪ টিপুন" not in said


def spoken_bn(ack):
    return ", ".join(ack.translate(str.maketrans("0123456789", "০১২৩৪৫৬৭৮৯")))


@pytest.mark.parametrize(
    ("keys", "digits", "says"),
    [
        (("1", "1", "1"), "000000", "do not find that PIN code"),
        (("2",), "26123456789", "A digit of that complaint number"),
        (("3",), "26123456789", "A digit of that complaint number"),
        (("4",), "26123456789", "A digit of that complaint number"),
    ],
)
def test_wrong_digits_are_asked_again_in_place_and_a_third_time_lead_to_a_person(caller, keys, digits, says):
    caller.dials().presses("2", *keys)
    if digits == "000000":
        caller.speaks("road").presses("1", "1")
    for _ in range(2):
        caller.presses(digits)
        assert says in caller.last_said
        assert "key in" in caller.last_said
    caller.presses(digits)
    assert "A person will help you" in caller.last_said


def test_a_wrong_telephone_number_a_third_time_leads_to_a_person(caller):
    caller.dials().presses("2", "1", "1", "1").speaks("road").presses("1", "3").speaks("R").presses("2")
    for _ in range(2):
        assert "does not look like a telephone number" in caller.presses("12345#").last_said
    assert "A person will help you" in caller.presses("12345#").last_said


def test_a_mobile_number_that_does_not_match_is_asked_again_in_place(app, caller, stranger):
    files(caller).hangs_up()
    stranger.dials().presses("2", "2", only(app).ack, "9434099999")
    assert "do not match" in stranger.last_said
    stranger.presses("9830012345")
    assert "under review" in stranger.last_said


def test_what_was_withdrawn_is_not_told_as_resolved(app, caller):
    files(caller).hangs_up()
    caller.texts(f"CANCEL {only(app).ack}")
    caller.dials().presses("2", only(app).ack)
    assert "প্রত্যাহার" in caller.last_said
    assert "নিষ্পত্তি" not in caller.last_said
    assert "প্রত্যাহার" in caller.texts(f"STATUS {only(app).ack}").reads
    assert "নিষ্পত্তি" not in caller.reads


@pytest.mark.parametrize("number", ["+913325551234", "anonymous"])
def test_no_sms_is_promised_where_none_can_arrive(network, number):
    from simulator.driver import Caller

    landline = Caller(network, number)
    landline.dials().presses("2", "1", "1", "1").speaks("road").presses("1", "3").speaks("R")
    landline.presses(*(("1",) if number != "anonymous" else ("1", "03325551234#")), "1")
    assert "The complaint number is" in landline.last_said
    assert "SMS" not in landline.last_said


def test_places_are_said_in_the_callers_script_or_not_at_all(app, caller):
    caller.dials().presses("1", "1", "2", "1").speaks("জল নেই").presses("1", "1", "713101")
    assert "বর্ধমান, পূর্ব বর্ধমান জেলা" in caller.last_said
    caller.presses("2", "712409")
    assert "হুগলি জেলা" in caller.last_said
    assert not re.search("[A-Za-z]", caller.last_said)
    caller.presses("1").speaks("মিনা").presses("1")
    assert not re.search("[A-Za-z]", caller.last_said)


def test_offices_are_said_in_hindi_to_who_chose_hindi(app, caller):
    caller.dials().presses("3", "1", "1", "1").speaks("सड़क", "hi").presses("1", "1", "713101", "1").speaks("मीना", "hi").presses("1")
    assert not re.search("[A-Za-z]", caller.last_said)
    caller.presses("1").hangs_up()
    assert "लोक निर्माण विभाग" in caller.dials().presses("1").last_said


def test_districts_are_offered_by_their_people(caller):
    caller.dials().presses("2", "1", "1", "1").speaks("road").presses("1", "2")
    assert caller.last_said.index("Kolkata") < caller.last_said.index("North 24 Parganas") < caller.last_said.index("Murshidabad")


def test_words_said_at_the_menu_are_kept_when_the_call_breaks_off(app, caller):
    caller.dials().presses("1", "1").speaks("আমাদের গ্রামে তিন দিন জল নেই").hangs_up()
    complaint = only(app)
    assert (complaint.state, complaint.description, complaint.incomplete) == ("draft", "আমাদের গ্রামে তিন দিন জল নেই", True)


def summed_up(caller):
    return caller.dials().presses("2", "1", "1", "1").speaks("road").presses("1", "1", "713101", "1").speaks("R").presses("1")


@pytest.mark.parametrize(
    ("way", "field", "value"),
    [
        (lambda c: c.presses("1", "2", "1"), "category_code", "WATER.NONE"),
        (lambda c: c.presses("2", "1", "700124", "1"), "pincode", "700124"),
        (lambda c: c.presses("3").speaks("the other road").presses("1"), "category_code", "ROAD.POTHOLE"),
        (lambda c: c.presses("4", "2", "9830077777#"), "phone", "+919830077777"),
    ],
)
def test_what_is_to_be_changed_is_changed_and_summed_up_again(app, caller, way, field, value):
    summed_up(caller).presses("2")
    assert "What shall we change?" in caller.last_said
    way(caller)
    assert "Your complaint:" in caller.last_said
    caller.presses("1")
    assert (only(app).state, getattr(only(app), field)) == ("registered", value)


def test_star_at_what_to_change_leads_back_to_the_summary(caller):
    assert "Your complaint:" in summed_up(caller).presses("2", "*").last_said


def test_a_withheld_number_may_go_on_without_one(app, network):
    from simulator.driver import Caller

    hidden = Caller(network, "anonymous").dials().presses("2", "1", "1", "1").speaks("road", "en").presses("1", "3").speaks("R", "en")
    assert "did not reach us" in hidden.last_said
    hidden.presses("2")
    assert "none given" in hidden.last_said
    hidden.presses("1")
    assert (only(app).state, only(app).phone) == ("registered", None)


def test_out_of_hours_it_is_said_when_the_agents_are_there(network, app, caller, monkeypatch):
    from helpline import queueing

    monkeypatch.setattr(queueing, "is_open", lambda *_: False)
    caller.dials().presses("2", "0")
    assert "from 8 in the morning to 8 at night" in caller.last_said
    assert "free just now" not in caller.last_said
    assert "After the beep" in caller.last_said


def test_an_address_nobody_made_registers_nothing_complete(app):
    from tests.ivr.test_walk import post

    client = app.test_client()
    post(client, "/ivr/incoming", {"CallSid": "CAnobody"})
    post(client, "/ivr/step?at=summary&l=en&n=9", {"CallSid": "CAnobody", "Digits": "1"})
    assert only(app).incomplete


@pytest.mark.parametrize(("key", "then"), [("0", "After the beep"), ("*", "press 1")])
def test_a_key_that_ends_a_recording_leads_where_it_leads_and_what_was_said_is_kept(app, caller, key, then):
    caller.dials().presses("2", "1", "1", "1").speaks("the road is broken", "en", ending=key)
    assert then in caller.last_said
    with app.extensions["runtime"].reading() as db:
        assert db.scalars(select(Recording)).one().purpose == "problem"


def test_star_within_a_number_goes_back(caller):
    caller.dials().presses("2", "1", "1", "1").speaks("road").presses("1", "1", "71*")
    assert "If you know the PIN code" in caller.last_said


@pytest.mark.parametrize("language", ["1", "2", "3"])
def test_who_cannot_be_rung_is_promised_no_call(app, network, language):
    """A withheld number: the message for an agent asks for a number, and no message is spoken of that nobody can get."""
    from simulator.driver import Caller

    promise = re.compile("call you back|ফোন করব[।,]|फोन करेंगे")
    hidden = Caller(network, "anonymous").dials().presses(language, "0")
    assert re.search("telephone number|ফোন নম্বর|फोन नंबर", hidden.last_said)
    assert not promise.search(hidden.last_said)
    hidden.waits()
    assert not promise.search(hidden.last_said), "also where it is asked again"
    hidden.speaks("road")
    assert only(app).state == "registered"
    assert not re.search("Messages|বার্তায়|संदेश", hidden.last_said)
    known = Caller(network, "+919830012345").dials().presses(language, "0")
    assert promise.search(known.last_said)
