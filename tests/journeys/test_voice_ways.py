"""Ways through a call that are easily forgotten: silence at the beep, hearing again, wrong digits, asking about what is over."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from helpline import acknowledgement, complaints
from helpline.complaints import Actor
from models import Complaint
from tests.journeys.test_voice import files, only

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
    caller.dials().presses("1", "3").speaks("the one by the school")
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
    landline.presses("1" if number != "anonymous" else "03325551234#", "1")
    assert "The complaint number is" in landline.last_said
    assert "SMS" not in landline.last_said
