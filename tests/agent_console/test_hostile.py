"""Addresses and fields that nobody's browser makes: an answer in every case, never a fault of ours."""

from __future__ import annotations

import pytest

from helpline.logs import set_up
from tests.agent_console.test_console import filed  # noqa: F401 - a fixture

HUGE = ("9999999999999999999", "9" * 25, "²", "-1", "٣", "1e9", "0x1", "", "%00")


PAGES = (
    "/console/complaints/{}", "/console/new?draft={}", "/console/new?callback={}", "/console/recordings/{}", "/console/complaints?before={}&tab=overdue",
    "/console/complaints?before=x-{}&tab=overdue", "/console/complaints?before={}&tab=all", "/console/complaints/newer?since={}", "/console/registered/{}",
    "/console/complaints?q={}", "/console/complaints?district={}&tab=all", "/console/dashboard?district={}", "/console/complaints/{}/timeline",
)  # fmt: skip


@pytest.mark.parametrize("role", ["agent", "cell"])
def test_pages(staff, filed, role):  # noqa: F811
    somebody = staff(role)
    for path in PAGES:
        for value in HUGE:
            assert somebody.get(path.format(value)).status_code < 500, path.format(value)


def test_forms(staff, filed):  # noqa: F811
    cell, administrator = staff("cell"), staff("administrator")
    for value in HUGE:
        for path, form in (
            (f"/console/complaints/{filed.ack}/assign", {"owner": value}),
            (f"/console/complaints/{filed.ack}/note", {"text": "x", "version": value}),
            (f"/console/complaints/{filed.ack}/rate", {"rating": value}),
            (f"/console/complaints/{filed.ack}/name_officer", {"officer": value}),
            (f"/console/complaints/{filed.ack}/ask", {"question": "x", "version": value}),
            ("/console/new/draft", {"draft": value, "phone": "9830012345"}),
            ("/console/new", {"draft": value, "callback": value, "phone": value}),
            (f"/console/messages/{value}/again", {}),
            (f"/console/messages/{value}/rang", {"outcome": "told"}),
        ):
            assert cell.post(path, form).status_code < 500, (path, value)
        for path in (f"/console/accounts/{value}/reset", f"/console/accounts/{value}/unlock", f"/console/accounts/{value}"):
            assert administrator.post(path, {}).status_code < 500, path


def test_four_thousand_bengali_letters_are_looked_up_without_an_address(staff):
    agent, words = staff("agent"), "রাস্তা ভাঙা " * 330
    form = {"phone": "9830012345", "name": "Test", "description": words}
    answer = agent.post("/console/new/similar", form)
    assert answer.status_code == 200
    assert 'data-code="ROAD' in answer.text
    assert agent.post("/console/new/caller", form).status_code == 200
    assert agent.get("/console/new/similar").status_code == 405
    assert agent.get("/console/new/caller").status_code == 405


def test_a_fault_of_ours_is_a_page_and_a_log_line_without_values(app, staff, monkeypatch, capsys):
    agent = staff("agent")
    set_up(app.extensions["runtime"].config)  # as a process does: lines go to its standard error

    def fails(*_args, **_values):
        raise RuntimeError("quoted +919830012345")

    monkeypatch.setattr("agent_console.intake.render_template", fails)
    answer = agent.get("/console/new")
    assert answer.status_code == 500
    assert "<h1>" in answer.text
    said = capsys.readouterr().err
    assert "RuntimeError" in said
    assert "test_hostile.py" in said
    assert "9830012345" not in said
