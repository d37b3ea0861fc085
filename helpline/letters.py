"""Email: the same words as the SMS, with a subject before and a footer after; sent by the worker where a server is configured.

The Message-ID is made from the row, so a letter sent twice after a crash is one and the same to whoever gets it.
"""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any

import structlog
from sqlalchemy import Row, select, update

from helpline import acknowledgement, outbox, tries
from helpline.runtime import Runtime, utc_now
from models import Outgoing
from prompts.catalogue import Sms

log = structlog.get_logger()
_table = Outgoing.__table__
_ADDRESS = re.compile(r"[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,24}")


def address(text: str | None) -> str | None:
    """`text` as an email address of at most 120 characters, or None."""
    given = (text or "").strip()
    return given if len(given) <= 120 and _ADDRESS.fullmatch(given) and ".." not in given else None


def letter(runtime: Runtime, sms: Sms, row: Mapping[str, Any]) -> Sms:
    """The text of the email that says what `sms` says: its first line is the subject, then an empty line."""
    catalogue, language, helpline = runtime.catalogue, sms.language, runtime.config.helpline
    subject = catalogue.text("email.subject", language, name=helpline.name(language), ack=acknowledgement.display(row["ack"]))
    footer = catalogue.text("email.footer", language, name=helpline.name(language), phone=helpline.display_number)
    return replace(sms, text=f"{subject}\n\n{sms.text}\n\n-- \n{footer}")


def send_due(runtime: Runtime, now: Callable[[], datetime] = utc_now, *, limit: int = 50) -> int:
    """Send up to `limit` emails that are due; how many were dealt with. Nothing where no server is configured."""
    if not runtime.config.smtp.host:
        return 0
    dealt = 0
    while dealt < limit and (row := _claim(runtime, now())) is not None:
        _send(runtime, row, now)
        dealt += 1
    return dealt


def _claim(runtime: Runtime, now: datetime) -> Row[Any] | None:
    """The next due email, or one whose worker ended before it told what came of it."""
    aged = now - timedelta(seconds=runtime.config.worker.claim_seconds)
    due = ((_table.c.state == "pending") & (_table.c.next_at <= now)) | ((_table.c.state == "claimed") & (_table.c.claimed_at < aged))
    with runtime.writing() as db:
        query = select(_table).where(_table.c.kind == "email", due).order_by(_table.c.next_at, _table.c.id).limit(1)
        if db.dialect.name == "postgresql":
            query = query.with_for_update(skip_locked=True)
        while (row := db.execute(query).first()) is not None and outbox.keep_here(db, row):
            pass
        if row is None:
            return None
        db.execute(update(Outgoing).where(_table.c.id == row.id).values(state="claimed", claimed_at=now, attempts=row.attempts + 1, carrier="smtp"))
    return row


def _send(runtime: Runtime, row: Row[Any], now: Callable[[], datetime]) -> None:
    code, lasting = "", False
    try:
        _hand_over(runtime, compose(runtime, row))
    except smtplib.SMTPResponseException as error:
        code, lasting = str(error.smtp_code), 500 <= error.smtp_code < 600
    except smtplib.SMTPRecipientsRefused as error:
        status = next(iter(error.recipients.values()), (550, b""))[0]
        code, lasting = str(status), status >= 500
    except (OSError, smtplib.SMTPException):
        code = "connection"
    except ValueError:
        code, lasting = "address", True
    with runtime.writing() as db:
        db.execute(update(Outgoing).where(_table.c.id == row.id, _table.c.state == "claimed").values(**_outcome(runtime, row, code, lasting, now())))
        tries.note(db, row.id, "email", "sent" if not code else "failed" if lasting else "later", now(), code=code or None)
    log.info("email.tried", outbox=row.id, code=code or None)


def _outcome(runtime: Runtime, row: Row[Any], code: str, lasting: bool, now: datetime) -> dict[str, Any]:
    if not code:
        return {"state": "sent", "sent_at": now, "error_code": None}
    if lasting or tries.is_over(_pause, row.attempts + 1, runtime.config.worker.give_up_hours):
        return {"state": "parked", "error_code": code[:20]}
    return {"state": "pending", "error_code": code[:20], "next_at": now + timedelta(seconds=_pause(row.attempts + 1))}


def _pause(attempts: int) -> float:
    """Seconds after so many of them: 1 min, 2 min, 4 min … an hour."""
    return 60.0 * min(60, 1 << min(attempts - 1, 6))


def compose(runtime: Runtime, row: Row[Any]) -> EmailMessage:
    """Raises ValueError for an address that is none; a header never has a second line."""
    if address(row.address) is None:
        raise ValueError("address")
    subject, _, text = row.body.partition("\n\n")
    sender = runtime.config.smtp.sender
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"], message["Subject"] = sender, row.address, " ".join(subject.split())
    message["Date"] = format_datetime(row.created_at)
    message["Message-ID"] = f"<{row.id}@{sender.rpartition('@')[2].strip('>') or 'helpline.invalid'}>"
    message["Auto-Submitted"] = "auto-generated"
    message["Content-Language"] = row.language
    message.set_content(text)
    return message


def _hand_over(runtime: Runtime, message: EmailMessage) -> None:
    """Raises SMTPException or OSError."""
    settings, password = runtime.config.smtp, runtime.config.secrets.smtp_password
    secure = ssl.create_default_context()
    if settings.security == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(settings.host, settings.port, timeout=settings.timeout_seconds, context=secure)
    else:
        server = smtplib.SMTP(settings.host, settings.port, timeout=settings.timeout_seconds)
    with server:
        if settings.security == "starttls":
            server.starttls(context=secure)
        if settings.username:
            server.login(settings.username, password)
        server.send_message(message)
