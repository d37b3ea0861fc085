"""Search over complaints: by number, telephone, name and words, the same on SQLite and PostgreSQL.

The worker writes each complaint's words into `search_words`; a query is a range over that table's index. Acknowledgement and
telephone numbers are matched on their own columns at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    delete,
    exists,
    false,
    insert,
    intersect,
    literal,
    select,
    union_all,
    update,
)
from sqlalchemy.orm import Session

from helpline import acknowledgement, numbers
from helpline import text as texts
from helpline.runtime import Runtime
from models import Complaint, SearchWord

MAX_WORD = 40
MAX_WORDS = 300
FEW = 500  # complaints that a word narrows a search down to
SELDOM = 5  # of the first FEW holders of each word: so few in common, and a page of the newest may take reading them all
_LAST = "\U0010ffff"
_complaints = Complaint.__table__


def words(text: str) -> set[str]:
    """The searchable words of `text`, folded."""
    return {word[:MAX_WORD] for word in texts.tokens(texts.normalise(text)) if len(word) > 1}


def index_pending(runtime: Runtime, then: Callable[[Connection, Row[Any]], None] = lambda _db, _row: None, *, limit: int = 200) -> int:
    """Index complaints that changed since they were indexed, and do `then` with each in the same transaction; how many."""
    with runtime.reading() as session:
        rows = list(session.execute(select(_complaints).where(Complaint.indexed_seq != Complaint.last_seq).limit(limit)))
    for row in rows:
        with runtime.writing() as db:
            if take_in(db, runtime, row):
                then(db, row)
    return len(rows)


def take_in(db: Connection, runtime: Runtime, row: Row[Any]) -> bool:
    """Index one complaint; False when it changed meanwhile: it is pending still."""
    taken = db.execute(update(Complaint).where(Complaint.id == row.id, Complaint.last_seq == row.last_seq).values(indexed_seq=row.last_seq))
    if not taken.rowcount:
        return False
    db.execute(delete(SearchWord).where(SearchWord.complaint_id == row.id))
    found = sorted(words(_content(runtime, row)))[:MAX_WORDS]
    if found:
        db.execute(insert(SearchWord), [{"complaint_id": row.id, "word": word} for word in found])
    return True


def _content(runtime: Runtime, row: Row[Any]) -> str:
    category = runtime.reference.categories.get(row.category_code or "")
    district = runtime.reference.districts.get(row.district_code or "")
    named = [*(category.names.values() if category else ()), *(district.names.values() if district else ())]
    return " ".join([row.name, row.place, row.description, row.pincode or "", *named])


def meaning(db: Session, query: str) -> ColumnElement[bool] | None:
    """The complaints that `query` means; None for an empty query. A number is looked up as such, words must all match.

    Two statements at most: a word that few complaints have narrows the search down to these; words that very many have are
    looked for at each complaint, the newest first, which soon fills a page, unless they hardly ever stand together.
    """
    text = query.strip()[:200]
    if not text:
        return None
    if ack := acknowledgement.normalise(text):
        return Complaint.ack == ack
    if (number := numbers.e164(text)) and sum(ch.isdigit() for ch in texts.fold_digits(text)) >= 10:
        return Complaint.phone == number
    wanted = sorted(words(text), key=len, reverse=True)[:5]
    if not wanted:
        return false()
    holders = _holders(db, wanted)
    few = [ids for ids in holders.values() if len(ids) <= FEW]
    many = [word for word in wanted if len(holders[word]) > FEW]
    if not few and len(many) > 1 and len(set.intersection(*holders.values())) < SELDOM:
        together = _together(db, many)
        if len(together) <= FEW:
            return Complaint.id.in_(together)
    return and_(*([Complaint.id.in_(set.intersection(*few))] if few else []), *map(_has, many))


def _holders(db: Session, wanted: list[str]) -> dict[str, set[int]]:
    """word → the complaints that have it, or the first FEW + 1 of them."""
    parts = [
        select(select(literal(n).label("n"), SearchWord.complaint_id).where(*_begins(word)).limit(FEW + 1).subquery())
        for n, word in enumerate(wanted)
    ]
    holders: dict[str, set[int]] = {word: set() for word in wanted}
    for n, complaint_id in db.execute(union_all(*parts)):
        holders[wanted[n]].add(complaint_id)
    return holders


def _together(db: Session, wanted: list[str]) -> set[int]:
    """The complaints that have all of them, or FEW + 1 of these."""
    return set(db.scalars(intersect(*(select(SearchWord.complaint_id).where(*_begins(word)) for word in wanted)).limit(FEW + 1)))


def _begins(word: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return SearchWord.word >= word, SearchWord.word < word + _LAST


def _has(word: str) -> ColumnElement[bool]:
    return exists().where(SearchWord.complaint_id == Complaint.id, *_begins(word))
