"""Our own steps → TwiML, for what the engine can do. The only place of the voice line that knows the carrier's verbs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from xml.sax.saxutils import escape, quoteattr

from ivr.engines import TWILIO, Can, Engine
from ivr.steps import WITHIN, Ask, GoTo, HangUp, LeaveQueue, Listen, Pause, Play, Queue, Ring, Room, Said, Say, Step

__all__ = ["LOCALE", "MAX_SAY", "Ask", "GoTo", "HangUp", "Listen", "Pause", "Play", "Ring", "Say", "Step", "render", "sentences"]

# Not allowed in XML 1.0; the SDK's builder lets them through.
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_SENTENCE = re.compile(r"[^।.!?]+[।.!?]*\s*")
MAX_SAY = 400  # characters; about 500 Bengali ones are what a Google voice takes
LOCALE = {"bn": "bn-IN", "en": "en-IN", "hi": "hi-IN"}
_BREAK = '<break time="400ms"/>'
_BEEP = 'playBeep="true" timeout="5"'


def render(steps: Sequence[Step], voices: Mapping[str, str], engine: Engine = TWILIO, audio: str = "/ivr/audio") -> str:
    """A TwiML document of `steps`. `voices`: the engine's voice of each language; `audio`: where our recordings are served."""
    body = "".join(_Writer(voices, engine, audio).verbs(steps))
    return f'<?xml version="1.0" encoding="UTF-8"?><Response>{body}</Response>'


def render_alone(steps: Sequence[Step], voices: Mapping[str, str], *, record_to: str = "", seconds: int = 0, after: Sequence[Step] = ()) -> str:
    """A document that is served by any host of files, a verb a line: nothing asks us anything. `record_to`: what follows a recording
    of at most `seconds`, fetched by GET; a silent one is passed over to `after`."""
    writer = _Writer(voices, TWILIO, "")
    record = [f'<Record action={quoteattr(record_to)} method="GET" {_BEEP} maxLength="{seconds}" finishOnKey="#"/>'] if record_to else []
    verbs = [*writer.verbs(steps), *record, *writer.verbs(after)]
    lines = "".join(f"  {verb}\n" for verb in verbs if verb)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<Response>\n{lines}</Response>\n'


class _Writer:
    def __init__(self, voices: Mapping[str, str], engine: Engine, audio: str) -> None:
        self.voices = voices
        self.engine = engine
        self.audio = audio

    def verbs(self, steps: Sequence[Step]) -> Iterator[str]:
        for position, step in enumerate(steps):
            if isinstance(step, Say):
                following = steps[position + 1] if position + 1 < len(steps) else None
                yield self._say(step, following)
            elif isinstance(step, Pause):
                yield self._pause(step, steps[position - 1] if position else None)
            elif isinstance(step, Play):
                yield f"<Play>{escape(_clean(step.url))}</Play>"
            elif isinstance(step, Ask):
                yield self._ask(step)
            elif isinstance(step, Listen):
                yield self._listen(step)
            elif isinstance(step, Ring):
                yield _ring(step, self.engine)
            elif isinstance(step, Queue):
                yield (f'<Enqueue waitUrl={quoteattr(step.wait)} waitUrlMethod="POST" action={quoteattr(step.action)} method="POST">agents</Enqueue>')
            elif isinstance(step, LeaveQueue):
                yield "<Leave/>"
            elif isinstance(step, Room):
                yield _room(step)
            else:
                yield f'<Redirect method="POST">{escape(step.url)}</Redirect>' if isinstance(step, GoTo) else "<Hangup/>"

    def _say(self, step: Say, following: Step | None) -> str:
        breaks = self.engine.can(Can.BREAK)
        short = following.seconds if breaks and isinstance(following, Pause) and following.seconds < 1 else 0
        return _spoken(step.text, self.voices[step.language], LOCALE[step.language], breaks, short)

    def _pause(self, step: Pause, before: Step | None) -> str:
        if step.seconds < 1 and isinstance(before, Say) and self.engine.can(Can.BREAK):
            return ""  # stands inside the Say
        if step.seconds >= 1 and self.engine.can(Can.PAUSE):
            return f'<Pause length="{round(step.seconds)}"/>'
        return f"<Play>{escape(self.audio)}/silence/{round(step.seconds * 1000)}.wav</Play>"

    def _ask(self, step: Ask) -> str:
        how = 'input="dtmf"'
        if step.speech and self.engine.can(Can.SPEECH):
            hints = f" hints={quoteattr(', '.join(step.hints))}" if step.hints else ""
            how = f'input="dtmf speech" speechTimeout="auto" language="{LOCALE[step.language]}"{hints}'
        return (f'<Gather {how} action={quoteattr(step.action)} method="POST" numDigits="{step.digits}" timeout="{step.timeout}" '
                f'actionOnEmptyResult="true">{self._inside(step.said)}</Gather>')  # fmt: skip

    def _listen(self, step: Listen) -> str:
        before = ""
        if step.said:
            before = (f'<Gather input="dtmf" action={quoteattr(step.early)} method="POST" numDigits="1" timeout="1">'
                      f"{self._inside(step.said)}</Gather>")  # fmt: skip
        how = f'{_BEEP} maxLength="{step.seconds}" finishOnKey="#"'
        if self.engine.can(Can.ENDING_KEY):
            how = f'{_BEEP} maxLength="{step.seconds}" finishOnKey="#*0" trim="trim-silence" recordingStatusCallbackEvent="completed absent"'
        return f'{before}<Record action={quoteattr(step.action)} method="POST" {how} recordingStatusCallback={quoteattr(step.report)}/>'

    def _inside(self, said: Sequence[Said]) -> str:
        return "".join(self.verbs(said))


def _ring(step: Ring, engine: Engine) -> str:
    tells = bool(step.report) and engine.can(Can.BROWSER)
    told = f' statusCallback={quoteattr(step.report)} statusCallbackEvent="answered" statusCallbackMethod="POST"' if tells else ""
    numbers = "".join(f"<Number{told}>{escape(n)}</Number>" for n in step.numbers)
    return (f'<Dial action={quoteattr(step.action)} method="POST" timeout="{step.seconds}" '
            f"callerId={quoteattr(step.caller_id)}>{numbers}</Dial>")  # fmt: skip


def _room(step: Room) -> str:
    how = f'beep="false" muted="{str(step.muted).lower()}" startConferenceOnEnter="{str(not step.muted).lower()}"'
    return (f'<Dial action={quoteattr(step.action)} method="POST"><Conference {how} waitUrl={quoteattr(step.music)} waitMethod="POST">'
            f"{escape(step.name)}</Conference></Dial>")  # fmt: skip


@lru_cache(maxsize=1024)
def _spoken(text: str, voice: str, locale: str, breaks: bool, then: float) -> str:
    """One sentence or several as Say; `then`: seconds of silence that belong to it."""
    parts = [escape(part).replace(WITHIN, _BREAK if breaks else ", ") for part in sentences(_clean(text))]
    if then and parts:
        parts[-1] += f'<break time="{round(then * 1000)}ms"/>'
    return "".join(f'<Say voice={quoteattr(voice)} language="{locale}">{part}</Say>' for part in parts)


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
