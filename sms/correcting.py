"""Corrections by text: "not road, water". While nobody of the staff has looked at it the complaint itself is changed, and the
citizen reads what is noted now; later the words are added to it, and that is said.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import Row

from helpline import acknowledgement, complaints, corrections, learning, notices, status
from helpline.complaints import CannotAct
from helpline.corrections import Correction
from helpline.lifecycle import State
from helpline.places import find_place, named_in
from sms import answers, filing
from sms.conversation import CITIZEN, OPEN, Continuing, Message, Reply, ask, do, forget, own
from sms.keywords import YES

MOST = 5  # complaints that are looked at for what is meant


def correct(message: Message) -> Reply | None:
    """What is corrected, in the complaint that is meant; None where nothing can be: it is read as anything else then."""
    if (draft := _draft(message)) is not None:
        return _in_draft(message, draft)
    rows = _mine(message)
    if isinstance(rows, Reply):
        return rows
    if corrections.introduced(message.text):  # one's own name is of the complaint that was asked about, or told last: somebody else's stays theirs
        rows = sorted(rows, key=lambda row: row.id != message.context.get("complaint"))[:1]
    read = [(row, _meant(message, row)) for row in rows]
    found = next(((row, said) for row, said in read if said and said.denies), None) or next(((row, said) for row, said in read[:1] if said), None)
    if found is not None:
        return _put_right(message, *found)
    return _ask(message, rows[0]) if rows and (message.parsed.ack or read[0][1].denies) else None


def puts_right(message: Message) -> bool:
    """Whether it denies what the draft at hand, or the newest complaint of this phone, says: then it corrects it, however it is worded."""
    if message.parsed.intent not in _MAY_CORRECT or not corrections.has_denial(message.text):
        return False
    draft = _draft(message)
    rows = [draft] if draft is not None else own(message.db, message.sender, OPEN)
    return any(corrections.denies_what_stands(message.text, row, learning.classifier(message.runtime)) for row in rows)


_MAY_CORRECT = ("file", "unknown", "add", "deny", "reopen")


def _mine(message: Message) -> list[Row[Any]] | Reply:
    """The open complaints of this phone, newest first; the one whose number is given; or the reply that it is not this phone's."""
    if not message.parsed.ack:
        return own(message.db, message.sender, OPEN, limit=MOST)
    found = status.look_up(message.db, message.runtime, message.parsed.ack, message.sender, message.now)
    return [found.row] if found.row is not None else Reply(message.say(f"sms.{found.kind}"))


def _meant(message: Message, row: Row[Any]) -> Correction:
    return corrections.meant(message.parsed.text or message.text, row, learning.classifier(message.runtime))


def _ask(message: Message, row: Row[Any]) -> Reply:
    ask(message, "correction", complaint=row.id)
    return Reply(message.say("sms.ask_correction", ack=acknowledgement.display(row.ack)), row.id)


def ask_what(message: Message) -> Reply | None:
    """What shall be corrected, where something is to be; None where this phone has no open complaint."""
    rows = own(message.db, message.sender, OPEN)
    return _ask(message, rows[0]) if rows else None


# ── before it is registered ──


def _draft(message: Message) -> Row[Any] | None:
    row = complaints.get(message.db, message.context.get("draft") or 0) if message.awaiting in ("confirm_file", "details") else None
    return row if row is not None and row.state == State.DRAFT and not message.parsed.acks else None


def _in_draft(message: Message, row: Row[Any]) -> Reply | None:
    """The draft is changed, and what was asked is asked again with what is noted now."""
    said = _meant(message, row)
    if not said:
        return None
    named = {"category_code": said.category, "district_code": said.district, "pincode": said.pincode, "place": said.place, "name": said.name}
    fields: dict[str, Any] = {name: value for name, value in named.items() if value}
    if {"district_code", "place"} & fields.keys():
        fields["pincode"] = said.pincode
    complaints.update_draft(message.db, row.id, message.now, description=f"{row.description}\n{message.text}", **fields)
    if message.awaiting == "details":
        return Reply(message.say("sms.ask_details"), row.id)
    return Reply(filing.shall_we(message, said.category or row.category_code), row.id)


# ── afterwards ──


def _put_right(message: Message, row: Row[Any], said: Correction) -> Reply:
    if said.ambiguous and not {"category", "name"} & said.data.keys():
        ask(message, "place", complaint=row.id, again=True)
        return Reply(message.say("sms.ask_place_again"), row.id)
    try:
        complaints.act(message.db, message.runtime, row.id, "correct", CITIZEN, message.now, {**said.data, "text": message.text})
    except CannotAct:
        return _added(message, row)
    now = complaints.get(message.db, row.id)
    return _said(message, now, said) if now is not None else _added(message, row)


def _added(message: Message, row: Row[Any]) -> Reply:
    """Somebody has looked at it: for them to see, and said so."""
    action = "answer" if row.state == State.ACTION_REQUIRED else "add"
    return do(message, row, action, {"text": message.text}, "sms.correction_added")


def _said(message: Message, row: Row[Any], said: Correction) -> Reply:
    """What is noted now; and what is still to be asked, where it was that."""
    ack = acknowledgement.display(row.ack)
    parts = [message.say("sms.corrected", ack=ack)] if row.discreet else []
    if said.category and not row.discreet:
        office = notices.short_office_name(message.runtime, row.department_code, message.language)
        parts.append(message.say("sms.corrected_category", ack=ack, category=_category(message, said.category), office=office))
    if (said.place or said.pincode or said.district) and not row.discreet:
        parts.append(message.say("sms.corrected_place", ack=ack, place=_place(message, row)))
    if said.name and not row.discreet:
        parts.append(message.say("sms.corrected_name", ack=ack))
    if message.context.get("complaint") == row.id:
        parts += _goes_on(message, row)
    return Reply("\n".join(parts), row.id)


def _goes_on(message: Message, row: Row[Any]) -> list[str]:
    """The question that was open about it: answered by the way, or still open."""
    if message.awaiting == "place" and (row.district_code or row.place):
        if row.name:
            forget(message)
            return []
        ask(message, "name", complaint=row.id)
        return [message.say("sms.ask_name")]
    if message.awaiting == "place":
        return [message.say("sms.ask_place")]
    if message.awaiting == "correction" or (message.awaiting == "name" and row.name):
        forget(message)
    return []


def _category(message: Message, code: str) -> str:
    category = message.runtime.reference.categories.get(code) or message.runtime.reference.categories["OTHER"]
    return category.name(message.language)


def _place(message: Message, row: Row[Any]) -> str:
    """As the reference data has it: a citizen's own words are in no message."""
    if row.pincode:
        return str(row.pincode)
    named = named_in(message.runtime.reference, row.district_code, row.place or "", message.language)
    district = message.runtime.reference.districts.get(row.district_code or "")
    return named or (district.name(message.language) if district else str(row.place))


def got_correction(message: Message) -> Reply | None:
    """What is right, asked for after a correction that did not say it; anything else is added."""
    row, parsed = complaints.get(message.db, message.context.get("complaint") or 0), message.parsed
    if row is None or (answers.begins_anew(parsed) and not answers.is_skip(parsed)):
        return None
    if answers.is_skip(parsed) or answers.is_small_talk(parsed):
        forget(message)
        return filing.stands(message, row)
    said = _meant(message, row)
    if not said and answers.is_name(message.text, learning.classifier(message.runtime)):
        said = Correction(name=message.text)
    if said:
        forget(message)
        return _put_right(message, row, said)
    if filing.tells_of_another(message, row):
        return None
    forget(message)
    return _added(message, row) if find_place(message.text, message.runtime.reference).ambiguous else do(message, row, "add", {"text": message.text}, "sms.added")


def is_change(message: Message) -> bool:
    """CHANGE, in answer to the question that offers it."""
    words = set(answers.words_of(message.text))
    return message.awaiting == "confirm_file" and "instead" in message.context and bool(words & _CHANGE) and words <= _CHANGE | _BESIDE_CHANGE


_CHANGE = frozenset(answers.words_of("change correct bodol bodlan bodle bodlao badlan badal badlo badle বদল বদলান বদলে বদলাও সংশোধন পাল্টান পাল্টে बदल बदलें बदलो "
                                     "बदलिए सुधार सुधारें सुधारिए"))  # fmt: skip
_BESIDE_CHANGE = YES | frozenset(answers.words_of("it the that old please pls kindly sir din korun kore dijiye do karo দিন করুন করে দয়া ওটা दीजिए दो करें करो कर उसे"))


def got_confirmation(message: Message) -> Reply | None:
    """CHANGE puts what was told in place of what the complaint says; any other answer is about the new one."""
    if not is_change(message):
        return filing.got_confirmation(message)
    draft, row = (complaints.get(message.db, message.context.get(name) or 0) for name in ("draft", "instead"))
    if draft is None or draft.state != State.DRAFT or row is None:
        return None
    forget(message)
    filing.discard(message, draft, "correction")
    place = find_place(draft.description, message.runtime.reference)
    said = Correction(category=draft.category_code, district=place.district_code, pincode=place.pincode, place=place.local_body)
    return _put_right(replace(message, parsed=replace(message.parsed, original=draft.description)), row, said)


CONTINUE: dict[str, Continuing] = {"correction": got_correction, "confirm_file": got_confirmation}
