"""Which complaint is meant: by its number, or as the only one of the phone. Where it could be several, it is asked, and answered by place in the list,
number or subject.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from helpline import acknowledgement, complaints, examples, learning, notices, numbers, status
from helpline import text as texts
from helpline.lifecycle import State
from helpline.sounds import skeleton, sound
from sms.conversation import Message, Reply, ask, own

MOST = 3  # complaints that are listed; an older one is named by its number
NEARLY_AN_ACK = range(10, 13)  # digits that were meant as an acknowledgement number
_PART_OF_AN_ACK = 4  # digits: fewer count something
_LATEST = 10  # complaints of a phone among which a name is looked for
_SHORT = 6  # words: a longer answer is told by its subject alone
_ORDINALS = {
    1: "first 1st prothom prothomta pohela pehla pehli pahla প্রথম প্রথমটা প্রথমটি প্রথমটার পয়লা পহেলা पहला पहली पहले वाला",
    2: "second 2nd ditiyo dwitiyo ditiyota dusra dusri doosra doosri দ্বিতীয় দ্বিতীয়টা দ্বিতীয়টি দ্বিতীয়টার दूसरा दूसरी दूसरे",
    3: "third 3rd tritiyo tritiyota tisra tisri teesra teesri তৃতীয় তৃতীয়টা তৃতীয়টি তৃতীয়টার तीसरा तीसरी तीसरे",
}
_ALL = frozenset(sound(word) for word in texts.normalise("both all duto dutoi duitai sob sobgulo sobkota দুটো দুটোই দুইটাই সব সবগুলো দুটোর दोनों सब सभी dono donon sabhi").split())
_PLACE = {sound(word): place for place, listed in _ORDINALS.items() for word in texts.normalise(listed).split() if word != "वाला"}
_ORDINAL_SOUNDS = frozenset(_PLACE)
_PLACE |= {word: place for word, place in texts.NUMBER_WORDS.items() if 1 <= place <= MOST}


def mine(message: Message, keyword: str, states: set[State]) -> Row[Any] | Reply:
    """The complaint that is meant, if this phone may change it; else the reply that says what to do."""
    if message.parsed.ack:
        found = looked_up(message, message.parsed.ack)
        return found.row if found.row is not None else Reply(message.say(f"sms.{found.kind}"))
    row = next(iter(own(message.db, message.sender, states)), None)
    if row is not None:
        return row
    if looks_wrong(message):
        return Reply(ask_for_number(message, keyword))
    newest = next(iter(own(message.db, message.sender)), None)
    return not_now(message, newest) if newest is not None else Reply(message.say("sms.nothing_open"))


def not_now(message: Message, row: Row[Any]) -> Reply:
    """What is asked for cannot be done with `row` as it stands."""
    office = notices.short_office_name(message.runtime, row.department_code, message.language)
    return Reply(message.say("sms.not_yet", ack=acknowledgement.display(row.ack), office=office), row.id)


def one_of(message: Message, rows: list[Row[Any]], action: str, text: str = "") -> Row[Any] | Reply | None:
    """Of several that a message without a number may mean: the one that it tells of, or else the question which."""
    numbered = sum(ch.isdigit() for ch in message.parsed.text) >= NEARLY_AN_ACK.start - 1  # a number was meant that is none
    if message.parsed.acks or numbered or len(rows) < 2:
        return None
    return by_name(text, rows) or by_subject(message, text, rows) or ask_which(message, rows, action, text=text)


def looked_up(message: Message, ack: str) -> status.Answer:
    """What this phone may know of that number; a registered mobile number in the message is the second proof."""
    registered = numbers.e164(_mobile_in(message.parsed.text))
    return status.look_up(message.db, message.runtime, ack, message.sender, message.now, registered=registered)


def _mobile_in(text: str) -> str | None:
    digits = [part for part in text.replace("-", "").split() if 10 <= len(part.lstrip("+")) <= 13]
    return digits[-1] if digits else None


def looks_wrong(message: Message) -> bool:
    """Whether digits were written that were meant as an acknowledgement number and are none: not "my 2 complaints"."""
    return sum(ch.isdigit() for ch in message.parsed.text) >= _PART_OF_AN_ACK


def ask_for_number(message: Message, keyword: str) -> str:
    if looks_wrong(message):
        return message.say("sms.check_ack")
    return message.say("sms.ask_ack", keyword=keyword)


def ask_which(message: Message, rows: Sequence[Row[Any]], action: str, **kept: Any) -> Reply:
    """Ask which of `rows` is meant (the first of them are listed), and keep what is to be done with it."""
    rows = rows[:MOST]
    ask(message, "which", action=action, among=[row.id for row in rows], **kept)
    values: dict[str, str] = {}
    shared = len(status.people_of(rows)) > 1  # several people's: told apart by their names
    for at, row in enumerate(rows, start=1):
        about = row.name.strip() if shared and row.name.strip() else subject(message, row)
        values |= {f"ack{at}": acknowledgement.display(row.ack), f"about{at}": about}
    return Reply(message.say(f"sms.which_of_{len(rows)}", **values))


def subject(message: Message, row: Row[Any]) -> str:
    """What a complaint is about, in a few words of the reference data; of a discreet one nothing."""
    categories = message.runtime.reference.categories
    category = categories["OTHER"] if row.discreet else categories.get(row.category_code or "") or categories["OTHER"]
    return category.name(message.language)


def by_subject(message: Message, text: str, rows: Sequence[Row[Any]]) -> Row[Any] | None:
    """The only one of `rows` that is about what `text` tells of."""
    about = of_subject(message, text, rows)
    return about[0] if len(about) == 1 else None


def of_subject(message: Message, text: str, rows: Sequence[Row[Any]]) -> list[Row[Any]]:
    """Those of `rows` that are about what `text` tells of: what is twice as likely as anything else."""
    best, *others = (learning.classifier(message.runtime).classify(text).candidates if rows else ()) or (None,)
    told = best.category if best is not None and all(other.share * 2 <= best.share for other in others) else None
    return [row for row in rows if told and (row.category_code or "").partition(".")[0] == told]


def by_name(text: str, rows: Sequence[Row[Any]]) -> Row[Any] | None:
    """Of a phone that several people share: the newest of `rows` of the only person whose name `text` says, or a part of it, as it sounds."""
    said = {skeleton(word) for word in examples.words(text) if word[:1].isalpha() and len(word) > 2}
    found = [row for row in rows if said & {skeleton(word) for word in examples.words(row.name) if len(word) > 2}]
    return found[0] if len(status.people_of(found)) == 1 < len(status.people_of(rows)) else None


def own_or_named(message: Message, rows: Sequence[Row[Any]]) -> list[Row[Any]]:
    """`rows`, or the one of the person whom the message names; the phone is shared."""
    named = by_name(message.parsed.text, own(message.db, message.sender, limit=_LATEST)) if message.parsed.text else None
    return [named] if named is not None else list(rows)


def named(message: Message) -> list[Row[Any]]:
    """The sender's own complaints among the numbers in the message."""
    rows = [complaints.get_by_ack(message.db, ack) for ack in message.parsed.acks]
    return [row for row in rows if row is not None and row.phone == message.sender]


def chosen(message: Message) -> list[Row[Any]]:
    """The complaints that the answer means; none where it is no answer."""
    among = [row for key in message.context.get("among", ()) if (row := complaints.get(message.db, key)) is not None]
    if message.parsed.acks:
        return named(message)
    words = texts.tokens(texts.normalise(message.text))
    if len(words) <= _SHORT:
        if {sound(word) for word in words} & _ALL:
            return among
        places = {place for word in words if (place := _place(word)) is not None and (word != "one" or len(words) == 1)}
        place = places.pop() if len(places) == 1 else 0
        if 0 < place <= len(among):
            return [among[place - 1]]
    found = by_name(message.text, among) or by_subject(message, message.text, among)
    return [found] if found is not None else []


def is_ordinal(text: str) -> bool:
    """Whether it says "the first", দ্বিতীয়টা, दूसरी."""
    return any(sound(word) in _ORDINAL_SOUNDS for word in texts.tokens(texts.normalise(text)))


def _place(word: str) -> int | None:
    if word.isdigit():
        return int(word) if word in ("1", "2", "3") else None
    return _PLACE.get(word) or _PLACE.get(sound(word))
