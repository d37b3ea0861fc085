"""What an action takes: its fields, cleaned and checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from helpline import acknowledgement, lifecycle, numbers, sla
from helpline import text as texts
from helpline.doing import CannotAct
from helpline.lifecycle import Transition
from helpline.runtime import Runtime


def given_fields(runtime: Runtime, step: Transition, data: Mapping[str, Any], *, strict: bool = True) -> dict[str, Any]:
    """The fields of `data` that the step knows, cleaned; CannotAct("missing", field) for one that is empty or unfit."""
    given: dict[str, Any] = {}
    for name in step.requires + step.optional:
        value = _fit(runtime, name, data.get(name))
        if value is None and name in step.requires and strict:
            raise CannotAct("missing", name)
        if value is not None:
            given[name] = value
    if strict and step.action == "resolve" and 0 < len(given.get("report", "")) < runtime.config.casework.report_min_characters:
        raise CannotAct("too_short", "report")
    return given


def _fit(runtime: Runtime, name: str, value: Any) -> Any:
    text = texts.without_controls(str(value or "")).strip()[:4000]
    if known := _TABLES.get(name):
        return text if text in known(runtime) else None
    if rule := _FITTING.get(name):
        return rule(text)
    return text or None


def _rating(text: str) -> int | None:
    return int(text) if text in ("1", "2", "3", "4", "5") else None


def _day(text: str) -> str | None:
    """An ISO date within a hundred years, as text: events are JSON."""
    try:
        day = date.fromisoformat(text[:10])
    except ValueError:
        return None
    return day.isoformat() if 2000 < day.year < 2100 else None


_TABLES: dict[str, Callable[[Runtime], Any]] = {
    "category": lambda runtime: runtime.reference.categories,
    "office": lambda runtime: runtime.reference.offices,
    "district": lambda runtime: runtime.reference.districts,
    "local_body": lambda runtime: runtime.reference.bodies,
    "pincode": lambda runtime: runtime.reference.pincodes,
    "rejection_reason": lambda _: lifecycle.REJECTION_REASONS,
    "priority": lambda _: sla.PRIORITIES,
    "heard": lambda _: ("confirmed", "corrected"),
    "discreet": lambda _: ("yes", "no"),
    "called": lambda _: lifecycle.CALL_OUTCOMES,
}
_FITTING: dict[str, Callable[[str], Any]] = {
    "rating": _rating,
    "owner": texts.row_id,
    "officer": texts.row_id,
    "message": texts.row_id,
    "subtask": texts.row_id,
    "due_on": _day,
    "original": acknowledgement.normalise,
    "phone": numbers.e164,
    "harm_on": _day,
    "news_on": _day,
}
