"""Text as citizens write it: Bengali, English, Hindi, and Bengali or Hindi in Latin letters."""

from __future__ import annotations

import unicodedata

import regex

LARGEST_ID = 2**63 - 1  # of a row in any store
_FOLD = str.maketrans("০১২৩৪৫৬৭৮৯०१२३४५६७८९", "01234567890123456789")
_TO_BENGALI = str.maketrans("0123456789", "০১২৩৪৫৬৭৮৯")
_INVISIBLE = regex.compile(r"[\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\u00ad]")
_CONTROL = regex.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_TOKEN = regex.compile(r"[\p{L}\p{M}]+|\d+")
_BENGALI = regex.compile(r"\p{Bengali}")
_DEVANAGARI = regex.compile(r"\p{Devanagari}")
_LATIN = regex.compile(r"[A-Za-z]")

# Words that tell romanised Bengali and romanised Hindi from English, and from each other.
_BN_LATN = frozenset(
    ["ache", "achhe", "nei", "nai", "hoyeche", "hoyni", "hoini", "hochche", "hocche", "korun", "koro", "korbo", "korte", "pai", "paini", "pacchi", "pacche", "pachi", "dicche", "dichhe", "debe", "den", "dey", "dei", "amar", "amader", "apnar", "apnara", "tar", "ta", "te", "ei", "eta", "oi", "ki", "keno", "kothay", "kobe", "koto", "onek", "khub", "bhalo", "kharap", "bhanga", "jol", "rasta", "rastar", "alo", "bidyut", "taka", "takar", "mas", "din", "dhore", "theke", "jonno", "jonyo", "sathe", "songe", "abar", "ekhono", "er", "ke", "ar", "r", "janan", "janaben", "obostha", "abastha", "obhijog", "abhijog", "somossa", "samasya", "dorkar", "chai", "lagbe", "bolun", "bolche", "bolchen", "keu", "kichu", "kichui", "na", "hoy", "hoyna", "jay", "jayni", "jachche", "gram", "para", "elaka", "pathan", "pathaben", "bondho", "dada", "didi", "office-e", "niye", "geche", "gelo", "eseche", "ase", "asche", "aseni", "asche", "nicche", "nichhe", "diye", "diyeche", "sob", "koi", "kore", "kaj", "bari", "ghor", "chele", "meye", "lok", "khoborer", "khobor", "nombor", "dhonnobad", "namaskar", "nomoskar", "obosta", "abostha", "batil", "protyahar", "tothyo", "jog", "mulyayon", "punoray", "nalish", "sahajjo", "sahajya", "acha", "accha", "thik", "kal", "aj", "kemon", "kokhon", "achen", "suvo", "shubho", "sokal", "baki", "roj", "deri", "somoy", "jomi", "jomir", "dhan", "hati", "mod", "pukur", "ekta", "ektu", "eto", "ato", "diye", "hote", "gelam", "gache", "koren", "korbo", "likhte", "pach", "panch", "pas", "pase", "amake", "apni", "tule", "mas", "bochor", "thake", "kothao", "mane", "bolo", "dao", "hobe", "holo", "chilo", "chhilo", "vul", "bhul", "noy", "nam", "amr", "elo", "dekhun", "dekhben", "hoye", "hoeche", "jabe", "debo", "nebe", "diyen", "arekta"]
)
_HI_LATN = frozenset(
    ["hai", "hain", "nahi", "nahin", "ka", "ki", "ko", "kya", "mera", "meri", "mere", "hamara", "hamare", "karo", "karna", "karen", "kar", "raha", "rahi", "rahe", "hua", "hui", "gaya", "gayi", "paani", "pani", "bijli", "sadak", "bahut", "mein", "se", "par", "liye", "chahiye", "batao", "bataiye", "madad", "shikayat", "kab", "kyun", "kyon", "milta", "mila", "mili", "humko", "mujhe", "aap", "band", "chalu", "dhanyavaad", "sthiti", "kuch", "koi", "wala", "gaddha", "gadde", "bol", "rupaye", "paisa", "tak", "shukriya", "namaste", "ji", "kaun", "ho", "karein", "kariye", "bataye", "batayein", "galti", "zaroorat", "chahie", "dekho", "yeh", "woh", "phir", "fir", "wapas", "sahayata", "nahin", "kaise", "kahan", "rahta", "deta", "karta", "hota", "aur", "baat", "kijiye", "kijiyega", "dijiye", "lijiye"]
)
_BN_ENDING = regex.compile(r"..(?:chh?[ei]n?|cche|lam|ben|oyni|eni|ini|eche|iye|ilo|chilo|tei|gulo)$")  # of verbs and plurals in Latin letters
_ENGLISH = frozenset(
    ["the", "is", "are", "was", "my", "our", "your", "of", "in", "on", "for", "not", "no", "to", "and", "with", "from", "please", "has", "have", "been", "this", "that", "it", "at", "by", "we", "i", "you", "when", "what", "how", "water", "road", "broken", "street", "light", "power", "electricity", "since", "days", "months", "file", "status", "complaint", "help", "stop", "start", "add", "rate", "reopen", "no.", "send", "done", "will", "be", "any", "there", "near", "very"]
)


def fold_digits(text: str) -> str:
    """Bengali and Devanagari digits as 0-9; other digits (², ①) are left alone."""
    return text.translate(_FOLD)


def to_bengali_digits(text: str) -> str:
    return text.translate(_TO_BENGALI)


def clean(text: str) -> str:
    """NFC (য় has two encodings), without invisible and control characters: as it was written otherwise."""
    return unicodedata.normalize("NFC", _CONTROL.sub(" ", _INVISIBLE.sub("", text)))


def fold(text: str) -> str:
    """Clean `text` with our digits folded and in lower case; letter for letter, but for the rarest of letters."""
    return unicodedata.normalize("NFC", text.translate(_FOLD).casefold())


def normalise(text: str) -> str:
    """Clean and folded: what is compared."""
    return fold(clean(text))


def row_id(text: str | None) -> int | None:
    """The id of a row that `text` writes; None for anything that no store has as an id."""
    if not text or not text.isascii() or not text.isdigit() or len(text) > 19:
        return None
    found = int(text)
    return found if 0 < found <= LARGEST_ID else None


def without_controls(text: str) -> str:
    """`text` without the characters that no store, page or voice takes."""
    return _CONTROL.sub("", text)


def tokens(text: str) -> list[str]:
    """Words and numbers of normalised `text`; a Bengali word stays whole."""
    return _TOKEN.findall(text)


def language_tag(text: str) -> str:
    """`bn`, `en`, `hi`, `bn-Latn`, `hi-Latn` or `mixed`: how the message is written."""
    bengali, hindi, latin = (len(p.findall(text)) for p in (_BENGALI, _DEVANAGARI, _LATIN))
    words = tokens(normalise(text))
    latin_words = [w for w in words if w.isascii() and w.isalpha()]
    if bengali and len(latin_words) >= 2 and latin >= 4:
        return "mixed"
    if bengali or hindi:
        return "bn" if bengali >= hindi else "hi"
    return _latin_tag(latin_words)


def _latin_tag(words: list[str]) -> str:
    bn = sum(word in _BN_LATN or (word not in _ENGLISH | _HI_LATN and _BN_ENDING.search(word) is not None) for word in words)
    hi = sum(word in _HI_LATN for word in words)
    en = sum(word in _ENGLISH for word in words)
    if hi > bn and hi > en:
        return "hi-Latn"
    if bn >= max(1, hi) and bn > en:
        return "bn-Latn"
    if bn and en and bn >= 2:
        return "mixed"
    return "en"


def reply_language(text: str) -> str:
    """The language to answer in: romanised and mixed Bengali in Bengali, romanised Hindi in Hindi."""
    return {"bn": "bn", "bn-Latn": "bn", "mixed": "bn", "hi": "hi", "hi-Latn": "hi"}.get(language_tag(text), "en")


NUMBER_WORDS = {
    "শূন্য": 0, "এক": 1, "দুই": 2, "তিন": 3, "চার": 4, "পাঁচ": 5, "ছয়": 6, "সাত": 7, "আট": 8, "নয়": 9, "দশ": 10,
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "एक": 1, "दो": 2, "तीन": 3, "चार": 4, "पांच": 5, "पाँच": 5, "छह": 6, "सात": 7, "आठ": 8, "नौ": 9, "दस": 10,
    "ek": 1, "dui": 2, "tin": 3, "char": 4, "panch": 5, "pach": 5, "paanch": 5, "do": 2, "teen": 3, "chaar": 4,
}  # fmt: skip
NUMBER_WORDS = {unicodedata.normalize("NFC", word): value for word, value in NUMBER_WORDS.items()}
