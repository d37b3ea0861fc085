"""One step of one call, as the actions of the call tree see it.

Everything written is in the transaction of the turn, together with the answer that the caller hears.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

from helpline import calls, complaints, numbers
from helpline.lifecycle import State as Life
from helpline.runtime import Runtime
from helpline.text import row_id
from ivr.menu import MAX_TRIES, State

AFTER_FAULT = "fault"  # `State.arg` of a message that is left because of a fault of ours


@dataclass
class Turn:
    """One step of one call, with the transaction it writes in. `state` is already the next one, not yet placed.

    An action may set `prompt`: a sentence said before what follows.
    """

    db: Connection
    runtime: Runtime
    call: Row[Any]
    state: State
    fields: dict[str, str]
    now: datetime
    prompt: str = ""

    @property
    def caller(self) -> str | None:
        return numbers.e164(self.call.from_number)

    @property
    def complaint(self) -> int | None:
        """The id of the complaint that the state is about."""
        return row_id(self.state.arg)

    def to(self, node: str, arg: str = "") -> State:
        return replace(self.state, at=node, arg=arg, silences=0, wrongs=0)

    def again(self, prompt: str) -> State:
        """The same question once more, after `prompt`; a third time a person."""
        wrongs = self.state.wrongs + 1
        if wrongs >= MAX_TRIES:
            self.prompt = "lost"
            return self.to("agent")
        self.prompt = prompt
        return replace(self.state, wrongs=wrongs)

    def keep(self, **answers: Any) -> None:
        calls.keep(self.db, self.call, self.now, **answers)
        self.call = calls.get(self.db, self.call.sid) or self.call

    def draft(self) -> int:
        """The complaint this call is about to file: opened at the first thing told, afresh after one was registered.

        A step that arrives after the report of the call's end belongs to what the end has registered; one that was kept while the
        store was away, to what was registered after it came.
        """
        found = self.call.answers.get("draft")
        row = complaints.get(self.db, found) if found else None
        if row is not None and (row.state == Life.DRAFT or self.call.ended_at is not None or self._came_before(row) or self.goes_on_with(row)):
            return int(row.id)
        if row is not None:  # a second complaint in the same call
            return self._another()
        draft = calls.draft_of(self.db, self.runtime, self.call, self.state.language, self.now)
        self.keep(draft=draft)
        return draft

    def _came_before(self, row: Row[Any]) -> bool:
        return row.registered_at is not None and self.now < row.registered_at

    def goes_on_with(self, row: Row[Any] | None) -> bool:
        """Whether this call completes what the end of an earlier one had registered."""
        return row is not None and row.id == self.call.answers.get("completing")

    def tell(self, **fields: Any) -> None:
        """Keep what was told: in the draft; where an earlier call's end has registered it, with this call until it is confirmed."""
        if not complaints.update_draft(self.db, self.draft(), self.now, **fields):
            self.keep(told={**self.call.answers.get("told", {}), **fields})

    @property
    def is_changing(self) -> bool:
        """Whether this complaint was summed up already: what is changed leads back to the summary."""
        answers = self.call.answers
        return answers.get("draft") is not None and answers.get("summed") == answers.get("draft")

    def sum_up(self) -> State:
        self.keep(summed=self.draft())
        return self.to("summary")

    def _another(self) -> int:
        filing = complaints.Filing(channel="voice", language=self.state.language, phone=self.caller, caller_number=self.call.from_number,
                                   source_key=f"call:{self.call.sid}:{self.state.number}"[:80], data={"call": self.call.sid})  # fmt: skip
        draft = complaints.open_draft(self.db, self.runtime, filing, calls.CALLER, self.now)
        calls.mark_complaint(self.db, self.call, draft)
        self.keep(draft=draft)
        return draft


Action = Callable[[Turn, str], State]
