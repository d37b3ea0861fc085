"""Corrections by text: "not road, water", before anybody has looked and after."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import insert, select, update

from helpline import acknowledgement, complaints, events
from helpline.complaints import Actor
from helpline.places import is_same
from helpline.runtime import utc_now
from models import Audit, Complaint, Event, new_id
from tests.conftest import ONE_STORE
from tests.journeys.test_casework import somebody  # noqa: F401
from tests.journeys.test_sms import only
from tests.journeys.test_sms_answers import all_of

BENGALI, DEVANAGARI = "[\u0980-\u09ff]", "[\u0900-\u097f]"


def the(app, action):
    with app.extensions["runtime"].reading() as db:
        return db.scalars(select(Event).where(Event.action == action).order_by(Event.id)).all()


@pytest.mark.parametrize(
    ("filed", "said", "category", "reads"),
    [
        ("FILE the road is full of potholes in Barasat", "not road, water", "WATER", "Corrected"),
        ("অভিযোগ রাস্তায় বড় বড় গর্ত, বারাসত", "রাস্তা নয়, জল", "WATER", "সংশোধন করা হল"),
        ("obhijog rasta bhanga, Barasat", "rasta noy, bidyut", "ELEC", "সংশোধন করা হল"),
        ("शिकायत सड़क पर गड्ढे, बारासात", "सड़क नहीं, पानी", "WATER", "सुधार किया गया"),
        ("shikayat sadak toot gayi hai, Barasat", "sadak nahi, bijli", "ELEC", "सुधार किया गया"),
    ],
)
def test_a_subject_is_put_right(app, caller, filed, said, category, reads):
    caller.texts(filed)
    before = only(app)
    caller.texts(said)
    now = only(app)
    assert (before.category_code.partition(".")[0], now.category_code.partition(".")[0]) == ("ROAD", category)
    assert now.department_code != before.department_code, "it is somebody else's now"
    assert now.due_at == before.due_at
    assert said in now.description, "what was said is kept"
    assert reads in caller.reads
    assert acknowledgement.display(now.ack) in caller.reads
    event = the(app, "correct")[0]
    assert (event.before["category_code"], event.after["category_code"]) == (before.category_code, now.category_code)
    with app.extensions["runtime"].reading() as db:
        assert events.broken_links(db.connection(), now.id) == []


@ONE_STORE
@pytest.mark.parametrize(
    ("said", "place", "pincode"),
    [("not Tamluk, Contai", "Contai", None), ("তমলুক নয়, কাঁথি", "Contai", None), ("Tamluk noy Haldia", "Haldia", None), ("wrong place, pin is 713101", None, "713101"),
     ("পিন ভুল হয়েছে, ৭১৩১০১ হবে", None, "713101"), ("तमलुक नहीं, कांथी", "Contai", None)],
)  # fmt: skip
def test_a_place_is_put_right(app, caller, said, place, pincode):
    caller.texts("FILE street light not working in Tamluk")
    assert only(app).place == "Tamluk"
    caller.texts(said)
    now = only(app)
    assert now.pincode == pincode
    assert place is None or is_same(app.extensions["runtime"].reference, now.place, place)
    assert now.district_code == ("306" if pincode else "317")
    event = the(app, "correct")[0]
    assert event.before["place"] == "Tamluk"
    assert event.after["place"] == now.place
    assert "Corrected" in caller.reads or "সংশোধন" in caller.reads or "सुधार" in caller.reads


@pytest.mark.parametrize(("said", "name"), [("my name is Karim Sk, not Rahim", "Karim Sk"), ("নাম ভুল হয়েছে, করিম শেখ হবে", "করিম শেখ"), ("nam vul hoyeche, Karim Sk hobe", "Karim Sk")])
def test_a_name_is_put_right_and_never_written_into_an_sms(app, caller, said, name):
    caller.texts("FILE street light not working in Barasat").texts("Rahim Sk")
    caller.texts(said)
    assert only(app).name == name
    assert name not in caller.reads
    assert acknowledgement.display(only(app).ack) in caller.reads


def test_before_it_is_registered_the_question_is_asked_again(app, caller):
    caller.texts("amader rasta khub kharap, Raina")
    assert "রাস্তা" in caller.reads
    caller.texts("rasta noy, jol")
    assert (only(app).state, only(app).category_code.partition(".")[0]) == ("draft", "WATER")
    assert "জল" in caller.reads or "পানীয়" in caller.reads
    caller.texts("ha")
    assert (only(app).state, only(app).category_code.partition(".")[0]) == ("registered", "WATER"), "the yes is to what was read"


def test_a_correction_does_not_answer_the_open_question(app, caller):
    caller.texts("FILE the road is full of potholes in Barasat")
    assert "name" in caller.reads
    caller.texts("not road, water").texts("Rahim Sk")
    assert (only(app).name, only(app).category_code.partition(".")[0]) == ("Rahim Sk", "WATER")


def test_a_place_said_in_a_correction_answers_where(app, caller):
    caller.texts("FILE the road is full of potholes")
    assert "Where" in caller.reads
    caller.texts("sorry not road, water, in Barasat")
    assert (only(app).district_code, only(app).category_code.partition(".")[0]) == ("303", "WATER")
    assert "name" in caller.reads


def reviewed(app, row):
    runtime = app.extensions["runtime"]
    with runtime.writing() as db:
        complaints.act(db, runtime, row.id, "review", Actor("cell", "agent"), utc_now())


def opened(app, row):
    with app.extensions["runtime"].writing() as db:
        db.execute(insert(Audit), [{"id": new_id(), "at": utc_now(), "user_id": None, "action": "complaint.viewed", "complaint_id": row.id, "data": {}}])


def long_ago(app, row):
    with app.extensions["runtime"].writing() as db:
        db.execute(update(Complaint).where(Complaint.id == row.id).values(registered_at=utc_now() - timedelta(days=2)))


@pytest.mark.parametrize("seen", [reviewed, opened, long_ago])
def test_once_somebody_has_looked_it_is_added_and_said_so(app, caller, seen):
    caller.texts("FILE the road is full of potholes in Barasat").texts("A Sen")
    before = only(app)
    seen(app, before)
    caller.texts("not road, water")
    assert only(app).category_code == before.category_code
    assert [e.data["text"] for e in the(app, "add")] == ["not road, water"]
    assert "already being looked at" in caller.reads
    assert the(app, "correct") == []


def test_of_two_complaints_the_one_that_says_what_is_denied(app, caller):
    caller.texts("FILE the road is full of potholes in Barasat").texts("A Sen")
    caller.texts("FILE no electricity for five days in Kalna").texts("A Sen")
    caller.texts("not road, water")
    assert [c.category_code.partition(".")[0] for c in all_of(app)] == ["WATER", "ELEC"]


def test_a_correction_with_the_number(app, caller, stranger):
    caller.texts("FILE the road is full of potholes in Barasat").texts("A Sen")
    ack = only(app).ack
    stranger.texts(f"{ack} not road, water")
    assert "do not match" in stranger.reads
    assert only(app).category_code.startswith("ROAD")
    caller.texts(f"{acknowledgement.display(ack)} not road, water")
    assert only(app).category_code.startswith("WATER")


def test_what_is_not_said_is_asked(app, caller):
    caller.texts("FILE street light not working in Barasat").texts("Rahim Sk")
    caller.texts("my name is wrong")
    assert "What shall we correct" in caller.reads
    caller.texts("Karim Sk")
    assert only(app).name == "Karim Sk"
    caller.texts("the place is wrong")
    assert "What shall we correct" in caller.reads
    caller.texts("Contai")
    assert only(app).district_code == "317"


def test_with_nothing_to_correct_it_is_read_as_it_stands(app, caller):
    caller.texts("not road, water")
    assert caller.reads
    assert all(c.state in ("draft", "registered") for c in all_of(app))


@pytest.mark.parametrize("keyword", ["CORRECT", "সংশোধন", "सुधार"])
def test_the_keyword_alone(app, caller, keyword):
    assert "no complaint" in caller.texts(keyword).reads or "পাওয়া যায়নি" in caller.reads or "नहीं मिली" in caller.reads
    caller.texts("FILE street light not working in Barasat").texts("A Sen").texts(keyword)
    assert acknowledgement.display(only(app).ack) in caller.reads
    caller.texts("Karim Sk")
    assert only(app).name == "Karim Sk"


def test_a_correction_delivered_twice_is_one_event(app, network, caller):
    caller.texts("FILE the road is full of potholes in Barasat")
    one = network.text(caller.number, "not road, water", "SM" + "7" * 32)
    two = network.text(caller.number, "not road, water", "SM" + "7" * 32)
    assert one == two
    assert len(the(app, "correct")) == 1
    assert only(app).description.count("not road, water") == 1


def test_of_a_discreet_complaint_nothing_is_said(app, caller):
    caller.texts("FILE the road is full of potholes in Barasat").texts("A Sen").texts("PRIVATE")
    assert only(app).discreet
    caller.texts("not road, water")
    assert only(app).category_code.startswith("WATER")
    assert "Corrected" in caller.reads
    assert "ater" not in caller.reads


def test_the_console_shows_what_was_there_before(app, caller, somebody):  # noqa: F811
    caller.texts("FILE street light not working in Tamluk").texts("Rahim Sk").texts("not Tamluk, Contai").texts("wrong pin, it is 713101")
    caller.texts("my name is Karim Sk, not Rahim").texts("not street light, water")
    assert len(the(app, "correct")) == 4
    desk = somebody("desk", "cell")
    page = desk.get(f"/console/complaints/{only(app).ack}")
    assert page.status_code == 200
    for text in ("<del>Tamluk</del>", "<ins>Contai</ins>", "<ins>713101</ins>", "<del>Rahim Sk</del>", "<ins>Karim Sk</ins>", "Corrected by the citizen"):
        assert text in page.text, text


INTRODUCED = [("my name is Ram Das", "Ram Das"), ("আমার নাম রাম দাস", "রাম দাস"), ("amar naam Ram Das", "Ram Das"), ("मेरा नाम राम है", "राम"), ("name: Ram Das", "Ram Das"), ("I am Ram Das", "Ram Das"),
              ("ami Ram Das", "Ram Das"), ("नाम राम दास", "राम दास")]  # fmt: skip


@ONE_STORE
@pytest.mark.parametrize(("said", "name"), INTRODUCED)
def test_a_name_told_when_asked_is_of_the_complaint_that_was_asked_about(app, caller, said, name):
    """Two people, one telephone: whoever says their name takes nobody else's complaint."""
    caller.texts("FILE the road is full of potholes in Barasat").texts("Sabitri Das")
    caller.texts("FILE no electricity for five days in Kalna").texts(said)
    assert [c.name for c in all_of(app)] == ["Sabitri Das", name]
    assert acknowledgement.display(all_of(app)[1].ack) in caller.reads
    assert the(app, "correct") == [], "nothing was wrong"
    assert said not in all_of(app)[1].description


def test_a_name_told_to_another_question_is_kept_and_the_question_stays(app, caller):
    caller.texts("FILE the road is full of potholes in Barasat").texts("Sabitri Das")
    caller.texts("FILE no electricity for five days")
    assert "Where" in caller.reads
    caller.texts("my name is Ram Das")
    assert [c.name for c in all_of(app)] == ["Sabitri Das", "Ram Das"]
    assert "Where" in caller.reads
    caller.texts("Kalna")
    assert all_of(app)[1].district_code == "306"


def test_a_name_told_unasked_is_of_the_newest_complaint(app, caller):
    caller.texts("FILE the road is full of potholes in Barasat").texts("Sabitri Das")
    caller.texts("FILE no electricity for five days in Kalna").texts("skip")
    caller.texts("my name is Ram Das")
    assert [c.name for c in all_of(app)] == ["Sabitri Das", "Ram Das"]


MEANT = "ভুল বুঝেছেন, আমি কারেন্টের কথা বলেছিলাম"  # in no words that corrections have


@ONE_STORE
@pytest.mark.parametrize("said", ["CHANGE", "change it please", "বদল", "বদল করুন", "bodol", "হ্যাঁ, বদল"])
def test_what_may_be_another_complaint_or_a_correction_is_asked_and_changed(app, caller, said):
    caller.texts("অভিযোগ কলে তিন দিন জল নেই, বারাসত").texts("মিনা দাস")
    before = only(app)
    caller.texts(MEANT)
    assert "বদল" in caller.reads
    assert acknowledgement.display(before.ack) in caller.reads
    caller.texts(said)
    now = next(row for row in all_of(app) if row.id == before.id)
    assert (before.category_code[:5], now.category_code[:4], now.ack, now.due_at) == ("WATER", "ELEC", before.ack, before.due_at)
    assert MEANT in now.description
    assert [row.ack for row in all_of(app) if row.id != now.id] == [None], "what was kept meanwhile is no complaint"
    assert "সংশোধন করা হল" in caller.reads
    caller.texts("CHANGE")
    assert len(the(app, "correct")) == 1, "nothing more to change"


def test_it_is_a_complaint_of_its_own_on_yes_and_nothing_on_no(app, caller):
    caller.texts("FILE no water in our tap for three days, Barasat")
    before = only(app)
    caller.texts("street light does not burn at night")
    assert "reply CHANGE" in caller.reads
    caller.texts("NO")
    assert [row.id for row in all_of(app) if row.ack] == [before.id]
    caller.texts("street light does not burn at night")
    caller.texts("YES")
    assert sorted(row.category_code.partition(".")[0] for row in all_of(app) if row.ack) == ["ROAD", "WATER"]
    assert the(app, "correct") == []


@pytest.mark.parametrize("meanwhile", [reviewed, opened, long_ago, None])
def test_a_change_is_offered_only_where_it_may_be_meant(app, caller, meanwhile):
    caller.texts("FILE no water in our tap for three days, Barasat")
    told = "street light does not burn at night"
    if meanwhile is not None:
        meanwhile(app, only(app))
    else:
        told += " and our children come home from school on that dark lane every evening of the whole winter"
    caller.texts(told)
    assert "Reply YES" in caller.reads
    assert "CHANGE" not in caller.reads
    caller.texts("CHANGE")
    assert the(app, "correct") == []


def test_looked_at_between_the_question_and_its_answer_it_is_added(app, caller):
    caller.texts("FILE no water in our tap for three days, Barasat")
    row = only(app)
    caller.texts("street light does not burn at night")
    reviewed(app, row)
    caller.texts("CHANGE")
    now = next(found for found in all_of(app) if found.id == row.id)
    assert now.category_code == row.category_code
    assert "street light" in str([event.data for event in the(app, "add")])
    assert [found.ack for found in all_of(app) if found.ack] == [row.ack]


@pytest.mark.parametrize(
    ("recorded", "said", "column", "value"),
    [
        ("FILE tube well broken, Burdwan, pin 713101", "PIN is 713130 you put 713101", "pincode", "713130"),
        ("FILE tube well broken, pin 713101", "पिन कोड 713130 होना चाहिए", "pincode", "713130"),
        ("FILE tube well broken, pin 734003", "the pin code is wrong it shd be 734001", "pincode", "734001"),
        ("FILE tube well broken, Memari", "not Memari village, Kalna", "place", "Kalna"),
    ],
)
def test_what_was_put_down_wrong_is_put_right_in_other_words(app, caller, recorded, said, column, value):
    caller.texts(recorded)
    caller.texts(said)
    assert value in str(getattr(only(app), column)), caller.reads
