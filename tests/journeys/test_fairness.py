"""One number that sends or calls a great deal: all of it is kept and done, answers come together, nobody is barred."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from helpline import acknowledgement, fairness, people, queueing, worker
from helpline.runtime import utc_now
from models import AbuseMark, Complaint, Outgoing, Sender, Tally
from simulator.driver import Caller
from tests.conftest import make_config
from tests.journeys.test_casework import somebody  # noqa: F401

MANY = 4
FIRE = "FILE live wire has fallen on the road in Barasat, PIN 700124"


@pytest.fixture
def config(database_url, tmp_path):
    return make_config(tmp_path, database_url, **{"fairness.messages_per_hour": MANY, "fairness.messages_per_day": 2 * MANY, "fairness.calls_per_hour": 2,
                                                  "fairness.complaints_per_day": 3})  # fmt: skip


def runtime(app) -> Any:
    return app.extensions["runtime"]


def complaints_of(app) -> list[Complaint]:
    with runtime(app).reading() as db:
        return list(db.scalars(select(Complaint).order_by(Complaint.id)))


def outgoing(app, template: str) -> list[Outgoing]:
    with runtime(app).reading() as db:
        return list(db.scalars(select(Outgoing).where(Outgoing.template.startswith(template)).order_by(Outgoing.id)))


def sender(app) -> Sender | None:
    with runtime(app).reading() as db:
        return db.scalars(select(Sender)).one_or_none()


def later(app, **time: float) -> datetime:
    now = utc_now() + timedelta(**time)
    worker.run_once(runtime(app), now)
    return now


def files(caller: Caller, count: int) -> list[str]:
    return [caller.texts(f"FILE tube well number {n} broken, Barasat PIN 700124").reads for n in range(count)]


def decide(app, decision: str) -> None:
    until = utc_now().date() + timedelta(days=20)
    someone = people.add(runtime(app), username=f"boss{decision}", name="Boss", role="supervisor", password="a long pass-phrase")
    with runtime(app).writing() as db:
        found = fairness.notice(db, "+919830012345", None, utc_now())
        fairness.decide(db, runtime(app), found.id, {"decision": decision, "reason": "looked at", "until": until.isoformat()}, someone, utc_now())


# ── by SMS ──


def test_beyond_the_limit_everything_is_registered_and_the_numbers_come_in_one_message(app, caller):
    replies = files(caller, MANY + 5)
    assert all("registered" in reply for reply in replies[:MANY])
    assert "acted on" in replies[MANY] and "112" in replies[MANY], "said once, in neutral words"
    assert replies[MANY + 1 :] == [""] * 4
    made = complaints_of(app)
    assert [row.state for row in made] == ["registered"] * (MANY + 5), "nothing is dropped"
    later(app, minutes=30)
    assert outgoing(app, "sms.summary") == []
    later(app, minutes=61)
    told = outgoing(app, "sms.summary")
    expected = [acknowledgement.display(row.ack) for row in made[MANY:]]
    assert [re.findall(r"\d{3} \d{4} \d{4}", one.body) for one in told] == [expected[:4], expected[4:]]
    later(app, minutes=125)
    assert len(outgoing(app, "sms.summary")) == 2, "told once"


def test_what_is_told_together_waits_for_nobody(app, caller):
    """The acknowledgements that were not sent one by one stand on no list of what could not be delivered."""
    files(caller, MANY + 2)
    states = [one.state for one in outgoing(app, "sms.registered_ask_name")]
    assert states[MANY:] == ["replaced"] * 2


def test_what_nobody_confirmed_is_told_in_a_summary_too(app, caller):
    for n in range(MANY + 3):
        caller.texts(f"our tube well number {n} is broken since monday, Barasat 700124")
    assert {row.state for row in complaints_of(app)} == {"draft"}
    later(app, hours=25)
    made = complaints_of(app)
    assert {row.state for row in made} == {"registered"}
    assert {one.state for one in outgoing(app, "notify.registered")} == {"replaced"}
    later(app, hours=27)
    told = "".join(one.body for one in outgoing(app, "sms.summary"))
    assert all(acknowledgement.display(row.ack) in told for row in made)


def test_danger_and_the_status_of_ones_own_are_answered_at_once(app, caller, stranger):
    files(caller, MANY + 2)
    mine = complaints_of(app)[0].ack
    assert "call 112 now" in caller.texts(FIRE).reads
    assert acknowledgement.display(complaints_of(app)[-1].ack) in caller.reads
    assert "under review" in caller.texts(f"STATUS {mine}").reads
    assert "under review" in caller.texts("STATUS").reads
    assert caller.texts("HELP").reads == ""
    assert "registered" in files(stranger, 1)[0], "nobody else is slower for it"


def test_the_summary_speaks_the_language_of_the_messages(app, caller):
    for n in range(MANY + 3):
        caller.texts(f"অভিযোগ {n} নম্বর টিউবওয়েল খারাপ, বারাসাত ৭০০১২৪")
    later(app, minutes=61)
    (told,) = outgoing(app, "sms.summary")
    assert told.language == "bn" and "নথিভুক্ত হয়েছে" in told.body


def test_spread_over_the_day_it_counts_too(app, caller):
    files(caller, 1)
    before = utc_now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=5)
    with runtime(app).writing() as db:  # so many in the hours before
        db.execute(update(Tally).where(Tally.kind == "sms-reply").values(count=2 * MANY, hour=before))
    assert "acted on" in files(caller, 1)[0]
    assert sender(app).over == "messages"


def test_a_helper_is_answered_every_time_and_a_slowed_number_never_by_itself(app, caller):
    decide(app, "helper")
    assert all("registered" in reply for reply in files(caller, 2 * MANY + 2))
    decide(app, "slow")
    assert "acted on" in caller.texts("HELP").reads
    assert caller.texts("HELP").reads == ""
    assert "call 112 now" in caller.texts(FIRE).reads
    assert "under review" in caller.texts("STATUS").reads


def test_a_decision_ends(app, caller):
    decide(app, "slow")
    with runtime(app).writing() as db:
        db.execute(update(Sender).values(until=utc_now() - timedelta(minutes=1)))
    assert "registered" in files(caller, 1)[0]


def test_many_complaints_of_one_number_are_noticed(app, caller):
    files(caller, 3)
    later(app, seconds=5)
    assert sender(app) is None
    files(caller, 1)
    later(app, seconds=5)
    assert sender(app).over == "complaints"


# ── on the telephone ──


@pytest.fixture
def in_hours(monkeypatch):
    monkeypatch.setattr(queueing, "is_open", lambda *_: True)


@pytest.fixture
def agent(app, in_hours):
    agent_id = people.add(runtime(app), username="one", name="one", role="agent", password="a long pass-phrase")
    with runtime(app).writing() as db:
        queueing.sign_on(db, agent_id, ("bn", "en", "hi"), utc_now())
    return agent_id


def called_often(app, caller) -> None:
    for _ in range(3):
        caller.dials().presses("2").hangs_up()
    later(app, seconds=40)


def test_who_calls_a_great_deal_waits_behind_the_others(app, caller, stranger, agent):
    called_often(app, caller)
    assert sender(app).over == "calls"
    caller.dials().presses("0")
    stranger.dials().presses("2", "0")
    with runtime(app).reading() as session:
        db = session.connection()
        first, second = (queueing.of_call(db, one.call.sid) for one in (caller, stranger))
        assert queueing.place(db, runtime(app), second, utc_now()).number == 1
        assert first.turn_at - first.since == timedelta(seconds=runtime(app).config.fairness.behind_seconds)
        assert second.turn_at == second.since
    with runtime(app).writing() as db:
        queueing.assign(db, runtime(app), utc_now())
    with runtime(app).reading() as session:
        assert queueing.of_call(session.connection(), stranger.call.sid).state == "ringing"


def test_not_with_a_danger_and_not_when_known_as_a_helper(app, caller, agent):
    called_often(app, caller)
    assert sender(app).over == "calls"
    now = utc_now()
    with runtime(app).reading() as session:
        db = session.connection()
        danger = next(code for code, one in runtime(app).reference.categories.items() if one.danger)
        row = type("Row", (), {"category_code": danger})()
        assert fairness.behind(db, runtime(app), "+919830012345", row, now) == 0
        assert fairness.behind(db, runtime(app), "+919830012345", None, now) > 0
        assert fairness.behind(db, runtime(app), None, None, now) == 0
    decide(app, "helper")
    with runtime(app).reading() as session:
        assert fairness.behind(session.connection(), runtime(app), "+919830012345", None, now) == 0


# ── abuse ──


def test_abuse_is_marked_for_a_supervisor_and_the_complaint_registered_like_any_other(app, caller, somebody):  # noqa: F811
    assert "registered" in caller.texts("FILE you bastards, no water in Barasat for a week, PIN 700124").reads
    with runtime(app).reading() as db:
        mark = db.scalars(select(AbuseMark)).one()
    (complaint,) = complaints_of(app)
    assert (mark.kind, mark.channel, mark.complaint_id) == ("abuse", "sms", complaint.id)
    boss = somebody("boss", "supervisor")
    page = boss.get("/console/senders?tab=abuse").text
    assert "Abuse · 1" in page
    detail = boss.get(re.search(r'href="(/console/senders/\d+)"', page)[1]).text
    assert "you bastards, no water" in detail and complaint.ack in detail.replace(" ", "")
    assert "98300 12345" in page


def test_stop_and_start_are_answered_also_to_who_sent_a_great_deal(app, caller):
    """As carriers and the law expect: whoever ends the messages, or takes them up again, is told that it is done."""
    files(caller, MANY + 2)
    assert "no more messages" in caller.texts("STOP").reads
    assert caller.texts("START").reads.startswith("CM Helpline: Messages")
