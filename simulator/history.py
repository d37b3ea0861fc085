"""The carrier's lists of what was, as its REST API gives them: calls, recordings, messages; filtered, newest first, page by page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, jsonify, request

from simulator.network import Network
from simulator.settings import Settings

PAGE_SIZE, MAX_PAGE_SIZE = 50, 1000
Resource = Callable[[Settings, dict[str, Any]], dict[str, Any]]

_CALLS = """SELECT c.*, e.at AS ended, p.sid IS NOT NULL AS ours FROM calls c
  LEFT JOIN ended e ON e.sid = c.sid LEFT JOIN placed p ON p.sid = c.sid
  WHERE (?1 = '' OR CASE WHEN p.sid IS NULL THEN c.called ELSE c.number END = ?1)
    AND (?2 = '' OR CASE WHEN p.sid IS NULL THEN c.number ELSE c.called END = ?2) AND c.started >= ?3 AND c.started < ?4
  ORDER BY c.started DESC LIMIT ?5 OFFSET ?6"""
_MESSAGES = """SELECT messages.*, (SELECT COUNT(*) FROM media WHERE message_sid = messages.sid) AS media FROM messages WHERE (?1 = '' OR recipient = ?1) AND (?2 = '' OR sender = ?2) AND made >= ?3 AND made < ?4
  ORDER BY seq DESC LIMIT ?5 OFFSET ?6"""
_RECORDINGS = """SELECT sid, call_sid, seconds, made FROM recordings WHERE ?1 = ?1 AND ?2 = ?2 AND made >= ?3 AND made < ?4
  ORDER BY made DESC LIMIT ?5 OFFSET ?6"""


def register(blueprint: Blueprint, base: str, settings: Settings, authorised: Callable[[], None], network: Callable[[], Network]) -> None:
    """The lists under `base`, as the account's own."""

    def listed(name: str, date: str, query: str, resource: Resource) -> None:
        def view() -> Response:
            authorised()
            return jsonify(_page(settings, network(), name, date, query, resource))

        blueprint.add_url_rule(f"{base}/{name}.json", f"list_{name.lower()}", view, methods=["GET"])

    listed("Calls", "StartTime", _CALLS, call)
    listed("Messages", "DateSent", _MESSAGES, message)
    listed("Recordings", "DateCreated", _RECORDINGS, recording)


def _page(settings: Settings, network: Network, name: str, date: str, query: str, resource: Resource) -> dict[str, Any]:
    asked = request.args
    size, page = min(_whole(asked.get("PageSize"), PAGE_SIZE), MAX_PAGE_SIZE), _whole(asked.get("Page"), 0)
    since, until = _seconds(asked.get(f"{date}>"), 0.0), _seconds(asked.get(f"{date}<"), 4e9)
    rows = network.store.rows(query, asked.get("To", ""), asked.get("From", ""), since, until, size + 1, page * size)
    path = f"/2010-04-01/Accounts/{settings.account_sid}/{name}.json"
    following = urlencode({**asked.to_dict(), "PageSize": size, "Page": page + 1})
    return {name.lower(): [resource(settings, row) for row in rows[:size]], "page": page, "page_size": size, "uri": path, "first_page_uri": path,
            "next_page_uri": f"{path}?{following}" if len(rows) > size else None}  # fmt: skip


def call(settings: Settings, row: dict[str, Any]) -> dict[str, Any]:
    """A call as the API shows it; of the helpline's own (`ours`), the telephone is where it goes to."""
    ours, ended = bool(row.get("ours")), row.get("ended")
    ends = {"to": row["number"], "from": row["called"]} if ours else {"to": row["called"], "from": row["number"]}
    return {"sid": row["sid"], "account_sid": settings.account_sid, **ends, "status": row["state"], "direction": "outbound-api" if ours else "inbound",
            "start_time": _when(row["started"]), "end_time": _when(ended), "duration": str(max(1, round(ended - row["started"]))) if ended else None,
            "date_created": _when(row["started"]), "date_updated": _when(ended or row["started"]), "answered_by": None, "api_version": "2010-04-01",
            "uri": f"/2010-04-01/Accounts/{settings.account_sid}/Calls/{row['sid']}.json", "subresource_uris": {}}  # fmt: skip


def message(settings: Settings, row: dict[str, Any]) -> dict[str, Any]:
    inbound = row["sender"] != settings.helpline_number
    return {"sid": row["sid"], "account_sid": settings.account_sid, "to": row["recipient"], "from": row["sender"], "body": row["body"], "status": row["status"],
            "date_created": _when(row["made"]), "date_updated": _when(row["made"]), "date_sent": _when(row["made"]), "num_segments": "1", "num_media": str(row.get("media") or 0),
            "direction": "inbound" if inbound else "outbound-api", "error_code": int(row["code"]) if row["code"] else None, "error_message": None, "price": None,
            "price_unit": "USD", "messaging_service_sid": None, "api_version": "2010-04-01", "uri": f"/Messages/{row['sid']}.json",
            "subresource_uris": {}}  # fmt: skip


def recording(settings: Settings, row: dict[str, Any]) -> dict[str, Any]:
    path = f"/2010-04-01/Accounts/{settings.account_sid}/Recordings/{row['sid']}"
    return {"sid": row["sid"], "call_sid": row["call_sid"], "account_sid": settings.account_sid, "duration": str(row["seconds"]), "status": "completed",
            "source": "RecordVerb", "channels": 1, "date_created": _when(row["made"]), "date_updated": _when(row["made"]), "start_time": _when(row["made"]),
            "price": None, "price_unit": "USD", "error_code": None, "api_version": "2010-04-01", "uri": f"{path}.json", "subresource_uris": {}}  # fmt: skip


def _when(moment: float | None) -> str | None:
    return format_datetime(datetime.fromtimestamp(moment, UTC)) if moment else None


def _seconds(text: str | None, default: float) -> float:
    """A day or a moment in UTC, as seconds since 1970."""
    try:
        moment = datetime.fromisoformat((text or "").replace("Z", "+00:00"))
    except ValueError:
        return default
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _whole(text: str | None, default: int) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 9 else default
