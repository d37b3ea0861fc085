"""What a citizen does with a complaint that is registered: ADD, REOPEN, CANCEL, PRIVATE."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from helpline import acknowledgement, complaints, status
from helpline.lifecycle import State
from sms import answers, which
from sms.conversation import CITIZEN, OPEN, OVER, Message, Reply, add_to, ask, do, own
from sms.subscriber import not_understood


def add(message: Message) -> Reply:
    """ADD <number> <text>; without a number, to the open complaint of this phone: which one, if it may be one of several."""
    text = message.parsed.text.strip()
    row = which.one_of(message, own(message.db, message.sender, OPEN, limit=which.MOST + 1), "add", text) or which.mine(message, "ADD", OPEN)
    if isinstance(row, Reply):
        return row
    return add_to_this(message, row, text)


def add_to_this(message: Message, row: Row[Any], text: str) -> Reply:
    """The complaint is known: added, or asked for what is to be added."""
    if text:
        return add_to(message, row, text)
    ask(message, "addition", complaint=row.id)
    return Reply(message.say("sms.ask_addition", ack=acknowledgement.display(row.ack)), row.id)


def reopen(message: Message) -> Reply:
    """REOPEN <number> [why]: within the configured days after the closing. A bare "no" reopens nothing."""
    if not message.parsed.ack and answers.is_skip(message.parsed):
        return not_understood(message)
    if not (message.parsed.keyword or message.parsed.acks) and (still := _still_waiting(message)):
        if not (over := _over(message)):
            return add(message)
        return which.ask_which(message, [*still, *over], "reopen", text=message.parsed.text)
    row = which.one_of(message, _over(message), "reopen", message.parsed.text)
    row = row or which.mine(message, "REOPEN", {State.RESOLVED} if own(message.db, message.sender, {State.RESOLVED}) else OVER)
    return row if isinstance(row, Reply) else reopen_this(message, row)


def _still_waiting(message: Message) -> list[Row[Any]]:
    """The open complaints that "nobody came yet" may be about; none where one is said to be resolved, which is denied by it."""
    return [] if own(message.db, message.sender, {State.RESOLVED}) else own(message.db, message.sender, OPEN, limit=which.MOST)


def _over(message: Message) -> list[Row[Any]]:
    """The complaints that REOPEN without a number may mean: the resolved ones, or else those that may be reopened still."""
    resolved = own(message.db, message.sender, {State.RESOLVED}, limit=which.MOST + 1)
    over = resolved or own(message.db, message.sender, OVER, limit=5)
    return [row for row in over if status.may_reopen(message.runtime, row, message.now)]


def reopen_this(message: Message, row: Row[Any], reason: str | None = None) -> Reply:
    """Reopened because of `reason`, or of what the message says."""
    if row.state in OVER and not status.may_reopen(message.runtime, row, message.now):
        return which.not_now(message, row)
    return do(message, row, "reopen", {"reason": message.parsed.text if reason is None else reason}, "sms.added")


def cancel(message: Message) -> Reply:
    """CANCEL <number>: the citizen takes the complaint back."""
    row = which.one_of(message, own(message.db, message.sender, OPEN, limit=which.MOST + 1), "cancel", message.parsed.text) or which.mine(message, "CANCEL", OPEN)
    return row if isinstance(row, Reply) else do(message, row, "withdraw", {"reason": message.parsed.text}, "sms.added")


def private(message: Message) -> Reply:
    """PRIVATE [number]: messages say nothing of the content; PRIVATE OFF: they do again. Without a number, of all open complaints."""
    off = bool(_OFF.intersection(answers.words_of(message.parsed.original)))
    meant = which.mine(message, "PRIVATE", OPEN)
    if isinstance(meant, Reply):
        return meant
    rows = [meant] if message.parsed.ack else own(message.db, message.sender, OPEN, limit=_MANY)
    for row in rows:
        complaints.act(message.db, message.runtime, row.id, "discreet", CITIZEN, message.now, {"discreet": "no" if off else "yes"})
    return Reply(message.say("sms.discreet_off" if off else "sms.discreet_on"), rows[0].id)


_OFF = frozenset(answers.words_of("off no not nei noy na নয় না বন্ধ नहीं मत बंद"))
_MANY = 50
