"""Tables (SQLAlchemy declarative), the engine and its transactions."""

from models.base import Base
from models.engine import READ_ONLY, make_engine
from models.ids import new_id
from models.tables import (
    Alert,
    Amendment,
    Audit,
    Barred,
    Call,
    CarrierState,
    Complaint,
    Conversation,
    Event,
    Finding,
    Heartbeat,
    Holding,
    Inbound,
    Outgoing,
    Phone,
    Recording,
    SearchWord,
    Tally,
    Translated,
    User,
)

__all__ = [
    "READ_ONLY",
    "Alert",
    "Amendment",
    "Audit",
    "Barred",
    "Base",
    "Call",
    "CarrierState",
    "Complaint",
    "Conversation",
    "Event",
    "Finding",
    "Heartbeat",
    "Holding",
    "Inbound",
    "Outgoing",
    "Phone",
    "Recording",
    "SearchWord",
    "Tally",
    "Translated",
    "User",
    "make_engine",
    "new_id",
]  # fmt: skip
