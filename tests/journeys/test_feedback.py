"""After a resolution: solved or not, a rating, one question on conduct; by SMS, by a call of ours, and by an agent who rings."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from helpline import calling, clocks, complaints, people
from helpline.complaints import Actor, Filing
from helpline.runtime import utc_now
from models import Alert, Complaint, Event, Feedback, Outgoing, User
from simulator.driver import Caller
from tests.journeys.test_calls import LANDLINE, REPORT, Voice

DESK = Actor("cell", "agent")


@pytest.fixture
def runtime_(app):
    return app.extensions["runtime"]


@pytest.fixture
def supervisor(runtime_):
    return people.add(runtime_, username="chief", name="Chief", role="supervisor", password="a long pass-phrase")


@pytest.fixture
def resolved(runtime_, supervisor):
    def make(phone="+919830012345", language="en", at=None):
        at = at or utc_now()
        with runtime_.writing() as db:
            filing = Filing(
                channel="sms",
                language=language,
                phone=phone,
                category_code="WATER.NONE",
                district_code="305",
                description="no water",
            )
            done = complaints.file(db, runtime_, filing, Actor("citizen", "sms"), at)
            complaints.act(db, runtime_, done.id, "review", DESK, at)
            complaints.act(db, runtime_, done.id, "resolve", DESK, at, REPORT)
        return done

    return make


def said(runtime_, round_=0):
    with runtime_.reading() as db:
        return db.scalars(select(Feedback).where(Feedback.round == round_)).one()


def state(runtime_):
    with runtime_.reading() as db:
        return db.scalars(select(Complaint)).one()


def owed(runtime_, template):
    with runtime_.reading() as db:
        return db.scalars(select(Outgoing).where(Outgoing.template == template).order_by(Outgoing.id)).all()


def test_by_sms_solved_rated_and_nobody_behaved_badly(runtime_, resolved, caller):
    resolved()
    assert "1 (very poor)" in caller.texts("1").reads
    assert "ask for money" in caller.texts("4").reads
    assert "Your answer helps us" in caller.texts("1").reads
    row = said(runtime_)
    assert (row.solved, row.rating, row.conduct, row.channel, row.from_number, row.from_staff) == (
        True,
        4,
        False,
        "sms",
        caller.number,
        False,
    )
    assert (state(runtime_).state, state(runtime_).outcome, state(runtime_).rating) == ("closed", "confirmed", 4)
    with runtime_.reading() as db:
        assert not db.scalars(select(Alert).where(Alert.kind == "conduct")).all()


def test_bad_conduct_reaches_the_supervisor_and_stands_in_no_event(runtime_, resolved, caller, supervisor):
    resolved(language="bn")
    caller.texts("হ্যাঁ")
    caller.texts("৫")
    assert "তত্ত্বাবধায়ক" in caller.texts("২").reads
    assert said(runtime_).conduct is True
    with runtime_.reading() as db:
        assert [(a.user_id, a.office_code) for a in db.scalars(select(Alert).where(Alert.kind == "conduct"))] == [
            (supervisor, None)
        ]
        assert "conduct" not in str([(e.action, e.data, e.after) for e in db.scalars(select(Event))])


def test_not_solved_is_reopened_at_the_next_senior_and_asked_about_conduct(runtime_, resolved, caller):
    resolved()
    assert "open again" in caller.texts("2").reads
    assert state(runtime_).state == "reopened"
    assert [m.asked for m in owed(runtime_, "sms.ask_conduct")] == [True]
    assert "supervisor" in caller.texts("2").reads
    row = said(runtime_)
    assert (row.solved, row.conduct) == (False, True)


IN_WORDS = ["2 still no water comes", "No, still no water comes", "2. এখনও জল আসছে না", "না, এখনও জল আসছে না", "2 abhi bhi pani nahi aata"]


@pytest.mark.parametrize("asked_before", [False, True], ids=["days later", "while a name was asked for"])
@pytest.mark.parametrize("text", IN_WORDS)
def test_not_solved_said_with_words_is_reopened_too(runtime_, resolved, caller, text, asked_before):
    if asked_before:
        assert "name" in caller.texts("FILE no drinking water from the tap for a week, Bankura").reads
        filed = state(runtime_)
        with runtime_.writing() as db:
            complaints.act(db, runtime_, filed.id, "review", DESK, utc_now())
            complaints.act(db, runtime_, filed.id, "resolve", DESK, utc_now(), REPORT)
    else:
        resolved()
    caller.texts(text)
    assert state(runtime_).state == "reopened"
    with runtime_.reading() as db:
        assert db.scalars(select(Event).where(Event.action == "reopen")).one().data["reason"] == text


@pytest.mark.parametrize("text", ["Yes, water is coming now, thank you", "হ্যাঁ, জল আসছে এখন, ধন্যবাদ", "haan pani aa raha hai dhanyavad"])
def test_a_yes_with_words_is_no_new_complaint_and_is_asked_about_once_more(runtime_, resolved, caller, text):
    resolved()
    assert "1" in caller.texts(text).reads and "2" in caller.reads
    assert state(runtime_).state == "resolved", "one complaint, and it is not closed by a guess"
    caller.texts("1")
    assert state(runtime_).outcome == "confirmed"


def test_a_no_about_something_else_or_another_place_reopens_nothing(runtime_, resolved, caller):
    resolved()
    for text in ("No electricity in our village for a week", "No drinking water in Siliguri for 2 days"):
        assert "Shall we register" in caller.texts(text).reads, text
        caller.texts("no")
    with runtime_.reading() as db:
        assert db.scalars(select(Complaint.state).where(Complaint.state == "resolved")).all() == ["resolved"]


def test_after_every_reopening_it_is_asked_again(runtime_, resolved, caller):
    done = resolved()
    caller.texts("2")
    with runtime_.writing() as db:
        complaints.act(db, runtime_, done.id, "resolve", DESK, utc_now(), REPORT)
    caller.texts("yes")
    assert (said(runtime_, 0).solved, said(runtime_, 1).solved) == (False, True)


def test_an_answer_from_an_officers_number_is_kept_and_marked(runtime_, resolved, caller):
    officer = people.add(
        runtime_, username="officer", name="Officer", role="officer", password="a long pass-phrase", office_code="phe.305"
    )
    with runtime_.writing() as db:
        db.execute(update(User).where(User.id == officer).values(phone=caller.number))
    resolved()
    caller.texts("1")
    assert (said(runtime_).solved, said(runtime_).from_staff) == (True, True)


def test_a_figure_out_of_the_blue_and_a_new_complaint_are_not_taken_for_answers(runtime_, resolved, caller):
    resolved()
    caller.texts("1").texts("FILE no street light in Barasat")
    assert said(runtime_).rating is None


def test_asked_again_by_sms_and_call_in_turn_then_closed_not_confirmed(runtime_, resolved, now):
    resolved(at=now)
    ways = []
    for day in range(1, 9):
        clocks.tick(runtime_, now + timedelta(days=day, minutes=1))
        ways = [(m.kind, m.created_at.day - now.day) for m in owed(runtime_, "notify.still_asking")]
    assert ways == [("call", 2), ("sms", 4)]
    assert (state(runtime_).state, state(runtime_).outcome) == ("closed", "unconfirmed")
    row = said(runtime_)
    assert (row.tries, row.next_at, row.answered_at) == (3, None, None)


def test_who_answered_is_not_asked_again(runtime_, resolved, caller, now):
    resolved()
    caller.texts("1")
    clocks.tick(runtime_, utc_now() + timedelta(days=3))
    assert owed(runtime_, "notify.still_asking") == []


def test_by_a_call_of_ours_with_keys(runtime_, resolved, network, now):
    citizen = Caller(network, LANDLINE)
    resolved(phone=LANDLINE, language="bn", at=now)
    with runtime_.writing() as db:
        db.execute(update(Outgoing).where(Outgoing.template != "notify.resolved").values(state="delivered"))
    calling.place_due(runtime_, Voice(network), lambda: now + timedelta(minutes=5))
    citizen.answers()
    assert citizen.heard("সত্যিই মিটেছে", "bn")
    citizen.presses("1", "5")
    assert citizen.heard("টাকা চেয়েছেন", "bn")
    citizen.presses("2")
    assert not citizen.is_talking
    row = said(runtime_)
    assert (row.solved, row.rating, row.conduct, row.channel, row.from_number) == (True, 5, True, "voice", LANDLINE)


def test_a_caller_who_says_it_is_not_solved_is_asked_too(runtime_, resolved, caller):
    resolved()
    caller.dials().presses("2", "1", "2")
    assert "open again" in caller.last_said
    assert "ask for money" in caller.last_said
    caller.presses("1")
    assert said(runtime_).conduct is False
