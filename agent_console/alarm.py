"""The bell in the header and the page of alerts: what this person is told, without a reload."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, render_template, url_for
from sqlalchemy.orm import Session

from agent_console import access
from helpline import alerts, scope
from helpline.runtime import Runtime, utc_now

SHOWN = 100


def register(blueprint: Blueprint, runtime: Runtime) -> None:
    @blueprint.get("/alerts")
    def alert_list() -> str:
        with runtime.reading() as db:
            return render_template("alerts.html", rows=_unseen(db), most=SHOWN)

    @blueprint.get("/alerts/bell")
    def bell() -> str:
        """The number of alerts not seen yet: asked every half minute."""
        with runtime.reading() as db:
            return render_template("bell.html", count=len(_unseen(db)), most=SHOWN)

    @blueprint.post("/alerts/seen")
    def see_alerts() -> Any:
        user, now = access.current(), utc_now()
        with runtime.writing() as db:
            alerts.see(db, user, scope.own_work(db, user, now), now)
        return redirect(url_for("console.alert_list"))


def _unseen(db: Session) -> list[Any]:
    user, connection = access.current(), db.connection()
    return alerts.unseen(connection, user, scope.own_work(connection, user, utc_now()), scope.visible(user), SHOWN)
