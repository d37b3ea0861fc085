"""The printed report: its numbers are the dashboards', in both languages; months that are none are refused."""

from __future__ import annotations

import re
from datetime import timedelta
from types import SimpleNamespace

import pypdfium2
import pytest

from agent_console import report, texts
from helpline.figures import meaning, reading
from helpline.runtime import utc_now
from tests.conftest import demonstration_store

pytestmark = pytest.mark.xdist_group("demonstration")


def words(content):
    document = pypdfium2.PdfDocument(content)
    pages = [document[n] for n in range(len(document))]
    texts = [page.get_textpage() for page in pages]
    said = " ".join(text.get_text_range() for text in texts)
    for opened in (*texts, *pages, document):
        opened.close()
    return said


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request, tmp_path):
    return demonstration_store(request.param, request, tmp_path, utc_now(), count=160, seed=2)


def test_the_numbers_of_the_month(app, staff):
    runtime, now = app.extensions["runtime"], utc_now()
    last = meaning.today(now).replace(day=1) - timedelta(days=1)
    said = words(report.make(runtime, last.replace(day=1), "en", now))
    with runtime.reading() as session:
        total = reading.Reader(session.connection(), report.WHOLE_STATE, reading.Choice(last.replace(day=1), last, meaning.today(now))).total()
    assert f"Registered {total['registered']}" in " ".join(said.split())
    assert f"{100 * total['kept'] / total['judged']:.1f} %" in said
    assert len(words(report.make(runtime, last.replace(day=1), "bn", now))) > 500
    answer = staff("monitor").get(f"/console/report/{last:%Y-%m}.pdf")
    assert (answer.status_code, answer.mimetype, answer.data[:5]) == (200, "application/pdf", b"%PDF-")
    assert staff("monitor").get("/console/report/nonsense.pdf").status_code == 404
    assert staff("agent").get(f"/console/report/{last:%Y-%m}.pdf").status_code == 403
    assert f"/console/report/{last:%Y-%m}.pdf" in staff("supervisor").get("/console/dashboard").text


def test_every_page_says_what_it_is_of_and_no_word_is_broken(app):
    runtime, now = app.extensions["runtime"], utc_now()
    last = meaning.today(now).replace(day=1) - timedelta(days=1)
    made = report.make(runtime, last.replace(day=1), "en", now)
    document = pypdfium2.PdfDocument(made)
    assert len(document) > 1
    for n in range(len(document)):
        page = document[n]
        text = page.get_textpage()
        said = " ".join(text.get_text_range().split())
        assert said.endswith(f"{texts.month(last, 'en')} · page {n + 1}")
        assert not re.search(r"Registere\b", said)
        text.close()
        page.close()
    document.close()
    assert "Whole state" in words(made)


def test_whoever_sees_a_part_gets_a_report_that_says_of_what(app):
    runtime, now = app.extensions["runtime"], utc_now()
    last = (meaning.today(now).replace(day=1) - timedelta(days=1)).replace(day=1)
    officer = SimpleNamespace(id=1, role="officer", office_code="pwd.303", department_code=None, district_code=None)
    assert "Only: Public Works, North 24 Parganas" in words(report.make(runtime, last, "en", now, officer))
    limited = SimpleNamespace(id=1, role="supervisor", office_code=None, department_code="phe", district_code="305")
    assert "Only: Public Health Engineering, Bankura" in words(report.make(runtime, last, "en", now, limited))


def test_a_month_that_has_not_begun_has_no_report(app, staff):
    coming = (meaning.today(utc_now()).replace(day=28) + timedelta(days=7)).strftime("%Y-%m")
    assert staff("monitor").get(f"/console/report/{coming}.pdf").status_code == 404
    assert app.test_cli_runner().invoke(args=["report", "--month", coming]).exit_code == 1


@pytest.mark.parametrize("text", ["2026-13", "october", "", "2026/10"])
def test_what_is_no_month(text):
    assert report.month_of(text) is None


def test_from_the_command_line(app, tmp_path):
    runner = app.test_cli_runner()
    made = tmp_path / "r.pdf"
    assert runner.invoke(args=["report", "--month", "2026-10", "--language", "en", "--out", str(made)]).exit_code == 0
    assert made.read_bytes().startswith(b"%PDF-")
    assert runner.invoke(args=["report", "--month", "x"]).exit_code == 1
