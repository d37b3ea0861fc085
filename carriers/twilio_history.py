"""What Twilio, and servers compatible with it, remember: calls, recordings and messages since a moment, page by page.

Plain requests rather than the SDK: four lists, and a server that lacks one of them says so by 404.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Protocol

from carriers.base import Temporary, Unusable, retry_after

if TYPE_CHECKING:
    import httpx

PAGE_SIZE = 500
MAX_PAGES = 10_000
SLOWER = 5  # times that a page is asked for anew after 429
_NOT_OFFERED = (404, 405, 410, 501)
ENDED = frozenset({"completed", "busy", "no-answer", "failed", "canceled"})


@dataclass(frozen=True)
class PastCall:
    sid: str
    sender: str
    recipient: str
    status: str
    is_inbound: bool
    started_at: datetime
    ended_at: datetime | None = None
    seconds: int | None = None


@dataclass(frozen=True)
class PastRecording:
    sid: str
    call_sid: str
    url: str
    seconds: int
    made_at: datetime


@dataclass(frozen=True)
class PastMessage:
    sid: str
    sender: str
    recipient: str
    text: str
    status: str
    is_inbound: bool
    made_at: datetime
    media: str = "0"
    code: str | None = None


class History(Protocol):
    """What a carrier can be asked about the past. All raise Temporary, and Unusable for what the server does not offer."""

    def clock_ahead(self) -> timedelta:
        """How far its clock is ahead of ours, by its answer's `Date`; nothing where it does not say."""

    def calls(self, since: datetime) -> Iterator[PastCall]: ...

    def call(self, sid: str) -> PastCall | None: ...

    def recordings(self, since: datetime) -> Iterator[PastRecording]: ...

    def messages(self, since: datetime) -> Iterator[PastMessage]: ...

    def media(self, sid: str) -> list[tuple[str, str]]: ...


class TwilioHistory:
    def __init__(
        self, *, account_sid: str, auth_token: str, api_base: str, timeout: float = 10, client: httpx.Client | None = None, sleep: Callable[[float], None] = time.sleep
    ) -> None:  # fmt: skip
        self._account = f"/2010-04-01/Accounts/{account_sid}"
        self._auth = (account_sid, auth_token)
        self._base = api_base.rstrip("/")
        self._timeout = timeout
        self._client, self._sleep = client, sleep
        self._ahead = timedelta(0)

    def clock_ahead(self) -> timedelta:
        with suppress(Unusable):
            self._get(f"{self._account}/Calls.json", {"PageSize": "1"}, absent=True)
        return self._ahead

    def calls(self, since: datetime) -> Iterator[PastCall]:
        """Newest first; also those still under way."""
        return (_call(row) for row in self._rows("Calls", "calls", {"StartTime>": _moment(since)}))

    def call(self, sid: str) -> PastCall | None:
        row = self._get(f"{self._account}/Calls/{sid}.json", {}, absent=True)
        return _call(row) if row else None

    def recordings(self, since: datetime) -> Iterator[PastRecording]:
        """Those that callers made and that are whole; what else is recorded (a talk with an agent, say) is not a caller's message."""
        for row in self._rows("Recordings", "recordings", {"DateCreated>": _moment(since)}):
            seconds = _whole(row.get("duration"))
            if row.get("status") == "completed" and seconds and row.get("source") in (None, "", "RecordVerb"):
                path = str(row.get("media_url") or self._base + str(row.get("uri") or f"{self._account}/Recordings/{row['sid']}"))
                yield PastRecording(row["sid"], row["call_sid"], path.removesuffix(".json"), seconds, _when(row.get("date_created")))

    def messages(self, since: datetime) -> Iterator[PastMessage]:
        for row in self._rows("Messages", "messages", {"DateSent>": _moment(since)}):
            code = row.get("error_code")
            yield PastMessage(
                row["sid"], str(row.get("from") or ""), str(row.get("to") or ""), str(row.get("body") or ""), str(row.get("status") or ""),
                row.get("direction") == "inbound", _when(row.get("date_created") or row.get("date_sent")), str(row.get("num_media") or "0"),
                str(code) if code else None,
            )  # fmt: skip

    def media(self, sid: str) -> list[tuple[str, str]]:
        """(address, media type) of what came with a message."""
        rows = self._get(f"{self._account}/Messages/{sid}/Media.json", {}, absent=True).get("media_list") or []
        return [(self._base + str(row["uri"]).removesuffix(".json"), str(row.get("content_type") or "")) for row in rows if row.get("uri")]

    def _rows(self, name: str, key: str, filters: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        path, query = f"{self._account}/{name}.json", {**filters, "PageSize": str(PAGE_SIZE)}
        for _ in range(MAX_PAGES):
            page = self._get(path, query)
            yield from page.get(key) or []
            following = page.get("next_page_uri")
            if not following:
                return
            path, query = str(following).removeprefix(self._base), {}
        raise Temporary("pages")

    def _get(self, path: str, query: Mapping[str, str], *, absent: bool = False) -> dict[str, Any]:
        """The answer as JSON; {} for a 404 where something may be `absent`. Waits where the server asks us to slow down.

        Raises Unusable only where the server does not have this list. An account that it does not know is no such answer: after
        the account is mended everything is to be asked for.
        """
        answer = self._patiently(path, query)
        if answer.status_code == 404 and absent:
            return {}
        if answer.status_code in _NOT_OFFERED:
            raise Unusable(str(answer.status_code))
        if answer.status_code != 200:
            raise Temporary(str(answer.status_code))
        try:
            found = answer.json()
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise Temporary("json")
        return found

    def _patiently(self, path: str, query: Mapping[str, str]) -> httpx.Response:
        import httpx  # the web process names this file and asks nothing

        for attempt in range(SLOWER + 1):
            try:
                answer = (self._client or httpx).get(self._base + path, params=dict(query) or None, auth=self._auth, timeout=self._timeout)
            except httpx.HTTPError as error:
                raise Temporary(type(error).__name__) from None
            if answer.headers.get("Date"):
                self._ahead = _when(answer.headers["Date"]) - datetime.now(UTC)
            if answer.status_code != 429 or attempt == SLOWER:
                break
            asked = retry_after(answer.headers.get("Retry-After"), datetime.now(UTC))
            self._sleep(min(asked or 2.0**attempt, 60))
        return answer


def _call(row: Mapping[str, Any]) -> PastCall:
    inbound = str(row.get("direction") or "").startswith("inbound")
    ended = row.get("end_time")
    return PastCall(row["sid"], str(row.get("from") or ""), str(row.get("to") or ""), str(row.get("status") or "").lower(), inbound,
                    _when(row.get("start_time") or row.get("date_created")), _when(ended) if ended else None, _whole(row.get("duration")))  # fmt: skip


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _when(text: Any) -> datetime:
    """An RFC 2822 date, as this API writes them, or an ISO one."""
    try:
        moment = parsedate_to_datetime(str(text))
    except ValueError:
        moment = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _whole(text: Any) -> int | None:
    return int(text) if str(text).isascii() and str(text).isdigit() else None
