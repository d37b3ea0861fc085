"""Demonstration data: a year of invented complaints, plainly marked and made through the rules.

Every complaint's story is drawn from the seed and its number alone; the steps of all stories are then taken in the order
of time, each by `complaints.act`, so that events, holdings, alerts and messages are what they would have been. Messages
are written down as delivered and never leave (`outbox.keep_here`: none about a complaint whose source key begins with MARK is sent, rung or mailed).
"""

from __future__ import annotations

import heapq
import itertools
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from random import Random
from typing import Any

import yaml
from sqlalchemy import Connection, Row, insert, select, update

from helpline import complaints, lifecycle, offices, outbox, people, search
from helpline.complaints import SYSTEM, Actor, CannotAct, Filing
from helpline.config import ROOT
from helpline.figures import upkeep
from helpline.lifecycle import Role, State
from helpline.reference import LocalBody
from helpline.runtime import Runtime
from models import Alert, Complaint, Outgoing, User, new_id

MARK = outbox.DEMONSTRATION
DAYS = 365
BATCH = 400  # steps a transaction
HOT_SPOTS = 30  # places where the same thing keeps coming back
_SEEN_AFTER = timedelta(days=5)
_DEPARTMENTS_WITH_OFFICERS = ("pwd", "phe", "prd", "udma", "power", "fs", "hfw", "llr", "home", "se")
Step = tuple[datetime, str, Actor, dict[str, Any]]


class NotHere(Exception):
    """Demonstration data is made in development only."""


@dataclass
class Story:
    """One complaint as it was drawn: what is filed, and how quickly and well people deal with it."""

    number: int
    draw: Random
    at: datetime
    filing: Filing
    place: str
    department: str | None  # where the desk sends what no category routes
    pace: float  # share of the allowed time until it is resolved
    idle: bool  # nobody deals with it
    key: int = 0
    ack: str = ""
    state: str = ""
    plan: Step | None = None
    warned: bool = False
    asked: bool = False
    row: Row[Any] | None = None
    moved: bool = False


@lru_cache(maxsize=1)
def _texts() -> Mapping[str, Any]:
    loaded: dict[str, Any] = yaml.load((ROOT / "reference" / "demonstration.yaml").read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    return loaded


def make(runtime: Runtime, now: datetime, *, count: int = 4000, seed: int = 1) -> dict[str, int]:
    """Make what is not there yet of `count` complaints ending at `now`: state → how many there are."""
    if runtime.config.is_production:
        raise NotHere
    staff = _staff(runtime, now)
    _Year(runtime, now, seed, staff).play(count)
    _index(runtime)
    with runtime.writing() as db:
        db.execute(update(Alert).where(Alert.at < now - _SEEN_AFTER, Alert.seen_at.is_(None)).values(seen_at=Alert.at))
        states = db.scalars(select(Complaint.state).where(_is_demonstration())).all()
    return {str(state): states.count(state) for state in State}


def _is_demonstration() -> Any:
    return (Complaint.source_key >= MARK) & (Complaint.source_key < MARK[:-1] + chr(ord(MARK[-1]) + 1))


def _index(runtime: Runtime) -> None:
    """Into the search and the figures at once: the worker, which asks for translations, finds nothing left to do."""
    pending = select(Complaint.__table__).where(_is_demonstration(), Complaint.indexed_seq != Complaint.last_seq).limit(BATCH)
    while True:
        with runtime.writing() as db:
            rows = db.execute(pending).all()
            for row in rows:
                search.take_in(db, runtime, row)
                upkeep.take_in(db, row.id, row.indexed_seq)
        if not rows:
            return


class _Year:
    """All stories, each step taken when its time comes."""

    def __init__(self, runtime: Runtime, now: datetime, seed: int, staff: Mapping[str, int]) -> None:
        self.runtime, self.now, self.seed, self.staff = runtime, now, seed, staff
        self.bodies: dict[str, list[LocalBody]] = {}
        for body in runtime.reference.local_bodies:
            if body.type != "subdivision":
                self.bodies.setdefault(body.district_code, []).append(body)
        spots = Random(f"{seed}:spots")
        self.spots = [(self._district(spots), self._category(spots), spots.random()) for _ in range(HOT_SPOTS)]
        self.open_at: dict[tuple[str, str], str] = {}  # (category, place) → the newest number there, to merge with

    def play(self, count: int) -> None:
        order = itertools.count()
        due = [(story.at, next(order), story) for story in map(self.drawn, range(count))]
        heapq.heapify(due)
        while due:
            with self.runtime.writing() as db:
                for _ in range(min(BATCH, len(due))):
                    if not due:
                        break
                    _, _, story = heapq.heappop(due)
                    coming = self._take_step(db, story)
                    if coming and coming <= self.now:
                        heapq.heappush(due, (coming, next(order), story))
                _deliver(db)

    # ── drawing ──

    def drawn(self, number: int) -> Story:
        draw = Random(f"{self.seed}:{number}")
        districts = list(self.runtime.reference.districts)
        departments = [code for code in self.runtime.reference.departments if code != offices.FALLBACK]
        first = number < len(departments)  # of these one goes to every department, and long enough ago to have got there
        district = districts[number] if number < len(districts) else self._district(draw)
        category, body = self._category(draw), draw.choice(self.bodies[district])
        if draw.random() < 0.16 and not first:
            district, category, share = draw.choice(self.spots)
            body = self.bodies[district][int(share * len(self.bodies[district]))]
        department = departments[number % len(departments)] if first or draw.random() < 0.05 else None
        if department:
            category = "OTHER"
        language = draw.choices(("bn", "en", "hi"), (78, 12, 10))[0]
        name = body.name(language) or body.name("en")
        at = self._moment(draw) - timedelta(days=40 if first else 0)
        return Story(number, draw, at, self._filing(draw, number, language, category, district, body, name), name, department,
                     pace=draw.lognormvariate(-0.55, 0.6) * _pace_of(category), idle=draw.random() < 0.03 and not first)  # fmt: skip

    def _moment(self, draw: Random) -> datetime:
        """More of them lately, most of them by day; the newest a few minutes ago."""
        back = DAYS * (1 - draw.random() ** 0.75) * 86400
        moment = self.now - timedelta(seconds=max(back, draw.uniform(60, 7200)))
        quiet = (moment.hour + 5) % 24 < 8  # the hour in India, nearly
        return moment - timedelta(hours=draw.choice((9, 10, 11))) if quiet else moment

    def _district(self, draw: Random) -> str:
        codes = list(self.runtime.reference.districts)
        return draw.choices(codes, [3 if n % 3 == 0 else 2 if n % 3 == 1 else 1 for n in range(len(codes))])[0]

    def _category(self, draw: Random) -> str:
        reference = self.runtime.reference
        tops = reference.top_categories()
        top = draw.choices(tops, [len(tops) + 3 - n for n in range(len(tops))])[0]
        below = reference.children(top.code)
        return draw.choice(below).code if below and draw.random() < 0.93 else top.code

    def _filing(self, draw: Random, number: int, language: str, category: str, district: str, body: LocalBody, place: str) -> Filing:
        texts = _texts()
        channel = draw.choices(("voice", "sms", "agent"), (55, 30, 15))[0]
        problem = draw.choice(texts["problems"][category.partition(".")[0]][language]).format(place=place)
        unsorted = draw.random() < 0.04
        return Filing(
            channel=channel,
            language=language,
            source_key=f"{MARK}{self.seed}:{number:05d}",
            phone=f"+9160000{draw.randrange(3000):05d}",
            name=draw.choice(texts["names"][language]),
            category_code=None if unsorted else category,
            district_code=district,
            local_body_code=body.code,
            place=place,
            description=f"{texts['mark'][language]} {problem}",
            incomplete=channel == "voice" and draw.random() < 0.06,
        )

    # ── living ──

    def _take_step(self, db: Connection, story: Story) -> datetime | None:
        """The step that is due; when the next one is."""
        if story.row is None:
            if not self._begin(db, story):
                return None
        else:
            self._act(db, story, self._next(db, story, story.row))
        row = story.row = complaints.get(db, story.key)
        assert row is not None
        if row.state != story.state:
            story.warned = story.warned and row.state != State.REOPENED
            story.state, story.plan = row.state, self._planned(story, row)
        coming = self._next(db, story, row)
        return coming[0] if coming else None

    def _begin(self, db: Connection, story: Story) -> bool:
        citizen = Actor(Role.CITIZEN, story.filing.channel)
        if story.draw.random() < 0.008 and story.department is None:
            complaints.open_draft(db, self.runtime, story.filing, citizen, story.at)
            return False
        filed = complaints.file(db, self.runtime, story.filing, citizen, story.at)
        story.key, story.ack = filed.id, filed.ack
        return filed.is_new

    def _act(self, db: Connection, story: Story, step: Step | None) -> None:
        if step is None:
            return
        at, action, actor, data = step
        if step is story.plan:
            story.plan = None
        if action == "merge" and not data["original"]:
            return
        try:
            complaints.act(db, self.runtime, story.key, action, actor, at, data)
        except CannotAct:
            return  # somebody else was quicker, as in life
        story.warned = story.warned or action == "warn"

    def _next(self, db: Connection, story: Story, row: Row[Any]) -> Step | None:
        steps = [*self._clocks(db, story, row), *([story.plan] if story.plan else [])]
        return min(steps, key=lambda step: step[0]) if steps else None

    def _clocks(self, db: Connection, story: Story, row: Row[Any]) -> Iterator[Step]:
        """What time brings to this complaint, as `clocks.tick` would do it."""
        calendar, rules = self.runtime.calendar, self.runtime.config.casework
        if row.state == State.RESOLVED:
            yield row.resolved_at + timedelta(days=rules.feedback_days), "expire", SYSTEM, {}
        if row.state == State.ACTION_REQUIRED and row.clock_stopped_at:
            yield calendar.add(row.clock_stopped_at, rules.answer_days * calendar.day_minutes), "resume", SYSTEM, {"reason": "no answer"}
        elif lifecycle.is_worked_on(row.state):
            if row.state == State.ACTION_REQUIRED:
                message = db.execute(select(Outgoing.id, Outgoing.created_at).where(Outgoing.key == f"complaint:{row.id}:{row.asked_seq}")).first()
                if message:
                    yield message.created_at, "stop_clock", SYSTEM, {"message": message.id}
            if row.warn_at:
                yield row.warn_at, "warn", SYSTEM, {"share": "four_fifths" if story.warned else "half"}
            if row.escalate_at:
                yield row.escalate_at, "escalate", SYSTEM, {"reason": "past the due time"}
            if row.news_at:
                yield row.news_at, "news", SYSTEM, {}

    def _planned(self, story: Story, row: Row[Any]) -> Step | None:
        """What people do next, and when, on entering a state."""
        if story.idle and lifecycle.is_worked_on(row.state) and row.state != State.ACTION_REQUIRED:
            return None
        planned = _PLANS.get(State(row.state))
        step = planned(self, story, row) if planned else None
        return (max(step[0], row.updated_at + timedelta(minutes=1)), *step[1:]) if step else None

    # Each: (when, action, who, what is given).

    def _after(self, story: Story, row: Row[Any], low: float, high: float) -> datetime:
        """After so many working hours."""
        return self.runtime.calendar.add(row.updated_at, round(story.draw.uniform(low, high) * 60))

    def _desk(self, story: Story) -> Actor:
        return Actor(Role.CELL, "agent", self.staff["demo-cell"])

    def _officer(self, row: Row[Any]) -> Actor:
        """Whoever has it; the office's officer; an officer without an account of the demonstration."""
        person = row.owner_id or self.staff.get(f"demo-{row.office_code}".replace(".", "-"))
        return Actor(Role.OFFICER, "agent", person)

    def _on_registered(self, story: Story, row: Row[Any]) -> Step | None:
        draw, reasons = story.draw, _texts()["reasons"]
        place = (story.filing.category_code or "", story.filing.local_body_code or "")
        earlier, self.open_at[place] = self.open_at.get(place), story.ack
        chance, soon = draw.random(), self._after(story, row, 0.3, 9)
        if row.office_code == offices.FALLBACK:
            office = self._sorted_to(story)
            return soon, "forward", self._desk(story), {"office": office, "reason": "sorted by hand"}
        if chance < 0.03:
            return soon, "reject", self._desk(story), {"rejection_reason": draw.choice(("court", "rti", "no_grievance", "other_state")), "reason": reasons["reject"]}
        if chance < 0.09 and earlier:
            return soon, "merge", self._desk(story), {"original": earlier}
        if chance < 0.11:
            return soon, "withdraw", Actor(Role.CITIZEN, "sms"), {"reason": reasons["withdraw"]}
        if chance < 0.2:
            return soon, "review", self._desk(story), {}
        return soon, "accept", self._officer(row), {}

    def _sorted_to(self, story: Story) -> str:
        reference = self.runtime.reference
        department = story.department or reference.categories[self._category(story.draw)].department_code
        local = f"{department}.{story.filing.district_code}"
        return local if local in reference.offices else department

    def _on_under_review(self, story: Story, row: Row[Any]) -> Step:
        office = row.office_code if row.office_code != offices.FALLBACK else self._sorted_to(story)
        return self._after(story, row, 1, 8), "forward", self._desk(story), {"office": office}

    def _on_forwarded(self, story: Story, row: Row[Any]) -> Step:
        draw = story.draw
        if not story.moved and draw.random() < 0.05:
            story.moved = True
            above = offices.parent(row.office_code)
            if above and above != offices.FALLBACK and draw.random() < 0.5:
                return self._after(story, row, 1, 12), "transfer", self._officer(row), {"office": above, "reason": _texts()["reasons"]["transfer"]}
            return self._after(story, row, 1, 12), "send_back", self._officer(row), {"reason": _texts()["reasons"]["send_back"]}
        return self._after(story, row, 0.5, 10), "accept", self._officer(row), {}

    def _on_in_progress(self, story: Story, row: Row[Any]) -> Step:
        draw, texts = story.draw, _texts()
        if not story.asked and draw.random() < 0.1:
            story.asked = True
            return self._after(story, row, 1, 8), "ask", self._officer(row), {"question": draw.choice(texts["questions"])}
        begun = row.registered_at if not row.reopen_count else row.held_since
        allowed = self.runtime.calendar.between(begun, row.due_at)
        at = self.runtime.calendar.add(begun, round(allowed * story.pace))
        if draw.random() < 0.04:  # the clock is served, not the citizen
            at = row.due_at - timedelta(minutes=draw.randint(2, 9))
            return at, "resolve", self._officer(row), {"report": texts["reports"]["idle"]}
        report = draw.choice(texts["reports"]["en" if story.filing.language == "en" else "bn"]).format(place=story.place)
        return at, "resolve", self._officer(row), {"report": f"{report} ({story.ack[-4:]})"}

    def _on_action_required(self, story: Story, row: Row[Any]) -> Step | None:
        if story.draw.random() < 0.3:
            return None  # no answer: the clock runs again by itself
        return self._after(story, row, 2, 15), "answer", Actor(Role.CITIZEN, "sms"), {"text": story.draw.choice(_texts()["answers"])}

    def _on_resolved(self, story: Story, row: Row[Any]) -> Step | None:
        draw, citizen = story.draw, Actor(Role.CITIZEN, "sms")
        late = row.resolved_at > row.due_at
        chance = draw.random() + (0.1 if late else 0)
        at = row.resolved_at + timedelta(hours=draw.uniform(0.1, 100))
        if chance < 0.6:
            return at, "confirm", citizen, {"rating": draw.choices((5, 4, 3, 2), (45, 35, 15, 5))[0]} if draw.random() < 0.7 else {}
        if chance > 0.9 and row.reopen_count < 2:
            return at, "reopen", citizen, {"reason": _texts()["reasons"]["reopen"]}
        return None

    def _on_closed(self, story: Story, row: Row[Any]) -> Step | None:
        draw, citizen = story.draw, Actor(Role.CITIZEN, "voice")
        if row.outcome == "unconfirmed" and row.reopen_count == 0 and draw.random() < 0.05:
            return row.closed_at + timedelta(days=draw.uniform(1, 20)), "reopen", citizen, {"reason": _texts()["reasons"]["reopen"]}
        return None


_PLANS = {
    State.REGISTERED: _Year._on_registered,
    State.UNDER_REVIEW: _Year._on_under_review,
    State.FORWARDED: _Year._on_forwarded,
    State.REOPENED: _Year._on_forwarded,
    State.IN_PROGRESS: _Year._on_in_progress,
    State.ACTION_REQUIRED: _Year._on_action_required,
    State.RESOLVED: _Year._on_resolved,
    State.CLOSED: _Year._on_closed,
}


def _pace_of(category: str) -> float:
    """Some kinds of work take longer than promised everywhere."""
    return {"LAND": 1.5, "CORR": 1.4, "HOUSE": 1.3, "SERV": 1.2, "WATER": 0.9, "ELEC": 0.85}.get(category.partition(".")[0], 1.0)


def _deliver(db: Connection) -> None:
    """Written down as delivered, in the transaction that wrote them: no worker ever sees one to send."""
    ours = select(Complaint.id).where(_is_demonstration())
    db.execute(
        update(Outgoing)
        .where(Outgoing.state.in_(("pending", "claimed")), Outgoing.complaint_id.in_(ours))
        .values(state="delivered", carrier="demonstration", attempts=1, sent_at=Outgoing.created_at, delivered_at=Outgoing.created_at)
    )


# ── staff ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _staff(runtime: Runtime, now: datetime) -> dict[str, int]:
    """user name → key of the demonstration's accounts; made once, with one random password kept beside the store."""
    wanted = list(_people(runtime))
    with runtime.reading() as session:
        known = dict(session.execute(select(User.username, User.id).where(User.username.in_([row["username"] for row in wanted]))).tuples().all())
    missing = [row for row in wanted if row["username"] not in known]
    if missing:
        hashed = people.hash_password(_password(runtime))
        rows = [{"id": new_id(), "password_hash": hashed, "created_at": now, **row} for row in missing]
        with runtime.writing() as db:
            db.execute(insert(User), rows)
        known |= {row["username"]: row["id"] for row in rows}
    return known


def _password(runtime: Runtime) -> str:
    path = runtime.config.var / "demonstration.txt"
    if path.exists():
        return path.read_text(encoding="utf-8").strip()
    word = secrets.token_urlsafe(9)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(word + "\n", encoding="utf-8")
    return word


def _people(runtime: Runtime) -> Iterator[dict[str, Any]]:
    reference = runtime.reference

    def person(username: str, title: str, role: Role, office: str | None = None, department: str | None = None, district: str | None = None) -> dict[str, Any]:
        return {"username": username[:60], "name": f"নমুনা / Demo {title}"[:120], "role": str(role), "office_code": office, "department_code": department,
                "district_code": district}  # fmt: skip

    yield person("demo-cell", "grievance cell", Role.CELL)
    yield person("demo-agent", "agent", Role.AGENT)
    yield person("demo-supervisor", "supervisor", Role.SUPERVISOR)
    yield person("demo-monitor", "monitor", Role.MONITOR)
    yield person("demo-administrator", "administrator", Role.ADMINISTRATOR)
    for code in _DEPARTMENTS_WITH_OFFICERS:
        yield person(f"demo-{code}", f"{reference.departments[code].name('en')}, head", Role.OFFICER, code)
        for district in reference.districts.values():
            office = f"{code}.{district.code}"
            if office in reference.offices:
                yield person(f"demo-{code}-{district.code}", f"{code.upper()}, {district.name('en')}", Role.OFFICER, office)
    for code in ("pwd", "phe"):
        yield person(f"demo-supervisor-{code}", f"supervisor, {reference.departments[code].name('en')}", Role.SUPERVISOR, None, code)
    for code in ("305", "303"):
        yield person(f"demo-monitor-{code}", f"monitor, {reference.districts[code].name('en')}", Role.MONITOR, None, None, code)
