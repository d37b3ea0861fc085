"""Filing by text: from the first words to a registered complaint with a place and a name.

Whatever a citizen has told is kept as a draft until it is confirmed, where an agent sees it; what nobody confirms or takes back
is registered all the same when the question has lapsed (`helpline/unanswered.py`).
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from helpline import acknowledgement, callbacks, complaints, corrections, effects, learning
from helpline.complaints import CannotAct, Filing
from helpline.lifecycle import State
from helpline.places import Place, find_place
from helpline.runtime import Runtime
from helpline.unanswered import is_bare_topic
from sms import answers
from sms.conversation import CITIZEN, Continuing, Message, Reply, add_to, ask, forget, own


def file(message: Message) -> Reply:
    """FILE <text>, or a complaint in plain words. A subject alone is asked for its details."""
    text = message.parsed.text.strip()
    if not text or is_bare_topic(text):
        return _ask_details(message, text)
    if message.parsed.keyword:
        return _register(message, text)
    return _confirm_first(message, text)


def ask_for_another(message: Message) -> Reply:
    """"I have another complaint": what is told next is a complaint of its own."""
    return _ask_details(message, "")


def _ask_details(message: Message, text: str) -> Reply:
    draft = _draft(message, text) if text else None
    ask(message, "details", draft=draft)
    return Reply(message.say("sms.ask_details"), draft)


def _confirm_first(message: Message, text: str) -> Reply:
    draft = _draft(message, text)
    code = filing_of(message, text).category_code
    told = _may_be_corrected(message, text, code)
    ask(message, "confirm_file", draft=draft, **({"instead": told.id} if told is not None else {}))
    asked = shall_we(message, code)
    if told is not None:
        asked += "\n" + message.say("sms.or_change", ack=acknowledgement.display(told.ack))
    return Reply(asked, draft, essential=is_danger(message.runtime, code))


def _may_be_corrected(message: Message, text: str, code: str | None) -> Row[Any] | None:
    """What this telephone told a while ago of another subject, and nobody has looked at: a short message may say what it is really about,
    in whatever words."""
    if code is None or len(answers.words_of(text)) > corrections.MOST_WORDS:
        return None
    row = next(iter(own(message.db, message.sender, {State.REGISTERED})), None)
    known = (row.category_code or "").partition(".")[0] if row is not None else ""
    if row is None or known in ("", code.partition(".")[0]):
        return None
    return row if effects.may_be_corrected(message.db, message.runtime, dict(row._mapping), message.now) else None


def _draft(message: Message, text: str) -> int:
    return complaints.open_draft(message.db, message.runtime, filing_of(message, text, incomplete=True), CITIZEN, message.now)


def shall_we(message: Message, category_code: str | None) -> str:
    """The question whether what was told is to be registered, with the subject it was understood as."""
    category = message.runtime.reference.categories.get((category_code or "OTHER").partition(".")[0])
    template = "sms.danger_confirm" if is_danger(message.runtime, category_code) else "sms.confirm_filing"
    return message.say(template, category=category.name(message.language) if category else "")


def _register(message: Message, text: str) -> Reply:
    filing = filing_of(message, text)
    filed = complaints.file(message.db, message.runtime, filing, CITIZEN, message.now, answered=True, template=_registered(message.runtime, filing))
    _registered_it(message, filing, filed.id)
    return Reply(filed.message, filed.id, filed.outgoing_id, essential=is_danger(message.runtime, filing.category_code))


def _registered(runtime: Runtime, filing: Filing) -> str:
    asks = "name" if filing.district_code else "place"
    return f"sms.{'danger' if is_danger(runtime, filing.category_code) else 'registered'}_ask_{asks}"


def _registered_it(message: Message, filing: Filing, complaint_id: int) -> None:
    """Nobody need ring this number back any more; what is missing is asked for."""
    callbacks.settle(message.db, message.sender, message.now, filed=True)
    ask(message, "name" if filing.district_code else "place", complaint=complaint_id)


def filing_of(message: Message, text: str, *, incomplete: bool = False) -> Filing:
    found = learning.classifier(message.runtime).classify(text)
    place = find_place(text, message.runtime.reference)
    return Filing(
        channel="sms",
        language=message.language,
        source_key=message.key,
        phone=message.sender,
        caller_number=message.sender,
        category_code=found.code,
        district_code=place.district_code,
        pincode=place.pincode,
        place=place.local_body or "",
        description=text,
        incomplete=incomplete,
        data={"classified": [candidate.code for candidate in found.candidates]},
    )


def is_danger(runtime: Runtime, category_code: str | None) -> bool:
    """Whether life may be in danger, so that the emergency number is told first."""
    category = runtime.reference.categories.get(category_code or "")
    return category is not None and category.danger


# ── what follows ────────────────────────────────────────────────────────────────────────────────────────────────────


def got_details(message: Message) -> Reply | None:
    """The problem in words, after a subject alone: both are kept in one complaint."""
    parsed = message.parsed
    row = complaints.get(message.db, message.context.get("draft") or 0)
    if row is not None and row.state != State.DRAFT:
        row = None
    if answers.is_skip(parsed) or (row is not None and _takes_back(message)):
        return _leave(message, row)
    if answers.begins_anew(parsed) and (parsed.intent != "file" or parsed.kind == "another"):
        return None
    text = parsed.text.strip() or message.text
    named = find_place(text, message.runtime.reference)
    tells = parsed.intent == "file" or len(answers.words_of(text)) >= answers.COMPLAINT_WORDS or (row is not None and bool(named.district_code))
    if answers.is_small_talk(parsed) or not tells:
        return Reply(message.say("sms.ask_details"), row.id if row else None)
    return register_draft(message, row, filing_of(message, f"{row.description}: {text}" if row.description else text)) if row is not None else _register(message, text)


def _takes_back(message: Message) -> bool:
    """"Cancel it", said to the question whether to register: no number is named, so what was just told is meant."""
    return message.parsed.intent == "cancel" and not message.parsed.acks


def _leave(message: Message, row: Row[Any] | None) -> Reply:
    forget(message)
    if row is not None:
        discard(message, row, "declined")
    return Reply(message.say("sms.not_filed"), row.id if row is not None else None)


def discard(message: Message, row: Row[Any], reason: str) -> None:
    complaints.act(message.db, message.runtime, row.id, "discard", CITIZEN, message.now, {"reason": reason})


def got_confirmation(message: Message) -> Reply | None:
    """YES registers what was told, NO leaves it. More of the same is kept with it; another complaint is one of its own."""
    parsed, row = message.parsed, complaints.get(message.db, message.context.get("draft") or 0)
    if row is None or row.state != State.DRAFT:
        return None
    if parsed.intent == "deny" or _takes_back(message):
        return _leave(message, row)
    if answers.begins_anew(parsed):
        return None
    if parsed.intent == "confirm":
        return register_draft(message, row, _as_kept(row))
    told = answers.subject(parsed, learning.classifier(message.runtime), words=2)
    if told and told != (row.category_code or told).partition(".")[0]:
        return None
    named = find_place(message.text, message.runtime.reference)
    if not told and not named.district_code and len(answers.words_of(message.text)) < answers.COMPLAINT_WORDS:
        return Reply(shall_we(message, row.category_code), row.id)  # "wrong number", "thanks": still to be confirmed
    return _tell_more(message, row)


def _tell_more(message: Message, row: Row[Any]) -> Reply:
    text = row.description if message.text in row.description else f"{row.description}\n{message.text}"
    filing = filing_of(message, text)
    keep_in_draft(message, row, filing)
    return Reply(shall_we(message, filing.category_code), row.id, essential=is_danger(message.runtime, filing.category_code))


def keep_in_draft(message: Message, row: Row[Any], filing: Filing, *, incomplete: bool = True) -> None:
    complaints.update_draft(
        message.db, row.id, message.now, description=filing.description, category_code=filing.category_code, district_code=filing.district_code,
        pincode=filing.pincode, place=filing.place, incomplete=incomplete,
    )  # fmt: skip


def _as_kept(row: Row[Any]) -> Filing:
    """What a draft says, as it was read and corrected since."""
    return Filing(channel="sms", language=row.language, category_code=row.category_code, district_code=row.district_code, pincode=row.pincode,
                  place=row.place, description=row.description)  # fmt: skip


def register_draft(message: Message, row: Row[Any], filing: Filing) -> Reply:
    keep_in_draft(message, row, filing, incomplete=False)
    template = _registered(message.runtime, filing)
    filed = complaints.register(message.db, message.runtime, row.id, CITIZEN, message.now, answered=True, template=template)
    _registered_it(message, filing, row.id)
    return Reply(filed.message, row.id, filed.outgoing_id, essential=is_danger(message.runtime, filing.category_code))


def got_place(message: Message) -> Reply | None:
    """The answer to "where is it?". What cannot be found is kept as written: the complaint stands all the same."""
    parsed, again = message.parsed, bool(message.context.get("again"))
    row = _asked_about(message)
    if row is None or (answers.begins_anew(parsed) and not answers.is_skip(parsed)):
        return None
    if answers.is_skip(parsed):
        return next_question(message, row, again)
    if answers.is_small_talk(parsed) or answers.is_agreement(parsed):
        return stands(message, row)
    place = find_place(message.text, message.runtime.reference)
    if answers.is_place(message.text, place, learning.classifier(message.runtime)) or (place.ambiguous and len(answers.words_of(message.text)) <= answers.PLACE_WORDS):
        return _keep_place(message, row, place, again)
    return _more_or_another(message, row)


def _keep_place(message: Message, row: Row[Any], place: Place, again: bool) -> Reply | None:
    if place.ambiguous and not again:
        ask(message, "place", complaint=row.id, again=True)
        return Reply(message.say("sms.ask_place_again"), row.id)
    fields = {"district": place.district_code, "pincode": place.pincode, "place": place.local_body or message.text[:200]}
    known = bool(place.local_body or place.pincode)  # then the words are not kept as the place's name
    more = {"text": message.text} if known and len(answers.words_of(message.text)) > 3 else {}  # a landmark, and perhaps more
    done = _complete(message, row, {**{name: value for name, value in fields.items() if value}, **more})
    return next_question(message, done, again) if done is not None else None


def next_question(message: Message, row: Row[Any], again: bool) -> Reply:
    """At most two questions: the name, unless it is known or the place was asked for twice."""
    if row.name or again:
        forget(message)
        return Reply(message.say("sms.complete", ack=acknowledgement.display(row.ack)), row.id)
    ask(message, "name", complaint=row.id)
    return Reply(message.say("sms.ask_name"), row.id)


def got_name(message: Message) -> Reply | None:
    """The answer to "what is your name?"."""
    parsed = message.parsed
    row = _asked_about(message)
    if row is None or (answers.begins_anew(parsed) and not answers.is_skip(parsed)):
        return None
    if answers.is_skip(parsed):
        forget(message)
        return stands(message, row)
    if answers.is_small_talk(parsed) or answers.is_agreement(parsed):
        return stands(message, row)
    if _is_place_of(message, row):
        ask(message, "name", complaint=row.id)
        return Reply(message.say("sms.ask_name"), row.id)
    name, classifier = corrections.introduced(message.text) or message.text, learning.classifier(message.runtime)
    if not answers.is_name(name, classifier) or answers.tells(message.text, classifier):  # "my name was struck off the list"
        return _more_or_another(message, row)
    done = _complete(message, row, {"name": name})
    forget(message)
    return Reply(message.say("sms.complete", ack=acknowledgement.display(row.ack)), row.id) if done is not None else None


def _is_place_of(message: Message, row: Row[Any]) -> bool:
    """The complaint's own place once more, as who was asked "which PIN code?" a message ago may send it: nobody's name."""
    place = find_place(message.text, message.runtime.reference)
    known = place.pincode == row.pincode if place.pincode else bool(place.local_body) and place.local_body == row.place
    return known and len(answers.words_of(message.text)) <= 2


def stands(message: Message, row: Row[Any]) -> Reply:
    """Said to small talk: the complaint is with us."""
    return Reply(message.say("sms.stands", ack=acknowledgement.display(row.ack)), row.id)


def _more_or_another(message: Message, row: Row[Any]) -> Reply | None:
    """No answer: more of the same complaint is added to it, another one stands on its own."""
    return None if tells_of_another(message, row) else add_to(message, row, message.text)


def tells_of_another(message: Message, row: Row[Any]) -> bool:
    """Whether the message tells a complaint about something else than `row`."""
    told = answers.subject(message.parsed, learning.classifier(message.runtime))
    return told is not None and told != (row.category_code or told).partition(".")[0]


def _asked_about(message: Message) -> Row[Any] | None:
    return complaints.get(message.db, message.context.get("complaint") or 0)


def _complete(message: Message, row: Row[Any], data: dict[str, Any]) -> Row[Any] | None:
    """Fill in what was missing; None when the complaint is no longer open for it."""
    try:
        complaints.act(message.db, message.runtime, row.id, "complete", CITIZEN, message.now, data)
    except CannotAct:
        forget(message)
        return None
    return complaints.get(message.db, row.id)


def got_addition(message: Message) -> Reply | None:
    """What is to be added, asked for after ADD without a text."""
    row = _asked_about(message)
    if row is None or answers.begins_anew(message.parsed):
        return None
    if answers.is_skip(message.parsed) or answers.is_small_talk(message.parsed):
        forget(message)
        return stands(message, row)
    forget(message)
    return add_to(message, row, message.text)


CONTINUE: dict[str, Continuing] = {  # `confirm_file` is in sms/correcting.py, for its answer may be CHANGE
    "details": got_details,
    "place": got_place,
    "name": got_name,
    "addition": got_addition,
}


def keep_nameless(message: Message) -> Reply:
    """A filing from nobody's number (withheld, a header): registered for an agent to complete; nobody can be answered."""
    if message.parsed.intent != "file" or not message.parsed.keyword or not message.parsed.text.strip():
        return Reply("")
    found = filing_of(message, message.parsed.text.strip(), incomplete=True)
    filing = Filing(**{**vars(found), "phone": None})
    filed = complaints.file(message.db, message.runtime, filing, CITIZEN, message.now)
    return Reply("", filed.id)
