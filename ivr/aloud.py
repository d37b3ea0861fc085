"""A written message as it is said by a call."""

from __future__ import annotations

import re

from sqlalchemy import Connection, select

from helpline.text import row_id
from ivr import speech
from ivr.menu import choices_of
from ivr.steps import Pause, Said, Say
from models import Outgoing

# A complaint's number, a check code, a telephone number: said digit by digit.
_NUMBERS = re.compile(r"[0-9]{3} [0-9]{4} [0-9]{4}|[0-9]{3} [0-9]{3} [0-9]{3}|[0-9]{3,4}-[0-9]{3,4}-[0-9]{3,4}|[0-9]{7,}")


def message(db: Connection, arg: str) -> list[Said]:
    """The message of the outbox row `arg`; nothing where there is none."""
    row = db.execute(select(Outgoing.body, Outgoing.language).where(Outgoing.id == (row_id(arg) or 0), Outgoing.kind == "call")).first()
    return spoken(row.body, row.language) if row is not None else []


def spoken(text: str, language: str) -> list[Said]:
    """`text` with its numbers digit by digit, a short pause after each sentence."""
    said = _NUMBERS.sub(lambda found: speech.digits(found.group().replace("-", " "), language), text)
    pieces: list[Said] = [piece for sentence in choices_of(said) for piece in (Pause(), Say(sentence, language))]
    return pieces[1:]
