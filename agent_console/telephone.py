"""The agents' telephone in the browser, and the supervisors' board of the queue.

The page stands in a tab of its own: it keeps the line while the agent works elsewhere. Sound is the carrier's affair (its SDK,
or the simulated network's); what is done to the call is written to the queue's rows and carried out by the worker.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, abort, jsonify, redirect, render_template, request, url_for
from sqlalchemy import Connection, Row, select

from agent_console import access
from carriers import twilio
from helpline import dialling, queueing
from helpline.runtime import Runtime, utc_now
from helpline.text import row_id
from models import User

LANGUAGES = ("bn", "en", "hi")
# Where the carrier's SDK connects to.
SOUND = "default-src 'self'; connect-src 'self' wss://*.twilio.com https://*.twilio.com; media-src 'self' blob: mediastream:; img-src 'self' data:; frame-ancestors 'none'; form-action 'self'; base-uri 'none'"


def register(blueprint: Blueprint, runtime: Runtime) -> None:
    @blueprint.get("/phone")
    def phone() -> Response:
        html = render_template("telephone.html", device=runtime.config.carriers.voice, identity=f"agent-{access.current().id}", languages=LANGUAGES, **_now(runtime))
        return Response(html, headers={"Content-Security-Policy": SOUND})

    @blueprint.get("/phone/now")
    def phone_now() -> str:
        """The agent's state and call: asked every two seconds, which also says that the browser is there."""
        with runtime.writing() as db:
            queueing.beat(db, access.current().id, utc_now())
        return render_template("telephone_now.html", **_now(runtime))

    @blueprint.post("/phone/state")
    def phone_state() -> str:
        """Ready for calls, away for a while, or gone home."""
        wanted, user = request.form.get("state", ""), access.current()
        languages = tuple(code for code in LANGUAGES if code in request.form.getlist("languages")) or LANGUAGES
        with runtime.writing() as db:
            if wanted in queueing.CHOSEN:
                queueing.sign_on(db, user.id, languages, utc_now(), wanted)
            else:
                queueing.sign_off(db, user.id)
        return render_template("telephone_now.html", **_now(runtime))

    @blueprint.get("/phone/token")
    def phone_token() -> Any:
        """What the carrier's SDK needs to be rung; 404 while the simulated network is in use."""
        secrets = runtime.config.secrets
        if runtime.config.carriers.voice != "twilio" or not secrets.twilio_api_key:
            abort(404)
        token = twilio.browser_token(secrets.twilio_account_sid, (secrets.twilio_api_key, secrets.twilio_api_secret), f"agent-{access.current().id}", runtime.config.carriers.twilio.app_sid)
        return jsonify({"token": token})

    @blueprint.post("/phone/call/<do>")
    def phone_call(do: str) -> Any:
        """Hold, take back, pass on, leave, read back: for one's own call."""
        user, now = access.current(), utc_now()
        with runtime.writing() as db:
            call = queueing.call_of(db, user.id)
            if call is None or do not in _DOING:
                abort(404)
            said = _DOING[do](db, call, user, now)
        return render_template("telephone_now.html", said=said, **_now(runtime))

    @blueprint.post("/dials/cancel")
    def cancel_dial() -> str:
        """What the browser has not begun to ring is not rung."""
        with runtime.writing() as db:
            dialling.cancel(db, access.current().id, utc_now())
        return render_template("telephone_now.html", **_now(runtime))

    @blueprint.get("/board")
    def board() -> str:
        template = "board_now.html" if request.headers.get("HX-Request") else "board.html"
        with runtime.reading() as session:
            db, now = session.connection(), utc_now()
            return render_template(template, board=queueing.board(db, runtime, now), calls=queueing.calls_now(db), agents=queueing.agents_now(db, runtime, now),
                                   listening=runtime.config.queue.listening_in, target=runtime.config.queue.target_seconds)  # fmt: skip

    @blueprint.post("/board/<rowid:waiting_id>/listen")
    def listen_in(waiting_id: int) -> Any:
        """A supervisor hears a call, unheard; the agent's page shows it, and the audit keeps it."""
        if not runtime.config.queue.listening_in:
            abort(404)
        user = access.current()
        with runtime.writing() as db:
            row = queueing.get(db, waiting_id)
            if row is None or row.state != "talking":
                abort(404)
            queueing.add_leg(db, waiting_id, user.id, "listen", utc_now())
            access.audit(db, "call.listened", row.complaint_id, waiting=waiting_id)
        return redirect(url_for("console.phone"))


def _now(runtime: Runtime) -> dict[str, Any]:
    user, now = access.current(), utc_now()
    with runtime.reading() as session:
        db = session.connection()
        attendance, call = queueing.attendance(db, user.id), queueing.call_of(db, user.id)
        others = [row for row in queueing.agents_now(db, runtime, now) if row.user_id != user.id] if call is not None else []
        return {
            "attendance": attendance,
            "call": call,
            "dial": dialling.of_user(db, user.id),
            "colleagues": [row for row in others if row.state in ("available", "wrap_up")],
            "in_it": queueing.in_call(db, call.id) if call is not None else [],
            "waiting_count": queueing.count_waiting(db),
            "seconds": lambda moment: max(0, round((now - moment).total_seconds())) if moment else 0,
        }


def _hold(db: Connection, call: Row[Any], _user: Any, _now_: Any) -> str:
    queueing.hold(db, call.id, True)
    return ""


def _unhold(db: Connection, call: Row[Any], _user: Any, _now_: Any) -> str:
    queueing.hold(db, call.id, False)
    return ""


def _leave(db: Connection, call: Row[Any], user: Any, now: Any) -> str:
    queueing.withdraw(db, call.id, user.id, now)
    return ""


def _pass_on(db: Connection, call: Row[Any], user: Any, now: Any) -> str:
    """Blind: the colleague is rung and this agent leaves when they answer; announced: the two speak first; joined: all three."""
    colleague, how = row_id(request.form.get("colleague")), request.form.get("how", "announced")
    known = db.scalar(select(User.id).where(User.id == colleague, User.active)) if colleague else None
    if known is None or queueing.bring_in(db, call.id, known, now, announce=how == "announced") is None:
        return "phone.not_free"
    if how == "blind":
        queueing.withdraw_when_taken(db, call.id, user.id)
    return "phone.ringing_colleague"


def _read_back(db: Connection, call: Row[Any], _user: Any, _now_: Any) -> str:
    return "phone.reading_back" if queueing.ask_read_back(db, call.id) else "phone.nothing_to_read"


_DOING = {"hold": _hold, "unhold": _unhold, "leave": _leave, "pass-on": _pass_on, "read-back": _read_back}
