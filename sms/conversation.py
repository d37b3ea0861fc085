"""The message at hand, and what the line asked its sender last.

A handler takes the message and gives the reply. Everything it writes is in the transaction of the caller, so a message is
answered and acted on together or not at all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, insert, select

from helpline import acknowledgement, complaints, feedback, lifecycle, notices, status
from helpline.complaints import Actor, CannotAct
from helpline.lifecycle import Role, State
from helpline.runtime import Runtime
from models import Complaint, Conversation, Phone
from prompts.catalogue import Sms
from sms.keywords import Parsed

CITIZEN = Actor(Role.CITIZEN, "sms")
OPEN: set[State] = {s for s in State if s != State.DRAFT and lifecycle.is_open(s)}
OVER: set[State] = {State.CLOSED, State.REJECTED}
_phone = select(Phone.__table__).where(Phone.number == bindparam("number"))
_talk = select(Conversation.__table__).where(Conversation.number == bindparam("number"))


@dataclass(frozen=True)
class Message:
    """An inbound SMS with all that a handler needs."""

    db: Connection
    runtime: Runtime
    key: str  # the carrier's id of it: it files once
    sender: str  # E.164
    parsed: Parsed
    language: str
    now: datetime
    awaiting: str | None = None  # what was asked last
    context: dict[str, Any] = field(default_factory=dict)  # what that was about
    said: list[Sms] = field(default_factory=list)  # what `say` gave, in order: the parts of the reply

    @property
    def text(self) -> str:
        """The whole message as it was written."""
        return self.parsed.original.strip()

    def say(self, template: str, **values: object) -> str:
        entry = self.runtime.catalogue[template]
        common = {
            "helpline": self.runtime.config.helpline.short_name,
            "phone": self.runtime.config.helpline.display_number,
            "emergency": self.runtime.config.helpline.emergency_number,
            **values,
        }
        given = {name: common[name] for name in entry.placeholders}
        return self.tell(self.runtime.catalogue.sms(template, self.language, **given))

    def tell(self, sms: Sms) -> str:
        self.said.append(sms)
        return sms.text


@dataclass(frozen=True)
class Reply:
    text: str
    complaint_id: int | None = None
    outgoing_id: int | None = None  # the outbox row that this answer is, when it must not be lost
    parts: tuple[Sms, ...] = ()  # the registered messages that the text is made of, beside that row
    essential: bool = False  # danger, the status of one's own complaint, STOP and START: answered also to who sent a great deal


Handler = Callable[[Message], Reply]
Continuing = Callable[[Message], Reply | None]  # None: no answer to what was asked, but a message of its own


def answer_with(handler: Handler, message: Message) -> Reply:
    """The handler's reply, with the parts it said."""
    return with_parts(handler(message), message)


def with_parts(reply: Reply, message: Message) -> Reply:
    return replace(reply, parts=tuple(dict.fromkeys(sms for sms in message.said if sms.text in reply.text)))


# ── what was asked ──────────────────────────────────────────────────────────────────────────────────────────────────


def asked_last(db: Connection, sender: str, now: datetime) -> Row[Any] | None:
    """The question that is open, with `asked_at`, `awaiting` and `context`."""
    row = db.execute(_talk, {"number": sender}).first()
    return row if row and row.expires_at > now else None


def ask(message: Message, awaiting: str, *, minutes: int | None = None, **context: Any) -> None:
    """Remember what was asked last, and in which language; a new question replaces the old one."""
    forget(message)
    expires = message.now + timedelta(minutes=minutes or message.runtime.config.sms.conversation_minutes)
    kept = {**context, "language": message.language, "asked_at": message.now.isoformat()}
    row = {"number": message.sender, "awaiting": awaiting, "context": kept, "expires_at": expires}
    message.db.execute(insert(Conversation), [row])


def forget(message: Message) -> None:
    message.db.execute(delete(Conversation).where(Conversation.number == message.sender))


# ── the sender ──────────────────────────────────────────────────────────────────────────────────────────────────────


def phone_of(db: Connection, sender: str) -> Row[Any] | None:
    """What is remembered of this number, its `language` above all."""
    return db.execute(_phone, {"number": sender}).first()


# ── complaints of the sender ────────────────────────────────────────────────────────────────────────────────────────


def own(db: Connection, sender: str, states: set[State] | None = None, *, limit: int = 1) -> list[Row[Any]]:
    """The newest registered complaints of this number, in one of `states` where given."""
    query = select(Complaint.__table__).where(Complaint.phone == sender, Complaint.ack.is_not(None))
    if states:
        query = query.where(Complaint.state.in_([str(s) for s in states]))
    return list(db.execute(query.order_by(Complaint.created_at.desc(), Complaint.id.desc()).limit(limit)))


def asking(db: Connection, runtime: Runtime, sender: str, now: datetime, *, limit: int = 1) -> list[Row[Any]]:
    """The complaints of which this number is asked whether they are solved: its own resolved ones, and what its others are handled together with, also where
    somebody else's yes has closed that meanwhile."""
    rows = own(db, sender, {State.RESOLVED}, limit=limit)
    mine = Complaint.__table__.alias()
    together = select(mine.c.duplicate_of_id).where(mine.c.phone == sender, mine.c.state == str(State.DUPLICATE))
    since = now - timedelta(days=runtime.config.casework.feedback_days)
    carrying = select(Complaint.__table__).where(Complaint.id.in_(together), Complaint.phone.is_distinct_from(sender), Complaint.resolved_at > since,
                                                 Complaint.state.in_((str(State.RESOLVED), str(State.CLOSED))))  # fmt: skip
    return [*rows, *db.execute(carrying.order_by(Complaint.resolved_at.desc()).limit(limit))][:limit]


def do(message: Message, row: Row[Any], action: str, data: dict[str, Any], template: str) -> Reply:
    """Do `action`; the reply is what it tells the citizen, or else `template`."""
    ack = acknowledgement.display(row.ack)
    try:
        done = complaints.act(message.db, message.runtime, row.id, action, CITIZEN, message.now, data, answered=True)
    except CannotAct as error:
        if error.reason == "missing":
            return Reply(message.say("sms.ask_rating", ack=ack), row.id)
        office = notices.short_office_name(message.runtime, row.department_code, message.language)
        return Reply(message.say("sms.not_yet", ack=ack, office=office), row.id)
    if action in ("confirm", "reopen"):
        feedback.came_from(message.db, row.id, message.sender)
    if done.message and row.phone == message.sender:
        return Reply(done.message, row.id, done.outgoing_id)
    if action == "reopen" and (after := complaints.get(message.db, row.id)) is not None:
        return Reply(message.tell(status.message(message.db, message.runtime, after, message.language)), row.id)
    return Reply(message.say(template, ack=ack, rating=data.get("rating", "")), row.id)


def add_to(message: Message, row: Row[Any], text: str) -> Reply:
    """Also the answer to our question, when we asked one: then the work goes on."""
    action = "answer" if row.state == State.ACTION_REQUIRED else "add"
    return do(message, row, action, {"text": text}, "sms.added")
