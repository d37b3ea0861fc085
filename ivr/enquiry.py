"""The complaint a caller asks about: found by telephone, by its number, or with the registered mobile number as a second proof."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Row

from helpline import acknowledgement, complaints, numbers, proof, status
from helpline.lifecycle import State as Life
from ivr.menu import State
from ivr.turn import Turn


def own_status(turn: Turn, _value: str) -> State:
    """The newest open complaint of this telephone; where several people share it, whose is asked."""
    rows = status.shared(turn.db, turn.caller)
    if len(rows) > 1:
        return turn.to("whose", "-".join(row.ack for row in rows))
    row = status.latest_open(turn.db, turn.caller)
    return tell(turn, row) if row is not None else turn.to("main")


def tell_own(turn: Turn, ack: str) -> State:
    row = complaints.get_by_ack(turn.db, ack)
    return tell(turn, row) if row is not None and row.phone == turn.caller else turn.to("main")


def next_one(turn: Turn, _value: str) -> State:
    """The open complaint before the one just told, of the telephone that calls."""
    row = status.earlier_open(turn.db, turn.caller, turn.complaint or 0)
    return tell(turn, row) if row is not None else turn.again("wrong.1")


def find_status(turn: Turn, digits: str) -> State:
    """A complaint's number; nine digits are the check code of a message."""
    if len(digits) == proof.LENGTH:
        return _check_message(turn, digits)
    return _find(turn, digits, tell, "status")


def find_add(turn: Turn, digits: str) -> State:
    return _find(turn, digits, ask_addition, "add")


def find_reopen(turn: Turn, digits: str) -> State:
    return _find(turn, digits, ask_solved, "reopen")


def find_with_mobile(turn: Turn, digits: str) -> State:
    """The second proof: the registered mobile number. The same words whether or not the number exists."""
    asked, purpose = turn.call.answers.get("asked", ""), turn.call.answers.get("purpose", "status")
    found = status.look_up(turn.db, turn.runtime, asked, turn.caller, turn.now, registered=numbers.e164(digits))
    if found.kind == "limited":
        return turn.to("limited")
    if found.row is None:
        return turn.again("mismatch")
    return {"add": ask_addition, "reopen": ask_solved}.get(purpose, tell)(turn, found.row)


def _find(turn: Turn, digits: str, then: Callable[[Turn, Row[Any]], State], purpose: str) -> State:
    if not acknowledgement.is_valid(digits):
        return turn.again("check_number")
    found = status.look_up(turn.db, turn.runtime, digits, turn.caller, turn.now)
    if found.kind == "full" and found.row is not None:
        return then(turn, found.row)
    turn.keep(asked=digits, purpose=purpose)
    return turn.to("limited" if found.kind == "limited" else "status_mobile")


def _check_message(turn: Turn, code: str) -> State:
    found = proof.check(turn.db, turn.runtime, code, turn.caller, turn.now)
    if found.at is None:
        return turn.to("limited" if found.kind == "limited" else "not_genuine")
    return turn.to("genuine", f"{found.at:%Y%m%d}{found.ending}")


def tell(turn: Turn, row: Row[Any]) -> State:
    return turn.to("solved" if row.state == Life.RESOLVED else "told", str(row.id))


def ask_addition(turn: Turn, row: Row[Any]) -> State:
    return turn.to("addition", str(row.id))


def ask_solved(turn: Turn, row: Row[Any]) -> State:
    if row.state in (Life.RESOLVED, Life.CLOSED, Life.REJECTED):
        return tell(turn, row)
    return turn.to("not_yet")
