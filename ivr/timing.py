"""How long it takes to say something, and what in the call tree is too long or too deep.

Seconds are measured from the recording where there is one, else reckoned from a speaking rate for each language: telephone voices say
about 11 to 15 characters a second, a digit in 0.4 s.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache

from helpline import notices
from helpline.config import Config
from helpline.reference import Reference
from ivr import aloud, menu, sound, speech
from ivr.menu import Menu, Node, Pages, choices_of
from ivr.recorded import Recordings
from ivr.steps import WITHIN, Pause, Play, Said
from prompts.catalogue import Catalogue

LONGEST = 8.0  # seconds that a prompt may take
DEEPEST = 3  # menus before something useful
_RATE = {"bn": 11.5, "en": 14.5, "hi": 12.0}  # characters a second, pauses apart
_DIGIT, _COMMA, _STOP, _GROUP = 0.4, 0.25, 0.45, 0.4
_FIGURE = re.compile(r"[0-9০-৯०-९]")
_SILENT = re.compile(r"[0-9০-৯०-९,:;।.?!‖]")
_STOPS = re.compile(r"[।.?!](?=\s+\S)")
# Prompts that read something out: each of their sentences is short, not all of them together.
_READS = frozenset({"ack", "contact", "office", "ending"})
# Where a choice has led to something: what follows is not one level deeper.
USEFUL = frozenset({"told", "offer", "registered", "solved", "confirmed", "summary", "resume"})


@lru_cache(maxsize=16384)  # more than names and prompts there are
def seconds(text: str, language: str) -> float:
    """How long a telephone voice takes to say `text`."""
    letters = len(" ".join(_SILENT.sub(" ", text).split()))
    pauses = len(re.findall("[,:;]", text)) * _COMMA + len(_STOPS.findall(text)) * _STOP + text.count(WITHIN) * _GROUP
    return round(letters / _RATE[language] + len(_FIGURE.findall(text)) * _DIGIT + pauses, 2) if text.strip() else 0.0


def lasting(said: Sequence[Said], recordings: Recordings) -> float:
    """How long all of `said` takes."""
    total = 0.0
    for piece in said:
        if isinstance(piece, Pause):
            total += piece.seconds
        elif isinstance(piece, Play):
            language, _, name = "/".join(piece.url.split("/")[-2:]).removesuffix(".wav").partition("/")
            total += sound.measure(recordings.path(language, name)).seconds if recordings.has(language, name) else 0
        else:
            total += seconds(piece.text, piece.language)
    return total


class Longest(dict[str, object]):
    """The values that take longest to say; of a placeholder that is not known, a word of some length."""

    def __missing__(self, _name: str) -> object:
        return "x" * 12


def longest_values(config: Config, reference: Reference, catalogue: Catalogue, language: str) -> Longest:
    """For each placeholder of the voice prompts the value that takes longest to say."""

    def longest(names: Iterator[str]) -> str:
        return max(names, key=lambda name: seconds(name, language))

    category = longest(c.name(language) for c in reference.categories.values())
    district = longest(d.name(language) for d in reference.districts.values())
    month = longest(catalogue.text(f"voice.month.{n}", language) for n in range(1, 13))
    return Longest({
        "name": config.helpline.name(language), "category": category, "topic": category, "district": district, "n": speech.figures("6", language),
        "place": f"{district}, {district}", "area": longest(p.area for p in reference.pincodes.values() if p.area),
        "contact": speech.digits("98300 12345", language), "ack": speech.ack("26123456789", language),
        "standing": "under_review", "sms": True,
        "office": longest(d.name(language) for d in reference.departments.values()), "date": speech.figures(f"23 {month} 2026", language),
        "emergency": speech.digits(config.helpline.emergency_number, language), "ending": speech.digits("2345", language),
    })  # fmt: skip


def told_values(config: Config, reference: Reference, catalogue: Catalogue, language: str) -> Longest:
    """Likewise of what a call of ours reads out (`call.…`), as the message has them."""

    def longest(texts: Iterator[str]) -> str:
        return max(texts, key=lambda text: seconds(text, language))

    day = longest(notices.spoken_date(datetime(2026, month, 28, tzinfo=UTC), language, catalogue) for month in range(1, 13))
    reason = longest(entry.texts[language] for entry in catalogue if entry.key.startswith("reason."))
    return Longest({
        "ack": "261 2345 6789", "original": "261 2345 6789", "check": "123 456 789", "phone": config.helpline.display_number, "reason": reason,
        "office": longest(department.name(language) for department in reference.departments.values()), "news": day,
        "date": longest(iter((day, catalogue.text("date.passed", language)))),
    })  # fmt: skip


def _said(catalogue: Catalogue, key: str, language: str, voice: Longest, told: Longest) -> list[str]:
    """What the sentence `key` says without a pause; nothing where it is not for the telephone."""
    if key.startswith("voice."):
        return spoken_at_once(catalogue, key.removeprefix("voice."), language, voice)
    if not key.startswith("call."):
        return []
    pieces = aloud.spoken(catalogue[key].texts[language].format_map(told), language)
    return [part for piece in pieces for part in getattr(piece, "text", "").split(WITHIN)]


def spoken_at_once(catalogue: Catalogue, key: str, language: str, values: Mapping[str, object]) -> list[str]:
    """What prompt `key` says without a pause: a choice, a sentence that reads out (a number: each group), else all of it."""
    entry = catalogue[f"voice.{key}"]
    text = entry.texts[language].format_map(values)
    apart = key.endswith(".choices") or entry.placeholders & _READS
    return [part for sentence in choices_of(text) for part in sentence.split(WITHIN)] if apart else [text]


def too_long(config: Config, reference: Reference, catalogue: Catalogue) -> list[str]:
    """The prompts that take longer than LONGEST to say, one sentence each. Recordings are measured by `flask prompts check`."""
    found = []
    for language in config.helpline.languages:
        values = longest_values(config, reference, catalogue, language)
        told = told_values(config, reference, catalogue, language)
        for entry in catalogue:
            for text in _said(catalogue, entry.key, language, values, told):
                if (took := seconds(text, language)) > LONGEST:
                    found.append(f"ivr: {entry.key} takes {took:.1f} s in {language}, {LONGEST:.0f} are allowed: {text}")
    return found


def too_deep(tree: Mapping[str, Node], leads: Mapping[str, tuple[str, ...]], start: str = "main") -> list[str]:
    """The ways that pass more than DEEPEST menus before something useful."""
    ways = [way for way in _ways(tree, leads, start, ()) if len(way) > DEEPEST]
    return [f"ivr: {' > '.join(way)}: {len(way)} menus before anything useful, {DEEPEST} are allowed" for way in ways]


def _ways(tree: Mapping[str, Node], leads: Mapping[str, tuple[str, ...]], name: str, passed: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    node = tree[name]
    if not isinstance(node, Menu | Pages) or name in USEFUL or name in passed:
        yield passed
        return
    for target in menu.onward(node, leads):
        yield from _ways(tree, leads, target, (*passed, name))


def without_a_person(tree: Mapping[str, Node]) -> list[str]:
    """The nodes where 0 reaches nobody."""
    asked = [name for name, node in tree.items() if not isinstance(node, menu.Say | menu.Agent)]
    return [f"ivr: {name}: 0 does not reach a person" for name in asked if _on_0(tree, name) != "agent"]


def _on_0(tree: Mapping[str, Node], name: str) -> str:
    return menu.step(tree, menu.State(name, "bn"), menu.Answer("0"), lambda _items, _listed: []).state.at


def unsaid_keys(tree: Mapping[str, Node], catalogue: Catalogue) -> list[str]:
    """The choices that no sentence of their menu names."""
    found = []
    for name, node in tree.items():
        if not isinstance(node, Menu) or name == "language":
            continue
        entries = [entry for entry in catalogue if entry.key.startswith(f"voice.{node.prompt}.")]
        for language in entries[0].texts:
            said = {str(int(figure)) for entry in entries for figure in _FIGURE.findall(entry.texts[language])}
            found += [f"ivr: {name} does not say key {key} in {language}" for key in _keys(node) if key not in said]
    return found


def key_of(choice: str) -> str:
    """The key that a choice's sentence names."""
    figures = _FIGURE.findall(choice)
    return str(int(figures[0])) if figures else ""


def _keys(node: Menu) -> list[str]:
    """The keys to be named; of a row of keys the first and the last (1 to 5)."""
    keys = sorted(node.choices)
    actions = {getattr(target, "action", target) for target in node.choices.values()}
    return [keys[0], keys[-1]] if len(actions) == 1 and len(keys) > 2 else keys
