"""The text line's webhooks: inbound messages and delivery reports, of whichever carrier.

Verify, read, keep under the carrier's id, answer. A message delivered twice gets the same answer and is acted on once; one
that fails half-way is kept as pending, acknowledged, and taken up by the worker. Twilio takes the answer as TwiML; to the
others it is owed, and goes out as every other message does.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import structlog
from flask import Blueprint, Response, abort, request
from sqlalchemy import Connection, Row, bindparam, insert, select, update
from sqlalchemy import text as sql
from sqlalchemy.exc import IntegrityError

from carriers import aggregator, kannel, mobile_seva, twilio
from carriers.base import Incoming, Refused, Report
from carriers.webhook import Webhook, receive
from helpline import abuse, carriers_in_use, fairness, limits, numbers, outbox, reports, status, text
from helpline.journal import Line as Entry
from helpline.runtime import Runtime, utc_now
from models import Complaint, Inbound, is_away
from sms import dialogue, enquiry
from sms.conversation import Reply
from sms.keywords import parse
from sms.parts import Arrival

log = structlog.get_logger()
MAX_BODY = 10_000
_known = select(Inbound.answer, Inbound.state).where(Inbound.key == bindparam("wanted"))
_insert_inbound = insert(Inbound)
_asked_about = select(*status.TOLD, limits.TALLIED.label("tallied")).where(Complaint.ack == bindparam("ack"))
_EMPTY = '<?xml version="1.0" encoding="UTF-8"?><Response/>'


def create_blueprint(runtime: Runtime) -> Blueprint:
    blueprint = Blueprint("sms", __name__, url_prefix="/sms")
    _twilio_webhooks(blueprint, runtime)
    _other_webhooks(blueprint, runtime)
    return blueprint


def _twilio_webhooks(blueprint: Blueprint, runtime: Runtime) -> None:
    @blueprint.post("/incoming")
    def incoming() -> Response:
        """A message comes in; the answer is TwiML with at most one message."""
        with _verified(runtime, "simulator", "twilio"):
            message = twilio.read_incoming(_receive(runtime))
        return Response(take_in(runtime, message), mimetype="text/xml")

    @blueprint.post("/status")
    def status() -> Response:
        """A delivery report; reports of messages not known (yet) are kept."""
        with _verified(runtime):
            report = twilio.read_report(_receive(runtime))
        return _take_report(runtime, report)


def _other_webhooks(blueprint: Blueprint, runtime: Runtime) -> None:
    config = runtime.config

    @blueprint.route("/kannel/incoming", methods=["GET", "POST"])
    def kannel_incoming() -> Response:
        """smsbox brings a message; the empty answer sends nothing, ours goes out by the outbox."""
        with _verified(runtime, "kannel"):
            message = kannel.read_incoming(request.environ, request.get_data(), remote=request.remote_addr,
                                           allowed=config.carriers.kannel.allow, secret=config.secrets.kannel_secret)  # fmt: skip
        return _take_message(runtime, message)

    @blueprint.get("/kannel/status")
    def kannel_status() -> Response:
        """Kannel reports on a message, at the address that we gave with it."""
        with _verified(runtime):
            report = kannel.read_report(request.environ.get("QUERY_STRING", ""), carriers_in_use.report_secret(config))
        return _take_report(runtime, report)

    @blueprint.route("/mobile-seva/incoming", methods=["GET", "POST"])
    def mobile_seva_incoming() -> Response:
        """The government's pull service brings a message."""
        settings = config.carriers.mobile_seva
        with _verified(runtime, "mobile_seva"):
            message = mobile_seva.read_incoming(request.environ, request.get_data(), remote=request.remote_addr,
                                                allowed=settings.allow, keywords=settings.keywords)  # fmt: skip
        return _take_message(runtime, message)

    @blueprint.post("/aggregator/incoming")
    def aggregator_incoming() -> Response:
        """An aggregator brings a message, signed."""
        with _verified(runtime, "aggregator"):
            message = aggregator.read_incoming(request.environ, request.get_data(), *_aggregator(runtime))
        return _take_message(runtime, message)

    @blueprint.post("/aggregator/status")
    def aggregator_status() -> Response:
        """An aggregator reports on a message, signed."""
        with _verified(runtime):
            report = aggregator.read_report(request.environ, request.get_data(), *_aggregator(runtime))
        return _take_report(runtime, report)


@contextmanager
def _verified(runtime: Runtime, *carriers: str) -> Iterator[None]:
    """403 for what is refused, and for a message of a carrier that brings none here (`carrier` not in `inbound_sms`)."""
    if carriers and not set(carriers) & set(runtime.config.carriers.inbound_sms):
        abort(Response("refused\n", status=403, mimetype="text/plain"))
    try:
        yield
    except Refused as reason:
        log.info("sms.refused", carriers=carriers, reason=str(reason))
        abort(Response("refused\n", status=403, mimetype="text/plain"))


def _receive(runtime: Runtime) -> Webhook:
    secrets = runtime.config.secrets
    check = runtime.config.carriers.twilio.check_signatures
    tokens = (secrets.twilio_auth_token, secrets.twilio_auth_token_next) if check else ()
    return receive(request.environ, request.get_data(), runtime.config.public_url, tokens)


def _aggregator(runtime: Runtime) -> tuple[tuple[str, ...], aggregator.Dialect, float]:
    secrets = runtime.config.secrets
    return (secrets.aggregator_secret, secrets.aggregator_secret_next), carriers_in_use.dialect(runtime.config), time.time()


def _take_report(runtime: Runtime, report: Report | None) -> Response:
    """Taken in, now or when the store is back; 503 asks the carrier to report again, when it could not be kept."""
    if report is None:
        return Response("", status=204)
    try:
        with runtime.writing() as db:
            reports.take_in(db, runtime, report, utc_now())
    except Exception as error:
        _log_failure("sms.report_failed", report.sid[:64], error)
        return Response("", status=204 if runtime.journal.keep("report", asdict(report), utc_now()) else 503)
    return Response("", status=204)


def _take_message(runtime: Runtime, message: Incoming) -> Response:
    """An empty answer; 503 asks the carrier to bring the message again, when it could not be kept."""
    kept = take_in(runtime, message) is not None
    return Response("", status=200 if kept else 503, mimetype="text/plain")


# ── taking a message in ─────────────────────────────────────────────────────────────────────────────────────────────


def take_in(runtime: Runtime, message: Incoming) -> str | None:
    """The answer as the message's carrier takes it: TwiML, or "" where the answer is owed instead.

    Never raises: a fault of ours keeps the message for the worker. None: it could not even be kept.
    """
    key = _key(message)
    try:
        if (answer := _status_at_once(runtime, key, message)) is not None:
            return answer
        with runtime.writing() as db:
            known = _answered_before(db, key)
            return _answer(db, runtime, key, message) if known is None else _as_taken(message, known)
    except IntegrityError:  # the same message in another process at the same moment: its answer stands
        return _answered_meanwhile(runtime, key, message)
    except Exception as error:
        _log_failure("sms.failed", key, error)
        return _keep(runtime, key, message, error)


def _answered_meanwhile(runtime: Runtime, key: str, message: Incoming) -> str | None:
    """The answer that another process gave; where none did, something else stood in the way, and the message is kept."""
    with runtime.reading() as session:
        known = _answered_before(session.connection(), key)
    return _as_taken(message, known) if known is not None else _keep(runtime, key, message, RuntimeError("nobody answered it"))


def _log_failure(event: str, key: str, error: Exception) -> None:
    """A store that is away is said in one line, anything else with its place."""
    if is_away(error):
        log.error("sms.store_away", key=key, error=type(error).__name__)
    else:
        log.exception(event, key=key)


def _takes_answers(message: Incoming) -> bool:
    """Whether the carrier sends what its webhook is answered with."""
    return message.carrier == outbox.ANSWERING


def _as_taken(message: Incoming, answer: str) -> str:
    return answer or (_EMPTY if _takes_answers(message) else "")


def _status_at_once(runtime: Runtime, key: str, message: Incoming) -> str | None:
    """The answer to STATUS <number> from the registered telephone, in one read and one write; None for anything else."""
    sender, body = numbers.e164(message.sender), _body(message)
    if sender is None or not _takes_answers(message) or not enquiry.is_plain_status(parsed := parse(body)):
        return None
    now, limit = utc_now(), runtime.config.sms.replies_per_hour
    with runtime.directly() as db:
        row = db.execute(_asked_about, {"ack": parsed.acks[0], **limits.key("sms-reply", sender, now)}).first()
        if row is None or row.phone != sender or (row.tallied or 0) >= limit:
            return None
        reply = enquiry.plain_status(db, runtime, row, parsed)
        answer = twiml(reply)
        received = _row(key, message, now) | {"answer": answer, "complaint_id": reply.complaint_id}
        try:
            db.write([(_insert_inbound, received), limits.counting("sms-reply", sender, now)], lasting=False)
        except IntegrityError:  # delivered before: its first answer stands
            return None
        return answer


def _body(message: Incoming) -> str:
    return message.text.replace("\x00", "")[:MAX_BODY]


def _key(message: Incoming) -> str:
    """What tells the message from every other one; without an id of the carrier's, its content within the hour."""
    sid = message.sid
    if not sid:
        content = "\n".join((message.sender, message.recipient, message.text, f"{utc_now():%Y%m%d%H}"))
        sid = "h" + hashlib.sha256(content.encode("utf-8", "replace")).hexdigest()[:40]
    return f"sms:{sid[:64]}" if _takes_answers(message) else f"sms:{message.carrier}:{sid[:50]}"


def _answered_before(db: Connection, key: str) -> str | None:
    row = db.execute(_known, {"wanted": key}).first()
    return (row.answer or "") if row else None


def _answer(db: Connection, runtime: Runtime, key: str, message: Incoming) -> str:
    now = utc_now()
    sender = numbers.e164(message.sender)
    row = _row(key, message, now)
    if sender:
        _wait_for_its_turn(db, sender)
    reply = _reply(db, runtime, key, sender, row, now)
    answer = twiml(reply) if _takes_answers(message) else ""
    if sender and not _takes_answers(message):
        owe(db, key, sender, reply, now)
    db.execute(_insert_inbound, [row | {"answer": answer, "complaint_id": reply.complaint_id}])
    return answer


def _wait_for_its_turn(db: Connection, sender: str) -> None:
    """What one number sends is dealt with one after the other: parts of a message may come at the same moment."""
    if db.dialect.name == "postgresql":  # SQLite has one writer
        db.execute(_turn, {"number": sender})


_turn = sql("SELECT pg_advisory_xact_lock(hashtext('sms'), hashtext(:number))")


def _reply(db: Connection, runtime: Runtime, key: str, sender: str | None, row: dict[str, Any], now: datetime) -> Reply:
    """The reply to a message, which is acted on in any case: nobody's number and machines that never cease only get none."""
    config, body = runtime.config, row["payload"]["Body"]
    if sender in (config.helpline.sms_number, config.helpline.number):
        return Reply("")
    if sender is None:  # withheld, a header, a short code
        return dialogue.answer_nobody(db, runtime, key, row["from_number"] or "", body, now)
    standing = fairness.weigh(db, runtime, sender, now)
    picture = row["payload"].get("NumMedia") not in (None, "", "0") and not body.strip()
    items = row["payload"].get("Media")
    if items:
        reply = dialogue.answer_with_pictures(db, runtime, key, sender, body, items, now, _arrival(row, now))
    else:
        reply = dialogue.answer_picture(db, runtime, key, sender, now) if picture else dialogue.answer(db, runtime, key, sender, body, now, _arrival(row, now))
    if (found := abuse.find(body[:1000])) is not None:
        fairness.mark(db, sender, found, body, "sms", reply.complaint_id, now)
    if not (standing.slowed or standing.spent) or (reply.essential and fairness.is_answered(db, runtime, sender, now)):
        return reply
    return _withheld(db, runtime, sender, reply, body, now)


def _arrival(row: dict[str, Any], now: datetime) -> Arrival:
    """When the message came, also where it was kept meanwhile, and how."""
    sent_at = row["payload"].get("SentAt")
    return Arrival(row.get("received_at") or now, datetime.fromisoformat(sent_at) if sent_at else None, row["payload"].get("NumSegments", ""))


def _withheld(db: Connection, runtime: Runtime, sender: str, reply: Reply, body: str, now: datetime) -> Reply:
    """No answer by itself; once a day it is said that answers come together."""
    if reply.outgoing_id:
        outbox.replace(db, reply.outgoing_id, "summary")
    language = text.reply_language(body[:500])
    if not fairness.withhold(db, runtime, sender, language, now):
        return Reply("", reply.complaint_id)
    settings = runtime.config.helpline
    sms = runtime.catalogue.sms("sms.slowed", language, helpline=settings.short_name, emergency=settings.emergency_number)
    return Reply(sms.text, reply.complaint_id, parts=(sms,))


def _row(key: str, message: Incoming, now: Any, state: str = "done") -> dict[str, Any]:
    kept = {"From": message.sender, "To": message.recipient, "Body": message.text, "MessageSid": message.sid, "NumMedia": message.media,
            "NumSegments": message.segments}  # fmt: skip
    payload: dict[str, Any] = {name: _clean(value) for name, value in kept.items()}
    if message.items:
        payload["Media"] = [[_clean(url), _clean(kind)] for url, kind in message.items]
    if not _takes_answers(message):
        payload |= {"Carrier": message.carrier} | ({"SentAt": message.sent_at.isoformat()} if message.sent_at else {})
    sender = numbers.e164(message.sender) or message.sender[:64].replace("\x00", "")
    return {"key": key, "kind": "sms", "payload": payload, "state": state, "attempts": 0, "received_at": now, "from_number": sender}


def _clean(value: str) -> str:
    return value[:MAX_BODY].replace("\x00", "")


def twiml(reply: Reply) -> str:
    """The answer as TwiML. One that must not be lost asks for its delivery report under its outbox row's id."""
    if not reply.text:
        return _EMPTY
    report = quoteattr(f"/sms/status?outbox={reply.outgoing_id}")
    attribute = f" statusCallback={report}" if reply.outgoing_id else ""
    return f'<?xml version="1.0" encoding="UTF-8"?><Response><Message{attribute}>{escape(reply.text)}</Message></Response>'


def fallback_document(runtime: Runtime) -> str:
    """What a carrier answers by itself when this server cannot be reached at all: the message is asked for later (`flask reconcile`)."""
    settings = runtime.config.helpline
    texts = [runtime.catalogue.sms("sms.kept", language, helpline=settings.short_name, phone=settings.display_number).text for language in settings.languages]
    words = "\n".join(escape(part) for part in texts)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<Response>\n  <Message>{words}</Message>\n</Response>\n'


def owe(db: Connection, key: str, sender: str, reply: Reply, now: datetime) -> None:
    """The reply as messages of the outbox: each of its parts is a registered message of its own, in their order."""
    for position, sms in enumerate(reply.parts):
        outbox.owe(db, outbox.Owed(f"reply:{key}:{position}", sender, sms, reply.complaint_id, asked=True), now)
    if reply.outgoing_id:
        outbox.release(db, reply.outgoing_id, now + timedelta(milliseconds=1))  # the other parts go before it


def _keep(runtime: Runtime, key: str, message: Incoming, error: Exception) -> str | None:
    """Keep the message for the worker, as pending or in the journal, and tell the sender it was received."""
    kept = (not is_away(error) and _keep_in_store(runtime, key, message)) or _keep_in_journal(runtime, key, message)
    if not _takes_answers(message):
        return "" if kept else None
    language = text.reply_language(message.text[:500])
    settings = runtime.config.helpline
    sms = runtime.catalogue.sms("sms.kept", language, helpline=settings.short_name, phone=settings.display_number)
    return twiml(Reply(sms.text))


def _keep_in_store(runtime: Runtime, key: str, message: Incoming) -> bool:
    try:
        with runtime.writing() as db:
            _keep_pending(db, key, message, utc_now())
    except Exception as error:
        _log_failure("sms.not_kept", key, error)
        return False
    return True


def _keep_pending(db: Connection, key: str, message: Incoming, now: datetime) -> None:
    if _answered_before(db, key) is None:
        db.execute(_insert_inbound, [_row(key, message, now, "pending")])


def _keep_in_journal(runtime: Runtime, key: str, message: Incoming) -> bool:
    content = message._asdict() | {"text": message.text[:MAX_BODY], "sent_at": message.sent_at.isoformat() if message.sent_at else None, "key": key}
    return runtime.journal.keep("message", content, utc_now())


def take_in_message(runtime: Runtime, entry: Entry) -> None:
    """A message of the journal: pending from now on, unless it was brought again and answered meanwhile."""
    content = dict(entry.content)
    key, sent_at = content.pop("key"), content.pop("sent_at")
    items = tuple((str(url), str(kind)) for url, kind in content.pop("items", ()))
    message = Incoming(**content, items=items, sent_at=datetime.fromisoformat(sent_at) if sent_at else None)
    with runtime.writing() as db:
        row = db.execute(select(Inbound.__table__).where(Inbound.key == key)).first()
        if row is None:
            db.execute(_insert_inbound, [_row(key, message, entry.at, "pending")])
        elif row.state == "done" and row.received_at <= entry.at:
            _answer_after_all(db, runtime, row, utc_now())


def _answer_after_all(db: Connection, runtime: Runtime, row: Row[Any], now: datetime) -> None:
    """What was done just as the store was lost: its sender read only that the message is kept, and hears now what came of it."""
    sender = numbers.e164(row.from_number)
    if owed := _REPORT.search(row.answer or ""):
        outbox.release(db, int(owed[1]), now)
    elif sender and enquiry.is_plain_status(parsed := parse(row.payload["Body"])):
        owe(db, row.key, sender, dialogue.answer(db, runtime, row.key, sender, parsed.original, now), now)


_REPORT = re.compile(r"/sms/status\?outbox=(\d+)")


def take_in_report(runtime: Runtime, entry: Entry) -> None:
    """A delivery report of the journal."""
    with runtime.writing() as db:
        reports.take_in(db, runtime, Report(**entry.content), entry.at)


def take_up(runtime: Runtime, key: str) -> None:
    """Answer a message that was kept as pending: by the outbox, since its webhook is long answered."""
    now = utc_now()
    with runtime.writing() as db:
        row = db.execute(select(Inbound.__table__).where(Inbound.key == key, Inbound.state == "pending")).first()
        if row is None:
            return
        sender = numbers.e164(row.from_number)
        reply = _reply(db, runtime, key, sender, {"payload": row.payload, "from_number": row.from_number, "received_at": row.received_at}, now)
        if sender:
            owe(db, key, sender, reply, now)
        done = {"state": "done", "answer": twiml(reply), "complaint_id": reply.complaint_id}
        db.execute(update(Inbound).where(Inbound.key == key).values(**done))
