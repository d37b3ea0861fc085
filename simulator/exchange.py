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

    # ── one call rings another telephone (Dial, Number) ──

    def ring_through(self, sid: str, dial: ET.Element, number: ET.Element, base: str) -> None:
        """`number` rings; picked up, the two talk; then the call goes on at the Dial's action."""
        child, seconds = self.network._new_id("CA"), dial.get("timeout", "30")
        line = (number.text or "").strip()
        action, report = (urljoin(base, address) if address else "" for address in (dial.get("action", ""), number.get("statusCallback", "")))
        self.store.run("INSERT INTO calls VALUES (?, ?, ?, 'ringing', NULL, ?)", child, line, self.network.settings.helpline_number, time.time())
        self.store.run("INSERT INTO placed VALUES (?, '', '', ?)", child, time.time() + (int(seconds) if seconds.isdigit() else 30))
        self.store.run("INSERT INTO bridges VALUES (?, ?, ?, ?)", child, sid, action or base, report)
        self.network._note(sid, "network", f"☎ {line} rings")
        self.network._set(sid, {"verb": "Ringing", "digits": None, "speech": False})

    def is_rung_through(self, sid: str) -> bool:
        return self._bridge(sid) is not None

    def _bridge(self, sid: str) -> dict[str, Any] | None:
        return self.store.row("SELECT * FROM bridges WHERE sid = ?", sid)

    def put_through(self, sid: str) -> None:
        bridge = self._bridge(sid)
        assert bridge is not None
        self.store.run("UPDATE calls SET state = 'in-progress', started = ? WHERE sid = ?", time.time(), sid)
        for member, action in ((sid, ""), (bridge["parent"], bridge["action"])):
            self.store.run("INSERT OR REPLACE INTO members VALUES (?, ?, ?, 1, 0, 0)", member, f"bridge-{sid}", action)
            self.network._note(member, "network", "☎ connected")
            self.network._set(member, {"verb": "Conference", "digits": None, "speech": False})
        if bridge["report"]:
            self.network._post_quietly(bridge["report"], sid, {"CallStatus": "in-progress", "ParentCallSid": bridge["parent"]})

    def not_through(self, sid: str, outcome: str) -> None:
        """Turned away, or not picked up in time: told to the call that rang it, while that is there."""
        bridge = self._bridge(sid)
        if bridge and self.network.call(bridge["parent"]).state == "in-progress":
            self.network._follow(bridge["parent"], bridge["action"], {"DialCallStatus": outcome})

    def _stop_ringing_for(self, sid: str) -> None:
        """Whoever rang off does not ring anybody any more."""
        for child in self.store.rows("SELECT c.sid FROM calls c JOIN bridges b ON b.sid = c.sid WHERE b.parent = ? AND c.state = 'ringing'", sid):
            self.store.run("UPDATE calls SET state = 'canceled' WHERE sid = ?", child["sid"])

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
        self._stop_ringing_for(sid)
        self._leave_room(sid)

    def _leave_room(self, sid: str) -> None:
        me: dict[str, Any] | None = self.store.row("SELECT * FROM members WHERE sid = ?", sid)
        self.store.run("DELETE FROM members WHERE sid = ?", sid)
        if not me or not me["ends"]:
            return
        for other in self.store.rows("SELECT * FROM members WHERE room = ?", me["room"]):
            self.store.run("DELETE FROM members WHERE sid = ?", other["sid"])
            if not other["action"]:  # it was rung by the one that left
                self.network._end(other["sid"])
                continue
            self.network._follow(other["sid"], other["action"], {"DialCallStatus": "completed"})
