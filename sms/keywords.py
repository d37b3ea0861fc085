"""The grammar of the text line: what a message asks for, in three scripts and in romanised spellings, with typos.

A message is read in this order: opt-outs the law knows; an acknowledgement number with cues around it; a keyword at its
beginning; whole-message phrases; and then, whether it tells a complaint. A complaint that merely contains "help" or "stop"
is a complaint. The tables below are the grammar; nothing else decides.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from rapidfuzz.distance import DamerauLevenshtein

from helpline import acknowledgement, classify
from helpline import text as texts
from helpline.places import find_place


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

    @property
    def ack(self) -> str | None:
        return self.acks[0] if self.acks else None

    @property
    def reply_language(self) -> str:
        return {"bn": "bn", "bn-Latn": "bn", "mixed": "bn", "hi": "hi", "hi-Latn": "hi"}.get(self.lang, "en")


def _nfc(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(unicodedata.normalize("NFC", word) for word in words)


# First words. Latin words of five letters and more are forgiven one typo, of eight and more two.
KEYWORDS: dict[str, str] = {
    "file": "file complaint complain report grievance new register abhijog obhijog avijog ovijog abhijoga nalish shikayat "
    "sikayat অভিযোগ নালিশ शिकायत समस्या",
    "status": "status track update progress check state obostha abastha abostha obosta obostaa sthiti istatus khobor অবস্থা "
    "স্টেটাস স্ট্যাটাস স্থিতি অগ্রগতি খবর स्थिति स्टेटस हाल",
    "add": "add more details detail tothyo jog তথ্য যোগ अतिरिक्त जानकारी जोड़ें",
    "reopen": "reopen punoray পুনরায় पुनः दोबारा",
    "rate": "rate rating mulyayon মূল্যায়ন রেটিং रेटिंग मूल्यांकन",
    "cancel": "cancel withdraw batil protyahar বাতিল প্রত্যাহার रद्द वापस",
    "language": "lang language bhasha vasha ভাষা भाषा",
    "stop": "stop stopall unsubscribe end quit optout স্টপ बंद",
    "start": "start resume unstop subscribe চালু शुरू",
    "help": "help info menu guide ? sahajjo sahajya sahayjo sahayo madad sahayata সাহায্য হেল্প मदद सहायता",
}
# A whole message (politeness and our own name aside) that is one of these phrases.
PHRASES: dict[str, str] = {
    "stop": "stop|stop all|cancel|end|quit|unsubscribe|unsubscribe me|stop sms|stop messages|no more sms|dont send sms|"
    "sms bondho korun|message bondho korun|sms bondho koro|message bondho koro|sms bondho|r sms pathaben na|sms pathaben na|"
    "ar sms pathaben na|sms band karo|message band karo|sms mat bhejo|message mat bhejo|আর মেসেজ পাঠাবেন না|মেসেজ পাঠাবেন না|"
    "আর এসএমএস পাঠাবেন না|এসএমএস পাঠাবেন না|এসএমএস বন্ধ করুন|মেসেজ বন্ধ করুন|এসএমএস বন্ধ|एसएमएस बंद करें|मैसेज बंद करो|"
    "एसएमएस मत भेजो|संदेश बंद करें|stop sending me sms|stop sending sms|stop these messages|please do not send sms|opt out",
    "start": "start|resume|unstop|start sms|start sms again|start messages|sms chalu korun|sms chalu koro|sms chalu|"
    "এসএমএস চালু করুন|এসএমএস চালু|মেসেজ চালু করুন|আবার এসএমএস পাঠান|एसएमएस चालू करें|एसएमएस चालू|एसएमएस शुरू करें|"
    "message chalu korun|sms chalu karo|sms shuru karo|send sms again",
    "help": "help|help me|info|what can i do here|how to file a complaint|how do i file a complaint|how do i file a complaint by sms|"
    "how to complain|how does this work|what is this number|what to do|kivabe obhijog korbo|ki bhabe obhijog korbo|kibhabe abhijog korbo|"
    "obhijog kivabe korbo|abhijog korar niyom ki|obhijog korar niyom|sahajya chai|sahajjo chai|sahajjo korun|help korun|help chai|"
    "কীভাবে অভিযোগ করব|কিভাবে অভিযোগ করব|অভিযোগ কীভাবে করব|অভিযোগ করার নিয়ম কী|সাহায্য চাই|সাহায্য করুন|হেল্প|help কীভাবে|কীভাবে|"
    "কী করতে হবে|shikayat kaise kare|shikayat kaise karen|madad karo|madad chahiye|मदद करें|मदद चाहिए|शिकायत कैसे करें|"
    "how to use|how to check status|commands|options|কী কী করা যায়",
    "greeting": "hello|hi|hii|hey|good morning|good afternoon|good evening|good night|namaskar|nomoskar|namaste|salam|assalamu alaikum|"
    "dhanyavaad|dhanyawad|thanks|thank you|thank you very much|dhonnobad|dhanyabad|onek dhonnobad|suprobhat|shubho sokal|নমস্কার|হ্যালো|"
    "শুভ সকাল|শুভ সন্ধ্যা|শুভ দুপুর|সুপ্রভাত|ধন্যবাদ|অনেক ধন্যবাদ|সালাম|আসসালামু আলাইকুম|नमस्ते|नमस्कार|धन्यवाद|शुक्रिया|सुप्रभात|हेलो|"
    "shukriya|ram ram|pranam|প্রণাম|প্রনাম|ok thanks|ok thank you|hello how are you|kemon achen|কেমন আছেন",
    "status": "what is the status of my complaint|status of my complaint|my complaint status|my status|where is my complaint|"
    "amar obhijoger obostha ki|amar obhijog er obostha ki|amar complain er status ki|amar obhijoger khobor ki|status ki|amar obhijog kothay|"
    "amar abhijoger ki holo|আমার অভিযোগের অবস্থা কী|আমার অভিযোগের কী হল|আমার অভিযোগের খবর কী|অভিযোগের অবস্থা কী|আমার অভিযোগ কোথায়|"
    "আমার অভিযোগের অবস্থা|মেরी शिकायत का क्या हुआ|मेरी शिकायत का क्या हुआ|मेरी शिकायत की स्थिति|meri shikayat ka kya hua|meri shikayat ki sthiti|"
    "i forgot the number|i lost my complaint number|any update|any news|kaj koto dur|কাজ কতদূর|কাজ কতদূর হল",
    "reopen": "kaj hoyni|kaj hoy ni|kichui hoyni|kichui hoy ni|na kichui hoy ni|not done|not done yet|still not done|not solved|not resolved|"
    "problem not solved|সমাধান হয়নি|কাজ হয়নি|কিছুই হয়নি|না|no|na|nahi|नहीं|काम नहीं हुआ|kaam nahi hua|no work done|abar khulun|আবার খুলুন|"
    "nothing has been done|nothing happened|ekhono hoyni|এখনও হয়নি|अभी तक नहीं हुआ",
    "unknown": "ok|okay|acha|accha|achha|hmm|test|আচ্ছা|ঠিক আছে|अच्छा|thik ache|yes|ha|hya|haan|হ্যাঁ|हाँ|हां|ke|kon|kaun|কে|कौन|who|who is this",
}  # fmt: skip
LANGUAGES = {
    "bn": "bn bangla bengali bangali bengla bangala বাংলা বাংলায় বেঙ্গলি बांग्ला बंगला",
    "en": "en english eng ingreji ingraji inglish angrezi ইংরেজি ইংরেজিতে ইংলিশ अंग्रेज़ी अंग्रेजी इंग्लिश",
    "hi": "hi hindi হিন্দি হিন্দিতে हिंदी हिन्दी",
}
_LANGUAGE_FILLERS = "please te in e me mein send sms pathan pathaben korun likhun language lang set change to reply bhejo পাঠান তে ভাষায় ভাষা লিখুন করুন এসএমএস में भेजें भेजो भाषा करें kore chai want i"
_POLITE = "sir please plz pls kindly madam dada didi dear namaskar nomoskar namaste hello hi thanks thank you dhonnobad ji দয়া করে অনুগ্রহ স্যার নমস্কার ধন্যবাদ ম্যাডাম দাদা दीदी कृपया sms number this my amar আমার er your"

# Around an acknowledgement number: what the sentence is about. The first that fits decides.
ACK_CUES: tuple[tuple[str, str], ...] = (
    ("cancel", r"\b(cancel|cancle|withdraw\w*|batil|protyahar|tule ni\w*|wapas|vapas|my mistake|by mistake)\b|বাতিল|প্রত্যাহার|তুলে নি|তুলে নে|वापस|रद्द"),
    ("reopen", r"\b(re-?open\w*|reopn|repoen|abar khul\w*|not (done|solved|resolved|fixed|completed|repaired|satisfied)|still (no|not|same|broken|pending|bad)|false report|"
     r"(is|remains?) same|same problem|(kaj|somadhan|samadhan|thik|kichui?|kichu) ?(ekhono )?(hoy ?ni|hoini|hoy nai|hoyni)|mithya|mithye|bhul report|nahi hua|thik nahi|dobara|"
     r"dekhacche kintu|kintu kaj)\b|পুনরায়|আবার খুল|(কাজ|সমাধান|ঠিক|কিছুই?) ?(এখনও )?হয়নি|মিথ্যা|ভুয়ো রিপোর্ট|नहीं हुआ|दोबारा|फिर से खोल|झूठ"),
    ("rate", r"\b(rate|raet|rating|ratng|mulyayon|stars?)\b|মূল্যায়ন|রেটিং|रेटिंग|मूल्यांकन|⭐"),
    ("add", r"\b(add|ad|info|more|details?|tothyo|totho|jog kor\w*|additional|give more|landmark|also|jankari)\b|তথ্য|(?<!ভি)যোগ|যুক্ত|জুড়ে|जानकारी|जोड़"),
    ("status", r"\b(status|stat[ua]?s+|sttus|sttaus|update|track|progress|obosth?a|ab[ao]stha|khobor|ki ho(lo|yeche|yechhe)|koto ?dur|kobe|kya hua|when|what|no response|"
     r"sthiti|batao|janaben|janan|tell me|news|bolun)\b|অবস্থা|স্টেটাস|স্ট্যাটাস|খবর|অগ্রগতি|কতদূর|কবে|কী হল|জানান|স্থিতি|स्थिति|स्टेटस|क्या हुआ|कब|बताएं|हाल"),
)
_SPAM = re.compile(r"https?://|www\.|\b(kyc|lottery|congratulations|won rs|click|loan at|interest call|prize|a/c is blocked|gift card|bonus offer|jackpot|casino|rummy)\b", re.I)
_CALLBACK = re.compile(r"\b(call me|phone korun|phone koro|call koro|call korun|call back|callback)\b|ফোন করুন|আমাকে ফোন|কল করুন|फोन करो|फोन करें", re.I)
_EDGES = " \t\r\n.,:;!?।|-–—'\"“”‘’<>()[]{}*#/\\&=+_~`"
_RUN_TOGETHER = re.compile(r"(?<![0-9])[0-9](?:-?[0-9]){20,22}(?![0-9])")
_STARS = re.compile(r"[⭐★🌟]")
_YES = frozenset(["yes", "y", "ok", "okay", "ha", "haa", "haan", "han", "hya", "hyan", "hna", "ji", "jee", "1", "হ্যাঁ", "হ্যা", "হা", "হাঁ", "আচ্ছা", "ঠিক", "जी", "हाँ", "हां", "हा", "sure", "thik", "solved", "done", "hoyeche", "হয়েছে", "সমাধান", "हो", "korun", "করুন"])
_NO = frozenset(["no", "n", "na", "naa", "nah", "nahi", "nahin", "2", "না", "নয়", "नहीं", "ना", "নাহ", "not"])


_WORD_INTENT = {word: intent for intent, words in KEYWORDS.items() for word in _nfc(words.split())}
_PHRASE_INTENT = {" ".join(texts.tokens(texts.normalise(p))): intent for intent, ps in PHRASES.items() for p in ps.split("|")}
_LANGUAGE_OF = {word: code for code, words in LANGUAGES.items() for word in _nfc(words.split())}
_FILLERS = frozenset(_nfc(_LANGUAGE_FILLERS.split()))
_POLITE_WORDS = frozenset(_nfc(_POLITE.split()))
_CUES = tuple((intent, re.compile(unicodedata.normalize("NFC", pattern), re.I)) for intent, pattern in ACK_CUES)
_LATIN_KEYWORDS = tuple(word for word in _WORD_INTENT if word.isascii() and len(word) >= 4)


# Whether a message is ours: CHECK and its code of nine digits, the code alone behind its #, or CHECK and the whole message.
_CHECK = "|".join(map(re.escape, _nfc(["check", "chek", "verify", "jachai", "yachai", "jaachai", "যাচাই", "চেক", "জাচাই", "जाँच", "जांच", "सत्यापन"])))
_CODE = r"[0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{3}(?![0-9])"
_CHECKED = re.compile(rf"\W*(?:(?:{_CHECK})\b\W*|#\s*)({_CODE})\W*|\W*(?:{_CHECK})\b.*#\s*({_CODE})\W*", re.S)
_CHECK_ALONE = re.compile(rf"\W*(?:{_CHECK.partition('|')[2]})\W*")  # CHECK alone asks for the status


def _asks_to_check(folded: str) -> str | None:
    """The code, "" where it is missing, None when the message is about something else."""
    if found := _CHECKED.fullmatch(folded):
        return "".join(ch for ch in found[1] or found[2] if ch.isdigit())
    return "" if _CHECK_ALONE.fullmatch(folded) else None


def parse(text: str, *, awaiting: str | None = None) -> Parsed:
    """What `text` asks for. `awaiting`: what the line asked last, which gives "yes", "না" and "1" their meaning."""
    clean = texts.clean(text[:10_000]).strip()
    folded = texts.fold(clean)
    if (code := _asks_to_check(folded[:600])) is not None:
        return Parsed("check", text, code, (), "check", texts.language_tag(text[:2000]))
    spans = acknowledgement.find_spans(folded)
    return _as_written(_read(text, folded, spans, awaiting), folded, clean, spans)


def _as_written(parsed: Parsed, folded: str, clean: str, spans: list[tuple[str, int, int]]) -> Parsed:
    """What is left of the message in the letters and digits that were written."""
    if not parsed.text or len(folded) != len(clean):
        return parsed
    start = _without_acks(folded, spans).find(parsed.text)
    return replace(parsed, text=_without_acks(clean, spans)[start : start + len(parsed.text)]) if start >= 0 else parsed


def _read(text: str, folded: str, spans: list[tuple[str, int, int]], awaiting: str | None) -> Parsed:
    lang = texts.language_tag(text[:2000])
    acks = tuple(dict.fromkeys(ack for ack, _, _ in spans))
    rest = _without_acks(folded, spans)
    if awaiting and not acks and (said := _yes_or_no(rest)):
        return Parsed(said, text, lang=lang)
    if not acks and _RUN_TOGETHER.search(folded):
        return Parsed("unknown", text, text, lang=lang)  # two numbers without a space: which digits were meant is not guessed
    if acks:
        return _about(text, rest, acks, lang)
    return _without_number(text, rest, lang)


def _without_acks(folded: str, spans: list[tuple[str, int, int]]) -> str:
    if not spans:
        return folded
    for _, start, end in reversed(spans):
        folded = f"{folded[:start]} {folded[end:]}"
    return folded.strip(_EDGES)


def _yes_or_no(rest: str) -> str | None:
    words = rest.strip(_EDGES).split()
    if not words or len(words) > 3:
        return None
    first = words[0].strip(_EDGES)
    if first in _NO or words[-1].strip(_EDGES) in _NO:
        return "deny"
    return "confirm" if first in _YES else None


# ── with an acknowledgement number ──────────────────────────────────────────────────────────────────────────────────


def _about(text: str, rest: str, acks: tuple[str, ...], lang: str) -> Parsed:
    keyword, intent, left = _leading_keyword(rest)
    rating = _rating(left if intent == "rate" else rest)
    if intent == "help":
        intent = "add" if left else "status"  # INFO <number> <text> adds
    if intent in (None, "file", "start", "language", "stop"):
        intent = _cued(rest) or _by_rest(rest, rating)
        keyword = None if intent not in ("status",) else keyword
        left = rest
    if intent == "file":
        intent = "add"
    return Parsed(intent or "status", text, _tidy(left), acks, keyword, lang, rating if intent == "rate" else None)


def _cued(rest: str) -> str | None:
    return next((intent for intent, cue in _CUES if cue.search(rest)), None)


def _by_rest(rest: str, rating: int | None) -> str:
    """No cue: a bare rating rates, a longer text adds, and a number alone asks for its status."""
    words = texts.tokens(rest)
    if rating is not None and len(words) <= 2:
        return "rate"
    meaningful = [w for w in words if w not in _POLITE_WORDS and w not in _ABOUT_NUMBER]
    return "add" if len(meaningful) >= 3 else "status"


_ABOUT_NUMBER = frozenset(_nfc(["no", "number", "nombor", "complaint", "complain", "নম্বর", "অভিযোগ", "নং", "संख्या", "शिकायत", "abhijog", "obhijog", "of", "for", "the", "about", "ta", "ki", "resolved", "hoyeche"]))


def _rating(rest: str) -> int | None:
    numbers = re.findall(r"(?<![\d/])([0-9]+)(?:/5)?(?!\d)", rest)
    if len(numbers) == 1:
        return int(numbers[0]) if numbers[0] in ("1", "2", "3", "4", "5") else None
    words = [texts.NUMBER_WORDS[w] for w in texts.tokens(rest) if w in texts.NUMBER_WORDS]
    stars = len(_STARS.findall(rest))
    if not numbers and len(words) == 1 and 1 <= words[0] <= 5:
        return words[0]
    return stars if not numbers and 1 <= stars <= 5 else None


# ── without ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _without_number(text: str, rest: str, lang: str) -> Parsed:
    words = texts.tokens(rest)
    if not words:
        return _wordless(text, rest, lang)
    if phrase := _phrase(words):
        rating = _rating(rest) if phrase == "rate" else None
        return Parsed(phrase, text, keyword=phrase if phrase in KEYWORDS else None, lang=lang, rating=rating)
    if chosen := _language_asked(words):
        return Parsed("language", text, keyword="language", lang=lang, language=chosen)
    keyword, intent, left = _leading_keyword(rest)
    if intent and (kept := _keyword_holds(intent, left)):
        return Parsed(kept, text, _tidy(left), (), keyword, lang, _rating(left) if kept == "rate" else None)
    return _plain(text, rest, words, lang)


def _wordless(text: str, rest: str, lang: str) -> Parsed:
    stars = len(_STARS.findall(text))
    if 1 <= stars <= 5:
        return Parsed("rate", text, lang=lang, rating=stars)
    if "🙏" in text:
        return Parsed("greeting", text, lang=lang)
    return Parsed("help" if rest.strip() in ("?", "??", "???") else "unknown", text, lang=lang)


def _phrase(words: list[str]) -> str | None:
    whole = " ".join(words)
    if whole in _PHRASE_INTENT:
        return _PHRASE_INTENT[whole]
    if whole in ("1", "2", "3", "4", "5"):
        return "rate"
    core = [w for w in words if w not in _POLITE_WORDS]
    if not core and _PHRASE_INTENT.get(words[0]) == "greeting":
        return "greeting"
    if core and (found := _PHRASE_INTENT.get(" ".join(core))):
        return found
    if len(whole) >= 12:
        return next((i for p, i in _PHRASE_INTENT.items() if abs(len(p) - len(whole)) <= 2 and len(p) >= 12
                     and DamerauLevenshtein.distance(p, whole, score_cutoff=2) <= 2), None)  # fmt: skip
    return None


def _language_asked(words: list[str]) -> str | None:
    """`LANG BN`, "english please", বাংলায় পাঠান: only words of languages and what goes with them."""
    known = [code for word in words if (code := _language_word(word))]
    others = [w for w in words if not _language_word(w) and w not in _FILLERS and w not in _POLITE_WORDS]
    return known[0] if known and not others else None


def _language_word(word: str) -> str | None:
    if word in _LANGUAGE_OF:
        return _LANGUAGE_OF[word]
    if word.isascii() and len(word) >= 6:
        return next((code for known, code in _LANGUAGE_OF.items() if known.isascii() and len(known) >= 6
                     and DamerauLevenshtein.distance(known, word, score_cutoff=1) <= 1), None)  # fmt: skip
    return None


def _leading_keyword(rest: str) -> tuple[str | None, str | None, str]:
    """(keyword, intent, what follows) where the message begins with a keyword; a greeting before it is skipped."""
    body = rest.lstrip(_EDGES + "🙏👍")
    match = re.match(r"re-open|[^\s\d.,:;!?।<>()\"“”'\-–—]+", body)
    first = match.group() if match else ""
    if first in ("hi", "hello", "sir", "please", "pls", "namaskar", "dear") and len(body.split()) > 1:
        return _leading_keyword(body[len(first) :])
    keyword = _as_keyword(first.replace("-", ""))
    if keyword is None:
        return None, None, rest
    return keyword, _WORD_INTENT[keyword], body[len(first) :].strip(_EDGES)


@lru_cache(maxsize=4096)
def _as_keyword(word: str) -> str | None:
    if word in _WORD_INTENT:
        return word
    if not word.isascii() or len(word) < 4:
        return None
    best = min(_LATIN_KEYWORDS, key=lambda k: DamerauLevenshtein.distance(k, word))
    allowed = 2 if min(len(best), len(word)) >= 8 else 1
    if len(word) == 4 and len(best) == 4 and sorted(word) != sorted(best):
        return None  # rate, date, late: only swapped letters are forgiven in so short a word
    return best if DamerauLevenshtein.distance(best, word) <= allowed else None


def _keyword_holds(intent: str, left: str) -> str | None:
    """Whether a first word was meant as a keyword, given what follows it; another intent where that is what it was."""
    words = texts.tokens(left)
    if not words or intent == "file":
        return intent
    if intent in ("stop", "help", "start", "cancel"):
        return _short_of(intent, words)
    if intent == "add":
        return intent if classify.shipped().classify(left).score < _TOLD else None
    if intent in ("status", "rate", "language"):
        return intent if len(words) <= 4 else None
    return intent


def _short_of(intent: str, words: list[str]) -> str | None:
    """STOP, HELP and START are only that when no complaint follows them."""
    if any(_is_topic(w) for w in words):
        return None
    return intent if len(words) <= 2 else None


def _is_topic(word: str) -> bool:
    return classify.shipped().classify(word).category is not None


def _plain(text: str, rest: str, words: list[str], lang: str) -> Parsed:
    """No keyword: a complaint in plain words, or something that is none."""
    if _SPAM.search(text):
        return Parsed("unknown", text, text, lang=lang)
    if (found := _cued_without_number(rest, words)) is not None:
        return Parsed(found, text, rest, lang=lang)
    told = classify.shipped().classify(rest)
    enough = told.category is not None and (told.score >= _ENOUGH or len(words) >= 3)
    if enough and not _SMALL_TALK.search(rest):
        return Parsed("file", text, text.strip(), lang=lang)
    if _CALLBACK.search(rest) or len(words) < _LONG_ENOUGH:
        return Parsed("unknown", text, text, lang=lang)
    return Parsed("file" if find_place(rest, classify.shipped().reference).district_code else "unknown", text, text.strip(), lang=lang)


_ENOUGH = 1.2
_LONG_ENOUGH = 4
_SMALL_TALK = re.compile(r"রান্না|ranna|cricket|ক্রিকেট|\b(bp|sugar)\b|joke|sports score", re.I)
_OWN = re.compile(r"\b(my|amar|meri|mera) (complain\w*|obhijog\w*|abhijog\w*|shikayat)|আমার অভিযোগ|मेरी शिकायत|complaint number|obhijog number|অভিযোগ নম্বর", re.I)
_STOP_SENDING = re.compile(r"\b(sms|message|msg|messages)\b.*\b(bondho|band|stop|pathaben na|mat)\b|\b(stop|dont|do not|no more)\b.*\b(sms|messages?|msgs?)\b|"
                           r"(এসএমএস|মেসেজ).*(বন্ধ|পাঠাবেন না)|(एसएमएस|मैसेज|संदेश).*(बंद|मत)", re.I)  # fmt: skip
_START_SENDING = re.compile(r"\b(sms|messages?)\b.*\b(chalu|start|again|shuru)\b|\b(start|resume)\b.*\b(sms|messages?)\b|(এসএমএস|মেসেজ).*চালু|(एसएमएस|मैसेज).*(चालू|शुरू)", re.I)
_HOW = re.compile(r"\b(how (do|to|can) (i )?(file|complain|register|lodge|use)|kivabe|kibhabe|ki bhabe|kaise)\b.*|\b(niyom|process|procedure)\b|কীভাবে|কিভাবে|নিয়ম কী|कैसे", re.I)


def _cued_without_number(rest: str, words: list[str]) -> str | None:
    """Cues that mean something without a number, in messages too short to tell a complaint."""
    if len(words) > 14:
        return None
    topic = classify.shipped().classify(rest).score >= _TOLD
    if len(words) > 9 and topic:
        return None
    if _STOP_SENDING.search(rest) and not topic:
        return "stop"
    if _START_SENDING.search(rest) and not topic:
        return "start"
    if _HOW.search(rest) and re.search(r"complain|obhijog|abhijog|অভিযোগ|शिकायत|shikayat|status|use|sms", rest, re.I) and not topic:
        return "help"
    if _OWN.search(rest) and _CUES[-1][1].search(rest):
        return "status"
    return None


_TOLD = 2.0


def _tidy(text: str) -> str:
    return text.strip(_EDGES + "👍🙏")


def understand(text: str) -> dict[str, Any]:
    """What `flask sms-parse` prints for `text`: the same reading that the line uses."""
    parsed = parse(text)
    found: dict[str, Any] = {"text": text, "intent": parsed.intent, "ack": parsed.ack, "acks": list(parsed.acks), "lang": parsed.lang,
                             "category": None, "subcategory": None, "district": None, "rating": parsed.rating, "language": parsed.language}  # fmt: skip
    if parsed.intent == "file":
        told = classify.shipped().classify(text)
        place = find_place(text, classify.shipped().reference)
        found |= {"category": told.category, "subcategory": told.subcategory, "district": place.district_code, "pincode": place.pincode}
    return found
