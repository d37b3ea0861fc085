from __future__ import annotations

import re

import pytest
from babel.dates import format_date
from sqlalchemy import event, select

from helpline import acknowledgement
from helpline.runtime import utc_now
from helpline.sla import IST
from models import Complaint, Outgoing, Phone, Recording
from models.direct import Direct
from tests.conftest import ONE_STORE

BENGALI_DIGITS = str.maketrans("0123456789", "০১২৩৪৫৬৭৮৯")


def only(app, **where):
    with app.extensions["runtime"].reading() as db:
        rows = db.scalars(select(Complaint)).all()
        assert len(rows) == 1
        return rows[0]


def files(caller):
    """A whole filing in Bengali: drinking water, no supply, by PIN code."""
    caller.dials().presses("1", "1", "2", "1").speaks("তিন দিন ধরে কলে জল নেই")
    return caller.presses("1", "1", "713101", "1").speaks("মিনা").presses("1", "1")


def test_a_caller_files_in_bengali_and_hears_the_number_twice(app, caller):
    files(caller)
    complaint = only(app)
    assert complaint.state == "registered"
    assert not complaint.incomplete
    assert (complaint.category_code, complaint.district_code, complaint.pincode) == ("WATER.NONE", "306", "713101")
    assert (complaint.language, complaint.channel, complaint.phone) == ("bn", "voice", "+919830012345")
    said = caller.last_said
    spoken = "".join(re.findall(r"[০-৯]", said.split("অভিযোগ নম্বর:")[1]))
    assert spoken[:22] == complaint.ack.translate(str.maketrans("0123456789", "০১২৩৪৫৬৭৮৯")) * 2
    with app.extensions["runtime"].reading() as db:
        assert acknowledgement.display(complaint.ack) in db.scalars(select(Outgoing)).one().body
        assert {r.purpose for r in db.scalars(select(Recording))} == {"problem", "name"}


def test_every_bengali_word_is_spoken_by_a_bengali_voice(caller):
    files(caller)
    for heard in caller.call.heard:
        if heard.who == "helpline" and re.search("[\u0980-\u09ff]", heard.text):
            assert heard.voice.startswith("Google.bn-IN")


def test_a_known_number_is_greeted_in_its_language_and_offered_its_status(app, caller):
    files(caller).hangs_up()
    caller.dials()
    assert caller.heard("একটি অভিযোগ আমাদের কাছে আছে", "bn")
    complaint = only(app)
    assert not any("জনস্বাস্থ্য" in text for text, _ in caller.said), "nothing of its content is said unasked"
    caller.presses("1")
    assert caller.heard("পর্যালোচনাধীন")
    assert complaint.ack


def test_a_stranger_with_the_number_needs_the_mobile_number_too(app, caller, stranger):
    files(caller).hangs_up()
    ack = only(app).ack
    stranger.dials().presses("2", "2", ack)
    assert "mobile number" in stranger.last_said
    stranger.presses("9434099999")
    assert "do not match" in stranger.last_said
    stranger.presses("9830012345")
    assert "under review" in stranger.last_said


@pytest.fixture
def asked(app, monkeypatch):
    """Every question put to the store, as its statement."""
    questions: list[str] = []
    ask, write = Direct.execute, Direct.write
    monkeypatch.setattr(Direct, "execute", lambda db, statement, *given: questions.append(str(statement)) or ask(db, statement, *given))
    monkeypatch.setattr(Direct, "write", lambda db, writes, **how: questions.extend(str(one) for one, _ in writes) or write(db, writes, **how))
    event.listen(app.extensions["runtime"].engine, "before_cursor_execute", lambda _c, _cursor, statement, *_: questions.append(statement))
    return questions


def test_a_stranger_cannot_tell_from_the_work_whether_a_number_exists(app, caller, stranger, asked):
    """The same questions to the store and the same words: so also the same time."""
    files(caller).hangs_up()
    stranger.texts("LANG EN")
    ways = []
    for ack in (only(app).ack, acknowledgement.generate(utc_now())):
        asked.clear()
        said = [stranger.texts(f"STATUS {ack}").reads]
        stranger.dials().presses("2", ack, "9434099999")
        said.append(stranger.last_said)
        stranger.hangs_up()
        ways.append((said, list(asked)))
    (one, work), (other, no_work) = ways
    assert one == other
    assert work == no_work
    assert len(work) > 10


def test_a_wrong_digit_is_caught_before_any_look_up(app, caller, stranger):
    files(caller).hangs_up()
    ack = only(app).ack
    stranger.dials().presses("2", "2", ack[:-1] + str((int(ack[-1]) + 1) % 10))
    assert "A digit of that complaint number" in stranger.last_said


def test_cut_off_after_keys_leaves_a_draft(app, caller):
    caller.dials().presses("1", "1", "2", "1").hangs_up()
    complaint = only(app)
    assert (complaint.state, complaint.category_code, complaint.ack) == ("draft", "WATER.NONE", None)
    assert complaint.incomplete


@pytest.mark.parametrize("when", ["during", "after"])
def test_cut_off_after_speaking_is_a_registered_complaint(app, caller, when):
    caller.dials().presses("1", "1", "1", "1")
    if when == "during":
        caller.hangs_up(saying="রাস্তা ভেঙে গেছে")
    else:
        caller.speaks("রাস্তা ভেঙে গেছে").hangs_up()
    complaint = only(app)
    assert (complaint.state, complaint.incomplete) == ("registered", True)
    with app.extensions["runtime"].reading() as db:
        assert db.scalars(select(Outgoing)).one().template == "notify.registered_incomplete"


def test_silence_is_asked_again_and_at_last_offered_a_person(caller):
    caller.dials().presses("2").waits()
    assert "did not hear" in caller.last_said
    caller.waits()
    assert "with the keys" in caller.last_said
    caller.waits()
    assert "A person will help you" in caller.last_said


def test_nobody_at_the_desk_means_a_message_which_is_a_complaint(app, caller):
    caller.dials().presses("2", "0").speaks("please ring me about my pension")
    complaint = only(app)
    assert (complaint.state, complaint.incomplete) == ("registered", True)
    assert "complaint number is" in caller.last_said


def test_speech_is_a_shortcut_confirmed_by_a_key(app, caller):
    caller.dials().presses("2", "1").speaks("street light is not working", "en")
    assert "Street light" in caller.last_said
    caller.presses("1").hangs_up()
    assert only(app).category_code == "ROAD.LIGHT"


def test_a_broad_word_leads_to_its_kinds(app, caller):
    caller.dials().presses("2", "1").speaks("road", "en")
    assert "Which problem is it?" in caller.last_said
    assert "Potholes" in caller.last_said
    caller.presses("1").hangs_up()
    assert only(app).category_code == "ROAD.POTHOLE"


def test_when_unsure_the_likely_ones_are_offered(app, caller):
    caller.dials().presses("1", "1").speaks("রাস্তা জল আলো কিছুই নেই")
    assert "আপনি কোনটির কথা বলছেন?" in caller.last_said
    assert "এর কোনওটি না হলে" in caller.last_said
    offered = caller.last_said.split("\n")
    caller.presses("2")
    assert caller.heard("বিপ শব্দের পরে")
    caller.hangs_up()
    assert only(app).category_code.partition(".")[0] in {"SANI", "WATER", "ROAD"}
    assert len(offered) >= 4


def test_none_of_the_likely_ones_is_the_list_again(app, caller):
    caller.dials().presses("1", "1").speaks("রাস্তা জল আলো কিছুই নেই")
    last = re.findall(r"এর কোনওটি না হলে, ([০-৯]) টিপুন", caller.last_said)[-1]
    caller.presses(last.translate(str.maketrans("০১২৩৪৫৬৭৮৯", "0123456789")))
    assert "আপনার অভিযোগ কী নিয়ে?" in caller.last_said


def test_words_that_mean_nothing_are_asked_again_and_at_last_lead_to_a_person(caller):
    caller.dials().presses("2", "1").speaks("hm hm", "en")
    assert "did not understand" in caller.last_said
    caller.speaks("hm hm", "en").speaks("hm hm", "en")
    assert "A person will help you" in caller.last_said


@ONE_STORE
@pytest.mark.parametrize(("word", "code"), [("এক", "ROAD"), ("দুই", "WATER"), ("ek", "ROAD"), ("number three", "ELEC"), ("২", "WATER"), ("दो", "WATER")])
def test_a_spoken_number_is_a_key(app, caller, word, code):
    caller.dials().presses("1", "1").speaks(word).hangs_up()
    assert only(app).category_code == code


def to_the_place(caller, language="1"):
    return caller.dials().presses(language, "1", "1", "1").speaks("রাস্তা ভাঙা").presses("1")


@pytest.mark.parametrize("spoken", ["তমলুক", "Tamluk", "আমাদের গ্রাম তমলুকে"])
def test_a_place_is_said_and_confirmed_by_a_key(app, caller, spoken):
    to_the_place(caller).speaks(spoken)
    assert "আমরা বুঝেছি" in caller.last_said
    assert "পূর্ব মেদিনীপুর" in caller.last_said
    caller.presses("1")
    assert "আপনার নাম বলুন" in caller.last_said
    caller.hangs_up()
    assert only(app).district_code == "317"


def test_a_name_of_two_districts_is_asked(app, caller):
    to_the_place(caller).speaks("বর্ধমান")
    assert "পূর্ব বর্ধমান জেলার জন্য, ১ টিপুন" in caller.last_said
    caller.presses("2").hangs_up()
    complaint = only(app)
    assert (complaint.district_code, complaint.place) == ("704", "বর্ধমান")


def test_an_unclear_place_goes_on_for_an_agent_to_complete(app, caller):
    to_the_place(caller).speaks("ওই যে বড় বটগাছের পাশে")
    assert "জায়গাটি ঠিক বোঝা গেল না" in caller.last_said
    assert "আপনার নাম বলুন" in caller.last_said
    caller.speaks("মিনা").presses("1", "1").hangs_up()
    complaint = only(app)
    assert (complaint.district_code, complaint.place, complaint.incomplete) == (None, "ওই যে বড় বটগাছের পাশে", True)
    assert complaint.state == "registered"


def test_a_misread_place_is_asked_again(app, caller):
    to_the_place(caller).speaks("তমলুক").presses("2")
    assert "জায়গাটি কোথায়?" in caller.last_said
    caller.presses("1", "713101", "1").hangs_up()
    assert only(app).district_code == "306"


def test_the_status_comes_first_and_no_date_is_promised_for_what_is_done(app, caller, now):
    from helpline import complaints
    from helpline.complaints import Actor

    files(caller).hangs_up()
    caller.dials().presses("1")
    told = caller.last_said
    assert told.index("পর্যালোচনাধীন") < told.index("সম্ভাব্য তারিখ") < told.index("অভিযোগ নম্বর")
    due = only(app).due_at.astimezone(IST)
    assert f"সম্ভাব্য তারিখ {format_date(due, 'd MMMM y', 'bn')}".translate(BENGALI_DIGITS) in told
    caller.hangs_up()
    runtime, complaint = app.extensions["runtime"], only(app)
    with runtime.writing() as db:
        complaints.act(db, runtime, complaint.id, "review", Actor("cell", "agent"), now)
        complaints.act(db, runtime, complaint.id, "resolve", Actor("cell", "agent"), now, {"report": "The road was repaired today"})
        complaints.act(db, runtime, complaint.id, "confirm", Actor("citizen", "voice"), now)
    caller.dials().presses("2", complaint.ack)
    assert "নিষ্পত্তি হয়েছে" in caller.last_said
    assert "সম্ভাব্য তারিখ" not in caller.last_said


def test_no_date_that_has_passed_is_promised(app, caller, now):
    from datetime import timedelta

    from sqlalchemy import update

    files(caller).hangs_up()
    with app.extensions["runtime"].writing() as db:
        db.execute(update(Complaint).values(due_at=now - timedelta(days=40)))
    caller.dials().presses("1")
    assert "পর্যালোচনাধীন" in caller.last_said
    assert "সম্ভাব্য তারিখ" not in caller.last_said


def test_the_language_can_be_changed(app, caller):
    caller.dials().presses("2", "7", "3")
    assert caller.heard("नई शिकायत", "hi")
    with app.extensions["runtime"].reading() as db:
        assert db.get(Phone, "+919830012345").language == "hi"


def test_a_withheld_number_keys_in_a_contact(app, network):
    from simulator.driver import Caller

    hidden = Caller(network, "anonymous").dials().presses("2", "1", "1", "1").speaks("road", "en")
    hidden.presses("1", "3").speaks("R", "en").presses("1", "12345#")
    assert "does not look like a telephone number" in hidden.last_said
    hidden.presses("9830077777#", "1")
    assert only(app).phone == "+919830077777"


def test_after_resolution_the_caller_says_no_and_it_goes_to_the_next_senior(app, caller, now):
    from helpline import complaints
    from helpline.complaints import Actor

    files(caller).hangs_up()
    runtime, complaint = app.extensions["runtime"], only(app)
    with runtime.writing() as db:
        desk = Actor("cell", "agent")
        complaints.act(db, runtime, complaint.id, "review", desk, now)
        complaints.act(db, runtime, complaint.id, "resolve", desk, now, {"report": "The pump was repaired today"})
    caller.dials().presses("1", "2")
    assert "ঊর্ধ্বতন আধিকারিক" in caller.last_said
    assert (only(app).state, only(app).level) == ("reopened", 3)
