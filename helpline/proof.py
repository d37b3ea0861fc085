"""That a message is ours can be proved: each carries a check code, which `CHECK <code>` and the telephone line answer.

The code is a keyed digest of the message's id in nine digits: they can be keyed on any telephone and written in any script,
and are neither a telephone number (10), a complaint's number (11) nor a PIN code (6). Who only sees a code learns the day
and the last digits of the number it went to, nothing of the complaint. Tries are limited.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, select

from helpline import limits
from helpline.runtime import Runtime
from models import Outgoing

LENGTH = 9
BLANK = "0" * LENGTH  # in a preview
_SIZE = 10**LENGTH
_sent = (
    select(Outgoing.id, Outgoing.kind, Outgoing.to_number, Outgoing.address, Outgoing.created_at)
    .where(Outgoing.check_code == bindparam("code"))
    .order_by(Outgoing.id.desc())
    .limit(20)
)


@dataclass(frozen=True)
class Verdict:
    kind: str  # genuine | unknown | limited
    at: datetime | None = None
    ending: str = ""  # the last four digits of the number it went to


def code(runtime: Runtime, outgoing_id: int) -> str:
    """The check code of the message with this id."""
    digest = hmac.digest(runtime.config.secrets.secret_key.encode(), b"message %d" % outgoing_id, "sha256")
    return f"{int.from_bytes(digest[:8], 'big') % _SIZE:0{LENGTH}d}"


def check(db: Connection, runtime: Runtime, given: str, asker: str | None, now: datetime) -> Verdict:
    """Whether we sent a message with this code. Where two have it, the one to `asker` (E.164), else the newest, is told."""
    if limits.count(db, "check", asker or "unknown", now) > runtime.config.status_lookups.per_caller_per_hour:
        return Verdict("limited")
    rows = [row for row in db.execute(_sent, {"code": given}) if hmac.compare_digest(code(runtime, row.id), given)]
    if not rows:
        return Verdict("unknown")
    told = next((row for row in rows if row.to_number == asker), rows[0])
    return Verdict("genuine", told.created_at, told.to_number[-4:] if told.kind != "email" else "")
