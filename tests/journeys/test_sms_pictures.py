"""Pictures by MMS and WhatsApp: asked for with the message, fetched by the worker, checked, and among the complaint's papers."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from PIL import Image
from sqlalchemy import delete, select

from carriers.base import Absent, Permanent, Temporary
from carriers.twilio import Twilio, _body
from helpline import acknowledgement, events, media
from helpline.runtime import utc_now
from models import Attachment, Conversation, Event, Media, Outgoing
from simulator.network import sign
from tests.conftest import ACCOUNT_SID, AUTH_TOKEN, PUBLIC_URL
from tests.journeys.test_casework import somebody  # noqa: F401
from tests.journeys.test_sms import only
from tests.journeys.test_sms_answers import all_of


def picture(colour="red", kind="JPEG", side=40):
    file = io.BytesIO()
    Image.new("RGB", (side, side), colour).save(file, kind)
    return (f"image/{kind.lower()}", file.getvalue())


PDF = ("application/pdf", b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\nstartxref\n0\n%%EOF\n")


class Carrier:
    """The simulated carrier's own files, asked for as the worker does, in this process."""

    def __init__(self, network, *troubles):
        self.network, self.troubles, self.asked = network, list(troubles), []

    def fetch_media(self, url, most):
        self.asked.append(url)
        if self.troubles and (trouble := self.troubles.pop(0)):
            raise trouble
        with self.network._client.stream("GET", url, auth=(ACCOUNT_SID, AUTH_TOKEN)) as answer:
            return _body(answer, most)


@pytest.fixture
def fetched(app, network):
    """The worker has been at it; `later`: as of then."""

    def fetch(*troubles, **later):
        carrier = Carrier(network, *troubles)
        media.fetch_due(app.extensions["runtime"], carrier, utc_now() + timedelta(**later))
        return carrier

    return fetch


def kept(app):
    with app.extensions["runtime"].reading() as db:
        return db.scalars(select(Attachment).order_by(Attachment.id)).all()


def asked_for(app):
    with app.extensions["runtime"].reading() as db:
        return db.scalars(select(Media).order_by(Media.key, Media.position)).all()


def test_a_picture_with_a_complaint_is_among_its_papers(app, caller, fetched, somebody):  # noqa: F811
    caller.texts("FILE the road is full of potholes in Barasat", media=[picture(), PDF])
    complaint = only(app)
    assert acknowledgement.display(complaint.ack) in caller.reads, "nothing waits for the picture"
    assert kept(app) == []
    fetched()
    assert [(a.complaint_id, a.content_type, a.purpose) for a in kept(app)] == [(complaint.id, "image/jpeg", "citizen"), (complaint.id, "application/pdf", "citizen")]
    with app.extensions["runtime"].reading() as db:
        event = db.scalars(select(Event).where(Event.action == "attach").order_by(Event.seq)).first()
        assert event.data["files"] == kept(app)[0].sha256
        assert events.broken_links(db.connection(), complaint.id) == []
    desk = somebody("desk", "cell")
    page = desk.get(f"/console/complaints/{complaint.ack}").text
    assert f"/console/attachments/{kept(app)[0].id}/small" in page
    assert "Sent by the citizen" in page
    assert "Picture or document sent by the citizen" in page
    assert "With 2 pictures or documents" in page
    shown = desk.get(f"/console/attachments/{kept(app)[0].id}")
    assert Image.open(io.BytesIO(shown.data)).size == (40, 40)


@pytest.mark.parametrize("early", [True, False])
def test_a_picture_alone_begins_a_complaint_and_asks_what_it_is_about(app, caller, fetched, early):
    caller.texts("", media=[picture()])
    assert "ছবি পেয়েছি" in caller.reads
    assert "সমস্যাটি কী" in caller.reads
    assert (only(app).state, only(app).incomplete) == ("draft", True)
    if early:
        fetched()
    caller.texts("the road is full of potholes in Barasat")
    fetched()
    complaint = only(app)
    assert (complaint.state, complaint.description, complaint.district_code) == ("registered", "the road is full of potholes in Barasat", "303")
    assert [a.complaint_id for a in kept(app)] == [complaint.id]


def test_an_agent_sees_the_picture_of_what_nobody_explained(app, caller, fetched, somebody):  # noqa: F811
    caller.texts("", media=[picture()])
    fetched()
    page = somebody("desk", "cell").get(f"/console/complaints/{only(app).id}")
    assert f"/console/attachments/{kept(app)[0].id}/small" in page.text


def test_words_that_say_nothing_are_kept_with_the_picture(app, caller, fetched):
    caller.texts("see this", media=[picture()])
    assert "What is the problem" in caller.reads
    assert only(app).description == "see this"
    caller.texts("drain overflowing on the road in Barasat")
    assert only(app).state == "registered"


def test_a_second_picture_goes_to_the_complaint_that_was_just_made(app, caller, fetched):
    caller.texts("FILE the road is full of potholes in Barasat").texts("A Sen")
    caller.texts("", media=[picture()])
    assert acknowledgement.display(only(app).ack) in caller.reads
    fetched()
    assert len(kept(app)) == 1


def test_in_a_question_the_picture_is_no_answer(app, caller, fetched):
    caller.texts("FILE the road is full of potholes")
    caller.texts("", media=[picture()])
    assert acknowledgement.display(only(app).ack) in caller.reads
    caller.texts("Barasat")
    assert only(app).district_code == "303"


def test_before_the_yes_the_question_is_asked_again(app, caller):
    caller.texts("amader rasta khub kharap, Raina")
    caller.texts("", media=[picture()])
    assert "ছবি পেয়েছি" in caller.reads
    assert "হ্যাঁ" in caller.reads
    caller.texts("ha")
    assert only(app).state == "registered"


def two(caller):
    caller.texts("FILE the road is full of potholes in Barasat").texts("A Sen")
    caller.texts("FILE no electricity for five days in Kalna").texts("A Sen")


def test_of_two_complaints_it_is_asked_which(app, caller, fetched):
    two(caller)
    caller.texts("", media=[picture()])
    fetched()
    assert kept(app) == []
    caller.texts("2")
    fetched()
    assert [a.complaint_id for a in kept(app)] == [all_of(app)[0].id]


@pytest.mark.parametrize("words", ["ADD here is a photo", "ADD"])
def test_what_is_added_with_a_picture_is_asked_about_once(app, caller, fetched, words):
    two(caller)
    caller.texts(words, media=[picture()])
    assert "Which complaint do you mean?" in caller.reads
    assert "What is the problem" not in caller.reads, "one question at a time"
    assert [c.state for c in all_of(app)] == ["registered", "registered"], "nothing is begun"
    fetched()
    assert kept(app) == []
    caller.texts("2")
    assert "Your picture goes to complaint" in caller.reads
    fetched()
    assert [a.complaint_id for a in kept(app)] == [all_of(app)[0].id]
    with app.extensions["runtime"].reading() as db:
        said = db.scalars(select(Event).where(Event.complaint_id == all_of(app)[0].id, Event.action == "add")).all()
    assert [e.data["text"] for e in said] == ([words.removeprefix("ADD ")] if " " in words else [])


def test_a_picture_is_what_is_to_be_added(app, caller, fetched):
    """ADD and a number, without a word: the picture says it."""
    caller.texts("FILE the road is full of potholes in Barasat").texts("A Sen")
    caller.texts(f"ADD {only(app).ack}", media=[picture()])
    assert "Your picture goes to complaint" in caller.reads
    caller.texts("STATUS")
    fetched()
    assert len(kept(app)) == 1


@pytest.mark.parametrize(("words", "says"), [("FILE the road is full of potholes in Barasat", "Your picture goes to complaint"),
                                             ("शिकायत बारासात में सड़क टूटी है", "शिकायत")])  # fmt: skip
def test_a_picture_without_a_word_is_answered_in_the_language_of_its_complaint(app, caller, words, says):
    caller.texts(words).texts("A Sen")
    with app.extensions["runtime"].writing() as db:
        db.execute(delete(Conversation))
    caller.texts("", media=[picture()])
    assert says in caller.reads


def test_when_nobody_says_which_it_goes_to_the_newest(app, caller, fetched):
    two(caller)
    caller.texts("", media=[picture()])
    fetched(hours=25)
    assert [a.complaint_id for a in kept(app)] == [all_of(app)[1].id]


def test_whatsapp_is_a_way_to_text(app, network, caller, fetched):
    replies = network.text("whatsapp:+919830012345", "FILE the road is full of potholes in Barasat", media=[picture(kind="WEBP")])
    complaint = only(app)
    assert complaint.phone == caller.number
    assert acknowledgement.display(complaint.ack) in replies[0]
    fetched()
    assert len(kept(app)) == 1
    assert acknowledgement.display(complaint.ack) in caller.texts("STATUS").reads, "one citizen, whichever way they write"


def test_delivered_twice_it_is_kept_once(app, network, caller, fetched):
    for _ in range(2):
        network.text(caller.number, "FILE the road is full of potholes in Barasat", "SM" + "4" * 32, media=[picture(), picture("blue")])
        fetched()
    assert len(asked_for(app)) == 2
    assert len(kept(app)) == 2
    network.text(caller.number, "", media=[picture()])
    fetched()
    assert len(kept(app)) == 2, "the same picture, sent once more"


def test_a_carrier_in_trouble_is_asked_again(app, caller, fetched):
    caller.texts("FILE the road is full of potholes in Barasat", media=[picture()])
    fetched(Absent("404"))
    assert (asked_for(app)[0].state, asked_for(app)[0].attempts) == ("pending", 1)
    assert fetched().asked == [], "not at once"
    fetched(Temporary("503"), minutes=1)
    fetched(minutes=5)
    assert len(kept(app)) == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"<html><script>alert(1)</script>", "file_unknown"), (b"\xff\xd8\xff" + b"nonsense", "file_broken"), (b"\xff\xd8\xff" + b"0" * 5_100_000, "file_too_large"),
     (b"", "file_unknown"), (b"OggS voice note", "file_unknown")],
)  # fmt: skip
def test_what_is_no_picture_is_not_kept_and_both_sides_are_told(app, caller, fetched, somebody, content, reason):  # noqa: F811
    caller.texts("FILE the road is full of potholes in Barasat", media=[("image/jpeg", content)])
    fetched()
    fetched()
    assert kept(app) == []
    assert (asked_for(app)[0].state, asked_for(app)[0].reason) == ("refused", reason)
    with app.extensions["runtime"].reading() as db:
        told = db.scalars(select(Outgoing).where(Outgoing.template == "sms.picture_failed")).all()
    assert [message.to_number for message in told] == [caller.number]
    assert "could not be kept" in somebody("desk", "cell").get(f"/console/complaints/{only(app).ack}").text


def post(app, **fields):
    fields = {"MessageSid": "SM" + "8" * 32, "From": "+919830012345", "To": "+913322145555", **fields}
    return app.test_client().post("/sms/incoming", data=fields, headers={"X-Twilio-Signature": sign(PUBLIC_URL + "/sms/incoming", fields, AUTH_TOKEN)})


@pytest.mark.parametrize("url", ["http://169.254.169.254/latest", "https://api.twilio.com@evil.example/x", "file:///etc/passwd", "https://evil.example/a.jpg", "http://api.twilio.com/x", "x"])
def test_nothing_is_fetched_from_anywhere_else(app, url):
    assert post(app, Body="FILE no street light in Barasat", NumMedia="1", MediaUrl0=url, MediaContentType0="image/jpeg").status_code == 200
    carrier = Twilio(account_sid=ACCOUNT_SID, auth_token=AUTH_TOKEN, sender="+913322145555", status_callback="", media_hosts=("media.twiliocdn.com",))
    with pytest.raises(Permanent) as refused:
        carrier.fetch_media(url, 1000)
    assert refused.value.code == "host"
    media.fetch_due(app.extensions["runtime"], carrier, utc_now())
    assert (asked_for(app)[0].state, asked_for(app)[0].reason) == ("refused", "unreachable")


@pytest.mark.parametrize("fields", [{"NumMedia": "x"}, {"NumMedia": "-1"}, {"NumMedia": "999999999999"}, {"NumMedia": "2"}, {"NumMedia": "1", "MediaUrl0": ""}, {"NumMedia": "99", "MediaUrl0": "https://a"}])
def test_nonsense_about_pictures_gets_an_answer(app, fields):
    answer = post(app, Body="", **fields)
    assert answer.status_code == 200
    assert "<Message" in answer.text
    assert len(asked_for(app)) <= 10


def test_a_stranger_adds_no_picture_to_somebody_elses_complaint(app, caller, stranger, fetched):
    caller.texts("FILE the road is full of potholes in Barasat").texts("A Sen")
    ack = only(app).ack
    stranger.texts(f"STATUS {ack} {caller.number[3:]}", media=[picture()])
    fetched()
    assert not any(a.complaint_id == only_of(app, caller).id for a in kept(app))


def only_of(app, caller):
    return next(c for c in all_of(app) if c.phone == caller.number)


def test_stop_with_a_picture_is_a_stop(app, caller, fetched):
    caller.texts("STOP", media=[picture()])
    assert all_of(app) == []
    assert "no more messages" in caller.reads
    fetched()
    assert kept(app) == []
