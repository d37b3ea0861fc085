"""What citizens said: fetched from the carrier by the worker, checked, and kept under `storage.recordings`."""

from __future__ import annotations

import hashlib
import io
import wave
from datetime import datetime, timedelta
from typing import IO, Any

import fsspec
import structlog
from sqlalchemy import Row, select, update

from carriers.base import Absent, Permanent, Temporary, VoiceCarrier
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
    except (Absent, Temporary):
        return _later(row, now)
    except (Permanent, NotSound):
        return {"state": "failed", "attempts": row.attempts + 1}
    path = f"{row.created_at:%Y/%m/%d}/{row.id}.{'wav' if kind == 'audio/wav' else 'mp3'}"
    _store(runtime, path, content)
    return {"state": "stored", "path": path, "content_type": kind, "size": len(content), "seconds": seconds or row.seconds,
            "sha256": hashlib.sha256(content).hexdigest(), "attempts": row.attempts + 1}  # fmt: skip


def _later(row: Row[Any], now: datetime) -> dict[str, Any]:
    """A carrier may answer 404 for a while after the call."""
    attempts = row.attempts + 1
    if attempts >= MAX_ATTEMPTS:
        return {"state": "absent", "attempts": attempts}
    return {"attempts": attempts, "next_at": now + timedelta(seconds=min(3600, 5 * 2**attempts))}


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


def _filesystem(runtime: Runtime) -> tuple[Any, str]:
    fs, base = fsspec.core.url_to_fs(runtime.config.storage.recordings)
    return fs, str(base)


def _store(runtime: Runtime, path: str, content: bytes) -> None:
    """Written aside and moved, so that a half-written file never has the name."""
    fs, base = _filesystem(runtime)
    whole = f"{base}/{path}"
    fs.makedirs(whole.rpartition("/")[0], exist_ok=True)
    with fs.open(f"{whole}.part", "wb") as file:
        file.write(content)
    fs.mv(f"{whole}.part", whole)


def open_recording(runtime: Runtime, row: Any) -> IO[bytes]:
    """The stored file of a recording's row. Raises FileNotFoundError."""
    if row.state != "stored" or not row.path:
        raise FileNotFoundError
    fs, base = _filesystem(runtime)
    opened: IO[bytes] = fs.open(f"{base}/{row.path}", "rb")
    return opened
