"""Proof of an action taken, documents of a caller, and reports that say the same under many complaints."""

from __future__ import annotations

import html
import io
import re
from datetime import timedelta

import pytest
from PIL import Image
from sqlalchemy import event, select, text
from sqlalchemy.orm import Session

from helpline import attachments, closures
from models import Attachment, ClosingText, Event
from tests.journeys.test_casework import BARASAT, act, filed, only, somebody, told  # noqa: F401

PDF = b"%PDF-1.4\n1 0 obj\n<</Type/Catalog>>\nendobj\nxref\n0 1\ntrailer\n<</Root 1 0 R>>\nstartxref\n9\n%%EOF\n"
REPORT = "The holes were filled and rolled on Monday"


def photo(kind: str = "JPEG", size: tuple[int, int] = (900, 600)) -> bytes:
    """A photo that says where it was taken."""
    image, file = Image.new("RGB", size, "green"), io.BytesIO()
    exif = image.getexif()
    exif[0x010F] = "Camera of the test"
    exif.get_ifd(0x8825)[1] = "N"
    image.save(file, kind, exif=exif)
    return file.getvalue()


def heic(size: tuple[int, int] = (300, 200)) -> bytes:
    """The same as an iPhone writes it: HEVC, lying on its side, with the place."""
    import pillow_heif

    image, file = Image.new("RGB", size, "green"), io.BytesIO()
    exif = image.getexif()
    exif[0x0112], exif[0x010F] = 6, "Camera of the test"
    exif.get_ifd(0x8825)[1] = "N"
    pillow_heif.from_pillow(image).save(file, exif=exif.tobytes())
    return file.getvalue()


def resolve(person, app, ack, *files, report=REPORT):
    fields = {"version": only(app).last_seq, "report": report, "csrf_token": person.token(), "files": [(io.BytesIO(c), name) for name, c in files]}
    return person.client.post(f"/console/complaints/{ack}/resolve", data=fields, content_type="multipart/form-data")


@pytest.fixture
def officer(app, told, somebody):  # noqa: F811
    person = somebody("barasat", "officer", BARASAT)
    assert act(person, app, told, "accept").status_code == 302
    return person


def test_a_report_with_photos_and_a_pdf(app, told, officer, somebody):  # noqa: F811
    answer = resolve(officer, app, told, ("../../etc/before.jpg", photo()), ("after.png", photo("PNG")), ("bill.pdf", PDF))
    assert answer.status_code == 302
    with app.extensions["runtime"].reading() as db:
        rows = db.scalars(select(Attachment).order_by(Attachment.id)).all()
        event = db.scalars(select(Event).where(Event.action == "resolve")).one()
    assert [row.name for row in rows] == ["before.jpg", "after.png", "bill.pdf"]
    assert event.data["files"].split() == [row.sha256 for row in rows], "the chain of events covers the proof"
    page = somebody("desk", "cell").get(f"/console/complaints/{told}").text
    assert f"/console/attachments/{rows[0].id}/small" in page
    shown = officer.get(f"/console/attachments/{rows[0].id}")
    with Image.open(io.BytesIO(shown.data)) as kept:
        assert (kept.format, kept.size, dict(kept.getexif())) == ("JPEG", (900, 600), {})
    assert b"Camera" not in shown.data
    document = officer.get(f"/console/attachments/{rows[2].id}")
    assert document.data == PDF
    assert document.headers["Content-Disposition"].startswith("attachment")
    assert "sandbox" in document.headers["Content-Security-Policy"]
    stranger = somebody("water", "officer", "phe.303")
    assert stranger.get(f"/console/attachments/{rows[0].id}").status_code == 404


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("photo.jpg", b"<script>alert(1)</script>", "not a photo or PDF"),
        ("photo.jpg", photo()[:3000], "cannot be opened"),
        ("photo.gif", b"GIF89a" + b"\0" * 100, "not a photo or PDF"),
        ("report.pdf", b"%PDF-1.4 and nothing more", "cannot be opened"),
        ("report.pdf", PDF.replace(b"<</Type", b"<</OpenAction<</S/JavaScript/JS(x)>>/Type"), "not a photo or PDF"),
        ("big.pdf", PDF + b"0" * 400_000, "too large"),
    ],
    ids=["script", "cut off", "gif", "only a beginning", "with a script", "big"],
)
def test_what_is_no_photo_and_no_pdf_is_refused_and_the_report_is_kept(app, told, officer, name, content, says):  # noqa: F811
    object.__setattr__(app.extensions["runtime"].config.attachments, "max_bytes", 300_000)
    answer = resolve(officer, app, told, (name, content))
    assert answer.status_code == 422
    assert says in answer.text
    assert REPORT in answer.text
    assert only(app).state == "in_progress"


def carried(answer):
    return html.unescape(re.search(r'name="carried" value="([^"]+)"', answer.text)[1])


@pytest.mark.parametrize("first", ["too short", "somebody was quicker"])
def test_photos_of_a_report_that_had_to_be_given_again_are_not_lost(app, told, officer, somebody, first):  # noqa: F811
    seen = only(app).last_seq
    if first == "somebody was quicker":
        act(somebody("desk", "cell"), app, told, "note", text="The mayor called about this")
    fields = {"version": seen, "report": "Done" if first == "too short" else REPORT, "csrf_token": officer.token(), "files": (io.BytesIO(photo()), "after.jpg")}
    answer = officer.client.post(f"/console/complaints/{told}/resolve", data=fields, content_type="multipart/form-data")
    assert answer.status_code == (422 if first == "too short" else 409)
    assert "need not be chosen again: after.jpg" in answer.text
    again = {"version": only(app).last_seq, "report": REPORT, "carried": carried(answer)}
    assert officer.post(f"/console/complaints/{told}/resolve", again).status_code == 302
    with app.extensions["runtime"].reading() as db:
        row = db.scalars(select(Attachment)).one()
        assert (row.name, row.purpose, row.seq) == ("after.jpg", "proof", only(app).last_seq)
        assert db.scalars(select(Event).where(Event.action == "resolve")).one().data["files"] == row.sha256


def test_kept_files_are_good_for_one_action_of_one_person_and_once(app, told, officer, somebody):  # noqa: F811
    answer = resolve(officer, app, told, ("after.jpg", photo()), report="Done")
    token, desk = carried(answer), somebody("desk", "cell")
    for person, action in ((officer, "note"), (desk, "note"), (desk, "resolve")):
        act(person, app, told, action, text="look", report="x", carried=token)
    act(officer, app, told, "resolve", report="x", carried=token[:-2] + "aa")
    with app.extensions["runtime"].reading() as db:
        assert db.scalars(select(Attachment)).all() == []
    assert act(officer, app, told, "resolve", report=REPORT, carried=token).status_code == 302
    act(desk, app, told, "reopen", reason="not solved")
    act(officer, app, told, "resolve", report=REPORT + " again", carried=token)
    with app.extensions["runtime"].reading() as db:
        assert len(db.scalars(select(Attachment)).all()) == 1


def test_as_many_files_as_allowed_those_kept_among_them(app, told, officer):  # noqa: F811
    answer = resolve(officer, app, told, *[(f"{n}.jpg", photo()) for n in range(6)], report="Done")
    fields = {"version": only(app).last_seq, "report": REPORT, "csrf_token": officer.token(), "carried": carried(answer), "files": (io.BytesIO(photo()), "7.jpg")}
    refused = officer.client.post(f"/console/complaints/{told}/resolve", data=fields, content_type="multipart/form-data")
    assert (refused.status_code, "too many files" in refused.text) == (422, True)
    assert "5.jpg" in refused.text


def test_a_photo_of_an_iphone_is_kept_as_jpeg(app, told, officer):  # noqa: F811
    assert resolve(officer, app, told, ("IMG_0001.HEIC", heic())).status_code == 302
    with app.extensions["runtime"].reading() as db:
        row = db.scalars(select(Attachment)).one()
    shown = officer.get(f"/console/attachments/{row.id}")
    with Image.open(io.BytesIO(shown.data)) as kept:
        assert (kept.format, sorted(kept.size), dict(kept.getexif())) == ("JPEG", [200, 300], {})
        assert kept.convert("RGB").getpixel((50, 50))[1] > 100, "the picture itself is there"
    assert officer.get(f"/console/attachments/{row.id}/small").status_code == 200


@pytest.mark.parametrize("broken", [lambda whole: whole[:600], lambda whole: whole[:28] + b"\xff" * 400, lambda whole: whole[:12] + b"\0" * 60])
def test_a_broken_photo_of_an_iphone_is_refused(app, broken):
    content = broken(heic())
    with pytest.raises(attachments.Refused, match="file_broken"):
        attachments.check(app.extensions["runtime"], [("IMG_0001.HEIC", content)])


def test_a_photo_of_an_iphone_of_too_many_pixels_is_refused(app):
    object.__setattr__(app.extensions["runtime"].config.attachments, "max_pixels", 50_000)
    with pytest.raises(attachments.Refused, match="file_too_large"):
        attachments.check(app.extensions["runtime"], [("IMG_0001.HEIC", heic())])


def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded(app):
    with pytest.raises(attachments.Refused):
        attachments.check(app.extensions["runtime"], [("wall.png", photo("PNG", (10_000, 5_001)))])


def test_where_a_proof_is_required_a_report_alone_is_not_enough(app, told, officer, caller):  # noqa: F811
    rules = app.extensions["runtime"].config.attachments
    object.__setattr__(rules, "proof_categories", ("ROAD",))
    refused = resolve(officer, app, told)
    assert refused.status_code == 422
    assert "Photos or PDF" in refused.text
    assert resolve(officer, app, told, ("after.jpg", photo())).status_code == 302
    assert only(app).state == "resolved"


def test_an_agent_adds_a_document_for_a_caller(app, told, somebody):  # noqa: F811
    agent = somebody("phones", "agent")
    fields = {"version": only(app).last_seq, "text": "Her ration card", "csrf_token": agent.token(), "files": (io.BytesIO(photo("WEBP")), "card.webp")}
    assert agent.client.post(f"/console/complaints/{told}/add", data=fields, content_type="multipart/form-data").status_code == 302
    with app.extensions["runtime"].reading() as db:
        assert db.scalars(select(Attachment)).one().purpose == "document"


def test_hashes_given_by_the_form_are_not_believed(app, told, somebody):  # noqa: F811
    act(somebody("phones", "agent"), app, told, "note", text="look", files="ab" * 32)
    with app.extensions["runtime"].reading() as db:
        assert "files" not in db.scalars(select(Event).where(Event.action == "note")).one().data


def test_the_same_report_under_two_complaints_is_shown_to_the_desk(app, told, officer, caller, somebody):  # noqa: F811
    second = filed(caller, app, "FILE deep potholes on the road near the market, Barasat")
    resolve(officer, app, told)
    assert officer.post(f"/console/complaints/{second.ack}/accept").status_code == 302
    assert officer.post(f"/console/complaints/{second.ack}/resolve", {"report": f"  {REPORT.upper()}!! "}).status_code == 302
    page = somebody("boss", "supervisor").get(f"/console/complaints/{second.ack}").text
    assert "The very same report was given for 1 other complaint" in page
    assert told in page
    assert "very same report" not in officer.get(f"/console/complaints/{second.ack}").text
    with app.extensions["runtime"].reading() as db:
        first = only(app)
        assert closures.same_text(db, first.id).count == 1
        assert [row.count for row in closures.repeated(db, first.created_at, at_least=2)] == [2]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_repeated_reports_of_the_last_weeks_are_found_without_reading_years(app, told, officer):  # noqa: F811
    """Among the reports of twenty thousand days, as PostgreSQL plans it once it knows how they lie."""
    resolve(officer, app, told)
    first, asked = only(app), []
    runtime = app.extensions["runtime"]
    kept = [ClosingText(complaint_id=first.id, seq=1000 + n, text_hash=f"{n % 5000:064}", at=first.created_at - timedelta(days=n)) for n in range(20_000)]
    with Session(runtime.engine) as db:  # closed without a commit: nothing of it stays
        db.add_all(kept)
        db.flush()
        db.execute(text("ANALYZE closing_texts"))
        event.listen(runtime.engine, "before_cursor_execute", lambda *seen: asked.append(seen[2:4]))
        closures.repeated(db, first.created_at - timedelta(days=28))
        (statement, values), *_ = asked
        assert "ix_closing_texts_at" in str(db.connection().exec_driver_sql(f"EXPLAIN {statement}", values).all())
