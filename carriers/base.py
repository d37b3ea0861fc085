"""What every carrier gives and is asked for, and how it says no. A carrier is one file: its protocol, and its words as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import NamedTuple, Protocol

# ── what comes in ───────────────────────────────────────────────────────────────────────────────────────────────────


class Refused(Exception):
    """The request is not from the carrier, or cannot be read."""


class Incoming(NamedTuple):
    """A message as a carrier brought it. `sid` tells it from every other one of this carrier: delivered twice, it is the same."""

    carrier: str
    sid: str
    sender: str  # as the carrier gave it: a number, a header, "anonymous"
    recipient: str
    text: str
    media: str = "0"  # how many pictures came with it
    sent_at: datetime | None = None  # where the carrier says so
    items: tuple[tuple[str, str], ...] = ()  # their addresses and media types, where the carrier gives them
    segments: str = ""  # how many segments the carrier put together for it; "" where it does not say


@dataclass(frozen=True)
class Report:
    """A carrier's word about a message of ours. `reference`: the outbox row's id, where the carrier gives it back."""

    carrier: str
    sid: str
    status: str  # a key of its Codes.statuses
    code: str | None = None
    reference: int | None = None


def reference_of(text: str) -> int | None:
    """An outbox row's id as a carrier gives it back; None when it is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


# ── what goes out ───────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Message:
    """A message to be sent. The ids are those of TRAI's register (DLT), "" where there is none."""

    to: str  # E.164
    text: str
    reference: int
    template_id: str = ""
    entity_id: str = ""
    header: str = ""


@dataclass(frozen=True)
class Accepted:
    sid: str
    status: str


class CarrierError(Exception):
    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Temporary(CarrierError):
    """Nothing was sent; worth a try later, or with another carrier. `after`: seconds for which the carrier asks to be left alone."""

    def __init__(self, code: str, after: float = 0) -> None:
        super().__init__(code)
        self.after = after


MAX_AFTER = 900  # seconds: nobody is left alone for longer


def retry_after(header: str | None, now: datetime) -> float:
    """Seconds that a `Retry-After` header asks for, as a number or as a date (RFC 9110); 0 for none and for nonsense."""
    given = (header or "").strip()
    if given.isascii() and given.isdigit():
        return float(min(int(given[:9]), MAX_AFTER))
    try:
        seconds = (parsedate_to_datetime(given) - now).total_seconds()
    except (ValueError, TypeError):
        return 0.0
    return min(max(seconds, 0.0), MAX_AFTER)


class Unusable(CarrierError):
    """Nothing was sent: our account or settings at this carrier must be mended. Another carrier may send it."""


class Permanent(CarrierError):
    """The message was refused and trying again, here or elsewhere, will not help."""


class Stopped(Permanent):
    """The citizen told the carrier to stop our messages."""


class Unknown(CarrierError):
    """It may have been sent: to be looked up, not sent again blindly."""


class Absent(CarrierError):
    """The recording is not there (yet)."""


class MediaCarrier(Protocol):
    """Where pictures that came with messages are fetched from."""

    def fetch_media(self, url: str, most: int) -> bytes:
        """What is at the address, of at most `most` bytes. Raises Absent, Temporary or Permanent ("host", "size")."""


class SmsCarrier(Protocol):
    name: str
    answers_lookups: bool  # whether `find_sms` can tell what became of a message

    def send_sms(self, message: Message) -> Accepted:
        """Hand `message` over. Raises Temporary, Unusable, Permanent, Stopped or Unknown."""

    def find_sms(self, to: str, text: str, since: datetime) -> Sequence[Accepted]:
        """The messages with this number and text since then, the newest first. Raises Temporary."""


@dataclass(frozen=True)
class OutgoingCall:
    """A call to be made. `url`: who asks what to say; `report`: who is told of its end."""

    to: str  # E.164, or `client:…` for a browser
    url: str
    report: str
    ring_seconds: int
    answering_machine: str  # hang_up | leave_message | ignore


@dataclass(frozen=True)
class CallState:
    """Where a call of ours stands: `status` is one of `queued`, `ringing`, `in-progress` or those of CALL_ENDED."""

    sid: str
    status: str
    seconds: int = 0


CALL_ENDED = frozenset({"completed", "busy", "no-answer", "failed", "canceled"})


class VoiceCarrier(Protocol):
    name: str

    def place_call(self, call: OutgoingCall) -> Accepted:
        """Begin `call`. Raises Temporary, Unusable, Permanent or Unknown."""

    def find_call(self, to: str, since: datetime) -> CallState | None:
        """The newest call of ours to this number since then, if there is one. Raises Temporary."""

    def call_state(self, sid: str) -> CallState | None:
        """Where a call stands; None when the carrier does not know it. Raises Temporary."""

    def redirect(self, sid: str, url: str) -> None:
        """Let a call go on at `url`. Raises CarrierError."""

    def hold(self, room: str, sid: str, held: bool, music_url: str) -> None:
        """Hold a call in a room, or take it back. Raises CarrierError."""

    def hang_up(self, sid: str) -> None:
        """End a call; one that is over already is no error. Raises CarrierError."""

    def fetch_recording(self, url: str) -> tuple[bytes, str]:
        """(content, media type). Raises Absent, Temporary or Permanent."""


# ── its words, as tables ────────────────────────────────────────────────────────────────────────────────────────────


class Trouble(StrEnum):
    """What an error code asks of us."""

    RETRY = "retry"
    OURS = "ours"  # our account or settings
    PERMANENT = "permanent"
    STOPPED = "stopped"  # the citizen opted out


_RAISED: dict[Trouble, type[CarrierError]] = {
    Trouble.RETRY: Temporary,
    Trouble.OURS: Unusable,
    Trouble.PERMANENT: Permanent,
    Trouble.STOPPED: Stopped,
}


class Outcome(StrEnum):
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True)
class Status:
    """What a status means. Of two, the one of the higher rank stands: they arrive late, twice and out of order."""

    rank: int
    outcome: Outcome


@dataclass(frozen=True)
class Codes:
    """A carrier's statuses and error codes. A code that is not listed is `unlisted`."""

    statuses: Mapping[str, Status]
    errors: Mapping[str, Trouble]
    unlisted: Trouble = Trouble.PERMANENT

    def trouble(self, code: str | None) -> Trouble:
        return self.errors.get(code or "", self.unlisted)

    def refusal(self, code: str) -> CarrierError:
        """The exception that `code` is."""
        return _RAISED[self.trouble(code)](code)


def codes(trouble: Trouble, *names: str) -> dict[str, Trouble]:
    return dict.fromkeys(names, trouble)


def statuses(rank: int, outcome: Outcome, *names: str) -> dict[str, Status]:
    return dict.fromkeys(names, Status(rank, outcome))
