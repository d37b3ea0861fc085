"""Pictures that come with a message: which complaint they are about, and what is asked where none is known yet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Row

from helpline import acknowledgement, complaints, media
from helpline.complaints import Filing
from helpline.lifecycle import State
from sms import filing, which
from sms.conversation import CITIZEN, OPEN, Message, Reply, add_to, ask, asked_last, forget, own

_ABOUT_NOTHING = ("unknown", "greeting", "help", "confirm")  # what is written under a picture then says nothing that is asked for
_OF_THE_LINE = ("stop", "start", "language", "check")  # a picture beside these is about nothing new
_SHOWN = ("name", "place")  # asked about a complaint that stands already


def answer(message: Message, items: Sequence[Sequence[str]], answer_text: Callable[[], Reply]) -> Reply:
    """The reply to a message with pictures, which are asked for with it."""
    bare = not message.text or (message.parsed.intent in _ABOUT_NOTHING and not message.parsed.keyword and not message.awaiting)
    reply = _came_alone(message) if bare else answer_text()
    if not bare:
        reply = _together(message, reply)
    about = complaints.get(message.db, reply.complaint_id or 0)
    own_one = about is not None and about.phone == message.sender
    lapse = timedelta(minutes=message.runtime.config.sms.conversation_minutes)
    waits = bare or _just_asked(message, "which") is not None
    next_at = message.now if own_one or not waits else message.now + lapse
    media.keep(message.db, message.key, message.sender, items, reply.complaint_id if own_one else None, next_at, message.now)
    return reply


def _came_alone(message: Message) -> Reply:
    """To what was asked about last, to an office's question, to the complaint of these days; or the beginning of a new one."""
    talk = complaints.get(message.db, message.context.get("draft") or message.context.get("complaint") or 0)
    if talk is not None and talk.state == State.DRAFT:
        return _to_draft(message, talk)
    if talk is not None and message.awaiting in (*_SHOWN, "addition", "correction"):
        return _to(message, talk)
    waiting = own(message.db, message.sender, {State.ACTION_REQUIRED}, limit=which.MOST + 1)
    rows = waiting or _of_these_days(message)
    if len(rows) > 1:
        return which.ask_which(message, rows, "picture", key=message.key, text=message.text)
    return _to(message, rows[0]) if rows else _begin(message)


def _of_these_days(message: Message) -> list[Row[Any]]:
    since = message.now - timedelta(minutes=message.runtime.config.sms.conversation_minutes)
    return [row for row in own(message.db, message.sender, OPEN, limit=which.MOST + 1) if row.created_at >= since]


def _to(message: Message, row: Row[Any]) -> Reply:
    if message.text:
        add_to(message, row, message.text)
    return Reply(message.say("sms.picture_added", ack=acknowledgement.display(row.ack)), row.id)


def to_the_one_meant(message: Message, row: Row[Any]) -> Reply:
    """The answer to "which one?"."""
    if text := str(message.context.get("text", "")):
        add_to(message, row, text)
    return Reply(message.say("sms.picture_added", ack=acknowledgement.display(row.ack)), row.id)


def _to_draft(message: Message, row: Row[Any]) -> Reply:
    """The question stays: shall it be registered, or what is it about?"""
    if message.awaiting == "confirm_file":
        return Reply("\n".join((message.say("sms.picture_kept"), filing.shall_we(message, row.category_code))), row.id)
    return Reply(message.say("sms.ask_picture"), row.id)


def _begin(message: Message) -> Reply:
    begun = Filing(channel="sms", language=message.language, source_key=message.key, phone=message.sender, caller_number=message.sender,
                   description=message.text, incomplete=True)  # fmt: skip
    draft = complaints.open_draft(message.db, message.runtime, begun, CITIZEN, message.now)
    ask(message, "details", draft=draft)
    return Reply(message.say("sms.ask_picture"), draft)


def _together(message: Message, reply: Reply) -> Reply:
    """What was written is answered, and the picture goes where the words go, so that one question is asked at most."""
    if (asked := _just_asked(message, "which")) is not None:
        ask(message, "which", **(asked | {"action": "picture" if asked["action"] == "add" else asked["action"], "key": message.key}))
        return reply
    if (asked := _just_asked(message, "addition")) is not None and (row := complaints.get(message.db, asked["complaint"])) is not None:
        forget(message)  # the picture is what is added
        return Reply(message.say("sms.picture_added", ack=acknowledgement.display(row.ack)), row.id)
    if reply.complaint_id is None and message.parsed.intent not in _OF_THE_LINE:
        return _also_draft(message, reply)
    return reply


def _just_asked(message: Message, awaiting: str) -> dict[str, Any] | None:
    """What the question `awaiting` is about, if this very message was answered with it."""
    talk = asked_last(message.db, message.sender, message.now)
    if talk is None or talk.awaiting != awaiting or talk.context.get("asked_at") != message.now.isoformat():
        return None
    return dict(talk.context)


def _also_draft(message: Message, reply: Reply) -> Reply:
    """What was written is answered, and the picture is asked about."""
    begun = _begin(message)
    return Reply("\n".join(part for part in (reply.text, begun.text) if part), begun.complaint_id, reply.outgoing_id, reply.parts, reply.essential)
