from __future__ import annotations

import pytest
from sqlalchemy import func, select

from helpline import acknowledgement, complaints
from helpline.complaints import Actor
from helpline.runtime import utc_now
from models import Complaint, Event, Outgoing, Phone


def only(app):
    with app.extensions["runtime"].reading() as db:
        rows = db.scalars(select(Complaint)).all()
        assert len(rows) == 1
        return rows[0]


def resolved(app, now):
    runtime, complaint = app.extensions["runtime"], only(app)
    with runtime.writing() as db:
        complaints.act(db, runtime, complaint.id, "review", Actor("cell", "agent"), now)
        complaints.act(db, runtime, complaint.id, "resolve", Actor("cell", "agent"), now, {"report": "The pump was repaired today"})


@pytest.mark.parametrize(
    ("text", "language", "says"),
    [
        ("FILE no water for three days PIN 713101", "en", "Your complaint is registered"),
        ("অভিযোগ তিন দিন জল নেই, পিন ৭১৩১০১", "bn", "আপনার অভিযোগ নথিভুক্ত হয়েছে"),
        ("obhijog tin din jol nei pin 713101", "bn", "আপনার অভিযোগ নথিভুক্ত হয়েছে"),
        ("शिकायत तीन दिन से पानी नहीं आ रहा 713101", "hi", "आपकी शिकायत दर्ज हो गई है"),
    ],
)
def test_file_in_three_scripts(app, caller, text, language, says):
    caller.texts(text)
    complaint = only(app)
    assert says in caller.reads
    assert acknowledgement.display(complaint.ack) in caller.reads
    assert (complaint.language, complaint.district_code) == (language, "306")
    assert complaint.category_code.startswith("WATER")
    with app.extensions["runtime"].reading() as db:
        message = db.scalars(select(Outgoing)).one()
        assert message.state == "delivered", "the answer itself carried the number, and its delivery was reported"


def test_what_is_missing_is_asked_in_two_short_questions(app, caller):
    caller.texts("FILE street light not working")
    assert "PIN code" in caller.reads
    caller.texts("Barasat")
    assert "name" in caller.reads
    caller.texts("A. Sen")
    complaint = only(app)
    assert (complaint.district_code, complaint.name) == ("303", "A. Sen")
    assert complaint.state == "registered"


def test_plain_words_are_asked_for_confirmation_and_kept_meanwhile(app, caller):
    caller.texts("amader rasta khub kharap, Raina")
    assert "হ্যাঁ" in caller.reads
    assert only(app).state == "draft"
    caller.texts("ha")
    assert only(app).state == "registered"
    assert only(app).ack


def test_status_alone_is_answered_in_the_language_of_the_complaint(app, caller):
    caller.texts("অভিযোগ তিন দিন জল নেই, পিন ৭১৩১০১").texts("রহিমা বিবি").texts("ধন্যবাদ").texts("STATUS")
    assert "অভিযোগ" in caller.reads
    assert "Complaint" not in caller.reads
    caller.texts("what is the status please")
    assert "Complaint" in caller.reads, "whoever writes English is answered in English"


def test_a_no_files_nothing(app, caller):
    caller.texts("amader rasta khub kharap, Raina").texts("na")
    assert only(app).state == "rejected"
    assert only(app).ack is None


@pytest.mark.parametrize("form", ["STATUS {}", "অবস্থা {}", "{}", "sttus {}", "STATUS{}", "what is the status of {} please"])
def test_status(app, caller, form):
    caller.texts("FILE no street light in Barasat")
    caller.texts(form.format(acknowledgement.display(only(app).ack)))
    assert "under review" in caller.reads or "পর্যালোচনাধীন" in caller.reads


def test_bengali_digits(app, caller):
    caller.texts("FILE no street light in Barasat")
    caller.texts("অবস্থা " + only(app).ack.translate(str.maketrans("0123456789", "০১২৩৪৫৬৭৮৯")))
    assert "পর্যালোচনাধীন" in caller.reads


def test_a_stranger_hears_the_same_words_whether_the_number_exists(app, caller, stranger, now):
    caller.texts("FILE no street light in Barasat")
    ack = only(app).ack
    known = stranger.texts(f"STATUS {ack}").reads
    other = next(a for a in iter(lambda: acknowledgement.generate(now), None) if a != ack)
    assert stranger.texts(f"STATUS {other}").reads == known
    assert "do not match" in known
    assert "under review" in stranger.texts(f"STATUS {ack} 9830012345").reads


def test_tries_are_limited(app, caller, stranger, now):
    for _ in range(10):
        stranger.texts(f"STATUS {acknowledgement.generate(now)}")
    assert "Too many tries" in stranger.texts(f"STATUS {acknowledgement.generate(now)}").reads


def test_delivered_twice_is_answered_twice_and_acted_on_once(app, network, caller):
    first = network.text(caller.number, "FILE no street light in Barasat", "SM" + "1" * 32)
    again = network.text(caller.number, "FILE no street light in Barasat", "SM" + "1" * 32)
    assert first == again
    assert only(app).ack
    with app.extensions["runtime"].reading() as db:
        assert db.scalar(select(func.count()).select_from(Outgoing)) == 1


def test_solved_or_not(app, caller, now):
    caller.texts("FILE no street light in Barasat")
    resolved(app, utc_now())
    caller.texts("2")
    assert (only(app).state, only(app).level) == ("reopened", 2), "the next senior of the town's own office"
    runtime = app.extensions["runtime"]
    with runtime.writing() as db:
        complaints.act(db, runtime, only(app).id, "resolve", Actor("cell", "agent"), utc_now(), {"report": "Now it was really repaired"})
    caller.texts("হ্যাঁ")
    assert (only(app).state, only(app).outcome) == ("closed", "confirmed")
    caller.texts(f"RATE {only(app).ack} 5")
    assert only(app).rating == 5


def test_add_reopen_cancel(app, caller):
    caller.texts("FILE no street light in Barasat")
    ack = only(app).ack
    caller.texts(f"ADD {ack} near the school")
    with app.extensions["runtime"].reading() as db:
        added = db.scalars(select(Event).where(Event.action == "add")).one()
        assert "near the school" in added.data["text"]
    assert "cannot be done" in caller.texts(f"REOPEN {ack}").reads
    caller.texts(f"CANCEL {ack}")
    assert (only(app).state, only(app).outcome) == ("closed", "withdrawn")


def test_stop_and_start(app, caller):
    caller.texts("STOP")
    with app.extensions["runtime"].reading() as db:
        assert db.get(Phone, caller.number).sms_stopped_at
    caller.texts("START")
    with app.extensions["runtime"].reading() as db:
        assert db.get(Phone, caller.number).sms_stopped_at is None


def test_a_complaint_that_contains_help_or_stop_is_a_complaint(app, caller):
    caller.texts("please stop the loud DJ music every night near hospital")
    assert only(app).category_code.startswith("POLICE")


@pytest.mark.parametrize("body", ["", " ", "?", "²", "x" * 10_000, "\x00\x01", "<b>&amp;", "🙏", "STATUS", "RATE 9", "٣٤٥", "LANG"])
def test_every_message_gets_a_valid_answer(app, caller, body):
    caller.texts(body)
    assert caller.reads


def test_unsigned_is_refused(app):
    client = app.test_client()
    assert client.post("/sms/incoming", data={"MessageSid": "SM1", "From": "+919830012345", "Body": "FILE x"}).status_code == 403
    assert client.post("/sms/status", data={"MessageSid": "SM1", "MessageStatus": "sent"}).status_code == 403
    assert client.post("/ivr/incoming", data={"CallSid": "CA1"}).status_code == 403
    assert client.post("/ivr/step", data={"CallSid": "CA1"}).status_code == 403
    assert client.post("/ivr/status", data={"CallSid": "CA1"}).status_code == 403
