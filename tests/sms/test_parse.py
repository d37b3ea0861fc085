from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import corpus
from helpline import acknowledgement
from sms.keywords import parse, understand

NOW = datetime(2026, 11, 23, tzinfo=UTC)
INTENTS = {"file", "status", "add", "reopen", "rate", "cancel", "language", "stop", "start", "help", "greeting", "unknown", "confirm", "deny"}


def test_the_corpus_is_understood():
    scores = corpus.sms_scores()
    assert scores["intent"].share() >= 0.97, scores["intent"].misses
    assert scores["ack"].share() >= 0.99
    assert scores["category"].share() >= 0.97, scores["category"].misses
    assert scores["district"].share() >= 0.93


def test_speech_is_understood():
    scores = corpus.speech_scores()
    assert scores["category"].share() >= 0.95, scores["category"].misses
    assert scores["first three"].share() >= 0.97


@given(st.text(max_size=300), st.sampled_from([None, "confirm_file", "place", "name", "feedback", "details"]))
def test_anything_can_be_read(text, awaiting):
    assert parse(text, awaiting=awaiting).intent in INTENTS
    assert understand(text)["intent"] in INTENTS


@pytest.mark.parametrize("word", ["yes", "YES", "ha", "হ্যাঁ", "1", "১", "हाँ"])
def test_a_yes_means_something_only_when_asked(word):
    assert parse(word, awaiting="confirm_file").intent == "confirm"
    assert parse(word).intent != "confirm"


@pytest.mark.parametrize("text", ["our hospital has no help for patients", "please stop the illegal sand mining in the river", "bus does not stop here any more"])
def test_keywords_inside_a_complaint_are_words(text):
    assert parse(text).intent == "file"


def test_a_number_is_found_in_any_dress():
    ack = acknowledgement.generate(NOW)
    bengali = ack.translate(str.maketrans("0123456789", "০১২৩৪৫৬৭৮৯"))
    for text in (ack, acknowledgement.display(ack), f"STATUS{ack}", f"no.{ack[:3]}-{ack[3:7]}-{ack[7:]}!", bengali, f"status\n{ack[:3]}\n{ack[3:7]} {ack[7:]}"):
        assert parse(text).ack == ack, text


def test_telephone_and_aadhaar_numbers_are_no_acknowledgement_numbers():
    for text in ("9830012345", "234567890123", "713101", "+91 98300 12345"):
        assert parse(f"STATUS {text}").ack is None
