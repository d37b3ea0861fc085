"""An action about to be done to a complaint, and that it cannot be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from helpline.events import Actor
from helpline.runtime import Runtime

Changes = dict[str, Any]  # columns of a complaint → their new values


class CannotAct(Exception):
    """The action is not possible: `reason` is `unknown`, `not_now`, `not_you`, `missing`, `too_short`, `too_many`, `barred` or `stale`;
    `field` names a field."""

    def __init__(self, reason: str, field: str = "") -> None:
        super().__init__(f"{reason} {field}".strip())
        self.reason = reason
        self.field = field


@dataclass(frozen=True)
class Doing:
    """An action about to be done."""

    runtime: Runtime
    db: Connection
    before: Mapping[str, Any]
    given: Mapping[str, Any]
    actor: Actor
    now: datetime

    @property
    def rules(self) -> Any:
        return self.runtime.config.casework
