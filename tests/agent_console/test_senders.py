"""Heavy senders and abuse: the supervisors' page, the decisions, and the worklist's group of one number."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta

import pytest
from sqlalchemy import select, update

from helpline import complaints, fairness
from helpline.complaints import Filing
from helpline.events import Actor
from helpline.lifecycle import Role
from helpline.runtime import utc_now
from helpline.sla import IST
from models import Audit, Sender, SenderDecision, User

NUMBER = "+919830012345"
ADDRESS = "/console/senders"


@pytest.fixture
def heavy(app, accounts):
    """A number with three complaints that was found beyond a limit: its id."""
    runtime, now = app.extensions["runtime"], utc_now()
    with runtime.writing() as db:
        for n in range(3):
            complaints.file(db, runtime, Filing(channel="sms", language="en", phone=NUMBER, category_code="WATER.NONE", district_code="305", description=f"no water {n}"),
                            Actor("citizen", "sms"), now)  # fmt: skip
        complaints.file(db, runtime, Filing(channel="sms", language="en", phone="+919830054321", category_code="ROAD.POTHOLE", district_code="306", description="holes"),
                        Actor("citizen", "sms"), now)  # fmt: skip
        fairness.weigh(db, runtime, NUMBER, now)
        fairness.count_call(db, runtime, NUMBER, now, now)
        return fairness.notice(db, NUMBER, "messages", now).id


def given(**changes):
    until = (utc_now() + timedelta(days=10)).date().isoformat()
    return {"decision": "helper", "reason": "Files for her lane, spoke with her", "until": until} | changes


def test_only_supervisors(staff, heavy):
    for role in set(Role) - {Role.SUPERVISOR, Role.CITIZEN, Role.SYSTEM}:
        person = staff(role)
        assert person.get(ADDRESS).status_code == 403, role
        assert person.get(f"{ADDRESS}/{heavy}").status_code == 403, role
        assert person.post(f"{ADDRESS}/{heavy}", given()).status_code == 403, role
    assert staff("supervisor").get(ADDRESS).status_code == 200


def test_what_came_from_the_number(staff, heavy):
    boss = staff("supervisor")
    page = boss.get(ADDRESS).text
    assert "Many SMS" in page and "SMS 1 · calls 1" in page and "3 open" in page
    detail = boss.get(f"{ADDRESS}/{heavy}").text
    assert re.findall(r"SMS 1 · calls 1 · complaints 3", detail), "of today"
    assert boss.get(f"{ADDRESS}/1").status_code == 404


@pytest.mark.parametrize("minutes", [-1, 1])
def test_the_days_are_those_of_kolkata(app, accounts, minutes):
    """What was counted a minute from midnight stands with the complaint filed in that minute."""
    runtime, midnight = app.extensions["runtime"], datetime.combine(utc_now().astimezone(IST).date(), time(), IST)
    moment = (midnight + timedelta(minutes=minutes)).astimezone(UTC)
    with runtime.writing() as db:
        fairness.weigh(db, runtime, NUMBER, moment)
        complaints.file(db, runtime, Filing(channel="sms", language="en", phone=NUMBER, category_code="WATER.NONE", district_code="305", description="no water"),
                        Actor("citizen", "sms"), moment)  # fmt: skip
        (boss,) = db.execute(select(User).where(User.role == Role.SUPERVISOR).limit(1))
        assert fairness.by_day(db, NUMBER, boss, utc_now()) == [(moment.astimezone(IST).date(), {"sms": 1, "filed": 1})]


def test_a_decision_with_a_reason_and_an_end_is_kept(staff, app, heavy):
    boss = staff("supervisor")
    for unfit, field in ((given(decision="bar"), "choose a decision"), (given(reason=" "), "write the reason"), (given(until="2020-01-01"), "from today"),
                         (given(until=(utc_now() + timedelta(days=400)).date().isoformat()), "from today"), (given(until="soon"), "from today")):  # fmt: skip
        refused = boss.post(f"{ADDRESS}/{heavy}", unfit)
        assert refused.status_code == 422 and field in refused.text
    assert boss.post(f"{ADDRESS}/{heavy}", given()).status_code == 302
    with app.extensions["runtime"].reading() as db:
        assert db.scalars(select(SenderDecision)).one().reason == given()["reason"]
        assert fairness.in_force(db.scalars(select(Sender)).one(), utc_now()) == "helper"
        noted = db.scalars(select(Audit).where(Audit.action == "sender.decided")).one()
        assert noted.data["decision"] == "helper" and NUMBER not in str(noted.data)
    assert "A helper: lift the limits" in boss.get(f"{ADDRESS}?tab=decided").text
    assert "spoke with her" in boss.get(f"{ADDRESS}/{heavy}").text
    assert "Decided about a number" in boss.get("/console/audit?action=sender").text


def test_nothing_wrong_takes_it_off_the_list(staff, heavy):
    boss = staff("supervisor")
    boss.post(f"{ADDRESS}/{heavy}", given(decision="fine", reason="A busy week"))
    assert f"{ADDRESS}/{heavy}" not in boss.get(ADDRESS).text
    assert f"{ADDRESS}/{heavy}" in boss.get(f"{ADDRESS}?tab=decided").text
    assert "open from this number" not in boss.get("/console/complaints?tab=open").text


def test_a_supervisor_of_one_district_sees_the_numbers_of_that_district(staff, app, heavy):
    boss = staff("supervisor")
    with app.extensions["runtime"].writing() as db:
        db.execute(update(User).where(User.username == "supervisor").values(district_code="306"))
    assert f"{ADDRESS}/{heavy}" not in boss.get(ADDRESS).text
    assert boss.get(f"{ADDRESS}/{heavy}").status_code == 404
    assert boss.post(f"{ADDRESS}/{heavy}", given()).status_code == 404
    with app.extensions["runtime"].writing() as db:
        db.execute(update(User).where(User.username == "supervisor").values(district_code="305"))
    assert f"{ADDRESS}/{heavy}" in boss.get(ADDRESS).text


def test_the_worklist_shows_the_group_and_opens_it(staff, heavy):
    agent = staff("agent")
    page = agent.get("/console/complaints?tab=open").text
    assert page.count("3 open from this number") == 3
    address = f"/console/complaints?tab=open&amp;sender={heavy}"
    assert address in page
    only = agent.get(address.replace("&amp;", "&")).text
    assert only.count('class="pick"') == 3 and "Only the complaints of one number" in only
    assert "98300 54321" not in only
    assert "98300 12345" not in staff("monitor").get(address.replace("&amp;", "&")).text, "masked where numbers are"
    assert agent.get("/console/complaints?tab=open&sender=17").text.count('class="pick"') == 0
