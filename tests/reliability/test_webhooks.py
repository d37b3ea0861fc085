"""A carrier's webhooks delivered twice, late and in any order: one complaint, one message, and no number that does not exist."""

from __future__ import annotations

import random
import re
import secrets
from xml.etree import ElementTree

import pytest
from sqlalchemy import select

from helpline import acknowledgement
from models import Complaint, Outgoing, Recording, durability
from simulator.driver import Caller
from tests.journeys.test_voice import files

BENGALI = str.maketrans("০১২৩৪৫৬৭৮৯", "0123456789")


@pytest.fixture
def filed_by_phone(app, network, monkeypatch):
    """Every webhook of a whole filing, and the function that delivers one of another call like it."""
    sent = []
    real = network._post
    monkeypatch.setattr(network, "_post", lambda url, fields: sent.append((url, fields)) or real(url, fields))
    files(Caller(network, "+919830012345")).hangs_up()
    monkeypatch.undo()
    return sent, real


def of_another_call(webhooks, number):
    """The same webhooks under ids of their own and from another telephone."""
    fresh = {}

    def renamed(value):
        return re.sub(r"\b(CA|RE)[0-9a-f]{32}\b", lambda m: fresh.setdefault(m[0], m[1] + secrets.token_hex(16)), value).replace("+919830012345", number)

    return [(url, {name: renamed(value) for name, value in fields.items()}) for url, fields in webhooks]


def out_of_order(webhooks, chance):
    """Reports come at any time, even first; each step is asked once the one before it is answered, and may be repeated any time later."""
    steps = [w for w in webhooks if "/ivr/status" not in w[0] and "/ivr/recording" not in w[0]]
    order = list(steps)
    for webhook in chance.sample(steps, len(steps) // 2):
        order.insert(chance.randint(order.index(webhook) + 1, len(order)), webhook)
    for webhook in webhooks:
        if webhook not in steps:
            for _ in range(2):
                order.insert(chance.randint(0, len(order)), webhook)
    return order


@pytest.mark.parametrize("seed", range(6))
def test_out_of_order_and_twice(app, filed_by_phone, seed):
    webhooks, deliver = filed_by_phone
    chance = random.Random(seed)
    for n in range(4):
        number = f"+9198311{seed:02d}{n:03d}"
        mine = of_another_call(webhooks, number)
        order = out_of_order(mine, chance)
        told = set()
        for url, fields in order:
            answer = deliver(url, fields)
            assert answer.status_code in (200, 204), (url, answer.text)
            if answer.status_code == 200:
                spoken = "".join(ElementTree.fromstring(answer.content).itertext())
                told |= set(acknowledgement.find_all(re.sub(r"[^0-9]", " ", spoken.translate(BENGALI))[:4000]))
        with app.extensions["runtime"].reading() as db:
            complaints = db.scalars(select(Complaint).where(Complaint.caller_number == number)).all()
            assert len(complaints) == 1
            assert complaints[0].state == "registered"
            assert {ack for ack in told if ack.startswith("26")} <= {complaints[0].ack}
            assert len(db.scalars(select(Outgoing).where(Outgoing.to_number == number)).all()) == 1
            sids = [fields["RecordingSid"] for _, fields in mine if "RecordingSid" in fields]
            kept = db.scalars(select(Recording).where(Recording.sid.in_(sids))).all()
            assert {r.sid for r in kept} == set(sids)
            assert {r.complaint_id for r in kept} == {complaints[0].id}, "what was said stays with the complaint"


def test_a_webhook_repeated_gets_the_answer_it_got(filed_by_phone):
    webhooks, deliver = filed_by_phone
    for url, fields in of_another_call(webhooks, "+919831100999"):
        assert deliver(url, fields).text == deliver(url, fields).text, url


def test_an_answer_given_again_waits_for_the_disk_like_the_first(filed_by_phone):
    """The process that filed may not have flushed yet what another one reads."""
    webhooks, deliver = filed_by_phone
    url, fields = next(webhook for webhook in webhooks if "at=summary" in webhook[0])
    with durability.postponed() as owed:
        assert "অভিযোগ নম্বর" in deliver(url, fields).text
        assert owed
