"""The console's own sentences, Bengali and English side by side, with dates and digits as their readers expect."""

from __future__ import annotations

import re
import string
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from babel.dates import format_date, format_datetime

from helpline.sla import IST
from helpline.text import to_bengali_digits

LANGUAGES = ("bn", "en")
HERE = Path(__file__).resolve().parent


_LATIN = re.compile("[A-Za-z]{2}")


class TextsError(Exception):
    """The console's texts do not fit together; one line a fault."""


class Texts:
    def __init__(self, directory: Path = HERE) -> None:
        self._entries: dict[str, dict[str, str]] = yaml.load((directory / "texts.yaml").read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
        found = [fault for key, row in self._entries.items() for fault in _faults(key, row)]
        if found:
            raise TextsError("\n".join(found))

    def __contains__(self, key: str) -> bool:
        return key in self._entries

    def under(self, prefix: str) -> list[str]:
        """The keys that begin so, in their order."""
        return [key for key in self._entries if key.startswith(prefix)]

    def get(self, key: str, language: str, **values: Any) -> str:
        """The sentence; digits among its values become Bengali ones in Bengali, save those of a name in Latin letters; English of one
        thing is `one`, where there is such a sentence. Raises KeyError."""
        row = self._entries[key]
        if language == "bn":
            values = {name: str(value) if _LATIN.search(str(value)) else to_bengali_digits(str(value)) for name, value in values.items()}
        elif "one" in row and "1" in map(str, values.values()):
            return row["one"]
        return row[language].format_map(values)


@lru_cache(maxsize=1)
def shipped() -> Texts:
    return Texts()


def _faults(key: str, row: dict[str, str]) -> list[str]:
    if set(row) - {"one"} != set(LANGUAGES):
        return [f"console: {key} needs {LANGUAGES}"]
    names = [{name for _, name, _, _ in string.Formatter().parse(str(row[lang])) if name} for lang in LANGUAGES]
    return [] if names[0] == names[1] else [f"console: {key} has other placeholders in Bengali"]


def when(moment: datetime | None, language: str) -> str:
    """`23 Nov 2026, 14:05`, `২৩ নভেম্বর ২০২৬, ১৪:০৫`; Asia/Kolkata."""
    if moment is None:
        return ""
    pattern = "d MMMM y, HH:mm" if language == "bn" else "d MMM y, HH:mm"
    text = format_datetime(moment.astimezone(IST), pattern, locale="bn_IN" if language == "bn" else "en_IN")
    return to_bengali_digits(text) if language == "bn" else text


def on_day(day: date, language: str) -> str:
    """`23 Nov 2026`, `২৩ নভেম্বর ২০২৬`."""
    text = format_date(day, "d MMMM y" if language == "bn" else "d MMM y", locale="bn_IN" if language == "bn" else "en_IN")
    return to_bengali_digits(text) if language == "bn" else text


def month(day: date, language: str) -> str:
    """`November 2026`, `নভেম্বর ২০২৬`."""
    text = format_date(day, "LLLL y", locale="bn_IN" if language == "bn" else "en_IN")
    return to_bengali_digits(text) if language == "bn" else text


def day_of(moment: datetime | None, *, last: bool = False) -> str:
    """The day of a moment as a date field wants it; `last`: of an end that is the midnight after the last day."""
    return "" if moment is None else (moment.astimezone(IST) - timedelta(days=1 if last else 0)).date().isoformat()


def day(moment: datetime | None, language: str) -> str:
    """`23 Nov 2026`, `২৩ নভেম্বর ২০২৬`; Asia/Kolkata."""
    return when(moment, language).rpartition(",")[0]


def worktime(minutes: int, day_minutes: int, language: str) -> str:
    """Working minutes as people say them: `2 working days 3 h`, `45 min`."""
    texts = shipped()
    days, rest = divmod(minutes, day_minutes)
    hours, left = divmod(rest, 60)
    parts = [("days", days), ("hours", hours), ("minutes", left if not days and not hours else 0)]
    said = [texts.get(f"worktime.{name}", language, **{name: count}) for name, count in parts if count]
    return " ".join(said) or texts.get("worktime.minutes", language, minutes=minutes)
