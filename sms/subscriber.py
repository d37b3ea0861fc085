"""What is about no complaint: the language and the messages of this telephone, a call that is asked for, the check of a code, help."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import insert, update

from helpline import callbacks, complaints, limits, notices, proof
from helpline.sla import IST
from models import Phone
from sms import answers, which
from sms.conversation import Message, Reply, forget, phone_of


def set_language(message: Message) -> Reply:
    """LANG BN | EN | HI."""
    chosen = message.parsed.language
    if chosen not in message.runtime.config.helpline.languages:
        return Reply(message.say("sms.ask_language"))
    _remember(message, language=chosen)
    return Reply(replace(message, language=chosen).say("sms.language_set"))


def stop(message: Message) -> Reply:
    forget(message)
    _remember(message, sms_stopped_at=message.now)
    return Reply(message.say("sms.stopped"), essential=True)


def stop_and_ring_back(message: Message) -> Reply:
    """"Stop sending SMS, call me": both."""
    replies = stop(message), ring_back(message)
    return Reply("\n".join(reply.text for reply in replies), replies[1].complaint_id)


def start(message: Message) -> Reply:
    _remember(message, sms_stopped_at=None)
    return Reply(message.say("sms.started"), essential=True)


def _remember(message: Message, **values: Any) -> None:
    done = message.db.execute(
        update(Phone).where(Phone.number == message.sender).values(**values, updated_at=message.now)
    )
    if not done.rowcount:
        message.db.execute(insert(Phone), [{"number": message.sender, "updated_at": message.now, **values}])


def check(message: Message) -> Reply:
    """CHECK <code>: whether a message with this code is ours."""
    if not message.parsed.text:
        return Reply(message.say("sms.ask_check"))
    found = proof.check(message.db, message.runtime, message.parsed.text, message.sender, message.now)
    if found.kind == "limited":
        return Reply(message.say("sms.limited"))
    if found.at is None:
        return Reply(message.say("sms.not_genuine"))
    return Reply(message.say("sms.genuine", date=notices.short_date(found.at, message.language), ending=found.ending))


def ring_back(message: Message) -> Reply:
    """"Call me", "call me about 261 2345 6789": somebody rings, and by when. What was asked last is still to be answered; its draft shows what
    was told so far. The answer does not say whether a number is another's.
    """
    about = next(iter(which.named(message)), None) or complaints.get(message.db, message.context.get("draft") or 0)
    entry = callbacks.request(message.db, message.runtime, message.sender, message.language, about, message.now)
    if entry.promised_at <= message.now:
        return Reply(message.say("sms.call_back_late"), about.id if about is not None else None)
    by = {"time": notices.short_time(entry.promised_at, message.language), "date": notices.short_date(entry.promised_at, message.language)}
    return Reply(message.say("sms.call_back", **by), about.id if about is not None else None)


def thanked(message: Message) -> Reply:
    """Thanks alone: a word back, once a day, and none to who wants no messages of ours; it asks for nothing."""
    phone = phone_of(message.db, message.sender)
    if (phone is not None and phone.sms_stopped_at) or limits.count(message.db, "sms-thanked", message.sender, message.now.astimezone(IST).replace(hour=0)) > 1:
        return Reply("")
    return Reply(message.say("sms.thanked"))


def show_help(message: Message) -> Reply:
    return Reply(message.say("sms.help"))


def not_understood(message: Message) -> Reply:
    """A lone number nearly as long as a complaint's was meant as one."""
    digits = "".join(answers.words_of(message.text))
    lone = digits.isascii() and digits.isdigit() and len(digits) in which.NEARLY_AN_ACK
    return Reply(message.say("sms.check_ack" if lone else "sms.not_understood"))
