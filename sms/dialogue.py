"""The conversation by text: what each intent does, and what is answered.

A handler takes the message and gives the answer's text. Everything it writes is in the transaction of the caller, so a
message is answered and acted on together or not at all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from helpline import acknowledgement, callbacks, complaints, lifecycle, notices, numbers, proof, status
from helpline.classify import Classifier
from helpline.complaints import Actor, CannotAct, Filing
from helpline.lifecycle import Role, State
from helpline.places import Place, find_place
from helpline.runtime import Runtime
from models import Complaint, Conversation, Event, Phone
from models.direct import Reader
from prompts.catalogue import Sms
from sms.keywords import Parsed, parse

CITIZEN = Actor(Role.CITIZEN, "sms")
_phone = select(Phone.__table__).where(Phone.number == bindparam("number"))
_talk = select(Conversation.__table__).where(Conversation.number == bindparam("number"))
SHORT_ANSWER = 14  # characters; a longer message is never an answer to "is it solved?"
NEVER_AN_ANSWER = ("stop", "start", "language", "help", "greeting", "status")
BARE_TOPIC_WORDS = 2  # "WATER", "রাস্তা": a subject, not yet a complaint


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
    awaiting: str | None = None
    context: dict[str, Any] | None = None
    said: list[Sms] = field(default_factory=list)  # what `say` gave, in order: the parts of the reply

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


Handler = Callable[[Message], Reply]


def answer(db: Connection, runtime: Runtime, key: str, sender: str, body: str, now: datetime) -> Reply:
    """What `sender` gets for `body`. Writes what follows from it into the transaction at hand."""
    if is_plain_status(parsed := parse(body)):  # the commonest message: neither the conversation nor the telephone matters
        return _answer_with(show_status, Message(db, runtime, key, sender, parsed, "", now))
    conversation = _conversation(db, sender, now)
    awaiting = conversation.awaiting if conversation else _awaits_feedback(db, sender, body)
    parsed = parse(body, awaiting=awaiting) if awaiting else parsed
    phone = db.execute(_phone, {"number": sender}).first()
    message = Message(db, runtime, key, sender, parsed, _language(parsed, phone), now, awaiting,
                      dict(conversation.context) if conversation else {})  # fmt: skip
    if (asked := _open_question(message)) is not None and (conversation is None or asked.at > _begun(runtime, conversation)):
        return _answer_with(_answering(asked.complaint_id), message)
    goes_on = conversation and awaiting in CONTINUE and _is_an_answer(parsed, awaiting)
    return _answer_with(CONTINUE[awaiting or ""] if goes_on else INTENTS[parsed.intent], message)


def _open_question(message: Message) -> Row[Any] | None:
    """The newest question of ours that this number has not answered, when the message can be its answer: plain words."""
    parsed = message.parsed
    if parsed.keyword or parsed.acks or parsed.intent in NEVER_AN_ANSWER:
        return None
    waiting = (Complaint.phone == message.sender, Complaint.state == str(State.ACTION_REQUIRED))
    query = select(Event.complaint_id, Event.at).join(Complaint, (Complaint.id == Event.complaint_id) & (Complaint.asked_seq == Event.seq))
    return message.db.execute(query.where(*waiting).order_by(Event.at.desc()).limit(1)).first()


def _begun(runtime: Runtime, conversation: Row[Any]) -> datetime:
    started: datetime = conversation.expires_at - timedelta(minutes=runtime.config.sms.conversation_minutes)
    return started


def _answering(complaint_id: int) -> Handler:
    """What is said without a keyword while a question of ours is open is its answer."""

    def handler(message: Message) -> Reply:
        row = complaints.get(message.db, complaint_id)
        return _add_to(message, row, message.parsed.original.strip()) if row is not None else not_understood(message)

    return handler


def _answer_with(handler: Handler, message: Message) -> Reply:
    reply = handler(message)
    return replace(reply, parts=tuple(dict.fromkeys(sms for sms in message.said if sms.text in reply.text)))


def plain_status(db: Reader, runtime: Runtime, row: Row[Any], parsed: Parsed) -> Reply:
    """The answer to the commonest message, STATUS <number> from the registered telephone; `row` is that complaint."""
    row = status.carrying_on(db, row)
    language = parsed.reply_language if parsed.lang != "en" else str(row.language)
    return Reply(status.sentence(runtime, row, language), row.id)


def is_plain_status(parsed: Parsed) -> bool:
    """`STATUS <number>` and nothing else."""
    return parsed.intent == "status" and len(parsed.acks) == 1 and not parsed.text and (parsed.keyword is not None or parsed.lang == "en")


def _language(parsed: Parsed, phone: Row[Any] | None) -> str:
    """The language of the message; a bare keyword with a number is nobody's language, so then the one this phone uses."""
    known = phone.language if phone else None
    if known and parsed.keyword and not parsed.text:
        return str(known)
    return parsed.reply_language


def _is_an_answer(parsed: Parsed, awaiting: str | None) -> bool:
    """Whether a message continues what was asked. A keyword of another purpose, or a number, begins something new."""
    if parsed.intent in ("stop", "start", "status", "reopen", "rate", "cancel", "language", "check") or parsed.acks:
        return False
    if parsed.intent == "file" and parsed.keyword and parsed.text:
        return awaiting == "details"
    return parsed.intent != "help" or not parsed.keyword


def _conversation(db: Connection, sender: str, now: datetime) -> Row[Any] | None:
    row = db.execute(_talk, {"number": sender}).first()
    return row if row and row.expires_at > now else None


def _ask(message: Message, awaiting: str, **context: Any) -> None:
    """Remember what was asked last; a new question replaces the old one."""
    _forget(message)
    expires = message.now + timedelta(minutes=message.runtime.config.sms.conversation_minutes)
    row = {"number": message.sender, "awaiting": awaiting, "context": context, "expires_at": expires}
    message.db.execute(insert(Conversation), [row])


def _forget(message: Message) -> None:
    message.db.execute(delete(Conversation).where(Conversation.number == message.sender))


def _awaits_feedback(db: Connection, sender: str, body: str) -> str | None:
    if len(body.strip()) > SHORT_ANSWER:
        return None
    return "feedback" if _latest(db, sender, {State.RESOLVED}) else None


def _latest(db: Connection, sender: str, states: set[State] | None = None) -> Row[Any] | None:
    """The newest registered complaint of this number, in one of `states` where given."""
    query = select(Complaint.__table__).where(Complaint.phone == sender, Complaint.ack.is_not(None))
    if states:
        query = query.where(Complaint.state.in_([str(s) for s in states]))
    return db.execute(query.order_by(Complaint.created_at.desc(), Complaint.id.desc()).limit(1)).first()


# ── filing ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def file(message: Message) -> Reply:
    """FILE <text>, or a complaint in plain words. A subject alone is asked for its details."""
    text = message.parsed.text.strip()
    if not text or _is_bare_topic(text):
        return _ask_details(message, text)
    if message.parsed.keyword:
        return _register(message, text)
    return _confirm_first(message, text)


def _is_bare_topic(text: str) -> bool:
    return len(text.split()) <= BARE_TOPIC_WORDS and len(text) <= 30


def _ask_details(message: Message, text: str) -> Reply:
    draft = complaints.open_draft(message.db, message.runtime, _filing(message, text), CITIZEN, message.now) if text else None
    _ask(message, "details", draft=draft)
    return Reply(message.say("sms.ask_details"), draft)


def _confirm_first(message: Message, text: str) -> Reply:
    """Kept as a draft, so that it is not lost when no answer comes: an agent sees it."""
    filing = _filing(message, text)
    draft = complaints.open_draft(message.db, message.runtime, filing, CITIZEN, message.now)
    _ask(message, "confirm_file", draft=draft)
    category = message.runtime.reference.categories.get((filing.category_code or "OTHER").partition(".")[0])
    name = category.name(message.language) if category else ""
    return _with_emergency(message, filing, Reply(message.say("sms.confirm_filing", category=name), draft))


def _register(message: Message, text: str) -> Reply:
    filing = _filing(message, text)
    known_place = bool(filing.district_code)
    template = "sms.registered_ask_name" if known_place else "sms.registered_ask_place"
    filed = complaints.file(message.db, message.runtime, filing, CITIZEN, message.now, answered=True, template=template)
    callbacks.settle(message.db, message.sender, message.now, filed=True)
    _ask(message, "name" if known_place else "place", complaint=filed.id)
    return _with_emergency(message, filing, Reply(filed.message, filed.id, filed.outgoing_id))


def _filing(message: Message, text: str) -> Filing:
    found = classifier(message.runtime).classify(text)
    place = find_place(text, message.runtime.reference)
    return Filing(
        channel="sms",
        language=message.language,
        source_key=message.key,
        phone=message.sender,
        caller_number=message.sender,
        category_code=found.subcategory or found.category,
        district_code=place.district_code,
        pincode=place.pincode,
        place=place.local_body or "",
        description=text,
        data={"classified": found.subcategory or found.category},
    )


def _with_emergency(message: Message, filing: Filing, reply: Reply) -> Reply:
    category = message.runtime.reference.categories.get(filing.category_code or "")
    if category is None or category.priority != "urgent":
        return reply
    return replace(reply, text=f"{message.say('sms.urgent')} {reply.text}")


_classifiers: dict[int, Classifier] = {}


def classifier(runtime: Runtime) -> Classifier:
    """One a reference: building it takes longer than a message may."""
    key = id(runtime.reference)
    if key not in _classifiers:
        _classifiers[key] = Classifier(runtime.reference)
    return _classifiers[key]


def got_details(message: Message) -> Reply:
    """The problem in words, after a subject alone: both are kept in one complaint."""
    draft = (message.context or {}).get("draft")
    row = complaints.get(message.db, draft) if draft else None
    text = message.parsed.text.strip() or message.parsed.original.strip()
    if row is None or row.state != State.DRAFT:
        return _register(message, text)
    return _register_draft(message, row, f"{row.description}: {text}")


def got_confirmation(message: Message) -> Reply:
    """YES registers what was told; NO leaves it; anything else is more of the same complaint."""
    row = complaints.get(message.db, (message.context or {}).get("draft") or 0)
    if row is None or row.state != State.DRAFT:
        return INTENTS[message.parsed.intent](message)
    if message.parsed.intent == "deny":
        _forget(message)
        complaints.act(message.db, message.runtime, row.id, "discard", CITIZEN, message.now, {"reason": "declined"})
        return Reply(message.say("sms.not_filed"), row.id)
    if message.parsed.intent == "confirm":
        return _register_draft(message, row, row.description)
    return _register_draft(message, row, f"{row.description}\n{message.parsed.original.strip()}")


def _register_draft(message: Message, row: Row[Any], text: str) -> Reply:
    filing = _filing(message, text)
    complaints.update_draft(
        message.db, row.id, message.now, description=text, category_code=filing.category_code,
        district_code=filing.district_code, pincode=filing.pincode, place=filing.place,
    )  # fmt: skip
    known_place = bool(filing.district_code)
    template = "sms.registered_ask_name" if known_place else "sms.registered_ask_place"
    filed = complaints.register(message.db, message.runtime, row.id, CITIZEN, message.now, answered=True, template=template)
    callbacks.settle(message.db, message.sender, message.now, filed=True)
    _ask(message, "name" if known_place else "place", complaint=row.id)
    return Reply(filed.message, row.id, filed.outgoing_id)


def got_place(message: Message) -> Reply:
    """The answer to "where is it?". What cannot be found is kept as written: the complaint stands all the same."""
    text = message.parsed.original.strip()
    place = find_place(text, message.runtime.reference)
    if place.ambiguous and not (message.context or {}).get("again"):
        _ask(message, "place", complaint=(message.context or {})["complaint"], again=True)
        return Reply(message.say("sms.ask_place_again"))
    row = _complete(message, _place_fields(place, text))
    if row is None:
        return INTENTS[message.parsed.intent](message)
    if row.name or (message.context or {}).get("again"):
        _forget(message)
        return Reply(message.say("sms.complete", ack=acknowledgement.display(row.ack)), row.id)
    _ask(message, "name", complaint=row.id)
    return Reply(message.say("sms.ask_name"), row.id)


def _place_fields(place: Place, text: str) -> dict[str, Any]:
    fields = {"district": place.district_code, "pincode": place.pincode, "place": place.local_body or text[:200]}
    return {name: value for name, value in fields.items() if value}


def got_name(message: Message) -> Reply:
    """The answer to "what is your name?". A long one is not a name but more of the complaint."""
    text = message.parsed.original.strip()
    is_name = len(text) <= 60 and not any(ch.isdigit() for ch in text)
    row = _complete(message, {"name": text} if is_name else {"text": text})
    _forget(message)
    if row is None:
        return INTENTS[message.parsed.intent](message)
    return Reply(message.say("sms.complete", ack=acknowledgement.display(row.ack)), row.id)


def _complete(message: Message, data: dict[str, Any]) -> Row[Any] | None:
    """Fill in what was missing; None when the complaint is no longer open for it."""
    complaint_id = (message.context or {}).get("complaint")
    try:
        complaints.act(message.db, message.runtime, complaint_id or 0, "complete", CITIZEN, message.now, data)
    except CannotAct:
        _forget(message)
        return None
    return complaints.get(message.db, complaint_id or 0)


# ── about a complaint ───────────────────────────────────────────────────────────────────────────────────────────────


def show_status(message: Message) -> Reply:
    """STATUS <number>: where does my complaint stand? Without a number: the newest one of this phone."""
    if not message.parsed.acks:
        own = None if _looks_wrong(message) else _latest(message.db, message.sender)
        return Reply(_status_text(message, own), own.id) if own else Reply(_ask_for_number(message, "STATUS"))
    texts, first = [], None
    for ack in message.parsed.acks[:2]:
        found = _asked(message, ack)
        if not message.language:  # a keyword in Latin letters is nobody's language: the complaint's own, or the message's
            message = replace(message, language=_own_language(message, found.row))
        first = first or (found.row.id if found.row else None)
        texts.append(_status_text(message, found.row) if found.row else message.say(f"sms.{found.kind}"))
    return Reply("\n".join(dict.fromkeys(texts)), first)


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


def _mine(message: Message, keyword: str, states: set[State] | None = None) -> Row[Any] | Reply:
    """The complaint that is meant, if this phone may change it; else the reply that says what to do."""
    if message.parsed.ack:
        found = _asked(message, message.parsed.ack)
        return found.row if found.row is not None else Reply(message.say(f"sms.{found.kind}"))
    row = _latest(message.db, message.sender, states)
    if row is None:
        return Reply(_ask_for_number(message, keyword) if _looks_wrong(message) else message.say("sms.nothing_open"))
    return row


_OPEN: set[State] = {s for s in State if s != State.DRAFT and lifecycle.is_open(s)}


def add(message: Message) -> Reply:
    """ADD <number> <text>; without a number, to the newest open complaint of this phone."""
    row = _mine(message, "ADD", _OPEN)
    if isinstance(row, Reply):
        return row
    text = message.parsed.text.strip()
    if not text:
        _ask(message, "addition", complaint=row.id)
        return Reply(message.say("sms.ask_addition", ack=acknowledgement.display(row.ack)), row.id)
    return _add_to(message, row, text)


def got_addition(message: Message) -> Reply:
    row = complaints.get(message.db, (message.context or {}).get("complaint") or 0)
    _forget(message)
    return _add_to(message, row, message.parsed.original.strip()) if row else INTENTS[message.parsed.intent](message)


def _add_to(message: Message, row: Row[Any], text: str) -> Reply:
    """Also the answer to our question, when we asked one: then the work goes on."""
    action = "answer" if row.state == State.ACTION_REQUIRED else "add"
    return _do(message, row, action, {"text": text}, "sms.added")


def _do(message: Message, row: Row[Any], action: str, data: dict[str, Any], template: str) -> Reply:
    ack = acknowledgement.display(row.ack)
    try:
        done = complaints.act(message.db, message.runtime, row.id, action, CITIZEN, message.now, data, answered=True)
    except CannotAct as error:
        if error.reason == "missing":
            return Reply(message.say("sms.ask_rating", ack=ack), row.id)
        office = notices.office_name(message.runtime, row.department_code, message.language)
        return Reply(message.say("sms.not_yet", ack=ack, office=office), row.id)
    if done.message and row.phone == message.sender:
        return Reply(done.message, row.id, done.outgoing_id)
    return Reply(message.say(template, ack=ack, rating=data.get("rating", "")), row.id)


def reopen(message: Message) -> Reply:
    """REOPEN <number> [why]: within the configured days after the closing."""
    row = _mine(message, "REOPEN", {State.RESOLVED, State.CLOSED, State.REJECTED})
    if isinstance(row, Reply):
        return row
    limit = timedelta(days=message.runtime.config.casework.reopen_days)
    if row.closed_at and message.now - row.closed_at > limit:
        office = notices.office_name(message.runtime, row.department_code, message.language)
        return Reply(message.say("sms.not_yet", ack=acknowledgement.display(row.ack), office=office), row.id)
    return _do(message, row, "reopen", {"reason": message.parsed.text}, "sms.added")


def rate(message: Message) -> Reply:
    """RATE <number> 1-5; without a number, the newest resolved complaint."""
    row = _mine(message, "RATE", {State.RESOLVED, State.CLOSED})
    if isinstance(row, Reply):
        return row
    if message.parsed.rating is None:
        return Reply(message.say("sms.ask_rating", ack=acknowledgement.display(row.ack)), row.id)
    return _do(message, row, "rate", {"rating": message.parsed.rating}, "sms.rated")


def cancel(message: Message) -> Reply:
    """CANCEL <number>: the citizen takes the complaint back."""
    row = _mine(message, "CANCEL", _OPEN)
    return row if isinstance(row, Reply) else _do(message, row, "withdraw", {"reason": message.parsed.text}, "sms.added")


def solved(message: Message) -> Reply:
    """A yes to "is it solved?"."""
    row = _mine(message, "RATE", {State.RESOLVED})
    return row if isinstance(row, Reply) else _do(message, row, "confirm", {}, "sms.added")


def not_solved(message: Message) -> Reply:
    row = _mine(message, "REOPEN", {State.RESOLVED})
    return row if isinstance(row, Reply) else _do(message, row, "reopen", {}, "sms.added")


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
    _forget(message)
    _remember(message, sms_stopped_at=message.now)
    return Reply(message.say("sms.stopped"))


def start(message: Message) -> Reply:
    _remember(message, sms_stopped_at=None)
    return Reply(message.say("sms.started"))


def show_help(message: Message) -> Reply:
    return Reply(message.say("sms.help"))


def not_understood(message: Message) -> Reply:
    return Reply(message.say("sms.not_understood"))


INTENTS: dict[str, Handler] = {
    "file": file,
    "status": show_status,
    "add": add,
    "reopen": reopen,
    "rate": rate,
    "cancel": cancel,
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

CONTINUE: dict[str, Handler] = {
    "details": got_details,
    "confirm_file": got_confirmation,
    "place": got_place,
    "name": got_name,
    "addition": got_addition,
}
