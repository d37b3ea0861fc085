"""The catalogue of every sentence a citizen hears or reads, in every language, loaded and checked once.

`prompts/*.yaml` holds entries side by side:

    notify.registered:            # SMS: `sms: true`, a DLT template id a language, a budget of segments
      sms: true
      dlt: {bn: "…", en: "…"}   # or by carrier, where one has its own: {bn: "…", cdac: {bn: "…"}}
      segments: 3
      bn: "…{ack}…"
      en: "…{ack}…"
      hi: "…{ack}…"

Voice entries have only the languages. Placeholders must be the same in every language.
"""

from __future__ import annotations

import string
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import regex
import yaml

DIRECTORY = Path(__file__).resolve().parent
LANGUAGES = ("bn", "en", "hi")
MAX_VALUE = 30  # characters of a variable's value, TRAI's rule for SMS templates

_GSM_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ ÆæßÉ!\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_EXTENDED = frozenset("^{}\\[~]|€\f")
_GSM = _GSM_BASIC | _GSM_EXTENDED
_GAPS = regex.compile(" {2,}")


class CatalogueError(Exception):
    """The prompts cannot be used; one line a fault."""


@dataclass(frozen=True)
class Entry:
    key: str
    texts: Mapping[str, str]
    placeholders: frozenset[str]
    sms: bool = False
    dlt: Mapping[str, Any] = field(default_factory=dict)
    segments: int = 3

    def dlt_id(self, language: str, carrier: str = "") -> str:
        """The id of the registered template; "" when there is none (yet)."""
        own = self.dlt.get(carrier)
        found = own.get(language) if isinstance(own, Mapping) else None
        return str(found or self.dlt.get(language) or "")


@dataclass(frozen=True)
class Sms:
    """A message ready to be sent."""

    text: str
    key: str
    language: str

    @property
    def segments(self) -> int:
        return segment_count(self.text)


class Catalogue:
    def __init__(self, entries: Mapping[str, Entry]) -> None:
        self._entries = dict(entries)

    def __contains__(self, key: str) -> bool:
        return key in self._entries

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    def __getitem__(self, key: str) -> Entry:
        return self._entries[key]

    def dlt_id(self, key: str, language: str, carrier: str = "") -> str:
        """The registered template's id of an entry; "" when there is none, or no such entry."""
        return self._entries[key].dlt_id(language, carrier) if key in self._entries else ""

    def text(self, key: str, language: str, **values: object) -> str:
        """The sentence in `language`. Raises KeyError for an unknown key or a missing value."""
        return self._entries[key].texts[language].format_map(values)

    def text_of(self, key: str, language: str) -> str:
        """The sentence with its placeholders."""
        return self._entries[key].texts[language]

    def sms(self, key: str, language: str, **values: object) -> Sms:
        """The message, each value cut to TRAI's 30 characters and kept in one line; an empty one leaves no gap."""
        entry = self._entries[key]
        body = entry.texts[language].format_map({name: _fit(str(value)) for name, value in values.items()})
        return Sms(_GAPS.sub(" ", body), key, language)


@lru_cache(maxsize=4)
def load(directory: Path = DIRECTORY) -> Catalogue:
    """Every entry of `directory`/*.yaml. Raises CatalogueError."""
    entries: dict[str, Entry] = {}
    found: list[str] = []
    for path in sorted(directory.glob("*.yaml")):
        try:
            raw = dict(yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader) or {})
        except (OSError, ValueError, TypeError, yaml.YAMLError) as error:
            found.append(f"{path.name}: {error}")
            continue
        for key, row in raw.items():
            if key in entries:
                found.append(f"{path.name}: {key} stands twice")
            try:
                entries[key] = _entry(key, row)
                found += [f"{path.name}: {key}: {fault}" for fault in _faults(entries[key], row)]
            except (ValueError, TypeError, AttributeError) as error:  # a brace that is not closed; no languages
                found.append(f"{path.name}: {key}: {error}")
    if found:
        raise CatalogueError("\n".join(found))
    return Catalogue(entries)


def _entry(key: str, row: Mapping[str, Any]) -> Entry:
    texts = {lang: unicodedata.normalize("NFC", str(row[lang]).strip()) for lang in LANGUAGES if row.get(lang)}
    names = _placeholders(next(iter(texts.values()), ""))
    return Entry(key, texts, names, bool(row.get("sms")), dict(row.get("dlt") or {}), int(row.get("segments", 3)))


def _faults(entry: Entry, row: Mapping[str, Any]) -> list[str]:
    found = [f"has no text in {lang}" for lang in LANGUAGES if lang not in entry.texts]
    found += [
        f"the placeholders of {lang} are not those of the other languages"
        for lang, text in entry.texts.items()
        if _placeholders(text) != entry.placeholders
    ]
    found += [f"unknown setting {name}" for name in set(row) - {*LANGUAGES, "sms", "dlt", "segments", "note"}]
    if entry.sms:
        found += [
            f"{lang} takes {count} segments at its longest, {entry.segments} are allowed"
            for lang, text in entry.texts.items()
            if (count := segment_count(_at_its_longest(text, lang))) > entry.segments
        ]
    return found


def _placeholders(text: str) -> frozenset[str]:
    return frozenset(name for _, name, _, _ in string.Formatter().parse(text) if name)


def _at_its_longest(text: str, language: str) -> str:
    return text.format_map({name: longest_value(name, language) for name in _placeholders(text)})


def longest_value(name: str, language: str) -> str:
    """As long a value as a variable can have, in letters that take the most room."""
    return (("x" if language == "en" else "কি") * MAX_VALUE)[: _LENGTHS.get(name, MAX_VALUE)]


# Values whose length is known, in characters.
_LENGTHS = {"ack": 13, "ack1": 13, "ack2": 13, "ack3": 13, "acks": 28, "more": 28, "date": 12, "news": 12, "phone": 14, "rating": 1, "count": 3, "helpline": 20, "check": 9, "ending": 4}


def _fit(value: str) -> str:
    """What is too long ends with a whole word and three points."""
    value = " ".join(value.split())
    if len(value) <= MAX_VALUE:
        return value
    cut = value[: MAX_VALUE - 2]  # with the letter after the last that may stand: a space there ends a word
    return (cut.rpartition(" ")[0] or cut[:-1]).rstrip(" ,;:(/-") + "..."


def is_gsm7(text: str) -> bool:
    return _GSM.issuperset(text)


def segment_count(text: str) -> int:
    """How many SMS parts `text` is: GSM-7 160/153, UCS-2 70/67.

    What is one sign to a reader (a letter with its vowel sign, a flag) is never split over two parts, as in the carriers' own
    calculator.
    """
    if is_gsm7(text):
        return _parts([2 if ch in _GSM_EXTENDED else 1 for ch in text], 160, 153)
    if len(text) <= 35:
        return 1
    return _parts([len(sign.encode("utf-16-le")) // 2 for sign in _signs(text)], 70, 67)


def units(text: str) -> int:
    """What `text` takes of a segment: septets of GSM-7, else UTF-16 code units."""
    return sum(2 if ch in _GSM_EXTENDED else 1 for ch in text) if is_gsm7(text) else len(text.encode("utf-16-le", "surrogatepass")) // 2


def _signs(text: str) -> Iterator[str]:
    """Grapheme clusters; a conjunct of Indian letters may be split between them."""
    for sign in regex.findall(r"\X", text):
        if len(sign) > 2 and "\u0900" <= sign[0] <= "\u0dff":
            yield from regex.findall(r".\P{Lo}*", sign)
        else:
            yield sign


def _parts(widths: list[int], single: int, each: int) -> int:
    if sum(widths) <= single:
        return 1
    parts, used = 1, 0
    for width in widths:
        if used + width > each:
            parts, used = parts + 1, 0
        used += width
    return parts
