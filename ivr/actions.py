"""What the call tree's actions do. Each takes the turn and gives the state the call goes on in.

Everything written is in the transaction of the turn, together with the answer that the caller hears.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

from helpline import (
    abuse,
    acknowledgement,
    calling,
    calls,
    classify,
    complaints,
    fairness,
    feedback,
    learning,
    numbers,
    proof,
    resuming,
    status,
    telling,
)
from helpline.complaints import CannotAct
from helpline.lifecycle import State as Life
from helpline.places import find_place
from helpline.runtime import Runtime
from helpline.text import row_id
from ivr.menu import MAX_ARG, MAX_TRIES, State

UNSURE = 0.12  # a category that is as likely as this is offered beside the best
MAX_CANDIDATES = 4


@dataclass
class Turn:
    """One step of one call, with the transaction it writes in. `state` is already the next one, not yet placed.

    An action may set `prompt`: a sentence said before what follows.
    """

    db: Connection
    runtime: Runtime
    call: Row[Any]
    state: State
    fields: dict[str, str]
    now: datetime
    prompt: str = ""

    @property
    def caller(self) -> str | None:
        return numbers.e164(self.call.from_number)

    def to(self, node: str, arg: str = "") -> State:
        return replace(self.state, at=node, arg=arg, silences=0, wrongs=0)

    def again(self, prompt: str) -> State:
        """The same question once more, after `prompt`; a third time a person."""
        wrongs = self.state.wrongs + 1
        if wrongs >= MAX_TRIES:
            self.prompt = "lost"
            return self.to("agent")
        self.prompt = prompt
        return replace(self.state, wrongs=wrongs)

    def keep(self, **answers: Any) -> None:
        calls.keep(self.db, self.call, self.now, **answers)
        self.call = calls.get(self.db, self.call.sid) or self.call

    def draft(self) -> int:
        """The complaint this call is about to file: opened at the first thing told, afresh after one was registered.

        A step that arrives after the report of the call's end belongs to what the end has registered.
        """
        found = self.call.answers.get("draft")
        row = complaints.get(self.db, found) if found else None
        if row is not None and (row.state == Life.DRAFT or self.call.ended_at is not None or self.goes_on_with(row)):
            return int(row.id)
        if row is not None:  # a second complaint in the same call
            return self._another()
        draft = calls.draft_of(self.db, self.runtime, self.call, self.state.language, self.now)
        self.keep(draft=draft)
        return draft

    def goes_on_with(self, row: Row[Any] | None) -> bool:
        """Whether this call completes what the end of an earlier one had registered."""
        return row is not None and row.id == self.call.answers.get("completing")

    def tell(self, **fields: Any) -> None:
        """Keep what was told: in the draft; where an earlier call's end has registered it, with this call until it is confirmed."""
        if not complaints.update_draft(self.db, self.draft(), self.now, **fields):
            self.keep(told={**self.call.answers.get("told", {}), **fields})

    def _another(self) -> int:
        filing = complaints.Filing(channel="voice", language=self.state.language, phone=self.caller, caller_number=self.call.from_number,
                                   source_key=f"call:{self.call.sid}:{self.state.number}"[:80], data={"call": self.call.sid})  # fmt: skip
        draft = complaints.open_draft(self.db, self.runtime, filing, calls.CALLER, self.now)
        calls.mark_complaint(self.db, self.call, draft)
        self.keep(draft=draft)
        return draft


Action = Callable[[Turn, str], State]


def speak(turn: Turn, language: str) -> State:
    """The language is chosen, and remembered for this number."""
    turn.state = replace(turn.state, language=language)
    calls.set_language(turn.db, turn.call, language, turn.now)
    calls.remember_language(turn.db, turn.caller, language, turn.now)
    if "resumed" in turn.call.answers or turn.call.complaint_id:
        return begin_anew(turn, "")
    return first(turn.db, turn.runtime, turn.caller, turn.state, turn.now)


def first(db: Connection, runtime: Runtime, caller: str | None, state: State, now: datetime) -> State:
    """Where a call begins: with what the last one of this telephone was telling, with its open complaint, or with the menu."""
    if broken := resuming.find(db, runtime, caller, now):
        return replace(state, at="resume", arg="" if broken.complaint.discreet else resuming.named(runtime, broken.complaint.category_code))
    return replace(state, at="offer" if status.latest_open(db, caller) else "main", arg="")


def take_up(turn: Turn, _value: str) -> State:
    """On with what the last call was telling, where it stopped."""
    broken = resuming.find(turn.db, turn.runtime, turn.caller, turn.now)
    if broken is None:
        return begin_anew(turn, "")
    resuming.take_over(turn.db, turn.call, broken, turn.now)
    turn.call = calls.get(turn.db, turn.call.sid) or turn.call
    node, arg = resuming.where(turn.db, turn.runtime, broken)
    return ask_contact(turn, "") if node == "contact" else turn.to(node, arg)


def begin_anew(turn: Turn, _value: str) -> State:
    turn.keep(resumed="")
    return turn.to("offer" if status.latest_open(turn.db, turn.caller) else "main")


def own_status(turn: Turn, _value: str) -> State:
    """The newest open complaint of this telephone; where several people share it, whose is asked."""
    rows = status.shared(turn.db, turn.caller)
    if len(rows) > 1:
        return turn.to("whose", "-".join(row.ack for row in rows))
    row = status.latest_open(turn.db, turn.caller)
    return _tell(turn, row) if row is not None else turn.to("main")


def tell_own(turn: Turn, ack: str) -> State:
    row = complaints.get_by_ack(turn.db, ack)
    return _tell(turn, row) if row is not None and row.phone == turn.caller else turn.to("main")


def _tell(turn: Turn, row: Row[Any]) -> State:
    return turn.to("solved" if row.state == Life.RESOLVED else "told", str(row.id))


# ── filing ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def keep_category(turn: Turn, code: str) -> State:
    turn.tell(category_code=code, **_routing(turn, code))
    if turn.runtime.reference.children(code):
        return turn.to("subcategory", f"{code}~0")
    return _after_category(turn, code)


def keep_subcategory(turn: Turn, code: str) -> State:
    turn.tell(category_code=code, **_routing(turn, code))
    return _after_category(turn, code)


def _routing(turn: Turn, code: str) -> dict[str, Any]:
    return {"priority": turn.runtime.reference.categories[code].priority}


def _after_category(turn: Turn, code: str) -> State:
    danger = turn.runtime.reference.categories[code].danger
    if _is_changing(turn):
        turn.prompt = "emergency" if danger else ""
        return turn.to("summary")
    return turn.to("emergency" if danger else "problem")


def _is_changing(turn: Turn) -> bool:
    """Whether this complaint was summed up already: what is changed leads back to the summary."""
    answers = turn.call.answers
    return answers.get("draft") is not None and answers.get("summed") == answers.get("draft")


def _sum_up(turn: Turn) -> State:
    turn.keep(summed=turn.draft())
    return turn.to("summary")


def heard_category(turn: Turn, words: str) -> State:
    """What recognition made of the caller's words: offered for confirmation by a key, never taken for granted. Several likely ones
    are offered side by side; a broad one leads to its kinds, where the key confirms it."""
    found = learning.classifier(turn.runtime).classify(words)
    turn.tell(description=words)  # kept, whatever becomes of the call
    if turn.caller and (said := abuse.find(words)) is not None:
        fairness.mark(turn.db, turn.caller, said, words, "voice", turn.call.answers.get("draft"), turn.now)
    likely = _likely(found)
    if not likely:
        return turn.again(f"unheard.{min(turn.state.wrongs + 1, 2)}")
    if len(likely) > 1:
        return turn.to("which_category", "-".join(likely))
    if turn.runtime.reference.children(likely[0]):
        return turn.to("subcategory", f"{likely[0]}~0")
    return turn.to("spoken_category", likely[0])


def _likely(found: classify.Classification) -> list[str]:
    """The categories that the words may mean, best first: more than one where the next is not far behind."""
    best, *others = found.candidates or (None,)
    return [best.code, *(c.category for c in others if c.share >= UNSURE)] if best else []


def keep_spoken(turn: Turn, chosen: str) -> State:
    """The caller's key has confirmed the category that was heard, or chosen one of several."""
    code = chosen or turn.state.arg
    if code not in turn.runtime.reference.categories:
        return turn.to("category")
    return keep_subcategory(turn, code)


def keep_pin(turn: Turn, pin: str) -> State:
    entry = turn.runtime.reference.pincodes.get(pin)
    if entry is None:
        return turn.again("pin_unknown")
    turn.tell(pincode=pin, place=entry.area, district_code=entry.district_code)
    return turn.to("pin_confirm", pin)


def keep_district(turn: Turn, code: str) -> State:
    turn.tell(district_code=code)
    return after_place(turn, "")


def after_place(turn: Turn, _value: str) -> State:
    return turn.to("summary" if _is_changing(turn) else "name")


def heard_place(turn: Turn, words: str) -> State:
    """A place that was said: confirmed by a key, or chosen among those of that name; an unclear one goes on, for an agent to complete."""
    found = find_place(words, turn.runtime.reference)
    turn.keep(said_place=words)
    if found.district_code:
        return turn.to("spoken_place", f"{found.district_code}~{found.pincode or ''}~{found.local_body or ''}"[:MAX_ARG])
    if found.ambiguous:
        return turn.to("which_place", "-".join(found.ambiguous[:MAX_CANDIDATES]))
    turn.tell(place=words, incomplete=True)
    turn.prompt = "place_unclear"
    return after_place(turn, "")


def keep_place(turn: Turn, chosen: str) -> State:
    """The key has confirmed the place that was heard, or chosen the district of a name that several have."""
    code, _, rest = (chosen or turn.state.arg).partition("~")
    if code not in turn.runtime.reference.districts:
        return turn.to("place")
    pincode, _, body = rest.partition("~")
    place = body or turn.call.answers.get("said_place", "")
    values = {"pincode": pincode} if pincode in turn.runtime.reference.pincodes else {}
    turn.tell(district_code=code, place=place, **values)
    return after_place(turn, "")


def keep_problem(turn: Turn, _value: str) -> State:
    draft = turn.draft()
    calls.replace_recordings(turn.db, draft, "problem", turn.fields.get("RecordingSid", "")[:64])
    calls.keep_recording(turn.db, turn.call.sid, turn.fields, "problem", draft, turn.now)
    return turn.to("problem_review")


def after_problem(turn: Turn, _value: str) -> State:
    return turn.to("summary" if _is_changing(turn) else "place")


def hear_problem(turn: Turn, _value: str) -> State:
    return turn.to("problem_review", "play")


def keep_name(turn: Turn, _value: str) -> State:
    calls.keep_recording(turn.db, turn.call.sid, turn.fields, "name", turn.draft(), turn.now)
    return ask_contact(turn, "")


def ask_contact(turn: Turn, _value: str) -> State:
    return turn.to("contact" if turn.caller else "no_contact")


def without_contact(turn: Turn, _value: str) -> State:
    """Nobody can be told: the number that is heard is all the caller has."""
    turn.tell(phone=None)
    return _sum_up(turn)


def use_caller(turn: Turn, _value: str) -> State:
    turn.tell(phone=turn.caller)
    return _sum_up(turn)


def keep_contact(turn: Turn, digits: str) -> State:
    number = numbers.e164(digits)
    if number is None:
        return turn.again("contact_wrong")
    turn.tell(phone=number)
    return _sum_up(turn)


def register(turn: Turn, _value: str) -> State:
    draft = turn.call.answers.get("draft") or turn.draft()
    row = complaints.get(turn.db, draft)
    if row is not None and not row.description and calls.problem_recording(turn.db, draft) is None:
        complaints.update_draft(turn.db, draft, turn.now, incomplete=True)  # an address nobody made
    if row is not None and turn.goes_on_with(row) and resuming.is_to_be_completed(row):
        filed = resuming.complete(turn.db, turn.runtime, draft, turn.call.answers.get("told", {}), calls.CALLER, turn.now)
    else:
        filed = complaints.register(turn.db, turn.runtime, draft, calls.CALLER, turn.now)
    if turn.goes_on_with(row):
        turn.keep(told={}, completing=None)
    if turn.call.complaint_id != filed.id:
        calls.mark_complaint(turn.db, turn.call, filed.id)
    return turn.to("registered", str(filed.id))


def keep_message(turn: Turn, _value: str) -> State:
    """A message left for an agent is a complaint, to be completed and rung back."""
    draft = turn.draft()
    calls.keep_recording(turn.db, turn.call.sid, turn.fields, "message", draft, turn.now)
    complaints.update_draft(turn.db, draft, turn.now, incomplete=True)
    filed = complaints.register(turn.db, turn.runtime, draft, calls.CALLER, turn.now)
    return turn.to("registered", str(filed.id))


# ── afterwards ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _find(turn: Turn, digits: str, then: Callable[[Turn, Row[Any]], State], purpose: str) -> State:
    if not acknowledgement.is_valid(digits):
        return turn.again("check_number")
    found = status.look_up(turn.db, turn.runtime, digits, turn.caller, turn.now)
    if found.kind == "full" and found.row is not None:
        return then(turn, found.row)
    turn.keep(asked=digits, purpose=purpose)
    return turn.to("limited" if found.kind == "limited" else "status_mobile")


def find_status(turn: Turn, digits: str) -> State:
    """A complaint's number; nine digits are the check code of a message."""
    if len(digits) == proof.LENGTH:
        return _check_message(turn, digits)
    return _find(turn, digits, _tell, "status")


def _check_message(turn: Turn, code: str) -> State:
    found = proof.check(turn.db, turn.runtime, code, turn.caller, turn.now)
    if found.at is None:
        return turn.to("limited" if found.kind == "limited" else "not_genuine")
    return turn.to("genuine", f"{found.at:%Y%m%d}{found.ending}")


def find_add(turn: Turn, digits: str) -> State:
    return _find(turn, digits, _ask_addition, "add")


def find_reopen(turn: Turn, digits: str) -> State:
    return _find(turn, digits, _ask_solved, "reopen")


def find_with_mobile(turn: Turn, digits: str) -> State:
    """The second proof: the registered mobile number. The same words whether or not the number exists."""
    asked, purpose = turn.call.answers.get("asked", ""), turn.call.answers.get("purpose", "status")
    found = status.look_up(turn.db, turn.runtime, asked, turn.caller, turn.now, registered=numbers.e164(digits))
    if found.kind == "limited":
        return turn.to("limited")
    if found.row is None:
        return turn.again("mismatch")
    return {"add": _ask_addition, "reopen": _ask_solved}.get(purpose, _tell)(turn, found.row)


def _ask_addition(turn: Turn, row: Row[Any]) -> State:
    return turn.to("addition", str(row.id))


def _ask_solved(turn: Turn, row: Row[Any]) -> State:
    if row.state in (Life.RESOLVED, Life.CLOSED, Life.REJECTED):
        return _tell(turn, row)
    return turn.to("not_yet")


def go_on(turn: Turn, _value: str) -> State:
    """On from the status: what is over is reopened, to what is open something is added."""
    row = complaints.get(turn.db, _complaint(turn) or 0)
    if row is None or row.state in (Life.CLOSED, Life.REJECTED):
        may = row is not None and status.may_reopen(turn.runtime, row, turn.now)
        return reopen_it(turn, "") if may else turn.again("wrong.1")
    return _ask_addition(turn, row)


def next_one(turn: Turn, _value: str) -> State:
    """The open complaint before the one just told, of the telephone that calls."""
    row = status.earlier_open(turn.db, turn.caller, _complaint(turn) or 0)
    return _tell(turn, row) if row is not None else turn.again("wrong.1")


def keep_addition(turn: Turn, _value: str) -> State:
    complaint_id = _complaint(turn)
    if complaint_id is None:
        return turn.to("main")
    calls.keep_recording(turn.db, turn.call.sid, turn.fields, "addition", complaint_id, turn.now)
    row = complaints.get(turn.db, complaint_id)
    action = "answer" if row is not None and row.state == Life.ACTION_REQUIRED else "add"
    spoken = turn.fields.get("RecordingSid", "")[:64] or "recording"
    return _act(turn, action, {"text": f"[{spoken}]"}, "added")


def confirm(turn: Turn, _value: str) -> State:
    return _act(turn, "confirm", {}, "confirmed")


def reopen_it(turn: Turn, _value: str) -> State:
    return _act(turn, "reopen", {}, "reopened")


def rate(turn: Turn, stars: str) -> State:
    return _act(turn, "rate", {"rating": stars}, "conduct")


def keep_conduct(turn: Turn, said: str) -> State:
    """Whether anybody asked for money or behaved badly: of the complaint that this call was about."""
    if about := turn.call.answers.get("about"):
        feedback.keep_conduct(turn.db, about, said == "yes", turn.now)
    return turn.to("thanked" if turn.call.answers.get("outbox") else "rated")


def _complaint(turn: Turn) -> int | None:
    return row_id(turn.state.arg)


def _act(turn: Turn, action: str, data: dict[str, Any], then: str) -> State:
    complaint_id = _complaint(turn)
    _heard(turn)
    try:
        complaints.act(turn.db, turn.runtime, complaint_id or 0, action, calls.CALLER, turn.now, data)
    except CannotAct:
        return turn.to("not_yet")
    if action in ("confirm", "reopen"):
        feedback.came_from(turn.db, complaint_id or 0, turn.caller)
    turn.keep(about=complaint_id)
    return turn.to(then, str(complaint_id))


# ── calls of ours ────────────────────────────────────────────────────────────────────────────────────────────────────


def _heard(turn: Turn) -> None:
    if outgoing_id := turn.call.answers.get("outbox"):
        calling.heard(turn.db, outgoing_id, turn.now)


def hear_again(turn: Turn, _value: str) -> State:
    _heard(turn)
    return turn.to("out", turn.state.arg)


def heard_out(turn: Turn, _value: str) -> State:
    """It was said to its end, and no key was pressed."""
    _heard(turn)
    return turn.to("goodbye")


def told_by_call(turn: Turn, _value: str) -> State:
    """After filing: the news of this complaint by calls."""
    if turn.call.complaint_id is not None and turn.state.arg == str(turn.call.complaint_id):
        telling.choose(turn.db, turn.call.complaint_id, "call", turn.now)
    return turn.to("told_by")


def discreetly(turn: Turn, _value: str) -> State:
    """Messages about this complaint say no more than that there is news."""
    complaint_id = _complaint(turn)
    if complaint_id is None or (turn.state.at == "registered" and complaint_id != turn.call.complaint_id):
        return turn.again("wrong.1")
    return _act(turn, "discreet", {"discreet": "yes"}, "discreet")


ACTIONS: dict[str, Action] = {
    f.__name__: f
    for f in (speak, take_up, begin_anew, own_status, keep_category, keep_subcategory, heard_category, keep_spoken, keep_pin, keep_district, heard_place,
              keep_place, keep_problem, hear_problem, keep_name, ask_contact, use_caller, keep_contact, register, keep_message,
              find_status, find_add, find_reopen, find_with_mobile, go_on, next_one, keep_addition, confirm, reopen_it, rate,
              hear_again, heard_out, told_by_call, discreetly, tell_own, keep_conduct, after_problem, after_place, without_contact)
}  # fmt: skip

# What `again` may say.
TROUBLES = ("pin_unknown", "contact_wrong", "check_number", "mismatch", "wrong.1", "unheard.1", "unheard.2", "lost")
_FOUND = ("status_mobile", "limited", "agent")
# Where each action may go on to, the usual way first: checked at start, walked by a test, drawn and timed by `flask tree`.
LEADS: dict[str, tuple[str, ...]] = {
    "speak": ("main", "offer", "resume"),
    "take_up": ("problem", "subcategory", "place", "name", "contact", "no_contact", "summary", "main", "offer"),
    "begin_anew": ("main", "offer"),
    "own_status": ("told", "solved", "whose", "main"),
    "tell_own": ("told", "solved", "main"),
    "keep_category": ("subcategory", "problem", "emergency", "summary"),
    "keep_subcategory": ("problem", "emergency", "summary"),
    "heard_category": ("spoken_category", "which_category", "subcategory", "category", "agent"),
    "keep_spoken": ("problem", "emergency", "category", "summary"),
    "keep_pin": ("pin_confirm", "agent"),
    "keep_district": ("name", "summary"),
    "heard_place": ("spoken_place", "which_place", "name", "summary"),
    "keep_place": ("name", "place", "summary"),
    "after_place": ("name", "summary"),
    "after_problem": ("place", "summary"),
    "keep_problem": ("problem_review",),
    "hear_problem": ("problem_review",),
    "keep_name": ("contact", "no_contact"),
    "ask_contact": ("contact", "no_contact"),
    "use_caller": ("summary",),
    "without_contact": ("summary",),
    "keep_contact": ("summary", "agent"),
    "register": ("registered",),
    "keep_message": ("registered",),
    "find_status": ("told", "solved", *_FOUND, "genuine", "not_genuine"),
    "find_add": ("addition", *_FOUND),
    "find_reopen": ("solved", "told", "not_yet", *_FOUND),
    "find_with_mobile": ("told", "solved", "addition", "not_yet", "limited", "agent"),
    "go_on": ("addition", "reopened", "not_yet", "agent"),
    "next_one": ("told", "solved", "agent"),
    "keep_addition": ("added", "not_yet", "main"),
    "confirm": ("confirmed", "not_yet"),
    "reopen_it": ("reopened", "not_yet"),
    "rate": ("conduct", "not_yet"),
    "keep_conduct": ("rated", "thanked"),
    "hear_again": ("out",),
    "heard_out": ("goodbye",),
    "told_by_call": ("told_by",),
    "discreetly": ("discreet", "not_yet", "agent"),
}
