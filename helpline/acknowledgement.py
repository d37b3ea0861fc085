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


def find_all(text: str) -> list[str]:
    """Every valid number in messy `text`, in order, once each.

    Digits may be Bengali or Devanagari and apart by spaces, dashes, dots or line breaks; a keyword may be glued to them.
    Two numbers run together are not guessed: which eleven digits were meant cannot be known.
    """
    found: list[str] = []
    for run in _RUN.findall(text.translate(_DIGITS)):
        found += [ack for ack in _in_run(run) if ack not in found]
    return found


def _in_run(run: str) -> list[str]:
    """Numbers in a run of digit groups: whole groups are joined until they make eleven digits."""
    groups = re.findall(r"[0-9]+", run)
    found, start = [], 0
    while start < len(groups):
        length = _joined(groups, start)
        if length:
            found.append("".join(groups[start : start + length]))
        start += length or 1
    return found


def _joined(groups: list[str], start: int) -> int:
    """How many groups from `start` make a valid number; 0 when none do."""
    digits = ""
    for count, group in enumerate(groups[start:], start=1):
        digits += group
        if len(digits) >= LENGTH:
            alone = len(group) <= 4 or count == 1 or len(digits) == LENGTH
            return count if alone and is_valid(digits) else 0
    return 0
