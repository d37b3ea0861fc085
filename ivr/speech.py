"""How numbers and dates are said: digit by digit, in groups, in the caller's language."""

from __future__ import annotations

from helpline import acknowledgement
from helpline.text import to_bengali_digits


def digits(text: str, language: str) -> str:
    """`98300 12345` → `৯ ৮ ৩ ০ ০, ১ ২ ৩ ৪ ৫`: digits apart, or they are read as millions; a comma pauses between groups."""
    said = ", ".join(" ".join(group) for group in text.split())
    return to_bengali_digits(said) if language == "bn" else said


def ack(number: str, language: str) -> str:
    return digits(acknowledgement.display(number), language)
