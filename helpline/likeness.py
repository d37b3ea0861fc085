"""Which of several kinds a text is most like, judged by examples of each: a naive Bayes model over how words sound.

What counts of a text are its words' sounds, their skeletons, the beginnings of both (so that endings do not matter) and pairs
of neighbours; a short text counts as a whole too, and a word nobody knows as the known one that it is a slip away from, or that a
denial was written to. Each example of a kind weighs one, shared out over what counts in it; a thing weighs more the fewer kinds share
it, so that words of every complaint ("our", "since", এখনও) count for little without a list of them. A kind's score is the sum of
log-likelihoods of the text's things under it. More examples, and words learnt later, only add weight.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from functools import lru_cache
from itertools import pairwise

from rapidfuzz import process
from rapidfuzz.distance import OSA

from helpline.sounds import skeleton, sound

_SMOOTHING = 0.05  # the weight that a thing never seen in a kind has there
_FEW = 20  # a kind with fewer examples is not preferred for that
_BEGINNING = 4  # letters
_SLIPS_FROM = 5  # letters of a sound from which on a slip is forgiven
_SHORT = 4  # words
_DENIALS = ("nahi", "nei", "nai", "na", "ni", "নেই", "নাই", "না", "নি", "नहीं")  # written as one with the word before: karentnei, আসেনা


class Likeness:
    """Made of kind → words of each example. A kind `ROAD.LIGHT` belongs to the group `ROAD`. Scores compare within one text only."""

    def __init__(self, examples: Mapping[str, Iterable[Sequence[str]]]) -> None:
        self.kinds = tuple(examples)
        self._groups = [kind.partition(".")[0] for kind in self.kinds]
        texts = [(kind, things(words)) for kind, found in enumerate(examples.values()) for words in found]
        self._weight = _rarity(texts)
        self._mass = _shared_out(texts, self._weight)  # thing → kind → how much of the kind's examples it is
        self._weight = {thing: weight * self._telling(thing) for thing, weight in self._weight.items()}
        self._rarest = max(self._weight.values(), default=1.0)
        sizes = Counter(kind for kind, _ in texts)
        self._base = [-math.log(max(sizes[kind], _FEW) + _SMOOTHING * len(self._mass)) for kind in range(len(self.kinds))]
        self._said = {thing: self._said_by(thing) for thing in self._mass}
        self._alike: dict[tuple[str, int], list[str]] = {}  # first letter and length → sounds
        for thing in self._mass:
            if thing.isalpha():
                self._alike.setdefault((thing[0], len(thing)), []).append(thing)

    def _telling(self, thing: str) -> float:
        """1 for a thing of one group of kinds, near 0 for one that all share alike: by the entropy of its mass over the groups."""
        if len(self._mass[thing]) == 1:
            return 1.0
        by_group: dict[str, float] = {}
        for kind, mass in self._mass[thing].items():
            by_group[self._groups[kind]] = by_group.get(self._groups[kind], 0.0) + mass
        total = sum(by_group.values())
        entropy = -sum(mass / total * math.log(mass / total) for mass in by_group.values())
        return math.sqrt(1 - entropy / math.log(len(set(self._groups)) + 1))

    def _said_by(self, thing: str) -> tuple[tuple[int, float], ...]:
        """What the thing adds to the scores: (kind, value)."""
        weight = self._weight[thing]
        return tuple((kind, weight * math.log1p(mass / _SMOOTHING)) for kind, mass in self._mass[thing].items())

    def having_learnt(self, learnt: Iterable[tuple[str, str, float]]) -> Likeness:
        """The same with `learnt` (word, kind, weight) added; itself where nothing was learnt. They share what was not touched."""
        at = {kind: place for place, kind in enumerate(self.kinds)}
        known = [(word, at[kind], weight) for word, kind, weight in learnt if kind in at]
        if not known:
            return self
        other = copy(self)
        other._weight, other._mass, other._said = dict(self._weight), dict(self._mass), dict(self._said)
        for word, kind, weight in known:
            for thing in _of_word(word):
                masses = other._mass.get(thing, {})
                other._mass[thing] = {**masses, kind: masses.get(kind, 0.0) + weight}
                other._weight.setdefault(thing, self._rarest)
                other._said[thing] = other._said_by(thing)
        return other

    def shares(self, words: Sequence[str]) -> dict[str, float]:
        """Word → its share of what the words tell together; they add up to 1."""
        weights = {word: sum(self._weight.get(thing, self._rarest) for thing in _of_word(word)) for word in words}
        total = sum(weights.values())
        return {word: weight / total for word, weight in weights.items()}

    def scores(self, words: Sequence[str]) -> dict[str, float]:
        """The score of every kind, higher is more like it; empty where nothing of the text is known."""
        scores, known = [0.0] * len(self.kinds), 0.0
        for thing in things(words) | {thing for word in words for thing in self._meant(word)}:
            if (said := self._said.get(thing)) is not None:
                known += self._weight[thing]
                for kind, value in said:
                    scores[kind] += value
        if not known:
            return {}
        return {name: score + known * base for name, score, base in zip(self.kinds, scores, self._base, strict=True)}


    def _meant(self, word: str) -> tuple[str, ...]:
        """What counts of the word that `word` is one slip, or an attached denial, away from, where `word` itself is not known."""
        if not word[:1].isalpha():
            return ()
        heard = sound(word)
        if len(heard) < _SLIPS_FROM or heard in self._said or f"~{skeleton(word)}" in self._said:
            return ()
        if denied := self._denied(word):
            return _of_word(denied)
        alike = [other for length in (len(heard), len(heard) - 1, len(heard) + 1) for other in self._alike.get((heard[0], length), ())]
        near = process.extractOne(heard, alike, scorer=OSA.distance, score_cutoff=1)
        return (near[0], f"{near[0][:_BEGINNING]}*") if near else ()

    def _denied(self, word: str) -> str:
        """The known word in `word`, which a denial was written to; "" where there is none."""
        fronts = (word.removesuffix(denial) for denial in _DENIALS if word.endswith(denial))
        return next((front for front in fronts if len(front) >= _BEGINNING and sound(front) in self._said), "")


def things(words: Sequence[str]) -> set[str]:
    """What counts of a text."""
    found = {thing for word in words for thing in _of_word(word)}
    bones = [skeleton(word) if word[:1].isalpha() else word for word in words]
    found.update(f"{one} {other}" for one, other in pairwise(bones))
    if len(words) <= _SHORT:
        found.add("=" + " ".join(words))
    return found


@lru_cache(maxsize=32768)
def _of_word(word: str) -> tuple[str, ...]:
    if not word[:1].isalpha():
        return (word,)
    heard, bone = sound(word), skeleton(word)
    beginnings = [f"{mark}{form[:_BEGINNING]}*" for mark, form in (("", heard), ("~", bone)) if len(form) > _BEGINNING]
    return (heard, f"~{bone}", *beginnings)


def _rarity(texts: list[tuple[int, set[str]]]) -> dict[str, float]:
    """Thing → a weight that is greater the fewer texts have it."""
    holders = Counter(thing for _, found in texts for thing in found)
    return {thing: 1 + math.log((1 + len(texts)) / (1 + count)) for thing, count in holders.items()}


def _shared_out(texts: list[tuple[int, set[str]]], weight: dict[str, float]) -> dict[str, dict[int, float]]:
    mass: dict[str, dict[int, float]] = {}
    for kind, found in texts:
        total = sum(weight[thing] for thing in found)
        for thing in found:
            masses = mass.setdefault(thing, {})
            masses[kind] = masses.get(kind, 0.0) + weight[thing] / total
    return mass
