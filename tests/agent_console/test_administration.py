"""Administration: reference data row by row and as CSV, where a complaint would go, accounts and absences."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from models import Audit, User


@pytest.fixture
def administrator(staff):
    return staff("administrator")


def test_a_row_is_changed_seen_everywhere_and_put_back(app, administrator):
    runtime = app.extensions["runtime"]
    page = administrator.get("/console/reference/categories/row?code=ROAD").text
    form = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page)) | {"code": "ROAD", "name_en": "Bad roads", "default_priority": "high", "do": "set"}
    assert administrator.post("/console/reference/categories/row", form).status_code == 302
    assert (runtime.reference.categories["ROAD"].name("en"), runtime.reference.categories["ROAD"].priority) == ("Bad roads", "high")
    assert "Bad roads" in administrator.get("/console/reference/categories?q=roads").text
    assert "Poor road conditions" in administrator.get("/console/reference/categories/row?code=ROAD").text  # in its history
    administrator.post("/console/reference/categories/row", {"code": "ROAD", "do": "revert"})
    assert runtime.reference.categories["ROAD"].name("en") == "Poor road conditions"


def test_what_does_not_fit_is_refused_with_the_reason(app, administrator):
    answer = administrator.post("/console/reference/routes/row", {"category_code": "ROAD", "office_code": "nowhere"})
    assert answer.status_code == 422
    assert "office_code nowhere is unknown" in answer.text
    assert administrator.post("/console/reference/offices/row", {"code": "cmo", "do": "remove"}).status_code == 422
    assert administrator.get("/console/reference/nonsense").status_code == 404


def test_a_rule_of_routing_is_explained(app, administrator):
    asked = "/console/routing?category=ROAD.POTHOLE&district=305"
    assert "pwd.305" in administrator.get(asked).text
    assert administrator.post("/console/reference/routes/row", {"category_code": "ROAD", "district_code": "305", "office_code": "prd.305"}).status_code == 302
    page = administrator.get(asked).text
    assert "prd.305" in page
    assert "By the rule ROAD/305/*" in page


def test_csv_is_shown_before_it_is_taken_in(app, administrator):
    runtime = app.extensions["runtime"]
    text = administrator.get("/console/reference/holidays.csv").data.decode()
    changed = text + "2026-11-30,+,A day off,ছুটি\n"

    def sends(**more):
        return administrator.client.post("/console/reference/holidays.csv", data={"csrf_token": administrator.token(), **more})

    page = sends(file=(io.BytesIO(changed.encode()), "holidays.csv"))
    assert "1 row would change" in page.text
    monday = datetime(2026, 11, 30, 6, 30, tzinfo=UTC)
    assert runtime.calendar.is_working_time(monday)
    assert sends(text=changed, confirm="1").status_code == 302
    assert not runtime.calendar.is_working_time(monday)
    faulty = sends(file=(io.BytesIO(b"date,change\n2026-13-01,+\n"), "x.csv"))
    assert faulty.status_code == 422
    assert "the column name_en is missing" in faulty.text
    assert sends(text=text + "2026-99-99,+,x,x\n", confirm="1").status_code == 422
    with runtime.reading() as db:
        assert len(db.scalars(select(Audit.id).where(Audit.action == "reference.holidays")).all()) == 1


def test_hostile_reference_data_is_only_text(app, administrator):
    row = {"category_code": "", "district_code": "", "local_body_code": "", "office_code": "<script>alert(1)</script>"}
    assert "<script>alert(1)" not in administrator.post("/console/reference/routes/row", row).text


def test_an_account_gets_an_office_a_limit_and_a_deputy(app, staff, administrator):
    runtime = app.extensions["runtime"]
    with runtime.reading() as db:
        keys = {u.username: u.id for u in db.scalars(select(User))}
    path = f"/console/accounts/{keys['officer']}"
    values = {"name": "Test officer", "role": "officer", "office": "phe.305", "phone": "98300 12345", "absent_from": "2026-12-01", "absent_until": "2026-12-05"}
    assert administrator.post(path, values | {"office": "nowhere"}).status_code == 422
    assert administrator.post(path, values | {"absent_until": "2026-11-05"}).status_code == 422
    assert administrator.post(path, values | {"deputy": str(keys["supervisor"])}).status_code == 302
    with runtime.reading() as db:
        user = db.get(User, keys["officer"])
        assert (user.office_code, user.phone, user.deputy_id) == ("phe.305", "+919830012345", keys["supervisor"])
        assert user.absent_until == datetime(2026, 12, 5, 18, 30, tzinfo=UTC)  # the last day is one of absence
    assert "2026-12-05" in administrator.get(path).text
    own = administrator.post(f"/console/accounts/{keys['administrator']}", {"name": "x", "role": "agent"})
    assert own.status_code == 422  # nobody takes the last administrator's rights by mistake


def test_everybody_tells_their_own_absence(app, staff):
    officer = staff("officer")
    assert officer.post("/console/absence", {"absent_from": "2026-12-01", "absent_until": "2026-12-02"}).status_code == 302
    assert "2026-12-02" in officer.get("/console/absence").text
    assert officer.post("/console/absence", {"absent_from": "yesterday"}).status_code == 422


def test_an_account_is_found_by_either_name(staff):
    administrator = staff("administrator")
    found = administrator.get("/console/accounts?q=test CELL").text
    assert ">cell</a>" in found and ">agent</a>" not in found
    assert ">officer</a>" in administrator.get("/console/accounts?q=offic").text
    assert "no account of that name" in administrator.get("/console/accounts?q=%25").text
