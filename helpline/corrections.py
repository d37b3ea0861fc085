"""Corrections of what was told: "not road, water", রাস্তা নয়, জল, "Tamluk noy Contai", "my name is Rahim, not Karim".

Two questions. Is a text a correction? That is told by likeness, of frames: what a text says of *which* subjects and places does not
matter here, so each is put under one word, and the frame that is left ("not subject subject") is compared with the examples of
`correct` in `reference/message_examples.csv` and with those of everything else. And what does it put in place of what? What is denied
(beside a word that denies, or what stands in the complaint) is left out; the rest is read as any text is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

from helpline import classify, examples
from helpline import text as texts
from helpline.classify import Classifier
from helpline.likeness import Likeness
from helpline.places import Place, is_same, named
from helpline.reference import Reference
from helpline.sounds import sound

SUBJECT, PLACE = "subject", "place"  # what stands for any of them in a frame, and as {subject}, {place} in the examples
MOST_WORDS = 14  # of a correction
# How much likelier than anything else, in the unit of likeness' scores; a contrast may be a little less likely.
SURELY, ALIKE = 12.0, 30.0
_EVERY = 3  # so many examples of complaints are enough to know what is no correction


def _words(listed: str) -> frozenset[str]:
    return frozenset(texts.normalise(listed).split())


# What denies what comes after it, and what denies what went before.
_BEFORE = _words("not no never instead except change")
_AFTER = _words("নয় না নহে নয়কো নয়তো noy noi noyto nay na naa nohe nahi nahin nehi नहीं ना नही বদলে জায়গায় bodole jaygay jagah बदले जगह")
_NAME = _words("name names নাম নামটা নামের নামটি nam naam namta namer नाम surname spelling banan বানান")
_INTRODUCES = _words("my name is i am im this sir madam amar ami amr nam naam holo hocche আমার নাম আমি হল হলো হচ্ছে mera naam hai main hoon hun hu मेरा नाम है मैं हूँ हूं जी")
_SELF = _words("i im ami main আমি मैं")
_IS_NONE = _words("is was are it its sir madam dada didi and but the a an to of in for ki ta ti টি টা এর er ar আর ও be will")


# ── is it one? ──────────────────────────────────────────────────────────────────────────────────────────────────────


def is_one(text: str, *, contrast_alone: bool = False) -> bool:
    """Whether `text` corrects what was told before, as far as its wording tells. `contrast_alone`: only where something is denied and
    another of its kind named."""
    words = examples.words(text)
    if not 2 <= len(words) <= MOST_WORDS or "?" in words:
        return False
    said = _said(text, classify.shipped().reference)
    contrast = _contrasts(said)
    if not (contrast or (not contrast_alone and _may_be(text, said))):
        return False
    scores = _frames().scores(frame(said))
    ahead = scores["correct"] - max(score for kind, score in scores.items() if kind != "correct") if scores else -SURELY
    return ahead >= (-ALIKE if contrast else SURELY)


def _contrasts(said: Sequence[_Said]) -> bool:
    """One thing is denied, another of its kind is named instead, and little else is said. What is named besides being denied ("no water
    in the tap") is told of, not corrected."""
    denied = _denied(said)
    others = [i for i, part in enumerate(said) if part.kind and i not in denied]
    told = any(said[i].subjects & said[j].subjects for i in denied for j in others)
    different = any(said[i].kind == said[j].kind for i in denied for j in others)
    return len(denied) == 1 and different and not told and not _unheard(said)


def denies_what_stands(text: str, about: Any, classifier: Classifier) -> bool:
    """Whether `text` says of what the complaint `about` says that it is not so, and what is; however it is worded."""
    if len(examples.words(text)) > MOST_WORDS:
        return False
    found = meant(text, about, classifier)
    said = _said(text, classifier.reference)
    spare = 1 if not found.name else 1 + len(found.name.split()) + len((about.name or "").split())
    return bool(found) and found.denies and len(_unheard(said)) <= spare and sum(map(_denies, said)) == 1


def has_denial(text: str) -> bool:
    """Whether a word in it denies something."""
    return bool((_BEFORE | _AFTER).intersection(texts.tokens(texts.normalise(text[:400]))))


def _may_be(text: str, said: Sequence[_Said]) -> bool:
    """Whether it has what a correction consists of: words of corrections around a subject or a place, or around somebody's name."""
    subjects = [part for part in said if part.kind == SUBJECT]
    if _NAME & {word for part in said for word in part.words} and not any(part.kind == PLACE for part in said):
        return not subjects and classify.shipped().classify(text).told < classify.TOLD
    return not _unheard(said) and not any(_denies(part) for part in said)


def _unheard(said: Sequence[_Said]) -> list[str]:
    """The words that stand in no correction."""
    return [word for part in said if not part.kind for word in part.words if not word.isdigit() and word not in _vocabulary()]


def frame(said: Sequence[_Said]) -> list[str]:
    """The words of a text, folded; each subject of complaints and each place as one word that stands for it."""
    found: list[str] = []
    for part in said:
        found.extend([part.kind] if part.kind else [word for word in part.words if not word.isdigit()])
    return found


@lru_cache(maxsize=1)
def _frames() -> Likeness:
    shown = examples.shipped(examples.MESSAGES)
    corrections = [examples.words(text) for text in examples.shipped(examples.CORRECTIONS)["correct"]]
    complaints = [text for listed in examples.shipped(examples.COMPLAINTS).values() for text in listed[::_EVERY]]
    others = {kind: [_bare(examples.words(text)) for text in listed] for kind, listed in shown.items()}
    filed = [_bare(examples.words(text)) for text in complaints]
    filed += [[*words, PLACE] if at % 2 else [PLACE, *words] for at, words in enumerate(filed)]
    return Likeness({"correct": corrections, "file": filed, **others})


def _bare(words: Iterable[str]) -> list[str]:
    """The frame of an example: no places stand in these."""
    found: list[str] = []
    for word in words:
        shown = SUBJECT if _subject(word) else word
        if not (shown == SUBJECT and found[-1:] == [SUBJECT]):
            found.append(shown)
    return found


# ── what is said of what ────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class _Said:
    """Some words of a text, folded: a subject, a place, or a word that is neither (`kind` "")."""

    kind: str
    words: tuple[str, ...]
    place: Place | None = None
    subjects: frozenset[str] = frozenset()  # the categories, of the first level, that it names


def _said(text: str, reference: Reference) -> list[_Said]:
    """`text` in its parts; words that name one subject together are one."""
    found: list[_Said] = []
    for words, place in named(text, reference):
        if place is not None:
            found.append(_Said(PLACE, words, place))
            continue
        for word in words:
            subjects = _subject(word)
            last = found[-1] if found else None
            if subjects and last is not None and (shared := last.subjects & subjects):
                found[-1] = _Said(SUBJECT, (*last.words, word), None, shared)
            else:
                found.append(_Said(SUBJECT if subjects else "", (word,), None, subjects))
    return found


@lru_cache(maxsize=8192)
def _subject(word: str) -> frozenset[str]:
    """The categories that a word alone names: by the keywords of one word, and by their sound."""
    return _subjects().get(sound(word), frozenset()) if word[:1].isalpha() and word not in _vocabulary() else frozenset()


@lru_cache(maxsize=1)
def _subjects() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for code, category in classify.shipped().reference.categories.items():
        for listed in category.keywords.values():
            for keyword in listed:
                if " " not in keyword and len(words := texts.tokens(texts.normalise(keyword))) == 1:
                    found.setdefault(sound(words[0]), set()).add(code.partition(".")[0])
    return {heard: frozenset(codes) for heard, codes in found.items()}


# ── what it puts in place of what ───────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Correction:
    """What is meant now; empty where nothing is. `denies`: it names what the complaint says, and says that it is not so."""

    category: str | None = None
    district: str | None = None
    pincode: str | None = None
    place: str | None = None
    name: str | None = None
    denies: bool = False
    ambiguous: bool = field(default=False, compare=False)  # the place may be in several districts

    @property
    def data(self) -> dict[str, str]:
        """For `complaints.act`."""
        given = {"category": self.category, "district": self.district, "pincode": self.pincode, "place": self.place, "name": self.name}
        return {name: value for name, value in given.items() if value}

    def __bool__(self) -> bool:
        return bool(self.data)


def meant(text: str, about: Any, classifier: Classifier) -> Correction:
    """What `text` puts in place of what the complaint `about` says (a row of complaints)."""
    reference = classifier.reference
    said = _said(text, reference)
    denied = _denied(said)
    places = [i for i, part in enumerate(said) if part.kind == PLACE]
    told = {i for i in places if _is_place_of(said[i], about, reference)}
    place = next((said[i].place for i in reversed(places) if i not in denied | told), None)
    subjects = [i for i, part in enumerate(said) if part.kind == SUBJECT]
    known = {i for i in subjects if _top(about.category_code) in said[i].subjects}
    category = _category(said, _without(subjects, denied, known), classifier)
    name = None if place else _name(text, about)
    if category == about.category_code or (category and (place or name) and not (denied | known) & set(subjects)):
        category = None
    denies = bool((told | known) & (denied | _lone(denied, said))) or (bool(name) and bool(about.name))
    fields = _place_fields(place, about) if place is not None else {}
    return Correction(category=category, name=name, denies=denies, **fields)


def _lone(denied: set[int], said: Sequence[_Said]) -> set[int]:
    """Without a word that denies, everything that stands in the complaint is what is corrected ("sorry, water")."""
    return set() if denied else set(range(len(said)))


def _top(code: str | None) -> str:
    return (code or "").partition(".")[0]


def _without(subjects: list[int], denied: set[int], known: set[int]) -> set[int]:
    """The subjects that are not meant: what is denied, and what the complaint says when another is named beside it."""
    left_out = denied & set(subjects)
    others = [i for i in subjects if i not in left_out | known]
    return left_out | (known if others else set())


def _category(said: Sequence[_Said], left_out: set[int], classifier: Classifier) -> str | None:
    """The category of the subjects that are meant; None where none is named."""
    rest = [i for i, part in enumerate(said) if part.kind == SUBJECT and i not in left_out]
    if not rest:
        return None
    parts = [part for i, part in enumerate(said) if part.kind != PLACE and i not in left_out]
    words = " ".join(word for part in parts for word in part.words if word not in _vocabulary())
    found = classifier.classify(words)
    tops = frozenset[str]().union(*(said[i].subjects for i in rest))
    if found.code and (found.category in tops or len(rest) > 1):
        return found.code
    return min(said[rest[-1]].subjects)


def _denies(part: _Said) -> bool:
    return not part.kind and bool(set(part.words) & (_BEFORE | _AFTER))


def _denied(said: Sequence[_Said]) -> set[int]:
    """The parts beside a word that denies: after "not"; before নয়, or after it where none stands before."""
    found = set()
    things = [i for i, part in enumerate(said) if part.kind]
    for at, part in enumerate(said):
        if part.kind:
            continue
        word = part.words[0]
        following, earlier = [i for i in things if i > at], [i for i in things if i < at]
        if word in _BEFORE:
            found.add(following[0] if following else -1)
        elif word in _AFTER:
            found.add(earlier[-1] if earlier else following[0] if following else -1)
    return found - {-1}


def _is_place_of(part: _Said, about: Any, reference: Reference) -> bool:
    """Whether the complaint says this place: in these words too, where several places have the name."""
    place = part.place
    if place is None:
        return False
    if place.pincode:
        return bool(place.pincode == about.pincode)
    if about.place and list(map(sound, part.words)) == list(map(sound, texts.tokens(texts.normalise(about.place)))):
        return True
    if place.local_body:
        return is_same(reference, place.local_body, about.place or "")
    return bool(place.district_code) and bool(place.district_code == about.district_code)


def _place_fields(place: Place, about: Any) -> dict[str, Any]:
    district = place.district_code or (about.district_code if about.district_code in place.ambiguous else None)
    return {"district": district, "pincode": place.pincode, "place": place.local_body, "ambiguous": bool(place.ambiguous) and district is None and not place.pincode}


def describe(text: str) -> dict[str, Any]:
    """What `flask sms-parse` prints of a correction: what it puts in place of what a complaint says, whatever that is."""
    found = meant(text, _NOTHING_TOLD, classify.shipped())
    top = _top(found.category)
    return {"category": top or None, "subcategory": found.category if found.category != top else None, "district": found.district,
            "pincode": found.pincode, "place": found.place, "name": found.name}  # fmt: skip


_NOTHING_TOLD = SimpleNamespace(category_code=None, district_code=None, pincode=None, place="", name="")


# ── names of people ─────────────────────────────────────────────────────────────────────────────────────────────────


def _name(text: str, about: Any) -> str | None:
    """The name that is put in place of the complaint's, as it was written: words that are no frame's, where a name is spoken of."""
    written, words = texts.tokens(texts.clean(text)), texts.tokens(texts.normalise(text))
    own = {sound(word) for word in texts.tokens(texts.normalise(about.name or ""))}
    spoken_of = bool(_NAME & set(words))
    if len(written) != len(words) or not (spoken_of or own & {sound(word) for word in words if word not in _vocabulary()}):
        return None
    runs = _runs(words, own)
    new = [run for run in runs if not _is_denied(run, words, runs) and not {sound(words[at]) for at in run} <= own]
    if not new:
        return None
    kept = next((run for run in runs if run[-1] == new[-1][0] - 1), [])  # Gopal Dey, where Gopal Das stood: the first name stays
    whole = kept + new[-1] if not own <= {sound(words[at]) for at in kept} else new[-1]
    return " ".join(written[at] for at in whole[:5])


def introduced(text: str) -> str | None:
    """The name of whoever says it and nothing else, as it was written: "my name is Karim", আমি করিম. None for any other text: above all
    for one that says a name to be wrong."""
    written, words = texts.tokens(texts.clean(text)), texts.tokens(texts.normalise(text))
    rest = [at for at, word in enumerate(words) if word not in _INTRODUCES]
    if len(written) != len(words) or not rest or len(rest) > 5 or rest[-1] - rest[0] >= len(rest):
        return None
    if not (_NAME & set(words) or words[0] in _SELF) or any(words[at].isdigit() or words[at] in _vocabulary() for at in rest):
        return None
    return " ".join(written[at] for at in rest)


def _runs(words: Sequence[str], own: set[str]) -> list[list[int]]:
    """Where words stand together that belong to no frame; the complaint's own name is a run by itself."""
    runs: list[list[int]] = [[]]
    for at, word in enumerate(words):
        if word.isdigit() or word in _vocabulary():
            runs.append([])
            continue
        if runs[-1] and (sound(words[runs[-1][-1]]) in own) != (sound(word) in own) and sound(words[runs[-1][0]]) in own:
            runs.append([])
        runs[-1].append(at)
    return [run for run in runs if run]


def _is_denied(run: list[int], words: Sequence[str], runs: Sequence[list[int]]) -> bool:
    if len(runs) < 2:
        return False
    before, after = words[run[0] - 1] if run[0] else "", words[run[-1] + 1] if run[-1] + 1 < len(words) else ""
    return before in _BEFORE or (after in _AFTER and run is not runs[-1])


@lru_cache(maxsize=1)
def _vocabulary() -> frozenset[str]:
    """The words that corrections are made of, and no names."""
    shown = (word for text in examples.shipped(examples.CORRECTIONS)["correct"] for word in examples.words(text))
    return frozenset(shown) | _BEFORE | _AFTER | _NAME | _IS_NONE
