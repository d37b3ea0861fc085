"""A carrier that speaks Twilio's HTTP protocol, signed: calls that follow TwiML, and messages.

A call runs until it needs the caller (keys, speech, silence) and keeps where it is in the store, so that every request of a
web page can go on with it. The HTTP client is given: over the network, or into the application itself.

Calls can be carried as Somleng does, strictly: keys alone, a verb that it does not know ends the document and the call, ids are
UUIDs, a recording is told by its address, without the key that ended it, and an empty one still asks `action`.
"""

from __future__ import annotations

import hmac
import json
import secrets
import time
import uuid
import xml.etree.ElementTree as ET
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urljoin

import httpx

from simulator import sound, twiml
from simulator.exchange import Exchange
from simulator.settings import FAILING, LINES, Settings
from simulator.store import Store
from simulator.twiml import ApplicationError

FILES = "http://fallback.invalid/"  # where the files of the fallback are, as far as addresses go
MAX_TURNS = 40  # documents without the caller doing anything: a loop
_NOTHING_RECORDED = {"RecordingDuration": "0"}
_SOMLENG_VOICES = ("Azure.", "Polly.", "Basic.")


@dataclass(frozen=True)
class Heard:
    who: str  # helpline | caller | network
    text: str
    language: str = ""
    voice: str = ""


@dataclass
class Call:
    sid: str
    number: str
    state: str  # in-progress | completed
    pending: dict[str, Any] | None
    heard: list[Heard] = field(default_factory=list)


class Network:
    def __init__(self, settings: Settings, client: httpx.Client) -> None:
        self.settings = settings
        self.store = Store(settings.database)
        self._client = client
        self._is_somleng = settings.engine == "somleng"
        self.exchange = Exchange(self)

    # ── calls ──

    def dial(self, number: str) -> Call:
        sid = self._new_id("CA")
        self.store.run("INSERT INTO calls VALUES (?, ?, ?, 'in-progress', NULL, ?)", sid, number, self.settings.helpline_number, time.time())
        self._follow(sid, self.settings.incoming_call, {})
        return self.call(sid)

    # ── calls of the helpline's ──

    def ring_up(self, number: str, url: str, report: str, seconds: int = 30) -> str:
        """The helpline calls `number`: the telephone rings until it is picked up, turned away, or the time is over."""
        sid = self._new_id("CA")
        self.store.run("INSERT INTO calls VALUES (?, ?, ?, 'ringing', NULL, ?)", sid, number, self.settings.helpline_number, time.time())
        self.store.run("INSERT INTO placed VALUES (?, ?, ?, ?)", sid, url, report, time.time() + seconds)
        return sid

    def connect(self, client: str, params: dict[str, str]) -> Call:
        """An agent's browser (`client:…`) calls: whom, the helpline says to `params`."""
        sid = self._new_id("CA")
        self.store.run("INSERT INTO calls VALUES (?, ?, '', 'in-progress', NULL, ?)", sid, client, time.time())
        self._follow(sid, self.settings.browser_call, params)
        return self.call(sid)

    def ringing(self, number: str) -> str | None:
        """The call that rings at `number` now."""
        row = self.store.row("SELECT sid FROM calls WHERE number = ? AND state = 'ringing' ORDER BY started DESC", number)
        return str(row["sid"]) if row else None

    def pick_up(self, sid: str, *, by: str = "human") -> Call:
        """Somebody, or a machine (`by`: human, machine_start, machine_end_beep, …), answers."""
        self.stop_overdue()
        placed = self._placed(sid)
        if placed and self.call(sid).state == "ringing" and self.exchange.is_rung_through(sid):
            self.exchange.put_through(sid)
        elif placed and self.call(sid).state == "ringing":
            self.store.run("UPDATE calls SET state = 'in-progress', started = ? WHERE sid = ?", time.time(), sid)
            self._follow(sid, placed["url"], {"AnsweredBy": by})
        return self.call(sid)

    def turn_away(self, sid: str, outcome: str = "busy") -> Call:
        """It is not answered: `busy`, `no-answer` or `failed`."""
        if self.call(sid).state == "ringing":
            self.store.run("UPDATE calls SET state = ? WHERE sid = ?", outcome, sid)
            if self.exchange.is_rung_through(sid):
                self.exchange.not_through(sid, outcome)
            else:
                self._post_quietly(self._report_of(sid), sid, {"CallStatus": outcome, "CallDuration": "0"})
        return self.call(sid)

    def stop_overdue(self) -> None:
        """What rang for too long."""
        for row in self.store.rows("SELECT c.sid FROM calls c JOIN placed p ON p.sid = c.sid WHERE c.state = 'ringing' AND p.until < ?", time.time()):
            self.turn_away(row["sid"], "no-answer")

    def _placed(self, sid: str) -> dict[str, Any] | None:
        return self.store.row("SELECT * FROM placed WHERE sid = ?", sid)

    def _report_of(self, sid: str) -> str:
        placed = self._placed(sid)
        if placed:
            return str(placed["report"])
        return self.settings.browser_status if self.call(sid).number.startswith("client:") else self.settings.call_status

    def _new_id(self, kind: str) -> str:
        return str(uuid.uuid4()) if self._is_somleng else kind + secrets.token_hex(16)

    def call(self, sid: str) -> Call:
        row = self.store.row("SELECT * FROM calls WHERE sid = ?", sid)
        if row is None:
            raise KeyError(sid)
        heard = [Heard(h["who"], h["text"], h["language"], h["voice"])
                 for h in self.store.rows("SELECT * FROM heard WHERE sid = ? ORDER BY id", sid)]  # fmt: skip
        return Call(sid, row["number"], row["state"], self.store.pending(sid), heard)

    def press(self, sid: str, keys: str) -> Call:
        """Keys pressed at what is asked now: a Gather takes as many as it wants, a Record ends at its finishing key."""
        pending = self._asked(sid)
        while keys and pending and pending["verb"] in ("Gather", "Record"):
            keys = self._press_at(sid, pending, keys)
            pending = self.store.pending(sid)
        return self.call(sid)

    def _press_at(self, sid: str, pending: dict[str, Any], keys: str) -> str:
        if pending["verb"] == "Record":
            return self._press_at_record(sid, pending, keys)
        wanted = pending["digits"] or len(keys)
        taken, rest = keys[:wanted], keys[wanted:]
        if pending["finish"] and pending["finish"] in taken:
            end = taken.index(pending["finish"])
            taken, rest = taken[:end], keys[end + 1 :]
        elif rest.startswith(pending["finish"] or "\0") and len(taken) == wanted and pending["digits"] and wanted > 1:
            rest = rest[1:]
        self._note(sid, "caller", f"[{taken}]")
        self._follow(sid, pending["action"], {"Digits": taken, "FinishedOnKey": pending["finish"]})
        return rest

    def _press_at_record(self, sid: str, pending: dict[str, Any], keys: str) -> str:
        """Before the beep a key goes where the words' Gather sends it; `#` only cuts the words short. Then it ends the recording."""
        key, rest = keys[0], keys[1:]
        self._note(sid, "caller", f"[{key}]")
        if pending.get("early") and key != "#":
            self._follow(sid, pending["early"], {"Digits": key})
        elif pending.get("early"):
            self._set(sid, {**pending, "early": ""})
        elif self._is_somleng:
            self._empty(sid, pending)
        else:
            self._follow(sid, pending["action"], {"Digits": key, **_NOTHING_RECORDED})
        return rest

    def _empty(self, sid: str, pending: dict[str, Any]) -> None:
        """Nothing was said after the beep."""
        if self._is_somleng:
            self._follow(sid, pending["action"], {"RecordingUrl": self._recording_url(sid, self._new_id("RE")), **_NOTHING_RECORDED})
        else:
            self._go_on(sid, pending["rest"], pending["base"])

    def speak(self, sid: str, text: str, language: str = "bn", wav: bytes | None = None, ending: str = "#") -> Call:
        """Speech into what is asked now: recognised at a Gather that takes speech, recorded at a Record until the key `ending`."""
        pending = self._asked(sid)
        if pending and pending["verb"] == "Conference":
            audio = self._recorded(sid, wav)["RecordingSid"] if wav else ""
            self.exchange.say(sid, text or "🎤", audio)
        elif pending and pending["verb"] == "Record":
            self._note(sid, "caller", text or "🎤")
            fields = self._recorded(sid, wav or sound.spoken(text, language))
            self._report_recording(sid, pending, fields)
            self._follow(sid, pending["action"], self._told(fields, ending))
        elif pending and pending.get("speech") and not self._is_somleng:
            self._note(sid, "caller", text)
            self._follow(sid, pending["action"], {"SpeechResult": text, "Confidence": "0.91"})
        elif pending:
            self._note(sid, "caller", text)
            self.silence(sid)
        return self.call(sid)

    def silence(self, sid: str) -> Call:
        """Nothing is said or pressed until the time is over."""
        pending = self._asked(sid)
        if pending and pending["verb"] == "Gather" and pending["empty"]:
            self._note(sid, "caller", "…")
            self._follow(sid, pending["action"], {"Digits": ""})
        elif pending and pending["verb"] == "Record":
            self._note(sid, "caller", "…")
            self._empty(sid, pending)
        elif pending and pending["verb"] == "Wait":
            self._follow(sid, pending["wait"], self.exchange.queue_fields(sid))
        elif pending and "rest" in pending:
            self._note(sid, "caller", "…")
            self._go_on(sid, pending["rest"], pending["base"])
        return self.call(sid)

    def hang_up(self, sid: str, *, text: str = "", wav: bytes | None = None, seconds: int | None = None) -> Call:
        """The caller rings off, perhaps in the middle of a recording that had begun (`text` or `wav`), after so many seconds."""
        pending = self.store.pending(sid)
        row = self.store.row("SELECT state FROM calls WHERE sid = ?", sid)
        if row is None or row["state"] != "in-progress":
            return self.call(sid)
        if pending and pending["verb"] == "Record" and (text or wav):
            self._note(sid, "caller", text or "🎤")
            fields = self._recorded(sid, wav or sound.spoken(text))
            self._report_recording(sid, pending, fields)
            if not self._is_somleng:
                self._post_quietly(pending["action"], sid, {**fields, "Digits": "hangup", "CallStatus": "completed"})
        self._end(sid, seconds)
        return self.call(sid)

    def break_off(self, sid: str) -> Call:
        """The line of a call that we were rung by breaks: the carrier reports it as failed."""
        if self.call(sid).state == "in-progress":
            self._end(sid, outcome="failed")
        return self.call(sid)

    def _asked(self, sid: str) -> dict[str, Any] | None:
        return self.store.pending(sid) if self.call(sid).state == "in-progress" else None

    def _recorded(self, sid: str, wav: bytes) -> dict[str, str]:
        recording = self._new_id("RE")
        length = sound.seconds(wav)
        self.store.run("INSERT INTO recordings VALUES (?, ?, ?, ?, ?)", recording, sid, wav, length, time.time())
        return {"RecordingSid": recording, "RecordingUrl": self._recording_url(sid, recording), "RecordingDuration": str(length)}

    def _recording_url(self, sid: str, recording: str) -> str:
        account = f"{self.settings.public_url}/simulator/carrier/2010-04-01/Accounts/{self.settings.account_sid}"
        return f"{account}/Calls/{sid}/Recordings/{recording}" if self._is_somleng else f"{account}/Recordings/{recording}"

    def _told(self, fields: dict[str, str], ending: str) -> dict[str, str]:
        """What `action` is told of a recording."""
        if self._is_somleng:
            return {name: fields[name] for name in ("RecordingUrl", "RecordingDuration")}
        return {**fields, "Digits": ending}

    def _report_recording(self, sid: str, pending: dict[str, Any], fields: dict[str, str]) -> None:
        if pending.get("report"):
            self._post_quietly(pending["report"], sid, {**fields, "RecordingStatus": "completed"})

    def _follow(self, sid: str, url: str, fields: dict[str, str]) -> None:
        """Ask the application what to do, and do it until the caller is needed. A fault leads to the fallback, once each."""
        self._set(sid, None)
        address, fallbacks = urljoin(self.settings.public_url + "/", url), self._fallbacks()
        for _ in range(MAX_TURNS):
            try:
                following = self._carry_out(sid, list(self._ask(address, self._call_fields(sid, fields))), address)
            except ApplicationError as error:
                if fallbacks and not address.startswith(FILES):
                    address, fields = fallbacks.pop(0), {"ErrorCode": error.code, "ErrorUrl": address}
                    continue
                self._note(sid, "network", f"We are sorry, an application error has occurred. ({error.code})")
                self._end(sid)
                return
            if following is None:
                return
            address, fields = following
        self._note(sid, "network", "We are sorry, an application error has occurred. (loop)")
        self._end(sid)

    def _fallbacks(self) -> list[str]:
        """Where a carrier goes when an address failed, one after the other."""
        addresses = [urljoin(self.settings.public_url + "/", self.settings.call_fallback)] if self.settings.call_fallback else []
        return addresses + ([f"{FILES}voice.xml"] if self.settings.fallback_files else [])

    def _ask(self, address: str, fields: dict[str, str]) -> ET.Element:
        """The document of an address: the application's, or a file of the fallback."""
        if not address.startswith(FILES):
            return twiml.document(self._post(address, fields))
        try:
            return ET.fromstring((Path(self.settings.fallback_files) / Path(address).name).read_bytes())  # noqa: S314 - files of ours
        except (OSError, ET.ParseError):
            raise ApplicationError("11200") from None

    def _go_on(self, sid: str, rest: list[str], base: str) -> None:
        following = self._carry_out(sid, [ET.fromstring(part) for part in rest], base)  # noqa: S314 - our own copy
        if following:
            self._follow(sid, following[0], following[1])

    def _carry_out(self, sid: str, verbs: list[ET.Element], base: str) -> tuple[str, dict[str, str]] | None:
        """The verbs in order; an address to ask next, or None when the caller is needed or the call is over."""
        early = ""
        for position, verb in enumerate(verbs):
            twiml.check(verb, self.settings.engine)
            if verb.tag in ("Say", "Play"):
                self._hear(sid, verb)
            elif verb.tag in ("Gather", "Record"):
                for child in verb:
                    self._hear(sid, child)
                if twiml.is_words_before_beep(verb, verbs[position + 1 :]):
                    early = urljoin(base, verb.get("action") or base)
                    continue
                rest = [ET.tostring(v, encoding="unicode") for v in verbs[position + 1 :]]
                self._set(sid, {**twiml.question(verb, urljoin(base, verb.get("action") or base), base, rest), "early": early})
                return None
            elif verb.tag == "Redirect":
                return urljoin(base, (verb.text or "").strip()), {}
            elif verb.tag == "Enqueue":
                return self.exchange.enqueue(sid, verb, base)
            elif verb.tag == "Leave":
                return self.exchange.leave(sid)
            elif verb.tag == "Dial" and verb.find("Conference") is not None:
                self.exchange.join(sid, verb, base)
                return None
            elif verb.tag == "Dial":
                return self._ring(sid, verb, base)
            elif verb.tag in ("Hangup", "Reject"):
                break
        else:
            if queued := self.store.row("SELECT wait FROM queued WHERE sid = ?", sid):
                self._set(sid, {"verb": "Wait", "wait": queued["wait"], "digits": None, "speech": False})  # what is heard while waiting begins again
                return None
        self._end(sid)
        return None

    def _ring(self, sid: str, dial: ET.Element, base: str) -> tuple[str, dict[str, str]] | None:
        """A simulated telephone rings; any other number answers as the switch of the page says."""
        number = next((node for node in dial if (node.text or "").strip() in dict(LINES)), None)
        if number is not None:
            self.exchange.ring_through(sid, dial, number, base)
            return None
        answers = self.store.switch("agents", "no-answer")
        who = ", ".join((n.text or "") for n in dial) or (dial.text or "")
        self._note(sid, "network", f"☎ {who}: {answers}")
        return urljoin(base, dial.get("action") or base), {"DialCallStatus": "completed" if answers == "answered" else answers}

    def _hear(self, sid: str, verb: ET.Element) -> None:
        if verb.tag == "Say":
            voice = verb.get("voice", "")
            if self._is_somleng and not voice.startswith(_SOMLENG_VOICES):
                voice = "Basic.Kal"  # a voice that it does not know: its own, which speaks English
            self._note(sid, "helpline", twiml.words(verb), verb.get("language", ""), voice)
        elif verb.tag == "Play":
            self._note(sid, "helpline", f"♪ {(verb.text or '').strip()}")

    def _end(self, sid: str, seconds: int | None = None, outcome: str = "completed") -> None:
        """`seconds`: how long it is said to have lasted; by the clock unless given."""
        row = self.store.row("SELECT started FROM calls WHERE sid = ?", sid) or {"started": time.time()}
        self.store.run("UPDATE calls SET state = 'completed', pending = NULL WHERE sid = ?", sid)
        self.store.run("INSERT OR IGNORE INTO ended VALUES (?, ?)", sid, time.time())
        self.exchange.ended(sid)
        lasted = seconds or max(1, round(time.time() - row["started"]))
        if self.exchange.is_rung_through(sid):  # nobody asked to be told
            return
        self._post_quietly(self._report_of(sid), sid, {"CallStatus": outcome, "CallDuration": str(lasted)})

    def _call_fields(self, sid: str, fields: dict[str, str]) -> dict[str, str]:
        row = self.store.row("SELECT * FROM calls WHERE sid = ?", sid) or {"number": ""}
        caller, called, direction = row["number"], self.settings.helpline_number, "inbound"
        if self._placed(sid):
            caller, called, direction = called, caller, "outbound-api"
        common = {"CallSid": sid, "AccountSid": self.settings.account_sid, "From": caller, "To": called,
                  "CallStatus": "in-progress", "Direction": direction, "ApiVersion": "2010-04-01"}  # fmt: skip
        return common | ({} if self._is_somleng else {"Caller": caller, "Called": called, "CallerCountry": "IN"}) | fields

    def _post_quietly(self, url: str, sid: str, fields: dict[str, str]) -> None:
        """A status callback: its answer is nobody's."""
        try:
            self._post(urljoin(self.settings.public_url + "/", url), self._call_fields(sid, fields))
        except ApplicationError:
            self._note(sid, "network", "(11200)")

    def _note(self, sid: str, who: str, text: str, language: str = "", voice: str = "") -> None:
        self.store.run("INSERT INTO heard (sid, who, text, language, voice) VALUES (?, ?, ?, ?, ?)", sid, who, text, language, voice)

    def _set(self, sid: str, pending: dict[str, Any] | None) -> None:
        self.store.run("UPDATE calls SET pending = ? WHERE sid = ?", json.dumps(pending) if pending else None, sid)

    # ── messages ──

    def text(self, number: str, body: str, sid: str | None = None, media: int | Sequence[tuple[str, bytes]] = 0) -> list[str]:
        """Send an SMS to the helpline; the texts that come back in the answer. The same `sid` again is the same message.

        `media`: pictures and documents, (media type, content) each; or how many there are where their addresses are not told. The number
        may be `whatsapp:+91…`.
        """
        sid = sid or "SM" + secrets.token_hex(16)
        items, count = ([], media) if isinstance(media, int) else (self._keep_media(sid, media), len(media))
        self._keep_message(sid, number, self.settings.helpline_number, body, "received", "")
        fields = {"MessageSid": sid, "SmsSid": sid, "SmsMessageSid": sid, "AccountSid": self.settings.account_sid, "From": number,
                  "To": self.settings.helpline_number, "Body": body, "NumMedia": str(count), "NumSegments": "1", "ApiVersion": "2010-04-01"}  # fmt: skip
        for at, (url, kind) in enumerate(items):
            fields |= {f"MediaUrl{at}": url, f"MediaContentType{at}": kind}
        try:
            document = self._ask(f"{self.settings.public_url}{self.settings.incoming_sms}", fields)
        except ApplicationError:
            if not self.settings.fallback_files:
                raise
            document = self._ask(f"{FILES}sms.xml", fields)
        replies = []
        for message in document:
            if message.tag != "Message":
                raise ApplicationError("12100")
            text = (message.text or "") + "".join(child.text or "" for child in message)
            self.deliver(self.accept(number, text, message.get("statusCallback") or message.get("action") or ""))
            replies.append(text)
        return replies

    def _keep_media(self, message: str, media: Sequence[tuple[str, bytes]]) -> list[tuple[str, str]]:
        """(address, media type) of what comes with a message; with the same message again, the same."""
        account = f"{self.settings.public_url}/simulator/carrier/2010-04-01/Accounts/{self.settings.account_sid}"
        items = []
        for at, (kind, content) in enumerate(media):
            sid = f"ME{message[2:]}{at}"
            self.store.run("INSERT OR IGNORE INTO media VALUES (?, ?, ?, ?)", sid, message, kind, content)
            items.append((f"{account}/Messages/{message}/Media/{sid}", kind))
        return items

    def media_of(self, message: str) -> list[dict[str, Any]]:
        """What came with a message: `sid` and `type` of each."""
        return self.store.rows("SELECT sid, type FROM media WHERE message_sid = ? ORDER BY sid", message)

    def accept(self, to: str, body: str, callback: str) -> str:
        """A message of the helpline's is taken; its delivery is told by `deliver`."""
        sid = "SM" + secrets.token_hex(16)
        self._keep_message(sid, self.settings.helpline_number, to, body, "queued", callback)
        return sid

    def deliver(self, sid: str) -> None:
        """Bring a message to its telephone, and report every status on the way."""
        row = self.store.row("SELECT * FROM messages WHERE sid = ?", sid)
        if row is None or row["status"] != "queued":
            return
        code = FAILING.get(row["recipient"], "")
        for status in ("sent", "undelivered" if code else "delivered"):
            failed = status == "undelivered"
            self.store.run("UPDATE messages SET status = ?, code = ? WHERE sid = ?", status, code if failed else "", sid)
            if row["callback"]:
                fields = {"MessageSid": sid, "SmsSid": sid, "MessageStatus": status, "SmsStatus": status, "To": row["recipient"],
                          "From": row["sender"], "AccountSid": self.settings.account_sid, "ApiVersion": "2010-04-01"}  # fmt: skip
                self._post(urljoin(self.settings.public_url + "/", row["callback"]), fields | ({"ErrorCode": code} if failed else {}))

    def messages(self, number: str) -> list[dict[str, Any]]:
        """The thread of a number, oldest first."""
        return self.store.rows("SELECT * FROM messages WHERE sender = ? OR recipient = ? ORDER BY seq", number, number)

    def _keep_message(self, sid: str, sender: str, to: str, body: str, status: str, callback: str) -> None:
        self.store.run("INSERT OR IGNORE INTO messages VALUES (?, ?, ?, ?, ?, '', ?, ?, (SELECT COALESCE(MAX(seq), 0) + 1 FROM messages))",
                       sid, sender, to, body, status, callback, time.time())  # fmt: skip

    # ── HTTP ──

    def _post(self, url: str, fields: dict[str, str]) -> httpx.Response:
        headers = {"X-Twilio-Signature": sign(url, fields, self.settings.auth_token), "User-Agent": "TwilioProxy/1.1",
                   "I-Twilio-Idempotency-Token": secrets.token_hex(8), "Content-Type": "application/x-www-form-urlencoded"}  # fmt: skip
        try:
            return self._client.post(url, content=urlencode(fields), headers=headers)
        except httpx.HTTPError:
            raise ApplicationError("11205") from None


def sign(url: str, fields: dict[str, str], token: str) -> str:
    """X-Twilio-Signature."""
    text = url + "".join(name + fields[name] for name in sorted(fields))
    return b64encode(hmac.digest(token.encode(), text.encode(), "sha1")).decode()
