"""The simulated telephones as a web page, and the carrier's REST API beside them. Development only.

The page's server calls the helpline inside the same process (WSGI): the web processes are single-threaded, and one that asked
itself over the network would wait for ever.
"""

from __future__ import annotations

import hmac
import threading
from base64 import b64decode
from collections.abc import Callable
from typing import Any

import httpx
from flask import Blueprint, Flask, Response, abort, current_app, jsonify, render_template, request

from simulator import history, sound
from simulator.network import Network
from simulator.settings import LINES, Settings
from simulator.twiml import ApplicationError

CSP = "default-src 'self'; media-src 'self' blob:; frame-ancestors 'none'"
MAX_WAV = 6_000_000
MAX_FILE = 12_000_000  # in base64
PICTURES = ("image/jpeg", "image/png", "image/webp")


def create_blueprint(settings: Settings) -> Blueprint:
    blueprint = Blueprint("simulator", __name__, url_prefix="/simulator", template_folder="templates", static_folder="static")
    _page(blueprint, settings)
    _phone_api(blueprint, settings)
    _carrier_api(blueprint, settings)
    return blueprint


def in_process(app: Flask, settings: Settings) -> Network:
    """The network, speaking to `app` without a socket."""
    client = httpx.Client(transport=httpx.WSGITransport(app=app), base_url=settings.public_url, timeout=30)
    return Network(settings, client)


def _network(settings: Settings) -> Network:
    return in_process(current_app._get_current_object(), settings)  # type: ignore[attr-defined]


def _page(blueprint: Blueprint, settings: Settings) -> None:
    @blueprint.get("/")
    def page() -> Response:
        """The telephones."""
        html = render_template("phone.html", lines=LINES, helpline=settings.helpline_number)
        return Response(html, headers={"Content-Security-Policy": CSP, "Cache-Control": "no-store"})


def _phone_api(blueprint: Blueprint, settings: Settings) -> None:
    def action(name: str, do: Callable[[Network, dict[str, Any]], Any]) -> None:
        def view() -> Response:
            if request.headers.get("X-Simulator") != "1":  # another site's form cannot set it
                abort(403)
            given = request.get_json(silent=True) or {}
            network = _network(settings)
            try:
                done = do(network, given)
            except KeyError:
                abort(404)
            except ApplicationError as error:
                return jsonify({"error": f"The helpline's answer could not be used ({error.code})."})
            return jsonify(done)

        blueprint.add_url_rule(f"/api/{name}", name, view, methods=["POST"])

    action("dial", lambda n, g: _call(n.dial(_line(g))))
    action("press", lambda n, g: _call(n.press(str(g["sid"]), _keys(g))))
    action("speak", lambda n, g: _call(n.speak(str(g["sid"]), str(g.get("text", ""))[:2000], str(g.get("language", "bn"))[:2])))
    action("pickup", lambda n, g: _call(n.pick_up(str(g["sid"]))))
    action("turnaway", lambda n, g: _call(n.turn_away(str(g["sid"]), "no-answer" if g.get("late") else "busy")))
    action("silence", lambda n, g: _call(n.silence(str(g["sid"]))))
    action("hangup", lambda n, g: _call(n.hang_up(str(g["sid"]), text=str(g.get("text", ""))[:2000])))
    action("text", lambda n, g: {"replies": n.text(_line(g), str(g.get("body", ""))[:10_000])})
    action("text_with", lambda n, g: {"replies": n.text(_line(g), str(g.get("body", ""))[:10_000], media=_files(g))})
    action("agents", lambda n, g: n.store.run("INSERT OR REPLACE INTO switches VALUES ('agents', ?)",
                                              "answered" if g.get("answer") else "no-answer"))  # fmt: skip

    action("connect", lambda n, g: _call(n.connect(_client(g), {"dial": str(g.get("dial", ""))[:20]})))
    action("ringing", lambda n, g: {"call": n.ringing(_end_of(g))})
    action("mute", lambda n, g: n.exchange.mute(str(g["sid"]), bool(g.get("muted"))))
    action("listen", lambda n, g: _call(n.call(str(g["sid"]))))

    @blueprint.post("/api/record")
    def record() -> Response:
        """What the microphone took, as WAV."""
        if request.headers.get("X-Simulator") != "1":
            abort(403)
        wav = request.get_data()[:MAX_WAV]
        if wav[:4] != b"RIFF":
            abort(400)
        return jsonify(_call(_network(settings).speak(request.args.get("sid", ""), "", wav=wav)))

    @blueprint.get("/api/media/<sid>")
    def sent_along(sid: str) -> Response:
        """A picture of a message, for the page's own thread."""
        row = _network(settings).store.row("SELECT type, content FROM media WHERE sid = ?", sid)
        if row is None:
            abort(404)
        return Response(row["content"], mimetype=row["type"] if row["type"] in PICTURES else "application/octet-stream", headers={"X-Content-Type-Options": "nosniff"})

    @blueprint.get("/api/audio/<sid>.wav")
    def spoken_into_a_room(sid: str) -> Response:
        """What somebody said in a room, for the others to hear."""
        row = _network(settings).store.row("SELECT wav FROM recordings WHERE sid = ?", sid)
        if row is None:
            abort(404)
        return Response(row["wav"], mimetype="audio/wav", headers={"Cache-Control": "no-store"})

    @blueprint.get("/api/thread")
    def thread() -> Response:
        """The messages of a number, and all that the helpline sent."""
        network = _network(settings)
        number = request.args.get("number", "")
        own = [] if number == "anonymous" else network.messages(number)
        sent = network.store.rows("SELECT * FROM messages WHERE sender = ? ORDER BY seq DESC LIMIT 30", settings.helpline_number)
        shown = ("sid", "sender", "recipient", "body", "status", "code")
        network.stop_overdue()
        return jsonify({"ringing": network.ringing(number), "messages": [{k: m[k] for k in shown} | {"media": network.media_of(m["sid"])} for m in own], "sent": [{k: m[k] for k in shown} for m in sent],
                        "agents": network.store.switch("agents", "no-answer") == "answered"})  # fmt: skip


def _files(given: dict[str, Any]) -> list[tuple[str, bytes]]:
    """The files of the page: [{type, base64}]."""
    files = given.get("files")
    try:
        return [(str(file["type"])[:80], b64decode(str(file["base64"])[:MAX_FILE])) for file in (files if isinstance(files, list) else [])[:10]]
    except (ValueError, TypeError, KeyError):
        abort(400)


def _line(given: dict[str, Any]) -> str:
    number = str(given.get("number", ""))
    if number not in dict(LINES):
        abort(400)
    return number


def _end_of(given: dict[str, Any]) -> str:
    """A telephone of the page, or an agent's browser."""
    to = str(given.get("to", ""))
    return to if to.startswith("client:") else _line({"number": to})


def _client(given: dict[str, Any]) -> str:
    client = str(given.get("from", ""))
    if not client.startswith("client:"):
        abort(400)
    return client


def _keys(given: dict[str, Any]) -> str:
    return "".join(ch for ch in str(given.get("keys", "")) if ch in "0123456789*#")[:40]


def _call(call: Any) -> dict[str, Any]:
    asked = call.pending or {}
    return {"sid": call.sid, "state": call.state, "asks": asked.get("verb"), "digits": asked.get("digits"), "speech": asked.get("speech"),
            "heard": [{"who": h.who, "text": h.text, "language": h.language, "audio": h.voice if h.voice.startswith("RE") else ""} for h in call.heard]}  # fmt: skip


# ── the carrier's REST API, as the official SDK calls it ────────────────────────────────────────────────────────────


def _carrier_api(blueprint: Blueprint, settings: Settings) -> None:
    base = f"/carrier/2010-04-01/Accounts/{settings.account_sid}"

    def authorised() -> None:
        kind, _, given = request.headers.get("Authorization", "").partition(" ")
        wanted = f"{settings.account_sid}:{settings.auth_token}".encode()
        try:
            right = kind == "Basic" and hmac.compare_digest(b64decode(given), wanted)
        except ValueError:
            right = False
        if not right:
            abort(Response('{"code": 20003, "message": "Authenticate", "status": 401}', status=401, mimetype="application/json"))

    @blueprint.post(f"{base}/Messages.json")
    def create_message() -> tuple[Response, int]:
        authorised()
        to, body = request.form.get("To", ""), request.form.get("Body", "")
        if not to.startswith("+") or not body:
            return jsonify({"code": 21211, "message": "Invalid 'To' Phone Number", "status": 400}), 400
        network = _network(settings)
        sid = network.accept(to, body, request.form.get("StatusCallback", ""))
        app = current_app._get_current_object()  # type: ignore[attr-defined]
        threading.Timer(0.3, lambda: in_process(app, settings).deliver(sid)).start()
        return jsonify(_message(settings, network, sid)), 201

    history.register(blueprint, base, settings, authorised, lambda: _network(settings))

    @blueprint.post(f"{base}/Calls.json")
    def create_call() -> tuple[Response, int]:
        authorised()
        to, url = request.form.get("To", ""), request.form.get("Url", "")
        if not to.startswith(("+", "client:")) or not url.startswith("http"):
            return jsonify({"code": 21211, "message": "Invalid 'To' Phone Number", "status": 400}), 400
        network, timeout = _network(settings), request.form.get("Timeout", "60")
        sid = network.ring_up(to, url, request.form.get("StatusCallback", ""), int(timeout) if timeout.isdigit() else 60)
        return jsonify(_call_resource(settings, network, sid)), 201

    @blueprint.get(f"{base}/Calls/<sid>.json")
    def fetch_call(sid: str) -> tuple[Response, int]:
        authorised()
        network = _network(settings)
        if network.store.row("SELECT sid FROM calls WHERE sid = ?", sid) is None:
            return jsonify({"code": 20404, "message": "not found", "status": 404}), 404
        return jsonify(_call_resource(settings, network, sid)), 200

    _calls_api(blueprint, settings, base, authorised)

    @blueprint.get(f"{base}/Recordings/<sid>.wav")
    @blueprint.get(f"{base}/Calls/<_call>/Recordings/<sid>.wav")
    def recording(sid: str, _call: str = "") -> Response:
        authorised()
        row = _network(settings).store.row("SELECT wav FROM recordings WHERE sid = ?", sid)
        if row is None:
            abort(404)
        return Response(row["wav"], mimetype="audio/x-wav")

    @blueprint.get(f"{base}/Messages/<message>/Media.json")
    def media_list(message: str) -> Response:
        authorised()
        path = f"/2010-04-01/Accounts/{settings.account_sid}/Messages/{message}/Media"
        rows = _network(settings).media_of(message)
        return jsonify({"media_list": [{"sid": row["sid"], "content_type": row["type"], "uri": f"{path}/{row['sid']}.json"} for row in rows]})

    @blueprint.get(f"{base}/Messages/<message>/Media/<sid>")
    def media(message: str, sid: str) -> Response:
        """What came with a message, as the carrier keeps it."""
        authorised()
        row = _network(settings).store.row("SELECT type, content FROM media WHERE message_sid = ? AND sid = ?", message, sid)
        if row is None:
            abort(404)
        return Response(row["content"], mimetype=row["type"])

    @blueprint.get("/api/spoken.wav")
    def spoken() -> Response:
        """A prompt read aloud, where espeak-ng is installed."""
        return Response(sound.spoken(request.args.get("text", "")[:500], request.args.get("language", "bn")[:2]), mimetype="audio/wav")


def _call_resource(settings: Settings, network: Network, sid: str) -> dict[str, Any]:
    row = network.store.row("SELECT c.*, e.at AS ended, p.sid IS NOT NULL AS ours FROM calls c LEFT JOIN ended e ON e.sid = c.sid "
                            "LEFT JOIN placed p ON p.sid = c.sid WHERE c.sid = ?", sid)  # fmt: skip
    return history.call(settings, row) if row else {}


def _calls_api(blueprint: Blueprint, settings: Settings, base: str, authorised: Callable[[], None]) -> None:
    """Calls that the helpline moves and ends, and rooms, as the official SDK asks for them."""

    def soon(do: Callable[[Network], Any]) -> None:
        """After the answer: what it leads to asks the helpline again."""
        app = current_app._get_current_object()  # type: ignore[attr-defined]
        threading.Timer(0.05, lambda: do(in_process(app, settings))).start()

    @blueprint.post(f"{base}/Calls/<sid>.json")
    def change_call(sid: str) -> tuple[Response, int]:
        authorised()
        try:
            state = _network(settings).call(sid).state
        except KeyError:
            return jsonify({"code": 20404, "message": "not found", "status": 404}), 404
        if state not in ("ringing", "in-progress"):
            return jsonify({"code": 21220, "message": "Call is not in-progress", "status": 400}), 400
        form = request.form.to_dict()
        if form.get("Status") in ("completed", "canceled"):
            soon(lambda network: network.exchange.complete(sid))
        elif form.get("Url"):
            soon(lambda network: network.exchange.redirect(sid, form["Url"]))
        return jsonify(_call_resource(settings, _network(settings), sid)), 200

    @blueprint.get(f"{base}/Conferences.json")
    def conferences() -> Response:
        authorised()
        name = request.args.get("FriendlyName", "")
        found: list[dict[str, Any]] = [{"sid": f"CF{name}", "friendly_name": name, "status": "in-progress", "account_sid": settings.account_sid, "subresource_uris": {},
                  "uri": "", "api_version": "2010-04-01", "date_created": None, "date_updated": None, "region": "in1"}]  # fmt: skip
        return jsonify({"conferences": found, "page": 0, "page_size": 50, "next_page_uri": None, "first_page_uri": "", "uri": ""})

    @blueprint.post(f"{base}/Conferences/<conference>/Participants/<sid>.json")
    def participant(conference: str, sid: str) -> tuple[Response, int]:
        authorised()
        held = request.form.get("Hold", "") == "true"
        if not _network(settings).exchange.hold(conference.removeprefix("CF"), sid, held):
            return jsonify({"code": 20404, "message": "not found", "status": 404}), 404
        shown = {"account_sid": settings.account_sid, "call_sid": sid, "conference_sid": conference, "hold": held, "muted": False, "status": "connected"}
        return jsonify(shown), 200


def _message(settings: Settings, network: Network, sid: str) -> dict[str, Any]:
    row = network.store.row("SELECT * FROM messages WHERE sid = ?", sid)
    return history.message(settings, row) if row else {}
