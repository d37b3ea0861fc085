"""Tables (SQLAlchemy declarative), the engine and its transactions. Rules that span rows are in `helpline/`."""

from models.base import Base
from models.complaint import (
    Attachment,
    Barred,
    ClosingText,
    Complaint,
    Event,
    Feedback,
    Finding,
    Holding,
    LearntWord,
    SearchWord,
    Subtask,
    Suspicion,
    Translated,
)
from models.engine import READ_ONLY, is_away, make_engine, resting
from models.figures import CountedComplaint, DailyCount, MonthlyCount
from models.ids import new_id
from models.limits import AbuseMark, Sender, SenderDecision, Tally
from models.messages import CarrierState, Conversation, Inbound, Media, Outgoing, Part, Phone, Try
from models.people import Alert, Audit, AuditSeal, BulkRun, Presence, ReplyTemplate, User, WorkCode
from models.telephone import Attendance, Call, Callback, Dial, Leg, Recording, Waiting
from models.upkeep import Amendment, Heartbeat, LastRun, Watermark

__all__ = [
    "READ_ONLY",
    "AbuseMark",
    "Alert",
    "Amendment",
    "Attachment",
    "Attendance",
    "Audit",
    "AuditSeal",
    "Barred",
    "Base",
    "BulkRun",
    "Call",
    "Callback",
    "CarrierState",
    "ClosingText",
    "Complaint",
    "Conversation",
    "CountedComplaint",
    "DailyCount",
    "Dial",
    "Event",
    "Feedback",
    "Finding",
    "Heartbeat",
    "Holding",
    "Inbound",
    "LastRun",
    "LearntWord",
    "Leg",
    "Media",
    "MonthlyCount",
    "Outgoing",
    "Part",
    "Phone",
    "Presence",
    "Recording",
    "ReplyTemplate",
    "SearchWord",
    "Sender",
    "SenderDecision",
    "Subtask",
    "Suspicion",
    "Tally",
    "Translated",
    "Try",
    "User",
    "Waiting",
    "Watermark",
    "WorkCode",
    "is_away",
    "make_engine",
    "new_id",
    "resting",
]  # fmt: skip
