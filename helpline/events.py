"""Events: what happened to a complaint, append-only, in a chain of hashes that shows it when one was changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from helpline.lifecycle import Role
from models import Event, new_id


@dataclass(frozen=True)
class Actor:
    role: str  # lifecycle.Role
    channel: str  # voice | sms | agent | system
    user_id: int | None = None

    @property
    def kind(self) -> str:
        return self.role if self.role in (Role.CITIZEN, Role.SYSTEM) else "staff"


SYSTEM = Actor(Role.SYSTEM, "system")
FACTS = ("state", "category_code", "district_code", "department_code", "office_code", "priority", "level", "owner_id", "incomplete", "outcome",
         "rating", "duplicate_of_id", "transfers")  # fmt: skip
CORRECTED = ("place", "pincode", "name")  # kept of a correction beside them
MOMENTS = ("due_at", "response_due_at", "news_at", "harm_at", "clock_stopped_at")


def facts(row: Mapping[str, Any], also: tuple[str, ...] = ()) -> dict[str, Any]:
    """What an event keeps of a complaint before and after: the parts a decision can change, and those of `also` that are known."""
    kept = {name: value for name in FACTS if (value := row.get(name)) is not None}
    kept |= {name: value for name in also if (value := row.get(name))}
    return kept | {name: moment.isoformat() for name in MOMENTS if (moment := row.get(name))}


def decided(kept: Mapping[str, Any]) -> dict[str, Any]:
    """Of an event's facts, what a person's decision builds on: not who up the ladder answers for it, and no moment."""
    return {name: value for name, value in kept.items() if name in FACTS and name != "level"}


def make(
    row: dict[str, Any],
    action: str,
    actor: Actor,
    now: datetime,
    *,
    before: dict[str, Any],
    after: dict[str, Any],
    data: dict[str, Any],
) -> dict[str, Any]:
    """The next event of `row`, whose `last_seq` and `last_hash` move on with it."""
    event = {
        "id": new_id(now),
        "complaint_id": row["id"],
        "seq": row["last_seq"] + 1,
        "at": now,
        "action": action,
        "actor_kind": actor.kind,
        "actor_id": actor.user_id,
        "channel": actor.channel,
        "before": before,
        "after": after,
        "data": data,
    }
    event["hash"] = chain_hash(row["last_hash"], event)
    row["last_seq"], row["last_hash"] = event["seq"], event["hash"]
    return event


def chain_hash(previous: str, event: Mapping[str, Any]) -> str:
    """SHA-256 over the previous event's hash and this event's content, in one canonical form."""
    content = [previous, event["complaint_id"], event["seq"], event["at"].astimezone(UTC).isoformat(), event["action"], event["actor_kind"],
               event["actor_id"], event["channel"], event["before"], event["after"], event["data"]]  # fmt: skip
    canonical = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def broken_links(db: Connection, complaint_id: int) -> list[int]:
    """The `seq` of every event whose hash does not follow from what stands before it; empty when the chain is whole."""
    previous, broken = "", []
    for position, event in enumerate(of(db, complaint_id), start=1):
        if event.seq != position or chain_hash(previous, dict(event._mapping)) != event.hash:
            broken.append(event.seq)
        previous = event.hash
    return broken


def of(db: Connection, complaint_id: int) -> list[Row[Any]]:
    """A complaint's events, in order."""
    return list(db.execute(select(Event.__table__).where(Event.complaint_id == complaint_id).order_by(Event.seq)))
