"""Demonstration data: plainly marked, made through the rules, and never sent to anybody."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from helpline import calling, checks, complaints, demonstration, nightly, outbox, store
from helpline.events import Actor
from models import Alert, Complaint, Event, Outgoing, User
from prompts.catalogue import Sms
from tests.conftest import demonstration_store

pytestmark = pytest.mark.xdist_group("demonstration")
COUNT, SEED = 220, 5  # as in the tests of the figures: it is made once


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request, tmp_path, now):
    return demonstration_store(request.param, request, tmp_path, now, count=COUNT, seed=SEED)


def test_a_year_through_the_rules(runtime, now):
    with runtime.reading() as db:
        rows = db.execute(select(Complaint.__table__)).all()
        assert len(rows) == COUNT
        assert all(row.source_key.startswith(f"demo:{SEED}:") and row.description.startswith("[") for row in rows)
        assert all(row.name.split()[0] in ("নমুনা", "Demo", "नमूना") for row in rows)
        assert {row.district_code for row in rows} == set(runtime.reference.districts)
        handled = set(db.scalars(select(Event.after["office_code"].as_string()))) - {None}
        assert {office.partition(".")[0] for office in handled} >= set(runtime.reference.departments) - {"cmo"}, "every department had one"
        assert min(row.created_at for row in rows) < now - timedelta(days=200)
        assert db.scalar(select(func.max(Event.at))) <= now
        assert db.scalar(select(func.count()).select_from(Alert).where(Alert.seen_at.is_(None), Alert.at < now - timedelta(days=6))) == 0
        assert all(name.startswith("নমুনা / Demo") for name in db.scalars(select(User.name)))
        assert {row.indexed_seq == row.last_seq for row in rows} == {True}, "nothing is left that a worker would have translated"
    assert checks.broken_chains(runtime) == []
    assert {kind: n for kind, n in nightly.check(runtime, now).items() if n} == {}


def test_no_message_of_it_ever_leaves(runtime, now):
    from helpline import delivery

    with runtime.writing() as db:
        assert set(db.scalars(select(Outgoing.state))) == {"delivered"}
        key = db.scalar(select(Complaint.id).where(Complaint.state == "registered").limit(1)) or db.scalar(select(Complaint.id).where(Complaint.state == "in_progress"))
        complaints.act(db, runtime, key, "ask", Actor("cell", "agent"), now, {"question": "Which lane?"})
        assert db.scalar(select(func.count()).select_from(Outgoing).where(Outgoing.state == "pending")) == 1

    class Refuses:
        name = "refuses"

        def send_sms(self, *_args, **_kwargs):
            raise AssertionError("a message of the demonstration was sent")

    delivery.send_due(runtime, [Refuses()], lambda: now)
    with runtime.reading() as db:
        assert set(db.scalars(select(Outgoing.state))) == {"delivered"}


def test_nobody_is_rung_about_it(runtime, now):
    with runtime.writing() as db:
        about = db.execute(select(Complaint.id, Complaint.phone)).first()
        outbox.owe(db, outbox.Owed("asked", about.phone, Sms("Solved?", "notify.still_asking", "en"), about.id, kind="call"), now)
    noon = (now + timedelta(days=1)).replace(hour=7)  # in India

    class Refuses:
        name = "refuses"

        def place_call(self, _call):
            raise AssertionError("somebody was rung about the demonstration")

    calling.place_due(runtime, Refuses(), lambda: noon)
    with runtime.reading() as db:
        row = db.execute(select(Outgoing.state, Outgoing.carrier).where(Outgoing.key == "asked")).one()
    assert tuple(row) == ("delivered", "demonstration")


def test_the_same_seed_tells_the_same_stories_once(runtime, now):
    def told():
        with runtime.reading() as db:
            return db.execute(select(Complaint.source_key, Complaint.state, Complaint.description, Complaint.last_seq).order_by(Complaint.source_key)).all()

    before = told()
    assert sum(demonstration.make(runtime, now, count=COUNT, seed=SEED).values()) == COUNT
    assert told() == before
    assert sum(demonstration.make(runtime, now, count=12, seed=SEED + 1).values()) == COUNT + 12, "another seed tells others beside them"


def test_not_in_production(config, monkeypatch):
    from types import SimpleNamespace

    with pytest.raises(demonstration.NotHere):
        demonstration.make(SimpleNamespace(config=SimpleNamespace(is_production=True)), None)  # type: ignore[arg-type]


def test_a_store_without_tables_is_told_in_plain_words(app, runtime):
    store.downgrade(runtime.engine, "base")
    try:
        told = app.test_cli_runner().invoke(args=["demo", "--complaints", "3"])
        assert told.exit_code == 1
        assert told.output == "Error: the store is not migrated: run `flask upgrade` first, then this again\n"
    finally:
        store.upgrade(runtime.engine)
