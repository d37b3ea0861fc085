"""Is it solved? The yes or no, the rating in stars, and whether anybody asked for money or behaved badly."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import Row

from helpline import acknowledgement, complaints, feedback, learning, outbox, status
from helpline import text as texts
from helpline.lifecycle import State
from helpline.places import find_place
from sms import answers, filing, which
from sms.conversation import Message, Reply, add_to, ask, asking, do, forget, own
from sms.keywords import Leading, leading_answer, parse
from sms.registered import reopen_this
from sms.subscriber import not_understood

RATING_MINUTES = 60  # for so long after "it is solved" a digit alone is a rating


def solved(message: Message) -> Reply:
    """A yes to "is it solved?"."""
    return _feedback(message, "confirm")


def not_solved(message: Message) -> Reply:
    return _feedback(message, "reopen")


def _feedback(message: Message, action: str) -> Reply:
    rows = asking(message.db, message.runtime, message.sender, message.now, limit=which.MOST + 1) if message.awaiting == "feedback" else []
    if not rows:
        return not_understood(message)
    return which.ask_which(message, rows, action) if len(rows) > 1 else conclude(message, rows[0], action)


def answered_with_words(message: Message) -> Reply | None:
    """A yes or no with more behind it, about the resolved complaint of that subject and, where the words name one, that district. A no reopens
    it. A yes with more of the same may be anything: it is kept with it, and asked once more. With another complaint, it closes the one and
    asks about the other.
    """
    answer = leading_answer(message.text)
    if answer is None or message.parsed.keyword or message.parsed.acks:
        return None
    asked = asking(message.db, message.runtime, message.sender, message.now, limit=which.MOST + 1)
    asked = asked if answer.said == "deny" else [row for row in asked if row.state == State.RESOLVED]
    named = find_place(message.text, message.runtime.reference).district_code if asked else None
    about = [row for row in which.of_subject(message, message.text, asked) if named in (None, row.district_code)]
    return _denied(message, about) if answer.said == "deny" else _confirmed(message, answer, about, asked)


def _denied(message: Message, about: list[Row[Any]]) -> Reply | None:
    if not about:
        return None
    row = about[0] if len(about) == 1 else which.by_name(message.text, about)
    return conclude(message, row, "reopen") if row is not None else which.ask_which(message, about, "reopen", text=message.text)


def _confirmed(message: Message, answer: Leading, about: list[Row[Any]], asked: list[Row[Any]]) -> Reply | None:
    beside = message.awaiting is not None  # "1, Netaji Road" may answer another question
    if asked and not beside and parse(answer.rest).purpose == "greeting.thanks" and not _tells(message, answer.rest):
        return which.ask_which(message, asked, "confirm") if len(asked) > 1 else conclude(message, asked[0], "confirm")
    if answer.figure and not answer.plain:
        return None
    meant = about or (asked if answer.figure and len(asked) == 1 and not beside else [])
    if len(meant) != 1:
        return which.ask_which(message, meant, "say_again", text=message.text) if meant else None
    if _OTHER.intersection(answers.words_of(answer.rest)) if about else _tells(message, answer.rest):
        return _confirm_and_file(message, meant[0], answer.rest)
    return ask_once_more(message, meant[0], message.text)


_OTHER = frozenset(answers.words_of("other another onno anno arek arekta arekti অন্য আরেক আরেকটা আরেকটি আরেকটার dusra dusri doosra doosri दूसरा दूसरी दूसरे"))


def _tells(message: Message, text: str) -> bool:
    return answers.tells(text, learning.classifier(message.runtime))


def _confirm_and_file(message: Message, row: Row[Any], rest: str) -> Reply:
    """One question at a time: whether to register `rest`. That the other complaint is closed is said as its status, which asks for no rating."""
    closed = do(message, row, "confirm", {}, "sms.added")
    if closed.outgoing_id is not None:
        outbox.replace(message.db, closed.outgoing_id, "told_so")
    now = complaints.get(message.db, row.id)
    told = message.tell(status.message(message.db, message.runtime, now or row, message.language))
    reply = filing.file(replace(message, parsed=replace(message.parsed, intent="file", original=rest, text=rest)))
    return replace(reply, text=f"{told}\n{reply.text}")


def ask_once_more(message: Message, row: Row[Any], text: str) -> Reply:
    """What was said of a resolution is kept with it, and the question stands."""
    added = add_to(message, row, text)
    now = complaints.get(message.db, row.id)
    return Reply(f"{added.text}\n{message.tell(status.message(message.db, message.runtime, now or row, message.language))}", row.id)


def conclude(message: Message, row: Row[Any], action: str) -> Reply:
    """`confirm` or `reopen`, as the citizen said; the rating or the question on conduct follows, from whose complaint it is. Somebody else's of the same
    problem, whose yes may come second, is thanked."""
    if row.phone != message.sender and action == "confirm":
        return do(message, row, "confirm", {}, "sms.thanks") if row.state == State.RESOLVED else Reply(message.say("sms.thanks"), row.id)
    if action == "reopen":
        reply = reopen_this(message, row, str(message.context.get("text", message.parsed.text)))
        _ask_conduct(message, row)
        return reply
    reply = do(message, row, "confirm", {}, "sms.added")
    ask(message, "rate", minutes=RATING_MINUTES, complaint=row.id)
    return reply


def rate(message: Message) -> Reply:
    """RATE <number> 1-5; without a number, the newest resolved complaint. A bare digit rates nothing."""
    if not message.parsed.acks and len(message.text) == 1:
        return not_understood(message)
    row = which.mine(message, "RATE", {State.RESOLVED, State.CLOSED})
    if message.parsed.rating is not None and len(rows := own(message.db, message.sender, {State.RESOLVED}, limit=which.MOST + 1)) > 1 and not message.parsed.acks:
        return which.ask_which(message, rows, "rate", rating=message.parsed.rating)
    if isinstance(row, Reply):
        return row
    if message.parsed.rating is None:
        return Reply(message.say("sms.ask_rating", ack=acknowledgement.display(row.ack)), row.id)
    return rate_this(message, row, message.parsed.rating)


def rate_this(message: Message, row: Row[Any], stars: int) -> Reply:
    """Rated; the question on conduct follows, unless it was answered."""
    reply = do(message, row, "rate", {"rating": stars}, "sms.rated")
    follows = feedback.follow_up(message.db, message.sender, message.runtime.config.feedback, message.now)
    if follows is None or follows[0].id != row.id or follows[1] != "conduct":
        return reply
    return Reply(message.say("sms.ask_conduct", ack=acknowledgement.display(row.ack)), row.id)


def got_rating(message: Message) -> Reply | None:
    """A digit alone, after "it is solved". A 1 or 2 may be that answer once more: then the rating is asked for with its keyword."""
    row = complaints.get(message.db, message.context.get("complaint") or 0)
    stars = message.parsed.rating
    if row is None or message.parsed.intent != "rate" or message.parsed.acks or stars is None or len(message.text) != 1:
        return None
    if stars <= 2:
        return Reply(message.say("sms.ask_rating", ack=acknowledgement.display(row.ack)), row.id)
    forget(message)
    return rate_this(message, row, stars)


def _ask_conduct(message: Message, row: Row[Any]) -> None:
    """After a no: the question on conduct, as a message of its own."""
    if row.state != State.RESOLVED or row.phone != message.sender:
        return
    name, ack = message.runtime.config.helpline.short_name, acknowledgement.display(row.ack)
    sms = message.runtime.catalogue.sms("sms.ask_conduct", row.language, helpline=name, ack=ack)
    outbox.owe(message.db, outbox.Owed(f"conduct:{row.id}:{row.reopen_count}", message.sender, sms, row.id, asked=True), message.now)


def got_conduct(message: Message) -> Reply | None:
    """1 or no: nobody asked for money or behaved badly; 2 or yes: somebody did. None when it is something else."""
    figure = texts.normalise(message.text).strip(" .।!#")
    said = {"1": False, "2": True}.get(figure, {"confirm": True, "deny": False}.get(message.parsed.intent))
    if said is None:
        return None
    complaint_id = int(message.context["complaint"])
    feedback.keep_conduct(message.db, complaint_id, said, message.now)
    return Reply(message.say("sms.thanks_conduct" if said else "sms.thanks"))  # on no timeline: the officer would read it
