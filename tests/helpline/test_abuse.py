"""Abuse and threats are found in every spelling, and nowhere in what citizens usually write."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from helpline import abuse, examples

BENCH = Path(__file__).parents[2] / "bench"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("তোরা সব হারামজাদা, রাস্তা সারাবি কবে", "abuse"),
        ("tora sob HARAMZADA", "abuse"),
        ("boka choda der office", None),  # two words that the list has as one
        ("bokachodaaa ra kaj koro", "abuse"),
        ("मादरचोद काम करो", "abuse"),
        ("madrchod kaam karo", "abuse"),
        ("you bloody bastards", "abuse"),
        ("তোদের সবাইকে মেরে ফেলব", "threat"),
        ("toder ke mere felbo", "threat"),
        ("तुमको मार डालूंगा", "threat"),
        ("I will burn your office tomorrow, you bastards", "threat"),
        ("আমাকে মেরে ফেলবে বলে হুমকি দিচ্ছে", None),  # who is threatened is no threat
        ("they said they will kill me", None),
        ("রাস্তায় কুকুর, কুত্তার উৎপাত, মানুষকে কামড়ায়", None),
        ("dirty toilet, people shit on the road", None),
        ("", None),
    ],
)
def test_what_is_marked(text, kind):
    found = abuse.find(text)
    assert (found.kind if found else None) == kind


def test_nothing_that_citizens_usually_write():
    texts = [text for name in (examples.COMPLAINTS, examples.MESSAGES) for listed in examples.shipped(name).values() for text in listed]
    for path in BENCH.glob("*.jsonl"):
        texts += [row["text"] for row in map(json.loads, path.read_text(encoding="utf-8").splitlines())]
    assert len(texts) > 1000
    assert [(text, found) for text in texts if (found := abuse.find(text))] == []


def test_every_entry_is_found_as_it_is_written():
    assert {entry.kind for entry in abuse.shipped()} == set(abuse.KINDS)
    for entry in abuse.shipped():
        assert (found := abuse.find(entry.word)) is not None, entry
        assert found.kind == entry.kind
