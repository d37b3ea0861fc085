"""The life of a complaint, as a table: who may do what, in which state, what it takes, and whom it tells.

The table drives `complaints.act`, the console's buttons, `docs/lifecycle.md` and an exhaustive test.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    DRAFT = "draft"
    OPEN = "open"
    WAITING = "waiting"  # for the citizen
    DONE = "done"


class State(StrEnum):
    DRAFT = "draft"
    REGISTERED = "registered"
    UNDER_REVIEW = "under_review"
    FORWARDED = "forwarded"
    IN_PROGRESS = "in_progress"
    ACTION_REQUIRED = "action_required"
    RESOLVED = "resolved"
    CLOSED = "closed"
    REJECTED = "rejected"
    DUPLICATE = "duplicate"
    REOPENED = "reopened"


KIND = {
    State.DRAFT: Kind.DRAFT,
    State.REGISTERED: Kind.OPEN,
    State.UNDER_REVIEW: Kind.OPEN,
    State.FORWARDED: Kind.OPEN,
    State.IN_PROGRESS: Kind.OPEN,
    State.ACTION_REQUIRED: Kind.WAITING,
    State.RESOLVED: Kind.WAITING,
    State.CLOSED: Kind.DONE,
    State.REJECTED: Kind.DONE,
    State.DUPLICATE: Kind.DONE,
    State.REOPENED: Kind.OPEN,
}

# The one word of three that a citizen hears.
CITIZEN_WORD = {
    **dict.fromkeys(State, "under_review"),
    State.ACTION_REQUIRED: "action_required",
    State.RESOLVED: "resolved",
    State.CLOSED: "resolved",
}


def is_open(state: str) -> bool:
    """Somebody in government still owes work, or waits for the citizen before closing it."""
    return KIND[State(state)] in (Kind.OPEN, Kind.WAITING)


def is_worked_on(state: str) -> bool:
    """An office has it and its clock counts: open, or waiting for the citizen's answer before the work goes on."""
    return KIND[State(state)] == Kind.OPEN or state == State.ACTION_REQUIRED


class Role(StrEnum):
    CITIZEN = "citizen"
    SYSTEM = "system"
    AGENT = "agent"
    CELL = "cell"  # the grievance cell's desk
    OFFICER = "officer"
    SUPERVISOR = "supervisor"
    ADMINISTRATOR = "administrator"
    MONITOR = "monitor"


STAFF_ROLES = (Role.AGENT, Role.CELL, Role.OFFICER, Role.SUPERVISOR, Role.ADMINISTRATOR, Role.MONITOR)

REJECTION_REASONS = ("court", "rti", "religious", "foreign", "no_grievance", "abusive", "other_state")

CALL_OUTCOMES = ("answered", "busy", "no_answer", "failed")  # of ringing a citizen

# What an action can be asked for. Each names a form field in the console and a check in `complaints`.
FIELDS = ("reason", "rejection_reason", "report", "question", "office", "original", "text", "rating", "category", "priority", "owner",
          "name", "place", "district", "local_body", "pincode", "phone", "harm_on", "news_on", "share", "message", "officer", "files",
          "heard", "subtask", "due_on", "discreet", "called")  # fmt: skip


@dataclass(frozen=True)
class Transition:
    action: str
    sources: frozenset[State]
    target: State | None  # None: the state stays
    who: frozenset[Role]
    requires: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    tells: str | None = None  # key of the SMS in prompts/ that the citizen gets


_OPEN = frozenset(s for s, kind in KIND.items() if kind == Kind.OPEN)
_WORKING = _OPEN | {State.ACTION_REQUIRED}
_LIVE = _WORKING | {State.RESOLVED}
_ALL = frozenset(State) - {State.DRAFT}
_DESK = frozenset({Role.CELL, Role.SUPERVISOR})
_STAFF = frozenset({Role.AGENT, Role.CELL, Role.OFFICER, Role.SUPERVISOR})
_TAKES_CALLS = frozenset({Role.AGENT, Role.CELL, Role.SUPERVISOR})
_OFFICER = frozenset({Role.OFFICER})
_OFFICE = frozenset({Role.OFFICER, Role.SUPERVISOR})
_CITIZEN = frozenset({Role.CITIZEN})
_SYSTEM = frozenset({Role.SYSTEM})


def _row(
    action: str,
    sources: frozenset[State] | set[State],
    target: State | None,
    who: frozenset[Role],
    requires: tuple[str, ...] = (),
    optional: tuple[str, ...] = (),
    tells: str | None = None,
) -> Transition:
    return Transition(action, frozenset(sources), target, who, requires, optional, tells)


TABLE: tuple[Transition, ...] = (
    _row("register", {State.DRAFT}, State.REGISTERED, _CITIZEN | _SYSTEM | _TAKES_CALLS, tells="notify.registered"),
    _row("discard", {State.DRAFT}, State.REJECTED, _CITIZEN | _TAKES_CALLS, ("reason",)),
    _row("complete", _OPEN, None, _CITIZEN | _TAKES_CALLS,
         optional=("text", "name", "place", "district", "local_body", "pincode", "phone", "category", "harm_on")),
    _row("correct", {State.REGISTERED}, None, _CITIZEN, ("text",), ("category", "district", "pincode", "place", "name")),
    _row("put_together", {State.REGISTERED}, None, _CITIZEN, ("text",), ("category", "district", "pincode", "place")),
    # the desk sorts
    _row("categorise", _WORKING, None, _DESK | {Role.AGENT}, ("category",), ("priority", "district", "harm_on")),
    _row("review", {State.REGISTERED, State.REOPENED}, State.UNDER_REVIEW, _TAKES_CALLS, tells="notify.under_review"),
    _row("forward", _WORKING, State.FORWARDED, _DESK, ("office",), ("reason",), "notify.forwarded"),
    # the office works
    _row("accept", {State.REGISTERED, State.FORWARDED, State.REOPENED}, State.IN_PROGRESS, _OFFICE, optional=("news_on",),
         tells="notify.in_progress"),
    _row("transfer", {State.REGISTERED, State.FORWARDED, State.IN_PROGRESS, State.REOPENED}, State.FORWARDED, _OFFICER,
         ("office", "reason"), tells="notify.forwarded"),
    _row("send_back", {State.REGISTERED, State.FORWARDED, State.IN_PROGRESS, State.REOPENED}, State.UNDER_REVIEW, _OFFICER, ("reason",),
         tells="notify.under_review"),
    _row("take_over", _WORKING, None, _OFFICE, ("reason",)),
    _row("assign", _WORKING, None, _DESK | {Role.OFFICER}, ("owner",)),
    _row("promise", _WORKING, None, _DESK | {Role.OFFICER}, ("news_on",), ("text",), "notify.promised"),
    _row("ask_office", _WORKING, None, _DESK | {Role.OFFICER}, ("office", "text", "due_on")),
    _row("part_done", _WORKING, None, _DESK | {Role.OFFICER}, ("subtask", "report")),
    _row("part_declined", _WORKING, None, _DESK | {Role.OFFICER}, ("subtask", "reason")),
    # with the citizen
    _row("ask", _OPEN, State.ACTION_REQUIRED, _DESK | {Role.OFFICER}, ("question",), tells="notify.action_required"),
    _row("stop_clock", {State.ACTION_REQUIRED}, None, _SYSTEM, ("message",)),
    _row("answer", {State.ACTION_REQUIRED}, State.IN_PROGRESS, _CITIZEN | _TAKES_CALLS, ("text",), ("files",)),
    _row("resume", {State.ACTION_REQUIRED}, State.IN_PROGRESS, _DESK | _SYSTEM | {Role.OFFICER}, ("reason",)),
    # the end, and what follows it
    _row("resolve", {State.UNDER_REVIEW, State.FORWARDED, State.IN_PROGRESS, State.ACTION_REQUIRED, State.REOPENED},
         State.RESOLVED, _DESK | {Role.OFFICER}, ("report",), ("files", "reason"), "notify.resolved"),
    _row("confirm", {State.RESOLVED}, State.CLOSED, _CITIZEN | _TAKES_CALLS, optional=("rating",), tells="notify.confirmed"),
    _row("expire", {State.RESOLVED}, State.CLOSED, _SYSTEM, tells="notify.closed"),
    _row("reopen", {State.RESOLVED, State.CLOSED, State.REJECTED}, State.REOPENED, _CITIZEN | _TAKES_CALLS,
         optional=("reason",), tells="notify.reopened"),
    _row("reject", _WORKING, State.REJECTED, _DESK, ("rejection_reason", "reason"), tells="notify.rejected"),
    _row("merge", _WORKING, State.DUPLICATE, _DESK, ("original",), ("reason",), "notify.duplicate"),
    _row("separate", {State.DUPLICATE}, State.UNDER_REVIEW, _DESK, ("reason",), tells="notify.under_review"),
    _row("withdraw", _LIVE, State.CLOSED, _CITIZEN | _TAKES_CALLS, optional=("reason",), tells="notify.withdrawn"),
    # what time brings
    _row("warn", _WORKING, None, _SYSTEM, ("share",)),
    _row("escalate", _WORKING, None, _SYSTEM | {Role.SUPERVISOR}, ("reason",), tells="notify.escalated"),
    _row("news", _WORKING, None, _SYSTEM, tells="notify.still_working"),
    # beside the work
    _row("name_officer", _WORKING, None, _TAKES_CALLS, ("officer",)),
    _row("called", _ALL, None, _TAKES_CALLS, ("called",)),
    _row("discreet", _ALL, None, _CITIZEN | _TAKES_CALLS, ("discreet",)),
    _row("read_back", _ALL | {State.DRAFT}, None, _CITIZEN, ("heard",)),
    _row("add", _ALL, None, _CITIZEN | _TAKES_CALLS, ("text",), ("files",)),
    _row("attach", _ALL | {State.DRAFT}, None, _CITIZEN, ("files",)),
    _row("note", _ALL | {State.DRAFT}, None, _STAFF, ("text",), ("files",)),
    _row("rate", {State.RESOLVED, State.CLOSED}, None, _CITIZEN | _TAKES_CALLS, ("rating",)),
)  # fmt: skip

ACTIONS = tuple(dict.fromkeys(row.action for row in TABLE))
_BY_STATE_ACTION = {(state, row.action): row for row in TABLE for state in row.sources}


def transition(state: str, action: str) -> Transition | None:
    """The row for `action` in `state`, or None where there is none."""
    return _BY_STATE_ACTION.get((State(state), action))


def transition_roles(action: str) -> frozenset[Role]:
    """Everybody who may do it in some state."""
    return frozenset(role for row in TABLE if row.action == action for role in row.who)


def possible(state: str, role: str) -> list[Transition]:
    """What somebody in `role` may do in `state`, in the table's order."""
    return [row for row in TABLE if State(state) in row.sources and role in row.who]


def faults() -> list[str]:
    """What is wrong with the table itself: checked when the application starts."""
    found = []
    if len(_BY_STATE_ACTION) != sum(len(row.sources) for row in TABLE):
        found.append("lifecycle: an action stands twice for one state")
    found += [f"lifecycle: {row.action} asks for unknown field {f}" for row in TABLE for f in row.requires + row.optional
              if f not in FIELDS]  # fmt: skip
    reached = {State.DRAFT} | {row.target for row in TABLE if row.target}
    found += [f"lifecycle: state {state} is never reached" for state in State if state not in reached]
    found += [f"lifecycle: state {state} has no way out" for state in State
              if not any(state in row.sources and row.target not in (None, state) for row in TABLE)]  # fmt: skip
    return found


def as_markdown() -> str:
    """`docs/lifecycle.md`: the table, for readers."""
    head = [
        "# The life of a complaint",
        "",
        "Made from the table in `helpline/lifecycle.py` by `flask lifecycle`; a test keeps it so.",
        "",
        "| action | from | to | who may | needs | SMS to the citizen |",
        "|---|---|---|---|---|---|",
    ]
    rows = [
        f"| {row.action} | {', '.join(s for s in State if s in row.sources)} | {row.target or 'stays'} "
        f"| {', '.join(r for r in Role if r in row.who)} | {', '.join(row.requires) or '–'} | {row.tells or '–'} |"
        for row in TABLE
    ]
    kinds = ["", "| state | kind | the citizen hears |", "|---|---|---|"]
    kinds += [f"| {state} | {KIND[state]} | {CITIZEN_WORD[state].replace('_', ' ')} |" for state in State]
    return "\n".join([*head, *rows, *kinds, ""])
