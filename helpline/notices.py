"""The words of a message to a citizen: which template, in which language, with which values."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from helpline import acknowledgement, proof
from helpline.reference import Department
from helpline.runtime import Runtime
from helpline.sla import IST
from helpline.text import to_bengali_digits
from prompts.catalogue import MAX_VALUE, Catalogue, Sms

_MONTHS = {
    "bn": ["জানু", "ফেব্রু", "মার্চ", "এপ্রিল", "মে", "জুন", "জুলাই", "আগস্ট", "সেপ্টে", "অক্টো", "নভে", "ডিসে"],
    "en": ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
    "hi": ["जन", "फर", "मार्च", "अप्रैल", "मई", "जून", "जुलाई", "अग", "सित", "अक्टू", "नव", "दिस"],
}


@lru_cache(maxsize=2048)
def short_date(moment: datetime, language: str) -> str:
    """`14 Dec 2026`, `14 ডিসে 2026`, in the digits that all numbers of an SMS have; the day in Asia/Kolkata."""
    local = moment.astimezone(IST)
    return f"{local.day} {_MONTHS[language][local.month - 1]} {local.year}"


def spoken_date(moment: datetime, language: str, catalogue: Catalogue) -> str:
    """`14 December 2026`, `১৪ ডিসেম্বর ২০২৬`, as it is read aloud; the day in Asia/Kolkata."""
    local = moment.astimezone(IST)
    day = f"{local.day} {catalogue.text(f'voice.month.{local.month}', language)} {local.year}"
    return to_bengali_digits(day) if language == "bn" else day


def short_time(moment: datetime, language: str) -> str:
    """`2:30 pm`, `দুপুর 2:30`, `दोपहर 2:30`, in Asia/Kolkata."""
    local = moment.astimezone(IST)
    clock = f"{(local.hour + 11) % 12 + 1}:{local.minute:02}"
    if language == "en":
        return f"{clock} {'am' if local.hour < 12 else 'pm'}"
    return f"{_PARTS[language][part_of_day(local.hour)]} {clock}"


def part_of_day(hour: int) -> str:
    """What Bengali and Hindi say beside an hour (0 to 23): the ending of the voice prompts `clock.…`."""
    return next(name for until, name in ((4, "night"), (12, "morning"), (16, "noon"), (18, "afternoon"), (20, "evening"), (24, "night")) if hour < until)


_PARTS = {
    "bn": {"night": "রাত", "morning": "সকাল", "noon": "দুপুর", "afternoon": "বিকেল", "evening": "সন্ধ্যা"},
    "hi": {"night": "रात", "morning": "सुबह", "noon": "दोपहर", "afternoon": "शाम", "evening": "शाम"},
}


def office_name(runtime: Runtime, code: str | None, language: str) -> str:
    """As it is said."""
    return _department(runtime, code).name(language)


def short_office_name(runtime: Runtime, code: str | None, language: str) -> str:
    """As an SMS carries it, uncut; a shortened word's point would stand before the sentence's own."""
    return _department(runtime, code).short_name(language).removesuffix(".")


def _department(runtime: Runtime, code: str | None) -> Department:
    return runtime.reference.departments.get(code or "cmo") or runtime.reference.departments["cmo"]


DISCREET = "notify.discreet"
ASKED_PARTS = 4  # values of an SMS that carry an office's question


def compose(
    runtime: Runtime, template: str, row: Mapping[str, Any], given: Mapping[str, Any], *, check: str = proof.BLANK, spoken: bool = False, asked_here: bool = False
) -> Sms:  # fmt: skip
    """The message of `template` about a complaint's `row`; `given` is what the action was given (a reason, an original), `check`
    its check code. `spoken`: as it is read out by a call. Of a discreet complaint it says that there is news, and no more, unless
    it answers whoever has the phone in hand (`asked_here`)."""
    language = row["language"]
    template = DISCREET if row["discreet"] and not asked_here else template
    entry = runtime.catalogue[template]
    values: dict[str, Any] = {
        "helpline": runtime.config.helpline.short_name,
        "ack": acknowledgement.display(row["ack"] or "00000000000"),
        "office": short_office_name(runtime, row["department_code"], language),
        "date": expected(runtime, row, language),
        "news": short_date(row["news_at"], language) if row["news_at"] else "",
        "phone": runtime.config.helpline.display_number,
        "check": check,
        "emergency": runtime.config.helpline.emergency_number,
    }
    if "reason" in entry.placeholders:
        values["reason"] = runtime.catalogue.text(f"reason.{given.get('rejection_reason', 'no_grievance')}", language)
    if "asked1" in entry.placeholders:
        values |= question(given)
    if "original" in entry.placeholders:
        values["original"] = acknowledgement.display(given.get("original", "00000000000"))
    sms = runtime.catalogue.sms(template, language, **{name: values[name] for name in entry.placeholders})
    if not spoken:
        return sms
    values["office"] = office_name(runtime, row["department_code"], language)
    values["date"] = expected(runtime, row, language, spoken=True)
    values["news"] = spoken_date(row["news_at"], language, runtime.catalogue) if row["news_at"] else ""
    said = [runtime.catalogue.text(spoken_key(template), language, **values),
            runtime.catalogue.text("call.check", language, check=f"{check[:3]} {check[3:6]} {check[6:]}")]  # fmt: skip
    return replace(sms, text=" ".join(said))


def question(given: Mapping[str, Any]) -> dict[str, str]:
    """What an office asks, as values: `question` whole, to be spoken; `asked1` and so on, an SMS's share of it in parts of TRAI's length."""
    text = " ".join(str(given.get("question", "")).split())
    parts = textwrap.wrap(text, MAX_VALUE, max_lines=ASKED_PARTS, placeholder="...", break_on_hyphens=False) + [""] * ASKED_PARTS
    return {"question": text.rstrip("?.।")} | {f"asked{n + 1}": parts[n] for n in range(ASKED_PARTS)}


def expected(runtime: Runtime, row: Mapping[str, Any], language: str, *, spoken: bool = False) -> str:
    """The date that was promised; once it has passed, no date."""
    if row["due_at"] is None:
        return ""
    if row["due_at"] <= row["updated_at"]:
        return runtime.catalogue.text("date.passed", language)
    return spoken_date(row["due_at"], language, runtime.catalogue) if spoken else short_date(row["due_at"], language)


def spoken_key(template: str) -> str:
    """The sentences of a call that tells what the SMS of `template` tells."""
    return template.replace("notify.", "call.", 1)
