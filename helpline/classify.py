"""What a complaint is about: words and phrases of every script, compared by sound, weighed by how much they tell.

Every keyword of `reference/categories.csv` becomes a phrase of sounds (`text.sound`), so রাস্তা, rasta and रास्ता are one.
A phrase weighs more the longer it is and the fewer sub-categories share it. Words for bribes outrank their subject; weak
keywords count only when nothing stronger matched.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from rapidfuzz import fuzz, process

from helpline import text as texts
from helpline.reference import Reference

# Endings a Bengali, Hindi or English noun takes, by sound, longest first.
_ENDINGS = ("gulir", "guli", "gula", "der", "eder", "ader", "tar", "tir", "ta", "ti", "te", "ke", "er", "r", "e", "i", "s", "t", "k", "me", "ki", "ka")
_MIN_STEM = 3
_FUZZY_MIN = 5
_FUZZY_CUTOFF = 88
_SHORT_SOUND = 3
_WEAK = 0.15
_BRIBE_FACTOR = 3.0
_MAX_TOKENS = 400
Phrase = tuple[str, ...]


@dataclass(frozen=True)
class Classification:
    category: str | None  # top level
    subcategory: str | None
    score: float
    ranked: tuple[str, ...]  # top-level codes, best first
    urgent: bool
    scores: tuple[float, ...] = ()  # of `ranked`, in its order


class Classifier:
    def __init__(self, reference: Reference) -> None:
        self.reference = reference
        self._phrases: dict[Phrase, dict[str, float]] = {}
        self._weak: dict[Phrase, dict[str, float]] = {}
        self._collect()
        self._first: dict[str, list[tuple[Phrase, bool]]] = defaultdict(list)
        for table, is_weak in ((self._phrases, False), (self._weak, True)):
            for phrase in table:
                self._first[phrase[0]].append((phrase, is_weak))
        self._vocabulary = sorted({word for phrase in self._phrases for word in phrase if len(word) >= _FUZZY_MIN})

    def classify(self, text: str) -> Classification:
        """The most likely category of `text`; all None where nothing in it tells."""
        strong, weak = self._match(_sounds(text))
        scores = self._scores(strong)
        for code, value in self._scores(weak).items():
            scores[code] = scores.get(code, 0.0) + (value * _WEAK if scores else value)
        return self._best(scores)

    def _best(self, scores: dict[str, float]) -> Classification:
        tops: dict[str, float] = defaultdict(float)
        for code, value in scores.items():
            top = code.partition(".")[0]
            tops[top] = max(tops[top], value) + 0.25 * min(tops[top], value)
        ranked = tuple(sorted(tops, key=lambda code: -tops[code]))
        if not ranked:
            return Classification(None, None, 0.0, (), urgent=False)
        best = max((c for c in scores if c.partition(".")[0] == ranked[0]), key=lambda c: (scores[c], c.count(".")))
        category = self.reference.categories[best]
        sub = best if "." in best else None
        return Classification(ranked[0], sub, tops[ranked[0]], ranked, category.priority == "urgent", tuple(tops[code] for code in ranked))

    def _scores(self, found: dict[Phrase, dict[str, float]]) -> dict[str, float]:
        scores: dict[str, float] = defaultdict(float)
        for codes in found.values():
            for code, weight in codes.items():
                scores[code] += weight
        for code in list(scores):
            top = code.partition(".")[0]
            if top != code and top in scores:
                scores[code] += 0.5 * scores[top]
        return dict(scores)

    def _match(self, words: list[Word]) -> tuple[dict[Phrase, dict[str, float]], dict[Phrase, dict[str, float]]]:
        """Every known phrase in `words` (each word: its possible sounds); of overlapping ones the longer counts."""
        strong: dict[Phrase, dict[str, float]] = {}
        weak: dict[Phrase, dict[str, float]] = {}
        for start in range(len(words)):
            for sounds in self._candidates(words[start].sounds):
                for phrase, is_weak in self._first.get(sounds, ()):
                    if self._continues(phrase, words, start) and self._is_written_so(phrase, words[start]):
                        table = self._weak if is_weak else self._phrases
                        (weak if is_weak else strong)[phrase] = table[phrase]
        return _without_parts(strong), weak

    def _is_written_so(self, phrase: Phrase, word: Word) -> bool:
        """A short sound alone is too little to go by (মাস, মশা): then the word must be spelt as a keyword is, or a little longer."""
        if len(phrase) > 1 or len(phrase[0]) > _SHORT_SOUND:
            return True
        return any(word.written.startswith(known) and len(word.written) - len(known) <= 3 for known in self._spellings[phrase])

    def _continues(self, phrase: Phrase, words: list[Word], start: int) -> bool:
        if start + len(phrase) > len(words):
            return False
        return all(part in self._candidates(words[start + i].sounds) for i, part in enumerate(phrase) if i)

    def _candidates(self, sounds: tuple[str, ...]) -> tuple[str, ...]:
        if any(sound in self._known for sound in sounds) or len(sounds[0]) < _FUZZY_MIN:
            return sounds
        near = self._near(sounds[0])
        return (*sounds, near) if near else sounds

    @property
    def _known(self) -> frozenset[str]:
        known = self.__dict__.get("_known_words")
        if known is None:
            tables = (self._phrases, self._weak)
            known = frozenset(word for table in tables for phrase in table for word in phrase)
            self.__dict__["_known_words"] = known
        return known

    def _near(self, sound: str) -> str | None:
        cache: dict[str, str | None] = self.__dict__.setdefault("_near_words", {})
        if sound not in cache:
            if len(cache) > 20_000:
                cache.clear()
            hit = process.extractOne(sound, self._vocabulary, scorer=fuzz.ratio, score_cutoff=_FUZZY_CUTOFF)
            cache[sound] = hit[0] if hit and hit[0][0] == sound[0] else None
        return cache[sound]

    def _collect(self) -> None:
        self._spellings: dict[Phrase, set[str]] = defaultdict(set)
        owners: dict[Phrase, set[str]] = defaultdict(set)
        weak: dict[Phrase, set[str]] = defaultdict(set)
        for category in self.reference.categories.values():
            for kind, keywords in category.keywords.items():
                for keyword in keywords:
                    phrase = tuple(texts.sound(word) for word in texts.tokens(texts.normalise(keyword)))
                    if phrase and all(phrase):
                        self._spellings[phrase].add(texts.normalise(keyword))
                        (weak if kind == "weak" else owners)[phrase].add(category.code)
        self._phrases = {phrase: _weights(phrase, codes) for phrase, codes in owners.items()}
        self._weak = {phrase: _weights(phrase, codes) for phrase, codes in weak.items() if phrase not in owners}


def _weights(phrase: Phrase, codes: set[str]) -> dict[str, float]:
    """Longer phrases and phrases of fewer categories tell more; a sub-category's own word tells more than its parent's."""
    tops = {code.partition(".")[0] for code in codes}
    weight = (1.0 + 1.2 * (len(phrase) - 1) + min(sum(map(len, phrase)), 12) / 12) / (1 + math.log(len(tops)))
    factor = {code: _BRIBE_FACTOR if code == "CORR.BRIBE" else 1.0 for code in codes}
    return {code: weight * factor[code] * (1.15 if "." in code else 1.0) for code in codes}


def _without_parts(found: dict[Phrase, dict[str, float]]) -> dict[Phrase, dict[str, float]]:
    """Leave out phrases that are part of a longer one that was found too."""
    longer = [phrase for phrase in found if len(phrase) > 1]
    return {p: codes for p, codes in found.items() if not any(p != q and _contains(q, p) for q in longer)}


def _contains(whole: Phrase, part: Phrase) -> bool:
    return any(whole[i : i + len(part)] == part for i in range(len(whole) - len(part) + 1))


@dataclass(frozen=True)
class Word:
    written: str
    sounds: tuple[str, ...]  # its own first, then without endings


def _sounds(text: str) -> list[Word]:
    words = texts.tokens(texts.normalise(text[:4000]))[:_MAX_TOKENS]
    return [Word(word, _forms(word)) for word in words]


@lru_cache(maxsize=32768)
def _forms(word: str) -> tuple[str, ...]:
    """The word's sound, and what is left of it without a case ending."""
    whole = texts.sound(word)
    return tuple(dict.fromkeys([whole, *_stems(whole)]))


def _stems(sound: str) -> Iterator[str]:
    for ending in _ENDINGS:
        stem = sound.removesuffix(ending)
        if stem != sound and len(stem) >= _MIN_STEM:
            yield stem.rstrip("a") or stem


@lru_cache(maxsize=1)
def shipped() -> Classifier:
    """The classifier of the shipped reference data, for the command line."""
    return Classifier(Reference.from_csv(Path(__file__).resolve().parent.parent / "reference"))


def describe(text: str) -> dict[str, object]:
    """What `flask classify` prints for `text`."""
    from helpline.places import find_place

    classifier = shipped()
    found = classifier.classify(text)
    place = find_place(text, classifier.reference)
    return {
        "text": text,
        "lang": texts.language_tag(text),
        "category": found.category,
        "subcategory": found.subcategory,
        "ranked": list(found.ranked[:3]),
        "district": place.district_code,
    }
