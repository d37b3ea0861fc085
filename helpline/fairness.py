"""Fairness: one number that sends or calls a great deal is grouped and slowed, never barred.

Whoever files for a lane and whoever is a nuisance look alike to a counter, so a counter only slows: above the thresholds of
`fairness` in the configuration answers come together in a summary, and a caller waits behind the others. What a message does, it
does in any case; danger and the status of one's own complaint are answered at once in any case. What else follows, a
supervisor decides for a number, with a reason and an end.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, exists, func, insert, or_, select, true, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from helpline import abuse, acknowledgement, lifecycle, limits, outbox, scope
from helpline import text as texts
from helpline.runtime import Runtime
from helpline.sla import IST
from models import AbuseMark, Complaint, Sender, SenderDecision, Tally, User, new_id
from prompts.catalogue import Sms

LIMITS = ("messages", "calls", "complaints")
DECISIONS = ("helper", "slow", "fine")  # lift the limits; slow down; nothing wrong
MESSAGES, CALLS = "sms-reply", "call"  # kinds of tallies
TALLIED = {MESSAGES: "sms", CALLS: "voice"}
DAYS = 14  # of the counts that the page shows
RECENT = timedelta(days=30)  # so long a number that was beyond a limit is marked
IN_ONE = 4  # complaints' numbers in one summary
_MOST = 40  # of them in all
_QUARTER = timedelta(minutes=15)
_LAPSED = timedelta(days=2)  # within it a draft is registered that nobody confirmed
_sender = Sender.__table__
_LIVE = [str(state) for state in lifecycle.State if state != lifecycle.State.DRAFT and lifecycle.is_open(state)]


@dataclass(frozen=True)
class Standing:
    """How a message of a number is answered."""

    slowed: bool  # not by itself
    spent: bool  # the most an hour were answered: not at all


class Unfit(Exception):
    """A decision that cannot be taken: `decision`, `reason` or `until` is missing or wrong."""


# ── messages ────────────────────────────────────────────────────────────────────────────────────────────────────────


def weigh(db: Connection, runtime: Runtime, number: str, now: datetime) -> Standing:
    """Count one more message of `number` (E.164), and say how it is answered."""
    rules, count, sender = runtime.config.fairness, limits.count(db, MESSAGES, number, now), of_number(db, number)
    decision = in_force(sender, now)
    over = count > rules.messages_per_hour or _within_a_day(db, MESSAGES, number, now) > rules.messages_per_day
    if over:
        notice(db, number, "messages", now, sender)
    most = rules.helper_replies_per_hour if decision == "helper" else runtime.config.sms.replies_per_hour
    return Standing(slowed=decision == "slow" or (over and decision != "helper"), spent=count > most)


def withhold(db: Connection, runtime: Runtime, number: str, language: str, now: datetime) -> bool:
    """An answer is left to the next summary; whether that is to be said now: once a day."""
    sender = of_number(db, number) or notice(db, number, "messages", now)
    later = now + timedelta(minutes=runtime.config.fairness.summary_minutes)
    waits = {"withheld": Sender.withheld + 1, "language": language, "withheld_since": sender.withheld_since or now, "summary_at": sender.summary_at or later}
    db.execute(update(Sender).where(_sender.c.id == sender.id).values(**waits))
    return limits.count(db, "sms-withheld", number, now.replace(hour=0)) == 1


def tell_together(db: Connection, runtime: Runtime, row: Row[Any], outgoing_id: int | None, now: datetime) -> None:
    """What the draft `row` of a slowed number was registered as, long after it came, is told in its summary; danger by itself."""
    category = runtime.reference.categories.get(row.category_code or "")
    sender = of_number(db, row.phone) if row.phone and outgoing_id else None
    if sender is None or outgoing_id is None or (category is not None and category.danger):
        return
    decision, lately = in_force(sender, now), sender.over in ("messages", "complaints") and sender.over_at is not None and now - sender.over_at < _LAPSED
    if decision == "slow" or (lately and decision != "helper"):
        outbox.replace(db, outgoing_id, "summary")
        withhold(db, runtime, row.phone, row.language, now)


def is_answered(db: Connection, runtime: Runtime, number: str, now: datetime) -> bool:
    """Whether danger, or the status of one's own complaint, is answered though the number is slowed: as often an hour as anybody's."""
    return limits.may(db, "sms-essential", number, runtime.config.sms.replies_per_hour, now)


def send_summaries(runtime: Runtime, now: datetime, *, limit: int = 100) -> int:
    """Owe the summaries that have come due; how many numbers were dealt with. Where nothing was registered there is nothing to tell."""
    due = select(_sender.c.id).where(_sender.c.summary_at <= now).order_by(_sender.c.summary_at).limit(limit)
    with runtime.reading() as session:
        ids = list(session.scalars(due))
    for sender_id in ids:
        with runtime.writing() as db:
            _summarise(db, runtime, sender_id, now)
    return len(ids)


def _summarise(db: Connection, runtime: Runtime, sender_id: int, now: datetime) -> None:
    sender = get(db, sender_id)
    if sender is None or sender.summary_at is None or sender.summary_at > now:
        return
    told = {"withheld": 0, "withheld_since": None, "summary_at": None}
    db.execute(update(Sender).where(_sender.c.id == sender_id).values(**told))
    registered = (Complaint.phone == sender.number, Complaint.channel == "sms", Complaint.registered_at >= sender.withheld_since)
    acks = list(db.scalars(select(Complaint.ack).where(*registered).order_by(Complaint.registered_at, Complaint.id).limit(_MOST)))
    for begin in range(0, len(acks), IN_ONE):
        numbers = [acknowledgement.display(ack or "") for ack in acks[begin : begin + IN_ONE]]
        sms = _summary(runtime, sender.language or runtime.config.helpline.default_language, numbers)
        outbox.owe(db, outbox.Owed(f"summary:{sender_id}:{sender.withheld_since:%Y%m%d%H%M%S}:{begin}", sender.number, sms, asked=True), now)


def _summary(runtime: Runtime, language: str, numbers: list[str]) -> Sms:
    """A variable of a registered message holds two numbers."""
    name, told = runtime.config.helpline.short_name, {"acks": ", ".join(numbers[:2])}
    if len(numbers) > 2:
        return runtime.catalogue.sms("sms.summary_four", language, helpline=name, **told, more=", ".join(numbers[2:]))
    return runtime.catalogue.sms("sms.summary", language, helpline=name, **told)


# ── calls and complaints ────────────────────────────────────────────────────────────────────────────────────────────


def count_call(db: Connection, runtime: Runtime, number: str, started_at: datetime, now: datetime) -> None:
    """Take note of a call of `number` that has ended."""
    rules = runtime.config.fairness
    if limits.count(db, CALLS, number, started_at) > rules.calls_per_hour or _within_a_day(db, CALLS, number, now) > rules.calls_per_day:
        notice(db, number, "calls", now)


def behind(db: Connection, runtime: Runtime, number: str | None, complaint: Row[Any] | None, now: datetime) -> int:
    """How many seconds later than it came a caller counts as having come; none where what was told so far is a danger."""
    category = runtime.reference.categories.get(complaint.category_code or "") if complaint is not None else None
    if number is None or (category is not None and category.danger):
        return 0
    rules, decision = runtime.config.fairness, in_force(of_number(db, number), now)
    over = _tallied(db, CALLS, number, now - timedelta(minutes=60)) > rules.calls_per_hour or _within_a_day(db, CALLS, number, now) > rules.calls_per_day
    return rules.behind_seconds if decision == "slow" or (over and decision != "helper") else 0


def count_complaint(db: Connection, runtime: Runtime, row: Row[Any], now: datetime) -> None:
    """Take note of a complaint that was made just now."""
    day = now - timedelta(days=1)
    if not row.phone or row.created_at < day:
        return
    made = db.scalar(select(func.count()).where(Complaint.phone == row.phone, Complaint.created_at >= day)) or 0
    if made > runtime.config.fairness.complaints_per_day:
        notice(db, row.phone, "complaints", now)


def _within_a_day(db: Connection, kind: str, number: str, now: datetime) -> int:
    return _tallied(db, kind, number, now - timedelta(days=1))


def _tallied(db: Connection, kind: str, number: str, since: datetime) -> int:
    """Tallies are of whole hours: those that began later than `since`."""
    return int(db.scalar(select(func.sum(Tally.count)).where(Tally.kind == kind, Tally.subject == number, Tally.hour > since)) or 0)


# ── numbers that were noticed ───────────────────────────────────────────────────────────────────────────────────────


def get(db: Connection, sender_id: int) -> Row[Any] | None:
    return db.execute(select(_sender).where(_sender.c.id == sender_id)).first()


def of_number(db: Connection, number: str) -> Row[Any] | None:
    return db.execute(select(_sender).where(_sender.c.number == number)).first()


def in_force(sender: Any, now: datetime) -> str | None:
    """The decision about a number, until its end."""
    return sender.decision if sender is not None and sender.until is not None and sender.until > now else None


def notice(db: Connection, number: str, over: str | None, now: datetime, known: Row[Any] | None = None) -> Row[Any]:
    """The number's row, made when it is first noticed; `over`: the limit it was found beyond just now."""
    sender = known or of_number(db, number)
    if sender is None:
        row = {"id": new_id(now), "number": number, "noticed_at": now, "over": over, "over_at": now if over else None, "withheld": 0}
        with suppress(IntegrityError), db.begin_nested():  # noticed by another process at the same moment
            db.execute(insert(Sender), [row])
    elif over and (sender.over != over or sender.over_at is None or now - sender.over_at > _QUARTER):
        db.execute(update(Sender).where(_sender.c.id == sender.id).values(over=over, over_at=now))
    return db.execute(select(_sender).where(_sender.c.number == number)).one()


def mark(db: Connection, number: str, found: abuse.Found, text: str, channel: str, complaint_id: int | None, now: datetime) -> None:
    """Keep that `text` says something abusive or threatening, for a supervisor."""
    sender = notice(db, number, None, now)
    row = {"id": new_id(now), "sender_id": sender.id, "at": now, "kind": found.kind, "channel": channel, "word": found.word[:60],
           "text": texts.without_controls(text)[:400], "complaint_id": complaint_id}  # fmt: skip
    db.execute(insert(AbuseMark), [row])
    db.execute(update(Sender).where(_sender.c.id == sender.id).values(abuse_at=now))


# ── what a supervisor sees and decides ──────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Group:
    """The complaints of one number that was noticed."""

    sender_id: int
    open: int
    decision: str | None


def groups(db: Session, numbers: Iterable[str | None], user: Row[Any], now: datetime) -> dict[str, Group]:
    """Number → its open complaints that `user` sees, where there are several and the number sends a great deal."""
    wanted = {number for number in numbers if number}
    recently = or_(_sender.c.over_at > now - RECENT, _sender.c.decision.in_(("helper", "slow")) & (_sender.c.until > now))
    noticed = {row.number: row for row in db.execute(select(_sender).where(_sender.c.number.in_(wanted), recently))} if wanted else {}
    if not noticed:
        return {}
    counted = select(Complaint.phone, func.count()).where(Complaint.phone.in_(noticed), Complaint.state.in_(_LIVE), scope.visible(user)).group_by(Complaint.phone)
    return {number: Group(noticed[number].id, count, in_force(noticed[number], now)) for number, count in db.execute(counted) if number and count > 1}


def number_of(db: Session, sender_id: int | None) -> str | None:
    return db.scalar(select(Sender.number).where(Sender.id == sender_id)) if sender_id else None


def seen_by(user: Row[Any]) -> ColumnElement[bool]:
    """Which numbers a supervisor sees: all, or those with a complaint that they see."""
    if not (user.department_code or user.district_code or user.office_code):
        return true()
    return exists().where(Complaint.phone == Sender.number, scope.visible(user))


@dataclass(frozen=True)
class Listed:
    row: Row[Any]
    counts: Mapping[str, int]  # by channel, of the last week
    complaints: int
    open: int
    marks: Mapping[str, int]  # by kind


TABS: dict[str, tuple[Any, Any]] = {  # which numbers, and their order
    "heavy": (Sender.over_at.is_not(None), Sender.over_at.desc()),
    "abuse": (Sender.abuse_at.is_not(None), Sender.abuse_at.desc()),
    "decided": (Sender.decision.is_not(None), Sender.until.desc()),
}


def listed(db: Session, user: Row[Any], tab: str, now: datetime, limit: int = 100) -> list[Listed]:
    """The numbers of a tab, the latest first."""
    which, order = TABS[tab]
    rows = db.execute(select(_sender).where(which, seen_by(user)).order_by(order, _sender.c.id).limit(limit)).all()
    found = [row.number for row in rows]
    counts: dict[str, dict[str, int]] = {}
    week = (Tally.kind.in_(TALLIED), Tally.subject.in_(found), Tally.hour > now - timedelta(days=7))
    for kind, number, count in db.execute(select(Tally.kind, Tally.subject, func.sum(Tally.count)).where(*week).group_by(Tally.kind, Tally.subject)):
        counts.setdefault(number, {})[TALLIED[kind]] = int(count)
    live = func.count().filter(Complaint.state.in_(_LIVE))
    theirs = (Complaint.phone.in_(found), Complaint.ack.is_not(None), scope.visible(user))
    filed = {row.phone: row for row in db.execute(select(Complaint.phone, func.count().label("all"), live.label("live")).where(*theirs).group_by(Complaint.phone))}
    marked: dict[int, dict[str, int]] = {}
    for sender_id, kind, count in db.execute(select(AbuseMark.sender_id, AbuseMark.kind, func.count())
                                             .where(AbuseMark.sender_id.in_([row.id for row in rows])).group_by(AbuseMark.sender_id, AbuseMark.kind)):  # fmt: skip
        marked.setdefault(sender_id, {})[kind] = count
    return [Listed(row, counts.get(row.number, {}), made.all if made else 0, made.live if made else 0, marked.get(row.id, {}))
            for row in rows for made in (filed.get(row.number),)]  # fmt: skip


def by_day(db: Session, number: str, user: Row[Any], now: datetime) -> list[tuple[date, Mapping[str, int]]]:
    """The last days (Asia/Kolkata), the newest first: messages, calls, and complaints made, those by agents apart."""
    today = now.astimezone(IST).date()
    since = datetime.combine(today - timedelta(days=DAYS - 1), time(), IST)
    found: dict[date, dict[str, int]] = {}

    def add(moment: datetime, name: str, count: int) -> None:
        day = found.setdefault(moment.astimezone(IST).date(), {})
        day[name] = day.get(name, 0) + count

    for hour, kind, count in db.execute(select(Tally.hour, Tally.kind, Tally.count).where(Tally.kind.in_(TALLIED), Tally.subject == number, Tally.hour >= since)):
        add(hour, TALLIED[kind], count)
    made = select(Complaint.created_at, Complaint.channel).where(Complaint.phone == number, Complaint.created_at >= since, scope.visible(user))
    for row in db.execute(made):
        add(row.created_at, "filed", 1)
    return [(day, found[day]) for day in sorted(found, reverse=True)]


def marks(db: Session, sender_id: int, limit: int = 50) -> list[Row[Any]]:
    """What was marked, the newest first, with the complaint's number."""
    query = select(AbuseMark.__table__, Complaint.ack).outerjoin(Complaint, Complaint.id == AbuseMark.complaint_id)
    return list(db.execute(query.where(AbuseMark.sender_id == sender_id).order_by(AbuseMark.at.desc(), AbuseMark.id.desc()).limit(limit)))


def decisions_about(db: Session, sender_id: int) -> list[Row[Any]]:
    """All of them, the newest first, with who decided."""
    query = select(SenderDecision.__table__, User.name).join(User, User.id == SenderDecision.by_id)
    return list(db.execute(query.where(SenderDecision.sender_id == sender_id).order_by(SenderDecision.at.desc(), SenderDecision.id.desc()).limit(50)))


def complaints_of(db: Session, number: str, user: Row[Any], limit: int = 100) -> list[Row[Any]]:
    """The complaints of a number that `user` sees, the newest first."""
    which = (Complaint.phone == number, Complaint.ack.is_not(None), scope.visible(user))
    return list(db.execute(select(Complaint.__table__).where(*which).order_by(Complaint.id.desc()).limit(limit)))


def decide(db: Connection, runtime: Runtime, sender_id: int, form: Mapping[str, str], user_id: int, now: datetime) -> dict[str, Any]:
    """Write a decision down: what was decided, as the audit keeps it. Raises Unfit, KeyError for an unknown number."""
    decision, reason = form.get("decision", ""), texts.without_controls(form.get("reason", "")).strip()[:300]
    if decision not in DECISIONS:
        raise Unfit("decision")
    if not reason:
        raise Unfit("reason")
    until = _end_of(runtime, form.get("until", ""), now)
    values: dict[str, Any] = {"decision": decision, "until": until}
    if decision == "fine":  # off the lists, until it is noticed anew
        values |= {"over": None, "over_at": None, "abuse_at": None}
    if not db.execute(update(Sender).where(_sender.c.id == sender_id).values(**values)).rowcount:
        raise KeyError(sender_id)
    db.execute(insert(SenderDecision), [{"id": new_id(now), "sender_id": sender_id, "decision": decision, "reason": reason, "until": until, "at": now, "by_id": user_id}])
    return {"decision": decision, "until": until.astimezone(IST).date().isoformat(), "reason": reason}


def _end_of(runtime: Runtime, day: str, now: datetime) -> datetime:
    """The end of an ISO day that lies ahead, no further than allowed."""
    try:
        chosen = date.fromisoformat(day[:10])
    except ValueError:
        raise Unfit("until") from None
    if not now.astimezone(IST).date() <= chosen <= last_day(runtime, now):
        raise Unfit("until")
    return datetime.combine(chosen + timedelta(days=1), time(), IST)


def last_day(runtime: Runtime, now: datetime) -> date:
    """The latest day that a decision may hold until."""
    return now.astimezone(IST).date() + timedelta(days=runtime.config.fairness.decision_days)
