"""Requests of calls that failed: kept, in the store or in the journal, and given again when the store is back.

What a caller told is then taken in as if it had come just then, once; what was to be said is long said otherwise, so nothing
is rendered, and nobody is put into the queue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from carriers.webhook import Webhook
from helpline.journal import Line as Entry
from helpline.runtime import utc_now
from models import is_away

if TYPE_CHECKING:
    from ivr.routes import Line

log = structlog.get_logger()
PATHS = frozenset({"/ivr/incoming", "/ivr/step", "/ivr/fallback", "/ivr/status", "/ivr/recording"})
REPORTS = frozenset({"/ivr/status", "/ivr/recording"})
FIELDS = frozenset({"CallSid", "From", "To", "Direction", "Digits", "SpeechResult", "Confidence", "RecordingSid", "RecordingUrl",
                    "RecordingDuration", "RecordingStatus", "DialCallStatus", "QueueResult", "CallStatus", "CallDuration"})  # fmt: skip


def sid_of(webhook: Webhook) -> str:
    """The call's id, as it is stored."""
    return (webhook.get("CallSid") or "unknown")[:64].replace("\x00", "")


def keep(line: Line, path: str, webhook: Webhook, error: BaseException | None) -> None:
    """A request failed with `error`. Never raises."""
    if path not in PATHS:
        return
    now = utc_now()
    if not is_away(error):
        try:
            _keep_in_store(line, path, webhook)
            return
        except Exception:
            log.exception("ivr.fault_not_stored", call=sid_of(webhook))
    fields = {name: value[:1000].replace("\x00", "") for name, value in webhook.fields.items() if name in FIELDS}
    line.runtime.journal.keep("voice", {"path": path, "query": dict(webhook.query), "fields": fields}, now)


def _keep_in_store(line: Line, path: str, webhook: Webhook) -> None:
    """A fault that is not the store's: the call met it, and what the request carries of the caller's voice is not lost."""
    now = utc_now()
    with line.runtime.writing() as db:
        if path not in REPORTS:
            line.meet_fault(db, webhook, now)
        line.keep_recording(db, webhook, now)


def take_in(line: Line, entry: Entry) -> None:
    """A request of the journal, given again. Raises what the store raises."""
    content = entry.content
    webhook = Webhook(content["fields"], content["query"], entry.at)
    if content["path"] == "/ivr/status":
        line.ended(webhook)
    elif content["path"] == "/ivr/recording":
        line.recorded(webhook)
    else:
        with line.runtime.writing() as db:
            line.meet_fault(db, webhook, entry.at)
        if content["path"] == "/ivr/step":
            line.learn_again(webhook)
