"""How a call begins: the language, what the last call was telling, the complaint of this telephone, or the menu."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from helpline import calls, resuming, status
from helpline.runtime import Runtime
from ivr.category import offer_likely
from ivr.filing import ask_contact
from ivr.menu import State
from ivr.turn import Turn


def speak(turn: Turn, language: str) -> State:
    """The language is chosen, and remembered for this number."""
    turn.state = replace(turn.state, language=language)
    calls.set_language(turn.db, turn.call, language, turn.now)
    calls.remember_language(turn.db, turn.caller, language, turn.now)
    if "resumed" in turn.call.answers or turn.call.complaint_id:
        return begin_anew(turn, "")
    return first(turn.db, turn.runtime, turn.caller, turn.state, turn.now)


def first(db: Connection, runtime: Runtime, caller: str | None, state: State, now: datetime) -> State:
    """Where a call begins: with what the last one of this telephone was telling, with its open complaint, or with the menu."""
    if broken := resuming.find(db, runtime, caller, now):
        return replace(state, at="resume", arg="" if broken.complaint.discreet else resuming.named(runtime, broken.complaint.category_code))
    return replace(state, at="offer" if status.latest_open(db, caller) else "main", arg="")


def take_up(turn: Turn, _value: str) -> State:
    """On with what the last call was telling, where it stopped."""
    broken = resuming.find(turn.db, turn.runtime, turn.caller, turn.now)
    if broken is None:
        return begin_anew(turn, "")
    resuming.take_over(turn.db, turn.call, broken, turn.now)
    turn.call = calls.get(turn.db, turn.call.sid) or turn.call
    node, arg = resuming.where(turn.db, turn.runtime, broken)
    if node == "category":
        return offer_likely(turn, arg) or turn.to("category")
    return ask_contact(turn, "") if node == "contact" else turn.to(node, arg)


def begin_anew(turn: Turn, _value: str) -> State:
    turn.keep(resumed="")
    return turn.to("offer" if status.latest_open(turn.db, turn.caller) else "main")
