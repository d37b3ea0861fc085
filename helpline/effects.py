"""What an action changes in a complaint, by action.

`complaints.act` is the only caller. An effect only reads, and gives the columns that change; what an action takes is `given`,
what it writes beside the complaint is `beside`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from helpline import acknowledgement, lifecycle, offices, routing, scope, sla, subtasks
from helpline.doing import CannotAct, Changes, Doing
from helpline.lifecycle import Kind, State, Transition
from helpline.runtime import Runtime
from models import Attachment, Audit, Complaint, Event, User

LIMITS = {"name": 120, "place": 200, "description": 10_000, "caller_number": 64, "email": 120}
_taken = select(Complaint.id).where(Complaint.ack == bindparam("wanted"))


def changes(doing: Doing, step: Transition) -> Changes:
    """All columns that the action changes."""
    found: Changes = {"updated_at": doing.now}
    if step.target:
        found["state"] = str(step.target)
    found |= _clock_runs_again(doing, step)
    if rule := _EFFECTS.get(step.action):
        found |= rule(doing)
    if doing.actor.kind == "staff" and step.tells and step.action != "register" and doing.before["responded_at"] is None:
        found["responded_at"] = doing.now
    found |= _times_taken(doing, found)
    if step.target and lifecycle.KIND[step.target] in (Kind.DONE, Kind.WAITING) and step.target != State.ACTION_REQUIRED:
        found |= {"warn_at": None, "escalate_at": None, "news_at": None}
    if _changes_hands(doing.before, found):
        found |= {"held_since": doing.now, "held_paused_minutes": 0}
    if found.keys() & _URGENT:
        found["urgency"] = urgency({**doing.before, **found})
    if found.keys() & set(MOMENTS):
        found["clock_at"] = next_moment({**doing.before, **found})
    return found


def _times_taken(doing: Doing, found: Changes) -> Changes:
    """Working minutes until the first answer since it was (re)opened, and from the registration until the resolution."""
    before, calendar, taken = doing.before, doing.runtime.calendar, Changes()
    if found.get("responded_at"):
        taken["response_minutes"] = calendar.between(before["reopened_at"] or before["registered_at"], doing.now)
    if found.get("resolved_at"):
        paused = found.get("paused_minutes", before["paused_minutes"])
        taken["resolution_minutes"] = max(0, calendar.between(before["registered_at"], doing.now) - paused)
    return taken


_URGENT = {"harm_at", "priority", "due_at"}


def urgency(row: Mapping[str, Any]) -> str:
    """What orders worklists, as a text that sorts: the day of harm, nearest first, then priority, then the due time."""
    harm, due = row["harm_at"], row["due_at"]
    return (f"{harm:%Y%m%d}" if harm else "9" * 8) + _RANK.get(row["priority"], "9") + (f"{due:%Y%m%d%H%M}" if due else "9" * 12)


MOMENTS = ("warn_at", "escalate_at", "news_at")  # when time itself does something to a complaint


def next_moment(row: Mapping[str, Any]) -> datetime | None:
    """The earliest of MOMENTS: the only one that has an index, for it is written with every filing."""
    return min((row[name] for name in MOMENTS if row[name] is not None), default=None)


_RANK = {priority: str(rank) for rank, priority in enumerate(sla.PRIORITIES)}


def _changes_hands(before: Mapping[str, Any], found: Changes) -> bool:
    return any(name in found and found[name] != before[name] for name in ("office_code", "owner_id"))


def _clock_runs_again(doing: Doing, step: Transition) -> Changes:
    """Leaving the wait for the citizen, every due time moves by the working time that the clock stood still."""
    stopped = doing.before["clock_stopped_at"]
    if stopped is None or step.target in (None, State.ACTION_REQUIRED):
        return {}
    calendar = doing.runtime.calendar
    paused = calendar.between(stopped, doing.now)
    moved = {name: calendar.add(doing.before[name], paused) for name in ("due_at", "response_due_at", "warn_at", "escalate_at")
             if doing.before[name] is not None}  # fmt: skip
    return moved | {"clock_stopped_at": None, "paused_minutes": doing.before["paused_minutes"] + paused,
                    "held_paused_minutes": doing.before["held_paused_minutes"] + paused}  # fmt: skip


def routed(runtime: Runtime, row: Mapping[str, Any], barred: tuple[str, ...] = ()) -> Changes:
    """Local body, office, department, level and priority that follow from category and place."""
    category = runtime.reference.categories.get(row["category_code"] or "")
    body = routing.body_of(runtime.reference, row["category_code"], row["district_code"], row["local_body_code"], row["place"])
    decision = routing.decide(runtime.reference, row["category_code"], row["district_code"], body, barred)
    return {
        "local_body_code": body,
        "office_code": decision.office_code,
        "department_code": decision.department_code,
        "level": offices.level(decision.office_code),
        "priority": row["priority"] or (category.priority if category else "normal"),
    }


def clock(runtime: Runtime, row: Mapping[str, Any], now: datetime) -> Changes:
    """Due times for a complaint that begins, or begins again, now."""
    calendar = runtime.calendar
    allowed = _allowed(runtime, row, row["level"] if row["reopen_count"] else 1)
    due = calendar.add(now, allowed.resolution)
    found: Changes = {
        "response_due_at": calendar.add(now, allowed.response),
        "due_at": due,
        "warn_at": calendar.add(now, allowed.resolution // 2),
        "escalate_at": due,
        "news_at": calendar.add(now, runtime.config.casework.news_days * calendar.day_minutes),
        "held_since": now,
        "held_paused_minutes": 0,
    }
    return found | {"clock_at": next_moment(found)}


def _allowed(runtime: Runtime, row: Mapping[str, Any], level: int) -> sla.Target:
    further = runtime.config.casework.escalate_after_share
    return sla.target(runtime.reference, runtime.calendar, row["category_code"], row["priority"], level, further)


def registered(runtime: Runtime, before: Mapping[str, Any], ack: str, now: datetime) -> Changes:
    found = {"ack": ack, "registered_at": now} | routed(runtime, before)
    found |= clock(runtime, {**before, **found}, now)
    return found | {"urgency": urgency({**before, **found})}


def _on_register(doing: Doing) -> Changes:
    ack = acknowledgement.generate(doing.now)
    while doing.db.execute(_taken, {"wanted": ack}).first():
        ack = acknowledgement.generate(doing.now)
    return registered(doing.runtime, doing.before, ack, doing.now)


def _route_anew(doing: Doing, changed: Changes) -> Changes:
    """Where it goes now: only as long as no office has begun; work begun is moved by people, not by an edit."""
    after = {**doing.before, **changed}
    where = routed(doing.runtime, after, scope.barred(doing.db, doing.before["id"])[1])
    if doing.before["owner_id"] is not None or doing.before["state"] not in (State.REGISTERED, State.UNDER_REVIEW, State.REOPENED):
        return {name: where[name] for name in ("priority", "local_body_code")}
    if doing.before["reopen_count"] or doing.before["level"] > offices.level(doing.before["office_code"] or offices.FALLBACK):
        where.pop("level")  # escalated already: an edit does not take it down again
    return where


def _on_categorise(doing: Doing) -> Changes:
    """An edit does not restart the clock: the due time stays."""
    given = doing.given
    changed: Changes = {"category_code": given["category"], "priority": given.get("priority")}
    changed |= {"district_code": given["district"]} if "district" in given else {}
    return {**changed, **_harm(doing), **_route_anew(doing, changed)}


def _harm(doing: Doing) -> Changes:
    return {"harm_at": closing_of(doing.runtime, doing.given["harm_on"])} if "harm_on" in doing.given else {}


def closing_of(runtime: Runtime, day: str) -> datetime:
    """The close of office on an ISO date."""
    return datetime.combine(date.fromisoformat(day), runtime.config.casework.working_hours.to, sla.IST).astimezone(UTC)


def _on_complete(doing: Doing) -> Changes:
    """What was missing is filled in."""
    return {"incomplete": False, **_told(doing), **_harm(doing)}


def _on_correct(doing: Doing) -> Changes:
    """What the citizen puts right while nobody has looked at it; a new place takes the old one's PIN code with it."""
    if not may_be_corrected(doing.db, doing.runtime, doing.before, doing.now):
        raise CannotAct("not_now")
    elsewhere = doing.given.keys() & {"district", "pincode", "place"}
    return _told(doing, {"pincode": None, "local_body_code": None, "place": ""} if elsewhere else {})


def _on_put_together(doing: Doing) -> Changes:
    """What came in parts says what all of them say, in their order, while nobody has looked at it."""
    if not may_be_corrected(doing.db, doing.runtime, doing.before, doing.now):
        raise CannotAct("not_now")
    return {**_told(doing), "description": doing.given["text"][: LIMITS["description"]]}


def may_be_corrected(db: Connection, runtime: Runtime, row: Mapping[str, Any], now: datetime) -> bool:
    """Whether its citizen may still change it: for `sms.correction_minutes`, while nobody of the staff has acted on it or opened it."""
    if row["state"] != State.REGISTERED or now - row["registered_at"] > timedelta(minutes=runtime.config.sms.correction_minutes):
        return False
    acted = select(Event.id).where(Event.complaint_id == row["id"], Event.actor_kind == "staff").limit(1)
    opened = select(Audit.id).where(Audit.complaint_id == row["id"]).limit(1)
    return db.execute(acted).first() is None and db.execute(opened).first() is None


def _told(doing: Doing, changed: Changes | None = None) -> Changes:
    """What was given; a text is added to what was said before, a new category or place routes anew."""
    given, before = doing.given, doing.before
    changed = {**(changed or {}), **{name: given[name][: LIMITS[name]] for name in ("name", "place") if name in given}}
    changed |= {"local_body_code": None} if "place" in given else {}  # another place is another body's, until it is said whose
    changed |= {f"{name}_code": given[name] for name in ("district", "category", "local_body") if name in given}
    changed |= {name: given[name] for name in ("pincode", "phone") if name in given}
    if text := given.get("text"):
        changed["description"] = "\n".join(part for part in (before["description"], text) if part)[: LIMITS["description"]]
    if changed.keys() & {"category_code", "district_code", "local_body_code"}:
        fresh = {"priority": None} if "category" in given else {}
        changed |= _route_anew(doing, {**changed, **fresh})
    return changed


def move_to(office: str) -> Changes:
    return {"office_code": office, "department_code": office.partition(".")[0], "owner_id": None}


def _to_office(doing: Doing) -> str:
    """The office given, unless somebody named in the complaint works there or above."""
    office: str = doing.given["office"]
    if any(offices.is_within(office, top) for top in scope.barred(doing.db, doing.before["id"])[1]):
        raise CannotAct("barred", "office")
    return office


def _on_forward(doing: Doing) -> Changes:
    office = _to_office(doing)
    return {**move_to(office), "level": max(doing.before["level"] if doing.before["escalated_at"] else 1, offices.level(office)), "incomplete": False}


def _on_transfer(doing: Doing) -> Changes:
    """From office to office, so often and no more: then it is sent back, and the grievance cell decides."""
    if doing.before["transfers"] >= doing.rules.max_transfers:
        raise CannotAct("too_many", "office")
    if doing.given["office"] == doing.before["office_code"]:
        raise CannotAct("missing", "office")
    return {**_on_forward(doing), "transfers": doing.before["transfers"] + 1}


def _on_send_back(doing: Doing) -> Changes:
    return {**move_to(offices.FALLBACK), "transfers": doing.before["transfers"] + 1}


def _on_accept(doing: Doing) -> Changes:
    """Whoever accepts it has it."""
    owner = {"owner_id": doing.actor.user_id} if doing.actor.user_id else {}
    return {**owner, **_news(doing), "incomplete": False}


def _on_take_over(doing: Doing) -> Changes:
    """A senior takes it into the own office; a supervisor to the grievance cell."""
    mine = doing.db.scalar(select(User.office_code).where(User.id == doing.actor.user_id)) if doing.actor.user_id else None
    office = mine or offices.FALLBACK
    return {**move_to(office), "owner_id": doing.actor.user_id, "level": max(doing.before["level"], offices.level(office))}


def _on_assign(doing: Doing) -> Changes:
    """To somebody who works in an office that has it; while they are absent, to their deputy."""
    owner = present(doing.db, doing.given["owner"], doing.now)
    if owner is None:
        raise CannotAct("missing", "owner")
    people, barred = scope.barred(doing.db, doing.before["id"])
    if owner.id in people or any(offices.is_within(owner.office_code, top) for top in barred):
        raise CannotAct("barred", "owner")
    return {"owner_id": owner.id}


def present(db: Connection, user_id: int, now: datetime) -> Row[Any] | None:
    """The active account, or whoever does its work while it is absent; None when nobody is there."""
    for _ in range(5):
        user = db.execute(select(User.__table__).where(User.id == user_id, User.active)).first()
        if user is None or not is_absent(user, now):
            return user
        if user.deputy_id is None:
            return None
        user_id = user.deputy_id
    return None


def is_absent(user: Row[Any], now: datetime) -> bool:
    return bool(user.absent_from and user.absent_from <= now and (user.absent_until is None or now < user.absent_until))


def _news(doing: Doing) -> Changes:
    return {"news_at": closing_of(doing.runtime, doing.given["news_on"])} if "news_on" in doing.given else {}


def _on_promise(doing: Doing) -> Changes:
    if closing_of(doing.runtime, doing.given["news_on"]) <= doing.now:
        raise CannotAct("missing", "news_on")
    return _news(doing)


def _on_news(doing: Doing) -> Changes:
    """The date passed without news: the citizen is told that work goes on, and when to expect more."""
    calendar = doing.runtime.calendar
    return {"news_at": calendar.add(doing.now, doing.rules.news_days * calendar.day_minutes)}


def _on_ask_office(doing: Doing) -> Changes:
    """Another office is asked for a part of the work; the complaint stays."""
    if _to_office(doing) == doing.before["office_code"]:
        raise CannotAct("missing", "office")
    if closing_of(doing.runtime, doing.given["due_on"]) <= doing.now:
        raise CannotAct("missing", "due_on")
    return {}


def _on_part(doing: Doing) -> Changes:
    if not subtasks.to_answer(doing.db, doing.before["id"], doing.given["subtask"], doing.actor.user_id):
        raise CannotAct("not_you", "subtask")
    return {}


def _on_ask(doing: Doing) -> Changes:
    return {"asked_seq": doing.before["last_seq"] + 1, "clock_stopped_at": None}


def _on_stop_clock(doing: Doing) -> Changes:
    """From the moment the question was delivered, as the outbox recorded it."""
    return {"clock_stopped_at": doing.now}


def needs_proof(runtime: Runtime, row: Mapping[str, Any]) -> bool:
    """Whether its resolution takes a photo or document, by category (of either level) or priority."""
    rules, category = runtime.config.attachments, row["category_code"] or ""
    return row["priority"] in rules.proof_priorities or bool({category, category.partition(".")[0]} & set(rules.proof_categories))


def _on_resolve(doing: Doing) -> Changes:
    proof = (Attachment.complaint_id == doing.before["id"], Attachment.purpose == "proof", Attachment.seq == doing.before["last_seq"] + 1)
    if subtasks.are_open(doing.db, doing.before["id"]) and not doing.given.get("reason"):
        raise CannotAct("part_open", "reason")
    if needs_proof(doing.runtime, doing.before) and doing.db.execute(select(Attachment.id).where(*proof)).first() is None:
        raise CannotAct("missing", "files")
    return {"resolved_at": doing.now, "incomplete": False}


def _on_close(outcome: str) -> Callable[[Doing], Changes]:
    def effect(doing: Doing) -> Changes:
        rating = {"rating": doing.given["rating"]} if doing.given.get("rating") else {}
        return {"closed_at": doing.now, "outcome": outcome, **rating}

    return effect


def _on_end(doing: Doing) -> Changes:
    return {"closed_at": doing.now}


def _on_merge(doing: Doing) -> Changes:
    """Handled together with another, the one that carries on."""
    db, before = doing.db, doing.before
    original = db.execute(select(Complaint.__table__).where(Complaint.ack == doing.given["original"])).first()
    while original is not None and original.duplicate_of_id:
        original = db.execute(select(Complaint.__table__).where(Complaint.id == original.duplicate_of_id)).first()
    if original is None or original.id == before["id"] or not lifecycle.is_open(original.state):
        raise CannotAct("missing", "original")
    return {"duplicate_of_id": original.id, "closed_at": doing.now, "joined": 0}


def _on_separate(doing: Doing) -> Changes:
    """On its own again, with the clock it had; a due time that passed meanwhile escalates at once."""
    before = doing.before
    where = routed(doing.runtime, before, scope.barred(doing.db, before["id"])[1])
    calendar = doing.runtime.calendar
    return {
        "duplicate_of_id": None,
        "closed_at": None,
        "escalate_at": before["due_at"],
        "news_at": calendar.add(doing.now, doing.rules.news_days * calendar.day_minutes),
        "held_since": doing.now,
        "held_paused_minutes": 0,
        **where,
        "level": max(before["level"], where["level"]),
    }


def _on_reopen(doing: Doing) -> Changes:
    """Reopened at the next senior, with a new clock: a new promise is made to the citizen."""
    before = doing.before
    senior = offices.parent(before["office_code"] or offices.FALLBACK) or offices.FALLBACK
    again: Changes = {
        **move_to(senior),
        "level": max(offices.level(senior), min(before["level"] + 1, offices.TOP_LEVEL)),
        "outcome": None,
        "resolved_at": None,
        "closed_at": None,
        "responded_at": None,
        "reopened_at": doing.now,
        "duplicate_of_id": None,
        "reopen_count": before["reopen_count"] + 1,
    }
    return again | clock(doing.runtime, {**before, **again}, doing.now)


def _on_warn(doing: Doing) -> Changes:
    """At half of the time, then at four fifths."""
    before = doing.before
    if doing.given["share"] != "half":
        return {"warn_at": None}
    calendar = doing.runtime.calendar
    left = calendar.between(doing.now, before["due_at"])
    return {"warn_at": calendar.add(doing.now, round(left * 0.6))}  # three fifths of the second half: four fifths of the whole


def _on_escalate(doing: Doing) -> Changes:
    """The due time stays as it was promised; the next level has its own time before the one above it hears."""
    level = min(doing.before["level"] + 1, offices.TOP_LEVEL)
    minutes = _allowed(doing.runtime, doing.before, level).resolution
    further = None if level >= offices.TOP_LEVEL else doing.runtime.calendar.add(doing.now, minutes)
    return {"level": level, "escalate_at": further, "escalated_at": doing.now, "warn_at": None}


def _on_name_officer(doing: Doing) -> Changes:
    """The named officer, their office and all below it are barred; the complaint moves to the office above theirs. Of somebody without
    an office, or of the grievance cell, the person alone is barred, and it stays where it is."""
    officer = doing.db.execute(select(User.__table__).where(User.id == doing.given["officer"])).first()
    if officer is None:
        raise CannotAct("missing", "officer")
    office = office_barred_with(officer)
    if office is None or not offices.is_within(doing.before["office_code"], office):
        return {"owner_id": None} if doing.before["owner_id"] == officer.id else {}
    above = offices.parent(office) or offices.FALLBACK
    return {**move_to(above), "level": max(doing.before["level"], offices.level(above))}


def office_barred_with(officer: Row[Any]) -> str | None:
    """The office that is barred with a named person; never the one that all others are below."""
    return None if officer.office_code == offices.FALLBACK else officer.office_code


def _on_rate(doing: Doing) -> Changes:
    return {"rating": doing.given["rating"]}


def _on_discreet(doing: Doing) -> Changes:
    return {"discreet": doing.given["discreet"] == "yes"}


_EFFECTS: dict[str, Callable[[Doing], Changes]] = {
    "discreet": _on_discreet,
    "register": _on_register,
    "complete": _on_complete,
    "correct": _on_correct,
    "put_together": _on_put_together,
    "categorise": _on_categorise,
    "forward": _on_forward,
    "accept": _on_accept,
    "transfer": _on_transfer,
    "send_back": _on_send_back,
    "take_over": _on_take_over,
    "assign": _on_assign,
    "promise": _on_promise,
    "news": _on_news,
    "ask": _on_ask,
    "ask_office": _on_ask_office,
    "part_done": _on_part,
    "part_declined": _on_part,
    "stop_clock": _on_stop_clock,
    "resolve": _on_resolve,
    "confirm": _on_close("confirmed"),
    "expire": _on_close("unconfirmed"),
    "withdraw": _on_close("withdrawn"),
    "reject": _on_end,
    "discard": _on_end,
    "merge": _on_merge,
    "separate": _on_separate,
    "reopen": _on_reopen,
    "warn": _on_warn,
    "escalate": _on_escalate,
    "name_officer": _on_name_officer,
    "rate": _on_rate,
}
