"""Where would a complaint go, and why? The same decision that filing makes, explained."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request

from helpline import offices, routing, sla
from helpline.runtime import Runtime, utc_now


def register(blueprint: Blueprint, runtime: Runtime) -> None:
    @blueprint.get("/routing")
    def routing_page() -> str:
        asked = {name: request.args.get(name, "")[:80] for name in ("category", "district", "body", "priority")}
        return render_template("routing.html", asked=asked, **(_answer(runtime, asked) if request.args else {"decision": None}))


def _answer(runtime: Runtime, asked: dict[str, str]) -> dict[str, Any]:
    reference = runtime.reference
    category = reference.categories.get(asked["category"])
    decision = routing.decide(reference, asked["category"] or None, asked["district"] or None, asked["body"] or None)
    priority = asked["priority"] if asked["priority"] in sla.PRIORITIES else (category.priority if category else "normal")
    further = runtime.config.casework.escalate_after_share
    now = utc_now()
    levels, at = [], now
    for level in range(1, offices.TOP_LEVEL + 1):
        allowed = sla.target(reference, runtime.calendar, category.code if category else None, priority, level, further)
        if level == 1 or level > offices.level(decision.office_code):
            at = runtime.calendar.add(at, allowed.resolution)
            levels.append({"office": offices.at_level(decision.office_code, level), "until": at, "minutes": allowed.resolution})
    first = sla.target(reference, runtime.calendar, category.code if category else None, priority, 1, further)
    return {
        "decision": decision,
        "priority": priority,
        "response": runtime.calendar.add(now, first.response),
        "levels": levels,
        "keys": ["/".join(part or "*" for part in key) for key in routing.keys(asked["category"] or None, asked["district"] or None, asked["body"] or None)],
        "rules": reference.routes,
    }
