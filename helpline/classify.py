"""What a complaint is about: which sub-category's examples and keywords it is most like (`helpline.likeness`).

One classifier for the telephone, the text line and the on-call form. It knows the keywords of the categories, the example
wordings of `reference/complaint_examples.csv`, and what agents' corrections have taught (`helpline.learning`). Messages that are
no complaint (a question for the status, an opt-out; `reference/message_examples.csv`) are kinds beside them, so that the text
line can ask which of all a message is most like.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from statistics import fmean
from typing import Any

from helpline import examples
from helpline import text as texts
from helpline.examples import words
from helpline.likeness import Likeness
from helpline.places import find_place
from helpline.reference import Category, Reference, as_shipped

FIRST_FEW = 3
# In the scores' unit, where one telling word makes some 10 to 30; fitted on the corpora.
TOLD, HINTED = 70.0, 34.0  # how clearly a subject stands out: surely, and perhaps
_HANDICAP = {"OTHER": 15.0}  # the last resort
_SHARPNESS = 0.08  # turns differences of scores into shares of certainty
_KINDS_OF_KEYWORDS = ("en", "bn", "bn_latn", "hi", "hi_latn")
Learnt = Iterable[tuple[str, str, float]]  # word, category, weight


@dataclass(frozen=True)
class Candidate:
    code: str  # the likeliest sub-category of its category; the category where that has none
    share: float  # 0 to 1, how certain among all categories

    @property
    def category(self) -> str:
        return self.code.partition(".")[0]


@dataclass(frozen=True)
class Classification:
    candidates: tuple[Candidate, ...]  # of different categories, best first, at most three; empty where nothing tells
    urgent: bool
    told: float = 0.0  # how clearly a subject stands out: `Reading.told`

    @property
    def category(self) -> str | None:
        """The top level."""
        return self.candidates[0].category if self.candidates else None

    @property
    def subcategory(self) -> str | None:
        code = self.candidates[0].code if self.candidates else ""
        return code if "." in code else None

    @property
    def code(self) -> str | None:
        """The sub-category, or the category alone where nothing finer is known."""
        return self.candidates[0].code if self.candidates else None


@dataclass(frozen=True)
class Reading:
    """What a text is like: `complaints` by category code and `messages` by intent, each with its score."""

    complaints: Mapping[str, float]
    messages: Mapping[str, float]

    @property
    def told(self) -> float:
        """How clearly a subject of complaints stands out among all of them; about 20 where there is none, 170 in a complaint."""
        return max(self.complaints.values()) - fmean(self.complaints.values()) if self.complaints else 0.0


class Classifier:
    def __init__(self, reference: Reference, learnt: Learnt = ()) -> None:
        self.reference = reference
        self._learnt = tuple(learnt)
        self._likeness = _likeness(_keywords(reference.categories)).having_learnt(self._learnt)
        self._messages = examples.shipped(examples.MESSAGES).keys()

    @cached_property
    def _subjects(self) -> Likeness:
        """Made when it is first asked: not every process classifies."""
        return _likeness(_keywords(self.reference.categories), indirect=True).having_learnt(self._learnt)

    def read(self, found: list[str]) -> Reading:
        """What the words `found` are like; empty where nothing of them is known."""
        scores = self._likeness.scores(found)
        complaints = {kind: score for kind, score in scores.items() if kind not in self._messages}
        return Reading(complaints, {kind: scores[kind] for kind in self._messages if scores})

    def shares(self, found: list[str]) -> dict[str, float]:
        """Word → its share of what the words tell together."""
        return self._likeness.shares(found)

    def classify(self, text: str) -> Classification:
        """The likeliest categories of `text`; none where nothing in it is a subject of complaints."""
        heard = words(text)
        reading = self.read(heard)
        if reading.told < HINTED:
            return Classification((), urgent=False, told=reading.told)
        best: dict[str, tuple[float, str]] = {}
        scores = self._subjects.scores(heard) or reading.complaints
        for code in reading.complaints:
            top = code.partition(".")[0]
            best[top] = max(best.get(top, (-math.inf, "")), (scores[code] - _HANDICAP.get(code, 0.0), code))
        ranked = sorted(best.values(), reverse=True)
        shares = _shares([score for score, _ in ranked])
        found = tuple(Candidate(code, share) for (_, code), share in zip(ranked[:FIRST_FEW], shares, strict=False))
        return Classification(found, self.reference.categories[found[0].code].priority == "urgent", reading.told)


def _shares(scores: list[float]) -> list[float]:
    weights = [math.exp((score - scores[0]) * _SHARPNESS) for score in scores]
    return [weight / sum(weights) for weight in weights]


Keywords = tuple[tuple[str, tuple[str, ...]], ...]


def _keywords(categories: Mapping[str, Category]) -> Keywords:
    return tuple((code, tuple(word for kind in _KINDS_OF_KEYWORDS for word in category.keywords[kind])) for code, category in categories.items())


@lru_cache(maxsize=4)
def _likeness(keywords: Keywords, *, indirect: bool = False) -> Likeness:
    """`indirect`: also by how complaints are told without naming their subject. That tells which of them it is, once it is one; against the
    other messages it would weigh too much, for much that is asked about a complaint is said in its words."""
    named, told = examples.shipped(examples.COMPLAINTS), examples.shipped(examples.INDIRECT) if indirect else {}
    complaints = {code: [words(text) for text in (*named.get(code, ()), *told.get(code, ()), *listed)] for code, listed in keywords}
    messages = {kind: [words(text) for text in listed] for kind, listed in examples.shipped(examples.MESSAGES).items()}
    return Likeness(complaints | messages)


@lru_cache(maxsize=1)
def shipped() -> Classifier:
    """The classifier of the shipped reference data, for the command line and the grammar of the text line."""
    return Classifier(as_shipped())


def of(reference: Reference) -> Classifier:
    """The classifier of `reference`, without what was learnt; of the shipped data there is one in a process."""
    return shipped() if reference is as_shipped() else Classifier(reference)


def describe(text: str, classifier: Classifier | None = None) -> dict[str, Any]:
    """What `flask classify` prints for `text`."""
    classifier = classifier or shipped()
    found = classifier.classify(text)
    place = find_place(text, classifier.reference)
    return {
        "text": text,
        "lang": texts.language_tag(text),
        "category": found.category,
        "subcategory": found.subcategory,
        "candidates": [{"category": c.category, "code": c.code, "share": round(c.share, 3)} for c in found.candidates],
        "ranked": [c.category for c in found.candidates],
        "district": place.district_code,
        "pincode": place.pincode,
        "place": place.local_body,
        "ambiguous": list(place.ambiguous),
    }
