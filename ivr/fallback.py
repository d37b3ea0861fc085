"""What the carrier says by itself when this server cannot be reached at all: files that any host of files can serve.

A caller hears an apology in every language and leaves a message, which the carrier records; `flask reconcile` asks for it.
"""

from __future__ import annotations

from helpline.runtime import Runtime
from ivr import twiml
from ivr.speaking import between
from ivr.steps import HangUp, Said, Say

VOICE, END = "voice.xml", "voice-end.xml"


def documents(runtime: Runtime) -> dict[str, str]:
    """File name → TwiML."""
    voices = {str(language): voice for language, voice in runtime.config.voices.items()}
    seconds = runtime.config.voice.record_max_seconds
    goodbye = [*_in_all_languages(runtime, "goodbye"), HangUp()]
    return {
        VOICE: twiml.render_alone(_in_all_languages(runtime, "fault", "message_fault"), voices, record_to=END, seconds=seconds, after=goodbye),
        END: twiml.render_alone([*_in_all_languages(runtime, "kept", "goodbye"), HangUp()], voices),
    }


def _in_all_languages(runtime: Runtime, *keys: str) -> list[Said]:
    """Spoken by the carrier's voices: our recordings are not there when we are not."""
    said = [Say(runtime.catalogue.text(f"voice.{key}", language), language) for language in runtime.config.helpline.languages for key in keys]
    return between([[sentence] for sentence in said])
