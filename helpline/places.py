"""Where a complaint is: PIN codes, names of districts, towns, blocks and post offices, by sound, in any script and with endings.

তমলুক, Tamluk and Tomluk are one place, Coochbehar and Cooch Behar too. A name that belongs to more than one district (Bardhaman,
Medinipur, 24 Parganas) is ambiguous unless the text names its district as well: it is asked, never guessed. Short names, and names
that are everyday words (Mal, বালি), count only where they are written as the name is and stand by themselves.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz import process
from rapidfuzz.distance import DamerauLevenshtein

from helpline import text as texts
from helpline.examples import everyday_sounds, everyday_words
from helpline.reference import Reference
from helpline.sounds import skeleton, sound

_PIN = re.compile(r"(?<!\d)([17]\d{2})[ -]?(\d{3})(?!\d)")
_NUMERAL = re.compile(r"[ -]+(?:I{1,3}|IV|V|[1-5১-৫])$")  # Raina-I, Raina-II: the block's number
_OFFICE = re.compile(r"\b(S\.?O|B\.?O|H\.?O|GPO)\b.*")
_PORE = re.compile(r"(?<=\w\w\w)pore\b")  # Barrackpore is said Barrackpur
_CLAUSE = re.compile(r"[,;:।.!?\n()]+")
_ENDINGS = ("ir", "r", "ti", "t", "ki", "k", "i")  # of a skeleton: তমলুকের, তমলুকে, Tamluker
_WRITTEN_ENDINGS = frozenset(["", "র", "এর", "ের", "য়", "তে", "তেই", "ে", "টা", "য়ে", "r", "er", "e", "te", "y", "me", "में", "का", "की"])
_SHORTEST = 3
_SOUNDED = 5  # letters of a skeleton that are enough to go by the sound
_LONG, _VERY_LONG = 6, 9  # letters that one, and two, may be wrong of
_KNOWN = 4  # letters of a sound by which a word is known
_LONGEST = 4  # words of a name
_MAX_WORDS = 200
_POST_OFFICE = 2  # the last rank


@dataclass(frozen=True)
class Place:
    district_code: str | None = None
    pincode: str | None = None
    local_body: str | None = None
    ambiguous: tuple[str, ...] = ()  # district codes it may be


@dataclass(frozen=True)
class _Name:
    district_code: str
    rank: int  # a district's own name, a place in it, a post office
    written: str  # folded, without spaces
    sounds: str
    body: str | None = None  # how to call it; None for the district itself


@dataclass(frozen=True)
class _Found:
    names: tuple[_Name, ...]
    letters: int

    @property
    def codes(self) -> frozenset[str]:
        return frozenset(name.district_code for name in self.names)


class Gazetteer:
    """Names by their skeletons, words run together. Built once a reference; a look-up takes some ten microseconds."""

    def __init__(self, reference: Reference) -> None:
        self._reference = reference
        self._names: dict[str, list[_Name]] = defaultdict(list)
        self._ambiguous: dict[str, set[str]] = defaultdict(set)
        for district in reference.districts.values():
            for alias in district.ambiguous_aliases:
                self._ambiguous[_key(alias)].add(district.code)
            for name in (*district.names.values(), *district.aliases):
                self._add(name, _name(district.code, 0, name))
            self._add(district.headquarters, _name(district.code, 1, district.headquarters, district.headquarters))
        for body in reference.local_bodies:
            for name in dict.fromkeys([*body.names.values(), *body.aliases]):
                plain = _NUMERAL.sub("", name)
                self._add(plain, _name(body.district_code, 1, plain, plain))
        for pin in reference.pincodes.values():
            self._add_post_office(_OFFICE.sub("", pin.area).strip(), pin.district_code)
        self._long = [key for key, names in self._names.items() if len(key) >= _LONG and any(name.rank < _POST_OFFICE for name in names)]

    def _add(self, name: str, entry: _Name) -> None:
        key = _key(name)
        if key and key not in self._ambiguous and entry not in self._names[key]:
            self._names[key].append(entry)

    def _add_post_office(self, area: str, code: str) -> None:
        """Only a name that is no other place's, and long enough to mean it."""
        key = _key(area)
        if len(key) >= _SHORTEST and all(name.rank == _POST_OFFICE for name in self._names.get(key, ())):
            self._add(area, _name(code, _POST_OFFICE, area, area))

    def find(self, text: str) -> Place:
        """The place that `text` names; `ambiguous` where it may be in several districts, empty where none is named."""
        folded = texts.normalise(text[:4000])
        pincode = next((pin for pin in (a + b for a, b in _PIN.findall(folded)) if pin in self._reference.pincodes), None)
        entry = self._reference.pincodes[pincode] if pincode else None
        if entry and not entry.other_district_codes:
            return Place(entry.district_code, pincode, entry.area)
        named = _decide(list(self._found(folded)))
        if entry is None:
            return named
        known = {entry.district_code, *entry.other_district_codes}
        return Place(named.district_code if named.district_code in known else entry.district_code, pincode, entry.area)

    def _found(self, folded: str) -> Iterator[_Found]:
        """Every place that is named; where none is, what one may have been meant to be."""
        clauses = [texts.tokens(clause) for clause in _CLAUSE.split(folded)]
        found = [place for clause in clauses for place in self._in_clause(clause[:_MAX_WORDS])]
        return iter(found or [near for clause in clauses for near in self._near(clause[:_MAX_WORDS])])

    def named(self, text: str) -> list[tuple[tuple[str, ...], Place | None]]:
        """The words of `text`, folded, in their order: those that name a place together with it, each other word by itself."""
        folded, parts = texts.normalise(text[:4000]), list[tuple[tuple[str, ...], Place | None]]()
        at = 0
        for pin in _PIN.finditer(folded):
            entry = self._reference.pincodes.get(pin[1] + pin[2])
            if entry is not None:
                district = None if entry.other_district_codes else entry.district_code
                ambiguous = (entry.district_code, *entry.other_district_codes) if district is None else ()
                parts += [*self._named(folded[at : pin.start()]), ((pin[0],), Place(district, pin[1] + pin[2], entry.area, ambiguous))]
                at = pin.end()
        return [*parts, *self._named(folded[at:])]

    def _named(self, folded: str) -> Iterator[tuple[tuple[str, ...], Place | None]]:
        for clause in _CLAUSE.split(folded):
            for said, found in self._spans(texts.tokens(clause)[:_MAX_WORDS]):
                yield tuple(said), _decide([found]) if found else None

    def _in_clause(self, words: list[str]) -> Iterator[_Found]:
        return (found for _, found in self._spans(words) if found)

    def _spans(self, words: list[str]) -> Iterator[tuple[list[str], _Found | None]]:
        """The words in their order: those of a place together, each other word by itself."""
        bones = [_bones(word) for word in words]
        start = 0
        while start < len(words):
            length, found = next(self._starting(words, bones, start), (1, None))
            yield words[start : start + length], found
            start += length

    def _starting(self, words: list[str], bones: list[str], start: int) -> Iterator[tuple[int, _Found]]:
        """(number of words, place) of what is named at `start`, the longest first."""
        for length in range(min(_LONGEST, len(words) - start), 0, -1):
            said = words[start : start + length]
            for key in _forms("".join(bones[start : start + length])):
                if codes := self._ambiguous.get(key):
                    yield length, _Found(tuple(_name(code, 0, "") for code in sorted(codes)), len(key))
                names = [name for name in self._names.get(key, ()) if _means(name, key, said, alone=length == len(words))]
                if names:
                    yield length, _Found(_best_ranked(names, "".join(said)), len(key))

    def _near(self, words: list[str]) -> Iterator[_Found]:
        """A word that nobody uses otherwise and that only one district has a name so near to."""
        for word in words:
            key = _bones(word)
            if len(key) < _LONG or _is_everyday(word):
                continue
            allowed = 2 if len(key) >= _VERY_LONG else 1
            hits = process.extract(key, self._long, scorer=DamerauLevenshtein.distance, score_cutoff=allowed, limit=5)
            nearest = [hit[0] for hit in hits if hit[1] == hits[0][1] and hit[0][0] == key[0]]
            names = [name for hit in nearest for name in self._names[hit]]
            if len({name.district_code for name in names}) == 1:
                yield _Found(_best_ranked(names, word), len(key) - 1)


def _decide(found: list[_Found]) -> Place:
    """One place of all that were named: a district's own name decides which place of that name is meant."""
    if not found:
        return Place()
    certain = frozenset[str]().union(*(place.codes for place in found if len(place.codes) == 1))
    place = max(found, key=lambda place: (place.names[0].rank > 0, place.letters))
    named = [name for name in place.names if name.district_code in certain] or list(place.names)
    codes = {name.district_code for name in named}
    if len(codes) == 1 and len(certain) <= 1:
        return Place(named[0].district_code, None, named[0].body)
    return _among(found, certain or place.codes)


def _among(found: list[_Found], codes: Iterable[str]) -> Place:
    """Several districts are named: their own name counts more than that of a place; else it is not known which is meant."""
    own = {place.names[0].district_code for place in found if len(place.codes) == 1 and place.names[0].rank == 0}
    if len(own) == 1:
        code = own.pop()
        body = next((name.body for place in found for name in place.names if name.district_code == code and name.body), None)
        return Place(code, None, body)
    return Place(ambiguous=tuple(sorted(codes)))


def _best_ranked(names: list[_Name], said: str) -> tuple[_Name, ...]:
    """A district's own name hides places that sound alike; a town hides a post office. What is written as it was said comes first."""
    best = min(name.rank for name in names)
    return tuple(sorted((name for name in names if name.rank == best), key=lambda name: not said.startswith(name.written)))


def _means(name: _Name, key: str, said: list[str], *, alone: bool) -> bool:
    """Whether words that sound like a name mean it: a long one does, a short or everyday one only as it is written or by itself."""
    same = _sounds(said) == name.sounds
    if (alone and same) or _is_written(name, said):
        return True
    if name.sounds in everyday_sounds() or all(sound(word) in everyday_sounds() for word in said):
        return False
    return len(key) >= _SOUNDED and (same or name.rank < _POST_OFFICE)


def _is_everyday(word: str) -> bool:
    """Whether it is a word of the examples, or one of these with an ending."""
    heard = sound(word)
    return any(heard[:letters] in everyday_sounds() for letters in range(_KNOWN, len(heard) + 1))


def _is_written(name: _Name, said: list[str]) -> bool:
    """Whether the name is written so, with an ending or without, joined or apart; not out of everyday words, save a district's own."""
    written = "".join(said)
    if not (written.startswith(name.written) and written[len(name.written) :] in _WRITTEN_ENDINGS):
        return False
    return name.rank == 0 or not (name.written in everyday_words() or everyday_words().issuperset(said))


def _sounds(words: list[str]) -> str:
    return "".join(map(sound, words))


def _bones(word: str) -> str:
    return skeleton(_PORE.sub("pur", word)) if word[:1].isalpha() else word


def _key(name: str) -> str:
    return "".join(map(_bones, texts.tokens(texts.normalise(name))))


def _name(code: str, rank: int, name: str, body: str | None = None) -> _Name:
    words = texts.tokens(texts.normalise(name))
    return _Name(code, rank, "".join(words), _sounds(words), body)


def _forms(key: str) -> Iterator[str]:
    """The skeleton, and what is left of it without a case ending."""
    yield key
    for ending in _ENDINGS:
        if key.endswith(ending) and len(key) - len(ending) >= 2:
            yield key.removesuffix(ending)


def find_place(text: str, reference: Reference) -> Place:
    """The place that `text` names; an empty Place where it names none."""
    return _gazetteer(reference).find(text)


def named(text: str, reference: Reference) -> list[tuple[tuple[str, ...], Place | None]]:
    """The words of `text` in their order, those that name a place together with it: `Gazetteer.named`."""
    return _gazetteer(reference).named(text)


def is_same(reference: Reference, one: str, other: str) -> bool:
    """Whether two names are one place: the same to the ear, or both names of one local body."""
    if _key(one) == _key(other):
        return True
    said = {texts.normalise(one), texts.normalise(other)}
    return any(said <= {texts.normalise(_NUMERAL.sub("", name)) for name in (*body.names.values(), *body.aliases)} for body in reference.local_bodies)


@lru_cache(maxsize=2)  # as shipped, by which keywords and corrections are read, and as amended
def _gazetteer(reference: Reference) -> Gazetteer:
    return Gazetteer(reference)


def named_in(reference: Reference, district_code: str | None, name: str, language: str) -> str:
    """`name` of a place (in English, as PIN codes and blocks have it, or as a citizen said it) where a voice or a reader of `language`
    can say it; "" where it has no such name."""
    if not name or _SCRIPTS[language].search(name):
        return name
    bodies = [body for body in reference.local_bodies if body.district_code == district_code and body.names.get(language)]
    for body in bodies:
        if name.casefold() in {known.casefold() for known in (body.name("en"), _NUMERAL.sub("", body.name("en")), *body.aliases)}:
            return _NUMERAL.sub("", body.name(language))
    return ""


def written(reference: Reference, district_code: str | None, place: str, language: str) -> str:
    """`place` as a page in `language` writes it: a local body that it names in English by its name there; anything else as it is."""
    if not place or language == "en" or _SCRIPTS[language].search(place):
        return place
    plain = _OFFICE.sub("", place).strip()
    bodies = reference.bodies_named(district_code, plain)
    names = {body.name(language) for body in bodies if body.name("en").casefold() == plain.casefold()}
    return names.pop() if len(names) == 1 else place


_SCRIPTS = {"en": re.compile("[A-Za-z]"), "bn": re.compile("[\u0980-\u09ff]"), "hi": re.compile("[\u0900-\u097f]")}
