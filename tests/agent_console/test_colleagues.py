"""Fields that take a person of the staff: found by typing a name, an office or a district."""

from __future__ import annotations

import html
import re

import pytest
from sqlalchemy import select

from models import User
from tests.agent_console.conftest import accounts, live, staff  # noqa: F401
from tests.journeys.test_browser_casework import browses, three  # noqa: F401
from tests.journeys.test_casework import BARASAT, act, only, somebody, told  # noqa: F401


def offered(page: str, name: str) -> list[str]:
    """What the list of the field `name` offers, in its order."""
    field = re.search(rf'<input[^>]*name="{name}"[^>]*list="([^"]+)"', page)
    assert field, f"{name} is no field that is typed into"
    listed = re.search(rf'<datalist id="{field[1]}">(.*?)</datalist>', page, re.S)[1]
    return [html.unescape(value) for value in re.findall(r'<option value="([^"]*)"', listed)]


@pytest.fixture
def several(app, somebody):  # noqa: F811
    """(the desk, officers of the roads in North 24 Parganas, above it, beside it and of the water in Bankura)."""
    for username, office in (("far", "phe.305"), ("beside", "pwd.305"), ("above", "pwd"), ("here", BARASAT)):
        somebody(username, "officer", office)
    return somebody("desk", "cell")


def owner(app) -> str | None:
    with app.extensions["runtime"].reading() as db:
        return db.scalar(select(User.username).where(User.id == only(app).owner_id))


def test_those_of_the_complaints_office_are_offered_first(app, several, told):  # noqa: F811
    page = several.get(f"/console/complaints/{told}").text
    assert offered(page, "owner") == [
        "Test here · Public Works, North 24 Parganas · here", "Test above · Public Works, head office · above", "Test desk · Grievance cell · desk",
        "Test beside · Public Works, Bankura · beside", "Test far · Public Health Engineering, Bankura · far",
    ]  # fmt: skip
    assert "বাঁকুড়া" in page, "in the other language too"


@pytest.mark.parametrize("typed", ["Test beside · Public Works, Bankura · beside", "Test beside · পূর্ত দপ্তর, বাঁকুড়া · beside", "beside", " test BESIDE "])
def test_what_means_one_person_is_taken(app, several, told, typed):  # noqa: F811
    assert act(several, app, told, "assign", owner=typed).status_code == 302
    assert owner(app) == "beside"


def test_words_that_fit_one_person_are_asked_about_and_taken_when_sent_again(app, several, told):  # noqa: F811
    asked = act(several, app, told, "assign", owner="works bankura")
    assert (asked.status_code, owner(app)) == (422, None)
    assert "Is this the person?" in asked.text
    filled_in = html.unescape(re.search(r'<input[^>]*name="owner"[^>]*value="([^"]+·[^"]+)"', asked.text)[1])
    assert act(several, app, told, "assign", owner=filled_in).status_code == 302
    assert owner(app) == "beside"


def test_words_that_fit_several_name_them(app, several, told):  # noqa: F811
    asked = act(several, app, told, "assign", owner="বাঁকুড়া")
    assert asked.status_code == 422
    told_them = re.search(r'role="alert">(.*?)</div>', asked.text, re.S)[1]
    assert "beside" in told_them and "far" in told_them and "here" not in told_them
    assert 'value="বাঁকুড়া"' in asked.text, "what was typed is kept"
    (form, answer), *_ = re.findall(r'<button[^>]*form="([^"]+)" name="owner_is" value="(\d+)">[^<]*beside<', told_them)
    assert form == "form-assign"
    assert act(several, app, told, "assign", owner="বাঁকুড়া", owner_is=answer).status_code == 302
    assert owner(app) == "beside"
    nobody = act(several, app, told, "assign", owner="<script>alert(1)")
    assert nobody.status_code == 422
    assert "Nobody of that name" in nobody.text and "<script>alert(1)" not in nobody.text


@pytest.mark.parametrize("typed", ["বাকুড়া", "জনস্বাস্থ্য বাঁকুরা", "টেস্ট ফার"])
def test_what_sounds_like_a_name_or_a_district_finds_it(app, several, told, typed):  # noqa: F811
    asked = act(several, app, told, "assign", owner=typed)
    assert asked.status_code == 422
    told_them = re.search(r'role="alert">(.*?)</div>', asked.text, re.S)[1]
    assert "· far" in told_them and "· here" not in told_them
    assert "Nobody of that name" in act(several, app, told, "assign", owner="· ?").text


def test_a_deputy_is_found_the_same_way(app, several, somebody):  # noqa: F811
    officer = somebody("mine", "officer", BARASAT)
    page = officer.get("/console/absence").text
    assert offered(page, "deputy")[:2] == ["Test here · Public Works, North 24 Parganas · here", "Test above · Public Works, head office · above"]
    days = {"absent_from": "2026-12-01", "absent_until": "2026-12-02"}
    asked = officer.post("/console/absence", days | {"deputy": "bankura"})
    assert asked.status_code == 422
    assert 'value="2026-12-02"' in asked.text and "far" in asked.text
    assert officer.post("/console/absence", days | {"deputy": "Test here"}).status_code == 302
    page = officer.get("/console/absence").text
    assert 'value="Test here · Public Works, North 24 Parganas · here"' in page
    assert officer.post("/console/absence", days | {"deputy": "mine"}).status_code == 422, "nobody is their own deputy"
    assert officer.post("/console/absence", days | {"deputy": ""}).status_code == 302
    with app.extensions["runtime"].reading() as db:
        assert db.scalar(select(User.deputy_id).where(User.username == "mine")) is None


def test_many_at_once_too(app, several, told):  # noqa: F811
    chosen = {"chosen": str(only(app).id), "action": "assign", "preview": "1"}
    several_fit = several.post("/console/bulk", chosen | {"owner": "bankura"}).text
    assert "beside" in several_fit and "far" in several_fit
    page = several.post("/console/bulk", chosen | {"owner": "Test here"}).text
    assert 'value="Test here · Public Works, North 24 Parganas · here"' in page
    form = dict(re.findall(r'<input type="hidden" name="(token|chosen|owner)" value="([^"]*)"', page))
    several.post("/console/bulk/do", form | {"action": "assign"})
    assert owner(app) == "here"


def test_whom_the_complaint_names_and_those_below_are_not_offered(app, several, told):  # noqa: F811
    assert act(several, app, told, "name_officer", officer="here").status_code == 302
    page = several.get(f"/console/complaints/{told}").text
    assert [line.rpartition(" ")[2] for line in offered(page, "owner")] == ["above", "beside", "desk", "far"]
    assert "here" not in [line.rpartition(" ")[2] for line in offered(page, "officer")], "named already"
    for typed in ("here", "Test here · Public Works, North 24 Parganas · here"):
        refused = act(several, app, told, "assign", owner=typed)
        assert (refused.status_code, owner(app)) == (422, None)
        assert "whoever the complaint names" in refused.text, "not: nobody of that name"
    several_fit = act(several, app, told, "assign", owner="public works").text
    told_them = re.search(r'role="alert">(.*?)</div>', several_fit, re.S)[1]
    assert "beside" in told_them and "· here" not in told_them
    many = several.post("/console/bulk", {"chosen": str(only(app).id), "action": "assign"}).text
    assert "here" not in [line.rpartition(" ")[2] for line in offered(many, "owner")]


@pytest.mark.browser
@pytest.mark.xdist_group("browser")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("width", [1280, 390])
def test_from_the_keyboard(app, live, browses, three, several, width):  # noqa: F811
    page = browses("cell", width)
    page.goto(f"{live}/console/complaints/{three[0].ack}")
    page.locator("details[data-action=assign] > summary").press("Enter")
    page.keyboard.press("Tab")
    field = page.get_by_role("combobox", name="Officer")
    assert field.evaluate("one => one === document.activeElement")
    assert "office or district" in page.locator(f"#{field.get_attribute('aria-describedby')}").inner_text()
    page.keyboard.type("beside")
    page.keyboard.press("Enter")
    page.wait_for_selector(".case-clocks :text('Test beside')")
