"""Several carriers of outgoing SMS: tried in order, rested, paced, and never one message sent by two of them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from carriers.base import Accepted, Permanent, Report, Stopped, Temporary, Unknown, Unusable
from helpline import checks, complaints, delivery, metrics, pacing, reports
from helpline.complaints import Actor, Filing
from models import CarrierState, Outgoing, Phone
from tests.conftest import make_config

NUMBER = "+919830012345"


class Carrier:
    """A carrier at its edge: what it was given, and what it answers; the last outcome goes on."""

    def __init__(self, name, *outcomes, knows=False):
        self.name, self.outcomes, self.got, self.answers_lookups = name, list(outcomes), [], knows

    def send_sms(self, message):
        outcome = (self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]) if self.outcomes else None
        if isinstance(outcome, Exception):
            raise outcome
        self.got.append(message)
        return Accepted(f"{self.name}-{message.reference}", "queued")

    def find_sms(self, to, text, since):
        return []


@pytest.fixture
def config(database_url, tmp_path):
    return make_config(tmp_path, database_url, **{"carriers.kannel.templates_required": False})


@pytest.fixture
def owed(runtime, now):
    def owe(number=NUMBER):
        with runtime.writing() as db:
            return complaints.file(db, runtime, Filing(channel="voice", language="en", phone=number), Actor("citizen", "voice"), now).outgoing_id

    return owe


def send(runtime, now, *carriers):
    return delivery.send_due(runtime, carriers, lambda: now)


def row(runtime, outgoing_id):
    with runtime.reading() as db:
        return db.get(Outgoing, outgoing_id)


@pytest.mark.parametrize("trouble", [Temporary("connect"), Temporary("20429"), Unusable("401")])
def test_a_carrier_in_trouble_hands_over_to_the_next(runtime, owed, now, trouble):
    one, two = Carrier("twilio", trouble), Carrier("kannel")
    key = owed()
    send(runtime, now, one, two)
    sent = row(runtime, key)
    assert (sent.state, sent.carrier, sent.carrier_sid) == ("sent", "kannel", f"kannel-{key}")
    assert (len(one.got), len(two.got)) == (0, 1)


@pytest.mark.parametrize("refusal", [Permanent("21211"), Stopped("21610")])
def test_a_message_that_is_refused_is_not_offered_to_the_next(runtime, owed, now, refusal):
    two = Carrier("kannel")
    key = owed()
    send(runtime, now, Carrier("twilio", refusal), two)
    assert (row(runtime, key).state, row(runtime, key).error_code, two.got) == ("parked", refusal.code, [])


def test_an_unknown_outcome_is_never_sent_by_another(runtime, owed, now):
    two = Carrier("kannel")
    key = owed()
    send(runtime, now, Carrier("twilio", Unknown("timeout")), two)
    assert (row(runtime, key).state, row(runtime, key).carrier, two.got) == ("claimed", "twilio", [])


def test_a_carrier_that_answers_no_question_leaves_an_unknown_outcome_to_a_person(runtime, owed, now):
    one, two = Carrier("kannel", Unknown("timeout")), Carrier("twilio")
    key = owed()
    send(runtime, now, one, two)
    later = now + timedelta(hours=1)
    delivery.settle_unknown(runtime, {"kannel": one, "twilio": two}, later)
    assert (row(runtime, key).state, row(runtime, key).error_code) == ("parked", "unknown")
    assert send(runtime, later, one, two) == 0
    with runtime.writing() as db:  # a late report settles it after all
        reports.take_in(db, runtime, Report("kannel", str(key), "delivered", reference=key), later)
    assert row(runtime, key).state == "delivered"


def test_a_claim_that_was_handed_to_nobody_is_sent(runtime, owed, now):
    """The worker was killed between claiming and sending: no carrier's name is on the row."""
    key = owed()
    with runtime.writing() as db:
        db.execute(update(Outgoing).values(state="claimed", claimed_at=now, attempts=1))
    carrier = Carrier("kannel")
    later = now + timedelta(hours=1)
    delivery.settle_unknown(runtime, {"kannel": carrier}, later)
    send(runtime, later, carrier)
    assert (row(runtime, key).state, len(carrier.got)) == ("sent", 1)


def test_when_all_are_in_trouble_it_is_tried_later(runtime, owed, now):
    key = owed()
    send(runtime, now, Carrier("twilio", Temporary("connect")), Carrier("kannel", Unusable("401")))
    assert (row(runtime, key).state, row(runtime, key).error_code, row(runtime, key).carrier) == ("pending", "connect", None)
    assert row(runtime, key).next_at > now


def test_when_none_may_be_used_a_person_sees_it(runtime, owed, now):
    key = owed()
    send(runtime, now, Carrier("twilio", Unusable("20003")), Carrier("kannel", Unusable("401")))
    assert (row(runtime, key).state, row(runtime, key).error_code) == ("parked", "20003")


def test_a_carrier_in_trouble_is_left_alone_for_a_while(runtime, owed, now):
    one, two = Carrier("twilio", Temporary("connect"), None), Carrier("kannel")
    keys = [owed(f"+91983001234{n}") for n in range(3)]
    send(runtime, now, one, two)
    assert [row(runtime, key).carrier for key in keys] == ["kannel"] * 3
    assert (len(one.outcomes), len(two.got)) == (1, 3), "asked once, not once for every message"
    after = now + timedelta(seconds=runtime.config.carriers.rest_seconds + 1)
    key = owed()
    send(runtime, after, one, two)
    assert row(runtime, key).carrier == "twilio"


def test_a_carrier_in_trouble_is_shown_to_operators(runtime, owed):
    owed()
    one, two = Carrier("twilio", Temporary("connect")), Carrier("kannel")
    delivery.send_due(runtime, [one, two])
    assert any("twilio could not send just now" in line for line in checks.everything(runtime))
    assert 'helpline_carrier_troubled{carrier="twilio"} 1.0' in metrics.render(runtime).decode()


def test_a_resting_carrier_is_used_when_no_other_one_can_send(runtime, owed, now):
    one, two = Carrier("twilio", Temporary("connect"), None), Carrier("kannel", None, Temporary("connect"))
    owed()
    send(runtime, now, one, two)
    key = owed()
    send(runtime, now, one, two)
    assert row(runtime, key).carrier == "twilio"


def test_too_long_for_one_is_sent_by_another_or_waits_for_a_person(runtime, owed, now):
    key = owed()
    with runtime.writing() as db:
        db.execute(update(Outgoing).values(body="x" * 1601))
    carrier = Carrier("twilio")
    send(runtime, now, carrier)
    assert (row(runtime, key).state, row(runtime, key).error_code, carrier.got) == ("parked", "too_long", [])
    with runtime.reading() as db:
        assert db.scalars(select(CarrierState)).all() == [], "no fault of the carrier's"


def test_what_is_not_registered_goes_to_no_carrier_that_needs_it(runtime, owed, now):
    key, cdac, twilio = owed(), Carrier("cdac"), Carrier("twilio")
    send(runtime, now, cdac)
    assert (row(runtime, key).state, row(runtime, key).error_code, cdac.got) == ("parked", "no_template", [])
    key = owed("+919830012346")
    send(runtime, now, cdac, twilio)
    assert (row(runtime, key).carrier, cdac.got) == ("twilio", [])


def test_a_report_of_the_carrier_that_was_left_does_not_count_unless_it_delivered(runtime, owed, now):
    key = owed()
    send(runtime, now, Carrier("twilio", Temporary("connect")), Carrier("kannel"))
    with runtime.writing() as db:
        reports.take_in(db, runtime, Report("twilio", "SM1", "failed", "30003", key), now)
    assert (row(runtime, key).state, row(runtime, key).carrier) == ("sent", "kannel")


def test_an_opt_out_in_a_report_is_remembered(runtime, owed, now):
    key = owed()
    send(runtime, now, Carrier("twilio"))
    with runtime.writing() as db:
        reports.take_in(db, runtime, Report("twilio", f"twilio-{key}", "failed", "21610", key), now)
    with runtime.reading() as db:
        assert db.get(Phone, NUMBER).sms_stopped_at == now


# ── the pace ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_places_are_evenly_spaced(runtime):
    with runtime.writing() as db:
        assert pacing.wait(db, "kannel", 10, 1000.0) == 0
        assert pacing.wait(db, "kannel", 10, 1000.0) == pytest.approx(0.1)
        assert pacing.wait(db, "kannel", 10, 1000.04) == pytest.approx(0.06)
        assert pacing.wait(db, "twilio", 10, 1000.0) == 0, "each carrier has its own"
        assert pacing.wait(db, "kannel", 10, 1000.1) == 0
        assert pacing.wait(db, "kannel", 10, 1500.0) == 0
        assert pacing.wait(db, "kannel", 10, 1500.0) > 0, "a long silence saves nothing up"


def test_a_clock_that_was_ahead_does_not_stop_the_line(runtime):
    with runtime.writing() as db:
        assert pacing.wait(db, "kannel", 10, 9000.0) == 0
        assert pacing.wait(db, "kannel", 10, 1000.0) == 0


def test_workers_at_the_same_moment_share_the_places(runtime):
    """However many ask within one place of the wall clock, one gets it."""

    def asks(_):
        with runtime.writing() as db:
            return pacing.wait(db, "kannel", 1, 1000.0)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(asks, range(24))).count(0) == 1


def test_two_workers_send_everything_once(runtime, owed, now):
    keys = [owed(f"+9198300123{n:02d}") for n in range(12)]
    carriers = [Carrier("kannel"), Carrier("kannel")]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda carrier: send(runtime, now, carrier), carriers))
    assert sorted(message.reference for carrier in carriers for message in carrier.got) == sorted(keys)
