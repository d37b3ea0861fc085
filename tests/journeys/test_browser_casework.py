"""A complaint worked in a real Chromium: what only a browser shows of presence, templates, proof, choices and bulk actions."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import expect
from sqlalchemy import insert, select

from helpline import complaints, nightly, people
from helpline.complaints import Actor, Filing
from helpline.runtime import utc_now
from helpline.sla import IST
from models import Attachment, Complaint, Outgoing, ReplyTemplate, User, new_id
from tests.agent_console.conftest import PASSWORD, accounts, live  # noqa: F401

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser"), pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)]
PDF = b"%PDF-1.4\n1 0 obj\n<</Type/Catalog>>\nendobj\nxref\n0 1\ntrailer\n<</Root 1 0 R>>\nstartxref\n9\n%%EOF\n"
CITIZEN = Actor("citizen", "sms")


@pytest.fixture
def browses(chromium, live):  # noqa: F811
    """Somebody of the staff at a browser of their own, in English."""
    contexts, faults = [], []

    def as_role(role: str, width: int = 1280):
        context = chromium.new_context(viewport={"width": width, "height": 900})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(f"{live}/console/sign-in")
        page.fill("#username", role)
        page.fill("#password", PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_selector(".top nav")
        page.get_by_role("button", name="English").click()
        page.wait_for_selector("html[lang=en]")
        return page

    yield as_role
    for context in contexts:
        context.close()
    assert faults == []


@pytest.fixture
def three(app):
    """Complaints about one road, with the office that has them."""
    runtime, found = app.extensions["runtime"], []
    with runtime.writing() as db:
        for n in range(3):
            filing = Filing(channel="sms", language="en", phone=f"+91983001234{n}", category_code="ROAD.POTHOLE", district_code="303", description=f"potholes number {n}")
            found.append(complaints.file(db, runtime, filing, CITIZEN, utc_now()))
    return found


def opens(page, live, ack, action=None):  # noqa: F811
    page.goto(f"{live}/console/complaints/{ack}")
    if action:
        page.locator(f"details[data-action={action}] > summary").click()
    return page.locator(f"#form-{action}")


def state_of(app, ack):
    with app.extensions["runtime"].reading() as db:
        return db.scalars(select(Complaint.state).where(Complaint.ack == ack)).one()


def test_a_template_by_its_key_proof_as_photo_and_pdf_and_the_citizen_told(app, live, browses, three):  # noqa: F811
    runtime, ack = app.extensions["runtime"], three[0].ack
    with runtime.writing() as db:
        db.execute(insert(ReplyTemplate), [{"id": new_id(), "field": "report", "language": "en", "title": "Filled", "body": "The holes were filled and rolled.", "at": utc_now()}])
        complaints.act(db, runtime, three[0].id, "review", Actor("cell", "agent"), utc_now())
    page = browses("cell")
    form = opens(page, live, ack, "resolve")
    form.locator("textarea[name=report]").click()
    page.keyboard.press("Alt+Digit1")
    assert form.locator("textarea[name=report]").input_value() == "The holes were filled and rolled."
    page.wait_for_selector("#form-resolve .preview .sms")
    picture = io.BytesIO()
    Image.new("RGB", (640, 480), "green").save(picture, "JPEG")
    form.locator("input[type=file]").set_input_files(
        [{"name": "after.jpg", "mimeType": "image/jpeg", "buffer": picture.getvalue()}, {"name": "bill.pdf", "mimeType": "application/pdf", "buffer": PDF}]
    )
    form.locator("button.btn-primary").click()
    page.wait_for_selector("header.head .state.done, header.head .state:has-text('Resolved')")
    expect(page.locator(".files img").first).not_to_have_js_property("naturalWidth", 0)
    assert page.locator(".files .pdf").count() == 1
    with runtime.reading() as db:
        assert sorted(db.scalars(select(Attachment.content_type))) == ["application/pdf", "image/jpeg"]
        assert "resolved" in "\n".join(db.scalars(select(Outgoing.body))).lower()


def test_who_else_is_there_and_whose_words_count(app, live, browses, three):  # noqa: F811
    ack = three[0].ack
    desk, boss = browses("cell"), browses("supervisor")
    opens(desk, live, ack)
    form = opens(boss, live, ack, "note")
    form.locator("textarea").fill("The supervisor's note")
    expect(boss.locator("#here [name=doing]")).to_have_value("note")
    boss.wait_for_load_state("networkidle")
    desk.reload()
    desk.wait_for_selector(".here:has-text('Test supervisor is writing: Note')")
    mine = opens(desk, live, ack, "review")
    mine.locator("button.btn-primary").click()
    desk.wait_for_url("**done=1*")
    for _ in range(2):  # closed and opened again, which asks at once
        boss.locator("details[data-action=note] > summary").click()
    boss.wait_for_selector(".here.moved")
    form.locator("button.btn-primary").click()
    boss.wait_for_selector("#stale")
    choice = boss.locator("section[aria-labelledby=stale]")
    assert "Taken up for review" in choice.inner_text() and "The supervisor's note" in choice.inner_text()
    choice.get_by_role("button").click()
    boss.wait_for_url("**done=1*")
    assert "The supervisor's note" in boss.locator(".timeline").inner_text()


def test_a_photo_is_not_lost_when_somebody_was_quicker(app, live, browses, three):  # noqa: F811
    ack, runtime = three[0].ack, app.extensions["runtime"]
    with runtime.writing() as db:
        complaints.act(db, runtime, three[0].id, "review", Actor("cell", "agent"), utc_now())
    page, picture = browses("cell", width=390), io.BytesIO()
    Image.new("RGB", (640, 480), "green").save(picture, "JPEG")
    form = opens(page, live, ack, "resolve")
    assert form.locator("[name=reason]").count() == 0, "no part of it is open: nobody asks why"
    form.locator("textarea[name=report]").fill("The holes were filled and rolled.")
    form.locator("input[type=file]").set_input_files([{"name": "after.jpg", "mimeType": "image/jpeg", "buffer": picture.getvalue()}])
    with runtime.writing() as db:
        complaints.act(db, runtime, three[0].id, "note", Actor("supervisor", "agent"), utc_now(), {"text": "Look at the culvert too"})
    form.locator("button.btn-primary").click()
    choice = page.locator("section[aria-labelledby=stale]")
    expect(choice).to_contain_text("after.jpg")
    choice.get_by_role("button").click()
    page.wait_for_url("**done=1*")
    expect(page.locator(".files img").first).not_to_have_js_property("naturalWidth", 0)
    assert state_of(app, ack) == "resolved"


def test_many_at_once_are_seen_before_they_are_done(app, live, browses, three):  # noqa: F811
    page = browses("cell")
    page.goto(f"{live}/console/complaints?tab=open")
    for box in page.locator("input[name=chosen]").all()[:2]:
        box.check()
    page.locator("#choose button").click()
    page.select_option("#action", "review")
    page.locator("form.panel button").click()
    page.locator("form.panel button").click()
    page.wait_for_selector("ul.panel.lines .told")
    assert page.locator("ul.panel.lines .told").count() == 2
    assert {state_of(app, one.ack) for one in three} == {"registered"}, "a preview changes nothing"
    page.locator("p.panel button").click()
    page.wait_for_url("**/console/bulk/**")
    assert sorted(state_of(app, one.ack) for one in three) == ["registered", "under_review", "under_review"]


def test_on_a_telephone_the_filters_unfold_and_the_menu_signs_out(app, live, browses, three):  # noqa: F811
    page = browses("cell", width=390)
    page.goto(f"{live}/console/complaints?tab=open")
    assert page.locator("header.top").bounding_box()["height"] < 100
    district = page.locator("select[name=district]")
    assert not district.is_visible()
    page.locator(".fold-label").click()
    district.select_option("303")
    page.locator(".filters button").click()
    page.wait_for_url("**district=303**")
    assert page.locator("select[name=district]").is_visible(), "what was chosen stays in sight"
    page.locator(".myself summary").click()
    page.keyboard.press("Escape")
    assert page.locator(".myself[open]").count() == 0
    page.locator(".myself summary").click()
    page.locator(".myself").get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in")


def test_from_the_map_down_to_the_complaints(app, live, browses, three):  # noqa: F811
    page = browses("supervisor")
    page.goto(f"{live}/console/dashboard")
    page.locator(".map a[href*='district=303']").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**district=303**")
    page.locator(".tile a[href*='/figures/open']").click()
    page.wait_for_url("**/figures/open**")
    shown = [re.sub(r"\D", "", text) for text in page.locator("td .number").all_inner_texts()]
    assert sorted(shown) == sorted(one.ack for one in three)


def test_a_holiday_by_csv_is_seen_before_it_counts(app, live, browses):  # noqa: F811
    runtime, page = app.extensions["runtime"], browses("administrator")
    page.goto(f"{live}/console/reference/holidays")
    with page.expect_download() as download:
        page.locator("a[href$='holidays.csv']").first.click()
    text = Path(download.value.path()).read_text(encoding="utf-8") + "2026-11-30,+,A day off,ছুটি\n"
    monday = datetime(2026, 11, 30, 6, 30, tzinfo=UTC)
    page.locator("input[type=file]").set_input_files([{"name": "holidays.csv", "mimeType": "text/csv", "buffer": text.encode()}])
    page.locator("form[enctype] button").click()
    page.wait_for_selector("tr:has-text('2026-11-30'):has-text('A day off')")
    assert runtime.calendar.is_working_time(monday), "nothing is taken in before it was seen"
    page.locator("main button.btn-primary, .btn-primary").last.click()
    page.wait_for_selector("text=A day off")
    assert not runtime.calendar.is_working_time(monday)


def test_who_is_away_names_a_deputy_who_then_has_the_work(app, live, browses, three):  # noqa: F811
    runtime, today = app.extensions["runtime"], utc_now().astimezone(IST).date()
    people.add(runtime, username="deputy", name="Test deputy", role="officer", password=PASSWORD, must_change_password=False, office_code="pwd")
    with runtime.writing() as db:
        mine = db.scalar(select(User.id).where(User.username == "officer"))
        complaints.act(db, runtime, three[0].id, "forward", Actor("cell", "agent"), utc_now(), {"office": "pwd"})
        complaints.act(db, runtime, three[0].id, "assign", Actor("cell", "agent"), utc_now(), {"owner": str(mine)})
    page = browses("officer")
    page.goto(f"{live}/console/absence")
    page.fill("#absent_from", today.isoformat())
    page.fill("#absent_until", (today + timedelta(days=3)).isoformat())
    page.fill("#deputy", "deputy")
    page.locator("main button.btn-primary, .panel button.btn-primary").first.click()
    page.wait_for_url(lambda address: "absence" not in address)
    deputy = browses("deputy")
    deputy.goto(f"{live}/console/complaints?tab=mine")
    deputy.wait_for_selector(f"a[href$='/complaints/{three[0].ack}']")


def test_a_suspicious_closure_is_looked_into(app, live, browses, three):  # noqa: F811
    runtime, then = app.extensions["runtime"], utc_now() - timedelta(days=1)
    with runtime.writing() as db:
        complaints.act(db, runtime, three[0].id, "review", Actor("cell", "agent"), then)
        complaints.act(db, runtime, three[0].id, "resolve", Actor("cell", "agent"), then + timedelta(minutes=9), {"report": "Looked at and put right at once"})
    nightly.check_when_due(runtime, utc_now())
    page = browses("supervisor")
    page.goto(f"{live}/console/suspicions")
    row = page.locator(f"tr:has(a[href$='/complaints/{three[0].ack}'])").first
    assert "Looked at and put right at once" in row.inner_text()
    before = page.locator(f"tr:has(a[href$='/complaints/{three[0].ack}'])").count()
    row.locator("button").click()
    page.wait_for_load_state("networkidle")
    assert page.locator(f"tr:has(a[href$='/complaints/{three[0].ack}'])").count() == before - 1
    page.goto(f"{live}/console/suspicions?settled=1")
    assert page.locator(f"tr:has(a[href$='/complaints/{three[0].ack}'])").count() == 1
