"""The server's clock is set: nothing is done twice because it was set forward, and nothing waits because it was set back.

A clock may be wrong for a while (after a start, say) and then corrected. Set forward, everything seems to have waited long: what asks
"has this been silent for so long?" would take what is being done just now for lost. Set back, rows written meanwhile lie in the future:
their messages would go out, and their calls be looked at, only when the clock gets there again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import select, update

from helpline import outbox
from helpline.runtime import Runtime
from models import Attendance, Call, Callback, Heartbeat, Leg, Outgoing, Recording, Translated, Waiting

log = structlog.get_logger()
AHEAD = timedelta(minutes=2)  # clocks of several machines differ by less
SINCE = timedelta(minutes=5)  # when what was claimed in the future was perhaps handed over: the carrier is asked from then on
STEP = 10.0  # seconds: less than that is the clock's usual correction


class Watch:
    """Compares the wall clock with one that is never set, for one who asks."""

    def __init__(self, wall: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic) -> None:
        self._wall, self._steady = wall, steady
        self._ahead = wall() - steady()
        self._stepped_at: float | None = None

    def stepped(self) -> bool:
        """Whether the clock was set since this was asked last."""
        ahead = self._wall() - self._steady()
        step = ahead - self._ahead
        if abs(step) < STEP:
            return False
        self._ahead, self._stepped_at = ahead, self._steady()
        log.warning("clock.set", seconds=round(step))
        return True

    def is_settling(self, seconds: float) -> bool:
        """Whether the clock was set within the last `seconds`: what it says of the age of anything is not to be believed."""
        self.stepped()
        return self._stepped_at is not None and self._steady() - self._stepped_at < seconds


def mend(runtime: Runtime, now: datetime) -> int:
    """Do now what waits for a moment that is far off since the clock was set back; how many rows were in the future."""
    late = now + AHEAD
    wrong: list[tuple[Any, tuple[Any, ...], dict[str, datetime]]] = [
        (Outgoing, (Outgoing.state == "pending", Outgoing.created_at > late), {"next_at": now, "created_at": now}),
        (Outgoing, (outbox.UNSETTLED, Outgoing.state == "claimed", Outgoing.claimed_at > late), {"claimed_at": now - SINCE}),
        (Recording, (Recording.state == "pending", Recording.created_at > late), {"next_at": now, "created_at": now}),
        (Translated, (Translated.state == "pending", Translated.created_at > late), {"next_at": now, "created_at": now}),
        (Call, (Call.ended_at.is_(None), Call.seen_at > late), {"seen_at": now}),
        (Call, (Call.accounted_at.is_(None), Call.ended_at > late), {"ended_at": now}),
        (Callback, (Callback.closed_at.is_(None), Callback.claimed_at > late), {"claimed_at": now}),
        (Callback, (Callback.closed_at.is_(None), Callback.created_at > late), {"next_at": now, "created_at": now}),
        (Waiting, (Waiting.state.in_(("waiting", "ringing", "talking")), Waiting.since > late), {"since": now}),
        (Leg, (Leg.ended_at.is_(None), Leg.created_at > late), {"created_at": now}),
        (Attendance, (Attendance.seen_at > late,), {"seen_at": now}),
        (Attendance, (Attendance.since > late,), {"since": now}),
        (Heartbeat, (Heartbeat.at > late,), {"at": now}),
    ]
    with runtime.reading() as session:
        wrong = [one for one in wrong if session.execute(select(one[0]).where(*one[1]).limit(1)).first()]
    mended = 0
    for table, where, values in wrong:
        with runtime.writing() as db:
            mended += db.execute(update(table).where(*where).values(**values)).rowcount
    if mended:
        log.warning("clock.mended", rows=mended)
    return mended
