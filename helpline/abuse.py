"""Abusive, obscene or threatening words: marked for a supervisor to look at, while the message is acted on like any other.

The list is `reference/abuse.csv`, to be reviewed by those who speak the languages. Words are compared by how they sound
(`helpline.sounds`), so that one spelling stands for all of them in three scripts; longer ones also without their weak vowels.
A threat is a sentence in the first person: who tells that *they* are threatened ("মেরে ফেলবে") is not marked.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from helpline import examples
from helpline.config import ROOT
from helpline.sounds import skeleton, sound

KINDS = ("threat", "abuse")
_FROM = 5  # letters of a skeleton from which on it is telling by itself
_FILE = ROOT / "reference" / "abuse.csv"


@dataclass(frozen=True)
class Found:
    kind: str  # one of KINDS
    word: str  # as the list has it


Heard = tuple[str, ...]


def find(text: str) -> Found | None:
    """The gravest thing that `text` says, or None."""
    words = [word for word in examples.words(text) if word[:1].isalpha()]
    said = [(sound(word), skeleton(word)) for word in words]
    found = [entry for at, word in enumerate(words) for entry in _beginning(said, at) if not _is_everyday(word, entry)]
    return min(found, key=lambda entry: KINDS.index(entry.kind), default=None)


def _beginning(said: list[tuple[str, str]], at: int) -> Iterator[Found]:
    """What the list has that begins with the word at `at`."""
    for phrase, entry in _by_first().get(said[at][0], ()):
        if tuple(heard for heard, _ in said[at : at + len(phrase)]) == phrase:
            yield entry
    if (single := _by_skeleton().get(said[at][1])) is not None:
        yield single


@lru_cache(maxsize=1)
def shipped() -> tuple[Found, ...]:
    """The list, as it is shipped."""
    return tuple(entry for entry in _rows() if entry.kind in KINDS)


def _rows() -> Iterator[Found]:
    """Rows of a kind, a language and any number of wordings; of the kind `everyday` are words that only sound like one of the list."""
    with _FILE.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield from (Found(row["kind"], word.strip()) for word in row["words"].split("|"))


@lru_cache(maxsize=1)
def _by_first() -> dict[str, tuple[tuple[Heard, Found], ...]]:
    known: dict[str, tuple[tuple[Heard, Found], ...]] = {}
    for entry in shipped():
        phrase = tuple(sound(word) for word in examples.words(entry.word))
        known[phrase[0]] = (*known.get(phrase[0], ()), (phrase, entry))
    return known


def _is_everyday(word: str, entry: Found) -> bool:
    """A single word of the list that sounds as an everyday one does (ছুটি, আসলে) counts only as it is written."""
    return " " not in entry.word and word != entry.word and sound(word) in _everyday()


@lru_cache(maxsize=1)
def _everyday() -> frozenset[str]:
    shown = [text for listed in examples.shipped(examples.CORRECTIONS).values() for text in listed]
    shown += [entry.word for entry in _rows() if entry.kind not in KINDS]
    return examples.everyday_sounds() | {sound(word) for text in shown for word in examples.words(text)}


@lru_cache(maxsize=1)
def _by_skeleton() -> dict[str, Found]:
    """Single words long enough to be told without their weak vowels, unless an everyday word sounds so too."""
    everyday = {skeleton(word) for word in examples.everyday_words() if word[:1].isalpha()}
    single = ((skeleton(entry.word), entry) for entry in shipped() if len(entry.word.split()) == 1)
    return {bone: entry for bone, entry in single if len(bone) >= _FROM and bone not in everyday}
