"""Carriers in trouble, over real HTTP: each message arrives exactly once, or waits where it is seen."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from carriers.base import retry_after
from helpline import complaints, delivery, metrics
from helpline.carriers_in_use import in_use
from helpline.complaints import Actor, Filing
from models import CarrierState, Outgoing, Recording
from tests.carriers.edge import Accounts, Edge
from tests.conftest import NOW, make_config

NOT_TAKEN = ["slow down", "429", "500", "503", "silence", "reset", "page", "nothing", "half", "list", "no id", "no page"]
TAKEN = ["500 taken", "silence taken", "reset taken", "page taken", "nothing taken", "half taken", "list taken", "no id taken", "no page taken"]
TAKES = '{"id": "A1", "status": "accepted"}'


@pytest.fixture
def twilio():
    with Accounts() as server:
        yield server


@pytest.fixture
def other():
    """A second carrier, which answers no questions."""
    with Edge((200, TAKES, "application/json")) as server:
        yield server


@pytest.fixture
def config(database_url, tmp_path, twilio, other):
    return make_config(tmp_path, database_url, {"AGGREGATOR_SECRET": "shared"}, **{
        "carriers.outbound_sms": ["twilio"], "carriers.twilio.api_base": twilio.base, "carriers.twilio.timeout_seconds": 0.3, "carriers.twilio.per_second": 1000,
        "carriers.aggregator.url": other.url, "carriers.aggregator.timeout_seconds": 0.3, "carriers.aggregator.per_second": 1000,
        "carriers.aggregator.templates_required": False,
    })  # fmt: skip


@pytest.fixture
def with_second(runtime):
    """The same with the second carrier behind the first."""
    changed = runtime.config.model_copy(update={"carriers": runtime.config.carriers.model_copy(update={"outbound_sms": ("twilio", "aggregator")})})
    object.__setattr__(runtime, "config", changed)


def owe(runtime, count=1):
    """Messages to as many citizens; outbox ids."""
    with runtime.writing() as db:
        return [complaints.file(db, runtime, Filing(channel="voice", language="en", phone=f"+9198300{n:05d}"), Actor("citizen", "voice"), NOW).outgoing_id
                for n in range(count)]  # fmt: skip


def rows(runtime):
    with runtime.reading() as db:
        return db.scalars(select(Outgoing).order_by(Outgoing.id)).all()


class Worker:
    """Its two jobs for messages, minute after minute."""

    def __init__(self, runtime, server):
        self.runtime, self.carriers, self.now = runtime, in_use(runtime.config), NOW
        server.clock = lambda: self.now

    def round(self, **passes):
        delivery.send_due(self.runtime, self.carriers.outbound, lambda: self.now)
        delivery.settle_unknown(self.runtime, self.carriers.known, self.now)
        self.now += timedelta(**passes)

    def rounds(self, hours):
        end = self.now + timedelta(hours=hours)
        while self.now < end and {row.state for row in rows(self.runtime)} & {"pending", "claimed"}:
            self.round(minutes=1)


@pytest.mark.parametrize("trouble", NOT_TAKEN + TAKEN)
def test_whatever_the_carrier_answers_it_arrives_once(runtime, twilio, trouble):
    owe(runtime)
    twilio.troubles = [trouble]
    Worker(runtime, twilio).rounds(hours=1)
    (row,) = rows(runtime)
    assert (row.state, twilio.texts, row.carrier_sid) == ("sent", [row.body], twilio.taken[0]["sid"])


def test_who_stands_between_us_and_the_carrier_is_for_a_person(runtime, twilio):
    owe(runtime)
    twilio.troubles = ["elsewhere"]
    Worker(runtime, twilio).rounds(hours=1)
    assert ([(r.state, r.error_code) for r in rows(runtime)], twilio.texts) == ([("parked", "302")], [])


@pytest.mark.parametrize("trouble", ["429", "reset", "half", "silence", "no page"])
def test_a_carrier_that_answers_no_question_is_asked_until_it_does(runtime, twilio, trouble):
    owe(runtime)
    twilio.troubles, twilio.lists = ["silence taken"], [trouble] * 6
    Worker(runtime, twilio).rounds(hours=1)
    assert ([r.state for r in rows(runtime)], len(twilio.texts)) == (["sent"], 1)


@pytest.mark.parametrize("seed", range(2))
def test_many_messages_and_all_kinds_of_trouble(runtime, twilio, seed):
    chance = random.Random(seed)
    owe(runtime, 12)
    twilio.troubles = chance.choices(NOT_TAKEN + TAKEN, k=24)
    twilio.lists = chance.choices(["", "429", "half", "reset"], k=20)
    Worker(runtime, twilio).rounds(hours=6)
    assert {r.state for r in rows(runtime)} == {"sent"}
    assert Counter(twilio.texts) == Counter(r.body for r in rows(runtime))


@pytest.mark.parametrize("trouble", ["429", "slow down"])
def test_in_trouble_the_next_carrier_sends(runtime, with_second, twilio, other, trouble):
    owe(runtime, 3)
    twilio.troubles = [trouble] * 50
    Worker(runtime, twilio).round(minutes=1)
    assert [(r.state, r.carrier) for r in rows(runtime)] == [("sent", "aggregator")] * 3
    assert (len(twilio.got), len(other.got)) == (1, 3), "who is in trouble is asked once, not once for each message"


@pytest.mark.parametrize("trouble", ["silence", "500", "half"])
def test_after_an_unknown_outcome_the_next_messages_go_by_the_next_carrier(runtime, with_second, twilio, other, trouble):
    owe(runtime, 3)
    twilio.troubles = [trouble] * 50
    worker = Worker(runtime, twilio)
    worker.round(minutes=3)
    assert sorted((r.state, r.carrier) for r in rows(runtime)) == [("claimed", "twilio"), *[("sent", "aggregator")] * 2]
    twilio.troubles = []
    worker.rounds(hours=1)
    assert {r.state for r in rows(runtime)} == {"sent"}
    assert (len(twilio.texts), len(other.got)) == (1, 2)


def test_a_carrier_that_asks_for_time_is_left_alone_so_long(runtime, twilio):
    owe(runtime, 5)
    twilio.troubles = ["slow down"]  # Retry-After: 40
    worker = Worker(runtime, twilio)
    for _ in range(39):
        worker.round(seconds=1)
    assert len(twilio.got) == 1
    for _ in range(120):
        worker.round(seconds=1)
    assert Counter(twilio.texts) == Counter(r.body for r in rows(runtime))


def test_a_carrier_that_refuses_all_is_not_asked_for_every_message(runtime, twilio):
    owe(runtime, 30)
    twilio.troubles = ["429"] * 1000
    worker = Worker(runtime, twilio)
    for _ in range(10):
        worker.round(seconds=1)
    assert len(twilio.got) == 10, "one in each round"
    assert "helpline_outbox_oldest_seconds" in metrics.render(runtime).decode()
    assert {r.state for r in rows(runtime)} == {"pending"}


def test_an_hour_away_is_no_work_for_people(runtime, twilio):
    owe(runtime, 3)
    twilio.troubles = ["429"] * 10_000
    worker = Worker(runtime, twilio)
    worker.rounds(hours=1)
    assert {r.state for r in rows(runtime)} == {"pending"}
    twilio.troubles = []
    worker.rounds(hours=1)
    assert ({r.state for r in rows(runtime)}, len(twilio.texts)) == ({"sent"}, 3)


@pytest.mark.parametrize("trouble", ["429", "half"])
def test_given_up_after_the_stated_time_and_then_seen(runtime, twilio, trouble):
    owe(runtime)
    twilio.troubles = [trouble] * 10_000
    worker = Worker(runtime, twilio)
    worker.rounds(hours=runtime.config.worker.give_up_hours)
    assert [r.state for r in rows(runtime)] != ["parked"]
    worker.rounds(hours=3)
    assert [r.state for r in rows(runtime)] == ["parked"]
    assert "helpline_outbox_parked 1.0" in metrics.render(runtime).decode()
    with runtime.writing() as db:
        assert delivery.requeue(db, rows(runtime)[0].id, worker.now)
    twilio.troubles = ["429"]
    worker.rounds(hours=1)
    assert ([r.state for r in rows(runtime)], len(twilio.texts)) == (["sent"], 1), "a person's new try begins anew"


def test_what_was_delivered_or_lost_before_it_was_looked_up(runtime, twilio):
    owe(runtime, 2)
    twilio.troubles = ["silence taken", "silence taken"]
    worker = Worker(runtime, twilio)
    worker.round(minutes=3)
    twilio.taken[0]["status"], twilio.taken[1]["status"] = "delivered", "undelivered"
    worker.rounds(hours=1)
    by_body = {r.body: r for r in rows(runtime)}
    assert by_body[twilio.texts[0]].state == "delivered"
    assert (by_body[twilio.texts[1]].state, by_body[twilio.texts[1]].error_code) == ("parked", "undelivered"), "for a person, not lost"


def test_the_same_words_twice_are_two_messages(runtime, twilio):
    """One arrived before; the second, of which nothing is known, is not taken for it."""
    owe(runtime, 1)
    worker = Worker(runtime, twilio)
    worker.round(minutes=1)
    (first,) = rows(runtime)
    with runtime.writing() as db:
        again = {c.name: getattr(first, c.name) for c in Outgoing.__table__.columns} | {
            "id": first.id + 1, "key": "again", "state": "pending", "attempts": 0, "carrier_sid": None, "carrier": None, "next_at": worker.now}  # fmt: skip
        db.execute(Outgoing.__table__.insert(), [again])
    twilio.troubles = ["silence"]
    worker.rounds(hours=1)
    assert [r.state for r in rows(runtime)] == ["sent", "sent"]
    assert len(twilio.texts) == 2
    assert len({r.carrier_sid for r in rows(runtime)}) == 2


def test_a_clock_that_is_set_back_keeps_no_carrier_closed(runtime, twilio):
    owe(runtime)
    with runtime.writing() as db:
        ahead = NOW + timedelta(hours=1, minutes=5)
        db.execute(CarrierState.__table__.insert(), [{"carrier": "twilio", "free_at": 0, "resting_until": ahead, "closed_until": ahead}])
    Worker(runtime, twilio).round(minutes=1)
    assert [r.state for r in rows(runtime)] == ["sent"]


@pytest.mark.parametrize(("header", "seconds"), [("40", 40), (" 7 ", 7), ("", 0), (None, 0), ("soon", 0), ("-5", 0), ("999999999999", 900), ("²", 0),
                                                 ("Mon, 23 Nov 2026 06:31:00 GMT", 60), ("Mon, 23 Nov 2026 06:31:00 -0000", 0), ("Mon, 23 Nov 2020 06:31:00 GMT", 0)])  # fmt: skip
def test_how_long_it_asks_for(now, header, seconds):
    assert retry_after(header, now) == seconds


@pytest.mark.parametrize("status", [429, 503])
def test_the_other_carriers_are_heeded_too(runtime, with_second, twilio, other, status):
    owe(runtime, 2)
    twilio.troubles = ["slow down"] * 50
    other.answers = [(status, "busy", "text/plain", {"Retry-After": "30"}), (200, TAKES, "application/json")]
    worker = Worker(runtime, twilio)
    for _ in range(29):
        worker.round(seconds=1)
    assert (len(twilio.got), len(other.got)) == (1, 1)
    worker.rounds(hours=1)
    assert {r.state for r in rows(runtime)} == {"sent"}


# ── recordings ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_recording_that_cannot_be_fetched_for_a_day_is_fetched_after_it(runtime, twilio, monkeypatch):
    from helpline import recordings
    from simulator import sound

    wav = sound.tone(1.0)
    url = f"{twilio.base}/2010-04-01/Accounts/AC/Recordings/RE1"
    with runtime.writing() as db:
        db.execute(Recording.__table__.insert(), [{"sid": "RE1", "call_sid": "CA1", "purpose": "problem", "url": url, "state": "pending", "attempts": 0, "next_at": NOW, "created_at": NOW}])
        db.execute(update(Recording).values(next_at=NOW))
    answers = [(429, ""), (500, ""), "reset", "silence", (503, "")]
    monkeypatch.setattr(twilio, "asked", lambda _: answers[0])
    carrier = in_use(runtime.config.model_copy(update={"carriers": runtime.config.carriers.model_copy(update={"voice": "twilio"})})).voice
    object.__setattr__(carrier, "_media_hosts", {"127.0.0.1"})
    now = NOW
    for hour in range(24):
        recordings.fetch_due(runtime, carrier, now)
        answers.append(answers.pop(0))
        now += timedelta(hours=1, minutes=hour)
        with runtime.reading() as db:
            assert db.scalars(select(Recording)).one().state == "pending"
    monkeypatch.undo()
    monkeypatch.setattr(carrier, "fetch_recording", lambda _: (wav, "audio/wav"))
    recordings.fetch_due(runtime, carrier, now)
    with runtime.reading() as db:
        assert db.scalars(select(Recording)).one().state == "stored"
