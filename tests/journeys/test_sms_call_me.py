"""By SMS "call me": somebody rings back, by the promised time, and no question or complaint suffers from it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from helpline import acknowledgement, callbacks, notices
from helpline.runtime import utc_now
from models import Callback, Complaint, Conversation, Event, Outgoing, Phone
from simulator.driver import Caller
from tests.conftest import ONE_STORE
from tests.helpline.test_callbacks import accounted, entries, user
from tests.journeys.test_sms import only

ASKED = [("call me", "en"), ("please ring me back", "en"), ("CALL", "en"), ("phone korun amake", "bn"), ("আমাকে ফোন করুন", "bn"), ("কল", "bn"), ("ফোন", "bn"),
         ("amake ektu phone korben sir", "bn"), ("mujhe phone kijiye", "hi"), ("कृपया मुझे फोन कीजिए", "hi"), ("फोन", "hi"), ("I cannot write, please call me", "en")]  # fmt: skip
PROMISED = {"en": "We will ring you", "bn": "আপনাকে ফোন করব", "hi": "आपको इसी नंबर पर फोन करेंगे"}


@pytest.fixture
def runtime(app):
    return app.extensions["runtime"]


@ONE_STORE
@pytest.mark.parametrize(("text", "language"), ASKED)
def test_it_is_noted_and_said_by_when(runtime, caller, text, language):
    caller.texts(text)
    (entry,) = entries(runtime)
    assert (entry.reason, entry.number, entry.language, entry.state, entry.call_id) == ("sms", "+919830012345", language, "due", None)
    assert entry.promised_at == callbacks.promise(runtime, entry.created_at)
    assert PROMISED[language] in caller.reads
    assert notices.short_date(entry.promised_at, language) in caller.reads
    assert notices.short_time(entry.promised_at, language) in caller.reads


@ONE_STORE
@pytest.mark.parametrize("text", [
    "the office said call me but nobody picks up the phone", "no one calls me back from BDO office", "BDO office theke keu phone kore na", "থানায় ফোন করলে কেউ ধরে না, মারধর চলছে",
    "ambulance call korleo ase na", "FILE call me when the road is repaired", "ration dealer ne mujhe phone pe gali di",
])  # fmt: skip
def test_a_complaint_with_such_words_is_a_complaint(runtime, app, caller, text):
    caller.texts(text)
    assert only(app).description
    assert entries(runtime) == []


@ONE_STORE
@pytest.mark.parametrize("text", [
    "মেসেজ লিখতে পারি না, ফোন করবেন", "মেসেজ পড়তে পারি না", "ami message korte pari na, phone korun", "phone korun, ami likhte pari na", "sms na kore phone korun",
    "मैसेज पढ़ नहीं पाता, फोन करें", "message padh nahi sakta phone kijiye", "i dont understand sms call me please", "amar mobile e message ase na, phone korun",
])  # fmt: skip
@pytest.mark.parametrize("asked", [False, True])
def test_who_cannot_read_or_write_messages_is_rung_and_goes_on_getting_them(runtime, app, caller, text, asked):
    if asked:
        caller.texts("FILE no street light in Barasat")  # a name is asked for
    before = waiting_for(runtime)
    caller.texts(text)
    assert [entry.reason for entry in entries(runtime)] == ["sms"]
    assert waiting_for(runtime) == before
    assert stopped(runtime) == []


@ONE_STORE
@pytest.mark.parametrize("text", [
    "amake phone korben na", "আমাকে ফোন করবেন না", "do not call me", "Personal loan at 1% interest call 9000000000", "mujhe phone mat kijiye", "मुझे कॉल मत कीजिए",
    "never call me again", "please dont phone me", "phone nahi karna", "amake phone o message korben na", "রাতে ফোন করবেন না", "amay call diben na",
])  # fmt: skip
def test_whoever_wants_no_call_gets_none(runtime, caller, text):
    caller.texts(text)
    assert entries(runtime) == []


@ONE_STORE
@pytest.mark.parametrize(("text", "language"), [
    ("Do not send SMS, call me", "en"), ("don't message me. Phone me", "en"), ("please call me, no messages", "en"),
    ("এসএমএস পাঠাবেন না, ফোন করুন", "bn"), ("আমাকে মেসেজ করবেন না, ফোন করবেন", "bn"), ("ফোন করুন, মেসেজ দেবেন না", "bn"), ("sms pathaben na, phone korun", "bn"), ("message korben na phone korun", "bn"),
    ("एसएमएस मत भेजिए, फोन कीजिए", "hi"), ("संदेश न भेजें, मुझे फोन करें", "hi"), ("sms mat bhejo, phone karo", "hi"), ("phone karo, sms nahi", "hi"),
])  # fmt: skip
@pytest.mark.parametrize("asked", [False, True])
def test_a_call_instead_of_messages_is_a_call_and_messages_go_on(runtime, caller, text, language, asked):
    if asked:
        caller.texts("FILE no street light in Barasat")  # a name is asked for
    before = waiting_for(runtime)
    caller.texts(text)
    assert [(entry.reason, entry.state) for entry in entries(runtime)] == [("sms", "due")]
    assert PROMISED[language] in caller.reads or asked
    assert waiting_for(runtime) == before
    assert stopped(runtime) == []


@ONE_STORE
@pytest.mark.parametrize("text", ["do not send me messages or call me", "do not send sms and do not call me", "sms ba phone kichui korben na", "मैसेज या फोन मत कीजिए", "please do not send sms",
                                  "do not call me, do not send sms", "ফোন করবেন না, মেসেজ করবেন না"])  # fmt: skip
def test_neither_messages_nor_calls_is_no_request_for_a_call(runtime, caller, text):
    caller.texts(text)
    assert entries(runtime) == []
    assert stopped(runtime) == [caller.number]


@pytest.mark.parametrize("text", ["stop sending sms, call me", "STOP sms. please call me back", "বন্ধ করুন এসএমএস, ফোন করুন", "बंद करो मैसेज, फोन करो"])
def test_stop_and_call_me_is_both(runtime, caller, text):
    caller.texts(text)
    assert [entry.state for entry in entries(runtime)] == ["due"]
    assert stopped(runtime) == [caller.number]
    assert "START" in caller.reads
    assert any(promised in caller.reads for promised in PROMISED.values())


def test_said_again_it_is_one_request_with_one_promise(runtime, caller):
    first = caller.texts("call me").reads
    caller.texts("phone korun amake")
    assert caller.texts("call me").reads == first
    (entry,) = entries(runtime)
    assert entry.language == "en"


def test_a_promise_that_has_passed_is_not_given_again(runtime, caller):
    caller.texts("call me")
    with runtime.writing() as db:
        db.execute(update(Callback).values(promised_at=utc_now() - timedelta(hours=1)))
    assert "Sorry, we are late" in caller.texts("call me").reads


def test_beside_a_call_that_broke_off_there_is_one_entry(runtime, caller):
    caller.dials().presses("2", "1", "1", "1").hangs_up(saying="the road is broken")
    accounted(runtime)
    (before,) = entries(runtime)
    caller.texts("call me")
    (entry,) = entries(runtime)
    assert (entry.id, entry.call_id, entry.complaint_id, entry.promised_at) == (before.id, before.call_id, before.complaint_id, before.promised_at)
    assert (entry.reason, entry.calls) == ("sms", 1)


def test_who_asks_after_a_try_that_failed_is_rung_now(runtime, caller):
    caller.texts("call me")
    (entry,), who, now = entries(runtime), user(runtime), utc_now()
    with runtime.writing() as db:
        callbacks.claim(db, entry.id, who, now)
        callbacks.record(db, runtime, entry.id, who, "no_answer", now)
    assert entries(runtime)[0].next_at > utc_now()
    caller.texts("call me")
    (entry,) = entries(runtime)
    assert (entry.tries, entry.next_at <= utc_now()) == (1, True)


def test_filing_by_sms_does_not_settle_what_was_asked_for_a_call_that_files_does(runtime, caller):
    caller.texts("call me")
    caller.texts("FILE no street light in Barasat")
    caller.dials().presses("2", "1").hangs_up()
    accounted(runtime)
    assert [e.state for e in entries(runtime)] == ["due"], "neither the filing nor a status heard is the talk that was asked for"
    caller.dials().presses("2", "1", "1", "1").speaks("broken road", "en").presses("1", "1", "713101", "1").speaks("Mina", "en").presses("1", "1").hangs_up()
    accounted(runtime)
    assert [e.state for e in entries(runtime)] == ["settled"]


def test_a_call_that_breaks_off_later_is_counted_on_it(runtime, caller):
    caller.texts("call me")
    caller.dials().presses("2", "1", "1", "1").hangs_up()
    accounted(runtime)
    (entry,) = entries(runtime)
    assert (entry.reason, entry.calls, entry.at) == ("sms", 1, "problem")
    assert entry.call_id
    assert entry.complaint_id


def test_given_up_after_the_stated_tries_it_is_told(runtime, caller, now):
    caller.texts("আমাকে ফোন করুন")
    (entry,), who = entries(runtime), user(runtime)
    for _ in range(runtime.config.callbacks.max_tries):
        with runtime.writing() as db:
            callbacks.claim(db, entry.id, who, now)
            callbacks.record(db, runtime, entry.id, who, "no_answer", now)
    with runtime.reading() as db:
        assert [(m.template, m.language) for m in db.scalars(select(Outgoing))] == [("notify.not_reached", "bn")]


def test_whoever_stopped_our_messages_is_answered_and_rung_all_the_same(runtime, caller):
    caller.texts("STOP")
    assert "We will ring you" in caller.texts("call me").reads
    assert [e.state for e in entries(runtime)] == ["due"]


def test_a_withheld_number_cannot_be_rung(runtime, network):
    Caller(network, "VM-SENDER").texts("call me")
    assert entries(runtime) == []


# ── about one of the sender's complaints ──

ABOUT = [("Please call me about {ack}", "en"), ("CALL {ack}", "en"), ("ring me back, my complaint no {ack}", "en"), ("my complaint number is {ack}, please call me", "en"),
         ("I want to talk about {ack}", "en"), ("I cannot write, please call me about {ack}", "en"), ("{ack} do not send sms, call me", "en"),
         ("{ack} নিয়ে আমাকে ফোন করুন", "bn"), ("{ack} নম্বর অভিযোগের ব্যাপারে ফোন করুন", "bn"), ("আমার অভিযোগ {ack}, দয়া করে একবার ফোন করবেন", "bn"), ("ফোন {ack}", "bn"),
         ("{ack} er byapare phone korun", "bn"), ("amar obhijog {ack} niye ektu phone korben", "bn"), ("{ack} niye kotha bolte chai", "bn"),
         ("{ack} के बारे में मुझे फोन कीजिए", "hi"), ("मेरी शिकायत {ack} के बारे में फोन करें", "hi"), ("{ack} ke bare mein mujhe phone kijiye", "hi"), ("shikayat number {ack} ke liye call kijiye", "hi")]  # fmt: skip


def filed(app, caller, *before):
    for text in before or ("FILE no street light in Barasat", "A Sen"):
        caller.texts(text)
    return only(app)


@ONE_STORE
@pytest.mark.parametrize(("text", "language"), ABOUT)
def test_about_a_complaint_it_is_noted_with_it(runtime, app, caller, text, language):
    complaint = filed(app, caller)
    caller.texts(text.format(ack=acknowledgement.display(complaint.ack)))
    (entry,) = entries(runtime)
    assert (entry.reason, entry.complaint_id, entry.state) == ("sms", complaint.id, "due")
    assert PROMISED[language] in caller.reads
    assert added(runtime) == []


@ONE_STORE
@pytest.mark.parametrize("text", [
    "{ack} nobody calls me", "{ack} the officer called me and wants money", "{ack} ration dealer phone e gali dicche", "{ack} do not call me", "{ack} no calls please", "{ack} amake phone korben na",
    "{ack} the water still does not come, call me", "STATUS {ack}", "{ack}", "ADD {ack} call me when the lamp is mended",
])  # fmt: skip
def test_what_tells_something_else_of_a_complaint_is_that(runtime, app, caller, text):
    complaint = filed(app, caller)
    caller.texts(text.format(ack=acknowledgement.display(complaint.ack)))
    assert entries(runtime) == []
    assert acknowledgement.display(complaint.ack) in caller.reads
    assert only(app).state == "registered"


def test_about_somebody_elses_number_the_answer_is_the_same_and_names_no_complaint(runtime, app, caller, stranger):
    complaint = filed(app, caller)
    stranger.texts(f"Please call me about {acknowledgement.display(complaint.ack)}")
    assert PROMISED["en"] in stranger.reads
    assert [(entry.number, entry.complaint_id) for entry in entries(runtime)] == [(stranger.number, None)]


def test_of_several_numbers_the_senders_own_is_noted(runtime, app, caller, stranger):
    complaint, other = filed(app, caller), acknowledgement.generate(utc_now())
    caller.texts(f"call me about {acknowledgement.display(other)} and {acknowledgement.display(complaint.ack)}")
    assert [entry.complaint_id for entry in entries(runtime)] == [complaint.id]


def test_what_a_call_that_broke_off_told_stays_with_the_request(runtime, app, caller):
    complaint = filed(app, caller)
    caller.dials().presses("2", "2", "1", "1", "1").hangs_up(saying="the road is broken")
    accounted(runtime)
    (before,) = entries(runtime)
    assert before.complaint_id not in (None, complaint.id)
    caller.texts(f"call me about {acknowledgement.display(complaint.ack)}")
    (entry,) = entries(runtime)
    assert (entry.id, entry.reason, entry.complaint_id) == (before.id, "sms", before.complaint_id)


def test_asked_first_in_general_then_about_a_complaint(runtime, app, caller):
    complaint = filed(app, caller)
    caller.texts("call me").texts(f"call me about {acknowledgement.display(complaint.ack)}")
    assert [entry.complaint_id for entry in entries(runtime)] == [complaint.id]


@pytest.mark.parametrize("which", [False, True])
def test_about_a_complaint_beside_a_question_it_is_no_answer(runtime, app, caller, which):
    complaint = filed(app, caller, "FILE no street light in Barasat")
    if which:
        caller.texts("A Sen").texts("FILE road broken in Barasat").texts("A Sen").texts("ADD")
    before = waiting_for(runtime)
    assert before == ("which" if which else "name")
    caller.texts(f"CALL {acknowledgement.display(complaint.ack)}")
    assert [entry.complaint_id for entry in entries(runtime)] == [complaint.id]
    assert waiting_for(runtime) == before


# ── beside questions and complaints ──


def stopped(runtime):
    with runtime.reading() as db:
        return db.scalars(select(Phone.number).where(Phone.sms_stopped_at.is_not(None))).all()



def waiting_for(runtime):
    with runtime.reading() as db:
        return db.scalar(select(Conversation.awaiting))


def added(runtime):
    with runtime.reading() as db:
        return [e.data for e in db.scalars(select(Event).where(Event.action == "add"))]


@ONE_STORE
@pytest.mark.parametrize("text", ["phone korun amake", "call me back please", "আমাকে একবার ফোন করবেন", "CALL", "I cannot write, please call me"])
@pytest.mark.parametrize(("before", "question"), [
    (["FILE street light not working"], "place"), (["FILE street light not working", "Barasat"], "name"), (["amader rasta khub kharap, Raina"], "confirm_file"),
    (["WATER"], "details"), (["FILE"], "details"),
])  # fmt: skip
def test_said_beside_a_question_it_is_no_answer(runtime, app, caller, text, before, question):
    for message in before:
        caller.texts(message)
    assert waiting_for(runtime) == question
    caller.texts(text)
    (entry,) = entries(runtime)
    assert entry.reason == "sms"
    assert waiting_for(runtime) == question, "still to be answered"
    assert added(runtime) == []
    with runtime.reading() as db:
        complaint = db.scalars(select(Complaint)).first()
    if complaint is not None:
        assert complaint.name == ""
        assert text not in (complaint.place or "")
        assert text not in complaint.description


def test_what_was_told_so_far_is_shown_to_whoever_rings(runtime, app, caller):
    caller.texts("amader rasta khub kharap, Raina")
    caller.texts("phone korun amake")
    (entry,) = entries(runtime)
    assert entry.complaint_id == only(app).id
    caller.texts("ha")
    assert only(app).state == "registered"
    accounted(runtime)
    assert [e.state for e in entries(runtime)] == ["due"], "somebody still rings, as was promised"


def test_a_name_is_a_name(runtime, app, caller):
    caller.texts("FILE street light not working")
    caller.texts("Barasat")
    caller.texts("Call me Rahim")
    assert "Rahim" in only(app).name
    assert entries(runtime) == []


def test_beside_an_open_complaint_nothing_is_added_to_it(runtime, app, caller):
    caller.texts("FILE street light not working")
    caller.texts("Barasat")
    caller.texts("A. Sen")
    caller.texts("please call me")
    assert added(runtime) == []
    assert [e.reason for e in entries(runtime)] == ["sms"]


def test_among_several_complaints_the_tap_is_a_subject(runtime, caller):
    caller.texts("অভিযোগ কলে জল নেই, বারাসত")
    caller.texts("FILE road broken in Barasat")
    caller.texts("ADD")
    assert waiting_for(runtime) == "which"
    caller.texts("কল")
    assert entries(runtime) == []
    assert waiting_for(runtime) != "which"


def test_when_answers_come_together_it_is_noted_all_the_same(runtime, caller):
    for _ in range(runtime.config.fairness.messages_per_hour):
        caller.texts("hello")
    caller.texts("call me")
    assert [e.reason for e in entries(runtime)] == ["sms"]
