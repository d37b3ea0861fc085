"""Who is signed in, and what they may do: denied unless the table below allows it.

A session is a signed cookie with the account's number and epoch; it ends after `console.session_hours`, after
`console.idle_minutes` without a request, or when the account's epoch is raised.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, cast

from flask import Blueprint, Response, abort, g, redirect, request, session, url_for
from flask_wtf.csrf import generate_csrf, validate_csrf
from sqlalchemy import Connection, Row, insert, select
from sqlalchemy.exc import SQLAlchemyError
from wtforms import ValidationError

from helpline import numbers
from helpline.lifecycle import Role
from helpline.runtime import Runtime, utc_now
from models import Audit, User

TAKES_CALLS = (Role.AGENT, Role.CELL, Role.SUPERVISOR)
SEES_COMPLAINTS = (*TAKES_CALLS, Role.OFFICER, Role.MONITOR)
SEES_NUMBERS = (*TAKES_CALLS,)
SEES_FIGURES = (Role.CELL, Role.SUPERVISOR, Role.MONITOR, Role.OFFICER, Role.ADMINISTRATOR)
EVERYBODY = (*SEES_COMPLAINTS, Role.ADMINISTRATOR)
ANYBODY = ("anybody",)
BEFORE_A_NEW_PASSWORD = ("console.password", "console.sign_out", "console.language")
POLLED = ("console.newer", "console.bell", "console.here", "console.callbacks_list", "console.phone_now", "console.dialled")  # asked by pages on their own: not a person at work

# endpoint → who may. What is not here is refused.
MAY: dict[str, tuple[str, ...]] = {
    "console.static": ANYBODY,
    "console.sign_in": ANYBODY,
    "console.sign_out": EVERYBODY,
    "console.password": EVERYBODY,
    "console.language": ANYBODY,
    "console.home": EVERYBODY,
    "console.worklist": SEES_COMPLAINTS,
    "console.newer": SEES_COMPLAINTS,
    "console.office_options": SEES_COMPLAINTS,
    "console.complaint": SEES_COMPLAINTS,
    "console.act": (*TAKES_CALLS, Role.OFFICER),
    "console.preview": (*TAKES_CALLS, Role.OFFICER),
    "console.alert_list": SEES_COMPLAINTS,
    "console.bell": SEES_COMPLAINTS,
    "console.see_alerts": SEES_COMPLAINTS,
    "console.here": SEES_COMPLAINTS,
    "console.alike": SEES_COMPLAINTS,
    "console.bulk_preview": (*TAKES_CALLS, Role.OFFICER),
    "console.bulk_do": (*TAKES_CALLS, Role.OFFICER),
    "console.bulk_done": (*TAKES_CALLS, Role.OFFICER),
    "console.reply_texts": (Role.SUPERVISOR,),
    "console.save_reply_text": (Role.SUPERVISOR,),
    "console.attachment": SEES_COMPLAINTS,
    "console.thumbnail": SEES_COMPLAINTS,
    "console.recording": SEES_COMPLAINTS,
    "console.messages": TAKES_CALLS,
    "console.try_again": TAKES_CALLS,
    "console.rang": TAKES_CALLS,
    "console.callbacks_page": TAKES_CALLS,
    "console.callbacks_list": TAKES_CALLS,
    "console.feedback_page": TAKES_CALLS,
    "console.claim_feedback": TAKES_CALLS,
    "console.record_feedback": TAKES_CALLS,
    "console.claim_callback": TAKES_CALLS,
    "console.callback_outcome": TAKES_CALLS,
    "console.new": TAKES_CALLS,
    "console.save_draft": TAKES_CALLS,
    "console.register": TAKES_CALLS,
    "console.caller": TAKES_CALLS,
    "console.similar": TAKES_CALLS,
    "console.registered": TAKES_CALLS,
    "console.phone": TAKES_CALLS,
    "console.phone_now": TAKES_CALLS,
    "console.phone_state": TAKES_CALLS,
    "console.phone_token": TAKES_CALLS,
    "console.phone_call": TAKES_CALLS,
    "console.dial": TAKES_CALLS,
    "console.dialled": TAKES_CALLS,
    "console.cancel_dial": TAKES_CALLS,
    "console.board": (Role.SUPERVISOR, Role.MONITOR, Role.CELL),
    "console.listen_in": (Role.SUPERVISOR,),
    "console.reference": (Role.ADMINISTRATOR,),
    "console.reference_rows": (Role.ADMINISTRATOR,),
    "console.reference_row": (Role.ADMINISTRATOR,),
    "console.change_reference": (Role.ADMINISTRATOR,),
    "console.reference_csv": (Role.ADMINISTRATOR,),
    "console.import_reference": (Role.ADMINISTRATOR,),
    "console.routing_page": (Role.ADMINISTRATOR, Role.SUPERVISOR, Role.CELL, Role.MONITOR),
    "console.dashboard": SEES_FIGURES,
    "console.office_ranking": SEES_FIGURES,
    "console.places": SEES_FIGURES,
    "console.export": SEES_FIGURES,
    "console.monthly_report": SEES_FIGURES,
    "console.findings": (Role.CELL, Role.SUPERVISOR, Role.MONITOR, Role.ADMINISTRATOR),
    "console.suspicious": (Role.SUPERVISOR, Role.MONITOR),
    "console.settle_suspicion": (Role.SUPERVISOR,),
    "console.senders": (Role.SUPERVISOR,),
    "console.sender": (Role.SUPERVISOR,),
    "console.decide_sender": (Role.SUPERVISOR,),
    "console.audit_page": (Role.SUPERVISOR, Role.ADMINISTRATOR),
    "console.audit_export": (Role.SUPERVISOR, Role.ADMINISTRATOR),
    "console.figure": (Role.CELL, Role.SUPERVISOR, Role.MONITOR, Role.OFFICER),
    "console.accounts": (Role.ADMINISTRATOR,),
    "console.account": (Role.ADMINISTRATOR,),
    "console.edit_account": (Role.ADMINISTRATOR,),
    "console.absence": EVERYBODY,
    "console.set_absence": EVERYBODY,
    "console.add_account": (Role.ADMINISTRATOR,),
    "console.change_account": (Role.ADMINISTRATOR,),
}


def current() -> Row[Any]:
    """The signed-in account; only within a request that passed `guard`."""
    return cast("Row[Any]", g.user)


def guard(blueprint: Blueprint, runtime: Runtime) -> None:
    """Every request of the console passes here first."""

    @blueprint.before_request
    def check() -> Response | None:
        may = MAY.get(request.endpoint or "", ())
        g.user = None
        if request.endpoint == "console.static":
            return None
        _refuse_what_no_store_takes()
        g.user = _signed_in(runtime)
        if g.user is None and may != ANYBODY and "HX-Request" in request.headers:
            return _to_page("console.sign_in")  # before the form is found to be of a session that is over
        if request.method == "POST":
            _check_form()
        if may == ANYBODY:
            return None
        if g.user is None:
            return _to_page("console.sign_in", next=request.full_path if request.method == "GET" else None)
        if g.user.role not in may:
            abort(403)
        if g.user.must_change_password and request.endpoint not in BEFORE_A_NEW_PASSWORD:
            return _to_page("console.password")
        return None

    blueprint.after_request(protect)


def _to_page(endpoint: str, **values: Any) -> Response:
    """Another page instead; nothing, where a page asked for a part of itself: what is typed in it stays as it is."""
    if request.headers.get("HX-Request"):
        return Response(status=401)
    return cast(Response, redirect(url_for(endpoint, **values)))


def protect(response: Response) -> Response:
    """The headers of every page of the console."""
    response.headers.setdefault("Content-Security-Policy", "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; form-action 'self'; base-uri 'none'")
    response.headers["X-Frame-Options"] = "DENY"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    if request.endpoint != "console.static":
        response.headers["Cache-Control"] = "no-store"
    return response


def recognise(runtime: Runtime) -> None:
    """Who it is that asked for an address that no page has: such a request did not pass `guard`. Nobody, while the store is away."""
    if "user" in g:
        return
    g.user = None
    with suppress(SQLAlchemyError):
        g.user = _signed_in(runtime)


def _refuse_what_no_store_takes() -> None:
    """PostgreSQL has no NUL in its texts, and no browser sends one unless it is made to."""
    fields = (value for key, values in (*request.args.lists(), *request.form.lists()) for value in (key, *values))
    if "\x00" in request.path or any("\x00" in value for value in fields):
        abort(400)


def _check_form() -> None:
    try:
        validate_csrf(request.form.get("csrf_token") or request.headers.get("X-CSRF-Token"))
    except ValidationError:
        abort(400)


def _signed_in(runtime: Runtime) -> Row[Any] | None:
    key, now = session.get("user"), utc_now().timestamp()
    rules = runtime.config.console
    if not key or now - session.get("since", 0) > rules.session_hours * 3600 or now - session.get("seen", 0) > rules.idle_minutes * 60:
        return None
    with runtime.reading() as db:
        user = db.execute(select(User.__table__).where(User.id == key)).first()
    if user is None or not user.active or user.session_epoch != session.get("epoch"):
        return None
    if now - session["seen"] > 60 and request.endpoint not in POLLED:
        session["seen"] = now
    return user


def begin_session(user: Row[Any]) -> None:
    now = datetime.now(UTC).timestamp()
    chosen = session.get("language")
    session.clear()
    session.update(user=user.id, epoch=user.session_epoch, since=now, seen=now, language=chosen or user.language)


def end_session() -> None:
    chosen = session.get("language")
    session.clear()
    session["language"] = chosen


def language() -> str:
    """The language of the pages this person sees."""
    return "en" if session.get("language") == "en" else "bn"


def shown_number(number: str | None) -> str:
    """A telephone number as this person may see it."""
    if g.user is not None and g.user.role in SEES_NUMBERS:
        return numbers.national(number)
    return numbers.masked(number) if number else ""


def audit(db: Connection, action: str, complaint_id: int | None = None, **data: Any) -> None:
    row = {"at": utc_now(), "user_id": current().id, "action": action, "complaint_id": complaint_id, "data": data}
    db.execute(insert(Audit), [row])


csrf_token: Callable[[], str] = generate_csrf
