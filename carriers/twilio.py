"""Twilio, and servers compatible with it: sends, looks up and fetches with the official SDK, which only the worker imports.

Error codes: twilio.com/docs/api/errors.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from carriers.base import (
    Absent,
    Accepted,
    CallState,
    CarrierError,
    Codes,
    Incoming,
    Message,
    Outcome,
    OutgoingCall,
    Permanent,
    Report,
    Temporary,
    Trouble,
    Unknown,
    Unusable,
    codes,
    reference_of,
    retry_after,
    statuses,
)
from carriers.webhook import Webhook

if TYPE_CHECKING:
    import httpx
    from twilio.rest import Client

API = "https://api.twilio.com"
CODES = Codes(
    statuses={
        **statuses(0, Outcome.SENT, "accepted", "scheduled"),
        **statuses(1, Outcome.SENT, "queued"),
        **statuses(2, Outcome.SENT, "sending"),
        **statuses(3, Outcome.SENT, "sent"),
        **statuses(4, Outcome.FAILED, "undelivered", "failed", "canceled"),
        **statuses(5, Outcome.DELIVERED, "delivered"),
        **statuses(6, Outcome.DELIVERED, "read"),
    },
    errors={
        **codes(Trouble.RETRY, "20429", "20500", "20503", "30001", "30003", "30008", "30017", "30022", "11200", "11205"),
        **codes(Trouble.OURS, "20003", "20404", "20005", "21212", "21603", "21606", "21659", "21612", "12100", "12300", "30002"),
        **codes(Trouble.PERMANENT, "21211", "21217", "21408", "21614", "21617", "30004", "30005", "30006", "30007", "30410"),
        **codes(Trouble.STOPPED, "21610"),
    },
)
MAX_RECORDING = 20_000_000
MOST_MEDIA = 10  # of one message
MAX_MOVES = 3  # from the API to where the file is


def read_incoming(webhook: Webhook) -> Incoming:
    """A messaging webhook; `sid` is "" when it carries none."""
    get = webhook.get
    sid = get("MessageSid") or get("SmsSid") or get("SmsMessageSid")
    return Incoming(Twilio.name, sid[:64], get("From"), get("To"), get("Body"), get("NumMedia", "0"), items=_items(webhook), segments=get("NumSegments"))


def _items(webhook: Webhook) -> tuple[tuple[str, str], ...]:
    """(address, media type) of each picture or document that came with a message; of WhatsApp as of MMS."""
    count = webhook.get("NumMedia", "0")
    addresses = [(webhook.get(f"MediaUrl{at}")[:1000], webhook.get(f"MediaContentType{at}")[:80]) for at in range(min(int(count), MOST_MEDIA))] if _is_count(count) else []
    return tuple(item for item in addresses if item[0])


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 4


def read_report(webhook: Webhook) -> Report | None:
    """A status callback; None when it says nothing that we know."""
    sid = (webhook.get("MessageSid") or webhook.get("SmsSid"))[:64]
    status = (webhook.get("MessageStatus") or webhook.get("SmsStatus")).lower()
    if not sid or status not in CODES.statuses:
        return None
    return Report(Twilio.name, sid, status, webhook.get("ErrorCode")[:20] or None, reference_of(webhook.query.get("outbox", "")))


class Twilio:
    name = "twilio"
    answers_lookups = True

    def __init__(
        self,
        *,
        account_sid: str,
        auth_token: str,
        sender: str,
        status_callback: str,
        caller_id: str = "",
        api_base: str = API,
        media_hosts: tuple[str, ...] = (),
        timeout: float = 10,
    ) -> None:
        self._account = (account_sid, auth_token)
        self._sender = sender
        self._status_callback = status_callback
        self._caller_id = caller_id or sender
        self._api_base = api_base.rstrip("/")
        self._media_hosts = {*media_hosts, urlsplit(api_base).hostname}
        self._timeout = timeout
        self._made: Client | None = None

    def send_sms(self, message: Message) -> Accepted:
        """Not idempotent at the carrier: a time-out after sending raises Unknown."""
        report = f"{self._status_callback}?outbox={message.reference}"
        sender = message.header or self._sender
        return self._created(lambda: self._client().messages.create(to=message.to, from_=sender, body=message.text, status_callback=report))

    def _created(self, create: Callable[[], Any]) -> Accepted:
        """What `create` made at the carrier; its refusals and troubles as ours."""
        import requests
        from twilio.base.exceptions import TwilioException, TwilioRestException

        try:
            made = create()
            sid = str(made.sid or "")
        except TwilioRestException as error:
            raise self._refusal(error) from None
        except requests.ConnectTimeout:
            raise Temporary("connect") from None
        except requests.ConnectionError as error:
            raise (Unknown if _was_sent(error) else Temporary)("connection") from None
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, requests.exceptions.MissingSchema):
            raise Unusable("address") from None
        except requests.RequestException:
            raise Unknown("timeout") from None
        except (TwilioException, *_UNREADABLE):
            raise Unknown("answer") from None
        if not sid:
            raise Unknown("answer")
        return Accepted(sid[:64], str(made.status or "accepted")[:20])

    def place_call(self, call: OutgoingCall) -> Accepted:
        """Not idempotent at the carrier: a time-out after sending raises Unknown."""
        detect = {"machine_detection": _DETECT[call.answering_machine]} if call.answering_machine in _DETECT else {}
        return self._created(lambda: self._client().calls.create(
            to=call.to, from_=self._caller_id, url=call.url, method="POST", status_callback=call.report, status_callback_method="POST",
            status_callback_event=["completed"], timeout=call.ring_seconds, **detect))  # fmt: skip

    def find_call(self, to: str, since: datetime) -> CallState | None:
        import requests
        from twilio.base.exceptions import TwilioException

        try:
            made = self._client().calls.list(to=to, from_=self._caller_id, start_time_after=since.astimezone(UTC), limit=20)
        except (TwilioException, requests.RequestException, *_UNREADABLE):
            raise Temporary("lookup") from None
        return _call_state(made[0]) if made else None

    def call_state(self, sid: str) -> CallState | None:
        import requests
        from twilio.base.exceptions import TwilioException, TwilioRestException

        try:
            return _call_state(self._client().calls(sid).fetch())
        except TwilioRestException as error:
            if error.status == 404:
                return None
            raise Temporary(str(error.status)) from None
        except (TwilioException, requests.RequestException, *_UNREADABLE):
            raise Temporary("lookup") from None

    def _refusal(self, error: Any) -> Exception:
        code = str(error.code or error.status)
        if error.status >= 500:
            return Unknown(str(error.status))
        if error.status < 400:  # somebody who stands between us and the carrier
            return Unusable(str(error.status))
        if error.status in (401, 403) and code not in CODES.errors:
            return Unusable(code)
        return CODES.refusal(code)

    def find_sms(self, to: str, text: str, since: datetime) -> list[Accepted]:
        """Asked without a date: what waits at the carrier has none yet."""
        import requests
        from twilio.base.exceptions import TwilioException

        try:
            sent = self._client().messages.list(to=to, limit=200)
            return [Accepted(str(message.sid), str(message.status)) for message in sent if message.body == text and _is_since(message.date_created, since)]
        except (TwilioException, requests.RequestException, *_UNREADABLE):
            raise Temporary("lookup") from None

    def fetch_recording(self, url: str) -> tuple[bytes, str]:
        """Only from the carrier's hosts, with the account's credentials, as WAV."""
        import httpx

        if urlsplit(url).hostname not in self._media_hosts:
            raise Permanent("host")
        address = self._moved(url if url.endswith((".wav", ".mp3")) else f"{url}.wav")
        try:
            answer = httpx.get(address, auth=self._account, timeout=self._timeout)
        except httpx.HTTPError:
            raise Temporary("connection") from None
        if answer.status_code == 404:
            raise Absent("404")
        if answer.status_code != 200:
            raise Temporary(str(answer.status_code), retry_after(answer.headers.get("Retry-After"), datetime.now(UTC)))
        if len(answer.content) > MAX_RECORDING:
            raise Permanent("size")
        return answer.content, answer.headers.get("content-type", "").partition(";")[0]

    def fetch_media(self, url: str, most: int) -> bytes:
        """Only from the carrier's hosts, over https but for our own API; the account's credentials go to the API alone."""
        import httpx

        address = self._moved(url)
        for _ in range(MAX_MOVES + 1):
            self._check_host(address)
            auth = self._account if address.startswith(f"{self._api_base}/") else None
            try:
                with httpx.stream("GET", address, auth=auth, timeout=self._timeout, follow_redirects=False) as answer:
                    if answer.has_redirect_location:
                        address = str(answer.url.join(answer.headers["location"]))
                        continue
                    return _body(answer, most)
            except httpx.HTTPError:
                raise Temporary("connection") from None
        raise Permanent("moved")

    def _check_host(self, address: str) -> None:
        found = urlsplit(address)
        if found.hostname not in self._media_hosts or (found.scheme != "https" and not address.startswith(f"{self._api_base}/")):
            raise Permanent("host")

    # ── calls with agents ──

    def redirect(self, sid: str, url: str) -> None:
        """Let a call go on at `url`. Raises Permanent when it is over."""
        self._asked(lambda client: client.calls(sid).update(url=url, method="POST"))

    def hold(self, room: str, sid: str, held: bool, music_url: str) -> None:
        def ask(client: Client) -> Any:
            found = client.conferences.list(friendly_name=room, status="in-progress", limit=1)
            if not found:
                raise Temporary("no_room")
            return client.conferences(found[0].sid).participants(sid).update(hold=held, hold_url=music_url)

        self._asked(ask)

    def hang_up(self, sid: str) -> None:
        """End a call; one that is over is no error."""
        try:
            self._asked(lambda client: client.calls(sid).update(status="completed"))
        except CarrierError as error:
            if error.code not in ("21220", "20404"):
                raise

    def _asked(self, ask: Callable[[Client], Any]) -> Any:
        import requests
        from twilio.base.exceptions import TwilioException, TwilioRestException

        try:
            return ask(self._client())
        except TwilioRestException as error:
            raise self._refusal(error) from None
        except requests.ReadTimeout:
            raise Unknown("timeout") from None
        except requests.RequestException:
            raise Temporary("connection") from None
        except (TwilioException, *_UNREADABLE):
            raise Unknown("answer") from None

    def _moved(self, url: str) -> str:
        return self._api_base + url.removeprefix(API) if url.startswith(API) else url

    def _client(self) -> Client:
        if self._made is None:
            from twilio.http.http_client import TwilioHttpClient
            from twilio.rest import Client

            moved = self._moved

            class Elsewhere(TwilioHttpClient):  # type: ignore[misc]
                """The SDK builds addresses of api.twilio.com, where a compatible server may stand in; and forgets what Retry-After says."""

                def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
                    answer = super().request(method, moved(url), *args, **kwargs)
                    if answer.status_code == 429:
                        raise Temporary("20429", retry_after(answer.headers.get("Retry-After"), datetime.now(UTC)))
                    return answer

            self._made = Client(*self._account, http_client=Elsewhere(timeout=self._timeout))
        return self._made


def _body(answer: httpx.Response, most: int) -> bytes:
    """The content of an answer as it comes in, given up when it grows beyond `most` bytes."""
    if answer.status_code == 404:
        raise Absent("404")
    if answer.status_code in (401, 403, 410):
        raise Permanent(str(answer.status_code))
    if answer.status_code != 200:
        raise Temporary(str(answer.status_code), retry_after(answer.headers.get("Retry-After"), datetime.now(UTC)))
    content = bytearray()
    for piece in answer.iter_bytes():
        content += piece
        if len(content) > most:
            raise Permanent("size")
    return bytes(content)


_DETECT = {"hang_up": "Enable", "leave_message": "DetectMessageEnd"}
# What the SDK raises for an answer that is no JSON, or not the JSON that was asked for.
_UNREADABLE = (ValueError, AttributeError, TypeError, KeyError)


def _is_since(made: Any, since: datetime) -> bool:
    return not isinstance(made, datetime) or made >= since.replace(microsecond=0)


def _call_state(call: Any) -> CallState:
    seconds = str(call.duration or "")
    return CallState(str(call.sid), str(call.status), int(seconds) if seconds.isdigit() else 0)


def _was_sent(error: Exception) -> bool:
    """Whether the connection broke after the request may have left."""
    return "NewConnectionError" not in repr(error) and "refused" not in repr(error).lower()


def browser_token(account_sid: str, key: tuple[str, str], identity: str, app_sid: str = "", seconds: int = 3600) -> str:
    """What an agent's browser needs to be rung (`client:<identity>`), and to ring by the TwiML application `app_sid`: a signed
    token, for an API key (its id and secret)."""
    from twilio.jwt.access_token import AccessToken
    from twilio.jwt.access_token.grants import VoiceGrant

    token = AccessToken(account_sid, *key, identity=identity, ttl=seconds)
    token.add_grant(VoiceGrant(incoming_allow=True, outgoing_application_sid=app_sid or None))
    return str(token.to_jwt())
