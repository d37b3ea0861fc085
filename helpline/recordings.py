"""What citizens said: fetched from the carrier by the worker, checked, and kept under `storage.recordings`."""

from __future__ import annotations

import hashlib
import io
import wave
from datetime import datetime, timedelta
from typing import IO, Any

import structlog
from sqlalchemy import Row, select, update

from carriers.base import Absent, Permanent, Temporary, VoiceCarrier
from helpline import files
from helpline.runtime import Runtime
from models import Recording

log = structlog.get_logger()
_table = Recording.__table__
MAX_ATTEMPTS = 10


class NotSound(Exception):
    """The bytes are no WAV or MP3."""


def fetch_due(runtime: Runtime, carrier: VoiceCarrier, now: datetime, *, limit: int = 20) -> int:
    """Fetch what is due; how many were dealt with. No transaction is open while the carrier is asked."""
    with runtime.reading() as session:
        due = select(_table).where(_table.c.state == "pending", _table.c.next_at <= now).order_by(_table.c.next_at).limit(limit)
        rows = list(session.execute(due))
    for row in rows:
        outcome = _fetch(runtime, carrier, row, now)
        with runtime.writing() as db:
            db.execute(update(Recording).where(_table.c.id == row.id, _table.c.state == "pending").values(**outcome))
        log.info("recording.tried", recording=row.id, state=outcome.get("state", "pending"))
    return len(rows)


def _fetch(runtime: Runtime, carrier: VoiceCarrier, row: Row[Any], now: datetime) -> dict[str, Any]:
    try:
        content, _type = carrier.fetch_recording(row.url)
        kind, seconds = inspect(content)
    except Absent:
        return _later(row, now)
    except Temporary as error:
        return _again(row, now, error.after)
    except (Permanent, NotSound):
        return {"state": "failed", "attempts": row.attempts + 1}
    path = f"{row.created_at:%Y/%m/%d}/{row.id}.{'wav' if kind == 'audio/wav' else 'mp3'}"
    try:
        files.write(runtime.config.storage.recordings, path, content)
    except files.Unkept as error:  # a full disk, say
        log.error("recording.not_kept", recording=row.id, error=str(error))
        return _again(row, now)
    return {"state": "stored", "path": path, "content_type": kind, "size": len(content), "seconds": seconds or row.seconds,
            "sha256": hashlib.sha256(content).hexdigest(), "attempts": row.attempts + 1}  # fmt: skip


def _later(row: Row[Any], now: datetime) -> dict[str, Any]:
    """A carrier may answer 404 for a while after the call; then there is no such recording."""
    return {"state": "absent", "attempts": row.attempts + 1} if row.attempts + 1 >= MAX_ATTEMPTS else _again(row, now)


def _again(row: Row[Any], now: datetime, after: float = 0) -> dict[str, Any]:
    """What cannot be had just now is tried until it can: 10 s, 20 s, 40 s … up to an hour later, and not before `after` seconds."""
    attempts = row.attempts + 1
    return {"attempts": min(attempts, MAX_ATTEMPTS - 1), "next_at": now + timedelta(seconds=max(after, min(3600, 5 * 2**attempts)))}


def inspect(content: bytes) -> tuple[str, int | None]:
    """(media type, seconds) told by the content, not by its name. Raises NotSound."""
    if content[:4] == b"RIFF" and content[8:12] == b"WAVE":
        try:
            with wave.open(io.BytesIO(content)) as file:
                frames = min(file.getnframes(), len(content) // max(1, file.getsampwidth() * file.getnchannels()))
                return "audio/wav", round(frames / file.getframerate())
        except (wave.Error, EOFError):
            return "audio/wav", None  # A-law and the like: playable, not measured here
    if content[:3] == b"ID3" or (len(content) > 2 and content[0] == 0xFF and content[1] & 0xE0 == 0xE0):
        return "audio/mpeg", None
    raise NotSound


def open_recording(runtime: Runtime, row: Any) -> IO[bytes]:
    """The stored file of a recording's row. Raises FileNotFoundError."""
    if row.state != "stored" or not row.path:
        raise FileNotFoundError
    return files.read(runtime.config.storage.recordings, row.path)
