"""Suggestions of complaints that are the same problem: by place, category, words and time; each can be explained.

Candidates come from the search's words: the newest holders of each word within the days configured, which the index gives
without looking at anything else. They are scored, and the best five are shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, select, true, union_all

from helpline import lifecycle, search
from helpline.lifecycle import State
from helpline.runtime import Runtime
from models import Complaint, SearchWord
from models.ids import first_id

WORDS = 12  # of a complaint, the longest
HOLDERS = 200  # of each word, the newest
CANDIDATES = 60  # that share most words
BEST = 5
ENOUGH = 7  # points; see _likeness
_open = [str(state) for state in State if lifecycle.is_worked_on(state)]


@dataclass(frozen=True)
class Likeness:
    """A complaint that may be the same problem, and why."""

    row: Row[Any]
    place: str  # "local_body", "pincode", "district" or ""
    category: str  # "same", "top" or ""
    words: int  # shared
    days: int  # apart
    same_number: bool
    points: int


def find(db: Any, runtime: Runtime, about: Mapping[str, Any], at: datetime, visible: ColumnElement[bool] | None = None) -> list[Likeness]:
    """The best five for a complaint's `about` (its columns; `id` where it has one), filed `at`; open ones alone."""
    shared = _shared_words(db, runtime, about, at)
    if not shared:
        return []
    keys = [key for key, _ in shared.most_common(CANDIDATES)]
    query = select(Complaint.__table__).where(Complaint.id.in_(keys), Complaint.state.in_(_open), true() if visible is None else visible)
    found = [_likeness(about, row, shared[row.id], at) for row in db.execute(query)]
    return sorted((like for like in found if like.points >= ENOUGH), key=lambda like: (-like.points, like.row.id))[:BEST]


def _shared_words(db: Any, runtime: Runtime, about: Mapping[str, Any], at: datetime) -> Counter[int]:
    """Complaint → how many of the words it shares."""
    words = sorted(search.words(f"{about.get('description') or ''} {about.get('place') or ''}"), key=len, reverse=True)[:WORDS]
    if not words:
        return Counter()
    since = first_id(at - timedelta(days=runtime.config.casework.similar_days))
    parts = [
        select(select(SearchWord.complaint_id).where(SearchWord.word == word, SearchWord.complaint_id >= since)
               .order_by(SearchWord.complaint_id.desc()).limit(HOLDERS).subquery())
        for word in words
    ]  # fmt: skip
    shared = Counter(db.scalars(union_all(*parts)))
    shared.pop(about.get("id") or 0, None)
    return shared


def _likeness(about: Mapping[str, Any], row: Row[Any], words: int, at: datetime) -> Likeness:
    """Place up to 4 points, category up to 3, words 1 each up to 5, time up to 2, the same number 2. Another kind of thing takes away 5, and
    up to 8 words count: it must say nearly the same."""
    place = next((name for name, column in (("local_body", "local_body_code"), ("pincode", "pincode"), ("district", "district_code"))
                  if about.get(column) and about[column] == getattr(row, column)), "")  # fmt: skip
    mine, theirs = about.get("category_code") or "", row.category_code or ""
    category = "same" if mine and mine == theirs else "top" if mine and mine.partition(".")[0] == theirs.partition(".")[0] else ""
    days = abs(at - row.created_at).days
    same_number = bool(about.get("phone")) and about["phone"] == row.phone
    elsewhere = bool(about.get("district_code") and row.district_code and about["district_code"] != row.district_code)
    is_other_kind = bool(mine and theirs and not category)
    points = {"local_body": 4, "pincode": 4, "district": 2}.get(place, 0) + {"same": 3, "top": 2}.get(category, 0)
    points += min(words, 8) - 5 if is_other_kind else min(words, 5)
    points += (2 if days <= 2 else 1 if days <= 7 else 0) + 2 * same_number
    return Likeness(row, place, category, words, days, same_number, 0 if elsewhere else points)
