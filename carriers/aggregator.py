"""Any Indian aggregator that speaks signed HTTP: JSON or form, under names that the configuration gives. See docs/carriers.md.

Every request, theirs and ours, is a POST with two headers: the time in seconds since 1970, and the HMAC-SHA256 in hexadecimal
of `<time>.<body>` with the shared secret. One older or newer than the replay window is refused; within it, a message delivered
again is known by its id.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

from carriers import guard
from carriers.base import (
    Accepted,
    Codes,
    Incoming,
    Message,
    Outcome,
    Refused,
    Report,
    Status,
    Temporary,
    Trouble,
    Unknown,
    Unusable,
    codes,
    reference_of,
    statuses,
)
from carriers.posting import post
from prompts.catalogue import is_gsm7

NAME = "aggregator"
# The words that aggregators share (those of SMPP's delivery receipts among them); the configuration adds its own.
STATUSES = {
    **statuses(0, Outcome.SENT, "accepted", "acceptd", "queued", "success", "0"),
    **statuses(1, Outcome.SENT, "submitted", "sent", "enroute", "pending"),
    **statuses(4, Outcome.FAILED, "failed", "undelivered", "undeliv", "expired", "rejected", "rejectd", "deleted"),
    **statuses(5, Outcome.DELIVERED, "delivered", "delivrd"),
}
_LIKE = {"accepted": STATUSES["accepted"], "sent": STATUSES["sent"], "failed": STATUSES["failed"], "delivered": STATUSES["delivered"]}
ERRORS = codes(Trouble.RETRY, "http-429", "http-503")


@dataclass(frozen=True)
class Dialect:
    """How this aggregator names things. A name with dots goes into nested JSON: `data.id`."""

    format: str = "json"  # json | form
    timestamp_header: str = "X-Timestamp"
    signature_header: str = "X-Signature"
    replay_seconds: int = 300
    numbers: str = "e164"  # e164 | digits
    outgoing: Mapping[str, str] = field(default_factory=dict)  # ours → theirs
    constant: Mapping[str, str] = field(default_factory=dict)
    answer: Mapping[str, str] = field(default_factory=dict)
    incoming: Mapping[str, str] = field(default_factory=dict)
    report: Mapping[str, str] = field(default_factory=dict)
    statuses: Mapping[str, str] = field(default_factory=dict)  # theirs → accepted | sent | delivered | failed
    errors: Mapping[str, str] = field(default_factory=dict)  # theirs → retry | ours | permanent | stopped

    def codes(self) -> Codes:
        own: dict[str, Status] = {word.lower(): _LIKE[meaning] for word, meaning in self.statuses.items()}
        return Codes({**STATUSES, **own}, {**ERRORS, **{code: Trouble(kind) for code, kind in self.errors.items()}})


def sign(secret: str, timestamp: str, body: bytes) -> str:
    return guard.mac(secret, timestamp.encode() + b"." + body)


def _verified(environ: Mapping[str, Any], body: bytes, secrets: tuple[str, ...], dialect: Dialect, now: float) -> dict[str, Any]:
    """The fields of a signed request. Raises Refused."""
    stamp, given = (str(environ.get("HTTP_" + name.upper().replace("-", "_"), "")) for name in (dialect.timestamp_header, dialect.signature_header))
    if not stamp.isascii() or not stamp.isdigit() or abs(now - int(stamp[:12])) > dialect.replay_seconds:
        raise Refused("time")
    if not guard.is_secret(given.removeprefix("sha256=").lower(), tuple(sign(secret, stamp, body) for secret in secrets if secret)):
        raise Refused("signature")
    return _fields(body, str(environ.get("CONTENT_TYPE", "")))


def _fields(body: bytes, content_type: str) -> dict[str, Any]:
    try:
        if "json" in content_type:
            found = json.loads(body)
            return found if isinstance(found, dict) else {}
        return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=200))
    except (ValueError, RecursionError):
        raise Refused("body") from None


def _value(fields: Any, name: str) -> str:
    """The value under a name with dots, as text; "" where there is none."""
    for part in name.split("."):
        fields = fields.get(part) if isinstance(fields, dict) else fields[0] if isinstance(fields, list) and fields else None
    return "" if fields is None or isinstance(fields, dict | list) else str(fields)


def read_incoming(environ: Mapping[str, Any], body: bytes, secrets: tuple[str, ...], dialect: Dialect, now: float) -> Incoming:
    """A citizen's message. Raises Refused, also for one without an id: a repeat could not be told from a second message."""
    fields = _verified(environ, body, secrets, dialect, now)
    sid, sender, recipient, text = (_value(fields, dialect.incoming.get(name, name)) for name in ("id", "from", "to", "text"))
    if not sid:
        raise Refused("no id")
    return Incoming(NAME, sid[:50], sender, recipient, text)


def read_report(environ: Mapping[str, Any], body: bytes, secrets: tuple[str, ...], dialect: Dialect, now: float) -> Report | None:
    """A delivery report; None when it says nothing that we know. Raises Refused."""
    fields = _verified(environ, body, secrets, dialect, now)
    sid, reference, status, code = (_value(fields, dialect.report.get(name, name)) for name in ("id", "reference", "status", "code"))
    if status.lower() not in dialect.codes().statuses or not (sid or reference):
        return None
    return Report(NAME, (sid or reference)[:64], status.lower()[:20], code[:20] or None, reference_of(reference))


class Aggregator:
    name = NAME
    answers_lookups = False

    def __init__(self, *, url: str, secret: str, sender: str, dialect: Dialect, timeout: float = 10, clock: Callable[[], float] = time.time) -> None:
        self._url, self._secret, self._sender, self._dialect = url, secret, sender, dialect
        self._timeout, self._clock, self._codes = timeout, clock, dialect.codes()

    def send_sms(self, message: Message) -> Accepted:
        body, stamp = self._body(message), str(int(self._clock()))
        kind = "application/json" if self._dialect.format == "json" else "application/x-www-form-urlencoded"
        headers = {"Content-Type": kind, self._dialect.timestamp_header: stamp, self._dialect.signature_header: sign(self._secret, stamp, body)}
        answer = post(self._url, content=body, headers=headers, timeout=self._timeout)
        return self._read(answer.status_code, answer.content, answer.headers.get("content-type", ""), message.reference)

    def _body(self, message: Message) -> bytes:
        ours = {
            "to": message.to if self._dialect.numbers == "e164" else message.to.removeprefix("+"),
            "text": message.text,
            "sender": message.header or self._sender,
            "reference": str(message.reference),
            "entity_id": message.entity_id,
            "template_id": message.template_id,
            "encoding": "text" if is_gsm7(message.text) else "unicode",
        }
        theirs = {**self._dialect.constant, **{self._dialect.outgoing.get(name, name): value for name, value in ours.items() if value}}
        return json.dumps(_nested(theirs), ensure_ascii=False).encode() if self._dialect.format == "json" else urlencode(theirs).encode()

    def _read(self, status: int, body: bytes, content_type: str, reference: int) -> Accepted:
        """An accepted message has a status that means it is under way. Others are refused under their code."""
        if status >= 500:
            raise Unknown(f"http-{status}")
        try:
            fields = _fields(body, content_type or "application/json")
        except Refused:
            fields = {}
        sid, word, code = (_value(fields, self._dialect.answer.get(name, name)) for name in ("id", "status", "code"))
        known = self._codes.statuses.get(word.lower())
        if status < 300 and known and known.outcome != Outcome.FAILED:
            return Accepted((sid or str(reference))[:64], word.lower())
        if status < 300 and not known and not code:
            raise Unknown("answer")
        if status in (401, 403) and code not in self._codes.errors:
            raise Unusable((code or f"http-{status}")[:20])
        raise self._codes.refusal((code or f"http-{status}")[:20])

    def find_sms(self, to: str, text: str, since: datetime) -> Sequence[Accepted]:
        raise Temporary("lookup")


def _nested(fields: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in fields.items():
        *path, last = name.split(".")
        place = found
        for part in path:
            place = place.setdefault(part, {})
        place[last] = value
    return found
