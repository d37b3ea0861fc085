"""After a resolution: solved or not, a rating, one question on conduct; by SMS, by a call of ours, and by an agent who rings."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from helpline import acknowledgement, calling, clocks, complaints, people
from helpline.complaints import Actor, Filing
from helpline.runtime import utc_now
from models import Alert, Complaint, Event, Feedback, Outgoing, User
from simulator.driver import Caller
from tests.conftest import ONE_STORE
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


@ONE_STORE
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


def filed(runtime_, phone="+919830012345", category="WATER.NONE", district="305", name="", solved=True):
    now = utc_now()
    with runtime_.writing() as db:
        filing = Filing(channel="sms", language="en", phone=phone, category_code=category, district_code=district, description="told before", name=name)
        done = complaints.file(db, runtime_, filing, Actor("citizen", "sms"), now)
        if solved:
            complaints.act(db, runtime_, done.id, "review", DESK, now)
            complaints.act(db, runtime_, done.id, "resolve", DESK, now, REPORT)
    return done


def of(runtime_, complaint_id):
    with runtime_.reading() as db:
        return db.get(Complaint, complaint_id)


def kept(runtime_, complaint_id, action="add"):
    with runtime_.reading() as db:
        return [e.data["text"] for e in db.scalars(select(Event).where(Event.complaint_id == complaint_id, Event.action == action))]


MORE = ["Yes, water is coming now but it is muddy in the morning", "1 but the drinking water is muddy in the morning still", "1, the drinking water comes only at night",
        "হ্যাঁ, জল আসছে কিন্তু খুব ঘোলা", "১ কিন্তু পানীয় জল খুব ঘোলা", "haan par pani ganda aa raha hai abhi bhi", "१ लेकिन पीने का पानी गंदा आ रहा है"]  # fmt: skip


@ONE_STORE
@pytest.mark.parametrize("text", MORE)
def test_a_yes_with_more_about_the_same_is_kept_with_it_and_asked_about_once_more(runtime_, resolved, caller, text):
    done = resolved()
    assert "1" in caller.texts(text).reads and "2" in caller.reads
    assert state(runtime_).state == "resolved", "one complaint, and it is not closed by a guess"
    assert kept(runtime_, done.id) == [text]
    caller.texts("2")
    assert state(runtime_).state == "reopened"


ANOTHER = [("1 but the other street lamp near the school is dark still", "the other street lamp near the school is dark still", "en"),
           ("Yes, but another street light beside the pond does not burn", "another street light beside the pond does not burn", "en"),
           ("১ কিন্তু পুকুরের পাশে অন্য রাস্তার আলোটা এখনও জ্বলছে না", "পুকুরের পাশে অন্য রাস্তার আলোটা এখনও জ্বলছে না", "bn"),
           ("1 kintu school er pashe onno street light ta ekhono jolche na", "school er pashe onno street light ta ekhono jolche na", "bn"),
           ("हाँ, लेकिन स्कूल के पास दूसरी स्ट्रीट लाइट अभी भी बंद है", "स्कूल के पास दूसरी स्ट्रीट लाइट अभी भी बंद है", "hi")]  # fmt: skip


@pytest.mark.parametrize(("text", "rest", "language"), ANOTHER)
def test_a_yes_with_another_complaint_closes_the_one_and_asks_about_the_other(runtime_, caller, text, rest, language):
    done = filed(runtime_, category="ROAD.LIGHT")
    caller.texts(text)
    assert (of(runtime_, done.id).state, of(runtime_, done.id).outcome) == ("closed", "confirmed")
    assert acknowledgement.display(of(runtime_, done.id).ack) in caller.reads
    with runtime_.reading() as db:
        draft = db.scalars(select(Complaint).where(Complaint.state == "draft")).one()
        assert {m.state for m in db.scalars(select(Outgoing).where(Outgoing.template == "notify.confirmed"))} == {"replaced"}, "no second question"
    assert (draft.description, draft.category_code.partition(".")[0], draft.language) == (rest, "ROAD", language)
    caller.texts({"en": "yes", "bn": "হ্যাঁ", "hi": "हाँ"}[language])
    assert of(runtime_, draft.id).state == "registered"
    assert said(runtime_).solved is True


@pytest.mark.parametrize("text", ["1 but there is no electricity in our village for the last five days", "1, but no drinking water in Siliguri for 2 days"])
def test_the_key_for_yes_is_one_also_before_a_complaint_about_something_else(runtime_, resolved, caller, text):
    done = resolved()
    assert "Shall we register" in caller.texts(text).reads
    assert of(runtime_, done.id).outcome == "confirmed"
    caller.texts("no")
    with runtime_.reading() as db:
        assert db.scalars(select(Complaint.state).where(Complaint.id != done.id)).all() == ["rejected"], "as the citizen said, not registered"


@pytest.mark.parametrize("text", ["1 week no drinking water from the tap", "1. no drinking water in our lane 2. the tap is broken", "1.5 km of pipe leaks, no drinking water", "1 tubewell is broken, no drinking water"])
def test_a_one_that_counts_is_no_yes(runtime_, resolved, caller, text):
    done = resolved()
    assert "Shall we register" in caller.texts(text).reads
    assert (of(runtime_, done.id).state, kept(runtime_, done.id)) == ("resolved", [])


@pytest.mark.parametrize("text", ["1 thank you very much sir", "Yes, thank you very much sir", "১, আপনাদের অনেক ধন্যবাদ", "हाँ, आपका बहुत बहुत धन्यवाद"])
def test_a_yes_with_long_thanks_is_a_yes(runtime_, resolved, caller, text):
    resolved()
    caller.texts(text)
    assert state(runtime_).outcome == "confirmed"
    caller.texts("4")
    assert state(runtime_).rating == 4


@pytest.mark.parametrize(("text", "place"), [("1, Netaji Road", "1, Netaji Road"), ("ok thank you very much sir", "")])
def test_what_answers_another_question_is_no_yes(runtime_, resolved, caller, text, place):
    done = resolved()
    caller.texts("FILE street light not working")  # asked where
    caller.texts(text)
    assert of(runtime_, done.id).state == "resolved"
    with runtime_.reading() as db:
        assert db.scalars(select(Complaint.place).where(Complaint.id != done.id)).one() == place


@pytest.mark.parametrize(("text", "which"), [
    ("2 still no water comes from the tap", "2"), ("No, still no water comes", "second"), ("না, এখনও জল আসছে না", "দ্বিতীয়টা"), ("2 abhi bhi pani nahi aata", "दूसरी"),
])  # fmt: skip
def test_a_no_with_words_that_several_may_mean_is_asked_about(runtime_, caller, text, which):
    first, second = filed(runtime_), filed(runtime_)
    caller.texts(text)
    assert all(acknowledgement.display(of(runtime_, done.id).ack) in caller.reads for done in (first, second))
    assert {of(runtime_, done.id).state for done in (first, second)} == {"resolved"}
    caller.texts(which)  # the newest is the first in the list
    assert [of(runtime_, done.id).state for done in (first, second)] == ["reopened", "resolved"]
    with runtime_.reading() as db:
        assert db.scalars(select(Event).where(Event.action == "reopen")).one().data["reason"] == text
        assert db.scalars(select(Complaint.id).where(Complaint.state == "draft")).all() == []


def test_of_several_the_place_or_the_name_says_which(runtime_, caller):
    bankura, siliguri = filed(runtime_, name="Rahim Sk"), filed(runtime_, district="314", name="Mina Das")
    caller.texts("2 Mina Das still gets no drinking water")
    assert [of(runtime_, done.id).state for done in (bankura, siliguri)] == ["resolved", "reopened"]
    other = filed(runtime_, district="314")
    caller.texts("No, still no water comes in Bankura")
    assert [of(runtime_, done.id).state for done in (bankura, other)] == ["reopened", "resolved"]


def test_a_yes_with_words_that_several_may_mean_is_asked_about_and_kept_with_that_one(runtime_, caller):
    first, second = filed(runtime_), filed(runtime_)
    text = "Yes, water is coming now but it is muddy in the morning"
    assert "Which complaint" in caller.texts(text).reads
    caller.texts("2")
    assert (kept(runtime_, first.id), kept(runtime_, second.id)) == ([text], [])
    assert "Is it solved?" in caller.reads
    assert {of(runtime_, done.id).state for done in (first, second)} == {"resolved"}


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
