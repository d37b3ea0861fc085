"""How numbers, dates and names are said, as text and as recordings; and which key a spoken number is."""

from __future__ import annotations

from datetime import datetime, time

from helpline import acknowledgement, notices
from helpline import text as texts
from helpline.sla import IST
from ivr.steps import WITHIN
from prompts.catalogue import Catalogue

GAP = ""  # among pieces: a short pause


class Spoken(str):
    """A value as it is written into a sentence. `pieces`: the recordings that say it (`ivr/recorded.py`); none: it is only synthetic."""

    __slots__ = ("pieces",)
    pieces: tuple[str, ...]

    def __new__(cls, text: str, *pieces: str) -> Spoken:
        value = super().__new__(cls, text)
        value.pieces = pieces
        return value


def digits(text: str, language: str) -> Spoken:
    """`98300 12345` → `৯ ৮ ৩ ০ ০‖১ ২ ৩ ৪ ৫`: digits apart, or they are read as millions; a pause between groups."""
    return _grouped(text, language, " ")


def count(number: int, language: str) -> Spoken:
    """How many: said as one number, with the recording of a day of the month where there is such a day."""
    return Spoken(figures(str(number), language), *([f"day.{number}"] if 1 <= number <= 31 else []))


def ack(number: str, language: str) -> Spoken:
    """An acknowledgement number, slowly: a little pause after each digit, a longer one after each group."""
    return _grouped(acknowledgement.display(number), language, ", ")


def _grouped(text: str, language: str, apart: str) -> Spoken:
    groups = text.split()
    said = WITHIN.join(apart.join(group) for group in groups)
    pieces = [piece for group in groups for piece in (*(f"digit.{figure}" for figure in group), GAP)]
    return Spoken(figures(said, language), *pieces[:-1])


def figures(text: str, language: str) -> str:
    return texts.to_bengali_digits(text) if language == "bn" else text


def date(moment: datetime, language: str, catalogue: Catalogue) -> Spoken:
    """`১৪ ডিসেম্বর ২০২৬`, with the month in full; the day in Asia/Kolkata."""
    day = moment.astimezone(IST)
    return Spoken(notices.spoken_date(moment, language, catalogue), f"day.{day.day}", f"month.{day.month}", f"year.{day.year}")


def clock(at: time, language: str, catalogue: Catalogue) -> Spoken:
    """`সকাল ৮টা`, `8 in the morning`."""
    hour = figures(str((at.hour + 11) % 12 + 1), language)
    minute = f" {figures(f'{at.minute:02}', language)}" if at.minute else ""
    return Spoken(catalogue.text(f"voice.clock.{notices.part_of_day(at.hour)}", language, hour=hour + minute))


_FILLERS = frozenset({"number", "press", "key", "button", "no", "নম্বর", "নাম্বার", "টিপুন", "বোতাম", "सुनिए", "नंबर", "बटन", "दबाएं"})
_ROMANISED = {
    "shunno": 0, "shunyo": 0, "sunya": 0, "shunya": 0, "dui": 2, "tin": 3, "char": 4, "pach": 5, "paanch": 5, "chhoy": 6, "choy": 6, "chhah": 6,
    "chhe": 6, "sat": 7, "saat": 7, "shaat": 7, "aat": 8, "aath": 8, "noy": 9, "nou": 9, "nau": 9,
}  # fmt: skip
_NUMBERS = {**texts.NUMBER_WORDS, **_ROMANISED, "ছয়": 6, "নয়": 9, "জিরো": 0, "ওয়ান": 1, "টু": 2, "থ্রি": 3, "शून्य": 0, "जीरो": 0, "छः": 6}
_KEYS = {texts.normalise(word): value for word, value in _NUMBERS.items() if value < 10}


def spoken_key(heard: str) -> str:
    """The key that a spoken number stands for (`এক`, "number two", "৩"), or nothing when it is anything else."""
    if not heard or len(heard) > 40:
        return ""
    words = [word for word in texts.tokens(texts.normalise(heard)) if word not in _FILLERS]
    if len(words) != 1:
        return ""
    return words[0] if words[0].isascii() and words[0].isdigit() and len(words[0]) == 1 else str(_KEYS.get(words[0], ""))
