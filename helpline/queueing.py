"""The queue for a person: callers who wait, agents who take calls, and who is given whom.

A caller's life in `waiting`: `waiting` → `ringing` (offered to an agent) → `talking` → `done`; or `left` (rang off), `message`
(left one instead) or `callback` (keeps the place and is rung back). An agent's state in `attendance`: `available`,
`ringing`, `talking`, `wrap_up`, `away`; without a row, or unseen for a while, nobody is there. What the carrier is to do
about it is read off these rows (`helpline/switchboard.py`), so that nothing is asked of it inside a webhook.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, or_, select, update

from helpline import sla
from helpline.config import Config
from helpline.runtime import Runtime
from models import Attendance, Leg, User, Waiting, new_id

_waiting = Waiting.__table__
_attendance = Attendance.__table__
_legs = Leg.__table__
_turn = func.coalesce(_waiting.c.turn_at, _waiting.c.since)
OPEN = ("waiting", "ringing", "talking")
CUT = "cut"  # a leg that nobody ended in the console: the browser was closed, or rang off by itself
BROKEN = "broken"  # one whose line broke, as the carrier reports
AGENT_STATES = ("available", "ringing", "talking", "wrap_up", "away")
CHOSEN = ("available", "away")  # what an agent may choose
RECENT_CALLS = 50  # over which the expected wait is reckoned
USUAL_SECONDS = 240  # of a call, before there are any


# ── opening hours ───────────────────────────────────────────────────────────────────────────────────────────────────


def is_open(runtime: Runtime, called: str, now: datetime) -> bool:
    """Whether agents of the line with the number `called` work at `now`: its hours, and the state's holidays where it keeps them."""
    line = line_of(runtime.config, called)
    if line.closed_on_holidays and runtime.calendar.is_holiday(now.astimezone(sla.IST).date()):
        return False
    return sla.open_at(line.office_hours, now)


def line_of(config: Config, called: str) -> Any:
    """The settings of the line that was dialled; those of `voice` where it has none of its own."""
    return config.voice.lines.get(called, config.voice)


# ── agents ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def is_anybody_there(db: Connection, runtime: Runtime, language: str, now: datetime) -> bool:
    """Whether an agent who speaks `language` (or, without one, anybody) is signed on, be it in a call."""
    return bool(db.scalar(select(func.count()).where(*_on_duty(runtime, now), _speaks(language)))) or bool(
        db.scalar(select(func.count()).where(*_on_duty(runtime, now)))
    )


def _on_duty(runtime: Runtime, now: datetime) -> tuple[Any, ...]:
    return _attendance.c.seen_at > now - timedelta(seconds=runtime.config.queue.unseen_seconds), _attendance.c.state != "away"


def _speaks(language: str) -> Any:
    return _attendance.c.languages.contains(language, autoescape=True)


def sign_on(db: Connection, user_id: int, languages: tuple[str, ...], now: datetime, state: str = "available") -> None:
    """The agent is at the desk. Signing on again during a call leaves the call alone."""
    known = attendance(db, user_id)
    spoken = ",".join(languages)
    if known is None:
        row = {"user_id": user_id, "state": state, "since": now, "seen_at": now, "languages": spoken}
        db.execute(insert(Attendance), [row])
    elif known.state in ("ringing", "talking"):
        db.execute(update(Attendance).where(_attendance.c.user_id == user_id).values(seen_at=now, languages=spoken))
    else:
        db.execute(update(Attendance).where(_attendance.c.user_id == user_id).values(state=state, since=now, seen_at=now, languages=spoken))


def sign_off(db: Connection, user_id: int) -> None:
    db.execute(delete(Attendance).where(_attendance.c.user_id == user_id, _attendance.c.state.not_in(("ringing", "talking"))))


def attendance(db: Connection, user_id: int) -> Row[Any] | None:
    return db.execute(select(_attendance).where(_attendance.c.user_id == user_id)).first()


def beat(db: Connection, user_id: int, now: datetime) -> None:
    """The agent's browser is there."""
    db.execute(update(Attendance).where(_attendance.c.user_id == user_id).values(seen_at=now))


def _set_agent(db: Connection, user_id: int, state: str, now: datetime, *, was: tuple[str, ...] = AGENT_STATES) -> bool:
    done = db.execute(update(Attendance).where(_attendance.c.user_id == user_id, _attendance.c.state.in_(was)).values(state=state, since=now))
    return bool(done.rowcount)


def hold_for_dialling(db: Connection, user_id: int, now: datetime) -> str | None:
    """An agent who rings a citizen is given no caller meanwhile; what they were before, none where they are not signed on."""
    known = attendance(db, user_id)
    if known is not None:
        _set_agent(db, user_id, "talking", now, was=("available", "away", "wrap_up"))
    return known.state if known is not None else None


def back_from_dialling(db: Connection, user_id: int, was: str | None, now: datetime, *, talked: bool) -> None:
    """Whoever was ready for calls writes up first; others are what they were."""
    if was is not None:
        _set_agent(db, user_id, "wrap_up" if talked and was != "away" else was, now, was=("talking",))


# ── callers ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def enter(
    db: Connection, call_sid: str, number: str, language: str, called: str, complaint_id: int | None, now: datetime, *, behind: int = 0
) -> Row[Any]:
    """The caller's place, that of one who came `behind` seconds later; asked for again, the same one, also after a talk that was cut off."""
    turn_at = now + timedelta(seconds=behind)
    known = of_call(db, call_sid)
    if known is None:
        row = {"id": new_id(), "call_sid": call_sid, "number": number, "called": called, "language": language, "complaint_id": complaint_id,
               "since": now, "turn_at": turn_at, "state": "waiting", "offers": 0, "on_hold": False, "in_room": False, "held": False, "read_back": False}  # fmt: skip
        db.execute(insert(Waiting), [row])
    elif known.state not in OPEN:  # came back after a message or a call
        if known.state == "done" and was_cut_off(db, known.id):
            turn_at = known.turn_at or known.since
        db.execute(update(Waiting).where(_waiting.c.id == known.id).values(state="waiting", since=now, turn_at=turn_at, ended_at=None, agent_id=None, in_room=False, on_hold=False))
    found = of_call(db, call_sid)
    assert found is not None
    return found


def of_call(db: Connection, call_sid: str) -> Row[Any] | None:
    return db.execute(select(_waiting).where(_waiting.c.call_sid == call_sid)).first()


def get(db: Connection, waiting_id: int) -> Row[Any] | None:
    return db.execute(select(_waiting).where(_waiting.c.id == waiting_id)).first()


@dataclass(frozen=True)
class Place:
    number: int  # 1: the next
    seconds: int  # the expected wait


def place(db: Connection, runtime: Runtime, row: Row[Any], now: datetime) -> Place:
    """How many are before this caller, and how long it will take, by the latest calls and the agents there."""
    before = db.scalar(select(func.count()).where(_waiting.c.state == "waiting", _waiting.c.language == row.language,
                                                  or_(_turn < (row.turn_at or row.since), (_turn == (row.turn_at or row.since)) & (_waiting.c.id < row.id))))  # fmt: skip
    there = select(func.count()).where(*_on_duty(runtime, now), _speaks(row.language))
    agents, idle = db.scalar(there) or 1, db.scalar(there.where(_attendance.c.state == "available")) or 0
    number = int(before or 0) + 1
    return Place(number, round(max(0, number - idle) * usual_seconds(db) / agents))


def usual_seconds(db: Connection) -> int:
    """What a call took, on average, of late."""
    latest = db.execute(select(_waiting.c.answered_at, _waiting.c.ended_at).where(_waiting.c.state == "done", _waiting.c.answered_at.is_not(None))
                        .order_by(_waiting.c.ended_at.desc()).limit(RECENT_CALLS)).all()  # fmt: skip
    lengths = [max(0.0, (row.ended_at - row.answered_at).total_seconds()) for row in latest]
    return round(sum(lengths) / len(lengths)) if lengths else USUAL_SECONDS


def count_waiting(db: Connection) -> int:
    return int(db.scalar(select(func.count()).where(_waiting.c.state.in_(("waiting", "ringing")))) or 0)


def purpose_of(db: Connection, leg_id: int) -> str | None:
    return db.scalar(select(_legs.c.purpose).where(_legs.c.id == leg_id))


def leave(db: Connection, call_sid: str, state: str, now: datetime) -> bool:
    """The caller does not wait any longer: `left`, `message` or `callback`. Whoever was rung is free again."""
    row = of_call(db, call_sid)
    if row is None or row.state not in ("waiting", "ringing"):
        return False
    db.execute(update(Waiting).where(_waiting.c.id == row.id).values(state=state, ended_at=now))
    if row.agent_id:
        _set_agent(db, row.agent_id, "available", now, was=("ringing",))
    _end_legs(db, row.id, now)
    return True


def end(db: Connection, call_sid: str, now: datetime) -> None:
    """The call is over, however."""
    row = of_call(db, call_sid)
    if row is None:
        return
    db.execute(update(Waiting).where(_waiting.c.id == row.id).values(in_room=False, held=False))
    if not leave(db, call_sid, "left", now):
        finish(db, row.id, now)


def finish(db: Connection, waiting_id: int, now: datetime) -> None:
    """The talk is over: the agent writes up what is left to write."""
    row = get(db, waiting_id)
    if row is None or row.state != "talking":
        return
    db.execute(update(Waiting).where(_waiting.c.id == waiting_id).values(state="done", ended_at=now, on_hold=False))
    for user_id in db.scalars(select(_legs.c.user_id).where(_legs.c.waiting_id == waiting_id, _legs.c.state.in_(("ringing", "answered")), _legs.c.purpose != "listen")):
        _set_agent(db, user_id, "wrap_up", now, was=("talking", "ringing"))
    _end_legs(db, waiting_id, now)


# ── giving callers to agents ────────────────────────────────────────────────────────────────────────────────────────


def assign(db: Connection, runtime: Runtime, now: datetime) -> int:
    """Offer every waiting caller, whose turn it is first, to the agent idle for longest who speaks their language; how many."""
    offered = 0
    for caller in db.execute(select(_waiting).where(_waiting.c.state == "waiting").order_by(_turn, _waiting.c.id)).all():
        agent = _idle(db, runtime, caller, now)
        if agent is not None and _offer(db, caller, agent.user_id, now):
            offered += 1
    return offered


def _idle(db: Connection, runtime: Runtime, caller: Row[Any], now: datetime) -> Row[Any] | None:
    """Who speaks the caller's language; after `queue.any_language_seconds` whoever is there."""
    patient = now - caller.since < timedelta(seconds=runtime.config.queue.any_language_seconds)
    idle = select(_attendance).where(*_on_duty(runtime, now), _attendance.c.state == "available").order_by(_attendance.c.since)
    return db.execute(idle.where(_speaks(caller.language)) if patient else idle).first()


def _offer(db: Connection, caller: Row[Any], user_id: int, now: datetime) -> bool:
    if not _set_agent(db, user_id, "ringing", now, was=("available",)):
        return False
    taken = db.execute(update(Waiting).where(_waiting.c.id == caller.id, _waiting.c.state == "waiting")
                       .values(state="ringing", agent_id=user_id, offered_at=now, offers=caller.offers + 1))  # fmt: skip
    if not taken.rowcount:
        _set_agent(db, user_id, "available", now, was=("ringing",))
        return False
    add_leg(db, caller.id, user_id, "agent", now)
    return True


def add_leg(db: Connection, waiting_id: int, user_id: int, purpose: str, now: datetime) -> int:
    """Somebody of the staff is to be rung into the call: `agent`, `consult`, `listen`."""
    key = new_id()
    row = {"id": key, "waiting_id": waiting_id, "user_id": user_id, "purpose": purpose, "state": "owed", "leaving": False, "created_at": now}
    db.execute(insert(Leg), [row])
    return key


def answered(db: Connection, leg_id: int, now: datetime) -> Row[Any] | None:
    """The agent took the call: the caller's row, or None when nobody is there to talk to any more."""
    leg = db.execute(select(_legs).where(_legs.c.id == leg_id)).first()
    row = get(db, leg.waiting_id) if leg is not None else None
    if leg is None or row is None or row.state not in ("ringing", "talking") or leg.state not in ("owed", "placing", "ringing", "answered"):
        return None
    if leg.purpose == "agent":
        if row.agent_id != leg.user_id:
            return None
        talking = {"state": "talking", "answered_at": row.answered_at or now}
        db.execute(update(Waiting).where(_waiting.c.id == row.id, _waiting.c.state.in_(("ringing", "talking"))).values(**talking))
    db.execute(update(Leg).where(_legs.c.id == leg_id).values(state="answered", answered_at=leg.answered_at or now))
    if leg.purpose != "listen":
        _set_agent(db, leg.user_id, "talking", now, was=("ringing", "available", "away", "wrap_up"))
        leaving = (_legs.c.waiting_id == row.id, _legs.c.leaving, _legs.c.id != leg_id, _legs.c.state == "answered")
        db.execute(update(Leg).where(*leaving).values(state="ending"))
    return get(db, row.id)


def missed(db: Connection, leg_id: int, now: datetime) -> None:
    """The agent did not take it: the caller keeps the place, the agent is away until they say otherwise."""
    leg = db.execute(select(_legs).where(_legs.c.id == leg_id)).first()
    if leg is None or leg.state not in ("owed", "placing", "ringing"):
        return
    db.execute(update(Leg).where(_legs.c.id == leg_id).values(state="failed", ended_at=now))
    if leg.purpose != "listen":
        _set_agent(db, leg.user_id, "away", now, was=("ringing",))
    if leg.purpose == "agent":
        again = {"state": "waiting", "agent_id": None, "offered_at": None}
        db.execute(update(Waiting).where(_waiting.c.id == leg.waiting_id, _waiting.c.state == "ringing").values(**again))


def leg_ended(db: Connection, leg_id: int, now: datetime, *, broke: bool = False) -> None:
    """Somebody of the staff rang off, or their line broke. When nobody of them is left, the talk is over."""
    leg = db.execute(select(_legs).where(_legs.c.id == leg_id)).first()
    if leg is None or leg.state not in ("answered", "ending"):
        missed(db, leg_id, now)
        return
    state = "ended" if leg.state == "ending" else BROKEN if broke else CUT
    db.execute(update(Leg).where(_legs.c.id == leg_id).values(state=state, ended_at=now))
    if leg.purpose == "listen":
        return
    _set_agent(db, leg.user_id, "wrap_up", now, was=("talking",))
    others = db.execute(select(_legs).where(_legs.c.waiting_id == leg.waiting_id, _legs.c.purpose != "listen", _legs.c.state.in_(("owed", "placing", "ringing", "answered")))).all()
    if not others:
        finish(db, leg.waiting_id, now)
    elif leg.user_id == db.scalar(select(_waiting.c.agent_id).where(_waiting.c.id == leg.waiting_id)):
        db.execute(update(Waiting).where(_waiting.c.id == leg.waiting_id).values(agent_id=others[0].user_id, on_hold=False))


def was_cut_off(db: Connection, waiting_id: int, how: tuple[str, ...] = (CUT, BROKEN)) -> bool:
    """Whether the talk ended because the last of the staff was cut off; `how`: as those legs may have ended."""
    last = select(_legs.c.state).where(_legs.c.waiting_id == waiting_id, _legs.c.purpose != "listen", _legs.c.answered_at.is_not(None))
    return db.scalar(last.order_by(_legs.c.ended_at.desc(), _legs.c.id.desc()).limit(1)) in how


def _end_legs(db: Connection, waiting_id: int, now: datetime) -> None:
    live = (_legs.c.waiting_id == waiting_id, _legs.c.state.in_(("placing", "ringing", "answered")))
    db.execute(update(Leg).where(*live).values(state="ending"))
    db.execute(update(Leg).where(_legs.c.waiting_id == waiting_id, _legs.c.state == "owed").values(state="ended", ended_at=now))


# ── in the call ─────────────────────────────────────────────────────────────────────────────────────────────────────


def hold(db: Connection, waiting_id: int, wanted: bool) -> None:
    db.execute(update(Waiting).where(_waiting.c.id == waiting_id, _waiting.c.state == "talking").values(on_hold=wanted))


def bring_in(db: Connection, waiting_id: int, colleague: int, now: datetime, *, announce: bool) -> int | None:
    """Ring a colleague into the call. `announce`: the caller is held meanwhile, so that the two can speak. None when they are not free."""
    if not _set_agent(db, colleague, "ringing", now, was=("available", "wrap_up")):
        return None
    hold(db, waiting_id, announce)
    return add_leg(db, waiting_id, colleague, "consult", now)


def withdraw(db: Connection, waiting_id: int, user_id: int, now: datetime) -> None:
    """This person leaves the call; with a colleague in it, the call is theirs."""
    db.execute(update(Leg).where(_legs.c.waiting_id == waiting_id, _legs.c.user_id == user_id, _legs.c.state.in_(("ringing", "answered"))).values(state="ending"))
    hold(db, waiting_id, False)


def withdraw_when_taken(db: Connection, waiting_id: int, user_id: int) -> None:
    """A blind transfer: this person leaves as soon as the colleague has answered."""
    mine = (_legs.c.waiting_id == waiting_id, _legs.c.user_id == user_id, _legs.c.state == "answered")
    db.execute(update(Leg).where(*mine).values(leaving=True))


def attach(db: Connection, user_id: int, complaint_id: int) -> None:
    """What this agent types belongs to the call that they are in."""
    call = call_of(db, user_id)
    if call is not None and call.state == "talking" and call.purpose != "listen":
        db.execute(update(Waiting).where(_waiting.c.id == call.id).values(complaint_id=complaint_id))


def ask_read_back(db: Connection, waiting_id: int) -> bool:
    """What was typed is to be read to the caller; False when nothing was typed."""
    can = (_waiting.c.id == waiting_id, _waiting.c.state == "talking", _waiting.c.complaint_id.is_not(None))
    return bool(db.execute(update(Waiting).where(*can).values(read_back=True)).rowcount)


# ── what time brings ────────────────────────────────────────────────────────────────────────────────────────────────


def tick(db: Connection, runtime: Runtime, now: datetime) -> None:
    """Rings that nobody answered, write-ups that are over, browsers that have gone; then callers are given to agents."""
    rules = runtime.config.queue
    rung = select(_legs.c.id).where(_legs.c.state.in_(("owed", "placing", "ringing")), _legs.c.created_at < now - timedelta(seconds=rules.ring_seconds))
    for leg_id in db.scalars(rung).all():
        leg = db.execute(select(_legs).where(_legs.c.id == leg_id)).one()
        missed(db, leg_id, now)
        if leg.sid:
            db.execute(update(Leg).where(_legs.c.id == leg_id).values(state="ending"))
    over = _attendance.c.since < now - timedelta(seconds=rules.wrap_up_seconds)
    db.execute(update(Attendance).where(_attendance.c.state == "wrap_up", over).values(state="available", since=now))
    gone = _attendance.c.seen_at < now - timedelta(days=1)
    db.execute(delete(Attendance).where(gone, _attendance.c.state.not_in(("ringing", "talking"))))
    assign(db, runtime, now)


# ── the board ───────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Board:
    waiting: int
    longest: int  # seconds
    talking: int
    entered: int  # today
    answered: int
    in_time: int  # within queue.target_seconds
    lost: int  # rang off while waiting
    agents: dict[str, int]


def board(db: Connection, runtime: Runtime, now: datetime) -> Board:
    """The queue as it stands, and the day so far."""
    midnight = now.astimezone(sla.IST).replace(hour=0, minute=0, second=0, microsecond=0)
    live = db.execute(select(_waiting.c.state, _waiting.c.since).where(_waiting.c.state.in_(OPEN))).all()
    today = db.execute(select(_waiting.c.state, _waiting.c.since, _waiting.c.answered_at).where(_waiting.c.since >= midnight)).all()
    waits = [max(0.0, (now - row.since).total_seconds()) for row in live if row.state != "talking"]
    limit = timedelta(seconds=runtime.config.queue.target_seconds)
    agents = dict.fromkeys(AGENT_STATES, 0)
    present = _attendance.c.seen_at > now - timedelta(seconds=runtime.config.queue.unseen_seconds)
    for state, count in db.execute(select(_attendance.c.state, func.count()).where(present).group_by(_attendance.c.state)):
        agents[state] = count
    return Board(
        waiting=len(waits),
        longest=round(max(waits, default=0)),
        talking=sum(row.state == "talking" for row in live),
        entered=len(today),
        answered=sum(row.answered_at is not None for row in today),
        in_time=sum(row.answered_at is not None and row.answered_at - row.since <= limit for row in today),
        lost=sum(row.state == "left" for row in today),
        agents=agents,
    )


def calls_now(db: Connection) -> list[Row[Any]]:
    """Callers who wait or talk, the longest waiting first, with their agent's name."""
    query = select(_waiting, User.name.label("agent")).outerjoin(User, User.id == _waiting.c.agent_id)
    return list(db.execute(query.where(_waiting.c.state.in_(OPEN)).order_by(_waiting.c.since)))


def agents_now(db: Connection, runtime: Runtime, now: datetime) -> list[Row[Any]]:
    present = _attendance.c.seen_at > now - timedelta(seconds=runtime.config.queue.unseen_seconds)
    return list(db.execute(select(_attendance, User.name).join(User, User.id == _attendance.c.user_id).where(present).order_by(User.name)))


def in_call(db: Connection, waiting_id: int) -> list[Row[Any]]:
    """Who of the staff is in a call, and as what."""
    query = select(_legs.c.purpose, _legs.c.state, User.name, User.id).join(User, User.id == _legs.c.user_id)
    return list(db.execute(query.where(_legs.c.waiting_id == waiting_id, _legs.c.state.in_(("owed", "placing", "ringing", "answered"))).order_by(_legs.c.id)))


def call_of(db: Connection, user_id: int) -> Row[Any] | None:
    """The call that rings at this person, or that they are in."""
    query = (
        select(_waiting, _legs.c.id.label("leg_id"), _legs.c.state.label("leg_state"), _legs.c.purpose, _legs.c.sid.label("leg_sid"))
        .join(_legs, _legs.c.waiting_id == _waiting.c.id)
        .where(_legs.c.user_id == user_id, _legs.c.state.in_(("owed", "placing", "ringing", "answered")))
        .order_by(_legs.c.id.desc())
        .limit(1)
    )
    return db.execute(query).first()
