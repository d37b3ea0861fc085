"""A long message that came in parts, in any order, each as a message of its own.

Parts are known by a mark ("1/3", "(2/3)"), or because one was cut at a segment's end and the other came within seconds. Nothing waits for
the others: each part is answered as it comes, and whatever the earlier ones led to is made to say what all of them say together.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select

from helpline import text as texts
from helpline.config import Sms as Settings
from models import Part
from prompts.catalogue import is_gsm7, units
from sms.keywords import KEYWORDS, Parsed

_START = re.compile(r"\s*([(\[{]?)\s*([1-9])\s*(?:/|of)\s*([2-9])\s*([)\]}]?)\s*[:.\-]?\s+(?=\S)", re.I)
_END = re.compile(r"(?<=\S)\s*(?:([(\[{])\s*|\s)([1-9])\s*(?:/|of)\s*([2-9])\s*([)\]}]?)\s*\.?\s*$", re.I)
_OF_FIVE = 5  # 4/5 without brackets is a rating
_SHORTEST = 8  # characters beside a mark
# Where a carrier cuts: the units of a segment of several, or of one; a blank at the end may have been lost.
_CUT_GSM7, _CUT_UCS2 = frozenset((152, 153, 159, 160)), frozenset((66, 67, 69, 70))
_BLANK_LOST = frozenset((152, 159, 66, 69))
_FILE = frozenset(KEYWORDS["file"].split())
_recent = select(Part.__table__).where(Part.number == bindparam("number"), Part.at >= bindparam("since")).order_by(Part.id)


@dataclass(frozen=True)
class Arrival:
    """How a message came: when, and what its carrier says of it."""

    at: datetime
    sent_at: datetime | None = None
    segments: str = ""  # "" where the carrier does not say


@dataclass(frozen=True)
class Piece:
    """A message as it may be a part of another: without its mark, and what tells where it stands."""

    text: str
    at: datetime
    sent_at: datetime | None = None
    position: int = 0  # 0: no mark
    total: int = 0
    bracketed: bool = False
    cut: bool = False
    begins: bool = False  # with the keyword that files
    effect: str = ""  # what it led to: draft | filed | other
    complaint_id: int | None = None
    series: str = ""  # the key of the first of them that came


def piece(parsed: Parsed, body: str, arrival: Arrival) -> Piece:
    """`body` as a part, if it is one."""
    begins = parsed.intent == "file" and parsed.keyword in _FILE and bool(parsed.keyword)
    found = _mark(body) if parsed.intent != "rate" else None
    if found is not None:
        position, total, bracketed, rest = found
        return Piece(rest, arrival.at, arrival.sent_at, position, total, bracketed, begins=begins or position == 1)
    return Piece(body, arrival.at, arrival.sent_at, cut=arrival.segments in ("", "1") and _is_cut(body), begins=begins)


def _mark(body: str) -> tuple[int, int, bool, str] | None:
    folded = texts.fold_digits(body)
    for pattern in (_START, _END):
        if (found := pattern.search(folded) if pattern is _END else pattern.match(folded)) is None:
            continue
        position, total, bracketed = int(found[2]), int(found[3]), bool(found[1] and found[4])
        rest = (body[: found.start()] + body[found.end() :]).strip()
        if position <= total and len(rest) >= _SHORTEST and (bracketed or total != _OF_FIVE):
            return position, total, bracketed, rest
    return None


def _is_cut(body: str) -> bool:
    return units(body) in (_CUT_GSM7 if is_gsm7(body) else _CUT_UCS2)


# ── which belong together ───────────────────────────────────────────────────────────────────────────────────────────


def earlier(db: Connection, settings: Settings, number: str, now: Piece) -> list[Piece]:
    """The parts that came before and belong to `now`, in the order of their coming; empty where it stands alone."""
    window = timedelta(minutes=settings.marked_parts_minutes) if now.position else timedelta(seconds=settings.parts_seconds)
    series: list[list[Piece]] = []
    for row in db.execute(_recent, {"number": number, "since": now.at - window}):
        _place(series, _as_piece(row), by_key=True)
    return _place(series, now)[:-1]


def said_before(db: Connection, settings: Settings, number: str, now: Piece) -> Piece | None:
    """The same part, brought under another id within the window."""
    if not (now.position or now.cut):
        return None
    since = now.at - timedelta(seconds=settings.parts_seconds)
    rows = [_as_piece(row) for row in db.execute(_recent, {"number": number, "since": since})]
    return next((row for row in rows if (row.text, row.position, row.total) == (now.text, now.position, now.total)), None)


def _place(series: list[list[Piece]], one: Piece, *, by_key: bool = False) -> list[Piece]:
    """Put `one` to the newest series that it belongs to, or begin another with it; that series."""
    for known in reversed(series):
        if (by_key and known[0].series == one.series) or (not by_key and _belongs(known, one)):
            known.append(one)
            return known
    series.append([one])
    return series[-1]


def _belongs(known: Sequence[Piece], one: Piece) -> bool:
    if one.position:
        return all(part.total == one.total and part.position != one.position for part in known)
    if any(part.position for part in known) or any(part.text == one.text for part in known):
        return False
    tails = [part for part in known if not part.cut]
    if one.begins:
        return one.cut and not any(part.begins for part in known) and len(tails) <= 1
    if one.cut:  # the first, one in the middle, or the end came earlier
        return any(part.cut for part in known) or not any(part.begins for part in known)
    return not tails


def _as_piece(row: Row[Any]) -> Piece:
    return Piece(row.text, row.at, row.sent_at, row.position, row.total, cut=row.cut, begins=row.begins, effect=row.effect, complaint_id=row.complaint_id, series=row.series)


def joined(parts: Sequence[Piece]) -> str:
    """What they say together, in the right order: by their marks; else what begins, what was cut by the time it was sent, the end."""
    ordered = sorted(parts, key=lambda part: (part.position, not part.begins, not part.cut, part.sent_at or part.at))
    whole = ordered[0].text
    for last, part in pairwise(ordered):
        between = " " if part.position or units(last.text) in _BLANK_LOST else ""
        whole += between + part.text
    return whole


def has_beginning(parts: Sequence[Piece]) -> bool:
    """Whether the first is among them, as far as their marks tell."""
    return not parts[0].total or any(part.position == 1 for part in parts)


def remember(db: Connection, key: str, number: str, one: Piece, series: str, effect: str, complaint_id: int | None) -> None:
    """Keep the part for those that may follow."""
    row = {"key": key, "series": series or key, "number": number, "text": one.text, "at": one.at, "sent_at": one.sent_at, "position": one.position,
           "total": one.total, "cut": one.cut, "begins": one.begins, "effect": effect, "complaint_id": complaint_id}  # fmt: skip
    db.execute(insert(Part), [row])
