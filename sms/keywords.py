"""The grammar of the text line: what a message asks for, in three scripts and in romanised spellings, with typos.

Numbers and first words are read by the tables below. Everything else is told by likeness: which of the examples of
`reference/message_examples.csv` (a question for the status, an opt-out, a greeting, …) or of complaints the message is most
like. So a complaint that merely contains "help" or "stop" is a complaint, and a wording that nobody wrote down is understood.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from rapidfuzz.distance import OSA

from helpline import acknowledgement, classify, corrections, examples
from helpline import text as texts
from helpline.places import find_place
from helpline.sounds import sound


@dataclass(frozen=True)
class Parsed:
    intent: str
    original: str
    text: str = ""  # what is left without keyword and number
    acks: tuple[str, ...] = ()
    keyword: str | None = None  # the table's word, when one was used
    lang: str = "en"  # bn, en, hi, bn-Latn, hi-Latn, mixed
    rating: int | None = None
    language: str | None = None  # the one asked for
    sure: bool = False  # without a keyword: its words are everyday ones, and far more like this intent than like anything else
    kind: str = ""  # which of an intent's finer kinds: `call` (an unknown: ring me back), `thanks` (a greeting), `another` (file: a complaint is announced)

    @property
    def ack(self) -> str | None:
        return self.acks[0] if self.acks else None

    @property
    def purpose(self) -> str:
        """The intent with its finer kind, as the examples name them: `unknown.call`."""
        return f"{self.intent}.{self.kind}" if self.kind else self.intent

    @property
    def reply_language(self) -> str:
        return {"bn": "bn", "bn-Latn": "bn", "mixed": "bn", "hi": "hi", "hi-Latn": "hi"}.get(self.lang, "en")


def _nfc(words: str) -> tuple[str, ...]:
    return tuple(unicodedata.normalize("NFC", words).split())


# First words. One typo is forgiven in words of four letters and more, where it makes no other word that we know.
KEYWORDS: dict[str, str] = {
    "file": "file complaint complain grievance report register abhijog obhijog avijog ovijog nalish shikayat sikayat অভিযোগ নালিশ शिकायत",
    "status": "status track update progress check obostha abastha abostha obosta sthiti istatus khobor অবস্থা স্টেটাস স্ট্যাটাস স্থিতি "
    "অগ্রগতি খবর स्थिति स्टेटस",
    "add": "add more details detail tothyo jog তথ্য যোগ जानकारी जोड़ें",
    "reopen": "reopen punoray পুনরায় पुनः दोबारा",
    "rate": "rate rating mulyayon মূল্যায়ন রেটিং রেট रेटिंग मूल्यांकन",
    "correct": "correct correction songshodhon shongshodhon সংশোধন सुधार",
    "cancel": "cancel withdraw batil protyahar বাতিল প্রত্যাহার रद्द वापस",
    "language": "lang language bhasha vasha ভাষা भाषा",
    "stop": "stop stopall unsubscribe unsub end quit optout স্টপ बंद বন্ধ",
    "start": "start resume unstop subscribe চালু शुरू",
    "private": "private privacy gopon gopone gopniya গোপন গোপনে গোপনীয় निजी गोपनीय",
    "help": "help info information menu guide options commands sahajjo sahajya sahayjo sahayo madad sahayata সাহায্য হেল্প मदद सहायता",
}
CALL = frozenset(_nfc("call callback phone ফোন কল फोन कॉल"))  # alone: to be rung back; elsewhere a word like any other
LANGUAGES = {
    "bn": "bn bangla bengali bangali bengla bangala বাংলা বাংলায় বেঙ্গলি बांग्ला बंगला",
    "en": "en english eng ingreji ingraji inglish angrezi ইংরেজি ইংরেজিতে ইংলিশ अंग्रेज़ी अंग्रेजी इंग्लिश",
    "hi": "hi hindi হিন্দি হিন্দিতে हिंदी हिन्दी",
}
_NOUNS = frozenset(_nfc("complaint complain grievance report abhijog obhijog avijog ovijog shikayat sikayat অভিযোগ शिकायत"))  # what a sentence can begin with
_BEFORE = frozenset(_nfc("hi hello sir madam dear please pls plz kindly dada didi namaskar nomoskar স্যার দাদা দয়া নমস্কার कृपया सर"))  # before a keyword
_ABOUT_NUMBERS = frozenset(  # what may stand beside a number without asking for more than its status
    _nfc("no number num nombor nomber id ack ref my amar this is the sir madam please pls plz dear hello hi complaint complain case grievance "
         "obhijog abhijog নম্বর নং অভিযোগ আমার স্যার দাদা संख्या नंबर शिकायत मेरी सर for of and & thanks dhonnobad ধন্যবাদ er r")
)
_CONCERNING = _ABOUT_NUMBERS - {"no"} | frozenset(  # what may stand beside a number that somebody is to ring about
    _nfc("about regarding concerning reference it niye nia byapare bapare byaparey bishoye bisoye somporke jonno number nombore obhijoger obhijogta অভিযোগের অভিযোগটা অভিযোগটি নম্বরের নিয়ে ব্যাপারে "
         "বিষয়ে সম্পর্কে জন্য bare baare mein ke ki ko liye lekar vishay sambandh shikayat sikayat sankhya के की को बारे में लिए लेकर विषय संबंध शिकायत")
)
YES = frozenset(_nfc("yes y ok okay ha haa haan han hya hyan hna ji jee 1 হ্যাঁ হ্যা হা হাঁ আচ্ছা ঠিক जी हाँ हां हा sure thik solved done hoyeche হয়েছে সমাধান हो korun করুন"))
_NO = frozenset(_nfc("no n na naa nah nahi nahin 2 না নয় नहीं ना নাহ not"))
_NOT = frozenset(_nfc("not cannot cant dont don don't no na nei jani bujhi না জানি বুঝি নয় नहीं"))  # beside a language that is not wanted
_DENIALS = frozenset(sound(word) for word in _NO | _NOT)
_CALL_BACK = "unknown.call"
_CALLS = CALL | frozenset(_nfc("calls calling phoning ring fon ফোনে কলে"))
_FORBIDS_BEFORE = frozenset(_nfc("not don't dont t never no stop mat मत"))  # "do not call"; না before it ends another sentence: "লিখতে পারি না, ফোন করুন"
_FORBIDS_AFTER = frozenset(_nfc("na naa না mat मत nahi nahin नहीं ना"))  # "ফোন করবেন না", "phone mat kijiye"
_OR = frozenset(_nfc("or and nor o ba ar kimba ও বা আর কিংবা অথবা ya aur या और"))
_TALKS = _CALLS | frozenset(_nfc("talk speak kotha কথা baat bat बात"))
_MESSAGES = frozenset(_nfc("sms message messages msg msgs text texts texting মেসেজ ম্যাসেজ এসএমএস বার্তা एसएमएस मैसेज मेसेज संदेश"))
_REFUSES = _DENIALS | frozenset(sound(word) for word in (*_FORBIDS_BEFORE, *_FORBIDS_AFTER, *_nfc("न band bondho বন্ধ बंद")))
_YOU_WILL = frozenset(_nfc("korben diben deben koro করবেন দেবেন দিবেন কোরো"))  # before না they forbid; "পারি না" only says what one cannot do

_EDGES = " \t\r\n.,:;!?।|-–—'\"“”‘’<>()[]{}*#/\\&=+_~`🙏👍"
_LEADING = re.compile(r"([^\s.,:;।–—-]+)([\s.,:;।–—-]+)(.+)", re.S)
_SECOND_OF_A_LIST = re.compile(r"(?<!\d)2\s*[.,:;)।-]")
_BUT = frozenset(_nfc("but though however kintu kinto tobe lekin magar par parantu কিন্তু তবে লেকিন लेकिन मगर पर परंतु किंतु"))
_FIRST = re.compile(r"re-open|un-stop|[^\s\d.,:;!?।<>()\"“”'\-–—/]+")
_RUN_TOGETHER = re.compile(r"(?<!\d)\d{3}[ -]?\d{4}[ -]?\d{7}[ -]?\d{4}[ -]?\d{4}(?!\d)")  # two numbers without a space between
_STARS = re.compile(r"[⭐★🌟]")
_OUT_OF_FIVE = re.compile(r"(?<![\d/])([1-5])\s*(?:/|out of|of)\s*5(?!\d)")
_NUMBER = re.compile(r"(?<!\d)\d+(?!\d)")
_LINK = re.compile(r"https?://|www\.", re.I)
_PLAIN_STATUS = re.compile(r"\s*status\s*:?\s*([0-9]{11}|[0-9]{3} [0-9]{4} [0-9]{4})\s*", re.I)

_WORD_INTENT = {word: intent for intent, words in KEYWORDS.items() for word in _nfc(words)}
_LATIN = tuple(word for word in _WORD_INTENT if word.isascii() and len(word) >= 4)
_BY_SOUND = {sound(word): word for word in reversed(_WORD_INTENT) if len(sound(word)) >= 4}
_LANGUAGE_OF = {word: code for code, words in LANGUAGES.items() for word in _nfc(words)}
_WITH_NUMBER = ("status", "add", "reopen", "rate", "cancel", "private")
_BEFORE_NUMBER = (*_WITH_NUMBER, "correct")
# In the unit of `classify.TOLD`.
_CLEARLY = 40.0
_SURELY = 60.0
_KEYWORD_BONUS = 25.0
_LONG = 9  # words; longer messages are more likely complaints, by
_A_WORD_MORE = 6.0


# Whether a message is ours: CHECK and its code of nine digits, the code alone behind its #, or CHECK and the whole message.
_CHECK = "|".join(map(re.escape, _nfc("check chek verify jachai yachai jaachai যাচাই চেক জাচাই जाँच जांच सत्यापन")))
_CODE = r"[0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{3}(?![0-9])"
_CHECKED = re.compile(rf"\W*(?:(?:{_CHECK})\b\W*|#\s*)({_CODE})\W*|\W*(?:{_CHECK})\b.*#\s*({_CODE})\W*", re.S)
_CHECK_ALONE = re.compile(rf"\W*(?:{_CHECK.partition('|')[2]})\W*")  # CHECK alone asks for the status


def _asks_to_check(folded: str) -> str | None:
    """The code, "" where it is missing, None when the message is about something else."""
    if found := _CHECKED.fullmatch(folded):
        return "".join(ch for ch in found[1] or found[2] if ch.isdigit())
    return "" if _CHECK_ALONE.fullmatch(folded) else None


def parse(text: str, *, awaiting: str | None = None, correcting: bool = True) -> Parsed:
    """What `text` asks for. `awaiting`: what the line asked last, which gives "yes", "না" and "1" their meaning. `correcting`: whether
    it may be a correction ("not road, water")."""
    if (plain := _PLAIN_STATUS.fullmatch(text)) and (ack := acknowledgement.normalise(plain.group(1))):
        return Parsed("status", text, acks=(ack,), keyword="status")
    clean = texts.clean(text[:10_000]).strip()
    folded = texts.fold(clean)
    if (code := _asks_to_check(folded[:600])) is not None:
        return Parsed("check", text, code, (), "check", texts.language_tag(text[:2000]))
    spans = acknowledgement.find_spans(folded)
    return _as_written(_read(text, folded, spans, awaiting, correcting=correcting), folded, clean, spans)


def _as_written(parsed: Parsed, folded: str, clean: str, spans: list[tuple[str, int, int]]) -> Parsed:
    """What is left of the message in the letters and digits that were written."""
    if not parsed.text or len(folded) != len(clean):
        return parsed
    start = _without_acks(folded, spans).find(parsed.text)
    return replace(parsed, text=_without_acks(clean, spans)[start : start + len(parsed.text)]) if start >= 0 else parsed


def _read(text: str, folded: str, spans: list[tuple[str, int, int]], awaiting: str | None, *, correcting: bool) -> Parsed:
    lang = texts.language_tag(text[:2000])
    acks = tuple(dict.fromkeys(ack for ack, _, _ in spans))
    rest = _without_acks(folded, spans)
    if awaiting and not acks and (said := _yes_or_no(rest)):
        return Parsed(said, text, lang=lang)
    if _RUN_TOGETHER.search(folded):
        return Parsed("unknown", text, text, lang=lang)  # which digits were meant is not guessed
    if acks:
        if _asks_for_a_call_about(folded, spans, lang):
            return Parsed("unknown", text, acks=acks, lang=lang, sure=True, kind="call")
        return _about(text, rest, acks, lang, correcting=correcting)
    return _without_number(text, rest, lang, correcting=correcting)


def _without_acks(folded: str, spans: list[tuple[str, int, int]], instead: str = " ") -> str:
    if not spans:
        return folded
    for _, start, end in reversed(spans):
        folded = f"{folded[:start]}{instead}{folded[end:]}"
    return folded.strip()


@dataclass(frozen=True)
class Leading:
    """A yes or no with more behind it. `plain`: it answers by itself ("1, …", "yes, but …"), and is no word of the sentence behind it. A
    `figure` that is not plain may count something."""

    said: str  # confirm | deny
    rest: str
    plain: bool
    figure: bool


def leading_answer(text: str) -> Leading | None:
    """`deny` for "2 still no water" and "না, এখনও আসেনি", `confirm` for "yes, it runs" and "1 but …"."""
    found = _LEADING.fullmatch(text.strip(_EDGES))
    if found is None:
        return None
    first, mark, rest = texts.fold(found[1]), found[2].strip(), found[3]
    second, _, behind = rest.partition(" ")
    but = texts.fold(second).strip(_EDGES) in _BUT and bool(behind)
    plain = but or (bool(mark) and not rest[:1].isdigit() and not _SECOND_OF_A_LIST.search(texts.fold(rest)))
    said = "deny" if first in _NO else "confirm" if first in YES else None
    return Leading(said, behind if but else rest, plain, first.isdigit()) if said else None


def _yes_or_no(rest: str) -> str | None:
    words = rest.strip(_EDGES).split()
    if not words or len(words) > 3:
        return None
    first = words[0].strip(_EDGES)
    if first in _NO or words[-1].strip(_EDGES) in _NO:
        return "deny"
    return "confirm" if first in YES else None


# ── with an acknowledgement number ──────────────────────────────────────────────────────────────────────────────────


def _about(text: str, rest: str, acks: tuple[str, ...], lang: str, *, correcting: bool) -> Parsed:
    keyword, intent, left = _leading_keyword(rest)
    if intent == "help":
        intent = "add" if texts.tokens(left) else "status"  # INFO <number> <text> adds
    if intent not in _BEFORE_NUMBER:
        intent, keyword, left = _told_of_a_number(rest), None, rest
    if correcting and (intent == "add" or not keyword) and corrections.is_one(left, contrast_alone=bool(keyword)):
        intent, keyword = "correct", None
    rating = _rating(left) if intent == "rate" else None
    return Parsed(intent, text, left.strip(_EDGES), acks, keyword, lang, rating)


def _asks_for_a_call_about(folded: str, spans: list[tuple[str, int, int]], lang: str) -> bool:
    """"Please call me about 261 2345 6789": a request to be rung, with nothing beside it but that a complaint is meant."""
    words = texts.tokens(_without_acks(folded, spans, " 0 "))
    left = [word for at, word in enumerate(words) if word not in _CONCERNING and not (word == "no" and words[at + 1 : at + 2] == ["0"])]
    if not _TALKS.intersection(left) or left[0] in _WORD_INTENT:
        return False
    asked = _without_number("", " ".join(left), lang, correcting=False)
    return asked.kind == "call" and asked.sure


def _told_of_a_number(rest: str) -> str:
    """No keyword: a bare rating rates, a number alone asks for its status, a complaint's words add to it."""
    meant = [w for w in texts.tokens(rest) if w not in _ABOUT_NUMBERS]
    if _rating(rest) and all(w.isdigit() or w in texts.NUMBER_WORDS for w in meant):
        return "rate"
    if not [w for w in meant if not w.isdigit()]:
        return "status"
    reading = classify.shipped().read(examples.words(rest))
    told = max(reading.complaints.values(), default=0.0)
    first = max(_WITH_NUMBER, key=lambda intent: reading.messages.get(intent, 0.0))
    if reading.messages and reading.messages[first] >= told and not (first == "cancel" and _forbids_calls(texts.tokens(rest))):  # "no calls please"
        return first
    return "add" if len(meant) > 2 else "status"


def _rating(rest: str) -> int | None:
    if of_five := _OUT_OF_FIVE.search(rest):
        return int(of_five.group(1))
    if (of_scale := _beside_the_scale(texts.tokens(rest))) is not None:
        return of_scale
    numbers = _NUMBER.findall(rest)
    if len(numbers) == 1:
        return int(numbers[0]) if numbers[0] in ("1", "2", "3", "4", "5") else None
    words = [texts.NUMBER_WORDS[w] for w in texts.tokens(rest) if w in texts.NUMBER_WORDS]
    stars = len(_STARS.findall(rest))
    if not numbers and len(words) == 1 and 1 <= words[0] <= 5:
        return words[0]
    return stars if not numbers and 1 <= stars <= 5 else None


def _beside_the_scale(words: list[str]) -> int | None:
    """"5 e 5", "5 er modhye 2", तीन नंबर पाँच में से: a five followed by "of" is what there is to give; the one number beside it is the rating."""
    numbers = [(at, int(word) if word.isdigit() else texts.NUMBER_WORDS[word]) for at, word in enumerate(words) if word.isdigit() or word in texts.NUMBER_WORDS]
    given = [value for at, value in numbers if not (value == 5 and at + 1 < len(words) and words[at + 1] in _OF)]
    return given[0] if len(numbers) == 2 and len(given) == 1 and 1 <= given[0] <= 5 else None


_OF = frozenset(texts.normalise("e te er me mein se modhye moddhe এ তে এর মধ্যে में मे से").split())


# ── without ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _without_number(text: str, rest: str, lang: str, *, correcting: bool) -> Parsed:
    words = texts.tokens(rest)
    if not [w for w in words if not w.isdigit()]:
        return _wordless(text, rest, lang)
    keyword, intent, left = _leading_keyword(rest)
    if language := _language_alone(words, intent):
        return Parsed("language", text, keyword="language", lang=lang, language=language)
    if keyword and not texts.tokens(left):
        return Parsed(intent or "", text, left.strip(_EDGES), (), keyword, lang)
    if (meant := _in_its_words(rest, words)) is not None:
        return replace(meant, original=text, lang=lang)
    if keyword and intent == "file" and keyword not in _NOUNS:
        return Parsed(intent, text, left.strip(_EDGES), (), keyword, lang)
    if intent == "rate" and (rating := _rating(left)):
        return Parsed("rate", text, left.strip(_EDGES), (), keyword, lang, rating)
    if correcting and corrections.is_one(left if intent == "file" else rest):
        return Parsed("correct", text, rest.strip(_EDGES), (), None, lang)
    return _told(text, rest, words, (keyword, intent, left), lang)


def _wordless(text: str, rest: str, lang: str) -> Parsed:
    """Digits, signs or nothing: a bare 1 to 5 and stars rate, ? asks for help, folded hands greet."""
    if "?" in rest and not rest.strip(_EDGES):
        return Parsed("help" if rest.strip() in ("?", "??", "???") else "unknown", text, lang=lang)
    stars, digits = len(_STARS.findall(text)), rest.strip(_EDGES)
    if of_five := _OUT_OF_FIVE.fullmatch(digits):
        return Parsed("rate", text, lang=lang, rating=int(of_five.group(1)))
    if 1 <= stars <= 5 or digits in ("1", "2", "3", "4", "5"):
        return Parsed("rate", text, lang=lang, rating=stars or int(digits))
    if "🙏" in text and not digits:
        return Parsed("greeting", text, lang=lang)
    return Parsed("unknown", text, digits, lang=lang)


def _in_its_words(rest: str, words: list[str]) -> Parsed | None:
    """A message of one of the finer kinds, most like it and said in nothing but words of its examples: so no name, place or subject is lost."""
    heard = {sound(word) for word in examples.words(rest)}
    if heard and all(word in CALL or word.isdigit() for word in words):
        return Parsed("unknown", rest, keyword="call", kind="call", sure=True)
    kinds = [purpose for purpose, vocabulary in _own_sounds().items() if heard and heard <= vocabulary]
    if not kinds or (kinds != [_CALL_BACK] and any(word.isdigit() for word in words)):  # "5, thanks" rates
        return None
    reading = classify.shipped().read(examples.words(rest))
    scores = {**reading.complaints, **reading.messages}
    best = max(scores, key=scores.__getitem__, default="")
    intent, _, kind = best.partition(".")
    if best not in kinds:
        return None
    return Parsed(intent, rest, "" if kind == "another" else rest.strip(_EDGES), kind=kind, sure=True)


@lru_cache(maxsize=1)
def _own_sounds() -> dict[str, frozenset[str]]:
    """Finer kind → the sounds in its examples; a denial is none of them ("do not call me")."""
    shown = {purpose: listed for purpose, listed in examples.shipped(examples.MESSAGES).items() if "." in purpose}
    return {purpose: frozenset(sound(word) for text in listed for word in examples.words(text)) - _DENIALS for purpose, listed in shown.items()}


def _told(text: str, rest: str, words: list[str], leading: tuple[str | None, str | None, str], lang: str) -> Parsed:
    """What the words are most like; a leading keyword counts for its intent, length for a complaint."""
    keyword, intent, left = leading
    reading = classify.shipped().read(examples.words(rest))
    messages = {kind: score - max(0, len(words) - _LONG) * _A_WORD_MORE for kind, score in reading.messages.items()}
    if intent in messages:
        messages[intent] += _KEYWORD_BONUS
    denied = _DENIALS.intersection(map(sound, words)) and not (messages and _is_sure(_CALL_BACK, reading, words))
    if denied or _forbids_calls(words):
        messages.pop(_CALL_BACK, None)  # "nobody answers the phone", "do not call"; but "I cannot write, please call"
    found = _complaint_or(messages, reading, len(words), intent, linked=bool(_LINK.search(text)))
    if not messages:
        found = intent if intent not in (None, "file") and len(words) <= 3 else _unheard_of(rest, words)
    sure = found in messages and _is_sure(found, reading, words)
    if found in ("stop", _CALL_BACK) and _is_rung_instead(words):
        found, sure = "stop.call" if intent == "stop" else _CALL_BACK, True
    found, _, kind = found.partition(".")
    if found == "file":  # with words beside the announcement, which are the complaint
        kind, sure = "", False
    used = keyword if intent == found else None
    kept = (left if used else text if found == "file" else rest).strip(_EDGES)
    language = _language_named(words) if found == "language" else None
    return Parsed(found, text, kept, (), used, lang, _rating(rest) if found == "rate" else None, language, sure, kind)


def _forbids_calls(words: list[str]) -> bool:
    """Whether a denial stands beside the word for calling (one word before it in English and Hindi, up to two after it in Bengali and Hindi)
    or right after what the reader is to do ("phone o message korben na")."""
    return any((word in _CALLS and (_FORBIDS_BEFORE.intersection(words[max(0, at - 1) : at]) or _FORBIDS_AFTER.intersection(words[at + 1 : at + 3])))
               or (word in _YOU_WILL and _FORBIDS_AFTER.intersection(words[at + 1 : at + 2])) for at, word in enumerate(words))  # fmt: skip


def _is_rung_instead(words: list[str]) -> bool:
    """"Do not send SMS, call me": one part of the message wants no messages, the other asks for a call. What stands between the two may deny
    the call as well ("no SMS and no calls", "phone korben na, sms pathan").
    """
    told, rung = ([at for at, word in enumerate(words) if word in of] for of in (_MESSAGES, _TALKS))
    if not told or not rung or (told[-1] > rung[0] and rung[-1] > told[0]):
        return False
    calls_first = rung[-1] < told[0]
    begin, end = (rung[-1] + 1, told[0]) if calls_first else (told[-1] + 1, rung[0])
    between = words[begin:end]
    if _OR.intersection(between) or (_FORBIDS_AFTER.intersection(between) if calls_first else _FORBIDS_BEFORE.intersection(between[-1:])):
        return False
    parts = [(words[at:], words[:at]) if calls_first else (words[:at], words[at:]) for at in range(begin, end + 1)]
    return any(_REFUSES.intersection(map(sound, messages)) and _wants_a_call(calls) for messages, calls in parts)


def _wants_a_call(words: list[str]) -> bool:
    meant = _in_its_words(" ".join(words), words)
    return meant is not None and meant.kind == "call"


def _is_sure(found: str, reading: classify.Reading, words: list[str]) -> bool:
    """So much like `found` that it is no name and no place: "what happened to my complaint"."""
    others = [score for kind, score in (*reading.messages.items(), *reading.complaints.items()) if kind != found]
    return reading.messages[found] - max(others) >= _SURELY and all(sound(word) in examples.everyday_sounds() for word in words if not word.isdigit())


def _complaint_or(messages: dict[str, float], reading: classify.Reading, length: int, keyword: str | None, *, linked: bool) -> str:
    """`file`, or the intent that the message is most like, by how clearly a subject of complaints stands out."""
    if not messages:
        return "unknown"
    best = max(messages, key=messages.__getitem__)
    ahead = messages[best] - max(reading.complaints.values()) - (_KEYWORD_BONUS if keyword == "file" else 0)
    if reading.told >= classify.TOLD * (2 if linked else 1):
        return best if best in _WITH_NUMBER and ahead > _CLEARLY else "file"
    if ahead >= 0:
        return best
    if linked or (reading.told < classify.HINTED and length <= _LONG and keyword != "file"):
        return "unknown"
    return "file"


def _unheard_of(rest: str, words: list[str]) -> str:
    """Not one word is known: a longer text that names a place is taken for a complaint."""
    if len(words) >= 4 and find_place(rest, classify.shipped().reference).district_code:
        return "file"
    return "unknown"


# ── words ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _leading_keyword(rest: str) -> tuple[str | None, str | None, str]:
    """(keyword, intent, what follows) where the message begins with a keyword; a greeting before it is skipped."""
    body = rest.lstrip(_EDGES)
    match = _FIRST.match(body)
    first = match.group() if match else ""
    if first in _BEFORE and len(body.split()) > 1:
        return _leading_keyword(body[len(first) :])
    keyword = _as_keyword(first.replace("-", ""))
    if keyword is None:
        return None, None, rest
    return keyword, _WORD_INTENT[keyword], body[len(first) :].strip(_EDGES)


@lru_cache(maxsize=4096)
def _as_keyword(word: str) -> str | None:
    """The keyword that `word` is, or was meant to be: one typo makes it, and no other word that we know."""
    if word in _WORD_INTENT:
        return word
    if len(word) < 4 or sound(word) in examples.everyday_sounds():
        return None
    if word.isascii():
        allowed = 2 if len(word) >= 8 else 1
        near = [(OSA.distance(known, word, score_cutoff=allowed), known) for known in _LATIN]
        best = min(near, default=(9, ""))
        return best[1] if best[0] <= allowed else None
    heard = sound(word)
    return next((known for s, known in _BY_SOUND.items() if not known.isascii() and OSA.distance(s, heard, score_cutoff=1) <= 1), None)


def _language_alone(words: list[str], intent: str | None) -> str | None:
    """`LANG BN`, "english", বাংলায়: the name of one language, with the keyword or by itself."""
    if intent == "language" or (len(words) == 1 and len(words[0]) > 2):
        return _language_named(words)
    return None


def _language_named(words: list[str]) -> str | None:
    """The language that is asked for; one that the sender does not read is not meant."""
    named = [(at, code) for at, word in enumerate(words) if (code := _language_word(word))]
    wanted = [code for at, code in named if not _NOT.intersection(words[max(0, at - 3) : at] + words[at + 1 : at + 3])]
    return next(iter(wanted or [code for _, code in named][-1:]), None)


@lru_cache(maxsize=1024)
def _language_word(word: str) -> str | None:
    if word in _LANGUAGE_OF:
        return _LANGUAGE_OF[word]
    if len(word) < 5:
        return None
    return next((code for known, code in _LANGUAGE_OF.items() if len(known) >= 5 and OSA.distance(known, word, score_cutoff=1) <= 1), None)


def understand(text: str) -> dict[str, Any]:
    """What `flask sms-parse` prints for `text`: the same reading that the line uses."""
    parsed = parse(text)
    found: dict[str, Any] = {"text": text, "intent": parsed.intent, "ack": parsed.ack, "acks": list(parsed.acks), "lang": parsed.lang,
                             "category": None, "subcategory": None, "district": None, "rating": parsed.rating, "language": parsed.language,
                             "candidates": []}  # fmt: skip
    if parsed.intent == "file":
        told = parsed.text if parsed.keyword and parsed.text else text  # "complaint" says nothing of what about
        found |= {key: value for key, value in classify.describe(told).items() if key not in ("lang", "text")}
    if parsed.intent == "correct":
        found |= corrections.describe(parsed.text)
    return found
