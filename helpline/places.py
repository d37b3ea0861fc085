"""Where a complaint is: PIN codes, district names and aliases, towns and blocks, in any script and with Bengali endings.

A name that belongs to more than one district (Bardhaman, Medinipur, 24 Parganas) is ambiguous: it is asked, never guessed.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass

from rapidfuzz.distance import DamerauLevenshtein

from helpline import text as texts
from helpline.reference import Reference

_PIN = re.compile(r"(?<!\d)([17]\d{2})[ -]?(\d{3})(?!\d)")
_ENDINGS = ("er", "r", "te", "e", "ta", "ke", "y", "i", "t")
_MIN_FUZZY = 7
_NUMERAL = re.compile(r"[ -]+(?:I{1,3}|IV|V|[1-5১-৫]|১|২|৩)$")  # Raina-I, Raina-II: the block's number
# Names of places that are everyday words too: only with a district, a PIN or an ending of place beside them.
_EVERYDAY = frozenset({"jal", "rast", "sadar", "nagar", "bandar", "pur", "gram", "kasba", "egra", "mal", "tala", "english", "new", "town", "par", "jald",
                       "bangan", "samiti", "bank", "panca", "card", "kard", "ban", "mas", "din", "gar", "hat", "kal"})
_EXACT = frozenset({"nadi"})  # নদীর is a river's, নদিয়া the district: these count only when written as the name is


@dataclass(frozen=True)
class Place:
    district_code: str | None = None
    pincode: str | None = None
    local_body: str | None = None
    ambiguous: tuple[str, ...] = ()  # district codes it may be


class Gazetteer:
    """Names by sound. Built once a reference; look-ups take microseconds."""

    def __init__(self, reference: Reference) -> None:
        self._reference = reference
        self._names: dict[tuple[str, ...], set[str]] = defaultdict(set)
        self._bodies: dict[tuple[str, ...], str] = {}
        self._written: set[str] = set()
        self._ambiguous: dict[tuple[str, ...], set[str]] = defaultdict(set)
        for district in reference.districts.values():
            for name in (*district.names.values(), *district.aliases, district.headquarters):
                self._add(name, district.code)
            for alias in district.ambiguous_aliases:
                self._ambiguous[_phrase(alias)].add(district.code)
        districts = set(self._names)
        for body in reference.local_bodies:
            for name in (*body.names.values(), *body.aliases):
                plain = _NUMERAL.sub("", name)
                for variant in {name, plain}:
                    if _phrase(variant) not in districts:  # হাওড়া is the district before it is anything that sounds alike
                        self._add(variant, body.district_code, plain if variant == plain else body.name("en"))
        for pin in reference.pincodes.values():
            self._add_area(pin.area, pin.district_code)
        self._longest = max(map(len, (*self._names, *self._ambiguous)))
        self._single = [phrase[0] for phrase in self._names if len(phrase) == 1 and len(phrase[0]) >= _MIN_FUZZY]

    def find(self, text: str) -> Place:
        folded = texts.normalise(text[:4000])
        pincode = self._pin(folded)
        if pincode and not self._reference.pincodes[pincode].other_district_codes:
            entry = self._reference.pincodes[pincode]
            return Place(entry.district_code, pincode, entry.area)
        named = self._named(texts.tokens(folded))
        if pincode:
            entry = self._reference.pincodes[pincode]
            known = {entry.district_code, *entry.other_district_codes}
            code = named.district_code if named.district_code in known else entry.district_code
            return Place(code, pincode, entry.area)
        return named

    def _pin(self, folded: str) -> str | None:
        found = (first + last for first, last in _PIN.findall(folded))
        return next((pin for pin in found if pin in self._reference.pincodes), None)

    def _named(self, words: list[str]) -> Place:
        sounds = [_forms(word) for word in words[:200]]
        best: tuple[int, Place] | None = None
        for start in range(len(sounds)):
            for length in range(min(self._longest, len(sounds) - start), 0, -1):
                place = self._at(words, sounds, start, length)
                if place and (best is None or (length, bool(place.district_code)) > (best[0], bool(best[1].district_code))):
                    best = (length, place)
                if place:
                    break
        return best[1] if best else self._near(sounds)

    def _at(self, words: list[str], sounds: list[tuple[str, ...]], start: int, length: int) -> Place | None:
        head = tuple(forms[0] for forms in sounds[start : start + length - 1])
        for last in sounds[start + length - 1]:
            phrase = (*head, last)
            if phrase in self._ambiguous and phrase not in self._bodies:
                return Place(ambiguous=tuple(sorted(self._ambiguous[phrase])))
            codes = self._names.get(phrase)
            written = words[start].casefold() in self._written
            if codes and (len(phrase) > 1 or ((len(last) > 3 or written) and last not in _EVERYDAY and (written or last not in _EXACT))):
                if len(codes) > 1:
                    return Place(ambiguous=tuple(sorted(codes)))
                return Place(next(iter(codes)), None, self._bodies.get(phrase))
        return None

    def _near(self, sounds: list[tuple[str, ...]]) -> Place:
        """One letter wrong in a long name is forgiven, when only one place is that near."""
        for forms in sounds:
            if len(forms[0]) < _MIN_FUZZY:
                continue
            hits = {name for name in self._single if name[0] == forms[0][0]
                    and DamerauLevenshtein.distance(name, forms[0], score_cutoff=1) <= 1}  # fmt: skip
            codes = {code for name in hits for code in self._names[(name,)]}
            if len(codes) == 1:
                return Place(next(iter(codes)), None, self._bodies.get((hits.pop(),)))
        return Place()

    def _add(self, name: str, code: str, body: str | None = None) -> None:
        phrase = _phrase(name)
        if phrase:
            self._names[phrase].add(code)
            self._written.add(texts.normalise(name))
            if body:
                self._bodies.setdefault(phrase, body)

    def _add_area(self, name: str, code: str) -> None:
        """The post office of a PIN code: only a name that is no other place's yet, and long enough to mean it."""
        phrase = _phrase(re.sub(r"\b(S\.?O|B\.?O|H\.?O|GPO)\b.*", "", name))
        if phrase and phrase not in self._ambiguous and sum(map(len, phrase)) >= 5 and phrase not in self._names:
            self._names[phrase].add(code)
            self._bodies[phrase] = name


def _phrase(name: str) -> tuple[str, ...]:
    return tuple(texts.sound(word) for word in texts.tokens(texts.normalise(name)))


def _forms(word: str) -> tuple[str, ...]:
    whole = texts.sound(word)
    stems = (whole.removesuffix(e) for e in _ENDINGS if whole.endswith(e) and len(whole) - len(e) >= 3)
    return tuple(dict.fromkeys([whole, *(stem.rstrip("a") or stem for stem in stems)]))


_gazetteers: dict[int, Gazetteer] = {}


def find_place(text: str, reference: Reference) -> Place:
    """The place that `text` names; an empty Place where it names none."""
    gazetteer = _gazetteers.get(id(reference))
    if gazetteer is None or gazetteer._reference is not reference:
        gazetteer = _gazetteers[id(reference)] = Gazetteer(reference)
    return gazetteer.find(text)
