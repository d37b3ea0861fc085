"""Whether a message answers what was asked. What looks like no answer is never taken for one: it is small talk, a way of
leaving the question open, or words to be kept.
"""

from __future__ import annotations

import re

from helpline import examples
from helpline import text as texts
from helpline.classify import TOLD, Classifier
from helpline.places import Place
from helpline.sounds import sound
from sms.keywords import KEYWORDS, YES, Parsed

PLACE_WORDS = 6  # a longer answer to "where?" is more than a place
LANDMARK_WORDS = 10
NAME_WORDS = 5
COMPLAINT_WORDS = 4  # so many words with a subject in them tell a complaint
_NAME = re.compile(r"[^\W\d_][^\d_,;:!?()<>/\\@#]*")

# A whole message that leaves the question open.
SKIPS = frozenset(
    " ".join(texts.tokens(texts.normalise(phrase)))
    for phrase in (
        "no", "na", "nah", "nahi", "nahin", "n", "না", "নাহ", "नहीं", "ना", "dont know", "don't know", "do not know", "i dont know",
        "i don't know", "not known", "jani na", "janina", "জানি না", "জানা নেই", "pata nahi", "पता नहीं", "मालूम नहीं", "nothing", "none",
        "skip", "later", "pore", "পরে", "बाद में", "bolbo na", "বলব না", "বলতে চাই না", "no name", "no place", "nam bolbo na", "naam bolbo na",
        "নাম বলব না", "নাম বলতে চাই না", "naam nahi bataunga", "नाम नहीं बताऊँगा",
    )
)  # fmt: skip
# Words that are nobody's name and no place.
_CHAT = frozenset(
    texts.normalise(
        "what why when where who whom how which is this it are you the wrong number complaint complain problem please plz pls help ok okay yes thanks thank you sir "
        "madam hello hi ki keno kobe kothay kivabe acha accha kya kyun kab kaun কী কি কেন কবে কোথায় কীভাবে আচ্ছা হ্যাঁ ভুল নম্বর অভিযোগ "
        "ধন্যবাদ ঠিক আছে क्या क्यों कब कौन गलत नंबर शिकायत हाँ धन्यवाद"
    ).split()
)
_AGREED = _CHAT | YES - {"1"} | frozenset(texts.normalise("ache achhe আছে theek hai ठीक है").split())


_BESIDE = frozenset(
    texts.normalise(
        "near nearby beside behind opposite opp front next between lane crossing stop pashe pase kache samne samner pichone pechone majhe more para "
        "পাশে কাছে সামনে সামনের পিছনে পেছনে পেছনের মাঝে মোড়ে মোড় পাড়ায় गली पास सामने पीछे बगल"
    ).split()
)
_WANTING = frozenset(
    texts.normalise(
        "no not never without broken stopped closed since nei nai na noy hoyni hocche hochche bhanga kharap dhore bondho নেই না নয় হয়নি হচ্ছে ভাঙা "
        "খারাপ ধরে বন্ধ থেকে नहीं बंद टूटा टूटी खराब से nahi nahin band toota tuti"
    ).split()
)


def words_of(text: str) -> list[str]:
    return texts.tokens(texts.normalise(text))


def begins_anew(parsed: Parsed) -> bool:
    """Another purpose, by its keyword or plain in its words, or an acknowledgement number. A keyword that was only guessed at is none here."""
    if parsed.acks or (parsed.kind == "another" and parsed.sure):
        return True
    meant = parsed.keyword is not None and parsed.keyword in words_of(parsed.original)
    if parsed.intent == "file":
        return meant and bool(parsed.text) and parsed.keyword in _FILE_WORDS
    return parsed.intent in ("stop", "check") or ((meant or parsed.sure) and parsed.intent in _OTHER_PURPOSES)


_FILE_WORDS = frozenset(KEYWORDS["file"].split())
_OTHER_PURPOSES = frozenset(KEYWORDS) - {"file"}


def is_skip(parsed: Parsed) -> bool:
    """"No", "don't know": the question is left open."""
    return " ".join(words_of(parsed.original)) in SKIPS


def is_small_talk(parsed: Parsed) -> bool:
    """Thanks, greetings, "ok", "who is this": said beside the question, which stays open."""
    return parsed.intent in ("greeting", "confirm") or all(word in _CHAT for word in words_of(parsed.original))


def is_agreement(parsed: Parsed) -> bool:
    """"Haan ji", ঠিক আছে: no name and no place either."""
    return all(word in _AGREED for word in words_of(parsed.original))


def subject(parsed: Parsed, classifier: Classifier, *, words: int = COMPLAINT_WORDS) -> str | None:
    """The top category of a message that tells a complaint of its own."""
    said = words_of(parsed.original)
    if len(said) < words or is_landmark(said):
        return None
    found = classifier.classify(parsed.original)
    return found.category if found.told >= TOLD else None


def is_landmark(words: list[str]) -> bool:
    """"Behind the school", হাসপাতালের পাশে: where it is, with nothing said to be wrong there."""
    return len(words) <= LANDMARK_WORDS and bool(_BESIDE & set(words)) and not _WANTING & set(words)


def is_place(text: str, place: Place, classifier: Classifier) -> bool:
    """A place that is known, or a few words that may be one nobody knows."""
    words = words_of(text)
    few = len(words) <= PLACE_WORDS
    return bool(place.pincode) or is_landmark(words) or (few and (bool(place.district_code) or not tells(text, classifier)))


def tells(text: str, classifier: Classifier) -> bool:
    """Whether it tells of something to complain about."""
    return classifier.classify(text).told >= TOLD


def is_name(text: str, classifier: Classifier) -> bool:
    """Up to five words of letters that tell of nothing else."""
    words = words_of(text)
    if not 0 < len(words) <= NAME_WORDS or len(text) > 60 or not _NAME.fullmatch(text):
        return False
    return not _is_sentence(words) and not any(word in _CHAT for word in words) and not tells(text, classifier)


def _is_sentence(words: list[str]) -> bool:
    """Three everyday words and more, of which none says that a name follows: "nobody came"."""
    return len(words) >= 3 and not _NAMING & set(words) and all(sound(word) in examples.everyday_sounds() for word in words)


_NAMING = frozenset(words_of("name nam naam নাম नाम"))
