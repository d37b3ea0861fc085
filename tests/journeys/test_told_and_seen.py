"""A message that is proved genuine, that goes by email, or that never arrives; what the audit shows; the month's report on paper."""

from __future__ import annotations

import html
import re
from datetime import timedelta

import pypdfium2
import pytest
from sqlalchemy import select, text

from app import create_app
from helpline import complaints, letters, seals
from helpline.complaints import Actor, Filing
from helpline.figures import meaning
from helpline.runtime import utc_now
from models import Event, Outgoing, Try
from simulator.driver import Caller
from simulator.settings import FAILING
from tests.conftest import make_config
from tests.helpline.test_letters import server  # noqa: F401
from tests.journeys.test_casework import BARASAT, act, only, somebody, told  # noqa: F401

CITIZEN, DESK = Actor("citizen", "sms"), Actor("cell", "agent")


# ── CHECK ──


@pytest.fixture
def code(app, told, somebody):  # noqa: F811
    """The check code of the message that work has begun."""
    act(somebody("roads", "officer", BARASAT), app, told, "accept")
    with app.extensions["runtime"].reading() as db:
        body = db.scalars(select(Outgoing.body).where(Outgoing.template == "notify.in_progress")).one()
    return re.search(r"#(\d{9})", body)[1]


def test_the_code_of_a_message_is_checked_by_sms(app, code, caller, stranger):
    caller.texts(f"CHECK {code}")
    assert "Yes, we sent this on" in caller.reads and caller.number[-4:] in caller.reads
    stranger.texts(f"check #{code}")
    assert "Yes, we sent this on" in stranger.reads, "also by somebody it was shown to"
    assert only(app).ack not in stranger.reads.replace(" ", ""), "who learns nothing of the complaint"
    stranger.texts(f"CHECK {int(code) ^ 1:09d}")
    assert "We sent no message with this code" in stranger.reads
    stranger.texts("VERIFY")
    assert "9 digits" in stranger.reads


def test_the_code_of_a_message_is_keyed_on_the_line(code, stranger):
    stranger.dials().presses("2", "2", f"{code}#")
    assert stranger.heard("Yes, we sent that message", "en")
    stranger.hangs_up().dials().presses("2", "2", f"{int(code) ^ 1:09d}#")
    assert stranger.heard("We sent no message with that code", "en")
    assert stranger.is_talking, "and the call goes on"


# ── by email ──


@pytest.fixture
def with_email(tmp_path, database_url, server):  # noqa: F811
    """The application with a mail server of its own."""
    smtp = {"smtp.host": "127.0.0.1", "smtp.port": server.server_address[1], "smtp.security": "none", "smtp.sender": "helpline@wb.example"}
    app = create_app(make_config(tmp_path, database_url, **smtp))
    yield app
    app.extensions["runtime"].dispose()


class TestByEmail:
    @pytest.fixture
    def app(self, with_email):
        return with_email

    def test_who_gave_an_address_hears_of_every_change_there_too(self, app, server, somebody):  # noqa: F811
        runtime, agent, officer = app.extensions["runtime"], somebody("agent", "agent"), somebody("roads", "officer", BARASAT)
        form = {"form": "f1", "phone": "98300 12345", "name": "Mina Das", "language": "bn", "category": "ROAD.POTHOLE", "district": "303", "description": "রাস্তায় গর্ত", "email": "mina@example.org"}
        assert agent.post("/console/new", form).status_code == 302
        ack = only(app).ack
        assert act(officer, app, ack, "accept").status_code == 302
        act(officer, app, ack, "resolve", report="The holes were filled and rolled on Monday")
        assert letters.send_due(runtime) == 3
        assert {letter["To"] for letter in server.got} == {"mina@example.org"}
        subjects, bodies = [letter["Subject"] for letter in server.got], [letter.get_content() for letter in server.got]
        shown = f"{ack[:3]} {ack[3:7]} {ack[7:]}"
        assert all(shown in subject for subject in subjects)
        with runtime.reading() as db:
            by_sms = db.scalars(select(Outgoing.body).where(Outgoing.kind == "sms").order_by(Outgoing.id)).all()
        for sms, body in zip(by_sms, bodies, strict=True):
            assert sms.partition(" #")[0] in body, "the same words, with a code of its own"
        page = officer.get(f"/console/complaints/{ack}").text
        assert page.count("Email: sent") == 3, "each letter stands on the timeline with what became of it"

    def test_an_address_that_is_refused_is_for_a_person(self, app, server, somebody):  # noqa: F811
        runtime, agent = app.extensions["runtime"], somebody("agent", "agent")
        server.refuses = "550 no such mailbox"
        agent.post("/console/new", {"form": "f1", "phone": "98300 12345", "language": "en", "category": "ROAD.POTHOLE", "district": "303", "description": "holes", "email": "nobody@example.org"})
        letters.send_due(runtime)
        assert "nobody@example.org" in agent.get("/console/messages").text


# ── what never arrives ──


def test_a_message_that_fails_for_good_is_told_by_a_person(app, network, somebody):  # noqa: F811
    citizen, agent = Caller(network, next(iter(FAILING))), somebody("agent", "agent")
    citizen.texts("FILE big potholes on the road near the school, Barasat")
    ack = only(app).ack
    page = agent.get("/console/messages").text
    assert f"/console/complaints/{ack}" in page
    assert html.unescape(re.search(r'data-label="Why">\s*(.*?)\s*</td>', page, re.S)[1]) not in ("", "Not delivered"), "with the reason"
    rang = re.search(r'action="(/console/messages/\d+/rang)"', page)[1]
    agent.post(rang, {"outcome": "no_answer"})
    assert rang in agent.get("/console/messages").text, "not told yet"
    agent.post(rang, {"outcome": "told"})
    assert rang not in agent.get("/console/messages").text
    page = agent.get(f"/console/complaints/{ack}").text
    assert "Rung by a person: told · Test agent" in " ".join(page.split())
    with app.extensions["runtime"].reading() as db:
        assert [(one.kind, one.outcome) for one in db.scalars(select(Try).order_by(Try.id))][-2:] == [("person", "no_answer"), ("person", "told")]
    boss = somebody("boss", "supervisor").get("/console/audit?person=agent").text
    assert boss.split("<tbody>")[1].count("<tr>") >= 2


# ── the audit ──


def without_triggers(db, table, statement):
    """As somebody does who owns the database and means to hide something."""
    if db.dialect.name == "sqlite":
        for name in db.scalars(text(f"SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = '{table}'")).all():
            db.execute(text(f"DROP TRIGGER {name}"))
        db.execute(text(statement))
    else:
        db.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
        db.execute(text(statement))
        db.execute(text(f"ALTER TABLE {table} ENABLE TRIGGER USER"))


def verify(app):
    done = app.test_cli_runner().invoke(args=["audit", "verify"])
    return done.exit_code, done.output


def test_who_saw_and_changed_it_and_that_nobody_changed_the_record(app, told, somebody, caller):  # noqa: F811
    runtime, officer, boss = app.extensions["runtime"], somebody("roads", "officer", BARASAT), somebody("boss", "supervisor")
    officer.get(f"/console/complaints/{told}")
    act(officer, app, told, "accept")
    act(officer, app, told, "resolve", report="The holes were filled and rolled on Monday")
    caller.texts("2")
    rows = " ".join(boss.get(f"/console/audit?complaint={told}").text.split("<tbody>")[1].split())
    for done in ("Saw the complaint", "Accepted", "In progress → Resolved", "Resolved → Reopened", "Test roads"):
        assert done in rows
    assert "Chain of events whole" in boss.get(f"/console/complaints/{told}").text
    assert seals.seal(runtime, utc_now() + timedelta(minutes=3)) > 0
    assert verify(app) == (0, "Every chain is whole.\n")

    with runtime.writing() as db:
        event = db.execute(select(Event.id, Event.seq, Event.complaint_id).where(Event.action == "reopen")).one()
        without_triggers(db, "events", f"UPDATE events SET action = 'confirm' WHERE id = {event.id}")
    code, said = verify(app)
    assert (code, f"complaint {event.complaint_id}: events [{event.seq}" in said) == (1, True)
    assert "The chain of events is broken!" in boss.get(f"/console/complaints/{told}").text

    with runtime.writing() as db:
        without_triggers(db, "audit", "DELETE FROM audit WHERE action = 'complaint.viewed'")
    code, said = verify(app)
    assert (code, "are not what was sealed" in said) == (1, True)


# ── the month on paper ──


@pytest.fixture
def last_month(app, caller, now):
    """Complaints of last month: registered, one resolved and confirmed, one reopened."""
    runtime, moment = app.extensions["runtime"], meaning.day_begins(meaning.today(utc_now()).replace(day=1)) - timedelta(days=12)
    with runtime.writing() as db:
        made = []
        for n in range(5):
            filing = Filing(channel="sms", language="en", phone=f"+91983001234{n}", category_code="ROAD.POTHOLE" if n else "WATER.NONE", district_code="303", description=f"number {n}")
            made.append(complaints.file(db, runtime, filing, CITIZEN, moment).id)
        for n in range(3):
            complaints.act(db, runtime, made[n], "review", DESK, moment + timedelta(hours=1))
            complaints.act(db, runtime, made[n], "resolve", DESK, moment + timedelta(hours=5), {"report": f"Put right on the spot, number {n}"})
        complaints.act(db, runtime, made[0], "confirm", CITIZEN, moment + timedelta(hours=6), {})
        complaints.act(db, runtime, made[1], "reopen", CITIZEN, moment + timedelta(hours=7), {"reason": "no"})
    return made


def words(content):
    document = pypdfium2.PdfDocument(content)
    pages = [document[n] for n in range(len(document))]
    texts = [page.get_textpage() for page in pages]
    said = " ".join(" ".join(one.get_text_range() for one in texts).split())
    for opened in (*texts, *pages, document):
        opened.close()
    return said


def test_the_months_report_says_what_the_dashboard_says(app, last_month, somebody):  # noqa: F811
    monitor = somebody("monitor", "monitor")
    page = monitor.get("/console/dashboard?period=last_month").text
    tiles = {name.strip(): value for value, name in re.findall(r'<span class="value">\s*(?:<a[^>]*>)?\s*([\d,]+)\s*(?:</a>)?\s*</span>\s*<span>([^<]+)</span>', page)}
    headline = re.search(r'<p class="share">\s*([^<]*?)\s*</p>', page)[1]
    report = monitor.get(re.search(r'href="(/console/report/[^"]+)"', page)[1])
    assert (report.status_code, report.mimetype) == (200, "application/pdf")
    said = words(report.data)
    assert tiles["Registered"] == "5"
    for name in ("Registered", "Closed", "Reopened", "Open", "Overdue"):
        assert f"{name} {tiles[name]}" in said, name
    assert headline.replace("%", " %") in said or headline in said
    assert "Public Works" in said and "North 24 Parganas" in said
    monitor.post("/console/language")
    assert "৫" in words(monitor.get(report.request.path).data)
