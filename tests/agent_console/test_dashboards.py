"""Dashboards through the console: numbers that lead to their complaints, to those who may see them, in both languages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from helpline.runtime import utc_now
from tests.agent_console.conftest import PASSWORD
from tests.conftest import demonstration_store

pytestmark = pytest.mark.xdist_group("demonstration")
PAGES = ("dashboard", "dashboard?period=365", "dashboard?period=own&from=2020-01-01&to=nonsense&department=phe&district=303", "dashboard?department=nobody&level=9&period=x",
         "dashboard/offices?all=1&period=365", "dashboard/places?period=365")  # fmt: skip


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request, tmp_path):
    """A year of demonstration complaints up to now."""
    return demonstration_store(request.param, request, tmp_path, utc_now(), count=160, seed=2)


def numbers(page):
    """figure's address → the number that leads there."""
    return {href.replace("&amp;", "&"): int(text.replace(",", "")) for href, text in re.findall(r'<a href="(/console/figures/[^"]+)">([\d,]+)</a>', page)}


@pytest.mark.parametrize("role", ["supervisor", "officer", "monitor"])
def test_every_number_leads_to_that_many_complaints(staff, role):
    reader = staff(role)
    page = reader.get("/console/dashboard?period=90").text
    found = numbers(page)
    assert len(found) > (30 if role != "officer" else 5)
    for address, count in list(found.items())[:: 1 + len(found) // 40]:
        assert listed(reader, address) == count, address


def listed(reader, address):
    count, before = 0, ""
    while True:
        keys = re.findall(r'class="number" href="/console/complaints/(\d+)"', reader.get(f"{address}{before}").text)
        count += len(keys)
        more = re.search(r'href="[^"]*before=(\d+)[^"]*"', reader.get(f"{address}{before}").text)
        if not more:
            return count
        before = f"&before={more[1]}"


@pytest.mark.parametrize("role", ["cell", "supervisor", "officer", "monitor", "administrator"])
def test_every_page_for_everybody(staff, role):
    reader = staff(role)
    for path in PAGES:
        assert reader.get(f"/console/{path}").status_code == 200, path
    page = reader.get("/console/dashboard").text
    assert "schematic" in page and page.count('<path class="shade') == 23
    if role == "administrator":
        assert "/console/figures/" not in page, "administrators see figures, no complaints"
        assert reader.get("/console/figures/open").status_code == 403
    else:
        assert reader.get("/console/figures/open").status_code == 200
        assert reader.get("/console/figures/nonsense").status_code == 404


def test_agents_have_no_dashboard(staff):
    assert staff("agent").get("/console/dashboard").status_code == 403


def test_in_bengali_with_bengali_digits_and_lakhs(staff, app):
    reader = staff("supervisor")
    reader.post("/console/language")
    page = reader.get("/console/dashboard?period=365").text
    shown = re.search(r'<p class="share">([^<]+)</p>', page)[1]
    assert re.fullmatch(r"[০-৯]+\.[০-৯] %", shown)
    from agent_console import dashboards

    with app.test_request_context("/console/"):
        assert dashboards.number(1234567) == "১২,৩৪,৫৬৭"
        assert dashboards.percent(1, 0) == "–"


AXE = (Path(__file__).parent.parent / "vendor" / "axe.min.js").read_text(encoding="utf-8")


@pytest.mark.browser
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("width", [1280, 390])
def test_charts_are_drawn_and_nothing_is_serious_for_a_screen_reader(chromium, live, width):
    context = chromium.new_context(viewport={"width": width, "height": 900}, bypass_csp=True)
    page, faults = context.new_page(), []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    page.goto(f"{live}/console/")
    page.fill("#username", "supervisor")
    page.fill("input[type=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector(".top nav")
    for path in ("dashboard", "dashboard/offices?period=365&all=1", "dashboard/places?period=365", "figures/open"):
        page.goto(f"{live}/console/{path}")
        page.wait_for_timeout(300)
        for opened in page.locator("details.behind summary").all():
            opened.click()
        page.evaluate(AXE)
        found = page.evaluate("axe.run({resultTypes: ['violations']})")["violations"]
        assert [(v["id"], [n["html"][:100] for n in v["nodes"]][:3]) for v in found if v["impact"] in ("serious", "critical")] == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
    page.goto(f"{live}/console/dashboard")
    page.wait_for_timeout(300)
    assert page.evaluate("Object.keys(Chart.instances).length") == 5
    context.close()
    assert faults == []


def test_exports_are_guarded_audited_and_without_what_the_role_does_not_see(staff, app):
    import csv
    import io

    from openpyxl import load_workbook
    from sqlalchemy import select, update

    from models import Audit, Complaint

    runtime = app.extensions["runtime"]
    with runtime.writing() as db:
        db.execute(update(Complaint).values(place="=1+1", name="@SUM(A1)"))
    tables = {}
    for role in ("supervisor", "monitor"):
        reader = staff(role)
        answer = reader.get("/console/exports/registered.csv?period=365")
        tables[role] = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))
        listed_there = numbers(reader.get("/console/dashboard?period=365").text)["/console/figures/registered?period=365"]
        assert len(tables[role]) == listed_there + 1
        sheet = load_workbook(io.BytesIO(reader.get("/console/exports/registered.xlsx?period=365").data)).active
        assert [[str(cell.value or "") for cell in row] for row in sheet.iter_rows()] == tables[role]
    cells = [cell for row in tables["supervisor"] for cell in row]
    assert "'=1+1" in cells and "'@SUM(A1)" in cells and not any(cell.startswith(("=", "+", "-", "@")) for cell in cells)
    assert not any("SUM" in cell or "60000" in cell for row in tables["monitor"] for cell in row), "a monitor's export names nobody"
    for what in ("overview", "offices", "places"):
        for form in ("csv", "xlsx"):
            assert staff("administrator").get(f"/console/exports/{what}.{form}").status_code == 200
    assert staff("administrator").get("/console/exports/open.csv").status_code == 403
    assert staff("agent").get("/console/exports/open.csv").status_code == 403
    assert staff("supervisor").get("/console/exports/nonsense.csv").status_code == staff("supervisor").get("/console/exports/open.exe").status_code == 404
    with runtime.reading() as db:
        written = [data["what"] for data in db.scalars(select(Audit.data).where(Audit.action == "export"))]
    assert written.count("registered") == 4 and {"overview", "offices", "places"} <= set(written)
