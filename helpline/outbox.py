"""The outbox: what is owed to citizens, written in the transaction that causes it, sent by the worker.

A row is an SMS, a call that reads the message out, or an email. Its life: `pending` → `claimed` → `sent` → `delivered`. A claim
that is never reported on has an *unknown* outcome: the carrier is asked by number, text and time before anything is sent again.
`parked` rows wait for a person (the console's page of people to ring), `suppressed` ones are not sent because the number asked
for silence, `replaced` ones go out another way, or newer ones told more.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from models import Complaint, Outgoing, new_id
from prompts.catalogue import Sms

ANSWERING = "twilio"  # the carrier that takes a message as the answer to its webhook
DEMONSTRATION = "demo:"  # how the source keys of demonstration data begin: what is owed about these never leaves
STATES = ("pending", "claimed", "sent", "delivered", "parked", "suppressed", "replaced")
# Written out in the statement, not as parameters: so a query on some of these uses the small index of them.
UNSETTLED = Outgoing.state.in_(bindparam("unsettled", ("claimed", "parked", "suppressed"), expanding=True, literal_execute=True))


@dataclass(frozen=True)
class Owed:
    """A message to be written. `answered`: it goes out as the answer to the request at hand, so the worker sends it only
    when no delivery report of it arrives and the carrier does not know it. `asked`: it answers what the citizen did just now,
    so it goes out also to who stopped our messages, and at night. `id` and `check`: made by whoever put the check code into the
    text. `address`: of an email, whose text begins with its subject and an empty line."""

    key: str
    to: str
    sms: Sms
    complaint_id: int | None = None
    answered: bool = False
    asked: bool = False
    kind: str = "sms"  # sms | call | email
    id: int | None = None
    check: str | None = None
    address: str | None = None
    not_before: datetime | None = None


def row(owed: Owed, now: datetime) -> dict[str, Any]:
    """The outbox row of `owed`."""
    return {
        "id": owed.id or new_id(now),
        "key": owed.key,
        "kind": owed.kind,
        "to_number": owed.to,
        "body": owed.sms.text,
        "template": owed.sms.key,
        "language": owed.sms.language,
        "asked": owed.asked or owed.answered,
        "complaint_id": owed.complaint_id,
        "state": "claimed" if owed.answered else "pending",
        "attempts": 1 if owed.answered else 0,
        "next_at": owed.not_before or now,
        "claimed_at": now if owed.answered else None,
        "carrier": ANSWERING if owed.answered else None,
        "created_at": now,
        "check_code": owed.check,
        "address": owed.address,
    }


def owe(db: Connection, owed: Owed, now: datetime) -> bool:
    """Write `owed` in the transaction at hand; False when its key is there already (it is owed once)."""
    if db.execute(select(Outgoing.id).where(Outgoing.key == owed.key)).first():
        return False
    db.execute(insert(Outgoing), [row(owed, now)])
    return True


def release(db: Connection, outgoing_id: int, now: datetime) -> None:
    """Send a message that was to be an answer by the outbox after all: its carrier takes no answers."""
    values = {"state": "pending", "attempts": 0, "claimed_at": None, "carrier": None, "next_at": now}
    db.execute(update(Outgoing).where(Outgoing.id == outgoing_id, Outgoing.state == "claimed").values(**values))


def replace(db: Connection, outgoing_id: int, code: str) -> None:
    """What a message that was not sent yet says, another one tells."""
    db.execute(update(Outgoing).where(Outgoing.id == outgoing_id, Outgoing.state.in_(("claimed", "pending"))).values(state="replaced", error_code=code))


def keep_here(db: Connection, owed: Row[Any]) -> bool:
    """Write what is owed about demonstration data down as delivered, whatever way it was to go; False for all else."""
    key = owed.complaint_id and db.scalar(select(Complaint.source_key).where(Complaint.id == owed.complaint_id))
    if not (key or "").startswith(DEMONSTRATION):
        return False
    values = {"state": "delivered", "carrier": "demonstration", "sent_at": owed.created_at, "delivered_at": owed.created_at}
    db.execute(update(Outgoing).where(Outgoing.id == owed.id, Outgoing.state.in_(("pending", "claimed"))).values(**values))
    return True
