"""In a real Chromium: the keyboard, a tab that is closed in mid-form, and what a screen reader needs."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from commands import simulator_settings
from helpline import abuse, callbacks, calls, complaints, fairness
from helpline.complaints import Actor, Filing
from helpline.runtime import utc_now
from models import Phone
from simulator.network import Network
from tests.agent_console.conftest import PASSWORD

AXE = (Path(__file__).parent.parent / "vendor" / "axe.min.js").read_text(encoding="utf-8")
pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser"), pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)]


@pytest.fixture
def page(chromium, live):
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, bypass_csp=True)
    tab = context.new_page()
    tab.set_default_timeout(15_000)
    faults = []
    tab.on("pageerror", lambda error: faults.append(str(error)))
    tab.on("request", lambda request: faults.append(request.url) if not request.url.startswith((live, "data:", "blob:")) else None)
    yield tab
    context.close()
    assert faults == [], "no script fails, and nothing comes from the internet"


def signs_in(page, live, name):
    page.goto(f"{live}/console/")
    page.wait_for_selector("#username:focus")
    page.keyboard.type(name)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector(".top nav")


def serious(page):
    page.evaluate(AXE)
    found = page.evaluate("axe.run({resultTypes: ['violations']})")["violations"]
    return [(v["id"], [n["html"][:120] for n in v["nodes"]][:3]) for v in found if v["impact"] in ("serious", "critical")]


def test_a_complaint_entered_from_the_keyboard_alone(page, live, app):
    signs_in(page, live, "agent")
    page.wait_for_selector("h1")
    page.keyboard.press("n")
    page.wait_for_url("**/console/new")
    page.wait_for_selector("#phone:focus")
    page.keyboard.type("9830012345")
    for text in ("", "Test Caller", "রাস্তার আলো জ্বলে না", "ROAD.LIGHT", "700001", "", "near the school"):
        page.keyboard.press("Tab")
        page.keyboard.type(text)
    page.wait_for_function("document.getElementById('saved').textContent.length > 3")
    for _ in range(4):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/registered/**")
    assert page.locator(".big").inner_text()
    assert "নথিভুক্ত" in page.locator(".sms").last.inner_text()


def test_the_number_brings_up_name_and_language_as_long_as_nobody_typed_there(page, live, app, now):
    runtime = app.extensions["runtime"]
    with runtime.writing() as db:
        complaints.file(db, runtime, Filing(channel="sms", language="en", phone="+919830012345", name="Mina Das", category_code="ROAD.LIGHT", description="x"), Actor("citizen", "sms"), now)
        db.execute(Phone.__table__.insert(), [{"number": "+919830012345", "language": "en", "updated_at": now}])
    signs_in(page, live, "agent")
    page.goto(f"{live}/console/new")
    page.fill("#phone", "983001234")
    page.locator("#phone").press_sequentially("5")
    page.wait_for_function("document.getElementById('name').value === 'Mina Das'")
    assert page.input_value("#language") == "en"
    page.keyboard.press("Backspace")
    page.wait_for_function("document.getElementById('name').value === ''")
    page.fill("#name", "Somebody else")
    page.press("#phone", "End")
    page.keyboard.type("5")
    page.wait_for_selector("#caller li")
    assert page.input_value("#name") == "Somebody else"


def test_a_pin_code_says_its_place_and_chooses_the_district_that_nobody_chose(page, live):
    signs_in(page, live, "agent")
    page.goto(f"{live}/console/new")
    page.fill("#pincode", "721101")
    page.press("#pincode", "Tab")
    page.wait_for_function("document.getElementById('district').value === '318'")
    assert "পশ্চিম মেদিনীপুর" in page.inner_text("#pin-place")
    page.fill("#pincode", "৭১৩ ১০১")
    page.press("#pincode", "Tab")
    page.wait_for_function("document.getElementById('district').value === '306'")
    page.select_option("#district", "303")
    page.fill("#pincode", "732101")
    page.press("#pincode", "Tab")
    page.wait_for_function("document.getElementById('pin-place').innerText.includes('মালদ')")
    assert page.input_value("#district") == "303", "what the agent chose stays"
    page.fill("#pincode", "999999")
    page.press("#pincode", "Tab")
    page.wait_for_function("document.getElementById('pin-place').innerText.includes('নয়')")


def test_a_closed_tab_loses_nothing(page, live, chromium):
    signs_in(page, live, "agent")
    page.goto(f"{live}/console/new")
    page.fill("#phone", "9830012345")
    page.fill("#description", "half a story")
    page.wait_for_function("document.getElementById('draft').value !== ''")
    other = page.context.new_page()
    page.goto("about:blank")
    other.goto(f"{live}/console/new")
    other.locator("aside ul a").first.click()
    other.wait_for_url("**draft=*")
    assert other.input_value("#description") == "half a story"


def test_what_is_typed_before_the_page_is_ready_is_kept_too(page, live):
    signs_in(page, live, "agent")
    waiting = []
    page.route("**/console.js*", lambda route: waiting.append(route))
    page.goto(f"{live}/console/new", wait_until="commit")
    page.fill("#description", "typed at once")
    while not waiting:
        page.wait_for_timeout(50)
    for script in waiting:
        script.continue_()
    page.wait_for_function("document.getElementById('draft').value !== ''")


def test_what_could_not_be_sent_stays_in_the_browser(page, live):
    signs_in(page, live, "agent")
    page.goto(f"{live}/console/new")
    page.route("**/new/draft", lambda route: route.abort())
    page.fill("#description", "typed while the network was away")
    page.wait_for_timeout(900)
    page.goto(f"{live}/console/complaints")
    page.goto(f"{live}/console/new")
    assert page.input_value("#description") == "typed while the network was away"


def test_the_sms_is_seen_before_the_button_is_pressed(page, live, app, now):
    runtime = app.extensions["runtime"]
    with runtime.writing() as db:
        filed = complaints.file(db, runtime, Filing(channel="sms", language="bn", phone="+919830012345", description="জল নেই"), Actor("citizen", "sms"), now)
    signs_in(page, live, "cell")
    page.goto(f"{live}/console/complaints/{filed.ack}")
    page.locator("summary", has_text="পর্যালোচনা শুরু").click()
    page.wait_for_selector(".preview .sms")
    assert "পর্যালোচনাধীন" in page.locator(".preview .sms").first.inner_text()
    page.locator("details[open] button").click()
    page.wait_for_url("**done=1")
    assert "পর্যালোচনাধীন" in page.locator("header.head").inner_text()


@pytest.mark.parametrize("width", [1280, 375])
def test_nothing_serious_for_a_screen_reader_and_nothing_wider_than_the_page(page, live, app, now, width):
    runtime = app.extensions["runtime"]
    with runtime.writing() as db:
        filed = complaints.file(db, runtime, Filing(channel="sms", language="bn", phone="+919830012345", description="জল নেই"), Actor("citizen", "sms"), now)
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"{live}/console/sign-in")
    assert serious(page) == []
    signs_in(page, live, "supervisor")
    with runtime.writing() as db:
        call = calls.begin(db, "CAbroken", "+919830012345", "+913322145555", now)
        callbacks.note(db, runtime, "+919830012345", call, None, "menu", now)
        fairness.weigh(db, runtime, "+919830012345", utc_now())
        heavy = fairness.notice(db, "+919830012345", "messages", utc_now()).id
        fairness.mark(db, "+919830012345", abuse.Found("threat", "x"), "words that were marked", "sms", filed.id, utc_now())
    for path in ("complaints?tab=all", "senders", "senders?tab=abuse", f"senders/{heavy}", f"complaints/{filed.ack}", "new", "callbacks", "messages", "password", f"registered/{filed.ack}"):
        page.goto(f"{live}/console/{path}")
        page.wait_for_timeout(300)
        assert serious(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_the_simulated_telephone(page, live, app):
    page.goto(f"{live}/simulator/")
    page.click("#dial")
    page.wait_for_selector("#talk .helpline")
    for key in ("2", "1", "2", "1"):  # as fast as can be: each waits for the answer to the one before
        page.locator(f'#pad [data-key="{key}"]').click()
    page.wait_for_function("document.getElementById('status').textContent.startsWith('Recording')")
    page.reload()
    page.wait_for_function("document.getElementById('status').textContent.startsWith('Recording')")
    page.fill("#say", "no water in our lane")
    page.keyboard.press("Enter")
    page.wait_for_function("document.getElementById('status').textContent.startsWith('Connected')")
    page.click("#hangup")
    page.wait_for_function("document.getElementById('status').textContent.includes('ended')")
    page.fill("#body", "STATUS")
    page.keyboard.press("Enter")
    page.wait_for_selector("#thread .helpline")
    assert "under review" in page.locator("#thread").inner_text()
    assert serious(page) == []
    page.click("#dial")
    page.wait_for_function("document.getElementById('status').textContent.startsWith('Connected')")
    page.select_option("#line", index=1)
    page.wait_for_function("document.getElementById('status').textContent === 'Ready'")
    assert page.locator("#hangup").is_disabled()
    assert page.locator("#dial").is_enabled()


@pytest.mark.parametrize("width", [1280, 390])
def test_the_simulated_telephone_says_what_is_empty_and_keeps_its_place(page, live, width):
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{live}/simulator/")
    page.wait_for_selector("#nothing:visible")
    assert page.locator("#sending").is_hidden(), "no head of a table without rows"
    tall = page.locator("#thread").bounding_box()["height"]
    assert tall > 200, "an empty thread has room"
    for at in range(6):
        page.fill("#body", f"{at} the road in our village is broken and nobody has come to mend it for a year")
        page.keyboard.press("Enter")
        page.wait_for_function(f"document.querySelectorAll('#thread .helpline').length > {at}")
    assert page.locator("#thread").bounding_box()["height"] == tall, "it scrolls"
    assert page.locator("#nothing").is_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize(("width", "words"), [(1280, "প্রবেশ করে নেই"), (390, "প্রবেশ করে নেই"), (390, "You are signed out")])
def test_whoever_was_signed_out_learns_it_and_keeps_what_is_typed(page, live, width, words):
    page.set_viewport_size({"width": width, "height": 900})
    signs_in(page, live, "agent")
    if words.startswith("You"):
        page.click(".who form button.plain")
    page.goto(f"{live}/console/new")
    assert page.locator("#signed-out").is_hidden()
    page.context.clear_cookies()
    page.fill("#description", "the road is broken")
    page.locator("#phone").press_sequentially("9830012345")
    page.wait_for_selector("#signed-out:visible")
    assert words in page.locator("#signed-out").inner_text()
    assert page.locator("#username").count() == 0, "no page within the page"
    assert page.input_value("#description") == "the road is broken"
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert serious(page) == []


def test_the_simulated_telephone_rings_once_and_outlives_a_pause_of_the_helpline(page, live, app):
    page.goto(f"{live}/simulator/")
    page.dblclick("#dial")
    page.wait_for_selector("#talk .helpline")
    page.wait_for_timeout(500)
    rung = Network(simulator_settings(app.extensions["runtime"].config), httpx.Client()).store.rows("SELECT sid FROM calls")
    assert len(rung) == 1, "a double click is one call"

    page.route("**/simulator/api/**", lambda route: route.abort())
    page.fill("#body", "FILE no water in our lane")
    page.click("#sms button")
    page.wait_for_function("document.getElementById('status').textContent.includes('did not answer')")
    assert page.input_value("#body") == "FILE no water in our lane", "what could not be sent stays"
    page.fill("#say", "no water")
    page.press("#say", "Enter")
    page.wait_for_timeout(300)
    assert page.input_value("#say") == "no water"
    page.unroute("**/simulator/api/**")
    page.locator('#pad [data-key="2"]').click()
    page.wait_for_function("[...document.querySelectorAll('#talk .caller')].some((said) => said.textContent === '[2]')")
    page.click("#sms button")
    page.wait_for_selector("#thread .helpline")
    assert page.input_value("#body") == ""
