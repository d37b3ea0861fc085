"""Response templates: the page where supervisors edit them."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for

from agent_console import access
from helpline import replies
from helpline.runtime import Runtime, utc_now
from helpline.text import row_id


def register(blueprint: Blueprint, runtime: Runtime) -> None:
    def page(**values: Any) -> str:
        with runtime.reading() as db:
            return render_template("reply_texts.html", rows=replies.of(db), fields=replies.FIELDS, placeholders=replies.PLACEHOLDERS, **values)

    @blueprint.get("/replies")
    def reply_texts() -> str:
        return page()

    @blueprint.post("/replies")
    def save_reply_text() -> Any:
        template_id = row_id(request.form.get("id"))
        try:
            with runtime.writing() as db:
                saved = replies.save(db, request.form, access.current().id, utc_now(), template_id)
                access.audit(db, "reply.saved", template=saved)
        except replies.Unfit as fault:
            return page(fault=str(fault), given=request.form), 422
        return redirect(url_for("console.reply_texts"))
