"""Words by sound, the classifier, and what it learns from agents' corrections."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from helpline import classify, complaints, examples, learning, worker
from helpline.complaints import Actor, Filing
from helpline.sounds import skeleton, sound
from models import LearntWord

AGENT = Actor("cell", "agent")
CITIZEN = Actor("citizen", "sms")


@pytest.fixture(scope="module", autouse=True)
def _made():
    """Made once: not within the time of one example."""
    classify.shipped()


@pytest.mark.parametrize("words", [
    ("রাস্তা", "rasta", "raasta", "rastha", "रास्ता"), ("অবস্থা", "obostha", "abastha"), ("স্বাস্থ্য", "swasthya", "sastho"), ("কারখানা", "karkhana"),
    ("স্বামী", "swami", "shami"), ("লক্ষ্মী", "lokkhi", "lakshmi"), ("তমলুক", "tamluk", "tomluk"), ("কাঁকর", "kankor"), ("বিদ্যুৎ", "bidyut"), ("शिकायत", "shikayat"),
])  # fmt: skip
def test_one_word_sounds_one_in_every_script(words):
    assert len({skeleton(word) for word in words}) == 1, [skeleton(word) for word in words]


def test_a_tap_is_not_yesterday():
    assert sound("কল") == sound("kol") != sound("কাল") == sound("kal")


@given(st.text(max_size=60))
def test_any_word_has_a_sound(word):
    assert isinstance(sound(word), str)
    assert isinstance(skeleton(word), str)


@given(st.text(max_size=200))
def test_anything_can_be_classified(text):
    found = classify.shipped().classify(text)
    assert len(found.candidates) <= 3
    assert len({c.category for c in found.candidates}) == len(found.candidates)
    assert sum(c.share for c in found.candidates) <= 1.0001


def test_examples_are_of_kinds_that_exist():
    reference = classify.shipped().reference
    shown = examples.shipped(examples.COMPLAINTS)
    assert set(shown) <= set(reference.categories)
    assert {code for code, category in reference.categories.items() if category.parent} <= set(shown)
    assert set(examples.shipped(examples.MESSAGES)) == {"status", "add", "reopen", "rate", "cancel", "private", "language", "stop", "start", "help", "greeting", "unknown", "unknown.call", "greeting.thanks", "file.another"}


def test_small_talk_has_no_category():
    for text in ("", "hm hm", "নমস্কার", "ok thank you", "12345", "হ্যালো হ্যালো"):
        assert classify.shipped().classify(text).candidates == ()


@pytest.mark.parametrize(("text", "code"), [
    ("trasnformer burnt and no electrcity", "ELEC.VOLT"), ("garbge not colected in our lane", "SANI.GARBAGE"), ("scholrship mony not recieved", "EDU.SCHOLAR"),
    ("ট্রান্সফমার পুড়ে গেছে", "ELEC.VOLT"), ("ambulnce did not reach", "HEALTH.AMBULANCE"),
])  # fmt: skip
def test_a_slip_of_the_thumb_is_forgiven(text, code):
    assert classify.shipped().classify(text).code == code


def test_the_likeliest_come_first_and_are_told_how_likely():
    clear = classify.shipped().classify("the street light in our lane does not burn")
    assert clear.code == "ROAD.LIGHT"
    assert clear.candidates[0].share > 0.9
    mixed = classify.shipped().classify("রাস্তার উপর নোংরা জল আর জঞ্জাল")
    assert {c.category for c in mixed.candidates} == {"SANI", "WATER", "ROAD"}
    assert mixed.candidates[0].share < 0.9


def filed(runtime, now, text, code, **facts):
    with runtime.writing() as db:
        filing = Filing(channel="sms", language="bn", phone="+919830012345", description=text, category_code=code, **facts)
        return complaints.file(db, runtime, filing, CITIZEN, now).id


def corrected(runtime, now, complaint_id, code):
    with runtime.writing() as db:
        complaints.act(db, runtime, complaint_id, "categorise", AGENT, now, {"category": code})
    worker.take_in_changes(runtime, now)
    learning.look_again()


UNHEARD = "our gizmodrome frobnicates badly"


def test_a_correction_teaches_words_that_were_not_known(runtime, now):
    assert learning.classifier(runtime).classify(UNHEARD).code != "TRANS.BUS"
    corrected(runtime, now, filed(runtime, now, UNHEARD, "OTHER"), "TRANS.BUS")
    assert learning.classifier(runtime).classify("the gizmodrome frobnicates").code == "TRANS.BUS"
    assert classify.shipped().classify("the gizmodrome frobnicates").code != "TRANS.BUS"


def test_one_correction_does_not_override_what_is_known_well(runtime, now):
    known = "কলে জল আসে না"
    corrected(runtime, now, filed(runtime, now, known, "WATER.NONE"), "EDU.TEACHER")
    assert learning.classifier(runtime).classify(known).code == "WATER.NONE"
    assert learning.classifier(runtime).classify("তিন দিন কলে জল নেই").code == "WATER.NONE"


def test_corrected_again_only_the_last_word_counts(runtime, now):
    complaint_id = filed(runtime, now, UNHEARD, "OTHER")
    corrected(runtime, now, complaint_id, "TRANS.BUS")
    corrected(runtime, now, complaint_id, "AGRI.INPUT")
    worker.take_in_changes(runtime, now)
    with runtime.reading() as db:
        kept = db.execute(select(LearntWord.word, LearntWord.category_code)).all()
    assert {code for _, code in kept} == {"AGRI.INPUT"}
    assert {word for word, _ in kept} >= {"gizmodrome", "frobnicates"}


def test_citizens_and_names_teach_nothing(runtime, now):
    complaint_id = filed(runtime, now, "Zebunnessa of Quillonpara: gizmodrome frobnicates 9830012345", "OTHER", name="Zebunnessa Bibi", place="Quillonpara")
    with runtime.writing() as db:
        complaints.act(db, runtime, complaint_id, "complete", CITIZEN, now, {"category": "TRANS.BUS"})
    worker.take_in_changes(runtime, now)
    with runtime.reading() as db:
        assert db.scalar(select(LearntWord.word)) is None
    corrected(runtime, now, complaint_id, "ROAD.LIGHT")
    with runtime.reading() as db:
        assert not {"zebunnessa", "quillonpara", "9830012345"} & set(db.scalars(select(LearntWord.word)))


def test_what_was_learnt_is_looked_at_again_only_now_and_then(runtime, now, monkeypatch):
    before = learning.classifier(runtime)
    complaint_id = filed(runtime, now, UNHEARD, "OTHER")
    with runtime.writing() as db:
        complaints.act(db, runtime, complaint_id, "categorise", AGENT, now, {"category": "TRANS.BUS"})
    worker.take_in_changes(runtime, now)
    assert learning.classifier(runtime) is before
    later = time.monotonic() + learning.LOOK_EVERY + 1
    monkeypatch.setattr(learning.time, "monotonic", lambda: later)
    assert learning.classifier(runtime) is not before


def test_a_store_that_is_away_leaves_the_shipped_words(runtime, now, monkeypatch):
    from sqlalchemy.exc import OperationalError

    def away(_runtime):
        raise OperationalError("", {}, Exception())

    monkeypatch.setattr(learning, "_newest", away)
    learning.look_again()
    assert learning.classifier(runtime).classify("street light not working").code == "ROAD.LIGHT"
    learning.look_again()
