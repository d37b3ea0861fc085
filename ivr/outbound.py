"""Calls of ours: what is said when somebody picks up, and what is learnt of it.

The message was frozen in the outbox; it is read out, can be heard again, and where it says that the complaint is resolved the
citizen is asked whether it is. A machine is told nothing, or left the message, as configured.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row

from carriers.base import CallState
from carriers.webhook import Webhook
from helpline import calling, calls, complaints, status
from helpline.lifecycle import State as Life
from helpline.runtime import Runtime, utc_now
from helpline.text import row_id
from ivr.aloud import spoken
from ivr.menu import State
from ivr.steps import HangUp, Pause, Step
from ivr.turn import Turn

if TYPE_CHECKING:
    from ivr.routes import Line

ASKS = frozenset({"notify.resolved", "notify.still_asking"})  # read out with the question whether it is solved


def answered(line: Line, webhook: Webhook) -> str:
    """Somebody picked up a call of ours; repeated, it is the same answer."""
    now, sid = utc_now(), webhook.get("CallSid")[:64].replace("\x00", "")
    with line.runtime.writing() as db:
        row = calling.answered(db, _number(webhook, "o"), _number(webhook, "t"), sid, now)
        if row is None:
            return line.render([*line.speaker.say("goodbye", line.runtime.config.helpline.default_language), HangUp()])
        if webhook.get("AnsweredBy").startswith(("machine", "fax")):
            return line.render(_to_machine(line, db, row, now))
        call = calls.begin(db, sid, row.to_number, webhook.get("From")[:64].replace("\x00", ""), now)
        calls.keep(db, call, now, outbox=row.id)
        greeting = line.speaker.say("out.greeting", row.language, name=line.runtime.config.helpline.name(row.language))
        if (about := _asked_about(db, row)) is not None:
            before = [*greeting, Pause(), *spoken(row.body, row.language), Pause()]
            return line.render(line.speaker.steps(State("out_solved", row.language, str(about)), lambda: db, call, before=before))
        return line.render(line.speaker.steps(State("out", row.language, str(row.id)), lambda: db, call, before=[*greeting, Pause()]))


def _to_machine(line: Line, db: Connection, row: Row[Any], now: datetime) -> list[Step]:
    leave = line.runtime.config.calls.answering_machine == "leave_message"
    calling.machine(db, row.id, "left" if leave else "machine", now)
    if not leave:
        return [HangUp()]
    greeting = line.speaker.say("out.greeting", row.language, name=line.runtime.config.helpline.name(row.language))
    return [*greeting, Pause(), *spoken(row.body, row.language), HangUp()]


def _asked_about(db: Connection, row: Row[Any]) -> int | None:
    """The complaint of which it is asked whether it is solved: what the citizen's own is handled together with, where it is."""
    complaint = complaints.get(db, row.complaint_id) if row.template in ASKS else None
    about = status.carrying_on(db, complaint) if complaint is not None else None
    return about.id if about is not None and about.state == Life.RESOLVED else None


def hear_again(turn: Turn, _value: str) -> State:
    heard(turn)
    return turn.to("out", turn.state.arg)


def heard_out(turn: Turn, _value: str) -> State:
    """It was said to its end, and no key was pressed."""
    heard(turn)
    return turn.to("goodbye")


def heard(turn: Turn) -> None:
    """Where this is a call of ours: its message has reached the citizen."""
    if outgoing_id := turn.call.answers.get("outbox"):
        calling.heard(turn.db, outgoing_id, turn.now)


def ended(runtime: Runtime, webhook: Webhook) -> None:
    """The carrier's report of the end of a call of ours."""
    now, sid, status = utc_now(), webhook.get("CallSid")[:64].replace("\x00", ""), webhook.get("CallStatus").lower()
    with runtime.writing() as db:
        calling.ended(db, runtime, _number(webhook, "o"), _number(webhook, "t"), CallState(sid, status, _count(webhook.get("CallDuration"))), now)
        if status in calls.ENDED:
            calls.end(db, runtime, sid, status, now)


def _number(webhook: Webhook, name: str) -> int:
    return _count(webhook.query.get(name, ""))


def _count(text: str) -> int:
    return row_id(text) or 0
