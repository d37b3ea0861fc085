"""Two simulated telephones and two agents' browsers at once: the queue as those who use it see it."""

from __future__ import annotations

import socket
import threading
import time

import pytest
from sqlalchemy import select, update

from app import create_app
from helpline import carriers_in_use, complaints, people, queueing, switchboard
from helpline.complaints import Filing
from helpline.events import Actor
from helpline.runtime import utc_now
from models import User
from tests.agent_console.conftest import PASSWORD, let_the_carrier_finish
from tests.conftest import make_config

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


@pytest.fixture
def helpline(tmp_path, sqlite_url, monkeypatch):
    """The application on a port of its own, which is its public address, with the worker's rounds beside it."""
    from werkzeug.serving import make_server

    monkeypatch.setattr(queueing, "is_open", lambda *_: True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = make_config(tmp_path, sqlite_url, public_url=f"http://127.0.0.1:{port}")
    app = create_app(config)
    runtime, stopped = app.extensions["runtime"], threading.Event()
    server = make_server("127.0.0.1", port, app, threaded=True)
    carrier = carriers_in_use.in_use(config).voice

    def work():
        while not stopped.wait(0.2):
            switchboard.work(runtime, carrier, utc_now())

    threads = [threading.Thread(target=target, daemon=True) for target in (server.serve_forever, work)]
    for thread in threads:
        thread.start()
    for name in ("asha", "bela"):
        people.add(runtime, username=name, name=f"Test {name}", role="agent", password=PASSWORD, must_change_password=False)
    yield config.public_url, runtime
    stopped.set()
    threads[1].join()
    let_the_carrier_finish()
    server.shutdown()
    server.server_close()
    runtime.dispose()


def agent(chromium, address, name):
    page = chromium.new_context().new_page()
    page.goto(f"{address}/console/sign-in")
    page.fill("#username", name)
    page.fill("#password", PASSWORD)
    page.press("#password", "Enter")
    page.wait_for_url("**/console/complaints*")
    page.click("form[action*=language] button")
    page.goto(f"{address}/console/phone")
    page.click("button[value=available]")
    page.wait_for_selector("text=Ready")
    return page


def citizen(chromium, address, line):
    page = chromium.new_context().new_page()
    page.goto(f"{address}/simulator/")
    page.select_option("#line", index=line)
    return page


def caller(chromium, address, line):
    page = citizen(chromium, address, line)
    page.click("#dial")
    page.wait_for_selector("#talk li")
    page.click("#pad [data-key='2']")
    page.locator("#talk li", has_text="press 1").first.wait_for()
    page.click("#pad [data-key='0']")
    page.locator("#talk li", has_text="in the queue").first.wait_for()
    return page


def test_two_callers_and_two_agents_at_once(chromium, helpline):
    address, runtime = helpline
    agents = [agent(chromium, address, name) for name in ("asha", "bela")]
    callers = [caller(chromium, address, line) for line in (0, 1)]
    for page in agents:
        page.wait_for_selector("#answer:visible", timeout=20_000)
        page.wait_for_selector("#phone-now .call", timeout=20_000)
        with page.expect_popup() as popup:
            page.click("#answer")
        form = popup.value
        form.wait_for_selector("#intake")
        assert form.input_value("#phone"), "the caller's number is in the form"
        page.wait_for_selector("text=connected", timeout=20_000)
        form.fill("#description", "No water since Monday")
        form.locator("#saved", has_text="saved").wait_for()
    for number, page in enumerate(agents):
        page.fill("#talk-text", f"hello from agent {number}")
        page.click("#talk button")
    deadline, heard = time.monotonic() + 30, []
    while time.monotonic() < deadline and len(heard) < 2:
        talks = [page.locator("#talk li").all_inner_texts() for page in callers]
        heard = [text for talk in talks for text in talk if text.startswith("hello from agent")]
        time.sleep(0.3)
    assert sorted(heard) == ["hello from agent 0", "hello from agent 1"], "each caller hears one agent, and not the other's"
    with runtime.reading() as db:
        assert db.scalars(select(queueing._waiting.c.state)).all() == ["talking", "talking"]
        assert all(db.scalars(select(queueing._waiting.c.complaint_id)).all()), "what is typed belongs to the call"
    for page in agents:
        page.click("text=Leave the call")
        page.wait_for_selector("text=Writing up", timeout=20_000)
    with runtime.writing() as db:
        db.execute(update(User).values(active=False))


def complaint_of(runtime, number):
    filing = Filing(channel="sms", language="en", phone=number, category_code="ROAD.LIGHT", district_code="303", description="no street light")
    with runtime.writing() as db:
        return complaints.file(db, runtime, filing, Actor("citizen", "sms"), utc_now()).ack


def rings(agent, page, phone, ack, address):
    """The agent presses the button on the complaint's page, which stays open beside the telephone; the citizen's telephone rings."""
    page.goto(f"{address}/console/complaints/{ack}")
    page.click("text=Ring the citizen")
    page.wait_for_selector("#dialling >> text=The citizen's telephone rings", timeout=20_000)
    agent.wait_for_selector("#hangup:visible")
    phone.wait_for_selector("#ringing:not([hidden])", timeout=20_000)


def test_an_agent_rings_citizens_with_the_complaint_open_beside_the_call(chromium, helpline):
    address, runtime = helpline
    phones = [citizen(chromium, address, line) for line in (0, 1)]
    desk = agent(chromium, address, "asha")
    page = desk.context.new_page()
    first, second = complaint_of(runtime, "+919830012345"), complaint_of(runtime, "+919830054321")

    rings(desk, page, phones[0], first, address)
    phones[0].click("#pickup")
    page.wait_for_selector("#dialling >> text=Talking", timeout=20_000)
    desk.fill("#talk-text", "hello from the helpline")
    desk.click("#talk button")
    phones[0].wait_for_selector("#talk >> text=hello from the helpline", timeout=20_000)
    phones[0].fill("#say", "good morning")
    phones[0].press("#say", "Enter")
    desk.wait_for_selector("#heard >> text=good morning", timeout=20_000)
    assert "/complaints/" in page.url, "the complaint is still there"
    desk.click("#hangup")
    page.wait_for_selector("#dialling >> text=Answered", timeout=20_000)
    desk.wait_for_selector("text=Writing up", timeout=20_000)

    rings(desk, page, phones[1], second, address)
    assert phones[0].locator("#ringing").is_hidden(), "nobody else is rung"
    phones[1].click("#turnaway")
    page.wait_for_selector("#dialling >> text=Was engaged", timeout=20_000)
    for ack, outcome in ((first, "Answered"), (second, "Was engaged")):
        page.goto(f"{address}/console/complaints/{ack}")
        assert outcome in page.locator(".timeline").inner_text()
    with runtime.writing() as db:
        db.execute(update(User).values(active=False))
