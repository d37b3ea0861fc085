"""Signing in and out, the own password, the page's language."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, redirect, render_template, request, session, url_for
from sqlalchemy import update

from agent_console import access
from helpline import limits, people
from helpline.runtime import Runtime, utc_now
from models import User

TRIES_PER_ADDRESS = 60  # sign-ins an hour from one address


def register(blueprint: Blueprint, runtime: Runtime) -> None:
    @blueprint.route("/sign-in", methods=["GET", "POST"])
    def sign_in() -> Any:
        if request.method == "GET":
            return render_template("sign_in.html", wrong=False)
        now, user = utc_now(), None
        with runtime.writing() as db:
            if limits.may(db, "sign-in", request.remote_addr or "?", TRIES_PER_ADDRESS, now):
                user = people.sign_in(db, runtime, request.form.get("username", ""), request.form.get("password", ""), now)
        if user is None:
            return render_template("sign_in.html", wrong=True), 401
        access.begin_session(user)
        return redirect(_own_page(request.args.get("next")) or url_for("console.home"))

    @blueprint.post("/sign-out")
    def sign_out() -> Any:
        access.end_session()
        return redirect(url_for("console.sign_in"))

    @blueprint.post("/language")
    def language() -> Any:
        session["language"] = "en" if session.get("language", "bn") != "en" else "bn"
        return redirect(_own_page(request.form.get("from")) or url_for("console.home"))

    @blueprint.route("/password", methods=["GET", "POST"])
    def password() -> Any:
        """One's own password; every other session of this person ends."""
        if request.method == "GET":
            return render_template("password.html", fault=None)
        fault = _change(runtime, request.form)
        return (render_template("password.html", fault=fault), 422) if fault else redirect(url_for("console.home"))

    @blueprint.get("/")
    def home() -> Any:
        endpoint = "console.accounts" if access.current().role == "administrator" else "console.worklist"
        return redirect(url_for(endpoint))


def _own_page(path: str | None) -> str | None:
    """`path` when it is a page of the console: never another site's address."""
    if not path or not path.startswith("/console/") or "\\" in path or urlsplit(path).netloc:
        return None
    return path


def _change(runtime: Runtime, form: Any) -> str | None:
    user = access.current()
    with runtime.writing() as db:
        if people.sign_in(db, runtime, user.username, form.get("current", ""), utc_now()) is None:
            return "password.wrong"
        try:
            people.check_password(form.get("new", ""), user.username)
        except people.PasswordRefused:
            return "password.rule"
        if form["new"] == form["current"]:
            return "password.same"
        values = {"password_hash": people.hash_password(form["new"]), "must_change_password": False, "session_epoch": user.session_epoch + 1}
        db.execute(update(User).where(User.id == user.id).values(**values))
        session["epoch"] = user.session_epoch + 1
        access.audit(db, "password.changed")
    return None
