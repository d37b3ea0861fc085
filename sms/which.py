"""Which one? Asked when what was said could be about several complaints of a phone; answered by place in the list, number or subject."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from helpline import acknowledgement, complaints, examples, learning, status
from helpline import text as texts
from helpline.sounds import skeleton, sound
from sms.conversation import Message, Reply, ask, own

MOST = 3  # complaints that are listed; an older one is named by its number
_LATEST = 10  # complaints of a phone among which a name is looked for
_SHORT = 6  # words: a longer answer is told by its subject alone
_ORDINALS = {
    1: "first 1st prothom prothomta pohela pehla pehli pahla প্রথম প্রথমটা প্রথমটি প্রথমটার পয়লা পহেলা पहला पहली पहले वाला",
    2: "second 2nd ditiyo dwitiyo ditiyota dusra dusri doosra doosri দ্বিতীয় দ্বিতীয়টা দ্বিতীয়টি দ্বিতীয়টার दूसरा दूसरी दूसरे",
    3: "third 3rd tritiyo tritiyota tisra tisri teesra teesri তৃতীয় তৃতীয়টা তৃতীয়টি তৃতীয়টার तीसरा तीसरी तीसरे",
}
_ALL = frozenset(sound(word) for word in texts.normalise("both all duto dutoi duitai sob sobgulo sobkota দুটো দুটোই দুইটাই সব সবগুলো দুটোর दोनों सब सभी dono donon sabhi").split())
_PLACE = {sound(word): place for place, listed in _ORDINALS.items() for word in texts.normalise(listed).split() if word != "वाला"}
_PLACE |= {word: place for word, place in texts.NUMBER_WORDS.items() if 1 <= place <= MOST}


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
    told = learning.classifier(message.runtime).classify(text).category
    about = [row for row in rows if told and (row.category_code or "").partition(".")[0] == told]
    return about[0] if len(about) == 1 else None


def by_name(text: str, rows: Sequence[Row[Any]]) -> Row[Any] | None:
    """Of a phone that several people share: the newest of `rows` of the only person whose name `text` says, or a part of it, as it sounds."""
    said = {skeleton(word) for word in examples.words(text) if word[:1].isalpha() and len(word) > 2}
    found = [row for row in rows if said & {skeleton(word) for word in examples.words(row.name) if len(word) > 2}]
    return found[0] if len(status.people_of(found)) == 1 < len(status.people_of(rows)) else None


def own_or_named(message: Message, rows: Sequence[Row[Any]]) -> list[Row[Any]]:
    """`rows`, or the one of the person whom the message names; the phone is shared."""
    named = by_name(message.parsed.text, own(message.db, message.sender, limit=_LATEST)) if message.parsed.text else None
    return [named] if named is not None else list(rows)


def chosen(message: Message) -> list[Row[Any]]:
    """The complaints that the answer means; none where it is no answer."""
    among = [row for key in message.context.get("among", ()) if (row := complaints.get(message.db, key)) is not None]
    if message.parsed.acks:
        rows = [complaints.get_by_ack(message.db, ack) for ack in message.parsed.acks]
        return [row for row in rows if row is not None and row.phone == message.sender]
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


def _place(word: str) -> int | None:
    if word.isdigit():
        return int(word) if word in ("1", "2", "3") else None
    return _PLACE.get(word) or _PLACE.get(sound(word))
