"""Acknowledgement numbers: `YY` + 8 random digits + a Damm check digit, printed `261 2345 6789`.

Eleven digits: not a mobile number (10), not Aadhaar (12), not a PIN code (6). The Damm digit catches every single wrong
digit and every swap of neighbours before any look-up.
"""

from __future__ import annotations

import re
import secrets
from datetime import datetime

from stdnum import damm

from helpline.sla import IST

LENGTH = 11
_DIGITS = str.maketrans("০১২৩৪৫৬৭৮৯०१२३४५६७८९", "01234567890123456789")
_RUN = re.compile(r"[0-9](?:[\s\-–—.‑]{0,3}[0-9])*")


def generate(now: datetime) -> str:
    """A fresh number of the year of `now` in Asia/Kolkata; random, so that it cannot be guessed from another."""
    body = f"{now.astimezone(IST):%y}{secrets.randbelow(10**8):08d}"
    return body + str(damm.calc_check_digit(body))


def is_valid(ack: str) -> bool:
    return len(ack) == LENGTH and ack.isascii() and ack.isdigit() and damm.checksum(ack) == 0


def normalise(text: str) -> str | None:
    """The number that `text` is (any of our digits, spaces, dashes, dots between), or None."""
    digits = re.sub(r"[\s\-–—.‑]", "", text.translate(_DIGITS))
    return digits if is_valid(digits) else None


def display(ack: str) -> str:
    """`261 2345 6789`, as it is printed and said."""
    return f"{ack[:3]} {ack[3:7]} {ack[7:]}"
