"""Oversight through the console: findings, suspicious closures, the audit; for those who may."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import insert, select, update

from helpline import complaints, nightly
from helpline.complaints import Filing
from helpline.events import Actor
from helpline.runtime import utc_now
from models import Audit, Complaint, Suspicion


@pytest.fixture
def filed(app):
    runtime, now = app.extensions["runtime"], utc_now() - timedelta(days=2)
    with runtime.writing() as db:
        one = complaints.file(db, runtime, Filing(channel="sms", language="en", phone="+919830012345", category_code="ROAD.POTHOLE", district_code="305"), Actor("citizen", "sms"), now)
        other = complaints.file(db, runtime, Filing(channel="sms", language="en", phone="+919830012346", category_code="WATER.NONE", district_code="305"), Actor("citizen", "sms"), now)
        complaints.act(db, runtime, other.id, "review", Actor("cell", "agent"), now + timedelta(minutes=3))
        complaints.act(db, runtime, other.id, "resolve", Actor("cell", "agent"), now + timedelta(minutes=20), {"report": "Looked at and put right at once"})
    return one, other


def test_findings_with_links_and_settled_ones_greyed(staff, app, filed):
    runtime = app.extensions["runtime"]
    with runtime.writing() as db:
        db.execute(update(Complaint).where(Complaint.id == filed[0].id).values(due_at=None))
    nightly.check(runtime, utc_now())
    page = staff("supervisor").get("/console/findings").text
    assert f"/console/complaints/{filed[0].ack}" in page and "No due time" in page and 'class="unranked"' not in page
    with runtime.writing() as db:
        db.execute(update(Complaint).where(Complaint.id == filed[0].id).values(due_at=utc_now() + timedelta(days=9)))
    nightly.check(runtime, utc_now())
    assert 'class="unranked"' in staff("monitor").get("/console/findings?kind=no_due_time").text
    administrator = staff("administrator").get("/console/findings").text
    assert "/console/complaints/" not in administrator, "administrators see no complaints"
    for role in ("agent", "officer"):
        assert staff(role).get("/console/findings").status_code == 403


def test_a_suspicion_is_seen_and_settled(staff, app, filed):
    runtime = app.extensions["runtime"]
    nightly.check_when_due(runtime, utc_now())
    page = staff("supervisor").get("/console/suspicions").text
    assert "Without any contact" in page and f"/console/complaints/{filed[1].ack}" in page and "Looked at and put right at once" in page
    with runtime.reading() as db:
        row = db.execute(select(Suspicion.complaint_id, Suspicion.seq, Suspicion.kind)).one()
    address = f"/console/suspicions/{row.complaint_id}/{row.seq}/{row.kind}"
    assert "Looked into</button>" not in staff("monitor").get("/console/suspicions").text
    assert staff("monitor").post(address).status_code == 403
    assert staff("supervisor").post(address).status_code == 302
    assert f"/console/complaints/{filed[1].ack}" not in staff("supervisor").get("/console/suspicions").text
    assert f"/console/complaints/{filed[1].ack}" in staff("supervisor").get("/console/suspicions?settled=1").text
    with runtime.reading() as db:
        assert db.scalar(select(Audit.complaint_id).where(Audit.action == "suspicion.settled")) == filed[1].id


def test_who_saw_and_who_changed_what(staff, app, filed):
    staff("agent").get(f"/console/complaints/{filed[0].ack}")
    staff("cell").post(f"/console/complaints/{filed[0].ack}/review", {"version": "1"})
    page = staff("supervisor").get(f"/console/audit?complaint={filed[0].ack}").text
    assert "Saw the complaint" in page and "Test agent" in page and "Taken up for review" in page and "Test cell" in page
    only = staff("administrator").get("/console/audit?person=agent").text
    assert "Saw the complaint" in only and "Taken up for review" not in only.split("<tbody>")[1]
    assert "/console/complaints/" not in only
    assert "<tbody>" not in staff("supervisor").get("/console/audit?person=nobody").text
    assert "<tbody>" not in staff("supervisor").get("/console/audit?to=2001-01-01&from=2000-01-01").text
    for form in ("csv", "xlsx"):
        assert staff("supervisor").get(f"/console/audit/export.{form}?action=complaint").status_code == 200
    text = staff("supervisor").get("/console/audit/export.csv?action=complaint").data.decode("utf-8-sig")
    assert "complaint.viewed" in text and "export" not in text
    assert "Exported" in staff("administrator").get("/console/audit?action=export").text.split("<tbody>")[1], "every export is in it"
    for role in ("agent", "officer", "monitor", "cell"):
        assert staff(role).get("/console/audit").status_code == 403


def test_page_after_page(staff, app):
    runtime, now = app.extensions["runtime"], utc_now()
    with runtime.writing() as db:
        db.execute(insert(Audit), [{"at": now - timedelta(minutes=n), "user_id": None, "action": f"test.{n:03d}", "complaint_id": None, "data": {}} for n in range(150)])
    reader = staff("supervisor")
    first = reader.get("/console/audit?action=test").text
    import re

    more = re.search(r'href="([^"]*before=[^"]+)"', first)[1].replace("&amp;", "&")
    second = reader.get(more).text
    seen = re.findall(r"test\.\d{3}", first.split("<tbody>")[1]) + re.findall(r"test\.\d{3}", second.split("<tbody>")[1])
    assert seen == [f"test.{n:03d}" for n in range(150)]


def test_the_audit_is_asked_and_read_in_words(staff, app, filed):
    administrator = staff("administrator")
    administrator.post("/console/accounts", {"username": "new.person", "name": "Test person", "role": "agent"})
    administrator.post("/console/reference/holidays/row", {"code": "2026-12-31", "change": "+", "name_en": "Test day", "name_bn": "পরীক্ষার দিন"})
    rows = administrator.get("/console/audit?action=account").text.split("<tbody>")[1]
    assert "Added an account" in rows and "Whose account: new.person" in rows and "Role: Agent" in rows
    rows = administrator.get("/console/audit?action=reference").text.split("<tbody>")[1]
    assert "Changed the holidays" in rows and "Test day" in rows
    cell = staff("cell")
    cell.post(f"/console/complaints/{filed[0].ack}/review", {"version": "1"})
    supervisor = staff("supervisor")
    rows = supervisor.get("/console/audit?action=review").text.split("<tbody>")[1]
    assert "Taken up for review" in rows and "Registered → Under review" in rows
    supervisor.post("/console/language")
    page = supervisor.get("/console/audit?action=review").text
    assert "নথিভুক্ত → পর্যালোচনাধীন" in page and '<option value="complaint.viewed">অভিযোগ দেখেছেন</option>' in page
    answer = supervisor.get("/console/audit/export.csv?action=review")
    assert answer.content_type == "text/csv; charset=utf-8"
    assert "পর্যালোচনা শুরু হয়েছে,review," in answer.data.decode("utf-8-sig")


def test_every_action_that_is_written_down_has_a_word():
    import re
    from pathlib import Path

    from agent_console import oversight
    from helpline import callbacks, lifecycle, reference

    written = {name for path in Path(oversight.__file__).parent.glob("*.py") for name in re.findall(r'access\.audit\(db, "([a-z_.]+)"', path.read_text(encoding="utf-8"))}
    written |= {f"account.{change}" for change in ("unlock", "reset", "deactivate", "activate")} | {f"callback.{o}" for o in (*callbacks.OUTCOMES, "release")}
    written |= {f"message.{o}" for o in ("told", "no_answer", "wrong_number")} | {f"reference.{kind}" for kind in reference.KINDS} | {str(t.action) for t in lifecycle.TABLE}
    for language in ("bn", "en"):
        assert [name for name in sorted(written) if oversight.word(name, language) == name] == []
