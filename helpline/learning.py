"""The classifier learns from agents: when staff give a complaint another category, its words count for that category from then on.

The worker keeps those words (`learnt_words`), one set a complaint, replaced when it is corrected again. The newest corrections
are read with the classifier and weigh like a part of an example: one correction tips the scales where little was known, several
are needed against words that are known well.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import structlog
from sqlalchemy import Connection, Row, delete, insert, select
from sqlalchemy.exc import SQLAlchemyError

from helpline import classify
from helpline.classify import Classifier
from helpline.examples import words
from helpline.runtime import Runtime
from models import Event, LearntWord

log = structlog.get_logger()
TEACHING = ("categorise", "complete")
LOOK_EVERY = 300.0  # seconds
NEWEST = 10_000  # words that are read, of some seven hundred corrections
_ONE = 0.5  # the weight of one correction, shared out over the words of the complaint; an example has 1
_MOST = 2.0  # what any number of corrections can give one word of a category
_MAX_WORDS = 40
_MAX_WORD = 40


def learn(db: Connection, row: Row[Any]) -> None:
    """Keep the words of the complaint `row` for the category that staff gave it last, where they changed it. Repeated, it does the same."""
    corrected = _correction(db, row.id)
    if corrected is None:
        return
    db.execute(delete(LearntWord).where(LearntWord.complaint_id == row.id))
    weights = _weights(row)
    if weights:
        kept = [{"complaint_id": row.id, "word": word, "category_code": corrected, "weight": weight} for word, weight in weights.items()]
        db.execute(insert(LearntWord), kept)


def _correction(db: Connection, complaint_id: int) -> str | None:
    query = select(Event.before, Event.after).where(Event.complaint_id == complaint_id, Event.action.in_(TEACHING), Event.actor_kind == "staff")
    changed = [after.get("category_code") for before, after in db.execute(query.order_by(Event.seq))
               if after.get("category_code") != before.get("category_code")]  # fmt: skip
    return changed[-1] if changed else None


def _weights(row: Row[Any]) -> dict[str, float]:
    """Word → weight, of the citizen's own words: those that tell more get more, names of people and places get none."""
    named = set(words(f"{row.name} {row.place}"))
    said = [word for word in words(row.description) if word not in named and word[0].isalpha() and 2 < len(word) <= _MAX_WORD]
    return {word: _ONE * share for word, share in classify.shipped().shares(list(dict.fromkeys(said))[:_MAX_WORDS]).items()}


def tidy(db: Connection) -> None:
    """Forget what is too old to be read."""
    oldest = db.scalar(select(LearntWord.complaint_id).order_by(LearntWord.complaint_id.desc()).offset(2 * NEWEST).limit(1))
    if oldest is not None:
        db.execute(delete(LearntWord).where(LearntWord.complaint_id < oldest))


class _Known:
    """The classifier of one runtime, looked at again every LOOK_EVERY seconds."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.reference = runtime.reference
        self.look_at = 0.0
        self.classifier = classify.of(self.reference)
        self.learnt: list[tuple[str, str, float]] = []

    def look(self) -> None:
        self.look_at = time.monotonic() + LOOK_EVERY
        try:
            learnt = _newest(self.runtime)
        except SQLAlchemyError:  # away, or not migrated yet: what is known goes on to serve
            log.warning("learning.not_read")
            return
        if learnt != self.learnt:
            self.learnt, self.classifier = learnt, Classifier(self.reference, learnt)


_known: list[_Known] = []


def classifier(runtime: Runtime) -> Classifier:
    """The classifier of the reference data that is valid now and of what was learnt; at most LOOK_EVERY seconds old."""
    if not _known or _known[0].runtime is not runtime or _known[0].reference is not runtime.reference:
        _known[:] = [_Known(runtime)]
    if time.monotonic() >= _known[0].look_at:
        _known[0].look()
    return _known[0].classifier


def look_again() -> None:
    """Something was learnt here: do not wait."""
    _known.clear()


def _newest(runtime: Runtime) -> list[tuple[str, str, float]]:
    """Word, category and weight of the newest corrections, added up."""
    newest = select(LearntWord.word, LearntWord.category_code, LearntWord.weight).order_by(LearntWord.complaint_id.desc()).limit(NEWEST)
    total: Counter[tuple[str, str]] = Counter()
    with runtime.reading() as db:
        for word, code, weight in db.execute(newest):
            total[word, code] += weight
    return [(word, code, min(weight, _MOST)) for (word, code), weight in sorted(total.items())]
