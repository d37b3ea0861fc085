"""Response templates: texts that staff insert into a report, a question or a reason, by language; edited by supervisors."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from helpline import acknowledgement, notices
from helpline.runtime import Runtime
from models import ReplyTemplate, new_id

FIELDS = ("report", "question", "reason")
PLACEHOLDERS = ("ack", "name", "office", "category", "date", "place")
MOST = 9  # of a field and language: each has a key


class Unfit(Exception):
    """The template cannot be kept: `field`, `language`, `title`, `body` or `placeholder`."""


def of(db: Any, *, active_only: bool = False) -> list[Row[Any]]:
    query = select(ReplyTemplate.__table__).order_by(ReplyTemplate.field, ReplyTemplate.language, ReplyTemplate.title)
    return list(db.execute(query.where(ReplyTemplate.active) if active_only else query))


def save(db: Connection, values: Mapping[str, str], user_id: int, now: datetime, template_id: int | None = None) -> int:
    """Add one, or change that one. Raises Unfit."""
    row: dict[str, Any] = {"field": values.get("field", ""), "language": values.get("language", ""), "title": values.get("title", "").strip()[:80],
           "body": values.get("body", "").replace("\x00", "").strip()[:2000], "active": values.get("active", "1") == "1", "by_id": user_id, "at": now}  # fmt: skip
    for name, known in (("field", FIELDS), ("language", ("bn", "en", "hi"))):
        if row[name] not in known:
            raise Unfit(name)
    if not row["title"] or not row["body"]:
        raise Unfit("body" if row["title"] else "title")
    if not _placeholders(row["body"]) <= set(PLACEHOLDERS):
        raise Unfit("placeholder")
    if template_id is not None:
        db.execute(update(ReplyTemplate).where(ReplyTemplate.id == template_id).values(**row))
        return template_id
    row["id"] = new_id(now)
    db.execute(insert(ReplyTemplate), [row])
    return int(row["id"])


def _placeholders(body: str) -> set[str]:
    try:
        parts = list(string.Formatter().parse(body))
    except ValueError as error:
        raise Unfit("placeholder") from error
    if any(spec or conversion for _, _, spec, conversion in parts):
        raise Unfit("placeholder")
    return {name for _, name, _, _ in parts if name is not None}


def filled(runtime: Runtime, template: Row[Any], row: Row[Any]) -> str:
    """The template's text about that complaint."""
    reference, language = runtime.reference, template.language
    category, office = reference.categories.get(row.category_code or ""), reference.offices.get(row.office_code or "")
    place = reference.bodies.get(row.local_body_code or "") or reference.districts.get(row.district_code or "")
    values = {
        "ack": acknowledgement.display(row.ack or ""),
        "name": row.name,
        "office": office.name(language) if office else "",
        "category": category.name(language) if category else "",
        "date": notices.short_date(row.due_at, language) if row.due_at else "",
        "place": row.place or (place.name(language) if place else ""),
    }
    return fill(template.body, values, runtime.catalogue.text("reply.citizen", language))


_GAP = "\x00"  # stands where a value is empty: no template has it
_TITLE = r"(?:(?<!\w)(?:Mr|Mrs|Ms|Shri|Smt|Sri|শ্রী|শ্রীমতী|জনাব|श्री|श्रीमती|सुश्री)\.?[ /]*)*"
_DEAR = re.compile(rf"(\b(?:Dear|Respected|প্রিয়|মাননীয়|শ্রদ্ধেয়|प्रिय|माननीय|आदरणीय)) {_TITLE}{_GAP}(?: जी)?")
_SAID_OF = rf"{_TITLE}{_GAP}(?:'s\b|-?(?:এর|কে|র|য়|তে)(?!\w)| जी(?!\w))?"
_GAPS = (
    (re.compile(rf"\n[ ]*{_SAID_OF}[ ]*(?=\n|$)"), ""),  # a line of its own
    (re.compile(rf"[ ]*\([ ]*{_SAID_OF}[ ]*\)"), ""),
    (re.compile(rf"(^|[.।!?\n][ ]*){_SAID_OF}[,:;]?[ ]*(\w?)"), None),  # it began the sentence: the next word begins it
    (re.compile(rf"[,:;]?[ ]*{_SAID_OF}(?=[ ]*(?:[,:;.।!?]|$))", re.M), ""),
    (re.compile(rf"{_SAID_OF}[ ]?"), ""),
)


def fill(body: str, values: Mapping[str, str], citizen: str) -> str:
    """`body` with its values; one that is empty takes the comma, the title and the line along that it would have had. A salutation is
    to the `citizen`."""
    text = _DEAR.sub(rf"\1 {citizen}", body.format_map({name: value or _GAP for name, value in values.items()}))
    for gap, instead in _GAPS:
        text = gap.sub(_begins if instead is None else instead, text)
    return text.strip()


def _begins(found: re.Match[str]) -> str:
    return found[1] + found[2].upper()
