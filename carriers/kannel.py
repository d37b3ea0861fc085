"""Kannel, the self-hosted gateway: `sendsms` of its smsbox, its `sms-service` as inbound, its delivery reports.

Both ways as POST, so that no number and no text stands in an address (and in somebody's access log). See docs/kannel.md.
Its answers: kannel.org's user guide, tables 7-16 and 7-17 and chapter 10.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from carriers import guard
from carriers.base import (
    Accepted,
    Codes,
    Incoming,
    Message,
    Outcome,
    Permanent,
    Refused,
    Report,
    Temporary,
    Trouble,
    codes,
    reference_of,
    statuses,
)
from carriers.posting import post
from prompts.catalogue import is_gsm7

NAME = "kannel"
# The delivery report's value (%d) in our words.
DLR = {"1": "delivered", "2": "undelivered", "4": "buffered", "8": "submitted", "16": "rejected"}
ALL_REPORTS = "31"
CODES = Codes(
    statuses={
        **statuses(0, Outcome.SENT, "accepted", "queued"),
        **statuses(1, Outcome.SENT, "submitted"),
        **statuses(2, Outcome.SENT, "buffered"),
        **statuses(3, Outcome.FAILED, "rejected"),
        **statuses(4, Outcome.FAILED, "undelivered"),
        **statuses(5, Outcome.DELIVERED, "delivered"),
    },
    errors={
        # sendsms: how the body of a 4xx begins
        **codes(Trouble.OURS, "Authorization failed", "Not routable", "Sender missing", "User denied"),
        **codes(Trouble.PERMANENT, "Empty receiver", "Garbage", "Empty text"),
        **codes(Trouble.RETRY, "Temporal failure"),
        # the SMSC's refusals of SMPP 3.4
        **codes(Trouble.RETRY, "smpp-8", "smpp-20", "smpp-88"),
        **codes(Trouble.OURS, "smpp-10", "smpp-13", "smpp-14"),
        **codes(Trouble.PERMANENT, "smpp-11", "smpp-69"),
    },
)


def read_incoming(environ: Mapping[str, Any], body: bytes, *, remote: str | None, allowed: tuple[str, ...], secret: str) -> Incoming:
    """A message that smsbox brings: POST with X-Kannel headers, or GET with our own names. Raises Refused.

    Comes from a listed address, and carries the secret where one is set.
    """
    query = dict(reversed(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True, errors="replace", max_num_fields=50)))
    if not guard.is_listed(remote, allowed) or (secret and not guard.is_secret(query.get("secret", ""), (secret,))):
        raise Refused("not Kannel")
    if environ.get("REQUEST_METHOD") == "POST":
        sender, recipient = environ.get("HTTP_X_KANNEL_FROM", ""), environ.get("HTTP_X_KANNEL_TO", "")
        charset = str(environ.get("CONTENT_TYPE", "")).partition("charset=")[2]
        text = _decoded(body, charset)
    else:
        sender, recipient, text = query.get("from", ""), query.get("to", ""), _decoded(_raw_text(environ), query.get("charset", ""))
    if not query.get("id"):
        raise Refused("no id")
    return Incoming(NAME, query["id"][:50], sender, recipient, text)


def _raw_text(environ: Mapping[str, Any]) -> bytes:
    """`%b` as it is: Bengali comes in UTF-16."""
    pairs = parse_qsl(str(environ.get("QUERY_STRING", "")), encoding="latin-1", max_num_fields=50)
    return dict(reversed(pairs)).get("text", "").encode("latin-1")


def _decoded(body: bytes, charset: str) -> str:
    """The text in the charset that Kannel names: UTF-8, or UTF-16BE for what the GSM alphabet lacks."""
    try:
        return body.decode(charset.strip(' ";') or "utf-8", "replace")
    except LookupError:
        return body.decode("utf-8", "replace")


def read_report(query_string: str, secret: str) -> Report | None:
    """A delivery report of a message of ours; None for a value that is not known. Raises Refused.

    The address was made by us and carries an HMAC over the outbox row's id, which nobody else can make.
    """
    query = dict(parse_qsl(query_string, keep_blank_values=True, errors="replace", max_num_fields=50))
    outbox = query.get("outbox", "")
    if not guard.is_secret(query.get("mac", ""), (guard.mac(secret, f"kannel:{outbox}"),)):
        raise Refused("not Kannel")
    status, reference = DLR.get(query.get("status", "")), reference_of(outbox)
    if status is None or reference is None:
        return None
    failed = CODES.statuses[status].outcome == Outcome.FAILED
    return Report(NAME, outbox, status, _smsc_code(query.get("answer", "")) if failed else None, reference)


def _smsc_code(answer: str) -> str | None:
    """`NACK/11/Invalid Destination Address` is `smpp-11`; a delivery receipt tells its `err:` instead."""
    parts = answer.split("/")
    if len(parts) > 1 and parts[0] == "NACK" and parts[1].isascii() and parts[1].isdigit():
        return f"smpp-{int(parts[1])}"[:20]
    error = answer.partition("err:")[2].split()
    return f"err-{error[0]}"[:20] if error else None


class Kannel:
    name = NAME
    answers_lookups = False

    def __init__(self, *, url: str, username: str, password: str, sender: str, report_url: str, secret: str, timeout: float = 10) -> None:
        """`secret`: what delivery reports are told by; `report_url`: where this Kannel reaches us."""
        self._url, self._account, self._sender = url, (username, password), sender
        self._report_url, self._secret, self._timeout = report_url, secret, timeout

    def send_sms(self, message: Message) -> Accepted:
        """Kannel answers without an id: a message is told by our own reference."""
        answer = post(self._url, content=message.text.encode(), headers=self._headers(message), timeout=self._timeout)
        if answer.status_code == 202:
            return Accepted(str(message.reference), "queued" if answer.text.startswith("3") else "accepted")
        raise self._refusal(answer.status_code, answer.text)

    def _headers(self, message: Message) -> dict[str, str]:
        return {
            "Content-Type": "text/plain; charset=UTF-8",
            "X-Kannel-Username": self._account[0],
            "X-Kannel-Password": self._account[1],
            "X-Kannel-From": message.header or self._sender,
            "X-Kannel-To": message.to,
            "X-Kannel-Coding": "0" if is_gsm7(message.text) else "2",
            "X-Kannel-DLR-Mask": ALL_REPORTS,
            "X-Kannel-DLR-Url": self._report_address(message.reference),
            **({"X-Kannel-Meta-Data": metadata} if (metadata := _metadata(message)) else {}),
        }

    def _report_address(self, reference: int) -> str:
        """%d and %A are filled in by Kannel."""
        signed = guard.mac(self._secret, f"kannel:{reference}")
        return f"{self._report_url}?outbox={reference}&mac={signed}&status=%d&answer=%A"

    @staticmethod
    def _refusal(status: int, body: str) -> Exception:
        if status >= 500:
            return Temporary(f"http-{status}")
        known = next((code for code in CODES.errors if body.startswith(code)), None)
        return CODES.refusal(known) if known else Permanent(f"http-{status}")

    def find_sms(self, to: str, text: str, since: datetime) -> Sequence[Accepted]:
        raise Temporary("lookup")


def _metadata(message: Message) -> str:
    """The ids of TRAI's register; kannel.conf names the SMPP parameters (`smpp-tlv`) that carry them."""
    ids = {"dlt_entity_id": message.entity_id, "dlt_template_id": message.template_id, "dlt_header": message.header}
    given = {name: value for name, value in ids.items() if value}
    return f"?{quote('smpp')}?{urlencode(given)}" if given else ""
