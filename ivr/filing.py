"""What a complaint is filed with beside its category and place: the problem in the caller's voice, a name, a telephone; and its registration."""

from __future__ import annotations

from helpline import calls, complaints, numbers, resuming
from ivr.menu import State
from ivr.registered import keep_addition
from ivr.turn import AFTER_FAULT, Turn


def keep_problem(turn: Turn, _value: str) -> State:
    draft = turn.draft()
    calls.replace_recordings(turn.db, draft, "problem", turn.fields.get("RecordingSid", "")[:64])
    calls.keep_recording(turn.db, turn.call.sid, turn.fields, "problem", draft, turn.now)
    return turn.to("problem_review")


def after_problem(turn: Turn, _value: str) -> State:
    return turn.to("summary" if turn.is_changing else "place")


def hear_problem(turn: Turn, _value: str) -> State:
    return turn.to("problem_review", "play")


def keep_name(turn: Turn, _value: str) -> State:
    calls.keep_recording(turn.db, turn.call.sid, turn.fields, "name", turn.draft(), turn.now)
    return ask_contact(turn, "")


def ask_contact(turn: Turn, _value: str) -> State:
    return turn.to("contact" if turn.caller else "no_contact")


def without_contact(turn: Turn, _value: str) -> State:
    """Nobody can be told: the number that is heard is all the caller has."""
    turn.tell(phone=None)
    return turn.sum_up()


def use_caller(turn: Turn, _value: str) -> State:
    turn.tell(phone=turn.caller)
    return turn.sum_up()


def keep_contact(turn: Turn, digits: str) -> State:
    number = numbers.e164(digits)
    if number is None:
        return turn.again("contact_wrong")
    turn.tell(phone=number)
    return turn.sum_up()


def register(turn: Turn, _value: str) -> State:
    draft = turn.call.answers.get("draft") or turn.draft()
    row = complaints.get(turn.db, draft)
    if row is not None and not row.description and calls.problem_recording(turn.db, draft) is None:
        complaints.update_draft(turn.db, draft, turn.now, incomplete=True)  # an address nobody made
    if row is not None and turn.goes_on_with(row) and resuming.is_to_be_completed(row):
        filed = resuming.complete(turn.db, turn.runtime, draft, turn.call.answers.get("told", {}), calls.CALLER, turn.now)
    else:
        filed = complaints.register(turn.db, turn.runtime, draft, calls.CALLER, turn.now)
    if turn.goes_on_with(row):
        turn.keep(told={}, completing=None)
    if turn.call.complaint_id != filed.id:
        calls.mark_complaint(turn.db, turn.call, filed.id)
    return turn.to("registered", str(filed.id))


def keep_message(turn: Turn, _value: str) -> State:
    """A message left for an agent is a complaint, to be completed and rung back.

    After a fault of ours the step that failed may have registered the call's complaint, or does so now that it is given again, and
    the caller did not hear of it: what is said then belongs to that complaint.
    """
    row = complaints.get(turn.db, turn.call.answers.get("draft") or 0)
    if turn.state.arg == AFTER_FAULT and row is not None and row.ack is not None:
        turn.state = turn.to("message", str(row.id))
        return keep_addition(turn, "")
    draft = turn.draft()
    calls.keep_recording(turn.db, turn.call.sid, turn.fields, "message", draft, turn.now)
    complaints.update_draft(turn.db, draft, turn.now, incomplete=True)
    filed = complaints.register(turn.db, turn.runtime, draft, calls.CALLER, turn.now)
    return turn.to("registered", str(filed.id))
