"""What a further part of a long message leads to: the complaint of the earlier parts says what all of them say, in their order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Row

from helpline import acknowledgement, complaints
from helpline.complaints import CannotAct
from helpline.lifecycle import State
from sms import answers, filing, parts
from sms.conversation import CITIZEN, Message, Reply, add_to, ask, with_parts
from sms.keywords import Parsed, parse
from sms.parts import Arrival, Piece


def may_be_part(message: Message) -> bool:
    """Whether a message may be a part of a long one: no keyword of another purpose, no yes or no, no number of a complaint, no small talk."""
    parsed = message.parsed
    if parsed.kind and parsed.sure:
        return False
    if parsed.intent == "file":
        return True
    alone = parsed.keyword is not None and not parsed.text.strip()
    anew = answers.begins_anew(parsed) and (parsed.intent != "stop" or parsed.keyword is not None)
    return not (alone or anew or parsed.intent in _NEVER_A_PART or answers.is_small_talk(parsed))


_NEVER_A_PART = ("confirm", "deny", "check", "rate", "start")
_KEPT = ("file", "unknown", "add", "correct", "reopen", "status", "help")  # what the end of a long message, come first, is taken for


def answer(message: Message, body: str, arrival: Arrival, answer_whole: Callable[[Message], Reply]) -> Reply:
    """The reply to a message that may be a part; what it led to is kept for those that follow."""
    db, settings, one = message.db, message.runtime.config.sms, parts.piece(message.parsed, body, arrival)
    if (before := parts.said_before(db, settings, message.sender, one)) is not None and (said := repeated(message, before)) is not None:
        return said
    earlier = parts.earlier(db, settings, message.sender, one)
    reply = go_on(message, earlier, one) if earlier else hold(message, one) if one.bracketed and one.position > 1 else None
    if reply is None:
        reply = answer_whole(_with_all(message, [*earlier, one]) if earlier else message)
    else:
        reply = with_parts(reply, message)
    if earlier or one.position or one.cut or message.parsed.intent in _KEPT:
        parts.remember(db, message.key, message.sender, one, earlier[0].series if earlier else "", effect_of(message, reply, earlier), reply.complaint_id)
    return reply


def _with_all(message: Message, all_parts: Sequence[Piece]) -> Message:
    """The message as it reads together with the parts that came before it."""
    whole = parse(parts.joined(all_parts))
    return replace(message, parsed=whole, language=whole.reply_language)


def go_on(message: Message, earlier: Sequence[Piece], one: Piece) -> Reply | None:
    """The reply to a further part; None where the earlier ones led to no complaint: then all are read together."""
    last = next((part for part in reversed(earlier) if part.complaint_id), None)
    row = complaints.get(message.db, last.complaint_id or 0) if last is not None else None
    if row is None or last is None or row.phone != message.sender:
        return None
    if last.effect == "other":  # an addition, an answer: a beginning that came late is read with it, more of it is added
        return None if one.begins or one.cut else add_to(message, row, one.text)
    all_parts = [*earlier, one]
    whole = parts.joined(all_parts)
    if row.state == State.DRAFT:
        return _in_draft(message, row, whole, has_beginning=parts.has_beginning(all_parts))
    return _in_complaint(message, row, whole, one)


def _told(parsed: Parsed, whole: str) -> str:
    return parsed.text.strip() if parsed.intent == "file" and parsed.keyword and parsed.text.strip() else whole


def _in_draft(message: Message, row: Row[Any], whole: str, *, has_beginning: bool) -> Reply:
    """Registered where the beginning says so, or else asked about once more."""
    parsed = parse(whole)
    found = filing.filing_of(message, _told(parsed, whole))
    if has_beginning and parsed.intent == "file" and parsed.keyword:
        return filing.register_draft(message, row, found)
    filing.keep_in_draft(message, row, found)
    if not has_beginning:
        return Reply(message.say("sms.part_received"), row.id)
    ask(message, "confirm_file", draft=row.id)
    return Reply(filing.shall_we(message, found.category_code), row.id)


def _in_complaint(message: Message, row: Row[Any], whole: str, one: Piece) -> Reply:
    found = filing.filing_of(message, _told(parse(whole), whole))
    data: dict[str, Any] = {"text": found.description, "category": found.category_code}
    if not row.district_code:
        data |= {"district": found.district_code, "pincode": found.pincode, "place": found.place}
    try:
        complaints.act(message.db, message.runtime, row.id, "put_together", CITIZEN, message.now, data)
    except CannotAct:  # somebody has looked at it: for them to see
        return add_to(message, row, one.text)
    now = complaints.get(message.db, row.id)
    if now is not None and message.awaiting == "place" and message.context.get("complaint") == row.id and now.district_code:
        return filing.next_question(message, now, again=False)
    return Reply(message.say("sms.added", ack=acknowledgement.display(row.ack)), row.id)


def hold(message: Message, one: Piece) -> Reply:
    """A later part came first: kept as a draft that the others complete, which an agent sees when they never come."""
    found = filing.filing_of(message, one.text, incomplete=True)
    draft = complaints.open_draft(message.db, message.runtime, found, CITIZEN, message.now)
    return Reply(message.say("sms.part_received"), draft)


def repeated(message: Message, before: Piece) -> Reply | None:
    """The same part once more: the complaint stands as it is."""
    row = complaints.get(message.db, before.complaint_id or 0)
    if row is None or row.phone != message.sender:
        return None
    if row.state == State.DRAFT:
        return Reply(message.say("sms.part_received"), row.id)
    return filing.stands(message, row) if row.ack else None


def effect_of(message: Message, reply: Reply, earlier: Sequence[Piece]) -> str:
    """What a part led to, for those that follow: a draft, a complaint of its own, or something said about another one."""
    row = complaints.get(message.db, reply.complaint_id or 0)
    if row is None:
        return ""
    if row.state == State.DRAFT:
        return "draft"
    made_here = row.source_key == message.key or any(part.complaint_id == row.id and part.effect in ("draft", "filed") for part in earlier)
    return "filed" if made_here else "other"
