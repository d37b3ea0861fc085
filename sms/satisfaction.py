"""Is it solved? The yes or no, the rating in stars, and whether anybody asked for money or behaved badly."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from helpline import acknowledgement, complaints, feedback, outbox, status
from helpline import text as texts
from helpline.lifecycle import State
from helpline.places import find_place
from sms import which
from sms.conversation import Message, Reply, ask, do, forget, own
from sms.keywords import leading_answer
from sms.registered import reopen_this
from sms.subscriber import not_understood

RATING_MINUTES = 60  # for so long after "it is solved" a digit alone is a rating


def solved(message: Message) -> Reply:
    """A yes to "is it solved?"."""
    return _feedback(message, "confirm")


def not_solved(message: Message) -> Reply:
    return _feedback(message, "reopen")


def _feedback(message: Message, action: str) -> Reply:
    rows = own(message.db, message.sender, {State.RESOLVED}, limit=which.MOST + 1) if message.awaiting == "feedback" else []
    if not rows:
        return not_understood(message)
    return which.ask_which(message, rows, action) if len(rows) > 1 else conclude(message, rows[0], action)


def answered_with_words(message: Message) -> Reply | None:
    """"2 still no water comes" denies the resolved complaint of that subject, unless the words name another district. "Yes, but …" may be
    anything: it is asked once more.
    """
    said = leading_answer(message.text)
    if said is None or message.parsed.keyword or message.parsed.acks:
        return None
    row = which.by_subject(message, message.text, own(message.db, message.sender, {State.RESOLVED}, limit=which.MOST + 1))
    if row is None or find_place(message.text, message.runtime.reference).district_code not in (None, row.district_code):
        return None
    if said == "deny":
        return conclude(message, row, "reopen")
    return Reply(message.tell(status.message(message.db, message.runtime, row, message.language)), row.id)


def conclude(message: Message, row: Row[Any], action: str) -> Reply:
    """`confirm` or `reopen`, as the citizen said; the rating or the question on conduct follows."""
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
    if row.state != State.RESOLVED:
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
