"""An officer works by SMS: `ACCEPT K7QZ`, `BACK K7QZ why`, `DONE K7QZ what was done`, `DATE K7QZ 12/12`.

Read before the citizens' grammar, and only where the sender's number stands in an officer's account and both word and code
have their shape: an officer is a citizen too.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row

from helpline import complaints, effects, fieldwork, notices
from helpline import text as texts
from helpline.complaints import Actor, CannotAct
from helpline.lifecycle import Role
from helpline.runtime import Runtime
from helpline.sla import IST

WORDS: dict[str, str] = {
    "accept": "accept grohon গ্রহণ स्वीकार",
    "send_back": "back return ferot ফেরত वापस",
    "resolve": "done resolved somponno সম্পন্ন पूरा",
    "promise": "date tarikh তারিখ तारीख",
}
_ACTION = {word: action for action, words in WORDS.items() for word in words.split()}
_SHAPE = re.compile(r"\s*(\S+)[\s:,.-]+([A-Za-z0-9]{2})[\s-]?([A-Za-z0-9]{2})(?![A-Za-z0-9])[\s:,.-]*(.*)", re.S)
_DAY = re.compile(r"(\d{1,2})[/.\-\s](\d{1,2})(?:[/.\-\s](\d{4}|\d{2}))?\b")

_LONG_PAST = timedelta(days=180)  # a nearer day that has passed is a mistake, not a promise for next year


@dataclass(frozen=True)
class Order:
    action: str
    code: str
    rest: str


def read(body: str) -> Order | None:
    """What an officer's message asks for; None for anything that has not the shape of one."""
    found = _SHAPE.fullmatch(texts.fold_digits(body[:4000]))
    if found is None:
        return None
    action, code = _ACTION.get(found[1].casefold().strip(":,.-")), (found[2] + found[3]).upper()
    return Order(action, code, found[4].strip()) if action and fieldwork.is_code(code) else None


def answer(db: Connection, runtime: Runtime, sender: str, body: str, now: datetime) -> tuple[str, int | None] | None:
    """(text, complaint) for an officer's message; None when it is not one: then it is a citizen's."""
    order = read(body)
    if order is None or not (users := fieldwork.officer_of(db, sender)):
        return None
    found = fieldwork.complaint_of(db, users, order.code)
    if found is None:
        return _say(runtime, "staff.unknown_code", users[0].language, code=order.code), None
    user, row = found
    return _done(db, runtime, order, user, row, now), row.id


def _done(db: Connection, runtime: Runtime, order: Order, user: Row[Any], row: Row[Any], now: datetime) -> str:
    given = _GIVEN[order.action](order.rest, now)
    about = fieldwork.about(runtime, dict(row._mapping), user.language) | {"code": order.code, "phone": runtime.config.helpline.display_number}
    if given.get("news_on"):
        about |= {"news": notices.short_date(effects.closing_of(runtime, given["news_on"]), user.language)}
    try:
        complaints.act(db, runtime, row.id, order.action, Actor(Role.OFFICER, "sms", user.id), now, given)
    except CannotAct as error:
        needed = error.reason in ("missing", "too_short")
        key = f"staff.needs.{order.action}" if needed and f"staff.needs.{order.action}" in runtime.catalogue else "staff.not_now"
        return _say(runtime, "staff.needs_proof" if error.field == "files" else key, user.language, **about)
    return _say(runtime, f"staff.done.{order.action}", user.language, **about)


def day_in(text: str, now: datetime) -> str:
    """The ISO date of `12/12`, `12.12.2026` or `12-12-26`: without a year this year's, or next year's when that is long past; "" when there is none."""
    found = _DAY.search(text)
    if found is None:
        return ""
    day, month, today = int(found[1]), int(found[2]), now.astimezone(IST).date()
    year = int(found[3]) + (2000 if int(found[3]) < 100 else 0) if found[3] else today.year
    try:
        meant = date(year, month, day)
        return (meant if found[3] or meant > today - _LONG_PAST else date(year + 1, month, day)).isoformat()
    except ValueError:
        return ""


_GIVEN: dict[str, Callable[[str, datetime], dict[str, str]]] = {
    "accept": lambda _rest, _now: {},
    "send_back": lambda rest, _now: {"reason": rest},
    "resolve": lambda rest, _now: {"report": rest},
    "promise": lambda rest, now: {"news_on": day_in(rest, now)},
}


def _say(runtime: Runtime, template: str, language: str, **values: Any) -> str:
    entry = runtime.catalogue[template]
    common = {"helpline": runtime.config.helpline.short_name, **values}
    return runtime.catalogue.sms(template, language, **{name: common[name] for name in entry.placeholders}).text
