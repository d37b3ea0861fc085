"""Sending what is owed: claim, commit, send with no transaction open, record the outcome.

The configured carriers are tried in their order. A carrier in trouble, or one that our account cannot use, sends nothing: the
next one is tried. A message that a carrier refuses is refused: it waits for a person. An outcome that nobody knows stays with
its carrier: after `worker.claim_seconds` the carrier is asked by number, text and time, and only what it does not know is sent
again; one that answers no such question leaves it to a person. What each carrier's words mean stands in its own tables.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection, Row, select, update

from carriers.base import (
    Accepted,
    CarrierError,
    Message,
    Outcome,
    Permanent,
    SmsCarrier,
    Stopped,
    Temporary,
    Unknown,
    Unusable,
)
from helpline import carriers_in_use, numbers, outbox, pacing, reports, telling, tries
from helpline.runtime import Runtime, utc_now
from models import Outgoing, Phone

log = structlog.get_logger()
_table = Outgoing.__table__
CLOCKS_DIFFER = timedelta(days=1)  # the carrier's and ours, at most: ours may have been wrong when the message was handed over


def send_due(runtime: Runtime, carriers: Sequence[SmsCarrier], now: Callable[[], datetime] = utc_now, *, limit: int = 50) -> int:
    """Send up to `limit` SMS that are due, in the order they were owed; how many were dealt with. At night only answers.

    Ends early where no carrier can be asked: nothing is claimed while all of them want to be left alone.
    """
    dealt = 0
    telling.hold_until_morning(runtime, now())
    while dealt < limit and (turns := _in_turn(runtime, carriers, now())).is_anybody_there and (row := _claim(runtime, now())) is not None:
        dealt += 1
        if not _send(runtime, turns, row, now):
            break
    return dealt


def _claim(runtime: Runtime, now: datetime) -> Row[Any] | None:
    """The next row that is due and can be sent, marked as ours; None when nothing is due."""
    while True:
        row, can_be_sent = _claim_next(runtime, now)
        if row is None or can_be_sent:
            return row


def _claim_next(runtime: Runtime, now: datetime) -> tuple[Row[Any] | None, bool]:
    """The next row that is due, claimed by a guarded update, and whether it is to be sent: what cannot be is settled at once."""
    with runtime.writing() as db:
        due = [_table.c.state == "pending", _table.c.kind == "sms", _table.c.next_at <= now]
        due += [] if telling.is_day(runtime, now) else [_table.c.asked]
        query = select(_table).where(*due).order_by(_table.c.next_at, _table.c.id).limit(1)
        if db.dialect.name == "postgresql":
            query = query.with_for_update(skip_locked=True)
        row = db.execute(query).first()
        if row is None:
            return None, False
        claimed = db.execute(
            update(Outgoing)
            .where(_table.c.id == row.id, _table.c.state == "pending")
            .values(state="claimed", claimed_at=now, carrier=None, attempts=row.attempts + 1)
        )
        if not claimed.rowcount:
            return None, False
        if outbox.keep_here(db, row):
            return row, False
        if hindrance := _hindrance(db, row):
            _settle(db, row.id, **hindrance)
        return row, hindrance is None


def _hindrance(db: Connection, row: Row[Any]) -> dict[str, Any] | None:
    """Why a message is not to be sent at all: its number cannot receive it, or asked for silence.

    What the citizen asked for just now is sent all the same.
    """
    if not numbers.is_mobile(row.to_number):
        return {"state": "parked", "error_code": "not_mobile"}
    if not row.asked and db.scalar(select(Phone.sms_stopped_at).where(Phone.number == row.to_number)):
        return {"state": "suppressed", "error_code": "stopped"}
    return None


def _send(runtime: Runtime, turns: _Turns, row: Row[Any], now: Callable[[], datetime]) -> bool:
    """Try the carriers in turn until one has it, refuses it, or leaves us in the dark; False when none could be given anything."""
    troubles: list[CarrierError] = []
    outcome: dict[str, Any] = {}
    for carrier in turns.carriers:
        try:
            outcome = _sent(runtime, carrier, _hand_over(runtime, carrier, row), now())
        except (Temporary, Unusable) as error:
            troubles.append(error)
            _leave_alone(runtime, carrier, error, now())
            continue
        except Permanent as error:
            outcome = {"state": "parked", "error_code": error.code}
            _heed_opt_out(runtime, row, error, now())
        except Unknown as error:
            outcome = {"error_code": error.code}  # stays claimed, with its carrier: asked about when the claim has aged
            _leave_alone(runtime, carrier, error, now())
        break
    could = bool(outcome)
    outcome = outcome or _nobody(runtime, row, [*troubles, *[Temporary("429") for _ in turns.closed]], now())
    with runtime.writing() as db:
        _settle(db, row.id, **outcome)
        tries.note(db, row.id, "sms", _TRIED.get(outcome.get("state", ""), "unknown"), now(), code=outcome.get("error_code"))
        if sid := outcome.get("carrier_sid"):
            reports.apply_kept(db, runtime, outcome["carrier"], sid, now())
    log.info("outbox.tried", outbox=row.id, state=outcome.get("state", "unknown"), code=outcome.get("error_code"), carrier=outcome.get("carrier"))
    return could or outcome["state"] == "parked"


# What a try is called in a message's history.
_TRIED = {"sent": "sent", "parked": "failed", "pending": "later"}


@dataclass(frozen=True)
class _Turns:
    carriers: list[SmsCarrier]
    closed: set[str]  # the names of those that may not be asked now

    @property
    def is_anybody_there(self) -> bool:
        return bool(self.carriers) or not self.closed


def _in_turn(runtime: Runtime, carriers: Sequence[SmsCarrier], now: datetime) -> _Turns:
    """In the configured order; those in trouble come last, tried only when no other one could send; who asked for it is left alone."""
    with runtime.reading() as session:
        db = session.connection()
        resting, closed = pacing.resting(db, now), pacing.closed(db, now)
    usable = [carrier for carrier in carriers if carrier.name not in closed]
    return _Turns(sorted(usable, key=lambda carrier: carrier.name in resting), {carrier.name for carrier in carriers} & closed)


def _hand_over(runtime: Runtime, carrier: SmsCarrier, row: Row[Any]) -> Accepted:
    """Raises what the carrier raises. Its name is on the row before it gets the message."""
    settings = runtime.config.carriers.sending(carrier.name)
    if len(row.body) > settings.max_characters:
        raise Unusable("too_long")
    message = _message(runtime, carrier, row)
    if settings.templates_required and not message.template_id:
        raise Unusable("no_template")
    while True:
        with runtime.writing() as db:
            wait = pacing.wait(db, carrier.name, settings.per_second, time.time())
            if not wait:
                _mark(db, row, carrier.name)
                break
        time.sleep(min(wait, 1))
    return carrier.send_sms(message)


def _mark(db: Connection, row: Row[Any], carrier: str) -> None:
    """Raises Unknown when the claim is no longer ours: we waited too long for our turn."""
    ours = (_table.c.id == row.id, _table.c.state == "claimed", _table.c.attempts == row.attempts + 1)
    if not db.execute(update(Outgoing).where(*ours).values(carrier=carrier)).rowcount:
        raise Unknown("overtaken")


def _message(runtime: Runtime, carrier: SmsCarrier, row: Row[Any]) -> Message:
    config = runtime.config
    settings = config.carriers.sending(carrier.name)
    return Message(
        to=row.to_number,
        text=row.body,
        reference=row.id,
        template_id=runtime.catalogue.dlt_id(row.template, row.language, carrier.name),
        entity_id=settings.entity_id or config.sms.dlt_entity_id,
        header=settings.header or config.sms.dlt_header,
    )


def _leave_alone(runtime: Runtime, carrier: SmsCarrier, error: CarrierError, now: datetime) -> None:
    """A carrier in trouble is tried last for `carriers.rest_seconds`; a message that it cannot take is no trouble of its."""
    if error.code in ("too_long", "no_template", "not_indian", "overtaken"):
        return
    after = error.after if isinstance(error, Temporary) else 0
    with runtime.writing() as db:
        rest = now + timedelta(seconds=runtime.config.carriers.rest_seconds)
        pacing.rest(db, carrier.name, rest, now + timedelta(seconds=after) if after else None)


def _heed_opt_out(runtime: Runtime, row: Row[Any], error: Permanent, now: datetime) -> None:
    if isinstance(error, Stopped):
        with runtime.writing() as db:
            reports.stop(db, row.to_number, now)


def _sent(runtime: Runtime, carrier: SmsCarrier, accepted: Accepted, now: datetime) -> dict[str, Any]:
    """What to record of a message that a carrier has; it may have been delivered, or have failed, by the time we learn of it."""
    known = carriers_in_use.codes_of(runtime.config, carrier.name).statuses.get(accepted.status)
    values = {"state": "sent", "carrier": carrier.name, "carrier_sid": accepted.sid, "carrier_status": accepted.status, "sent_at": now, "error_code": None}
    if known and known.outcome == Outcome.DELIVERED:
        return values | {"state": "delivered", "delivered_at": now}
    if known and known.outcome == Outcome.FAILED:
        return values | {"state": "parked", "error_code": accepted.status}
    return values


def _nobody(runtime: Runtime, row: Row[Any], troubles: Sequence[CarrierError], now: datetime) -> dict[str, Any]:
    """No carrier could take it: later, unless it is all for a person to mend."""
    temporary = [error.code for error in troubles if isinstance(error, Temporary)]
    if not temporary:
        return {"state": "parked", "error_code": troubles[0].code if troubles else "no_carrier", "carrier": None}
    return _later(runtime, row, temporary[0], now)


def _later(runtime: Runtime, row: Row[Any], code: str, now: datetime) -> dict[str, Any]:
    """Back off, with jitter; after `worker.give_up_hours` a person decides."""
    attempts = row.attempts + 1
    if tries.is_over(_pause, attempts, runtime.config.worker.give_up_hours):
        return {"state": "parked", "error_code": code}
    wait = _pause(attempts) * random.uniform(1, 1.3)
    return {"state": "pending", "error_code": code, "next_at": now + timedelta(seconds=wait), "carrier": None}


def _pause(attempts: int) -> float:
    """Seconds after so many of them: 5 s, 10 s, 20 s … ten minutes."""
    return min(600.0, 5.0 * (1 << min(attempts - 1, 7)))


def _settle(db: Connection, outgoing_id: int, **values: Any) -> None:
    """Record an outcome, unless a delivery report was quicker."""
    db.execute(
        update(Outgoing).where(_table.c.id == outgoing_id, _table.c.state.in_(("claimed", "pending"))).values(**values)
    )


def settle_unknown(runtime: Runtime, known: Mapping[str, SmsCarrier], now: datetime, *, limit: int = 500) -> int:
    """Look up claims that nobody reported on: found ones are sent, those the carrier does not know wait to be sent (again)."""
    aged = now - timedelta(seconds=runtime.config.worker.claim_seconds)
    lost = select(_table).where(outbox.UNSETTLED, _table.c.state == "claimed", _table.c.kind == "sms", _table.c.claimed_at < aged)
    with runtime.reading() as session:
        rows = list(session.execute(lost.order_by(_table.c.claimed_at).limit(limit)))
    silent: set[str | None] = set()  # carriers that cannot be asked just now
    for row in rows:
        if row.carrier in silent:
            continue
        try:
            values = _became_of(runtime, known, row, now)
        except Temporary:
            silent.add(row.carrier)
            continue
        with runtime.writing() as db:
            db.execute(
                update(Outgoing).where(_table.c.id == row.id, _table.c.state == "claimed", _table.c.claimed_at == row.claimed_at).values(**values)
            )
            if sid := values.get("carrier_sid"):
                reports.apply_kept(db, runtime, values["carrier"], sid, now)
    return len(rows)


def _became_of(runtime: Runtime, known: Mapping[str, SmsCarrier], row: Row[Any], now: datetime) -> dict[str, Any]:
    """What to record of a claim that has aged. Raises Temporary when its carrier cannot be asked now."""
    if row.carrier is None:  # its worker ended before it was handed to anybody
        return _unsent(runtime, row, now)
    carrier = known.get(row.carrier)
    if carrier is None or not carrier.answers_lookups:
        return {"state": "parked", "error_code": "unknown"}
    found = carrier.find_sms(row.to_number, row.body, row.claimed_at - CLOCKS_DIFFER)
    others = _known_sids(runtime, carrier.name, [one.sid for one in found])
    own = next((one for one in found if one.sid not in others), None)
    return _sent(runtime, carrier, own, now) if own else _unsent(runtime, row, now)


def _known_sids(runtime: Runtime, carrier: str, sids: list[str]) -> set[str]:
    """Those that are other messages of ours: the same words may have gone to the same number before."""
    with runtime.reading() as session:
        return set(session.scalars(select(_table.c.carrier_sid).where(_table.c.carrier_sid.in_(sids), _table.c.carrier == carrier)))


def _unsent(runtime: Runtime, row: Row[Any], now: datetime) -> dict[str, Any]:
    if tries.is_over(_pause, row.attempts, runtime.config.worker.give_up_hours):
        return {"state": "parked", "error_code": row.error_code or "unknown"}
    waited = max(0.0, (now - row.claimed_at).total_seconds())
    return {"state": "pending", "next_at": now + timedelta(seconds=max(0.0, _pause(row.attempts) - waited)), "carrier": None}


def rang(db: Connection, outgoing_id: int, outcome: str, user_id: int, now: datetime) -> bool:
    """A person rang the citizen of a message that could not be delivered; False when it is none (any more)."""
    values: dict[str, Any] = {"error_code": outcome}
    if outcome == "told":
        values = {"state": "delivered", "delivered_at": now, "sent_at": now, "error_code": None}
    done = db.execute(update(Outgoing).where(_table.c.id == outgoing_id, _table.c.state.in_(("parked", "suppressed"))).values(**values))
    if done.rowcount:
        tries.note(db, outgoing_id, "person", outcome, now, by=user_id)
    return bool(done.rowcount)


def requeue(db: Connection, outgoing_id: int, now: datetime) -> bool:
    """Try a parked message again, from the beginning; False when it is not parked, or its number takes none."""
    row = db.execute(select(_table).where(_table.c.id == outgoing_id)).first()
    if row is None or (row.kind == "sms" and _hindrance(db, row) is not None):
        return False
    fresh = {"state": "pending", "attempts": 0, "next_at": now, "carrier": None, "carrier_sid": None, "carrier_status": None,
             "error_code": None, "claimed_at": None}  # fmt: skip
    done = db.execute(update(Outgoing).where(_table.c.id == outgoing_id, _table.c.state.in_(("parked", "suppressed"))).values(**fresh))
    return bool(done.rowcount)
