"""The conversation by text: what each intent does, and what is answered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from helpline import acknowledgement, complaints, feedback, lifecycle, notices, numbers, outbox, proof, status
from helpline import text as texts
from helpline.lifecycle import State
from helpline.runtime import Runtime
from models import Complaint, Event, Phone
from models.direct import Reader
from sms import answers, correcting, filing, joining, pictures, staff, which
from sms.conversation import (
    CITIZEN,
    Continuing,
    Handler,
    Message,
    Reply,
    add_to,
    answer_with,
    ask,
    asked_last,
    do,
    forget,
    own,
    with_parts,
)
from sms.keywords import KEYWORDS, Parsed, parse
from sms.parts import Arrival

_phone = select(Phone.__table__).where(Phone.number == bindparam("number"))
MOST_NUMBERS = 4  # of one message that are answered
SHORT_ANSWER = 14  # characters; a longer message is never an answer to "is it solved?"
SHORT_WORDS = 5  # a name, a place, a yes: nobody's language, so the conversation's is kept
RATING_MINUTES = 60  # for so long after "it is solved" a digit alone is a rating


def answer(db: Connection, runtime: Runtime, key: str, sender: str, body: str, now: datetime, arrival: Arrival | None = None) -> Reply:
    """What `sender` gets for `body`. Writes what follows from it into the transaction at hand."""
    if is_plain_status(parsed := parse(body)):  # the commonest message: neither the conversation nor the telephone matters
        return answer_with(show_status, Message(db, runtime, key, sender, parsed, "", now))
    if (ordered := staff.answer(db, runtime, sender, body, now)) is not None:
        return Reply(*ordered)
    awaiting, context = _question(db, runtime, sender, body, now)
    if _is_lone_number(parsed) and awaiting != "which":
        return answer_with(show_status, Message(db, runtime, key, sender, parsed, "", now))
    parsed = parse(body, awaiting=awaiting) if awaiting in YES_OR_NO and (parsed.intent != "correct" or awaiting == "feedback") else parsed
    phone = db.execute(_phone, {"number": sender}).first()
    message = Message(db, runtime, key, sender, parsed, _language(parsed, phone, context), now, awaiting, context)
    if not joining.may_be_part(message):
        return _answered(message, phone)
    return joining.answer(message, body, arrival or Arrival(now), lambda whole: _answered(whole, phone))


def _answered(message: Message, phone: Row[Any] | None) -> Reply:
    """The reply to a whole message."""
    parsed, awaiting = message.parsed, message.awaiting
    corrects = parsed.intent == "correct" and awaiting != "feedback"
    if awaiting not in _ASKED_OTHERWISE and not (parsed.keyword or parsed.acks) and correcting.puts_right(message):
        corrects, message = True, replace(message, parsed=replace(parsed, intent="correct", text=message.text))
        parsed = message.parsed
    if parsed.intent == "file" and (rest := _more_of_the_same(message)) is not None:
        message = replace(message, parsed=replace(parsed, intent="add", keyword="add", text=rest))
        parsed = message.parsed
    goes_on = _answer_our_question if _asks_staff(message) else None if corrects else CONTINUE.get(awaiting or "")
    if goes_on is not None and (reply := goes_on(message)) is not None:
        return with_parts(reply, message)
    if awaiting != "feedback" and not corrects:
        message = replace(message, language=_language(parsed, phone, {}))
    return answer_with(INTENTS[parsed.intent], message)


def _more_of_the_same(message: Message) -> str | None:
    """What follows ADD, where it tells of the subject of an open complaint of this phone; else it is a complaint of its own."""
    first, _, rest = message.text.partition(" ")
    if message.parsed.keyword or texts.normalise(first).strip(" :,.-") not in _ADD_WORDS:
        return None
    rows = own(message.db, message.sender, _OPEN, limit=which.MOST + 1)
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
    parsed, phone = parse(body), db.execute(_phone, {"number": sender}).first()
    language = _language(parsed, phone, context) if body.strip() else _spoken(runtime, phone, context)
    message = Message(db, runtime, key, sender, parsed, language, now, awaiting, context)
    return with_parts(pictures.answer(message, items, lambda: answer(db, runtime, key, sender, body, now, arrival)), message)


def _spoken(runtime: Runtime, phone: Row[Any] | None, context: dict[str, Any]) -> str:
    """The language of a phone that wrote no word."""
    return str(context.get("language") or (phone.language if phone else None) or runtime.config.helpline.default_language)


def answer_picture(db: Connection, runtime: Runtime, key: str, sender: str, now: datetime) -> Reply:
    """A picture without a word: what to do instead, in the language of this phone."""
    language = _spoken(runtime, db.execute(_phone, {"number": sender}).first(), {})
    return answer_with(lambda m: Reply(m.say("sms.no_pictures")), Message(db, runtime, key, sender, parse(""), language, now))


def _question(db: Connection, runtime: Runtime, sender: str, body: str, now: datetime) -> tuple[str | None, dict[str, Any]]:
    """What was asked last, and what it was about: by text, or by the message that a complaint is resolved."""
    talk = asked_last(db, sender, now)
    context = dict(talk.context) if talk is not None else {}
    if len(body.strip()) <= SHORT_ANSWER and (resolved := own(db, sender, {State.RESOLVED})):
        later = talk is None or str(context.get("asked_at", "")) < resolved[0].resolved_at.isoformat()
        if later or (talk is not None and talk.awaiting not in ("confirm_file", "which") and body.strip() in _YES_NO_DIGITS):  # no digit is a name
            return "feedback", {"language": resolved[0].language}
    if talk is not None:
        return str(talk.awaiting), context
    follows = feedback.follow_up(db, sender, runtime.config.feedback, now) if len(body.strip()) <= SHORT_ANSWER else None
    return (follows[1], {"language": follows[0].language, "complaint": follows[0].id}) if follows else (None, {})


def _asks_staff(message: Message) -> bool:
    """Whether the question asked last is one of an office, about a complaint of this number."""
    asked = _open_question(message) if message.awaiting != "feedback" else None
    return asked is not None and (message.awaiting is None or str(message.context.get("asked_at", "")) < asked.at.isoformat())


def _open_question(message: Message) -> Row[Any] | None:
    """The newest question of an office that this number has not answered."""
    waiting = (Complaint.phone == message.sender, Complaint.state == str(State.ACTION_REQUIRED))
    query = select(Event.complaint_id, Event.at).join(Complaint, (Complaint.id == Event.complaint_id) & (Complaint.asked_seq == Event.seq))
    return message.db.execute(query.where(*waiting).order_by(Event.at.desc()).limit(1)).first()


def _answer_our_question(message: Message) -> Reply | None:
    """What is said without a keyword is the answer; small talk is none, and another complaint is one of its own."""
    waiting, parsed = own(message.db, message.sender, {State.ACTION_REQUIRED}, limit=which.MOST + 1), message.parsed
    asked = _open_question(message)
    row = complaints.get(message.db, asked.complaint_id) if asked is not None else None
    if row is None or answers.begins_anew(parsed) or (parsed.keyword and parsed.intent != "reopen") or parsed.intent in NEVER_AN_ANSWER:
        return None
    if answers.is_small_talk(parsed):
        return None
    meant = which.by_subject(message, message.text, waiting) if len(waiting) > 1 else row
    if meant is None and not all(filing.tells_of_another(message, one) for one in waiting):
        return which.ask_which(message, waiting, "add", text=message.text)
    return None if meant is None or filing.tells_of_another(message, meant) else add_to(message, meant, message.text)


NEVER_AN_ANSWER = ("stop", "start", "language", "help", "greeting", "status", "check", "private")
_ASKED_OTHERWISE = ("feedback", "conduct", "rating", "rate", "which")  # what is said then corrects nothing
YES_OR_NO = ("confirm_file", "feedback", "conduct")
_YES_NO_DIGITS = ("1", "2", "১", "২", "१", "२")


def plain_status(db: Reader, runtime: Runtime, row: Row[Any], parsed: Parsed) -> Reply:
    """The answer to the commonest message, STATUS <number> from the registered telephone; `row` is that complaint."""
    row = status.carrying_on(db, row)
    language = parsed.reply_language if parsed.lang != "en" else str(row.language)
    return Reply(status.sentence(runtime, row, language), row.id)


def is_plain_status(parsed: Parsed) -> bool:
    """`STATUS <number>` and nothing else."""
    return parsed.intent == "status" and len(parsed.acks) == 1 and not parsed.text and parsed.keyword is not None


def _is_lone_number(parsed: Parsed) -> bool:
    """An acknowledgement number alone: its status is asked for, unless a number is what we asked for."""
    return parsed.intent == "status" and len(parsed.acks) == 1 and not parsed.text and parsed.lang == "en"


def _language(parsed: Parsed, phone: Row[Any] | None, context: dict[str, Any]) -> str:
    """The language of the message. A few Latin letters or a number are nobody's: then the one of the conversation."""
    if context.get("language") and parsed.lang == "en" and len(answers.words_of(parsed.original)) <= SHORT_WORDS:
        return str(context["language"])
    known = phone.language if phone else None
    if known and parsed.keyword and not parsed.text:
        return str(known)
    return parsed.reply_language


# ── about a complaint ───────────────────────────────────────────────────────────────────────────────────────────────


def show_status(message: Message) -> Reply:
    """STATUS <numbers>: where do my complaints stand? Without a number: the open ones of this phone, or else the newest."""
    if not message.parsed.acks:
        rows = [] if _looks_wrong(message) else which.own_or_named(message, own(message.db, message.sender, _OPEN, limit=which.MOST) or own(message.db, message.sender))
        if not rows:
            return Reply(_ask_for_number(message, "STATUS"))
        message = _as_filed(message, rows[0])
        return Reply("\n".join(_status_text(message, row) for row in rows), rows[0].id, essential=True)
    texts, first = [], None
    for ack in message.parsed.acks[:MOST_NUMBERS]:
        found = _asked(message, ack)
        if not message.language:  # a keyword in Latin letters is nobody's language: the complaint's own, or the message's
            message = replace(message, language=_own_language(message, found.row))
        first = first or (found.row.id if found.row else None)
        texts.append(_status_text(message, found.row) if found.row else message.say(f"sms.{found.kind}"))
    if len(message.parsed.acks) > MOST_NUMBERS:
        texts.append(message.say("sms.more_numbers"))
    return Reply("\n".join(dict.fromkeys(texts)), first, essential=first is not None)


def _as_filed(message: Message, row: Row[Any]) -> Message:
    """STATUS alone is nobody's language: that of the complaint, unless this phone chose one."""
    phone = message.db.execute(_phone, {"number": message.sender}).first()
    if message.parsed.lang != "en" or message.parsed.text or (phone and phone.language):
        return message
    return replace(message, language=str(row.language))


def _own_language(message: Message, row: Row[Any] | None) -> str:
    if message.parsed.lang != "en":
        return message.parsed.reply_language
    if row is not None:
        return str(row.language)
    phone = message.db.execute(_phone, {"number": message.sender}).first()
    return str(phone.language) if phone and phone.language else "en"


def _status_text(message: Message, row: Any) -> str:
    return message.tell(status.message(message.runtime, row, message.language))


def _asked(message: Message, ack: str) -> status.Answer:
    registered = numbers.e164(_mobile_in(message.parsed.text))
    return status.look_up(message.db, message.runtime, ack, message.sender, message.now, registered=registered)


def _mobile_in(text: str) -> str | None:
    digits = [part for part in text.replace("-", "").split() if 10 <= len(part.lstrip("+")) <= 13]
    return digits[-1] if digits else None


def _looks_wrong(message: Message) -> bool:
    return any(ch.isdigit() for ch in message.parsed.text)


def _ask_for_number(message: Message, keyword: str) -> str:
    if _looks_wrong(message):
        return message.say("sms.check_ack")
    return message.say("sms.ask_ack", keyword=keyword)


def _mine(message: Message, keyword: str, states: set[State]) -> Row[Any] | Reply:
    """The complaint that is meant, if this phone may change it; else the reply that says what to do."""
    if message.parsed.ack:
        found = _asked(message, message.parsed.ack)
        return found.row if found.row is not None else Reply(message.say(f"sms.{found.kind}"))
    row = next(iter(own(message.db, message.sender, states)), None)
    if row is None:
        return Reply(_ask_for_number(message, keyword) if _looks_wrong(message) else message.say("sms.nothing_open"))
    return row


_OPEN: set[State] = {s for s in State if s != State.DRAFT and lifecycle.is_open(s)}
_OVER: set[State] = {State.CLOSED, State.REJECTED}


def add(message: Message) -> Reply:
    """ADD <number> <text>; without a number, to the open complaint of this phone: which one, if it may be one of several."""
    text = message.parsed.text.strip()
    row = _one_of(message, own(message.db, message.sender, _OPEN, limit=which.MOST + 1), "add", text) or _mine(message, "ADD", _OPEN)
    if isinstance(row, Reply):
        return row
    if not text:
        ask(message, "addition", complaint=row.id)
        return Reply(message.say("sms.ask_addition", ack=acknowledgement.display(row.ack)), row.id)
    return add_to(message, row, text)


def _one_of(message: Message, rows: list[Row[Any]], action: str, text: str = "") -> Row[Any] | Reply | None:
    """Of several that a message without a number may mean: the one that it tells of, or else the question which."""
    numbered = sum(ch.isdigit() for ch in message.parsed.text) >= _NEARLY_AN_ACK.start - 1  # a number was meant that is none
    if message.parsed.acks or numbered or len(rows) < 2:
        return None
    return which.by_name(text, rows) or which.by_subject(message, text, rows) or which.ask_which(message, rows, action, text=text)


def reopen(message: Message) -> Reply:
    """REOPEN <number> [why]: within the configured days after the closing. A bare "no" reopens nothing."""
    if not message.parsed.ack and answers.is_skip(message.parsed):
        return not_understood(message)
    row = _one_of(message, _over(message), "reopen", message.parsed.text)
    row = row or _mine(message, "REOPEN", {State.RESOLVED} if own(message.db, message.sender, {State.RESOLVED}) else _OVER)
    return row if isinstance(row, Reply) else _reopen(message, row)


def _over(message: Message) -> list[Row[Any]]:
    """The complaints that REOPEN without a number may mean: the resolved ones, or else those that may be reopened still."""
    resolved = own(message.db, message.sender, {State.RESOLVED}, limit=which.MOST + 1)
    over = resolved or own(message.db, message.sender, _OVER, limit=5)
    return [row for row in over if status.may_reopen(message.runtime, row, message.now)]


def _reopen(message: Message, row: Row[Any], reason: str | None = None) -> Reply:
    if row.state in _OVER and not status.may_reopen(message.runtime, row, message.now):
        office = notices.short_office_name(message.runtime, row.department_code, message.language)
        return Reply(message.say("sms.not_yet", ack=acknowledgement.display(row.ack), office=office), row.id)
    return do(message, row, "reopen", {"reason": message.parsed.text if reason is None else reason}, "sms.added")


def rate(message: Message) -> Reply:
    """RATE <number> 1-5; without a number, the newest resolved complaint. A bare digit rates nothing."""
    if not message.parsed.acks and len(message.text) == 1:
        return not_understood(message)
    row = _mine(message, "RATE", {State.RESOLVED, State.CLOSED})
    if message.parsed.rating is not None and len(rows := own(message.db, message.sender, {State.RESOLVED}, limit=which.MOST + 1)) > 1 and not message.parsed.acks:
        return which.ask_which(message, rows, "rate", rating=message.parsed.rating)
    if isinstance(row, Reply):
        return row
    if message.parsed.rating is None:
        return Reply(message.say("sms.ask_rating", ack=acknowledgement.display(row.ack)), row.id)
    return _rate(message, row, message.parsed.rating)


def _rate(message: Message, row: Row[Any], stars: int) -> Reply:
    """Rated; the question on conduct follows, unless it was answered."""
    reply = do(message, row, "rate", {"rating": stars}, "sms.rated")
    follows = feedback.follow_up(message.db, message.sender, message.runtime.config.feedback, message.now)
    if follows is None or follows[0].id != row.id or follows[1] != "conduct":
        return reply
    return Reply(message.say("sms.ask_conduct", ack=acknowledgement.display(row.ack)), row.id)


def private(message: Message) -> Reply:
    """PRIVATE [number]: messages say nothing of the content; PRIVATE OFF: they do again. Without a number, of all open complaints."""
    off = bool(_OFF.intersection(answers.words_of(message.parsed.original)))
    meant = _mine(message, "PRIVATE", _OPEN)
    if isinstance(meant, Reply):
        return meant
    rows = [meant] if message.parsed.ack else own(message.db, message.sender, _OPEN, limit=_MANY)
    for row in rows:
        complaints.act(message.db, message.runtime, row.id, "discreet", CITIZEN, message.now, {"discreet": "no" if off else "yes"})
    return Reply(message.say("sms.discreet_off" if off else "sms.discreet_on"), rows[0].id)


_OFF = frozenset(answers.words_of("off no not nei noy na নয় না বন্ধ नहीं मत बंद"))
_MANY = 50


def cancel(message: Message) -> Reply:
    """CANCEL <number>: the citizen takes the complaint back."""
    row = _one_of(message, own(message.db, message.sender, _OPEN, limit=which.MOST + 1), "cancel", message.parsed.text) or _mine(message, "CANCEL", _OPEN)
    return row if isinstance(row, Reply) else do(message, row, "withdraw", {"reason": message.parsed.text}, "sms.added")


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


# ── is it solved? ───────────────────────────────────────────────────────────────────────────────────────────────────


def solved(message: Message) -> Reply:
    """A yes to "is it solved?"."""
    return _feedback(message, "confirm")


def not_solved(message: Message) -> Reply:
    return _feedback(message, "reopen")


def _feedback(message: Message, action: str) -> Reply:
    rows = own(message.db, message.sender, {State.RESOLVED}, limit=which.MOST + 1) if message.awaiting == "feedback" else []
    if not rows:
        return not_understood(message)
    return which.ask_which(message, rows, action) if len(rows) > 1 else _conclude(message, rows[0], action)


def _conclude(message: Message, row: Row[Any], action: str) -> Reply:
    if action == "reopen":
        reply = _reopen(message, row, str(message.context.get("text", message.parsed.text)))
        _ask_conduct(message, row)
        return reply
    reply = do(message, row, "confirm", {}, "sms.added")
    ask(message, "rate", minutes=RATING_MINUTES, complaint=row.id)
    return reply


def got_which(message: Message) -> Reply | None:
    """The complaint that was meant, by its place in the list, its number or its subject; what was to be done is done."""
    action = str(message.context.get("action"))
    rows = [row for row in which.chosen(message) if row.state in _MEANT[action]]
    if not rows or (message.parsed.keyword and not message.parsed.acks):
        return None
    forget(message)
    done = [_DO[action](message, row) for row in (rows if action == "add" else rows[:1])]
    return replace(done[0], text="\n".join(reply.text for reply in done))


_MEANT: dict[str, set[State]] = {
    "confirm": {State.RESOLVED, *_OVER},
    "reopen": {State.RESOLVED, *_OVER},
    "add": _OPEN,
    "cancel": _OPEN,
    "picture": _OPEN,
    "rate": {State.RESOLVED, State.CLOSED},
}
_DO: dict[str, Callable[[Message, Row[Any]], Reply]] = {
    "confirm": lambda message, row: _conclude(message, row, "confirm"),
    "reopen": lambda message, row: _conclude(message, row, "reopen"),
    "rate": lambda message, row: _rate(message, row, int(message.context["rating"])),
    "cancel": lambda message, row: do(message, row, "withdraw", {"reason": message.context.get("text", "")}, "sms.added"),
    "picture": pictures.to_the_one_meant,
    "add": lambda message, row: _add_kept(message, row, str(message.context.get("text", ""))),
}


def _add_kept(message: Message, row: Row[Any], text: str) -> Reply:
    if text:
        return add_to(message, row, text)
    ask(message, "addition", complaint=row.id)
    return Reply(message.say("sms.ask_addition", ack=acknowledgement.display(row.ack)), row.id)


def got_rating(message: Message) -> Reply | None:
    """A digit alone, after "it is solved". A 1 or 2 may be that answer once more: then the rating is asked for with its keyword."""
    row = complaints.get(message.db, message.context.get("complaint") or 0)
    stars = message.parsed.rating
    if row is None or message.parsed.intent != "rate" or message.parsed.acks or stars is None or len(message.text) != 1:
        return None
    if stars <= 2:
        return Reply(message.say("sms.ask_rating", ack=acknowledgement.display(row.ack)), row.id)
    forget(message)
    return _rate(message, row, stars)


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


# ── the line itself ─────────────────────────────────────────────────────────────────────────────────────────────────


def _remember(message: Message, **values: Any) -> None:
    done = message.db.execute(
        update(Phone).where(Phone.number == message.sender).values(**values, updated_at=message.now)
    )
    if not done.rowcount:
        message.db.execute(insert(Phone), [{"number": message.sender, "updated_at": message.now, **values}])


def set_language(message: Message) -> Reply:
    """LANG BN | EN | HI."""
    chosen = message.parsed.language
    if chosen not in message.runtime.config.helpline.languages:
        return Reply(message.say("sms.ask_language"))
    _remember(message, language=chosen)
    return Reply(replace(message, language=chosen).say("sms.language_set"))


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


def stop(message: Message) -> Reply:
    forget(message)
    _remember(message, sms_stopped_at=message.now)
    return Reply(message.say("sms.stopped"))


def start(message: Message) -> Reply:
    _remember(message, sms_stopped_at=None)
    return Reply(message.say("sms.started"))


def show_help(message: Message) -> Reply:
    return Reply(message.say("sms.help"))


def not_understood(message: Message) -> Reply:
    """A lone number nearly as long as a complaint's was meant as one."""
    digits = "".join(answers.words_of(message.text))
    lone = digits.isascii() and digits.isdigit() and len(digits) in _NEARLY_AN_ACK
    return Reply(message.say("sms.check_ack" if lone else "sms.not_understood"))


_NEARLY_AN_ACK = range(10, 13)


INTENTS: dict[str, Handler] = {
    "file": filing.file,
    "status": show_status,
    "add": add,
    "reopen": reopen,
    "rate": rate,
    "cancel": cancel,
    "correct": correct,
    "private": private,
    "language": set_language,
    "check": check,
    "stop": stop,
    "start": start,
    "help": show_help,
    "greeting": show_help,
    "confirm": solved,
    "deny": not_solved,
    "unknown": not_understood,
}

CONTINUE: dict[str, Continuing] = {**filing.CONTINUE, **correcting.CONTINUE, "which": got_which, "rate": got_rating, "rating": got_rating, "conduct": got_conduct}
