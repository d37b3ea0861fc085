"""What a voice answer is made of: our own steps, which know no carrier. `ivr/twiml.py` renders them for what an engine can do."""

from __future__ import annotations

from dataclasses import dataclass

BETWEEN = 0.35  # seconds between two choices: a third of a second
WITHIN = "‖"  # in a text: a short pause between two groups of digits


@dataclass(frozen=True)
class Say:
    text: str
    language: str


@dataclass(frozen=True)
class Play:
    url: str


@dataclass(frozen=True)
class Pause:
    seconds: float = BETWEEN


Said = Say | Play | Pause


@dataclass(frozen=True)
class Ask:
    """Keys sent to `action`, and speech where `speech` is set; what is said is cut short by a key."""

    action: str
    said: tuple[Said, ...]
    digits: int
    timeout: int
    language: str
    speech: bool = False
    hints: tuple[str, ...] = ()  # words that recognition may expect


@dataclass(frozen=True)
class Listen:
    """A recording sent to `action`, `#` ends it. What is said before the beep is cut short by a key, which goes to `early`."""

    action: str
    report: str
    seconds: int
    said: tuple[Said, ...] = ()
    early: str = ""


@dataclass(frozen=True)
class Ring:
    numbers: tuple[str, ...]
    action: str
    caller_id: str
    seconds: int
    report: str = ""  # told when it is answered, where the engine tells it


@dataclass(frozen=True)
class Queue:
    """Wait for an agent; meanwhile `wait` is asked what is heard, in the end `action` is told how it ended."""

    wait: str
    action: str


@dataclass(frozen=True)
class LeaveQueue:
    pass


@dataclass(frozen=True)
class Room:
    """Talk with whoever is in the room. `music`: heard while alone; `muted`: only listens."""

    name: str
    action: str
    music: str
    muted: bool = False


@dataclass(frozen=True)
class GoTo:
    url: str


@dataclass(frozen=True)
class HangUp:
    pass


Step = Say | Play | Pause | Ask | Listen | Ring | Queue | LeaveQueue | Room | GoTo | HangUp
