"""The question that an office asked about a complaint, and what answers it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, select

from helpline import complaints
from helpline.lifecycle import State
from models import Complaint, Event
from sms import answers, filing, which
from sms.conversation import Message, Reply, add_to, own

NEVER_AN_ANSWER = ("stop", "start", "language", "help", "greeting", "status", "check", "private")


def is_asked_last(message: Message) -> bool:
    """Whether the question asked last is one of an office, about a complaint of this number."""
    asked = _newest(message) if message.awaiting != "feedback" else None
    return asked is not None and (message.awaiting is None or str(message.context.get("asked_at", "")) < asked.at.isoformat())


def answer(message: Message) -> Reply | None:
    """What is said without a keyword is the answer; small talk is none, and another complaint is one of its own."""
    waiting, parsed = own(message.db, message.sender, {State.ACTION_REQUIRED}, limit=which.MOST + 1), message.parsed
    asked = _newest(message)
    row = complaints.get(message.db, asked.complaint_id) if asked is not None else None
    if row is None or answers.begins_anew(parsed) or (parsed.keyword and parsed.intent != "reopen") or parsed.intent in NEVER_AN_ANSWER:
        return None
    if answers.is_small_talk(parsed):
        return None
    meant = which.by_subject(message, message.text, waiting) if len(waiting) > 1 else row
    if meant is None and not all(filing.tells_of_another(message, one) for one in waiting):
        return which.ask_which(message, waiting, "add", text=message.text)
    return None if meant is None or filing.tells_of_another(message, meant) else add_to(message, meant, message.text)


def _newest(message: Message) -> Row[Any] | None:
    """The newest question of an office that this number has not answered."""
    waiting = (Complaint.phone == message.sender, Complaint.state == str(State.ACTION_REQUIRED))
    query = select(Event.complaint_id, Event.at).join(Complaint, (Complaint.id == Event.complaint_id) & (Complaint.asked_seq == Event.seq))
    return message.db.execute(query.where(*waiting).order_by(Event.at.desc()).limit(1)).first()
