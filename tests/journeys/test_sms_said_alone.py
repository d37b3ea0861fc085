"""What is said alone and asks for no help text: another complaint is announced, and thanks."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from helpline.runtime import utc_now
from models import Complaint, Event, Outgoing
from sms import routes
from tests.conftest import ONE_STORE
from tests.journeys.test_sms import only
from tests.journeys.test_sms_answers import all_of
from tests.journeys.test_sms_call_me import waiting_for

ANOTHER = [("ar ekta obhijog ache", "bn"), ("আর একটা অভিযোগ আছে", "bn"), ("amar arekta obhijog achhe", "bn"), ("I have another complaint", "en"), ("one more complaint", "en"), ("new complaint", "en"),
           ("ek aur shikayat hai", "hi"), ("एक और शिकायत है", "hi"), ("file another complaint", "en"),
           ("I want to complain", "en"), ("আমি একটা নালিশ করতে চাই", "bn"), ("amar r akta ovijog ache", "bn"), ("मुझे शिकायत करनी है", "hi"), ("want to register a complaint", "en")]  # fmt: skip
TELL = {"bn": "সমস্যাটি কী", "en": "What is the problem", "hi": "समस्या क्या है"}
THANKS = [("ধন্যবাদ", "bn"), ("thanks", "en"), ("dhonnobad", "bn"), ("shukriya", "hi"), ("ok thank you", "en"), ("thank you very much sir", "en"), ("धन्यवाद", "hi")]
WELCOME = {"bn": "আপনাকেও ধন্যবাদ", "en": "You are welcome", "hi": "आपका भी धन्यवाद"}


@pytest.fixture
def runtime(app):
    return app.extensions["runtime"]


def changed(runtime):
    with runtime.reading() as db:
        return [e.action for e in db.scalars(select(Event).where(Event.action.in_(["add", "complete", "correct"])))]


# ── another complaint ──


@ONE_STORE
@pytest.mark.parametrize(("text", "language"), ANOTHER)
def test_another_complaint_is_asked_for_and_the_next_message_is_it(runtime, app, caller, text, language):
    caller.texts("FILE the road is full of holes in Barasat").texts("A. Sen")
    before = changed(runtime)
    assert TELL[language] in caller.texts(text).reads
    assert changed(runtime) == before
    assert len(all_of(app)) == 1
    caller.texts("street light not working in Kalna")
    first, second = all_of(app)
    assert (first.category_code.partition(".")[0], second.category_code.partition(".")[0]) == ("ROAD", "ROAD")
    assert second.state == "registered"
    assert text not in second.description


@pytest.mark.parametrize("before", [["FILE street light not working"], ["FILE street light not working", "Barasat"], ["amader rasta khub kharap, Raina"], ["WATER"], ["FILE"]])
def test_another_complaint_beside_a_question_is_no_answer(runtime, app, caller, before):
    for message in before:
        caller.texts(message)
    told = [(row.place, row.name, row.description) for row in all_of(app)]
    assert TELL["bn"] in caller.texts("ar ekta obhijog ache").reads
    assert [(row.place, row.name, row.description) for row in all_of(app)] == told
    assert waiting_for(runtime) == "details"
    caller.texts("তিন দিন কলে জল নেই, পিন ৭১৩১০১")
    assert len(all_of(app)) == len(told) + 1
    assert all_of(app)[-1].category_code.startswith("WATER")


def test_another_complaint_told_at_once_is_that_complaint(app, caller):
    caller.texts("FILE the road is full of holes in Barasat").texts("A. Sen")
    caller.texts("ar ekta obhijog ache, tin din jol nei 713101")
    assert [row.category_code.partition(".")[0] for row in all_of(app)] == ["ROAD", "WATER"]


def test_among_several_the_second_complaint_is_an_answer(runtime, caller):
    caller.texts("FILE no water in Barasat").texts("FILE road broken in Barasat").texts("ADD my alternate phone is with my brother")
    assert waiting_for(runtime) == "which"
    caller.texts("दूसरी शिकायत")
    assert "add" in changed(runtime)


# ── thanks ──


@ONE_STORE
@pytest.mark.parametrize(("text", "language"), THANKS)
def test_thanks_are_answered_kindly_once_a_day(app, caller, network, monkeypatch, text, language):
    assert WELCOME[language] in caller.texts(text).reads
    assert caller.texts(text).replies == caller.texts("thanks").replies == [], "said already"
    monkeypatch.setattr(routes, "utc_now", lambda: utc_now() + timedelta(days=1))
    assert "You are welcome" in caller.texts("thanks").reads


def test_thanks_leave_a_complaint_and_its_question_as_they_are(runtime, app, caller):
    caller.texts("FILE street light not working")
    caller.texts("thanks")
    assert waiting_for(runtime) == "place"
    assert "is with us" in caller.reads
    caller.texts("Barasat").texts("A. Sen")
    before = changed(runtime)
    caller.texts("ধন্যবাদ")
    assert WELCOME["bn"] in caller.reads
    assert changed(runtime) == before


def test_where_ok_is_an_answer_it_stays_one(app, caller):
    caller.texts("amader rasta khub kharap, Raina")
    caller.texts("ok thank you")
    assert only(app).state == "registered"


def test_thanks_with_more_are_what_they_tell(app, caller):
    caller.texts("thanks but the road is still broken in Barasat")
    with app.extensions["runtime"].reading() as db:
        assert db.scalars(select(Complaint.category_code)).one().startswith("ROAD")


def test_whoever_stopped_our_messages_is_not_thanked(app, caller):
    caller.texts("STOP")
    assert caller.texts("thanks").replies == []
    with app.extensions["runtime"].reading() as db:
        assert db.scalars(select(Outgoing)).all() == []
