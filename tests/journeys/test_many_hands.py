"""Several people at one complaint, and several complaints about one problem."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, select, update

from helpline import search
from models import Complaint, Conversation, Feedback, Outgoing
from simulator.driver import Caller
from tests.journeys.test_casework import BARASAT, act, filed, only, somebody, told  # noqa: F401


def test_who_else_has_it_open_and_what_they_write(app, told, somebody):  # noqa: F811
    desk, officer = somebody("desk", "cell"), somebody("roads", "officer", BARASAT)
    path = f"/console/complaints/{told}/here"
    assert "also looking" not in desk.post(path).text
    assert "Test desk is also looking at it" in officer.post(path).text
    officer.post(path, {"doing": "resolve"})
    assert "Test roads is writing: Report resolved" in desk.post(path).text
    assert act(officer, app, told, "note", text="On it").status_code == 302
    assert "Test roads" not in desk.post(path).text, "what is done is not being written any more"
    act(desk, app, told, "review")
    assert "Something happened" in officer.post(path, {"seen": 1}).text


def test_nothing_is_overwritten_silently(app, told, somebody):  # noqa: F811
    desk, officer = somebody("desk", "cell"), somebody("roads", "officer", BARASAT)
    seen = only(app).last_seq
    act(desk, app, told, "note", text="The mayor called about this")
    answer = officer.post(f"/console/complaints/{told}/accept", {"version": seen, "news_on": "2030-01-07"})
    assert answer.status_code == 409
    for text in ("The mayor called about this", "Test desk", "2030-01-07", "Do mine now", "Discard mine"):
        assert text in answer.text, text
    assert only(app).state != "in_progress"
    import re

    fresh = re.search(r'id="form-accept".*?name="version" value="(\d+)"', answer.text, re.S)[1]
    assert officer.post(f"/console/complaints/{told}/accept", {"version": fresh, "news_on": "2030-01-07"}).status_code == 302
    assert only(app).state == "in_progress"


@pytest.fixture
def twice(app, network, told, caller):  # noqa: F811
    """The same hole told by a neighbour, and something else: (told, neighbour's)."""
    neighbour = Caller(network, "+919830099999")
    neighbour.texts("FILE big potholes near the school on Station road, Barasat")
    Caller(network, "+919830088888").texts("FILE ration dealer gives less rice, Tamluk")
    search.index_pending(app.extensions["runtime"])
    with app.extensions["runtime"].reading() as db:
        return told, db.scalars(select(Complaint).where(Complaint.phone == "+919830099999")).one().ack, neighbour


def test_the_same_problem_is_suggested_with_its_reasons_on_the_page_and_while_entering(app, twice, somebody):  # noqa: F811
    first, second, _ = twice
    agent = somebody("phones", "agent")
    for place, page in (
        ("same block or municipality", agent.get(f"/console/complaints/{second}/alike").text),
        ("same district", agent.post("/console/new/similar", {"description": "potholes near the school", "category": "ROAD.POTHOLE", "district": "303"}).text),
    ):
        assert first[7:] in page
        for reason in (place, "words in common", "within a day"):
            assert reason in page, reason
        assert page.count("words in common") <= 2, "the ration dealer is another matter"


def test_another_matter_at_the_same_place_is_not_suggested(app, network, told, somebody):  # noqa: F811
    Caller(network, "+919830099999").texts("FILE no water in the taps for three days near the school on Station road, Barasat, PIN 700124")
    Caller(network, "+919830088888").texts("FILE dead animal near the bus stand, Barasat, PIN 700124")
    search.index_pending(app.extensions["runtime"])
    with app.extensions["runtime"].reading() as db:
        water = db.scalars(select(Complaint.ack).where(Complaint.phone == "+919830099999")).one()
        animal = db.scalars(select(Complaint.ack).where(Complaint.phone == "+919830088888")).one()
    page = somebody("desk", "cell").get(f"/console/complaints/{water}/alike").text
    assert animal not in page.replace(" ", "")


def test_joined_by_one_click_told_together_and_undone(app, twice, somebody, caller):  # noqa: F811
    first, second, neighbour = twice
    desk, monitor = somebody("desk", "cell"), somebody("watch", "monitor")
    assert desk.post(f"/console/complaints/{second}/merge", {"original": first}).status_code == 302
    page = desk.get(f"/console/complaints/{first}").text
    assert "98300 99999" in page
    assert "98300 99999" not in monitor.get(f"/console/complaints/{first}").text, "masked"
    neighbour.texts(f"STATUS {second}")
    assert "under review" in neighbour.reads, "either number is answered"
    assert desk.post(f"/console/complaints/{second}/separate", {"reason": "Another hole"}).status_code == 302
    assert "98300 99999" not in desk.get(f"/console/complaints/{first}").text
    with app.extensions["runtime"].reading() as db:
        assert [row.joined for row in db.scalars(select(Complaint).order_by(Complaint.id).limit(1))] == [0]


@pytest.fixture
def together(app, network, told, somebody):  # noqa: F811
    """Five neighbours with the same hole, joined to the one that carries on, which is reported resolved: (the desk, their phones, a complaint by number)."""
    desk = somebody("desk", "cell")
    phones = [Caller(network, f"+91983009999{n}") for n in range(5)]
    texts = ["FILE big potholes near the school on Station road, Barasat", "शिकायत बारासात में स्टेशन रोड पर स्कूल के पास सड़क टूटी है", "অভিযোগ বারাসতে স্টেশন রোডে স্কুলের কাছে রাস্তা ভাঙা"]
    for n, phone in enumerate(phones):
        phone.texts(texts[n % 3])
    with app.extensions["runtime"].writing() as db:
        db.execute(delete(Conversation))
        acks = [db.scalar(select(Complaint.ack).where(Complaint.phone == phone.number)) for phone in phones]
    for ack in acks:
        assert desk.post(f"/console/complaints/{ack}/merge", {"original": told}).status_code == 302
    act(desk, app, told, "review")
    act(desk, app, told, "resolve", report="The holes near the school were filled with stones")
    return desk, phones, lambda number: one(app, number)


def one(app, number):
    with app.extensions["runtime"].reading() as db:
        return db.scalars(select(Complaint).where(Complaint.phone == number)).first()


def sent_to(app, number):
    with app.extensions["runtime"].reading() as db:
        return [m.template for m in db.scalars(select(Outgoing).where(Outgoing.to_number == number).order_by(Outgoing.id))]


def test_each_of_many_is_asked_and_a_no_of_any_is_heard(app, together, caller):
    _, phones, complaint = together
    for phone in phones:
        assert sent_to(app, phone.number).count("notify.resolved") == 1, "each hears once"
    phones[1].texts("2")
    assert "समझ" not in phones[1].reads, "it was asked, so it is understood"
    carrying = complaint(caller.number)
    assert (carrying.state, carrying.office_code, carrying.reopen_count) == ("reopened", "pwd", 1)
    assert "समीक्षाधीन" in phones[1].reads
    for phone in (*phones, caller):
        assert sent_to(app, phone.number).count("notify.reopened") == 1
    with app.extensions["runtime"].reading() as db:
        assert db.scalars(select(Feedback)).one().from_number == phones[1].number


def test_a_no_is_heard_also_where_the_one_that_carries_on_has_no_telephone(app, together, told):  # noqa: F811
    """It came from a withheld number: nobody's number is not the same as this one."""
    _, phones, _ = together
    with app.extensions["runtime"].writing() as db:
        db.execute(update(Complaint).where(Complaint.ack == told).values(phone=None))
    phones[0].texts("2")
    with app.extensions["runtime"].reading() as db:
        assert db.scalar(select(Complaint.state).where(Complaint.ack == told)) == "reopened"


def test_a_yes_closes_for_all_in_words_that_are_true_for_each_and_a_later_no_opens_it(app, together, caller):
    _, phones, complaint = together
    phones[0].texts("1")
    assert "Thank you" in phones[0].reads
    assert complaint(caller.number).state == "closed"
    for phone in phones:
        assert sent_to(app, phone.number)[-1] == "notify.closed_together", "nobody is thanked for what they did not say, or asked to rate it"
    phones[2].texts("1")
    assert "ধন্যবাদ" in phones[2].reads
    phones[4].texts("2")
    assert complaint(caller.number).state == "reopened"


def test_what_one_withdraws_is_not_said_to_be_withdrawn_by_the_others(app, together, caller):
    _, phones, complaint = together
    phones[3].texts("2 big potholes are still in the road")
    assert complaint(caller.number).state == "reopened"
    caller.texts("CANCEL")
    assert complaint(caller.number).state == "closed"
    for phone in phones:
        assert sent_to(app, phone.number)[-1] == "notify.closed_together"
    phones[0].texts(f"REOPEN {complaint(phones[0].number).ack}")
    assert complaint(caller.number).state == "reopened"


def test_the_status_of_what_was_joined_is_told_in_the_language_of_whoever_asks(together):
    _, phones, complaint = together
    phones[1].texts(f"STATUS {complaint(phones[1].number).ack}")
    assert "शिकायत" in phones[1].reads
    phones[2].texts(f"STATUS {complaint(phones[2].number).ack}")
    assert "অভিযোগ" in phones[2].reads
