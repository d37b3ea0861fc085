"""The text line's webhooks: inbound messages and delivery reports.

Verify, read, keep under the carrier's id, answer. A message delivered twice gets the same answer and is acted on once; one
that fails half-way is kept as pending, acknowledged, and taken up by the worker.
"""

from __future__ import annotations

import hashlib
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import structlog
from flask import Blueprint, Response, request
from sqlalchemy import Connection, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from carriers.webhook import Refused, Webhook, receive
from helpline import delivery, limits, numbers, text
from helpline.runtime import Runtime, utc_now
from models import Complaint, Inbound
from sms import dialogue
from sms.keywords import parse

log = structlog.get_logger()
MAX_BODY = 10_000
_known = select(Inbound.answer, Inbound.state).where(Inbound.key == bindparam("wanted"))
_insert_inbound = insert(Inbound)
_asked_about = select(Complaint.__table__, limits.TALLIED.label("tallied")).where(Complaint.ack == bindparam("ack"))
_EMPTY = '<?xml version="1.0" encoding="UTF-8"?><Response/>'


def create_blueprint(runtime: Runtime) -> Blueprint:
    blueprint = Blueprint("sms", __name__, url_prefix="/sms")

    @blueprint.post("/incoming")
    def incoming() -> Response:
        """A message comes in; the answer is TwiML with at most one message."""
        try:
            webhook = _receive(runtime)
        except Refused:
            return Response("refused\n", status=403, mimetype="text/plain")
        return Response(take_in(runtime, webhook), mimetype="text/xml")

    @blueprint.post("/status")
    def status() -> Response:
        """A delivery report; reports of messages not known (yet) are kept."""
        try:
            webhook = _receive(runtime)
        except Refused:
            return Response("refused\n", status=403, mimetype="text/plain")
        with runtime.writing() as db:
            delivery.status_callback(db, webhook.fields, webhook.query, utc_now())
        return Response("", status=204)

    return blueprint


def _receive(runtime: Runtime) -> Webhook:
    secrets = runtime.config.secrets
    check = runtime.config.carriers.twilio.check_signatures
    tokens = (secrets.twilio_auth_token, secrets.twilio_auth_token_next) if check else ()
    return receive(request.environ, request.get_data(), runtime.config.public_url, tokens)


def take_in(runtime: Runtime, webhook: Webhook) -> str:
    """The TwiML for a message. Never raises: a fault of ours keeps the message and says so."""
    key = _key(webhook)
    try:
        if (answer := _status_at_once(runtime, key, webhook)) is not None:
            return answer
        with runtime.writing() as db:
            return _answered_before(db, key) or _answer(db, runtime, key, webhook)
    except IntegrityError:  # the same message in another process at the same moment: its answer stands
        with runtime.reading() as session:
            return _answered_before(session.connection(), key) or _EMPTY
    except Exception:
        log.exception("sms.failed", key=key)
        return _keep(runtime, key, webhook)


def _status_at_once(runtime: Runtime, key: str, webhook: Webhook) -> str | None:
    """The answer to STATUS <number> from the registered telephone, in one read and one write; None for anything else."""
    sender, body = numbers.e164(webhook.get("From")), _body(webhook)
    if sender is None or not dialogue.is_plain_status(parsed := parse(body)):
        return None
    now, limit = utc_now(), runtime.config.sms.replies_per_hour
    with runtime.directly() as db:
        row = db.execute(_asked_about, {"ack": parsed.acks[0], **limits.key("sms-reply", sender, now)}).first()
        if row is None or row.phone != sender or (row.tallied or 0) >= limit:
            return None
        reply = dialogue.plain_status(db, runtime, row, parsed)
        answer = twiml(reply)
        received = _row(key, webhook, now) | {"answer": answer, "complaint_id": reply.complaint_id}
        try:
            db.write([(_insert_inbound, received), limits.counting("sms-reply", sender, now)], lasting=False)
        except IntegrityError:  # delivered before: its first answer stands
            return None
        return answer


def _body(webhook: Webhook) -> str:
    return webhook.get("Body").replace("\x00", "")[:MAX_BODY]


def _key(webhook: Webhook) -> str:
    sid = webhook.get("MessageSid") or webhook.get("SmsSid") or webhook.get("SmsMessageSid")
    if not sid:
        content = "\n".join((webhook.get("From"), webhook.get("To"), webhook.get("Body"), f"{utc_now():%Y%m%d%H}"))
        sid = "h" + hashlib.sha256(content.encode("utf-8", "replace")).hexdigest()[:40]
    return f"sms:{sid[:64]}"


def _answered_before(db: Connection, key: str) -> str | None:
    row = db.execute(_known, {"wanted": key}).first()
    return (row.answer or _EMPTY) if row else None


def _answer(db: Connection, runtime: Runtime, key: str, webhook: Webhook) -> str:
    now = utc_now()
    sender = numbers.e164(webhook.get("From"))
    body = _body(webhook)
    row = _row(key, webhook, now)
    if sender is None or not limits.may(db, "sms-reply", sender, runtime.config.sms.replies_per_hour, now):
        db.execute(_insert_inbound, [row | {"answer": _EMPTY}])  # kept and not answered: headers, short codes, machines
        return _EMPTY
    reply = dialogue.answer(db, runtime, key, sender, body, now)
    answer = twiml(reply)
    db.execute(_insert_inbound, [row | {"answer": answer, "complaint_id": reply.complaint_id}])
    return answer


def _row(key: str, webhook: Webhook, now: Any, state: str = "done") -> dict[str, Any]:
    kept = {name: webhook.get(name)[:MAX_BODY].replace("\x00", "") for name in ("From", "To", "Body", "MessageSid", "NumMedia")}
    sender = numbers.e164(webhook.get("From")) or webhook.get("From")[:64].replace("\x00", "")
    return {"key": key, "kind": "sms", "payload": kept, "state": state, "attempts": 0, "received_at": now, "from_number": sender}


def twiml(reply: dialogue.Reply) -> str:
    """The answer as TwiML. One that must not be lost asks for its delivery report under its outbox row's id."""
    if not reply.text:
        return _EMPTY
    report = quoteattr(f"/sms/status?outbox={reply.outgoing_id}")
    attribute = f" statusCallback={report}" if reply.outgoing_id else ""
    return f'<?xml version="1.0" encoding="UTF-8"?><Response><Message{attribute}>{escape(reply.text)}</Message></Response>'


def _keep(runtime: Runtime, key: str, webhook: Webhook) -> str:
    """Store the message as pending for the worker, and tell the sender it was received."""
    try:
        with runtime.writing() as db:
            if not _answered_before(db, key):
                db.execute(_insert_inbound, [_row(key, webhook, utc_now(), "pending")])
    except Exception:
        log.exception("sms.not_kept", key=key)
    language = text.reply_language(webhook.get("Body")[:500])
    settings = runtime.config.helpline
    sms = runtime.catalogue.sms("sms.kept", language, helpline=settings.short_name, phone=settings.display_number)
    return twiml(dialogue.Reply(sms.text))


def take_up(runtime: Runtime, key: str) -> None:
    """Answer a message that was kept as pending: by the outbox, since its webhook is long answered."""
    from helpline import outbox
    from prompts.catalogue import Sms

    now = utc_now()
    with runtime.writing() as db:
        row = db.execute(select(Inbound.__table__).where(Inbound.key == key, Inbound.state == "pending")).first()
        if row is None:
            return
        sender = numbers.e164(row.from_number)
        reply = dialogue.answer(db, runtime, key, sender, row.payload.get("Body", ""), now) if sender else dialogue.Reply("")
        if reply.text and sender and not reply.outgoing_id:
            message = Sms(reply.text, "sms.reply", text.reply_language(row.payload.get("Body", "")), "", 1)
            outbox.owe(db, outbox.Owed(f"reply:{key}", sender, message, reply.complaint_id), now)
        done = {"state": "done", "answer": twiml(reply), "complaint_id": reply.complaint_id}
        db.execute(update(Inbound).where(Inbound.key == key).values(**done))
