"""The staff's pages: sign-in, worklists, the on-call form, the complaint page, undelivered messages, accounts."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Flask, make_response, render_template, request
from werkzeug.routing import IntegerConverter, Map

from agent_console import (
    access,
    accounts,
    alarm,
    asking,
    bulk_page,
    callbacks,
    casework,
    dashboards,
    exporting,
    files,
    intake,
    messages,
    oversight,
    reference_data,
    reply_texts,
    routing_page,
    senders,
    sign_in,
    telephone,
    texts,
    together,
    worklist,
)
from helpline import acknowledgement, lifecycle, places
from helpline import text as helpline_text
from helpline.runtime import Runtime, utc_now
from helpline.text import LARGEST_ID

PARTS = (
    sign_in,
    worklist,
    casework,
    alarm,
    files,
    together,
    bulk_page,
    reply_texts,
    intake,
    asking,
    callbacks,
    messages,
    accounts,
    reference_data,
    routing_page,
    dashboards,
    exporting,
    oversight,
    senders,
    telephone,
)

# The pages in the header, each for whoever may see it.
NAVIGATION = (
    ("console.worklist", "nav.worklist"),
    ("console.dashboard", "nav.dashboard"),
    ("console.new", "nav.new"),
    ("console.phone", "nav.phone"),
    ("console.callbacks_page", "nav.callbacks"),
    ("console.feedback_page", "nav.feedback"),
    ("console.board", "nav.board"),
    ("console.messages", "nav.messages"),
    ("console.reply_texts", "nav.replies"),
    ("console.suspicious", "nav.suspicions"),
    ("console.senders", "nav.senders"),
    ("console.findings", "nav.findings"),
    ("console.routing_page", "nav.routing"),
    ("console.audit_page", "nav.audit"),
    ("console.accounts", "nav.accounts"),
    ("console.reference", "nav.reference"),
)


class RowId(IntegerConverter):
    """A row's id in an address; what no store has as an id is not found."""

    def __init__(self, url_map: Map) -> None:
        super().__init__(url_map, max=LARGEST_ID)


def register(app: Flask, runtime: Runtime) -> None:
    """Add the console to `app` under /console. Raises TextsError when its sentences do not fit together."""
    app.url_map.converters["rowid"] = RowId
    blueprint = Blueprint("console", __name__, url_prefix="/console", template_folder="templates", static_folder="static")
    app.config.update(SESSION_COOKIE_HTTPONLY=True, SESSION_COOKIE_SAMESITE="Lax", SESSION_COOKIE_PATH="/console",
                      SESSION_COOKIE_SECURE=runtime.config.public_url.startswith("https://"), WTF_CSRF_TIME_LIMIT=None)  # fmt: skip
    access.guard(blueprint, runtime)
    for part in PARTS:
        part.register(blueprint, runtime)
    _give_templates(blueprint, runtime)
    app.register_blueprint(blueprint)
    for code in (400, 403, 404, 405, 413, 500):
        app.register_error_handler(code, _fault(code, runtime))


def _fault(code: int, runtime: Runtime) -> Any:
    def page(_error: Exception) -> Any:
        if not request.path.startswith("/console"):
            return f"{code}\n", code, {"Content-Type": "text/plain"}
        access.recognise(runtime)
        return access.protect(make_response(render_template("fault.html", code=code), code))

    return page


def _give_templates(blueprint: Blueprint, runtime: Runtime) -> None:
    catalogue, language = texts.shipped(), access.language

    def t(key: str, **values: Any) -> str:
        return catalogue.get(key, language(), **values)

    def digits(value: object) -> str:
        return helpline_text.to_bengali_digits(str(value)) if language() == "bn" else str(value)

    def name_of(table: str, code: str | None) -> str:
        entries: Any = getattr(runtime.reference, table)
        return entries[code].name(language()) if code in entries else ""

    def place(district_code: str | None, written: str | None) -> str:
        return places.written(runtime.reference, district_code, written or "", language())

    @blueprint.app_context_processor
    def give() -> dict[str, Any]:
        return {
            "t": t, "has_text": catalogue.__contains__, "ui_language": language, "digits": digits, "csrf_token": access.csrf_token,
            "when": lambda moment: texts.when(moment, language()), "on_day": lambda day: texts.on_day(day, language()), "day_of": texts.day_of,
            "day": lambda moment: texts.day(moment, language()),
            "place_of": lambda row: place(row.district_code, row.place), "place": place,
            "worktime": lambda minutes: texts.worktime(minutes, runtime.calendar.day_minutes, language()), "phone": access.shown_number, "name_of": name_of,
            "ack": lambda number: acknowledgement.display(number) if number else "", "kind_of": lambda s: lifecycle.KIND[lifecycle.State(s)],
            "now": utc_now, "nav": NAVIGATION, "audit_details": lambda row, language: oversight.details(row, language, runtime.reference), "audit_word": lambda action: oversight.word(action, language()),
            "reference": runtime.reference, "settings": runtime.config,
            "may": lambda e: may(e),
            "is_late": lambda row: bool(row.due_at and row.due_at < utc_now() and lifecycle.is_open(row.state) and row.state != "resolved"),
        }  # fmt: skip

    def may(endpoint: str) -> bool:
        from flask import g

        user = g.get("user")
        if user is None or (user.must_change_password and endpoint not in access.BEFORE_A_NEW_PASSWORD):
            return False
        return user.role in access.MAY.get(endpoint, ())
