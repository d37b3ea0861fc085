"""STATUS: where do my complaints stand?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import Row

from helpline import status
from helpline.runtime import Runtime
from models.direct import Reader
from sms import which
from sms.conversation import OPEN, Message, Reply, own, phone_of
from sms.keywords import Parsed

MOST_NUMBERS = 4  # of one message that are answered


def plain_status(db: Reader, runtime: Runtime, row: Row[Any], parsed: Parsed) -> Reply:
    """The answer to the commonest message, STATUS <number> from the registered telephone; `row` is that complaint."""
    language = parsed.reply_language if parsed.lang != "en" else str(row.language)
    row = status.carrying_on(db, row)
    return Reply(status.sentence(db, runtime, row, language), row.id)


def is_plain_status(parsed: Parsed) -> bool:
    """`STATUS <number>` and nothing else."""
    return parsed.intent == "status" and len(parsed.acks) == 1 and not parsed.text and parsed.keyword is not None


def is_lone_number(parsed: Parsed) -> bool:
    """An acknowledgement number alone: its status is asked for, unless a number is what we asked for."""
    return parsed.intent == "status" and len(parsed.acks) == 1 and not parsed.text and parsed.lang == "en"


def show_status(message: Message) -> Reply:
    """STATUS <numbers>: where do my complaints stand? Without a number: the open ones of this phone, or else the newest."""
    if not message.parsed.acks:
        rows = [] if which.looks_wrong(message) else which.own_or_named(message, own(message.db, message.sender, OPEN, limit=which.MOST) or own(message.db, message.sender))
        if not rows:
            return Reply(which.ask_for_number(message, "STATUS"))
        return Reply("\n".join(_status_text(message, row) for row in rows), rows[0].id, essential=True)
    texts, first = [], None
    for ack in message.parsed.acks[:MOST_NUMBERS]:
        found = which.looked_up(message, ack)
        if not message.language:  # a keyword in Latin letters is nobody's language: the complaint's own, or the message's
            message = replace(message, language=_own_language(message, found.row))
        first = first or (found.row.id if found.row else None)
        texts.append(_status_text(message, found.row) if found.row else message.say(f"sms.{found.kind}"))
    if len(message.parsed.acks) > MOST_NUMBERS:
        texts.append(message.say("sms.more_numbers"))
    return Reply("\n".join(dict.fromkeys(texts)), first, essential=first is not None)


def _own_language(message: Message, row: Row[Any] | None) -> str:
    if message.parsed.lang != "en":
        return message.parsed.reply_language
    if row is not None:
        return str(row.language)
    phone = phone_of(message.db, message.sender)
    return str(phone.language) if phone and phone.language else "en"


def _status_text(message: Message, row: Any) -> str:
    return message.tell(status.message(message.db, message.runtime, row, message.language))
