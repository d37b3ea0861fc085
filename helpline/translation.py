"""Machine translation, made by the worker alone and kept beside the original, marked as machine-made.

Nothing personal leaves: runs of five and more digits (telephones, acknowledgement and Aadhaar numbers) and the complainant's
name are masked before sending and put back afterwards. `translation.enabled: false` sends nothing at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import regex
import structlog
from sqlalchemy import Connection, Row, insert, select, update

from helpline import text as texts
from helpline.runtime import Runtime
from models import Complaint, Event, Translated

log = structlog.get_logger()
Translate = Callable[[str, str, str], str]  # text, from, to → text
_table = Translated.__table__
_NUMBER = regex.compile(r"\+?\p{Nd}(?:[\s\-–.]?\p{Nd}){4,}")
MAX_ATTEMPTS = 20
MAX_TEXT = 4000


def googletrans_engine(timeout: float) -> Translate:
    """googletrans 4 (asynchronous, unofficial). Raises whatever its HTTP client raises."""

    def translate(text: str, source: str, target: str) -> str:
        from googletrans import Translator
        from httpx import Timeout

        async def ask() -> str:
            async with Translator(timeout=Timeout(timeout)) as translator:
                return str((await translator.translate(text, src=source, dest=target)).text)

        return asyncio.run(asyncio.wait_for(ask(), timeout + 5))

    return translate


def mask(text: str, name: str = "") -> tuple[str, list[str]]:
    """`text` with numbers and `name` replaced by `[[0]]`, `[[1]]` …, and what stood there."""
    kept: list[str] = []

    def put(match: Any) -> str:
        kept.append(match.group())
        return f"[[{len(kept) - 1}]]"

    masked = _NUMBER.sub(put, text)
    for part in sorted(name.split(), key=len, reverse=True):
        if len(part) > 2:
            masked = regex.sub(regex.escape(part), put, masked, flags=regex.IGNORECASE)
    return masked, kept


def unmask(text: str, kept: list[str]) -> str:
    return str(regex.sub(r"\[\s*\[\s*(\d+)\s*\]\s*\]", lambda m: kept[int(m[1])] if int(m[1]) < len(kept) else m[0], text))


def ask(db: Connection, runtime: Runtime, row: Row[Any], now: datetime) -> None:
    """Ask for what a changed complaint wants translated: what the citizen told into English, what officers reported into
    the citizen's language. `row` as it stood, with the events after `indexed_seq` not yet seen."""
    if not runtime.config.translation.enabled or row.ack is None:
        return
    if row.language != "en" and row.description:
        _ask(db, row.id, "description", row.description, "en", now)
    reports = select(Event.seq, Event.data).where(Event.complaint_id == row.id, Event.seq > row.indexed_seq, Event.action == "resolve")
    for event in db.execute(reports).all():
        _ask(db, row.id, f"event:{event.seq}", str(event.data.get("report", "")), row.language, now)


def _ask(db: Connection, complaint_id: int, subject: str, original: str, target: str, now: datetime) -> None:
    source = texts.reply_language(original)
    if not original or source == target:
        return
    where = (_table.c.complaint_id == complaint_id, _table.c.subject == subject, _table.c.target == target)
    known = db.execute(select(_table.c.id, _table.c.original).where(*where)).first()
    wanted = {"source": source, "original": original, "translation": None, "state": "pending", "attempts": 0, "next_at": now}
    if known is None:
        db.execute(insert(Translated), [{**wanted, "complaint_id": complaint_id, "subject": subject, "target": target, "created_at": now}])
    elif known.original != original:
        db.execute(update(Translated).where(_table.c.id == known.id).values(**wanted))


def translate_due(runtime: Runtime, now: datetime, engine: Translate | None = None, *, limit: int = 20) -> int:
    """Translate what is due; what fails is tried again after `translation.retry_minutes`. How many were dealt with."""
    if not runtime.config.translation.enabled:
        return 0
    engine = engine or googletrans_engine(runtime.config.translation.timeout_seconds)
    with runtime.reading() as session:
        due = select(_table, Complaint.name).join(Complaint, Complaint.id == _table.c.complaint_id)
        rows = list(session.execute(due.where(_table.c.state == "pending", _table.c.next_at <= now).order_by(_table.c.next_at).limit(limit)))
    for row in rows:
        outcome, away = _outcome(runtime, engine, row, now)
        _say_once(away, row.id)
        with runtime.writing() as db:
            db.execute(update(Translated).where(_table.c.id == row.id, _table.c.state == "pending").values(**outcome))
        if "translation" not in outcome:
            break  # the service is away: the rest would only wait as long
    return len(rows)


_away = False  # as this worker last found the service; for its log alone


def _say_once(error: str | None, translation: int) -> None:
    """One line when the service goes away, and one when it is back."""
    global _away
    if error is not None and not _away:
        log.info("translation.away", translation=translation, error=error)
    elif error is None and _away:
        log.info("translation.back", translation=translation)
    _away = error is not None


def _outcome(runtime: Runtime, engine: Translate, row: Any, now: datetime) -> tuple[dict[str, Any], str | None]:
    """What is kept of a try, and the error where the service was away."""
    masked, kept = mask(row.original[:MAX_TEXT], row.name)
    try:
        made = engine(masked, row.source, row.target)
    except Exception as error:
        attempts = row.attempts + 1
        later = now + timedelta(minutes=runtime.config.translation.retry_minutes)
        return {"attempts": attempts, "next_at": later, "state": "failed" if attempts >= MAX_ATTEMPTS else "pending"}, type(error).__name__
    return {"translation": unmask(made, kept), "engine": "googletrans", "state": "done", "attempts": row.attempts + 1}, None
