"""What is taken for an answer, and what never is lost: silence, a second complaint, small talk, too many messages."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from helpline import acknowledgement, complaints, worker
from helpline.complaints import Actor
from helpline.runtime import utc_now
from models import Complaint, Event, Outgoing
from tests.conftest import ONE_STORE
from tests.journeys.test_sms import only, resolved

pytestmark = ONE_STORE

NOTICE = "112"


def all_of(app):
    with app.extensions["runtime"].reading() as db:
        return db.scalars(select(Complaint).order_by(Complaint.created_at, Complaint.id)).all()


def events(app, action):
    with app.extensions["runtime"].reading() as db:
        return [e.data for e in db.scalars(select(Event).where(Event.action == action).order_by(Event.id))]


# ── nothing is lost ──


def test_what_nobody_confirmed_waits_for_an_agent(app, caller):
    caller.texts("amader rasta khub kharap, Raina")
    assert (only(app).state, only(app).incomplete) == ("draft", True)
    caller.texts("ha")
    assert (only(app).state, only(app).incomplete) == ("registered", False)


def test_a_subject_without_details_waits_for_an_agent(app, caller):
    caller.texts("WATER")
    assert (only(app).state, only(app).incomplete) == ("draft", True)


def later(app, **time):
    runtime = app.extensions["runtime"]
    worker.run_once(runtime, worker.utc_now() + timedelta(**time))


def test_what_nobody_confirmed_is_registered_when_the_question_has_lapsed(app, caller):
    caller.texts("amader rasta khub kharap, Raina")
    later(app, hours=23)
    assert only(app).state == "draft"
    later(app, hours=25)
    complaint = only(app)
    assert (complaint.state, complaint.incomplete) == ("registered", True)
    with app.extensions["runtime"].reading() as db:
        told = db.scalars(select(Outgoing).where(Outgoing.template == "notify.registered_incomplete")).one()
    assert acknowledgement.display(complaint.ack) in told.body


def test_danger_is_registered_after_an_hour_without_an_answer(app, caller):
    caller.texts("emergency! fire in my house help")
    later(app, minutes=61)
    assert only(app).state == "registered"


def test_a_subject_alone_is_not_registered_by_itself(app, caller):
    caller.texts("WATER")
    later(app, hours=25)
    assert only(app).state == "draft"


def test_beyond_the_limit_complaints_are_kept_and_only_the_answer_is_withheld(app, caller):
    for _ in range(app.extensions["runtime"].config.fairness.messages_per_hour):
        caller.texts("hello")
    assert caller.replies
    first = caller.texts("hello").reads
    assert "answers come together" in first, "said once"
    caller.texts("FILE the ration dealer gives less rice in Barasat, nobody listens")
    assert caller.replies == []
    complaint = only(app)
    assert (complaint.state, complaint.district_code) == ("registered", "303")
    later(app, minutes=10)
    assert not any(acknowledgement.display(complaint.ack) in body for body in caller.messages), "only answers are limited"
    with app.extensions["runtime"].reading() as db:
        assert db.scalars(select(Outgoing).where(Outgoing.complaint_id == complaint.id)).one().state == "replaced"


@pytest.mark.parametrize("sender", ["Restricted", "", "AD-WBGOVT"])
def test_a_filing_from_nobodys_number_is_kept_for_an_agent(app, network, sender):
    assert network.text(sender, "FILE my father was beaten by police in Barasat") == []
    complaint = only(app)
    assert (complaint.state, complaint.incomplete, complaint.phone) == ("registered", True, None)
    assert network.text(sender, "win a lottery now") == []
    only(app)


# ── answers ──


def asked_for_a_place(caller):
    caller.texts("FILE street light not working")
    assert "Where is it" in caller.reads


def asked_for_a_name(caller):
    caller.texts("FILE street light not working in Barasat")
    assert "name" in caller.reads


@pytest.mark.parametrize("said", ["ok", "thank you", "yes", "what", "thanks sir", "haan", "hyan", "haan ji", "হ্যাঁ", "जी हाँ", "thik ache", "ঠিক আছে", "👍"])
def test_small_talk_is_no_name_and_the_question_stays_open(app, caller, said):
    asked_for_a_name(caller)
    caller.texts(said)
    assert only(app).name == ""
    assert acknowledgement.display(only(app).ack) in caller.reads
    caller.texts("Rahim Sk")
    assert only(app).name == "Rahim Sk"


@pytest.mark.parametrize("said", ["no", "dont know", "জানি না"])
def test_no_name_leaves_it_open_and_ends_the_questions(app, caller, said):
    asked_for_a_name(caller)
    caller.texts(said)
    assert only(app).name == ""
    assert acknowledgement.display(only(app).ack) in caller.reads


@pytest.mark.parametrize("said", ["no", "dont know", "jani na"])
def test_no_place_goes_on_to_the_name(app, caller, said):
    asked_for_a_place(caller)
    caller.texts(said)
    assert only(app).place == ""
    assert "name" in caller.reads or "নাম" in caller.reads


def test_more_about_the_same_is_added(app, caller):
    asked_for_a_name(caller)
    caller.texts("The street light is broken too near the market since Monday")
    assert only(app).name == ""
    assert [e["text"] for e in events(app, "add")] == ["The street light is broken too near the market since Monday"]
    caller.texts("Rahim Sk")
    assert only(app).name == "Rahim Sk"


@pytest.mark.parametrize("asked", [asked_for_a_place, asked_for_a_name])
def test_a_second_complaint_is_one_of_its_own(app, caller, asked):
    asked(caller)
    caller.texts("there is also no electricity in our village for the last five days")
    first, second = all_of(app)
    assert (first.category_code, first.state) == ("ROAD.LIGHT", "registered")
    assert (second.category_code.partition(".")[0], second.state) == ("ELEC", "draft")
    assert "electricity" not in first.place + first.name + first.description
    caller.texts("yes")
    assert all_of(app)[1].state == "registered"


@pytest.mark.parametrize(("said", "district"), [("near primary school, Kalna", "306"), ("hospital er pashe, ward 7", None), ("ration dokan er samne, Kalna", "306")])
def test_words_that_name_a_place_are_a_place_even_with_a_landmark(app, caller, said, district):
    asked_for_a_place(caller)
    caller.texts(said)
    assert (only(app).district_code, only(app).category_code) == (district, "ROAD.LIGHT")
    assert "name" in caller.reads or "নাম" in caller.reads


def test_a_place_nobody_knows_is_kept_as_written(app, caller):
    asked_for_a_place(caller)
    caller.texts("Kalomegh Bagan")
    assert only(app).place == "Kalomegh Bagan"


def test_small_talk_does_not_answer_an_offices_question_and_a_second_complaint_neither(app, caller, now):
    caller.texts("FILE street light not working in Barasat").texts("A Sen")
    runtime = app.extensions["runtime"]
    with runtime.writing() as db:
        complaints.act(db, runtime, only(app).id, "review", Actor("cell", "agent"), utc_now())
        complaints.act(db, runtime, only(app).id, "ask", Actor("cell", "agent"), utc_now(), {"question": "Which lane?"})
    caller.texts("thanks")
    assert only(app).state == "action_required"
    caller.texts("there is also no electricity in our village for the last five days")
    assert [c.state for c in all_of(app)] == ["action_required", "draft"]
    caller.texts("yes")
    assert [c.state for c in all_of(app)] == ["action_required", "registered"]


@pytest.mark.parametrize("said", ["the lane behind the school", "2nd lane", "hospital er pashe"])
def test_a_plain_reply_answers_an_offices_question(app, caller, said):
    caller.texts("FILE street light not working in Barasat").texts("A Sen")
    runtime = app.extensions["runtime"]
    with runtime.writing() as db:
        complaints.act(db, runtime, only(app).id, "review", Actor("cell", "agent"), utc_now())
        complaints.act(db, runtime, only(app).id, "ask", Actor("cell", "agent"), utc_now(), {"question": "Which lane?"})
    caller.texts(said)
    assert (only(app).state, events(app, "answer")[0]["text"]) == ("in_progress", said)


LONG = "Which of the two lanes behind the primary school is meant, the one with the pond or the one that leads to the mosque, and who has the key of the lamp?"


@pytest.mark.parametrize(("question", "read"), [
    ("Which lane?", "Which lane?"),
    ("Which  lane,\nthe one behind the school?", "Which lane, the one behind the school?"),
    (LONG, "Which of the two lanes behind the primary school is meant, the one with the pond or the one that leads to the..."),
])  # fmt: skip
def test_an_offices_question_is_in_the_message_and_in_the_status(app, caller, question, read):
    caller.texts("FILE street light not working in Barasat").texts("A Sen")
    runtime = app.extensions["runtime"]
    with runtime.writing() as db:
        complaints.act(db, runtime, only(app).id, "review", Actor("cell", "agent"), utc_now())
        complaints.act(db, runtime, only(app).id, "ask", Actor("cell", "agent"), utc_now(), {"question": question})
    with runtime.reading() as db:
        [sms] = db.scalars(select(Outgoing).where(Outgoing.template == "notify.action_required"))
    assert f"asks: {read} Please" in sms.body
    caller.texts("STATUS")
    assert f"asks: {read} Please" in caller.reads
    caller.texts(f"STATUS {only(app).ack}")
    assert f"asks: {read} Please" in caller.reads


@pytest.mark.parametrize("said", ["thanks", "wrong number", "who is this"])
def test_small_talk_registers_nothing(app, caller, said):
    caller.texts("amader rasta khub kharap, Raina").texts(said)
    assert only(app).state == "draft"
    caller.texts("ha")
    assert only(app).state == "registered"


def test_two_complaints_in_a_row_are_two(app, caller):
    caller.texts("our whole area near Ghatal is under flood water, no relief yet")
    caller.texts("stop the corruption in ration shop at Kalna, dealer takes bribe")
    first, second = all_of(app)
    assert "corruption" not in first.description
    assert (first.state, second.state) == ("draft", "draft")
    caller.texts("yes")
    assert [c.state for c in all_of(app)] == ["draft", "registered"]


def test_more_of_the_same_before_the_yes_is_the_same_complaint(app, caller):
    caller.texts("amader rasta khub kharap, Raina")
    caller.texts("rastay onek gorto, school jete pare na keu")
    assert "gorto" in only(app).description
    caller.texts("ha")
    assert only(app).state == "registered"


# ── yes, no and digits only where something was asked ──


def test_a_bare_no_reopens_nothing_that_was_closed(app, caller, now):
    caller.texts("FILE no street light in Barasat").texts("A Sen")
    resolved(app, utc_now())
    caller.texts("yes")
    assert only(app).state == "closed"
    for said in ("no", "না", "nahi"):
        caller.texts(said)
        assert only(app).state == "closed"


def test_a_one_sent_twice_is_no_rating(app, caller, now):
    caller.texts("FILE no street light in Barasat").texts("A Sen")
    resolved(app, utc_now())
    caller.texts("1").texts("1")
    assert (only(app).state, only(app).rating) == ("closed", None)
    assert "RATE" in caller.reads
    caller.texts("4")
    assert only(app).rating == 4
    caller.texts("FILE no water at Kalna station for days").texts("2")
    assert all_of(app)[1].state == "registered"


def test_a_bare_digit_with_nothing_asked_rates_nothing(app, caller):
    caller.texts("FILE no street light in Barasat").texts("A Sen").texts("3")
    assert (only(app).state, only(app).rating) == ("registered", None)


def test_with_two_resolved_it_is_asked_which(app, caller, now):
    caller.texts("FILE no street light in Barasat").texts("A Sen")
    caller.texts("FILE no water for days in Kalna").texts("A Sen")
    runtime = app.extensions["runtime"]
    with runtime.writing() as db:
        for complaint in all_of(app):
            complaints.act(db, runtime, complaint.id, "review", Actor("cell", "agent"), utc_now())
            complaints.act(db, runtime, complaint.id, "resolve", Actor("cell", "agent"), utc_now(), {"report": "It was repaired today"})
    first, second = all_of(app)
    caller.texts("2")
    assert {c.state for c in all_of(app)} == {"resolved"}
    assert acknowledgement.display(first.ack) in caller.reads or acknowledgement.display(second.ack) in caller.reads
    caller.texts(acknowledgement.display(first.ack))
    assert [c.state for c in all_of(app)] == ["reopened", "resolved"]
    caller.texts("1")
    assert [c.state for c in all_of(app)] == ["reopened", "closed"]


# ── danger ──


@pytest.mark.parametrize(
    "text",
    ["emergency! fire in my house help", "বাড়িতে আগুন লেগেছে", "HELP me my house is flooded in Ghatal", "my child is drowning in the pond",
     "ghar mein aag lagi hai", "आग लग गई है बचाओ", "electric shock lege ek jon pore ache", "someone is beating my wife now",
     "FILE live wire fallen on the road in Kalna", "bari te agun legeche", "gram e hati dhukeche"],
)  # fmt: skip
def test_danger_to_life_is_told_the_emergency_number(caller, text):
    assert NOTICE in caller.texts(text).reads


@pytest.mark.parametrize("text", ["FILE no water supply for three days in Kalna", "FILE otp fraud, money cut from account", "FILE no relief received after flood in Khanakul"])
def test_no_danger_no_notice(caller, text):
    assert "danger" not in caller.texts(text).reads


def test_the_notice_stands_behind_the_name_of_the_sender_and_in_the_confirmed_answer(app, caller):
    caller.texts("emergency! fire in my house help")
    assert caller.reads.startswith("CM Helpline:")
    assert NOTICE in caller.texts("yes").reads
    assert caller.reads.startswith("CM Helpline:")


# ── as it was written ──


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("FILE No Water since Monday, PIN 713101, ask Rahim Sk", "No Water since Monday, PIN 713101, ask Rahim Sk"),
        ("অভিযোগ তিন দিন জল নেই, পিন ৭১৩১০১", "তিন দিন জল নেই, পিন ৭১৩১০১"),
        ("File:  Street Light OUT\x01\x02 in Barasat", "Street Light OUT in Barasat"),
    ],
)
def test_the_citizens_words_are_kept_as_written(app, caller, text, kept):
    caller.texts(text)
    assert " ".join(only(app).description.split()) == kept


def test_an_addition_is_kept_as_written(app, caller):
    caller.texts("FILE no street light in Barasat")
    caller.texts(f"Add {acknowledgement.display(only(app).ack)} Near the School, Ward ৭")
    assert events(app, "add")[-1]["text"] == "Near the School, Ward ৭"


# ── in the language of the conversation ──


def test_a_name_or_a_pin_code_is_nobodys_language(app, caller):
    caller.texts("অভিযোগ রাস্তার আলো জ্বলছে না")
    caller.texts("713101")
    assert "নাম" in caller.reads
    caller.texts("Rahim Sk")
    assert "তথ্য" in caller.reads


@pytest.mark.parametrize("said", ["2", "RATE {ack} 5", "REOPEN {ack}", "👍"])
def test_what_has_no_word_is_answered_in_the_language_of_the_telephone(app, caller, said):
    caller.dials().presses("1").hangs_up()
    caller.texts("FILE no water supply for three days in Kalna").texts("Rahim Sk")
    caller.texts(said.format(ack=only(app).ack))
    assert re.search("[\u0980-\u09ff]", caller.reads), caller.reads


@pytest.mark.parametrize("number", ["26123456789", "261 2345 6789", "9830000000", "২৬১২৩৪৫৬৭৮৯"])
def test_a_lone_number_that_is_no_complaints_is_answered_as_one(caller, number):
    assert "wrong" in caller.texts(number).reads or "ভুল" in caller.reads


def test_a_picture_without_words_is_told_what_to_do(app, network):
    reply = network.text("+919830012345", "", media=1)
    assert "ছবি" in reply[0]


# ── offices and dates, whole and in one script ──


@pytest.mark.parametrize("language", ["bn", "en", "hi"])
def test_no_office_is_cut_in_a_message(app, language):
    from prompts.catalogue import MAX_VALUE

    for department in app.extensions["runtime"].reference.departments.values():
        assert 0 < len(department.short_name(language)) <= MAX_VALUE, department.code
        assert language == "en" or not re.search("[A-Za-z]", department.short_name(language) + department.name(language)), department.code


def test_the_numbers_of_a_message_are_in_one_kind_of_digits(caller):
    caller.texts("অভিযোগ তিন দিন জল নেই, পিন ৭১৩১০১")
    assert re.search("[0-9]", caller.reads)
    assert not re.search("[০-৯]", caller.reads)


# ── beside the question ──


@pytest.mark.parametrize(
    "said",
    ["amar obhijog tar ki holo?", "what happened to my complaint", "আমার অভিযোগের কি খবর", "ki holo", "मेरी शिकायत का क्या हुआ", "kobe hobe kaj"],
)
@pytest.mark.parametrize("filed", ["obhijog amader rasta khub kharap, Barasat", "obhijog amader rasta khub kharap"])
def test_a_question_for_the_status_is_answered_while_a_name_or_place_is_asked_for(app, caller, filed, said):
    caller.texts(filed)
    before = only(app)
    caller.texts(said)
    assert acknowledgement.display(before.ack) in caller.reads
    assert re.search("under review|পর্যালোচনাধীন|समीक्षाधीन", caller.reads)
    assert not events(app, "add")
    assert not events(app, "complete")
    caller.texts("Barasat" if "Barasat" not in filed else "Rahima Bibi")
    assert events(app, "complete"), "the question is still open"


@pytest.mark.parametrize("said", ["amar obhijog batil korun", "আমার অভিযোগ বাতিল করুন"])
def test_a_complaint_is_taken_back_while_a_name_is_asked_for(app, caller, said):
    caller.texts("obhijog amader rasta khub kharap, Barasat")
    caller.texts(said)
    assert (only(app).state, only(app).name) == ("closed", "")


@pytest.mark.parametrize("said", ["batil korun", "amar obhijog batil korun", "cancel"])
@pytest.mark.parametrize("told", ["amader rasta khub kharap, Raina", "rasta"])
def test_cancel_takes_back_what_is_not_registered_yet(app, caller, told, said):
    caller.texts(told)
    caller.texts(said)
    assert "নথিভুক্ত করা হল না" in caller.reads or "not registered" in caller.reads
    assert only(app).state != "registered"


@pytest.mark.parametrize("said", ["koi kichui to holo na", "keu to elo na", "kichu holo na", "কিছুই তো হল না"])
def test_a_sentence_is_nobodys_name(app, caller, said):
    caller.texts("obhijog amader rasta khub kharap, Barasat")
    caller.texts(said)
    assert only(app).name == ""


@pytest.mark.parametrize("name", ["Rahima Bibi", "amar nam Rekha Das", "Alo Rani Das", "Dr. S. K. Sen", "আমার নাম রেখা দাস", "Kajal Roy", "Tapan Kr. Jana"])
def test_names_of_everyday_words_are_names(app, caller, name):
    caller.texts("obhijog amader rasta khub kharap, Barasat")
    caller.texts(name)
    assert only(app).name


def test_the_place_sent_again_is_nobodys_name(app, caller):
    caller.texts("অভিযোগ আমাদের পাড়ায় জল নেই, তমলুক")
    caller.texts("তমলুক")
    assert "নাম" in caller.reads
    assert only(app).name == ""
    caller.texts("রহিমা বিবি")
    assert only(app).name == "রহিমা বিবি"


def test_a_first_name_that_stays_is_kept_in_the_correction(app, caller):
    caller.texts("obhijog amader rasta khub kharap, Barasat")
    caller.texts("Gopal Das")
    caller.texts("nam vul, Gopal Dey hobe")
    assert only(app).name == "Gopal Dey"


@pytest.mark.parametrize("said", ["STATUS 2636494455", "status 12345678901", "RATE 4", "reopen", "status Rahima", "STATUS", "CANCEL", "pin vul, 721636 hobe"])
def test_a_keyword_is_nobodys_language(app, caller, said):
    caller.texts("obhijog amader rasta khub kharap, Barasat")
    caller.texts("Rahima Bibi")
    caller.texts(said)
    assert re.search("[\u0980-\u09ff]", caller.reads), caller.reads


@pytest.mark.parametrize("said", ["RATE 4", "REOPEN", "REOPEN it is still broken"])
def test_what_cannot_be_done_yet_is_said_of_the_complaint_that_is_there(app, caller, said):
    caller.texts("FILE the road is broken, Barasat")
    caller.texts("Rahim Sk")
    caller.texts(said)
    assert acknowledgement.display(only(app).ack) in caller.reads
    assert "cannot be done" in caller.reads
    assert "no complaint" not in caller.reads
    assert "wrong" not in caller.reads


def test_a_count_is_no_complaint_number(app, caller):
    caller.texts("obhijog amader rasta khub kharap, Barasat")
    caller.texts("amar 2 to obhijog er khobor din")
    assert "পর্যালোচনাধীন" in caller.reads


@pytest.mark.parametrize("said", ["keu elo na ekhono", "nobody came till now, still the same", "এখনও কেউ এল না, কাজ হয়নি"])
def test_nobody_came_yet_is_added_to_what_is_open_and_reopens_nothing(app, caller, said):
    caller.texts("obhijog amader rasta khub kharap, Barasat")
    caller.texts("Rahima Bibi")
    caller.texts(said)
    assert only(app).state == "registered"
    assert acknowledgement.display(only(app).ack) in caller.reads


def test_nobody_came_yet_reopens_no_withdrawn_complaint_while_another_is_open(app, caller):
    caller.texts("obhijog amader rasta khub kharap, Barasat")
    caller.texts("Rahima Bibi")
    caller.texts("obhijog karent nei 2 din, Barasat")
    caller.texts("Rahima Bibi")
    power = all_of(app)[1]
    caller.texts(f"CANCEL {power.ack}")
    caller.texts("keu elo na ekhono")
    assert [c.state for c in all_of(app)] == ["registered", "closed"]
    assert "1:" in caller.reads
    caller.texts("1")
    assert events(app, "add")[-1]["text"] == "keu elo na ekhono"
    caller.texts("keu elo na ekhono")
    caller.texts("2")
    assert [c.state for c in all_of(app)] == ["registered", "reopened"]


@pytest.mark.parametrize(("said", "name"), [("amr name Rekha", "Rekha"), ("আমার নাম রেখা দাস", "রেখা দাস"), ("mera naam Sunita Devi hai", "Sunita Devi")])
def test_my_name_is_answers_the_question_and_corrects_nothing(app, caller, said, name):
    caller.texts("obhijog amader rasta khub kharap, Barasat")
    caller.texts(said)
    assert only(app).name == name
    assert "সব তথ্য" in caller.reads or "पूरी जानकारी" in caller.reads
    caller.texts("thik ache")
    assert only(app).name == name


@pytest.mark.parametrize("said", ["mera naam kat gaya hai", "मेरा नाम कट गया है", "আমার নাম ভোটার তালিকায় নেই"])
def test_what_became_of_a_name_on_a_list_is_nobodys_name(app, caller, said):
    caller.texts("obhijog amader rasta khub kharap, Barasat")
    caller.texts(said)
    assert all_of(app)[0].name == ""


@pytest.mark.parametrize("said", ["Nam bolbo na", "নাম বলব না", "bolbo na"])
def test_who_does_not_want_to_give_a_name_need_not(app, caller, said):
    caller.texts("obhijog amader rasta khub kharap, Barasat")
    caller.texts(said)
    assert only(app).name == ""
    assert acknowledgement.display(only(app).ack) in caller.reads


def test_the_words_beside_a_keyword_tell_the_language(app, caller):
    caller.texts("shikayat sadak toot gayi hai, Barasat")
    caller.texts("status batao")
    assert re.search("[\u0900-\u097f]", caller.reads)
