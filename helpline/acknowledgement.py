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
_GROUP = re.compile(r"[0-9]+")
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
    return list(dict.fromkeys(ack for ack, _, _ in find_spans(text)))


def find_spans(text: str) -> list[tuple[str, int, int]]:
    """(number, start, end) of every valid number in `text`."""
    return [found for run in _RUN.finditer(text.translate(_DIGITS)) for found in _in_run(run.group(), run.start())]


def _in_run(run: str, offset: int) -> list[tuple[str, int, int]]:
    """Numbers in a run of digit groups: whole groups are joined until they make eleven digits."""
    groups = list(_GROUP.finditer(run))
    found, start = [], 0
    while start < len(groups):
        count = _joined([group.group() for group in groups[start:]])
        if count:
            last = groups[start + count - 1]
            ack = "".join(group.group() for group in groups[start : start + count])
            found.append((ack, offset + groups[start].start(), offset + last.end()))
        start += count or 1
    return found


def _joined(groups: list[str]) -> int:
    """How many of the first groups make a valid number; 0 when none do."""
    digits = ""
    for count, group in enumerate(groups, start=1):
        digits += group
        if len(digits) >= LENGTH:
            return count if is_valid(digits) else 0
    return 0
