"""Mobile Seva's pull service, the government's own way in: an HTTP GET (or POST) with neither id nor signature.

`mobileNumber=98…&timeStamp=2026-11-24 13:30:20&operatorName=&areaCode=&message=WB STATUS …`, as published on
mgov.gov.in/RegisterPullService: ten-digit numbers, Indian time without a zone, the state's keyword before ours. Only listed
addresses may come; a repeat is told by number, time and text.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from carriers import guard
from carriers.base import Incoming, Refused

NAME = "mobile_seva"
IST = ZoneInfo("Asia/Kolkata")
_TIMES = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%d %H:%M", "%d-%m-%Y %H:%M:%S")


def read_incoming(
    environ: Mapping[str, Any], body: bytes, *, remote: str | None, allowed: tuple[str, ...], keywords: tuple[str, ...]
) -> Incoming:
    """A message of the pull service. Raises Refused."""
    if not guard.is_listed(remote, allowed):
        raise Refused("not Mobile Seva")
    query = environ.get("QUERY_STRING", "") if environ.get("REQUEST_METHOD") == "GET" else body.decode("utf-8", "replace")
    try:
        fields = dict(parse_qsl(query, keep_blank_values=True, errors="replace", max_num_fields=50))
    except ValueError:
        raise Refused("form") from None
    number, time, text = (fields.get(name, "").strip() for name in ("mobileNumber", "timeStamp", "message"))
    if not number:
        raise Refused("no number")
    sent_at = _moment(time)
    sid = hashlib.sha256("\n".join((number[-10:], sent_at.isoformat() if sent_at else time, text)).encode()).hexdigest()[:40]
    return Incoming(NAME, sid, number, "", without_keyword(text, keywords), sent_at=sent_at)


def _moment(text: str) -> datetime | None:
    """Indian time as UTC; None for what is no time."""
    for form in _TIMES:
        try:
            return datetime.strptime(text, form).replace(tzinfo=IST).astimezone(UTC)
        except ValueError:
            continue
    return None


def without_keyword(text: str, keywords: tuple[str, ...]) -> str:
    """`text` without the state's keyword at its beginning, in capitals or not; the longest of `keywords` counts."""
    for keyword in sorted(keywords, key=len, reverse=True):
        words = r"\s+".join(re.escape(word) for word in keyword.split())
        if words and (match := re.match(rf"\s*{words}(?:[\s:,.-]+|$)", text, re.IGNORECASE)):
            return text[match.end() :]
    return text
