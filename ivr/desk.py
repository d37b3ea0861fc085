"""Callers and agents: what is heard while waiting, and how the two come together.

The carrier asks `waiting` again and again while a caller waits, `leg` when an agent's telephone is answered, and `room` when
the worker brings the caller to the agent (`helpline/switchboard.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, Row

from carriers.webhook import Webhook
from helpline import calls, complaints, dialling, fairness, numbers, queueing, switchboard
from helpline.complaints import CannotAct
from helpline.runtime import Runtime, utc_now
from helpline.text import row_id
from ivr import speech
from ivr.engines import Can
from ivr.menu import State
from ivr.speaking import Speaker, between
from ivr.steps import Ask, GoTo, HangUp, LeaveQueue, Pause, Queue, Ring, Room, Said, Say, Step

TALK_OVER = "/ivr/step?at=goodbye&l={language}&show=1"


class Desk:
    def __init__(self, runtime: Runtime, speaker: Speaker) -> None:
        self.runtime = runtime
        self.speaker = speaker

    # ── asking for a person ──

    def ask_for_agent(self, db: Connection, call: Row[Any], state: State, said: Sequence[Said]) -> list[Step]:
        """Agents signed on: wait for one. Else the agents' telephones ring; out of hours, or without any, a message."""
        now, voice = utc_now(), self.runtime.config.voice
        if not queueing.is_open(self.runtime, call.to_number, now):
            hours = queueing.line_of(self.runtime.config, call.to_number).office_hours
            return self.speaker.message(state, [*said, *self.speaker.closed(hours, state.language)])
        if self.speaker.engine.can(Can.QUEUE) and self._may_wait(db, state, now):
            told = complaints.get(db, call.complaint_id) if call.complaint_id else None
            behind = fairness.behind(db, self.runtime, numbers.e164(call.from_number), told, now)
            queueing.enter(db, call.sid, call.from_number, state.language, call.to_number, call.complaint_id, now, behind=behind)
            onward = f"l={state.language}&n={state.number + 1}"
            return [*said, *self.speaker.say("agent", state.language), Queue(f"/ivr/waiting?{onward}", self.speaker.address(state))]
        if not voice.agent_numbers:
            return self.speaker.message(state, [*said, *self.speaker.say("busy", state.language)])
        ring = Ring(voice.agent_numbers, self.speaker.address(state), self.runtime.config.helpline.number, voice.agent_ring_seconds)
        return [*said, *self.speaker.say("agent", state.language), ring]

    def _may_wait(self, db: Connection, state: State, now: Any) -> bool:
        if not queueing.is_anybody_there(db, self.runtime, state.language, now):
            return False
        return queueing.count_waiting(db) < self.runtime.config.queue.most_waiting

    def after_queue(self, db: Connection, sid: str, state: State, result: str) -> list[Step]:
        """The wait ended: by a choice of the caller's, or because the carrier could not go on."""
        row = queueing.of_call(db, sid)
        if result == "hangup":
            queueing.leave(db, sid, "left", utc_now())
            return [HangUp()]
        if row is not None and row.state == "callback":
            return [*self.speaker.say("queue.callback", state.language), HangUp()]
        if row is not None and row.state == "talking":
            return self._room(row)
        if row is not None:
            queueing.leave(db, sid, "message", utc_now())
        return self.speaker.message(state, self.speaker.say("busy", state.language))

    # ── while waiting ──

    def waiting(self, webhook: Webhook, db: Connection) -> list[Step]:
        """The place, the expected wait, and what else one can do: be rung back (1), leave a message (2)."""
        sid, language, now = webhook.get("CallSid")[:64], self._language(webhook), utc_now()
        row, key = queueing.of_call(db, sid), webhook.get("Digits")[:1]
        if row is None or row.state not in ("waiting", "ringing"):
            return [LeaveQueue()]
        calls.touch(db, sid, now)
        withheld = numbers.e164(webhook.get("From")) is None
        if key in _WISHES and not (withheld and _WISHES[key] == "callback"):
            queueing.leave(db, sid, _WISHES[key], now)
            return [LeaveQueue()]
        again = f"/ivr/waiting?l={language}&n=1"
        said = self._place(db, row, language, now, withheld)
        ask = Ask(again, tuple(said), digits=1, timeout=self.runtime.config.queue.announce_seconds, language=language)
        return [ask, GoTo(again)]

    def _place(self, db: Connection, row: Row[Any], language: str, now: Any, withheld: bool) -> list[Said]:
        place = queueing.place(db, self.runtime, row, now)
        minutes = max(1, round(place.seconds / 60))
        place_said = self.speaker.say("queue.place", language, n=speech.count(place.number, language), minutes=speech.count(minutes, language))
        return between([place_said, *self.speaker.choices("queue.withheld.choices" if withheld else "queue.choices", language)])

    def music(self, _webhook: Webhook, _db: Connection) -> list[Step]:
        """Heard on hold and in a room before the other comes: quiet."""
        return [Pause(10)]

    # ── together ──

    def leg(self, webhook: Webhook, db: Connection) -> list[Step]:
        """An agent's telephone was answered."""
        row = queueing.answered(db, _number(webhook.query.get("leg")), utc_now())
        if row is None:
            return [HangUp()]
        listens = queueing.purpose_of(db, _number(webhook.query.get("leg"))) == "listen"
        return [Room(switchboard.room(row.id), "/ivr/over", "/ivr/music", muted=listens)]

    def leg_status(self, webhook: Webhook, db: Connection) -> None:
        """What became of an agent's telephone. In a talk, any end but `completed` is a line that broke."""
        status = webhook.get("CallStatus").lower()
        if status in calls.ENDED:
            queueing.leg_ended(db, _number(webhook.query.get("leg")), utc_now(), broke=status != "completed")

    def room(self, webhook: Webhook, db: Connection) -> list[Step]:
        """The caller comes to the agent."""
        row = queueing.get(db, _number(webhook.query.get("waiting")))
        if row is None or row.state != "talking" or row.call_sid != webhook.get("CallSid"):
            return self._goodbye(row.language if row is not None else self._language(webhook))
        return self._room(row)

    def _room(self, row: Row[Any]) -> list[Step]:
        """The agents stay when the caller leaves for a moment (to hear what was typed); the end of the call ends theirs."""
        return [Room(switchboard.room(row.id), TALK_OVER.format(language=row.language), "/ivr/music")]

    def over(self, _webhook: Webhook, _db: Connection) -> list[Step]:
        """An agent's talk is over."""
        return [HangUp()]

    def _goodbye(self, language: str) -> list[Step]:
        return [*self.speaker.say("goodbye", language), HangUp()]

    # ── ringing a citizen from the complaint's page ──

    def dial(self, webhook: Webhook, db: Connection) -> list[Step]:
        """An agent's browser or telephone asks whom to ring: the citizen of the complaint that it was asked for, nobody else."""
        dial_id = _number(webhook.query.get("d") or webhook.get("dial"))
        row = dialling.begin(db, self.runtime, dial_id, webhook.get("CallSid"), webhook.get("From"), utc_now())
        if row is None:
            return [HangUp()]
        report = f"{self.runtime.config.public_url}/ivr/dial-answered?d={row.id}"
        return [Ring((row.number,), f"/ivr/dialled?d={row.id}", self.runtime.config.helpline.number, dialling.RING_SECONDS, report)]

    def dialled(self, webhook: Webhook, db: Connection) -> list[Step]:
        """How ringing the citizen ended."""
        dialling.over(db, self.runtime, dialling.get(db, _number(webhook.query.get("d"))), webhook.get("DialCallStatus").lower(), utc_now())
        return [HangUp()]

    def dial_answered(self, webhook: Webhook, db: Connection) -> None:
        if webhook.get("CallStatus").lower() in ("in-progress", "answered"):
            dialling.answered(db, _number(webhook.query.get("d")), utc_now())

    def dial_status(self, webhook: Webhook, db: Connection) -> None:
        """The agent's end is over: with it the citizen's, if that was not told before."""
        if webhook.get("CallStatus").lower() in calls.ENDED:
            row = dialling.get(db, _number(webhook.query.get("d"))) or dialling.by_sid(db, webhook.get("CallSid"))
            dialling.over(db, self.runtime, row, "canceled", utc_now())

    # ── reading back ──

    def read_back(self, webhook: Webhook, db: Connection) -> list[Step]:
        """What the agent typed is read to the caller, who confirms it with 1 or asks for a correction with 2; then back to the agent."""
        row = queueing.get(db, _number(webhook.query.get("waiting")))
        complaint = complaints.get(db, row.complaint_id) if row is not None and row.complaint_id else None
        if row is None or complaint is None:
            return self._room(row) if row is not None else self._goodbye(self._language(webhook))
        language, key = complaint.language, webhook.get("Digits")[:1]
        if key in _ANSWERS:
            try:
                complaints.act(db, self.runtime, complaint.id, "read_back", calls.CALLER, utc_now(), {"heard": _ANSWERS[key]})
            except CannotAct:
                return self._room(row)
            return [*self.speaker.say(f"read_back.{_ANSWERS[key]}", language), *self._room(row)]
        again = f"/ivr/read-back?waiting={row.id}&l={language}"
        said = between([self._told(complaint, language), *self.speaker.choices("read_back.choices", language)])
        return [Ask(again, tuple(said), digits=1, timeout=8, language=language), *self._room(row)]

    def _told(self, complaint: Row[Any], language: str) -> list[Said]:
        reference = self.runtime.reference
        category, district = reference.categories.get(complaint.category_code or ""), reference.districts.get(complaint.district_code or "")
        nothing = self.runtime.catalogue.text("voice.as_told", language)
        place = ", ".join(part for part in (complaint.place, district.name(language) if district else "") if part)
        said = [*self.speaker.say("read_back", language, category=category.name(language) if category else nothing),
                *self.speaker.say("read_back.place", language, place=place or nothing)]  # fmt: skip
        return [*said, Pause(), Say(complaint.description[:600], language)] if complaint.description else said

    def _language(self, webhook: Webhook) -> str:
        language = webhook.query.get("l", "")
        return language if language in self.runtime.config.helpline.languages else self.runtime.config.helpline.default_language


_WISHES = {"1": "callback", "2": "message"}
_ANSWERS = {"1": "confirmed", "2": "corrected"}
Handler = Callable[[Webhook, Connection], list[Step]]


def _number(text: str | None) -> int:
    return row_id(text) or 0
