"""The printed report: its numbers are the dashboards', in both languages; months that are none are refused."""

from __future__ import annotations

from datetime import timedelta

import pypdfium2
import pytest

from agent_console import report
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


@pytest.mark.parametrize("text", ["2026-13", "october", "", "2026/10"])
def test_what_is_no_month(text):
    assert report.month_of(text) is None


def test_from_the_command_line(app, tmp_path):
    runner = app.test_cli_runner()
    made = tmp_path / "r.pdf"
    assert runner.invoke(args=["report", "--month", "2026-10", "--language", "en", "--out", str(made)]).exit_code == 0
    assert made.read_bytes().startswith(b"%PDF-")
    assert runner.invoke(args=["report", "--month", "x"]).exit_code == 1
