"""Parts of the work asked of other offices, and officers who work by SMS."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from helpline.runtime import utc_now
from helpline.sla import IST
from models import Complaint, Outgoing, Subtask
from simulator.driver import Caller
from sms import staff
from tests.journeys.test_casework import BARASAT, act, numbers_in, only, somebody, told  # noqa: F401

WATER = "phe.303"
PHONE = "+919830077777"
REPORT = "The holes were filled and rolled on Monday"


def part_of(app) -> Subtask:
    with app.extensions["runtime"].reading() as db:
        return db.scalars(select(Subtask)).one()


def test_a_part_asked_of_another_office(app, told, somebody):  # noqa: F811
    roads, water = somebody("roads", "officer", BARASAT), somebody("water", "officer", WATER)
    act(roads, app, told, "accept")
    assert water.get(f"/console/complaints/{told}").status_code == 404
    assert act(roads, app, told, "ask_office", office=WATER, text="Move the pipe first", due_on="2030-01-07").status_code == 302
    assert numbers_in(water.get("/console/complaints?tab=asked").text) == [told]
    assert ">1<" in water.get("/console/alerts/bell").text
    page = water.get(f"/console/complaints/{told}").text
    assert "Move the pipe first" in page
    assert "/resolve" not in page, "the complaint itself is not theirs"
    assert act(water, app, told, "resolve", report=REPORT).status_code == 403
    refused = act(roads, app, told, "resolve", report=REPORT)
    assert refused.status_code == 422
    assert "still open" in refused.text
    act(water, app, told, "part_done", subtask=part_of(app).id, report="Pipe moved")
    assert part_of(app).state == "done"
    assert water.get(f"/console/complaints/{told}").status_code == 404, "their part is over"
    assert "Pipe moved" in roads.get(f"/console/complaints/{told}").text
    assert act(roads, app, told, "resolve", report=REPORT).status_code == 302


def test_an_answer_about_a_part_is_not_lost_when_somebody_was_quicker(app, told, somebody):  # noqa: F811
    roads, water = somebody("roads", "officer", BARASAT), somebody("water", "officer", WATER)
    act(roads, app, told, "accept")
    act(roads, app, told, "ask_office", office=WATER, text="Move the pipe first", due_on="2030-01-07")
    seen = only(app).last_seq
    act(roads, app, told, "note", text="The mayor called about this")
    part = part_of(app).id
    answer = water.post(f"/console/complaints/{told}/part_done", {"version": seen, "subtask": part, "report": "Pipe moved"})
    assert answer.status_code == 409
    assert f'form="form-part_done-{part}">Do mine now' in answer.text
    assert 'required>Pipe moved</textarea>' in answer.text
    gone = act(water, app, told, "part_done", subtask=part, report="Pipe moved")
    page = water.get(gone.headers["Location"]).text
    assert f"{told[:3]} {told[3:7]} {told[7:]} is no longer with your office" in page, "what happened is said"


def test_a_part_is_answered_only_by_those_who_were_asked_and_a_reason_ends_the_wait(app, told, somebody):  # noqa: F811
    roads = somebody("roads", "officer", BARASAT)
    act(roads, app, told, "accept")
    act(roads, app, told, "ask_office", office=WATER, text="Move the pipe first", due_on="2030-01-07")
    assert act(roads, app, told, "part_done", subtask=part_of(app).id, report="I say so").status_code == 403
    assert act(roads, app, told, "resolve", report=REPORT, reason="The pipe was no obstacle").status_code == 302
    assert part_of(app).state == "declined"


# ── officers without data ──


@pytest.fixture
def officer_phone(network):
    return Caller(network, PHONE)


@pytest.fixture
def with_code(app, told, somebody, network):  # noqa: F811
    """A complaint that came to an officer by SMS: (office's page, code)."""
    person = somebody("roads", "officer", BARASAT, phone=PHONE)
    cell = somebody("desk", "cell")
    act(cell, app, told, "forward", office=BARASAT)
    with app.extensions["runtime"].reading() as db:
        message = db.scalars(select(Outgoing).where(Outgoing.to_number == PHONE)).one()
    return person, re.search(r"ACCEPT (\w{4})", message.body)[1]


def state(app):
    return only(app).state


def test_accept_date_and_done_by_sms(app, told, with_code, officer_phone, caller):  # noqa: F811
    _, code = with_code
    officer_phone.texts(f"accept {code[:2]} {code[2:]}".lower())
    assert state(app) == "in_progress"
    assert "কাজ আপনি নিলেন" in officer_phone.reads, "in the officer's language"
    officer_phone.texts(f"DATE {code} 12/12/2030")
    assert only(app).news_at.year == 2030
    officer_phone.texts(f"DONE {code} ok")
    assert "বিস্তারিত" in officer_phone.reads
    officer_phone.texts(f"DONE {code} {REPORT}")
    assert state(app) == "resolved"
    caller.texts("1")
    assert state(app) == "closed"


def test_back_by_sms_needs_a_reason_and_shows_on_the_timeline(app, told, with_code, officer_phone, somebody):  # noqa: F811
    _, code = with_code
    officer_phone.texts(f"BACK {code}")
    assert state(app) == "forwarded"
    assert f"BACK {code}" in officer_phone.reads
    officer_phone.texts(f"ফেরত {code} এটি পুরসভার রাস্তা")
    assert state(app) == "under_review"
    assert "এটি পুরসভার রাস্তা" in somebody("second", "cell").get(f"/console/complaints/{told}").text


def test_a_wrong_code_gets_a_helpful_answer_and_a_strangers_number_opens_nothing(app, told, with_code, officer_phone, stranger):  # noqa: F811
    _, code = with_code
    wrong = "A2B3" if code != "A2B3" else "A2B4"
    officer_phone.texts(f"ACCEPT {wrong}")
    assert wrong in officer_phone.reads
    stranger.texts(f"ACCEPT {code}")
    assert state(app) == "forwarded"


def test_an_officer_is_a_citizen_too(app, with_code, officer_phone):
    officer_phone.texts("FILE no water in our lane for three days, Barasat")
    assert "নথিভুক্ত" in officer_phone.reads or "registered" in officer_phone.reads
    with app.extensions["runtime"].reading() as db:
        assert db.scalars(select(Complaint).where(Complaint.phone == PHONE)).one().state == "registered"


@pytest.mark.parametrize("text", ["DONE THAT yesterday", "date 12/12", "accept", "BACK HOME now", "done 2345 pipes", "স্বাগত K7QZ"])
def test_what_has_not_the_shape_of_an_order(text):
    assert staff.read(text) is None


@pytest.mark.parametrize(("text", "iso"), [("12/12", "2026-12-12"), ("1.2", "2027-02-01"), ("31-12-26", "2026-12-31"), ("৫/১/২০২৭", "2027-01-05"), ("40/1", ""), ("soon", "")])
def test_days_as_officers_write_them(text, iso, now):
    from helpline.text import fold_digits

    assert staff.day_in(fold_digits(text), now) == iso


@pytest.mark.parametrize("days", [0, 1, 40])
def test_a_day_that_has_just_passed_is_not_taken_for_next_years(days, now):
    meant = now.astimezone(IST).date() - timedelta(days=days)
    assert staff.day_in(f"{meant.day}/{meant.month}", now) == meant.replace(year=now.astimezone(IST).year).isoformat()


def test_a_passed_day_is_asked_again_and_a_day_to_come_is_said_back(app, told, with_code, officer_phone):  # noqa: F811
    code = with_code[1]
    yesterday, tomorrow = (utc_now().astimezone(IST).date() + timedelta(days=ahead) for ahead in (-1, 1))
    officer_phone.texts(f"DATE {code} {yesterday.day}/{yesterday.month}/{yesterday.year}")
    assert f"DATE {code} 12/12" in officer_phone.reads
    officer_phone.texts(f"DATE {code} {tomorrow.day}/{tomorrow.month}/{tomorrow.year}")
    assert str(tomorrow.year) in officer_phone.reads


def test_the_switch_turns_it_off(app, told, somebody):  # noqa: F811
    object.__setattr__(app.extensions["runtime"].config.casework, "officers_by_sms", False)
    somebody("roads", "officer", BARASAT, phone=PHONE)
    act(somebody("desk", "cell"), app, told, "forward", office=BARASAT)
    with app.extensions["runtime"].reading() as db:
        assert db.scalars(select(Outgoing).where(Outgoing.to_number == PHONE)).all() == []
