"""Our own steps → TwiML. The only place of the voice line that knows the carrier's verbs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

# Not allowed in XML 1.0; the SDK's builder lets them through.
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_SENTENCE = re.compile(r"[^।.!?]+[।.!?]*\s*")
MAX_SAY = 400  # characters; about 500 Bengali ones are what a Google voice takes
LOCALE = {"bn": "bn-IN", "en": "en-IN", "hi": "hi-IN"}


@dataclass(frozen=True)
class Say:
    text: str
    language: str


@dataclass(frozen=True)
class Play:
    url: str


@dataclass(frozen=True)
class Pause:
    seconds: int = 1


@dataclass(frozen=True)
class Ask:
    """Keys (and speech, where `hints` is given) sent to `action`; what is said is cut short by a key."""

    action: str
    said: tuple[Say | Play | Pause, ...]
    digits: int
    timeout: int
    language: str
    speech: bool = False


@dataclass(frozen=True)
class Listen:
    """A recording sent to `action`; `#` ends it."""

    action: str
    report: str
    seconds: int


@dataclass(frozen=True)
class Ring:
    numbers: tuple[str, ...]
    action: str
    caller_id: str
    seconds: int


@dataclass(frozen=True)
class GoTo:
    url: str


@dataclass(frozen=True)
class HangUp:
    pass


Step = Say | Play | Pause | Ask | Listen | Ring | GoTo | HangUp


def render(steps: Sequence[Step], voices: Mapping[str, str]) -> str:
    """A TwiML document of `steps`; `voices`: the carrier's voice of each language."""
    return '<?xml version="1.0" encoding="UTF-8"?><Response>' + "".join(_verb(s, voices) for s in steps) + "</Response>"


def _verb(step: Step, voices: Mapping[str, str]) -> str:
    if isinstance(step, Say):
        return _say(step, voices)
    if isinstance(step, Play):
        return f"<Play>{escape(_clean(step.url))}</Play>"
    if isinstance(step, Pause):
        return f'<Pause length="{step.seconds}"/>'
    if isinstance(step, Ask):
        return _ask(step, voices)
    if isinstance(step, Listen):
        return (
            f'<Record action={quoteattr(step.action)} method="POST" maxLength="{step.seconds}" timeout="5" finishOnKey="#*0" '
            f'playBeep="true" trim="trim-silence" recordingStatusCallback={quoteattr(step.report)} recordingStatusCallbackEvent="completed absent"/>'
        )
    if isinstance(step, Ring):
        numbers = "".join(f"<Number>{escape(n)}</Number>" for n in step.numbers)
        return (f'<Dial action={quoteattr(step.action)} method="POST" timeout="{step.seconds}" '
                f"callerId={quoteattr(step.caller_id)}>{numbers}</Dial>")  # fmt: skip
    return f'<Redirect method="POST">{escape(step.url)}</Redirect>' if isinstance(step, GoTo) else "<Hangup/>"


def _ask(step: Ask, voices: Mapping[str, str]) -> str:
    how = f'input="dtmf speech" speechTimeout="auto" language="{LOCALE[step.language]}"' if step.speech else 'input="dtmf"'
    said = "".join(_verb(part, voices) for part in step.said)
    return (f'<Gather {how} action={quoteattr(step.action)} method="POST" numDigits="{step.digits}" timeout="{step.timeout}" '
            f'actionOnEmptyResult="true">{said}</Gather>')  # fmt: skip


def _say(step: Say, voices: Mapping[str, str]) -> str:
    voice = quoteattr(voices[step.language])
    return "".join(
        f'<Say voice={voice} language="{LOCALE[step.language]}">{escape(part)}</Say>' for part in sentences(_clean(step.text))
    )


def sentences(text: str) -> list[str]:
    """`text` in parts a voice can take, split between sentences where there are any."""
    parts: list[str] = []
    for sentence in _SENTENCE.findall(text) or [text]:
        if parts and len(parts[-1]) + len(sentence) <= MAX_SAY:
            parts[-1] += sentence
        else:
            parts += [sentence[i : i + MAX_SAY] for i in range(0, len(sentence), MAX_SAY)]
    return [part.strip() for part in parts if part.strip()]


def _clean(text: str) -> str:
    return _ILLEGAL.sub("", text)
