"""The conversation by text: what a message answers, in which language, and which part of the line replies to it (`INTENTS`, `CONTINUE`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

from helpline import corrections, examples, feedback, media
from helpline import text as texts
from helpline.lifecycle import State
from helpline.runtime import Runtime
from sms import (
    answers,
    correcting,
    enquiry,
    filing,
    joining,
    office_question,
    pictures,
    registered,
    satisfaction,
    staff,
    subscriber,
    which,
)
from sms.conversation import (
    OPEN,
    OVER,
    Continuing,
    Handler,
    Message,
    Reply,
    answer_with,
    asked_last,
    asking,
    do,
    forget,
    own,
    phone_of,
    with_parts,
)
from sms.keywords import KEYWORDS, Parsed, parse
from sms.parts import Arrival

SHORT_ANSWER = 14  # characters; a longer message is never an answer to "is it solved?"
SHORT_WORDS = 5  # a name, a place, a yes: nobody's language, so the conversation's is kept


def answer(db: Connection, runtime: Runtime, key: str, sender: str, body: str, now: datetime, arrival: Arrival | None = None) -> Reply:
    """What `sender` gets for `body`. Writes what follows from it into the transaction at hand."""
    if enquiry.is_plain_status(parsed := parse(body)):  # the commonest message: neither the conversation nor the telephone matters
        return answer_with(enquiry.show_status, Message(db, runtime, key, sender, parsed, "", now))
    if (ordered := staff.answer(db, runtime, sender, body, now)) is not None:
        return Reply(*ordered)
    awaiting, context = _question(db, runtime, sender, body, now)
    if enquiry.is_lone_number(parsed) and awaiting != "which":
        return answer_with(enquiry.show_status, Message(db, runtime, key, sender, parsed, "", now))
    parsed = parse(body, awaiting=awaiting) if awaiting in YES_OR_NO and (parsed.intent != "correct" or awaiting == "feedback") else parsed
    phone = phone_of(db, sender)
    message = Message(db, runtime, key, sender, parsed, _language(db, sender, parsed, phone, context), now, awaiting, context)
    if not joining.may_be_part(message):
        return _answered(message, phone)
    return joining.answer(message, body, arrival or Arrival(now), lambda whole: _answered(whole, phone))


def _answered(message: Message, phone: Row[Any] | None) -> Reply:
    """The reply to a whole message."""
    parsed, awaiting = message.parsed, message.awaiting
    if awaiting not in (*_ASKED_OTHERWISE, "confirm_file") and (answered := satisfaction.answered_with_words(message)) is not None:
        return with_parts(answered, message)
    named = awaiting == "name" and (answers.is_skip(parsed) or corrections.introduced(message.text))
    by_itself = _is_no_answer(message)
    answers_otherwise = named or correcting.is_change(message) or (awaiting == "which" and not corrections.has_denial(message.text))
    corrects = parsed.intent == "correct" and awaiting != "feedback" and not answers_otherwise
    if awaiting not in _ASKED_OTHERWISE and not (by_itself or parsed.keyword or parsed.acks) and correcting.puts_right(message):
        corrects, message = True, replace(message, parsed=replace(parsed, intent="correct", text=message.text))
        parsed = message.parsed
    if parsed.intent == "file" and (rest := _more_of_the_same(message)) is not None:
        message = replace(message, parsed=replace(parsed, intent="add", keyword="add", text=rest))
        parsed = message.parsed
    goes_on = None if by_itself else office_question.answer if office_question.is_asked_last(message) else None if corrects else CONTINUE.get(awaiting or "")
    if goes_on is not None and (reply := goes_on(message)) is not None:
        return with_parts(reply, message)
    if awaiting != "feedback" and not corrects and parsed.kind != "call":
        message = replace(message, language=_language(message.db, message.sender, parsed, phone, {}))
    return answer_with(INTENTS.get(parsed.purpose) or INTENTS[parsed.intent], message)


def _is_no_answer(message: Message) -> bool:
    """"Call me", "I have another complaint", said beside whatever question. কল and "the second" are answers to "which one?"."""
    parsed = message.parsed
    if parsed.kind not in ("call", "another") or not parsed.sure:
        return False
    return message.awaiting != "which" or bool(parsed.acks) or not (parsed.keyword or which.is_ordinal(message.text))


def _more_of_the_same(message: Message) -> str | None:
    """What follows ADD, where it tells of the subject of an open complaint of this phone; else it is a complaint of its own."""
    first, _, rest = message.text.partition(" ")
    if message.parsed.keyword or texts.normalise(first).strip(" :,.-") not in _ADD_WORDS:
        return None
    rows = own(message.db, message.sender, OPEN, limit=which.MOST + 1)
    return rest.strip() if which.by_subject(message, rest, rows) else None


_ADD_WORDS = frozenset(KEYWORDS["add"].split())


def answer_nobody(db: Connection, runtime: Runtime, key: str, sender: str, body: str, now: datetime) -> Reply:
    """A message from nobody's number: only what files a complaint is acted on, and nothing is answered."""
    parsed = parse(body)
    return filing.keep_nameless(Message(db, runtime, key, sender, parsed, parsed.reply_language, now))


def answer_with_pictures(
    db: Connection, runtime: Runtime, key: str, sender: str, body: str, items: Sequence[Sequence[str]], now: datetime, arrival: Arrival | None = None
) -> Reply:  # fmt: skip
    """The reply to a message with pictures (address, media type), with or without words."""
    awaiting, context = _question(db, runtime, sender, body, now)
    parsed, phone = parse(body), phone_of(db, sender)
    language = _language(db, sender, parsed, phone, context) if body.strip() else _spoken(db, runtime, sender, phone, context)
    message = Message(db, runtime, key, sender, parsed, language, now, awaiting, context)
    return with_parts(pictures.answer(message, items, lambda: answer(db, runtime, key, sender, body, now, arrival)), message)


def _spoken(db: Connection, runtime: Runtime, sender: str, phone: Row[Any] | None, context: dict[str, Any]) -> str:
    """The language of a phone that wrote no word: the one of the conversation, or of this phone, or of its newest complaint."""
    if known := context.get("language") or (phone.language if phone else None):
        return str(known)
    newest = next(iter(own(db, sender)), None)
    return newest.language if newest is not None else runtime.config.helpline.default_language


def answer_picture(db: Connection, runtime: Runtime, key: str, sender: str, now: datetime) -> Reply:
    """A picture without a word: what to do instead, in the language of this phone."""
    language = _spoken(db, runtime, sender, phone_of(db, sender), {})
    return answer_with(lambda m: Reply(m.say("sms.no_pictures")), Message(db, runtime, key, sender, parse(""), language, now))


def _question(db: Connection, runtime: Runtime, sender: str, body: str, now: datetime) -> tuple[str | None, dict[str, Any]]:
    """What was asked last, and what it was about: by text, or by the message that a complaint is resolved."""
    talk = asked_last(db, sender, now)
    context = dict(talk.context) if talk is not None else {}
    if len(body.strip()) <= SHORT_ANSWER and (asked := asking(db, runtime, sender, now)):
        later = talk is None or str(context.get("asked_at", "")) < asked[0].resolved_at.isoformat()
        waits = asked[0].state == State.RESOLVED and talk is not None and talk.awaiting not in ("confirm_file", "which")
        if later or (waits and body.strip() in _YES_NO_DIGITS):  # no digit is a name
            mine = asked[0] if asked[0].phone == sender else next(iter(own(db, sender)))
            return "feedback", {"language": mine.language}
    if talk is not None:
        return str(talk.awaiting), context
    follows = feedback.follow_up(db, sender, runtime.config.feedback, now) if len(body.strip()) <= SHORT_ANSWER else None
    return (follows[1], {"language": follows[0].language, "complaint": follows[0].id}) if follows else (None, {})


_ASKED_OTHERWISE = ("feedback", "conduct", "rating", "rate", "which")  # what is said then corrects nothing
YES_OR_NO = ("confirm_file", "feedback", "conduct")
_YES_NO_DIGITS = ("1", "2", "১", "২", "१", "२")


def _language(db: Connection, sender: str, parsed: Parsed, phone: Row[Any] | None, context: dict[str, Any]) -> str:
    """The language of the message. A few Latin letters, a keyword, a name or a number are nobody's: then the one of the conversation, or
    of this phone, or of its newest complaint."""
    if context.get("language") and parsed.lang == "en" and len(answers.words_of(parsed.original)) <= SHORT_WORDS:
        return str(context["language"])
    known = phone.language if phone else None
    if known and not any(letter.isalpha() for letter in parsed.text):  # a keyword alone, or beside numbers; a number; nothing
        return str(known)
    if parsed.lang == "en" and parsed.keyword and (beside := texts.reply_language(parsed.text)) != "en":  # "status batao"
        return beside
    if parsed.lang == "en" and parsed.keyword and not examples.everyday_words().intersection(examples.words(parsed.text)):
        newest = next(iter(own(db, sender)), None)
        return str(known or (newest.language if newest is not None else parsed.reply_language))
    return parsed.reply_language


def correct(message: Message) -> Reply:
    """"Not road, water": what was told is put right. Where nothing can be, the message is read as if it corrected nothing."""
    if (reply := correcting.correct(message)) is not None:
        return reply
    parsed = parse(message.parsed.original, correcting=False)
    if parsed.intent in _TELL_NOTHING and (asked := correcting.ask_what(message)) is not None:
        return asked
    if parsed.intent == "correct":  # the keyword alone, and nothing is there to be corrected
        return Reply(message.say("sms.nothing_open"))
    return INTENTS[parsed.intent](replace(message, parsed=parsed))


_TELL_NOTHING = ("unknown", "add", "reopen", "deny", "correct", "language")


def got_which(message: Message) -> Reply | None:
    """The complaint that was meant, by its place in the list, its number or its subject; what was to be done is done."""
    action = str(message.context.get("action"))
    rows = [row for row in which.chosen(message) if row.state in _MEANT[action]]
    if not rows or _asks_something_else(message.parsed, action):
        return None
    forget(message)
    done = [_DO[action](message, row) for row in (rows if action == "add" else rows[:1])]
    if pictures_of := message.context.get("key"):
        media.belongs_to(message.db, str(pictures_of), rows[0].id, message.now)
    return replace(done[0], text="\n".join(reply.text for reply in done))


def _asks_something_else(parsed: Parsed, action: str) -> bool:
    """A keyword by itself, or with a number and of another purpose; also "how do they stand?" beside the numbers."""
    if parsed.keyword and parsed.kind != "call":  # কল is a tap too
        return not parsed.acks or parsed.intent != action
    return bool(parsed.acks) and parsed.intent == "status" and bool(parsed.text) and parse(parsed.text).intent == "status"


def _reopen_or_add(message: Message, row: Row[Any]) -> Reply:
    """"Nobody came yet" is added to a complaint that is still worked on."""
    if row.state in OPEN - {State.RESOLVED}:
        return registered.add_to_this(message, row, str(message.context.get("text", "")))
    return satisfaction.conclude(message, row, "reopen")


_MEANT: dict[str, set[State]] = {
    "confirm": {State.RESOLVED, *OVER},
    "reopen": {State.RESOLVED, *OVER, *OPEN},
    "say_again": {State.RESOLVED},
    "add": OPEN,
    "cancel": OPEN,
    "picture": OPEN,
    "rate": {State.RESOLVED, State.CLOSED},
}
_DO: dict[str, Callable[[Message, Row[Any]], Reply]] = {
    "confirm": lambda message, row: satisfaction.conclude(message, row, "confirm"),
    "reopen": _reopen_or_add,
    "say_again": lambda message, row: satisfaction.ask_once_more(message, row, str(message.context.get("text", ""))),
    "rate": lambda message, row: satisfaction.rate_this(message, row, int(message.context["rating"])),
    "cancel": lambda message, row: do(message, row, "withdraw", {"reason": message.context.get("text", "")}, "sms.added"),
    "picture": pictures.to_the_one_meant,
    "add": lambda message, row: registered.add_to_this(message, row, str(message.context.get("text", ""))),
}


# What replies to a message of its own, by its intent, and to the answer to what was asked last, by the question.
INTENTS: dict[str, Handler] = {
    "file": filing.file,
    "file.another": filing.ask_for_another,
    "status": enquiry.show_status,
    "add": registered.add,
    "reopen": registered.reopen,
    "rate": satisfaction.rate,
    "cancel": registered.cancel,
    "correct": correct,
    "private": registered.private,
    "language": subscriber.set_language,
    "check": subscriber.check,
    "stop": subscriber.stop,
    "stop.call": subscriber.stop_and_ring_back,
    "start": subscriber.start,
    "help": subscriber.show_help,
    "greeting": subscriber.show_help,
    "greeting.thanks": subscriber.thanked,
    "confirm": satisfaction.solved,
    "deny": satisfaction.not_solved,
    "unknown": subscriber.not_understood,
    "unknown.call": subscriber.ring_back,
}
CONTINUE: dict[str, Continuing] = {
    **filing.CONTINUE,
    **correcting.CONTINUE,
    "which": got_which,
    "rate": satisfaction.got_rating,
    "rating": satisfaction.got_rating,
    "conduct": satisfaction.got_conduct,
}
