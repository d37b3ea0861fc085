"""What the night finds, closures that look wrong, and the sealed audit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import DatabaseError

from helpline import complaints, nightly, people, seals, suspicions
from helpline.complaints import Filing
from helpline.events import Actor
from models import Audit, Complaint, Feedback, Finding, Suspicion

CITIZEN, OFFICER = Actor("citizen", "sms"), Actor("officer", "agent")


def closed(runtime, now, report, *, contact=True, at=None, number=0):
    with runtime.writing() as db:
        filed = complaints.file(db, runtime, Filing(channel="sms", language="en", phone=f"+9198300{number:05d}", category_code="WATER.NONE", district_code="305"), CITIZEN, now)
        complaints.act(db, runtime, filed.id, "accept", OFFICER, now + timedelta(minutes=5))
        if contact:
            complaints.act(db, runtime, filed.id, "note", OFFICER, now + timedelta(minutes=9), {"text": "Rang, and was told where"})
        moment = at or now + timedelta(minutes=20)
        if isinstance(moment, timedelta):
            moment = complaints.get(db, filed.id).due_at - moment
        complaints.act(db, runtime, filed.id, "resolve", OFFICER, moment, {"report": report})
        return filed.id


def kinds(runtime):
    with runtime.reading() as db:
        found = {}
        for row in db.execute(select(Suspicion.__table__)):
            found.setdefault(row.complaint_id, set()).add(row.kind)
        return found


def test_each_reason_is_found_and_nothing_else(runtime, now):
    fine = closed(runtime, now, "The pump at the corner was mended today", number=1)
    same = [closed(runtime, now, f"Action taken as per rules{'.' * n}  Disposed", number=10 + n) for n in range(5)]
    four = [closed(runtime, now, "Four times the same is not much", number=20 + n) for n in range(4)]
    hasty = closed(runtime, now, "The pipe was joined again at noon", at=timedelta(minutes=10), number=30)
    early = closed(runtime, now, "The pipe was joined again in the morning", at=timedelta(minutes=20), number=31)
    silent = closed(runtime, now, "The tank was cleaned and filled again", contact=False, number=40)
    slow = closed(runtime, now, "Seen at the pump house in the evening", contact=False, at=now + timedelta(hours=2), number=41)
    own = closed(runtime, now, "The tap was changed for a new one there", number=50)
    with runtime.writing() as db:
        db.execute(update(Feedback).where(Feedback.complaint_id == own).values(from_staff=True))
        if not db.execute(select(Feedback).where(Feedback.complaint_id == own)).first():
            db.execute(insert(Feedback), [{"complaint_id": own, "round": 0, "asked_at": now, "from_staff": True}])
    later = now + timedelta(days=20)
    count = suspicions.look(runtime, later)
    assert kinds(runtime) == {**{key: {"same_text"} for key in same}, hasty: {"last_minute"}, silent: {"no_contact"}, own: {"own_number"}}
    assert count == 8 and suspicions.look(runtime, later) == 0, "once each"
    assert not kinds(runtime).keys() & {fine, early, slow, *four}
    user = people.add(runtime, username="looker", name="S", role="supervisor", password="a long pass-phrase")
    with runtime.writing() as db:
        seq = db.scalar(select(Suspicion.seq).where(Suspicion.complaint_id == hasty))
        assert suspicions.settle(db, hasty, seq, "last_minute", user, later)
        assert not suspicions.settle(db, hasty, seq, "last_minute", user, later)
    suspicions.look(runtime, later)
    with runtime.reading() as db:
        assert db.scalar(select(Suspicion.settled_at).where(Suspicion.complaint_id == hasty)) == later, "settled stays settled"


def test_a_reopened_complaint_is_judged_by_its_last_round(runtime, now):
    key = closed(runtime, now, "The tank was cleaned and filled again", contact=False)
    with runtime.writing() as db:
        complaints.act(db, runtime, key, "reopen", CITIZEN, now + timedelta(days=1))
    suspicions.look(runtime, now + timedelta(days=2))
    assert kinds(runtime) == {}


@pytest.mark.parametrize(
    ("now", "due"),
    [("2026-11-23T20:59:00", "2026-11-22T21:00:00"), ("2026-11-23T21:00:00", "2026-11-23T21:00:00"), ("2026-11-24T08:00:00", "2026-11-23T21:00:00")],
)
def test_half_past_two_at_night_in_kolkata(now, due):
    assert nightly.last_due(datetime.fromisoformat(now).replace(tzinfo=UTC)) == datetime.fromisoformat(due).replace(tzinfo=UTC)


def test_the_check_runs_at_night_and_at_once_when_a_night_was_missed(runtime, now):
    assert nightly.check_when_due(runtime, now), "never yet"
    assert not nightly.check_when_due(runtime, now + timedelta(hours=1)), "not again on the same day"
    night = nightly.last_due(now) + timedelta(days=1)
    assert not nightly.check_when_due(runtime, night - timedelta(minutes=1))
    closed(runtime, now, "The pump at the corner was mended today")
    with runtime.writing() as db:
        db.execute(update(Complaint).values(state="in_progress", due_at=None))
    assert nightly.check_when_due(runtime, night)
    with runtime.reading() as db:
        assert "no_due_time" in set(db.scalars(select(Finding.kind)))
    assert not nightly.check_when_due(runtime, night + timedelta(minutes=5)), "of two workers one does it"
    assert nightly.check_when_due(runtime, night + timedelta(days=3, hours=10)), "after days away, at once"


def entry(runtime, at, action="complaint.viewed"):
    with runtime.writing() as db:
        db.execute(insert(Audit), [{"at": at, "user_id": None, "action": action, "complaint_id": None, "data": {"word": "অভিযোগ"}}])


def test_the_audit_is_append_only(runtime, now):
    entry(runtime, now)
    for statement in ("UPDATE audit SET action = 'x'", "DELETE FROM audit"):
        with pytest.raises(DatabaseError), runtime.writing() as db:
            db.execute(text(statement))


@pytest.mark.parametrize("harm", ["UPDATE audit SET action = 'nothing' WHERE id = {}", "DELETE FROM audit WHERE id = {}", "UPDATE audit_seals SET hash = 'x' WHERE first_id = 1"])
def test_a_seal_shows_what_was_changed_all_the_same(runtime, now, harm):
    if runtime.engine.dialect.name == "postgresql":
        with runtime.writing() as db:
            db.execute(text("ALTER SEQUENCE audit_id_seq RESTART"))
    for n in range(5):
        entry(runtime, now + timedelta(seconds=n))
    assert seals.seal(runtime, now + timedelta(minutes=1)) == 0, "not yet: late rows may come"
    assert seals.seal(runtime, now + timedelta(minutes=3)) == 5
    entry(runtime, now + timedelta(minutes=4))
    assert seals.seal(runtime, now + timedelta(minutes=10)) == 1
    assert seals.seal(runtime, now + timedelta(minutes=10)) == 0
    assert seals.broken(runtime) == []
    with runtime.writing() as db:
        if db.dialect.name == "sqlite":
            kept = dict(db.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit'")).tuples().all())
            for name in kept:
                db.execute(text(f"DROP TRIGGER {name}"))
        else:
            db.execute(text("ALTER TABLE audit DISABLE TRIGGER audit_append_only"))
        db.execute(text(harm.format(3)))
        if db.dialect.name == "postgresql":
            db.execute(text("ALTER TABLE audit ENABLE TRIGGER audit_append_only"))
    assert seals.broken(runtime)[0][0] == 1
