"""How a word sounds, the same in Bengali, Devanagari and Latin letters: রাস্তা, rasta, raasta and रास्ता are one.

Two forms. The *sound* folds what spellings of one word differ in: aspiration (kh, k), long vowels, v/b, sh/s, z/j, doubled
letters; a final a or o is not heard. The *skeleton* also leaves out every a and o inside the word, the nasal before a
consonant and a final vowel, so that obostha, abastha and অবস্থা, or কাঁকর and kankor, meet.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

import regex

_CONSONANTS = dict(zip("কখগঘঙচছজঝঞটঠডঢণতথদধনপফবভমযরলশষসহৎংखकगघङचछजझञटठडढणतथदधनपफबभमयरलवशषसहंँ",
                       "kkggnccjjnttddnttddnpfbbmjrlssshtnkkggnccjjnttddnttddnpfbbmyrlbssshnn", strict=True))  # fmt: skip
_VOWELS = dict(zip("অআইঈউঊএওািীুূেোअआइईउऊएऐओऔऑािीुूेैोौॉ", "oaiiuueoaiiuueoaaiiuueeoooaiiuueeooo", strict=True))
_VOWELS |= {"ঋ": "ri", "ৃ": "ri", "ऋ": "ri", "ृ": "ri", "ঐ": "oi", "ৈ": "oi", "ঔ": "ou", "ৌ": "ou"}
_SIGNS = frozenset(letter for letter in _VOWELS if unicodedata.category(letter).startswith("M"))
_VIRAMA = frozenset("্्")
_NUKTA = {"ড": "r", "ঢ": "r", "য": "", "ड": "r", "ढ": "r", "ज": "j", "फ": "f", "क": "k"}
_DOTS = frozenset("়़")
_VOWELLESS = frozenset("ৎংঃঁंःँ")
_SILENT_B = frozenset("সশজতদধলস্")  # স্বামী is heard as sami: the ব under these is silent
_JOINED = (("ক্ষ্ম", "ক্খ"), ("ক্ষ", "ক্খ"), ("জ্ঞ", "গ্গ"), ("क्ष", "क्ख"))
_LATIN = [
    (regex.compile(pattern), sound)
    for pattern, sound in (
        ("^sh?w", "s"), ("kshm?|kkh", "k"), ("c+hh?", "C"), ("sh", "s"), ("kh", "k"), ("gh", "g"), ("jh", "j"), ("th", "t"),
        ("dh", "d"), ("ph", "f"), ("bh|v", "b"), ("z", "j"), ("q", "k"), ("x", "ks"), ("ck", "k"), ("ee", "i"), ("oo", "u"), ("(?<=[^aeiou])w", ""), ("w", "o"),
        ("y(?=[aeiou])", ""), ("(?<=[aeiou])y", ""), ("y", "i"), ("ng(?![aeiou])", "n"), ("c(?=[ei])", "s"), ("c", "k"), ("C", "c"),
    )
]  # fmt: skip
_WEAK = {ord("a"): "", ord("o"): "", ord("h"): "", ord("e"): "i"}
_GLIDE = regex.compile("(?<=[ao])i(?=[^aeiou])")  # রায়না, Raina
_NASAL = regex.compile("n(?=[kgcjtdpbsl])")
_DOUBLED = regex.compile(r"(.)\1+")
_BENGALI = regex.compile(r"\p{Bengali}")


@lru_cache(maxsize=32768)
def sound(word: str) -> str:
    """The sound of one folded word: রাস্তা, rasta → `rast`; কল, kol → `kol`; কাল, kal → `kal`."""
    heard = _latin(word) if word.isascii() else _indic(word, "o" if _BENGALI.search(word) else "a")
    heard = _DOUBLED.sub(r"\1", heard)
    return heard.rstrip("ao") or heard


@lru_cache(maxsize=32768)
def skeleton(word: str) -> str:
    """The sound without its weak vowels: অবস্থা, obostha, abastha → `abst`."""
    heard = _DOUBLED.sub(r"\1", (_latin(word) if word.isascii() else _indic(word, "")).replace("f", "p"))
    rest = _NASAL.sub("", _GLIDE.sub("", heard[1:]).translate(_WEAK))
    if len(rest) > 2:
        rest = rest.rstrip("iu") or rest
    return _DOUBLED.sub(r"\1", heard[:1].replace("o", "a") + rest)


def _latin(word: str) -> str:
    for pattern, heard in _LATIN:
        word = pattern.sub(heard, word)
    return word


def _indic(word: str, inherent: str) -> str:
    """Letter by letter; a consonant without a sign of its own carries the `inherent` vowel."""
    word = unicodedata.normalize("NFC", word)
    for written, spoken in _JOINED:
        word = word.replace(written, spoken)
    heard = []
    for i, letter in enumerate(word):
        if letter in _VOWELS:
            heard.append(_VOWELS[letter])
        elif letter in _CONSONANTS:
            heard.append(_consonant(word, i, inherent))
        elif letter.isascii():
            heard.append(letter)
    return "".join(heard)


def _consonant(word: str, i: int, inherent: str) -> str:
    letter, before, after = word[i], word[i - 1 : i], word[i + 1 : i + 2]
    heard = "ng" if letter == "ঙ" and after not in _VIRAMA else _CONSONANTS[letter]
    if after in _DOTS:
        heard, after = _NUKTA.get(letter, heard), word[i + 2 : i + 3]
    elif before and before in _VIRAMA and (letter in "যय" or (letter == "ব" and word[i - 2 : i - 1] in _SILENT_B)):
        heard = ""  # a য-ফলা, a silent ব-ফলা
    elif letter == "य":
        heard = ""
    carries = heard and letter not in _VOWELLESS and after not in _VIRAMA and after not in _SIGNS
    return heard + inherent if carries else heard
