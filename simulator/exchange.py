"""Queues and rooms (conferences). Who is in a room hears what the others say."""

from __future__ import annotations

import time
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

if TYPE_CHECKING:
    from simulator.network import Network

Following = tuple[str, dict[str, str]]


class Exchange:
    def __init__(self, network: Network) -> None:
        self.network = network
        self.store = network.store

    # ── what the helpline asks of a call ──

    def redirect(self, sid: str, url: str) -> bool:
        """Let a call go on elsewhere, whatever it is doing; False when it is over."""
        if self.network.call(sid).state != "in-progress":
            return False
        self.store.run("DELETE FROM queued WHERE sid = ?", sid)
        self._leave_room(sid)
        self.network._follow(sid, url, {})
        return True

    def complete(self, sid: str) -> None:
        if self.network.call(sid).state == "ringing":
            self.network.turn_away(sid, "canceled")
        else:
            self.network.hang_up(sid)

    def hold(self, room: str, sid: str, held: bool) -> bool:
        known = self.store.row("SELECT sid FROM members WHERE room = ? AND sid = ?", room, sid)
        self.store.run("UPDATE members SET held = ? WHERE room = ? AND sid = ?", int(held), room, sid)
        if known:
            self.network._note(sid, "network", "♪ on hold" if held else "off hold")
        return known is not None

    # ── verbs ──

    def enqueue(self, sid: str, verb: ET.Element, base: str) -> Following:
        wait, action = (urljoin(base, verb.get(name) or base) for name in ("waitUrl", "action"))
        self.store.run("INSERT OR REPLACE INTO queued VALUES (?, ?, ?, ?)", sid, wait, action, time.time())
        return wait, self.queue_fields(sid)

    def queue_fields(self, sid: str) -> dict[str, str]:
        mine = self.store.row("SELECT since FROM queued WHERE sid = ?", sid) or {"since": time.time()}
        before = self.store.rows("SELECT sid FROM queued WHERE since < ?", mine["since"])
        return {"QueuePosition": str(len(before) + 1), "QueueTime": str(int(time.time() - mine["since"])), "AvgQueueTime": "0", "QueueSid": "QU" + "0" * 32}

    def leave(self, sid: str) -> Following | None:
        row = self.store.row("SELECT action FROM queued WHERE sid = ?", sid)
        self.store.run("DELETE FROM queued WHERE sid = ?", sid)
        return (row["action"], {"QueueResult": "leave"}) if row else None

    def join(self, sid: str, dial: ET.Element, base: str) -> None:
        room = dial.find("Conference")
        assert room is not None
        flags = [int(room.get(name) == "true") for name in ("endConferenceOnExit", "muted")]
        action = urljoin(base, dial.get("action") or base)
        self.store.run("INSERT OR REPLACE INTO members VALUES (?, ?, ?, ?, ?, 0)", sid, (room.text or "").strip(), action, *flags)
        self.network._note(sid, "network", "☎ connected")
        self.network._set(sid, {"verb": "Conference", "digits": None, "speech": False})

    def say(self, sid: str, text: str, audio: str = "") -> None:
        """Into the room: the others hear it, unless the speaker is muted or one of them held."""
        me = self.store.row("SELECT * FROM members WHERE sid = ?", sid)
        if me is None:
            return
        who = "agent" if self.network.call(sid).number.startswith("client:") else "caller"
        self.network._note(sid, who, text, voice=audio)
        if me["muted"] or me["held"]:
            return
        for other in self.store.rows("SELECT sid FROM members WHERE room = ? AND sid <> ? AND held = 0", me["room"], sid):
            self.network._note(other["sid"], who, text, voice=audio)

    def mute(self, sid: str, muted: bool) -> None:
        self.store.run("UPDATE members SET muted = ? WHERE sid = ?", int(muted), sid)

    def is_in_room(self, sid: str) -> bool:
        return self.store.row("SELECT sid FROM members WHERE sid = ?", sid) is not None

    def ended(self, sid: str) -> None:
        """A call is over: it waits nowhere and talks to nobody any more."""
        row = self.store.row("SELECT action FROM queued WHERE sid = ?", sid)
        self.store.run("DELETE FROM queued WHERE sid = ?", sid)
        if row:
            self.network._post_quietly(row["action"], sid, {"QueueResult": "hangup"})
        self._leave_room(sid)

    def _leave_room(self, sid: str) -> None:
        me: dict[str, Any] | None = self.store.row("SELECT * FROM members WHERE sid = ?", sid)
        self.store.run("DELETE FROM members WHERE sid = ?", sid)
        if not me or not me["ends"]:
            return
        for other in self.store.rows("SELECT * FROM members WHERE room = ?", me["room"]):
            self.store.run("DELETE FROM members WHERE sid = ?", other["sid"])
            self.network._follow(other["sid"], other["action"], {"DialCallStatus": "completed"})
