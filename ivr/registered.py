"""What a caller does with a complaint that is registered: adds to it, says whether it is solved, rates it, chooses how it is told of."""

from __future__ import annotations

from typing import Any

from helpline import calls, complaints, feedback, status, telling
from helpline.complaints import CannotAct
from helpline.lifecycle import State as Life
from ivr.enquiry import ask_addition
from ivr.menu import State
from ivr.outbound import heard
from ivr.turn import Turn


def go_on(turn: Turn, _value: str) -> State:
    """On from the status: what is over is reopened, to what is open something is added."""
    row = complaints.get(turn.db, turn.complaint or 0)
    if row is None or row.state in (Life.CLOSED, Life.REJECTED):
        may = row is not None and status.may_reopen(turn.runtime, row, turn.now)
        return reopen_it(turn, "") if may else turn.again("wrong.1")
    return ask_addition(turn, row)


def keep_addition(turn: Turn, _value: str) -> State:
    complaint_id = turn.complaint
    if complaint_id is None:
        return turn.to("main")
    calls.keep_recording(turn.db, turn.call.sid, turn.fields, "addition", complaint_id, turn.now)
    row = complaints.get(turn.db, complaint_id)
    action = "answer" if row is not None and row.state == Life.ACTION_REQUIRED else "add"
    spoken = turn.fields.get("RecordingSid", "")[:64] or "recording"
    return _act(turn, action, {"text": f"[{spoken}]"}, "added")


def confirm(turn: Turn, _value: str) -> State:
    return _act(turn, "confirm", {}, "confirmed")


def reopen_it(turn: Turn, _value: str) -> State:
    return _act(turn, "reopen", {}, "reopened")


def rate(turn: Turn, stars: str) -> State:
    return _act(turn, "rate", {"rating": stars}, "conduct")


def keep_conduct(turn: Turn, said: str) -> State:
    """Whether anybody asked for money or behaved badly: of the complaint that this call was about."""
    if about := turn.call.answers.get("about"):
        feedback.keep_conduct(turn.db, about, said == "yes", turn.now)
    return turn.to("thanked" if turn.call.answers.get("outbox") else "rated")


def told_by_call(turn: Turn, _value: str) -> State:
    """After filing: the news of this complaint by calls."""
    if turn.call.complaint_id is not None and turn.state.arg == str(turn.call.complaint_id):
        telling.choose(turn.db, turn.call.complaint_id, "call", turn.now)
    return turn.to("told_by")


def discreetly(turn: Turn, _value: str) -> State:
    """Messages about this complaint say no more than that there is news."""
    complaint_id = turn.complaint
    if complaint_id is None or (turn.state.at == "registered" and complaint_id != turn.call.complaint_id):
        return turn.again("wrong.1")
    return _act(turn, "discreet", {"discreet": "yes"}, "discreet")


def _act(turn: Turn, action: str, data: dict[str, Any], then: str) -> State:
    complaint_id = turn.complaint
    heard(turn)
    try:
        complaints.act(turn.db, turn.runtime, complaint_id or 0, action, calls.CALLER, turn.now, data)
    except CannotAct:
        return turn.to("not_yet")
    if action in ("confirm", "reopen"):
        feedback.came_from(turn.db, complaint_id or 0, turn.caller)
    turn.keep(about=complaint_id)
    return turn.to(then, str(complaint_id))
