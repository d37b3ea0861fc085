"""Example wordings of complaints and messages (`reference/*_examples.csv`), and the words of a text that can tell anything."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import lru_cache

import regex

from helpline import text as texts
from helpline.config import ROOT
from helpline.sounds import sound

COMPLAINTS, INDIRECT, MESSAGES, CORRECTIONS = "complaint_examples.csv", "indirect_examples.csv", "message_examples.csv", "correction_examples.csv"
_TOKEN = regex.compile(r"[\p{L}\p{M}]+|\d+|\?")
_TELLING_NUMBERS = frozenset({"100", "102", "108"})  # days of work, ambulances
_MAX_TEXT = 4000
_MAX_WORDS = 200


def words(text: str) -> list[str]:
    """The words of `text` that can tell, and question marks: folded, without numbers save those that name something."""
    found = _TOKEN.findall(texts.normalise(text[:_MAX_TEXT]))
    return [word for word in found if not word.isdigit() or word in _TELLING_NUMBERS][:_MAX_WORDS]


@lru_cache(maxsize=4)
def shipped(name: str) -> Mapping[str, tuple[str, ...]]:
    """Kind → examples of it, from a file of `reference/` with two columns and any number of rows a kind."""
    found: dict[str, tuple[str, ...]] = {}
    with (ROOT / "reference" / name).open(encoding="utf-8", newline="") as file:
        for kind, listed in list(csv.reader(file))[1:]:
            found[kind] = (*found.get(kind, ()), *listed.split("|"))
    return found


@lru_cache(maxsize=1)
def everyday_words() -> frozenset[str]:
    """Every word in the examples, as it is written."""
    shown = (text for name in (COMPLAINTS, MESSAGES) for listed in shipped(name).values() for text in listed)
    return frozenset(word for text in shown for word in words(text))


@lru_cache(maxsize=1)
def everyday_sounds() -> frozenset[str]:
    """Their sounds."""
    return frozenset(map(sound, everyday_words()))
