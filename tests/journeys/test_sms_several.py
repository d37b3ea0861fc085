"""More than one complaint in a thread: which one is meant, by place in the list, number or subject."""

from __future__ import annotations

import pytest

from helpline import acknowledgement, complaints
from helpline.complaints import Actor
from helpline.runtime import utc_now
from tests.conftest import ONE_STORE
from tests.journeys.test_sms_answers import all_of, events


def two_filed(caller):
    caller.texts("FILE the road is full of potholes in Barasat").texts("A Sen")
    caller.texts("FILE no electricity for five days in Kalna").texts("A Sen")


def staff(app, row, action, **data):
    runtime = app.extensions["runtime"]
    with runtime.writing() as db:
        complaints.act(db, runtime, row.id, action, Actor("cell", "agent"), utc_now(), data)


@ONE_STORE
@pytest.mark.parametrize(
    ("said", "which"),
    [("1", "ELEC"), ("2", "ROAD"), ("second", "ROAD"), ("the 2nd one", "ROAD"), ("প্রথমটা", "ELEC"), ("দ্বিতীয়", "ROAD"), ("২", "ROAD"), ("ditiyo ta", "ROAD"),
     ("दूसरी", "ROAD"), ("pehla", "ELEC"), ("the road one", "ROAD"), ("bidyut er ta", "ELEC")],
)  # fmt: skip
def test_an_addition_that_could_mean_several_is_asked_about(app, caller, said, which):
    two_filed(caller)
    caller.texts("ADD near the school gate, ask for Mina")
    assert "Which complaint" in caller.reads
    assert all(acknowledgement.display(c.ack) in caller.reads for c in all_of(app))
    assert events(app, "add") == []
    caller.texts(said)
    added = [c for c in all_of(app) if acknowledgement.display(c.ack) in caller.reads]
    assert [c.category_code.partition(".")[0] for c in added] == [which]
    assert [e["text"] for e in events(app, "add")] == ["near the school gate, ask for Mina"]


def test_an_addition_that_tells_its_subject_is_not_asked_about(app, caller):
    two_filed(caller)
    caller.texts("ADD the road, lane number 5, house 12")
    assert "Which" not in caller.reads
    assert acknowledgement.display(all_of(app)[0].ack) in caller.reads


@pytest.mark.parametrize("said", ["ADD the potholes in the road are deeper now after the rain", "add: big holes on the road near the school too"])
def test_add_with_a_whole_complaint_of_the_same_subject_is_an_addition(app, caller, said):
    two_filed(caller)
    caller.texts(said)
    assert acknowledgement.display(all_of(app)[0].ack) in caller.reads
    assert [e["text"] for e in events(app, "add")] == [said.partition(" ")[2]]
    caller.texts("ADD there is no doctor in the hospital of Ghatal since monday")
    assert len(all_of(app)) == 3, "another subject is another complaint"


def test_both_are_meant(app, caller):
    two_filed(caller)
    caller.texts("ADD my alternate phone is with my brother").texts("both")
    assert len(events(app, "add")) == 2


def test_the_number_answers_as_well(app, caller):
    two_filed(caller)
    caller.texts("CANCEL")
    assert "Which complaint" in caller.reads
    caller.texts(acknowledgement.display(all_of(app)[0].ack))
    assert [c.state for c in all_of(app)] == ["closed", "registered"]


def test_a_new_complaint_instead_of_the_answer_is_one(app, caller):
    two_filed(caller)
    caller.texts("ADD near the school gate, ask for Mina")
    caller.texts("FILE hospital has no doctor in Ghatal")
    assert len(all_of(app)) == 3
    assert events(app, "add") == []


def test_two_offices_ask_and_a_bare_answer_is_asked_about(app, caller):
    two_filed(caller)
    for row in all_of(app):
        staff(app, row, "review")
        staff(app, row, "ask", question="Which lane?")
    caller.texts("third lane behind the school")
    assert "Which complaint" in caller.reads
    assert {c.state for c in all_of(app)} == {"action_required"}
    caller.texts("2")
    assert [c.state for c in all_of(app)] == ["in_progress", "action_required"]
    assert events(app, "answer")[-1]["text"] == "third lane behind the school"
    caller.texts("the lane with the transformer")
    assert [c.state for c in all_of(app)] == ["in_progress", "in_progress"], "one question is left, so it is that one"


def test_with_two_resolved_the_place_in_the_list_answers(app, caller):
    two_filed(caller)
    for row in all_of(app):
        staff(app, row, "review")
        staff(app, row, "resolve", report="It was repaired today")
    caller.texts("yes")
    assert "Which complaint" in caller.reads
    caller.texts("2")
    assert [c.state for c in all_of(app)] == ["closed", "resolved"]


def test_status_of_several_numbers_at_once(app, caller):
    two_filed(caller)
    caller.texts("FILE hospital has no doctor in Ghatal").texts("A Sen")
    acks = [c.ack for c in all_of(app)]
    caller.texts("STATUS " + " ".join(acks))
    assert all(acknowledgement.display(ack) in caller.reads for ack in acks)
    caller.texts("অবস্থা " + "\n".join(acknowledgement.display(ack) for ack in acks[:2]))
    assert [acknowledgement.display(ack) in caller.reads for ack in acks] == [True, True, False]


def test_beyond_four_numbers_it_is_said(app, caller, now):
    caller.texts("STATUS " + " ".join(acknowledgement.generate(now) for _ in range(6)))
    assert "another SMS" in caller.reads


def test_status_alone_tells_of_every_open_complaint(app, caller):
    two_filed(caller)
    caller.texts("STATUS")
    assert all(acknowledgement.display(c.ack) in caller.reads for c in all_of(app))


def test_another_complaint_after_the_conversation_is_one_of_its_own(app, caller):
    caller.texts("FILE the road is full of potholes in Barasat").texts("A Sen").texts("thanks")
    caller.texts("there is also no electricity in our village for the last five days").texts("yes")
    assert [(c.category_code.partition(".")[0], c.state) for c in all_of(app)] == [("ROAD", "registered"), ("ELEC", "registered")]


@pytest.mark.parametrize("said", ["STATUS {} {}", "{} ar {} dutor ki obostha", "অবস্থা {} {}"])
def test_asking_for_the_status_of_both_while_which_is_asked_takes_nothing_back(app, caller, said):
    caller.texts("FILE no street light in Barasat").texts("A Sen")
    caller.texts("FILE no water for days in Kalna").texts("A Sen")
    caller.texts("CANCEL")
    acks = [c.ack for c in all_of(app)]
    caller.texts(said.format(*acks))
    assert {c.state for c in all_of(app)} == {"registered"}
    assert all(acknowledgement.display(ack) in caller.reads for ack in acks)
