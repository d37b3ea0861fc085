"""What the worker asks of a carrier, and how a carrier says no."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class Accepted:
    sid: str
    status: str


class CarrierError(Exception):
    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Temporary(CarrierError):
    """Nothing was sent; worth a try later."""


class Permanent(CarrierError):
    """Nothing was sent and trying again will not help."""


class Unknown(CarrierError):
    """It may have been sent: to be looked up, not sent again blindly."""


class Absent(CarrierError):
    """The recording is not there (yet)."""


class Carrier(Protocol):
    name: str

    def send_sms(self, to: str, text: str, *, reference: int) -> Accepted:
        """Hand `text` over. Raises Temporary, Permanent or Unknown."""

    def find_sms(self, to: str, text: str, since: datetime) -> Accepted | None:
        """The newest message with this number and text since then, if the carrier knows one."""

    def fetch_recording(self, url: str) -> tuple[bytes, str]:
        """(content, media type). Raises Absent, Temporary or Permanent."""
