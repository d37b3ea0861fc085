"""Long messages that come in parts, marked or cut, in any order: one complaint that says it all, told its number."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import permutations

import pytest
from sqlalchemy import select, update

from helpline import acknowledgement, complaints
from helpline.complaints import Actor
from helpline.runtime import utc_now
from models import Event, Part
from tests.journeys.test_sms import only
from tests.journeys.test_sms_answers import all_of, events, later

ENGLISH = ("the road from the school to the market in Barasat is full of deep holes, last week an old man fell and broke his leg there, the children cannot "
           "cycle to school any more and when it rains the water stands for days because the drain beside it was filled when the shops were built, we "
           "went to the municipality four times and nobody came to look at it")  # fmt: skip
BENGALI = "বারাসতের স্কুল থেকে বাজার পর্যন্ত রাস্তা বড় বড় গর্তে ভরা, গত সপ্তাহে এক বৃদ্ধ পড়ে গিয়ে পা ভেঙেছেন, সাইকেল নিয়ে যাওয়া যায় না, পুরসভায় চারবার গিয়েছি, কেউ দেখতে আসেনি"


def cut(text, width):
    return [text[at : at + width] for at in range(0, len(text), width)]


def told(text):
    return " ".join(text.split())


@pytest.mark.parametrize(("text", "width", "says"), [("FILE " + ENGLISH, 153, "Your complaint is registered"), ("অভিযোগ " + BENGALI, 67, "নথিভুক্ত হয়েছে")])
def test_a_message_cut_by_the_carrier_is_one_complaint(app, caller, text, width, says):
    parts = cut(text, width)
    assert len(parts) == 3
    answers = [caller.texts(part).reads for part in parts]
    complaint = only(app)
    assert told(complaint.description) == told(text.partition(" ")[2])
    assert (complaint.state, complaint.district_code, complaint.category_code.partition(".")[0]) == ("registered", "303", "ROAD")
    assert says in answers[0], "the first part is answered at once"
    assert all(acknowledgement.display(complaint.ack) in answer for answer in answers)
    assert events(app, "add") == []


ORDERS = list(permutations(range(3)))
# Without a keyword nothing tells which of two whole segments comes first: these keep their order.
TELLING = [("FILE ", order) for order in ORDERS] + [("", order) for order in ORDERS if order.index(0) < order.index(1)]


@pytest.mark.parametrize(("keyword", "order"), TELLING)
def test_in_any_order_it_is_one_complaint_in_the_right_order(app, caller, order, keyword):
    parts = cut(keyword + ENGLISH, 153)
    for at in order:
        assert caller.texts(parts[at]).reads
    if not keyword:
        assert only(app).state == "draft"
        caller.texts("yes")
    assert only(app).state == "registered"
    assert told(only(app).description) == told(ENGLISH)
    assert acknowledgement.display(only(app).ack) in caller.reads


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("mark", ["({}/3) ", "{}/3: ", "[{} of 3] "])
def test_marked_parts_in_any_order(app, caller, order, mark):
    parts = ["FILE there is no doctor in the health centre of Kalna", "and the nurse comes only on Mondays,", "we need medicine for the children"]
    for at in order:
        caller.texts(mark.format(at + 1) + parts[at])
        assert caller.reads
    complaint = only(app)
    assert complaint.state == "registered"
    assert complaint.description == "there is no doctor in the health centre of Kalna and the nurse comes only on Mondays, we need medicine for the children"
    assert acknowledgement.display(complaint.ack) in caller.reads


def test_a_mark_at_the_end_and_in_bengali_digits(app, caller):
    caller.texts("অভিযোগ কালনায় তিন দিন জল নেই (১/২)").texts("কল থেকে শুধু কাদা আসে (২/২)")
    assert only(app).description == "কালনায় তিন দিন জল নেই কল থেকে শুধু কাদা আসে"


def test_a_later_part_alone_waits_as_a_draft_and_is_registered_in_the_end(app, caller):
    caller.texts("(2/2) and the nurse of the health centre in Kalna comes only on Mondays")
    assert "part of your message" in caller.reads
    assert only(app).state == "draft"
    later(app, hours=25)
    assert only(app).state == "registered"


@pytest.mark.parametrize("again", ["the same id", "another id"])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0)])
def test_delivered_twice_nothing_is_doubled(app, network, caller, again, order):
    parts = cut("FILE " + ENGLISH, 153)
    for at in order:
        for time in range(2):
            sid = f"SM{at}{time if again == 'another id' else 0}" + "5" * 30
            assert network.text(caller.number, parts[at], sid)
    assert told(only(app).description) == told(ENGLISH)


def test_once_somebody_has_looked_the_rest_is_an_addition(app, caller):
    first, second, third = cut("FILE " + ENGLISH, 153)
    caller.texts(first)
    runtime = app.extensions["runtime"]
    with runtime.writing() as db:
        complaints.act(db, runtime, only(app).id, "review", Actor("cell", "agent"), utc_now())
    caller.texts(second).texts(third)
    assert len(all_of(app)) == 1
    assert [e["text"] for e in events(app, "add")] == [second.strip(), third]


def test_what_comes_a_minute_later_is_a_message_of_its_own(app, caller):
    first, *_ = cut("FILE " + ENGLISH, 153)
    caller.texts(first)
    with app.extensions["runtime"].writing() as db:
        db.execute(update(Part).values(at=utc_now() - timedelta(seconds=61)))
    caller.texts("there is no electricity in our village for five days")
    assert [c.category_code.partition(".")[0] for c in all_of(app)] == ["ROAD", "ELEC"]


@pytest.mark.parametrize("then", ["STATUS", "HELP", "thanks", "FILE there is no doctor in the hospital of Ghatal"])
def test_what_follows_a_full_segment_but_is_something_else_stands_alone(app, caller, then):
    whole = ("FILE " + ENGLISH)[:160]
    caller.texts(whole).texts(then)
    assert all_of(app)[0].description == whole[5:]
    assert len(all_of(app)) == (2 if then.startswith("FILE") else 1)


def test_the_end_of_a_message_opts_nobody_out(app, caller):
    first = ("FILE " + ENGLISH)[:153]
    caller.texts(first).texts("and please make them stop")
    assert only(app).description.endswith("and please make them stop")
    assert acknowledgement.display(only(app).ack) in caller.reads


@pytest.mark.parametrize("text", ["RATE 4/5", "very good work 4/5", "4/5"])
def test_a_rating_is_no_part(app, caller, text):
    caller.texts(text)
    assert all_of(app) == []


def test_the_event_says_that_parts_were_put_together(app, caller):
    for part in cut("FILE " + ENGLISH, 153):
        caller.texts(part)
    with app.extensions["runtime"].reading() as db:
        put = db.scalars(select(Event).where(Event.action == "put_together").order_by(Event.seq)).all()
    assert len(put) == 2
    assert told(put[-1].data["text"]) == told(ENGLISH)


def test_parts_that_come_at_the_same_moment(app, network, caller):
    parts = cut("FILE " + ENGLISH, 153)
    with ThreadPoolExecutor(3) as pool:
        replies = list(pool.map(lambda part: network.text(caller.number, part), parts))
    assert all(replies)
    assert told(only(app).description) == told(ENGLISH)
