from __future__ import annotations

import io
import re
from datetime import timedelta

import pytest
from sqlalchemy import event, select, update
from sqlalchemy.exc import OperationalError

from agent_console import access
from helpline import acknowledgement, clocks, complaints, events, people, search, worker
from helpline.complaints import Actor, Filing
from helpline.lifecycle import STAFF_ROLES
from helpline.runtime import utc_now
from models import Attachment, Audit, Complaint, Event, Outgoing, User
from tests.agent_console.conftest import PASSWORD
from tests.journeys.test_proof import photo

EVIL = "<script>alert(1)</script>'\"&"


@pytest.fixture
def filed(app):
    runtime, now = app.extensions["runtime"], utc_now()
    with runtime.writing() as db:
        done = complaints.file(db, runtime, Filing(channel="sms", language="bn", phone="+919830012345", name="মিনা",
                               category_code="ROAD.POTHOLE", description="রাস্তা ভাঙা", district_code="303"), Actor("citizen", "sms"), now)  # fmt: skip
    search.index_pending(runtime)
    return done


def row(app, complaint_id):
    with app.extensions["runtime"].reading() as db:
        return db.get(Complaint, complaint_id)


def test_deny_by_default_for_every_route_and_role(app, staff, filed):
    """Walks all routes of the console as everybody: what the table does not allow is refused."""
    people = {role: staff(role) for role in STAFF_ROLES} | {None: staff()}
    values = {"key": filed.ack, "action": "note", "recording_id": 1, "outgoing_id": 1, "user_id": 999, "change": "unlock", "filename": "console.css",
              "kind": "holidays", "entry_id": 1, "outcome": "busy"}
    for rule in app.url_map.iter_rules():
        if not rule.endpoint.startswith("console.") or rule.endpoint in ("console.sign_out", "console.static"):
            continue
        path = rule.build({name: values.get(name, 1) for name in rule.arguments})[1]
        may = access.MAY.get(rule.endpoint, ())
        for role, person in people.items():
            method = "GET" if "GET" in rule.methods else "POST"
            answer = person.get(path) if method == "GET" else person.post(path)
            if may == access.ANYBODY or role in may:
                assert answer.status_code not in (401, 403), (role, path)
            elif role is None:
                assert answer.status_code == 302, path
                assert "/sign-in" in answer.location
            else:
                assert answer.status_code == 403, (role, path)


def test_every_route_of_the_application_is_known(app):
    """A new door has to be thought about: console routes are in the table, the others are these."""
    doors = {"", "ivr", "sms", "simulator", "healthz", "readyz", "metrics"}
    for rule in app.url_map.iter_rules():
        first = rule.rule.strip("/").split("/")[0]
        assert rule.endpoint in access.MAY if first == "console" else first in doors, rule


def test_the_bare_address_leads_to_the_console(staff):
    assert staff().get("/").location == "/console/"


def test_an_address_that_no_page_has(staff):
    """Whoever is signed in keeps the menu; anybody else learns nothing, and the page is as guarded as any."""
    for person, menu in ((staff("agent"), True), (staff(), False)):
        page = person.get("/console/nonsense")
        assert page.status_code == 404
        assert ("<nav" in page.text) == menu
        assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
        assert page.headers["Cache-Control"] == "no-store"


def test_a_search_finds_what_stands_in_another_list(staff, filed, app, now):
    agent, ack = staff("agent"), row(app, filed.id).ack
    bengali = acknowledgement.display(ack).translate(str.maketrans("0123456789", "০১২৩৪৫৬৭৮৯"))
    for wanted in (ack, bengali, "9830012345", "রাস্তা", "মিনা"):
        assert f"/complaints/{ack}" in agent.get("/console/complaints", query_string={"tab": "waiting", "q": wanted}).text, wanted
    page = agent.get("/console/complaints?tab=waiting&q=unheard").text
    assert "No complaint fits" in page or "কোনও অভিযোগ" in page


def test_no_two_parts_have_a_page_of_the_same_name(app):
    """Flask looks for templates in the order of the blueprints: of two of one name the second would never be shown."""
    from pathlib import Path

    names = [path.relative_to(b.root_path).as_posix().partition("/")[2] for b in app.blueprints.values() if b.template_folder
             for path in Path(b.root_path, b.template_folder).rglob("*.html")]  # fmt: skip
    assert len(names) == len(set(names))


def test_a_form_without_its_token_is_refused(staff, filed):
    agent = staff("cell")
    assert agent.post(f"/console/complaints/{filed.ack}/review", token=False).status_code == 400


def test_wrong_password_lock_out_and_same_words(app, staff):
    nobody = staff()
    wrong = nobody.signs_in("agent", "not the password")
    unknown = nobody.signs_in("no-such-person", "not the password")
    assert wrong.status_code == unknown.status_code == 401
    strip = lambda page: re.sub(r'(content|value)="[^"]*"', "", page)  # noqa: E731
    assert strip(wrong.text) == strip(unknown.text)
    for _ in range(4):
        nobody.signs_in("agent", "not the password")
    assert nobody.signs_in("agent").status_code == 401, "locked now"


def test_a_session_ends_when_the_account_is_deactivated(app, staff):
    agent, administrator = staff("agent"), staff("administrator")
    assert agent.get("/console/complaints").status_code == 200
    with app.extensions["runtime"].reading() as db:
        key = db.scalar(select(User.id).where(User.username == "agent"))
    assert administrator.post(f"/console/accounts/{key}/deactivate").status_code == 200
    assert agent.get("/console/complaints").status_code == 302


def test_sign_in_leads_to_no_other_site(app, staff):
    person = staff()
    page = person.get("/console/sign-in").text
    token = re.search(r'name="csrf" content="([^"]+)"', page)[1]
    answer = person.client.post("/console/sign-in?next=https://evil.example/", data={"csrf_token": token, "username": "agent", "password": "a long pass-phrase"})
    assert answer.location == "/console/"


def test_worklist_finds_by_number_phone_name_and_word(staff, filed):
    agent = staff("agent")
    for query in (filed.ack, f"{filed.ack[:3]} {filed.ack[3:7]} {filed.ack[7:]}", "98300 12345", "মিনা", "ভাঙা", "potholes"):
        assert filed.ack[:3] + " " + filed.ack[3:7] in agent.get("/console/complaints", query_string={"q": query}).text, query
    assert "No complaint fits" in agent.get("/console/complaints?q=unheard").text


def test_worklist_and_search_take_few_queries(app, staff, filed):
    counted = []
    agent = staff("agent")
    event.listen(app.extensions["runtime"].engine, "before_cursor_execute", lambda *a: counted.append(a[2]))
    assert agent.get("/console/complaints?tab=all&q=মিনা").status_code == 200
    looked = [s for s in counted if not s.startswith(("BEGIN", "PRAGMA")) and "amendments" not in s]  # every few seconds, whoever asks
    assert len(looked) <= 4


def test_frequent_words_that_hardly_ever_stand_together_are_found_all_the_same(app, staff, monkeypatch):
    """What reads the lists of both words, and what looks through the newest complaints, find the same."""
    monkeypatch.setattr(search, "FEW", 6)
    runtime, now = app.extensions["runtime"], utc_now()
    texts = ["canal"] * 4 + ["bridge canal"] + ["bridge"] * 8 + ["canal"] * 8 + ["bridge canal", "meadow orchard", "meadow orchard", *["meadow orchard"] * 8]
    with runtime.writing() as db:
        acks = [complaints.file(db, runtime, Filing(channel="sms", language="en", phone="+919830012345", category_code="ROAD.POTHOLE", description=text),
                                Actor("citizen", "sms"), now).ack for text in texts]  # fmt: skip
    search.index_pending(runtime)
    agent, asked = staff("agent"), []
    event.listen(runtime.engine, "before_cursor_execute", lambda *seen: asked.append(seen[2]))

    def found(query):
        return set(re.findall(r"/complaints/(\d{11})", agent.get("/console/complaints", query_string={"tab": "all", "q": query}).text))

    both = {ack for ack, text in zip(acks, texts, strict=True) if text == "bridge canal"}
    assert found("bridge canal") == found("brid can") == both
    assert found("meadow canal") == found("bridge canal orchard") == set()
    assert len([statement for statement in asked if "INTERSECT" in statement]) == 4
    assert found("meadow orchard") == set(acks[-10:])
    assert len([statement for statement in asked if "INTERSECT" in statement]) == 4, "these stand together often"


def test_numbers_are_masked_for_those_who_need_not_see_them(app, staff, filed):
    assert "98300 12345" in staff("agent").get(f"/console/complaints/{filed.ack}").text
    monitor = staff("monitor").get(f"/console/complaints/{filed.ack}").text
    assert "98300 12345" not in monitor
    assert "2345" in monitor


def test_an_officer_sees_only_the_own_department(app, staff, filed, now):
    officer = staff("officer")
    assert officer.get(f"/console/complaints/{filed.ack}").status_code == 200
    runtime = app.extensions["runtime"]
    with runtime.writing() as db:
        complaints.act(db, runtime, filed.id, "forward", Actor("cell", "agent"), now, {"office": "phe"})
    assert officer.get(f"/console/complaints/{filed.ack}").status_code == 404


def test_from_filing_to_resolution_through_the_pages(app, staff, filed):
    cell, officer = staff("cell"), staff("officer")
    path = f"/console/complaints/{filed.ack}"
    assert cell.post(f"{path}/review", {"version": 1}).status_code == 302
    assert cell.post(f"{path}/forward", {"office": "pwd", "version": 2}).status_code == 302
    assert officer.post(f"{path}/accept", {"version": 3}).status_code == 302
    assert officer.post(f"{path}/resolve", {"report": "The hole was filled and rolled", "version": 4}).status_code == 302
    assert row(app, filed.id).state == "resolved"
    with app.extensions["runtime"].reading() as db:
        keys = [m.template for m in db.scalars(select(Outgoing).order_by(Outgoing.id))]
    assert keys == ["notify.registered", "notify.under_review", "notify.forwarded", "notify.in_progress", "notify.resolved"]
    assert "The hole was filled and rolled" in cell.get(path).text


def test_the_sms_is_shown_before_it_is_sent(staff, filed):
    shown = staff("cell").post(f"/console/complaints/{filed.ack}/review/preview")
    assert "পর্যালোচনাধীন" in shown.text


def test_a_stale_page_keeps_the_text_and_says_so(staff, filed):
    cell = staff("cell")
    path = f"/console/complaints/{filed.ack}"
    cell.post(f"{path}/review", {"version": 1})
    answer = cell.post(f"{path}/note", {"text": "my long note", "version": 1})
    assert answer.status_code == 409
    assert "my long note" in answer.text


@pytest.mark.parametrize("with_file", [False, True])
def test_what_a_clock_did_meanwhile_stops_nobody_who_writes(app, staff, filed, with_file):
    """A reminder, news, an escalation: what was typed is done, on the chain's next place."""
    runtime, cell = app.extensions["runtime"], staff("cell")
    path = f"/console/complaints/{filed.ack}"
    cell.post(f"{path}/review", {"version": 1})
    at = utc_now() + timedelta(days=60)
    clocks.warn_due(runtime, at)
    clocks.escalate_due(runtime, at)
    clocks.tell_news(runtime, at)
    assert row(app, filed.id).last_seq > 3
    assert "moved" not in cell.post(f"{path}/here", {"seen": 2, "doing": "note"}).text, "and nobody is told that somebody changed it"
    files = {"files": [(io.BytesIO(photo()), "pump.jpg")]} if with_file else {}
    assert cell.post(f"{path}/note", {"text": "my long note", "version": 2} | files).status_code == 302
    with runtime.reading() as db:
        assert events.broken_links(db.connection(), filed.id) == []
        event = db.scalars(select(Event).where(Event.action == "note")).one()
        assert event.seq == row(app, filed.id).last_seq
        assert [a.seq for a in db.scalars(select(Attachment))] == ([event.seq] if with_file else [])


@pytest.mark.parametrize("who", ["citizen", "cell"])
def test_what_a_person_did_after_the_clock_is_still_said(app, staff, filed, who):
    runtime, cell = app.extensions["runtime"], staff("cell")
    path = f"/console/complaints/{filed.ack}"
    cell.post(f"{path}/review", {"version": 1})
    clocks.escalate_due(runtime, utc_now() + timedelta(days=60))
    with runtime.writing() as db:
        complaints.act(db, runtime, filed.id, "add", Actor(who, "sms"), utc_now(), {"text": "The pump is still broken"})
    assert "moved" in cell.post(f"{path}/here", {"seen": 2, "doing": "note"}).text
    answer = cell.post(f"{path}/note", {"text": "my long note", "version": 2})
    assert answer.status_code == 409
    assert "my long note" in answer.text


def test_a_state_that_the_clock_changed_is_said(app, staff, filed):
    runtime, cell = app.extensions["runtime"], staff("cell")
    path = f"/console/complaints/{filed.ack}"
    cell.post(f"{path}/review", {"version": 1})
    cell.post(f"{path}/resolve", {"report": "The hole was filled and rolled", "version": 2})
    clocks.expire_unanswered(runtime, utc_now() + timedelta(days=60))
    assert row(app, filed.id).state == "closed"
    assert cell.post(f"{path}/note", {"text": "my long note", "version": 3}).status_code == 409


def test_a_missing_report_is_said_in_words(staff, filed):
    cell = staff("cell")
    cell.post(f"/console/complaints/{filed.ack}/review", {"version": 1})
    answer = cell.post(f"/console/complaints/{filed.ack}/resolve", {"report": "  ", "version": 2})
    assert answer.status_code == 422
    assert "Action taken" in answer.text


def test_no_field_can_inject_html(app, staff):
    agent = staff("agent")
    data = {"phone": "9830012345", "name": EVIL, "description": EVIL, "place": EVIL, "category": "ROAD.LIGHT", "form": "f1", "language": "en"}
    answer = agent.post("/console/new", data)
    assert answer.status_code == 302
    pages = [agent.get(answer.location).text, agent.get(answer.location.replace("registered", "complaints")).text,
             agent.get("/console/complaints").text, agent.post("/console/new/caller", {"phone": "9830012345"}).text]  # fmt: skip
    ack = answer.location.rpartition("/")[2]
    agent.post(f"/console/complaints/{ack}/note", {"text": EVIL, "version": 2})
    pages.append(agent.get(f"/console/complaints/{ack}").text)
    pages.append(agent.get("/console/complaints", query_string={"q": EVIL}).text)
    for page in pages:
        assert "<script>alert" not in page


def test_the_on_call_form_suggests_what_the_words_may_mean(staff):
    agent = staff("agent")
    suggested = agent.post("/console/new/similar", {"description": "রাস্তা জল আলো কিছুই নেই"}).text
    assert re.findall(r'data-code="(\w+)', suggested) == ["ROAD", "SANI", "WATER"]
    assert re.findall(r'data-code="(\w+)', agent.post("/console/new/similar", {"description": "নমস্কার"}).text) == []


def test_the_on_call_form_keeps_a_draft_and_registers_once(app, staff):
    agent = staff("agent")
    draft = agent.post("/console/new/draft", {"phone": "98300", "name": "Half", "form": "f2"}).get_json()["draft"]
    again = agent.post("/console/new/draft", {"phone": "9830012345", "name": "Half typed", "form": "f2"}).get_json()["draft"]
    assert draft == again, "the same form is the same draft, even when its answer was lost"
    assert "Half typed" in agent.get("/console/new").text
    assert "Half typed" in agent.get(f"/console/new?draft={draft}").text
    full = {"draft": draft, "phone": "9830012345", "name": "Full", "description": "no water", "category": "WATER.NONE", "form": "f2"}
    first, second = agent.post("/console/new", full), agent.post("/console/new", full)
    assert first.location == second.location
    with app.extensions["runtime"].reading() as db:
        assert len(db.scalars(select(Complaint)).all()) == 1
        assert len(db.scalars(select(Outgoing)).all()) == 1


def test_another_agent_does_not_get_my_draft(staff):
    draft = staff("agent").post("/console/new/draft", {"phone": "98300", "name": "Mine alone", "form": "f3"}).get_json()["draft"]
    assert "Mine alone" not in staff("cell").get(f"/console/new?draft={draft}").text


def test_errors_stand_beside_their_fields_and_nothing_typed_is_lost(staff):
    answer = staff("agent").post("/console/new", {"phone": "12", "description": "kept words", "category": "nonsense", "pincode": "999999", "form": "f4"})
    assert answer.status_code == 422
    for text in ("kept words", "not a telephone number", "choose a category", "not of West Bengal"):
        assert text in answer.text


def test_the_caller_and_what_is_open_already_come_up(staff, filed):
    agent = staff("agent")
    shown = agent.post("/console/new/caller", {"phone": "9830012345"}).text
    assert "মিনা" in shown
    assert filed.ack[7:] in shown
    assert filed.ack[7:] in agent.post("/console/new/similar", {"phone": "9830012345", "category": "ROAD.LIGHT"}).text


def test_a_recording_is_played_only_to_those_who_see_its_complaint(app, staff, caller, now):
    caller.dials().presses("2", "1", "2", "1").speaks("no water", "en").hangs_up()
    runtime = app.extensions["runtime"]

    class Carrier:
        name = "fake"

        def fetch_recording(self, url):
            sid = url.rpartition("/")[2]
            return caller.network.store.row("SELECT wav FROM recordings WHERE sid = ?", sid)["wav"], "audio/wav"

    from helpline import recordings
    from helpline.runtime import utc_now

    assert recordings.fetch_due(runtime, Carrier(), utc_now()) == 1
    with runtime.reading() as db:
        from models import Recording

        key = db.scalars(select(Recording)).one().id
    played = staff("agent").get(f"/console/recordings/{key}", headers={"Range": "bytes=0-3"})
    assert (played.status_code, played.data) == (206, b"RIFF")
    assert staff("officer").get(f"/console/recordings/{key}").status_code == 404
    assert staff("administrator").get(f"/console/recordings/{key}").status_code == 403
    assert staff().get(f"/console/recordings/{key}").status_code == 302


def test_messages_that_could_not_be_delivered_are_seen_and_tried_again(app, staff, filed):
    runtime = app.extensions["runtime"]
    with runtime.writing() as db:
        db.execute(update(Outgoing).values(state="parked", error_code="30003"))
        key = db.scalar(select(Outgoing.id))
    agent = staff("agent")
    assert "out of reach" in agent.get("/console/messages").text
    agent.post(f"/console/messages/{key}/again")
    with runtime.reading() as db:
        assert db.get(Outgoing, key).state == "pending"


def test_seeing_a_complaint_is_audited(app, staff, filed):
    staff("monitor").get(f"/console/complaints/{filed.ack}")
    with app.extensions["runtime"].reading() as db:
        assert db.scalars(select(Audit).where(Audit.action == "complaint.viewed")).one().complaint_id == filed.id


def test_new_rows_are_told_without_a_reload(staff, filed):
    assert "1 new complaint has" in staff("agent").get("/console/complaints/newer?tab=new&since=0").text


@pytest.mark.parametrize("path", ["/console/complaints/1", "/console/complaints/xyz", "/console/complaints/99999999999999999999", "/console/nowhere"])
def test_what_is_not_there_is_a_plain_page(staff, path):
    assert staff("agent").get(path).status_code == 404


def test_an_unknown_address_is_a_plain_page_also_while_the_store_is_away(staff, app, monkeypatch):
    agent = staff("agent")

    def away():
        raise OperationalError("", None, Exception("the store is away"))

    monkeypatch.setattr(type(app.extensions["runtime"]), "reading", lambda _runtime: away())
    answer = agent.get("/console/nowhere")
    assert answer.status_code == 404
    assert answer.headers["Content-Security-Policy"]
    assert "</html>" in answer.text


def test_digits_are_bengali_in_bengali_save_those_of_names_in_latin_letters():
    from agent_console.texts import shipped

    assert "North 24 Parganas" in shipped().get("here.looking", "bn", name="Test PHE, North 24 Parganas")
    assert "২৪ ঘ" in shipped().get("worktime.hours", "bn", hours=24)


def test_texts_used_by_the_templates_exist(app):
    from pathlib import Path

    from agent_console.texts import Texts

    known, found = Texts(), set()
    for template in Path("agent_console/templates").rglob("*.html"):
        found |= set(re.findall(r"\bt\('([a-z_.]+)'[,)]", template.read_text(encoding="utf-8")))
    assert found
    assert not [key for key in found if key not in known]


def test_the_worker_says_it_is_alive(app, now):
    worker.beat(app.extensions["runtime"], now)
    assert b"helpline_worker_silent_seconds" in app.test_client().get("/metrics").data


def test_a_category_typed_in_words_is_put_right_and_confirmed(app, staff):
    agent = staff("agent")
    form = {"phone": "9830012345", "description": "no water", "category": "road pothole", "form": "f9"}
    answer = agent.post("/console/new", form)
    assert answer.status_code == 422
    assert re.search(r'id="category"[^>]*value="Potholes or broken road"[^>]*aria-invalid="true"[^>]*autofocus', answer.text)
    assert "register once more" in answer.text
    agent.post("/console/new", form | {"category": "Potholes or broken road"})
    with app.extensions["runtime"].reading() as db:
        assert db.scalars(select(Complaint)).one().category_code == "ROAD.POTHOLE"


def test_the_first_fault_has_the_focus(staff):
    answer = staff("agent").post("/console/new", {"phone": "9830012345", "description": "", "category": "", "form": "f8"})
    assert re.search(r'id="description"[^>]*aria-invalid="true" aria-describedby="description-fault" autofocus', answer.text)
    assert answer.text.count(" autofocus") == 1


def test_nothing_is_said_of_a_number_that_is_not_typed_yet(staff):
    assert "No earlier complaint" not in staff("agent").post("/console/new/caller", {"phone": "98"}).text


def test_the_place_of_a_pin_code_is_in_the_readers_script_where_it_has_a_name_there(staff):
    bengali, english = staff(), staff("agent")
    bengali.signs_in("agent")

    def place(person, pin):
        page = person.post("/console/new/similar", {"pincode": pin}).text
        return " ".join(re.sub("<[^>]+>", "", re.search(r'<p class="hint" id="pin-place".*?</p>', page, re.S)[0]).split())

    assert (place(bengali, "722136"), place(english, "722136")) == ("বাঁকুড়া · ইঁদপুর", "Bankura · Indpur")
    assert (place(bengali, "722146"), place(english, "722146")) == ("বাঁকুড়া · Rajagram", "Bankura · Rajagram")
    assert place(bengali, "700001").startswith("কলকাতা")


def test_a_part_of_a_page_that_may_not_be_had_is_no_page_within_the_page(app, staff):
    """What a page asks for by itself would otherwise be answered with a whole page, bell and all, within the bell."""
    by_itself = {"headers": {"HX-Request": "true"}}
    people.add(app.extensions["runtime"], username="fresh", name="Test fresh", role="agent", password=PASSWORD)
    fresh = staff()
    fresh.signs_in("fresh")
    assert fresh.get("/console/alerts/bell", **by_itself).status_code == 401
    page = fresh.get("/console/password").text
    assert 'class="bell"' not in page and "/console/complaints" not in page, "nothing is offered that leads back here"
    signed_out = staff().get("/console/alerts/bell", **by_itself)
    assert (signed_out.status_code, signed_out.data) == (401, b"")
    assert staff().get("/console/alerts/bell").status_code == 302


def test_the_first_password_is_ones_own(app, staff):
    """What an administrator was shown, and handed on, is no password to keep; the page says why one is asked for."""
    people.add(app.extensions["runtime"], username="fresh", name="Test fresh", role="officer", password=PASSWORD, office_code="pwd")
    fresh = staff()
    fresh.signs_in("fresh")
    fresh.post("/console/language")
    assert "Others know this password" in fresh.get("/console/password").text
    kept = fresh.post("/console/password", {"current": PASSWORD, "new": PASSWORD})
    assert kept.status_code == 422 and "another one than now" in kept.text
    assert fresh.get("/console/complaints").status_code == 302, "nothing else until then"
    assert fresh.post("/console/password", {"current": PASSWORD, "new": "a word of my own"}).status_code == 302
    assert fresh.get("/console/complaints").status_code == 200
    assert "Others know" not in fresh.get("/console/password").text
