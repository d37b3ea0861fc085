"""What the engines that carry calls can do, as a table, and what is done where one cannot.

Twilio does all of it. Somleng, an open server that takes TwiML, knows Say, Play, Gather (keys, with only Say and Play inside), Record,
Redirect, Dial (number, SIP), Reject and Hangup; any other verb ends the document.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Can(StrEnum):
    SPEECH = "recognise speech"
    PAUSE = "pause for whole seconds"
    BREAK = "pause within a sentence"
    ENDING_KEY = "tell which key ended a recording"
    RECORDING_ID = "name a recording by its id"
    SKIP_EMPTY = "pass over an empty recording"
    PREFIXED_IDS = "give ids a prefix of their kind"
    QUEUE = "keep callers in a queue"
    BROWSER = "ring an agent's browser"


# What is done where an engine cannot.
INSTEAD: Mapping[Can, str] = {
    Can.SPEECH: "Keys only; the sentences that offer speech are not said.",
    Can.PAUSE: "A silent recording of that length is played.",
    Can.BREAK: "Between two choices a silent recording is played; within a sentence there is a comma.",
    Can.ENDING_KEY: "0, * and 9 count until the beep, because the words before it stand inside a Gather; `#` ends the recording.",
    Can.RECORDING_ID: "The last part of the recording's address is its id.",
    Can.SKIP_EMPTY: "It asks `action` with a length of 0 seconds: counted as silence.",
    Can.PREFIXED_IDS: "Ids are kept as they come (UUIDs); nothing is read from their form.",
    Can.QUEUE: "The agents' telephones ring at once; nobody there: a message is taken and rung back.",
    Can.BROWSER: "The agent's telephone rings; to ring a citizen from the complaint's page, first the telephone of the agent's account, then the citizen's.",
}


@dataclass(frozen=True)
class Engine:
    name: str
    lacks: frozenset[Can]
    verbs: frozenset[str]  # TwiML elements it takes; an unknown one ends the document

    def can(self, what: Can) -> bool:
        return what not in self.lacks


_COMMON = frozenset({"Response", "Say", "Play", "Gather", "Record", "Redirect", "Reject", "Dial", "Number", "Sip", "Hangup"})
TWILIO = Engine("twilio", frozenset(), _COMMON | {"Pause", "break", "Enqueue", "Leave", "Client", "Queue", "Conference"})
SOMLENG = Engine("somleng", frozenset(INSTEAD), _COMMON)
ENGINES: Mapping[str, Engine] = {engine.name: engine for engine in (TWILIO, SOMLENG)}


def as_markdown() -> str:
    """The table of docs/voice.md."""
    head = "| | " + " | ".join(ENGINES) + " | where it cannot |\n|---|" + "---|" * (len(ENGINES) + 1) + "\n"
    marks = {what: " | ".join("yes" if engine.can(what) else "no" for engine in ENGINES.values()) for what in Can}
    return head + "".join(f"| {what} | {marks[what]} | {INSTEAD[what]} |\n" for what in Can)
