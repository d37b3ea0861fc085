"""The words of a message to a citizen: which template, in which language, with which values."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from helpline import acknowledgement
from helpline.runtime import Runtime
from helpline.sla import IST
from prompts.catalogue import Sms

_BENGALI_DIGITS = str.maketrans("0123456789", "০১২৩৪৫৬৭৮৯")
_MONTHS = {
    "bn": ["জানু", "ফেব্রু", "মার্চ", "এপ্রিল", "মে", "জুন", "জুলাই", "আগস্ট", "সেপ্টে", "অক্টো", "নভে", "ডিসে"],
    "en": ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
    "hi": ["जन", "फर", "मार्च", "अप्रैल", "मई", "जून", "जुलाई", "अग", "सित", "अक्टू", "नव", "दिस"],
}


@lru_cache(maxsize=2048)
def short_date(moment: datetime, language: str) -> str:
    """`14 Dec 2026`, `১৪ ডিসে ২০২৬`; the day in Asia/Kolkata."""
    local = moment.astimezone(IST)
    text = f"{local.day} {_MONTHS[language][local.month - 1]} {local.year}"
    return text.translate(_BENGALI_DIGITS) if language == "bn" else text


def office_name(runtime: Runtime, code: str | None, language: str) -> str:
    department = runtime.reference.departments.get(code or "cmo") or runtime.reference.departments["cmo"]
    return department.name(language)


def compose(runtime: Runtime, template: str, row: Mapping[str, Any], given: Mapping[str, Any]) -> Sms:
    """The message of `template` about a complaint's `row`; `given` is what the action was given (a reason, an original)."""
    language = row["language"]
    entry = runtime.catalogue[template]
    values: dict[str, Any] = {
        "helpline": runtime.config.helpline.short_name,
        "ack": acknowledgement.display(row["ack"] or "00000000000"),
        "office": office_name(runtime, row["department_code"], language),
        "date": short_date(row["due_at"], language) if row["due_at"] else "",
        "news": short_date(row["news_at"], language) if row["news_at"] else "",
        "phone": runtime.config.helpline.display_number,
    }
    if "reason" in entry.placeholders:
        values["reason"] = runtime.catalogue.text(f"reason.{given.get('rejection_reason', 'no_grievance')}", language)
    if "original" in entry.placeholders:
        values["original"] = acknowledgement.display(given.get("original", "00000000000"))
    return runtime.catalogue.sms(template, language, **{name: values[name] for name in entry.placeholders})
