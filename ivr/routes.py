"""The voice line's webhooks.

A step that learns nothing touches no store: the whole state of the call travels in the address, which the carrier's signature
covers. A step that learns something is kept under the call's id and its number, with the answer: repeated, it gives the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog
from flask import Blueprint, Response, abort, request, send_file
from sqlalchemy import Connection, Row
from sqlalchemy.exc import IntegrityError

from carriers.webhook import Refused, Webhook, receive
from helpline import calls, checks, complaints, numbers, queueing
from helpline import text as texts
from helpline.journal import Line as Entry
from helpline.lifecycle import State as Life
from helpline.runtime import Runtime, utc_now
from ivr import kept, menu, outbound, sound, timing, twiml
from ivr.actions import ACTIONS, LEADS, TROUBLES
from ivr.beginning import first
from ivr.desk import Desk, Handler
from ivr.kept import sid_of
from ivr.menu import MAX_ARG, Answer, Do, Move, State
from ivr.recorded import audio_directory
from ivr.speaking import Speaker, between, for_whom
from ivr.speech import spoken_key
from ivr.steps import HangUp, Step
from ivr.tree import TREE
from ivr.turn import AFTER_FAULT, Turn
from models import is_away

log = structlog.get_logger()
MAX_SILENCE = 5000  # milliseconds
MAX_WORDS = 400  # characters of what was recognised
# Nodes that tell something of the store: rendered inside a transaction.
TELLING = frozenset({"agent", "whose", "summary", "registered", "told", "solved", "problem_review", "out", "out_solved"})
# Where a caller who rings off wants something of us: their coming there is kept, though the step learns nothing else.
MARKED = frozenset({"status", "add", "reopen", "problem", "place", "name"})
# What a caller wanted whose step failed.
WANTED = MARKED | {"agent", "category"}


class TreeError(checks.LifecycleError):
    """The call tree does not fit together; one line a fault."""


def faults(runtime: Runtime) -> list[str]:
    """What does not fit together in the call tree, or is too much for a caller: checked at every start."""
    found = menu.faults(TREE, ACTIONS, LEADS, [entry.key for entry in runtime.catalogue])
    found += [f"ivr: prompt {name} is missing" for name in TROUBLES if f"voice.{name}" not in runtime.catalogue]
    if found:
        return found
    found = timing.too_deep(TREE, LEADS) + timing.without_a_person(TREE) + timing.unsaid_keys(TREE, runtime.catalogue)
    return found + timing.too_long(runtime.config, runtime.reference, runtime.catalogue)


def create_blueprint(runtime: Runtime) -> Blueprint:
    """Raises TreeError when the tree, its actions and prompts do not fit together."""
    found = faults(runtime)
    if found:
        raise TreeError("\n".join(found))
    line = Line(runtime)
    blueprint = Blueprint("ivr", __name__, url_prefix="/ivr")
    for path, handler in (("/incoming", line.incoming), ("/step", line.step), ("/fallback", line.fallback)):
        blueprint.add_url_rule(path, path.strip("/"), _spoken(runtime, line, handler), methods=["POST"])
    blueprint.add_url_rule("/outbound", "outbound", _spoken(runtime, line, lambda webhook: outbound.answered(line, webhook)), methods=["POST"])
    blueprint.add_url_rule("/outbound/status", "outbound_status", _silent(runtime, line, lambda webhook: outbound.ended(runtime, webhook)), methods=["POST"])
    desk = line.desk
    for path, told in (("/waiting", desk.waiting), ("/leg", desk.leg), ("/room", desk.room), ("/music", desk.music), ("/over", desk.over), ("/read-back", desk.read_back),
                       ("/dial", desk.dial), ("/dialled", desk.dialled)):  # fmt: skip
        blueprint.add_url_rule(path, path.strip("/"), _spoken(runtime, line, line.at_desk(told)), methods=["POST"])
    for path, silent in (("/status", line.ended), ("/recording", line.recorded), ("/leg-status", line.leg_status),
                         ("/dial-answered", line.silently(desk.dial_answered)), ("/dial-status", line.silently(desk.dial_status))):  # fmt: skip
        blueprint.add_url_rule(path, path.strip("/"), _silent(runtime, line, silent), methods=["POST"])

    @blueprint.get("/audio/silence/<int:length>.wav")
    def silence(length: int) -> Response:
        """A pause of `length` milliseconds, for engines that cannot pause."""
        if not 0 < length <= MAX_SILENCE:
            abort(404)
        return Response(sound.silence(length), mimetype="audio/wav", headers={"Cache-Control": "public, max-age=86400"})

    @blueprint.get("/audio/<language>/<name>.wav")
    def audio(language: str, name: str) -> Response:
        """A recorded prompt. Only files that stand in the prompts' directory."""
        directory = audio_directory(runtime.config).resolve()
        path = (directory / language / f"{name}.wav").resolve()
        if directory not in path.parents or not Path(path).is_file():
            abort(404)
        return send_file(path, mimetype="audio/wav", max_age=3600)

    return blueprint


def take_in(runtime: Runtime, entry: Entry) -> None:
    """A request of a call that was kept in the journal. Raises what the store raises."""
    kept.take_in(Line(runtime), entry)


def _webhook(runtime: Runtime) -> Webhook:
    secrets = runtime.config.secrets
    check = runtime.config.carriers.twilio.check_signatures
    tokens = (secrets.twilio_auth_token, secrets.twilio_auth_token_next) if check else ()
    return receive(request.environ, request.get_data(), runtime.config.public_url, tokens)


def _spoken(runtime: Runtime, line: Line, handler: Any) -> Any:
    def view() -> Response:
        try:
            webhook = _webhook(runtime)
        except Refused:
            return Response("refused\n", status=403, mimetype="text/plain")
        try:
            body = handler(webhook)
        except Exception as error:
            _failed(line, webhook, error)
            body = line.apology(webhook)
        return Response(body, mimetype="text/xml")

    return view


def _failed(line: Line, webhook: Webhook, error: Exception) -> None:
    """What the request told is kept; a store that is away is said in one line, anything else with its place."""
    if is_away(error):
        log.error("ivr.store_away", call=sid_of(webhook), error=type(error).__name__)
    else:
        log.exception("ivr.failed", call=sid_of(webhook), at=webhook.query.get("at", "")[:20])
    kept.keep(line, request.path, webhook, error)


def _silent(runtime: Runtime, line: Line, handler: Any) -> Any:
    """A report: the carrier does nothing with its answer, and does not bring it again."""

    def view() -> Response:
        try:
            webhook = _webhook(runtime)
        except Refused:
            return Response("refused\n", status=403, mimetype="text/plain")
        try:
            handler(webhook)
        except Exception as error:
            _failed(line, webhook, error)
        return Response("", status=204)

    return view


class Line:
    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.speaker = Speaker(runtime)
        self.desk = Desk(runtime, self.speaker)
        self.speaker.for_agent = self.desk.ask_for_agent
        self.voices: dict[str, str] = {str(lang): voice for lang, voice in runtime.config.voices.items()}

    # ── requests ──

    def incoming(self, webhook: Webhook) -> str:
        """A call comes in. A number that chose before is greeted in its language at once."""
        now, caller = utc_now(), numbers.e164(webhook.get("From"))
        with self.runtime.writing() as db:
            call = self._begin(db, webhook, now)
            language = calls.language_of(db, caller)
            if language is None:
                greeting = self.speaker.greeting(self.runtime.config.helpline.default_language)
                return self.render(self.speaker.steps(State("language"), lambda: db, call, before=greeting))
            calls.set_language(db, call, language, now)
            state = first(db, self.runtime, caller, State("main", language), now)
            return self.render(self.speaker.steps(state, lambda: db, call, before=self.speaker.greeting(language)))

    def _begin(self, db: Connection, webhook: Webhook, now: datetime) -> Row[Any]:
        return calls.begin(db, sid_of(webhook), webhook.get("From").replace("\x00", ""), webhook.get("To").replace("\x00", ""), now)

    def step(self, webhook: Webhook) -> str:
        state = self._state(webhook)
        if state.at == "agent" and webhook.get("DialCallStatus"):
            return self._after_ringing(webhook, state)
        if state.at == "agent" and webhook.get("QueueResult"):
            with self.runtime.writing() as db:
                return self.render(self.desk.after_queue(db, sid_of(webhook), state, webhook.get("QueueResult")))
        if webhook.query.get("show"):
            move = Move(state)
        else:
            move = menu.step(TREE, state, self._answer(webhook), self.speaker.codes)
        if move.action is None and move.state.at not in TELLING:
            if move.state.at != state.at and (state.number == 0 or move.state.at in MARKED):
                self._mark(webhook, move.state.at)
            return self.render(self.speaker.steps(move.state, self._no_store, None, move.trouble))
        key = f"step:{sid_of(webhook)}:{state.number}:{state.at}"[:120]
        if move.action == Do("register"):
            return self._register(webhook, move, key) or self._learn(webhook, move, key)
        return self._learn(webhook, move, key)

    def _mark(self, webhook: Webhook, node: str) -> None:
        """Keep where the caller is. It helps whoever rings back, so a fault here is not the caller's."""
        try:
            with self.runtime.directly() as db:
                db.write([calls.reaching(sid_of(webhook), node, utc_now())], lasting=False)
        except Exception:
            log.exception("ivr.not_marked", call=sid_of(webhook), at=node)

    def _register(self, webhook: Webhook, move: Move, key: str) -> str | None:
        """The usual filing: this call's draft is registered, in one write. None when anything is unusual (registered before,
        no draft, delivered twice at once): then nothing was written."""
        now = utc_now()
        with self.runtime.directly() as db:
            draft = calls.complaint_of(db, sid_of(webhook))
            if draft is None or draft.state != Life.DRAFT or not draft.category_code:
                return None
            filed, writes = complaints.registering(self.runtime, draft, calls.CALLER, now)
            following = replace(move.state, at="registered", arg=str(filed.id))
            told = self.speaker.values.number_told(filed.ack, draft.phone, following.language)
            answer = self.render(self.speaker.steps(following, self._no_store, None, move.trouble, told))
            try:
                db.write([*writes, calls.storing(key, webhook.fields, answer, filed.id, now)])
            except IntegrityError:
                return None
            return answer

    def _learn(self, webhook: Webhook, move: Move, key: str, *, said: bool = True) -> str:
        """Run the move's action and keep the answer, once for each step of each call. Without `said` nobody hears an answer."""
        sid, now = sid_of(webhook), webhook.at or utc_now()
        try:
            with self.runtime.writing() as db:
                if stored := self._told_before(db, key):
                    return stored
                call = self._begin(db, webhook, now)
                turn = Turn(db, self.runtime, call, move.state, self._fields(webhook), now)
                following = self._act(turn, move.action) if move.action else move.state
                if move.onto:
                    following = replace(following, at=move.onto, arg="")
                came_to = _asked_at(following.at) if said else move.state.at  # who did not hear the answer did not get there
                calls.reached(db, sid, came_to, now, fulfilled=said and following.at in calls.FULFILLING)
                if call.ended_at is not None:  # the report of the end overtook this step
                    calls.finish(db, self.runtime, sid, now)
                answer = self.render(self.speaker.steps(following, lambda: db, turn.call, turn.prompt or move.trouble) if said else [HangUp()])
                if move.action is not None:
                    calls.store_answer(db, key, webhook.fields, answer, turn.call.answers.get("draft"), now)
                return answer
        except IntegrityError:  # the same step in another process at the same moment: its answer stands
            with self.runtime.writing() as db:
                if stored := self._told_before(db, key):
                    return stored
            raise

    def _told_before(self, db: Connection, key: str) -> str | None:
        stored = calls.stored_answer(db, key)
        if stored:
            self.runtime.await_disk()
        return stored

    def _act(self, turn: Turn, action: Do) -> State:
        return ACTIONS[action.action](turn, action.value)

    def _after_ringing(self, webhook: Webhook, state: State) -> str:
        if webhook.get("DialCallStatus") in ("completed", "answered"):
            self._mark(webhook, "goodbye")
            return self.render([*self.speaker.say("goodbye", state.language), HangUp()])
        return self.render(self.speaker.message(state, self.speaker.say("busy", state.language)))

    def ended(self, webhook: Webhook) -> None:
        """The carrier's report of a call; the last one finishes what was begun."""
        outcome, now = webhook.get("CallStatus").lower(), webhook.at or utc_now()
        if outcome not in calls.ENDED:
            return
        with self.runtime.writing() as db:
            if webhook.get("From") and not webhook.get("Direction").startswith("outbound"):
                self._begin(db, webhook, now)  # one of which nothing reached us before
            queueing.end(db, sid_of(webhook), now)
            calls.end(db, self.runtime, sid_of(webhook), outcome, now, seconds=_seconds(webhook.get("CallDuration")))

    def at_desk(self, handler: Handler) -> Callable[[Webhook], str]:
        """A request about a caller and an agent, in one transaction."""

        def answer(webhook: Webhook) -> str:
            with self.runtime.writing() as db:
                return self.render(handler(webhook, db))

        return answer

    def silently(self, handler: Callable[[Webhook, Connection], None]) -> Callable[[Webhook], None]:
        """A report about an agent's call, in one transaction."""

        def take(webhook: Webhook) -> None:
            with self.runtime.writing() as db:
                handler(webhook, db)

        return take

    def leg_status(self, webhook: Webhook) -> None:
        with self.runtime.writing() as db:
            self.desk.leg_status(webhook, db)

    def recorded(self, webhook: Webhook) -> None:
        """A recording is ready. It may come before the step that it belongs to, or after the call."""
        with self.runtime.writing() as db:
            self.keep_recording(db, webhook, webhook.at or utc_now())

    def keep_recording(self, db: Connection, webhook: Webhook, now: datetime) -> None:
        """What was said, where the request carries it: with the call's complaint, or one of its own when the call is over."""
        sid, purpose = sid_of(webhook), webhook.query.get("purpose", "")[:12]
        if not purpose and (node := TREE.get(webhook.query.get("at", ""))) is not None:
            purpose = getattr(node, "purpose", "")
        call = calls.get(db, sid)
        draft = call.answers.get("draft") if call is not None else None
        calls.keep_recording(db, sid, self._fields(webhook), purpose if purpose in _PURPOSES else "message", draft, now)
        if call is not None and call.ended_at is not None:
            calls.finish(db, self.runtime, sid, now)

    # ── faults ──

    def meet_fault(self, db: Connection, webhook: Webhook, now: datetime) -> None:
        state = self._state(webhook)
        at = state.at if state.language else ""
        calls.meet_fault(db, sid_of(webhook), webhook.get("From").replace("\x00", ""), webhook.get("To").replace("\x00", ""), at, state.language, now)

    def learn_again(self, webhook: Webhook) -> None:
        """A step that was kept: what it told is learned once; nobody hears the answer, and nobody is put into the queue."""
        state = self._state(webhook)
        if webhook.query.get("show") or webhook.get("DialCallStatus") or webhook.get("QueueResult"):
            return
        move = menu.step(TREE, state, self._answer(webhook), self.speaker.codes)
        if move.action is not None:
            self._learn(webhook, move, f"step:{sid_of(webhook)}:{state.number}:{state.at}"[:120], said=False)
        elif move.state.at in WANTED:
            with self.runtime.writing() as db:
                calls.reached(db, sid_of(webhook), move.state.at, webhook.at or utc_now())

    def fallback(self, webhook: Webhook) -> str:
        """The carrier comes here when another address of ours failed."""
        with self.runtime.writing() as db:
            self.meet_fault(db, webhook, utc_now())
        return self.apology(webhook)

    def apology(self, webhook: Webhook) -> str:
        """A fault of ours: said in the caller's language (in all of them, while it is not known), with a message as the way on."""
        state, speaker = self._state(webhook), self.speaker
        languages = [state.language] if state.language else list(self.runtime.config.helpline.languages)
        state = replace(state, language=languages[0])
        if webhook.query.get("leg") or webhook.query.get("d") or webhook.get("dial"):  # an agent's telephone
            return self.render([HangUp()])
        if state.at == "message":  # it was recorded by the carrier, and is kept: say so and end, rather than turn in a circle
            return self.render([*speaker.say(for_whom("kept", state.withheld), state.language), *speaker.say("goodbye", state.language), HangUp()])
        said = between([speaker.say(key, language) for language in languages for key in ("fault", for_whom("message_fault", state.withheld))])
        return self.render(speaker.message(state, said, "", AFTER_FAULT))

    # ── reading and rendering ──

    def _state(self, webhook: Webhook) -> State:
        query = webhook.query
        at = query.get("at", "")
        language = query.get("l", "")
        known = language if language in self.voices else ""
        if at not in TREE or (not known and at != "language"):
            at, known = ("main" if known else "language"), known
        withheld = numbers.e164(webhook.get("From")) is None
        return State(at, known, query.get("a", "")[:MAX_ARG], _count(query.get("n")), _count(query.get("s")), _count(query.get("w")), withheld)

    def _answer(self, webhook: Webhook) -> Answer:
        digits = texts.fold_digits(webhook.get("Digits"))[:40]
        recorded = bool(webhook.get("RecordingUrl")) and webhook.get("RecordingDuration") != "0"
        if webhook.query.get("quiet") and not recorded:
            return Answer()
        digits = "".join(ch for ch in digits if ch in "0123456789*#")
        speech = "" if digits else webhook.get("SpeechResult").replace("\x00", "").strip()[:MAX_WORDS]
        if key := spoken_key(speech):
            digits, speech = key, ""
        return Answer(digits.strip("#"), speech, recorded, early=bool(webhook.query.get("early")))

    def _fields(self, webhook: Webhook) -> dict[str, str]:
        """What came, without what no store takes; a recording that an engine names by its address alone gets its id."""
        fields = {name: value.replace("\x00", "") for name, value in webhook.fields.items()}
        if fields.get("RecordingUrl") and not fields.get("RecordingSid"):
            fields["RecordingSid"] = fields["RecordingUrl"].rstrip("/").rpartition("/")[2][:64]
        return fields

    def render(self, steps: list[Step]) -> str:
        return twiml.render(steps, self.voices, self.speaker.engine, self.speaker.audio)

    def _no_store(self) -> Connection:
        raise RuntimeError("this node reads no store")


_PURPOSES = frozenset({"problem", "name", "addition", "message"})


def _asked_at(name: str) -> str:
    """The node where the caller is asked something: what is told leads on in the same answer."""
    node = TREE[name]
    return str(node.then) if isinstance(node, menu.Say) and name not in calls.FULFILLING else name


def _seconds(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 8 else None


def _count(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 6 else 0
