"""The on-call form: a complaint entered for a person on the line, kept as a draft from the first letter."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, jsonify, redirect, render_template, request, url_for
from sqlalchemy import or_, select

from agent_console import access, callbacks
from helpline import callbacks as ledger
from helpline import complaints, duplicates, learning, letters, numbers, queueing, scope, sla
from helpline.complaints import Actor, Filing
from helpline.lifecycle import State
from helpline.runtime import Runtime, utc_now
from models import Complaint, Event, Outgoing, Phone

LANGUAGES = ("bn", "en", "hi")
LIKELY = 0.1  # a category this likely is worth a button


def register(blueprint: Blueprint, runtime: Runtime) -> None:
    @blueprint.get("/new")
    def new() -> str:
        draft = _own_draft(runtime, request.args.get("draft"))
        entry = callbacks.mine(runtime, request.args.get("callback"))
        return render_template("new.html", form=_begun(draft, entry), draft=draft, faults={}, drafts=_drafts(runtime), **_ringing(entry), **_lists(runtime))

    @blueprint.post("/new/draft")
    def save_draft() -> Any:
        """Keep what is typed so far; the first time makes the draft."""
        now, values = utc_now(), _values(runtime, request.form)
        draft = _own_draft(runtime, request.form.get("draft"))
        with runtime.writing() as db:
            if draft is None:
                key = f"form:{access.current().id}:{request.form.get('form', '')[:40]}"
                filing = Filing(channel="agent", source_key=key, **values)
                draft_id = complaints.open_draft(db, runtime, filing, _actor(), now)
            else:
                draft_id = draft.id
            complaints.update_draft(db, draft_id, now, **values)
            queueing.attach(db, access.current().id, draft_id)
        return jsonify({"draft": str(draft_id)})

    @blueprint.post("/new")
    def register() -> Any:
        """Register the complaint. Sent twice, it is registered once."""
        values, faults = _values(runtime, request.form), _faults(runtime, request.form)
        draft = _own_draft(runtime, request.form.get("draft"), registered=True)
        if draft is not None and draft.ack:
            return redirect(url_for("console.registered", key=draft.ack))
        if faults:
            entry = callbacks.mine(runtime, request.form.get("callback"))
            return render_template("new.html", form=request.form, draft=draft, faults=faults, drafts=[], **_ringing(entry), **_lists(runtime)), 422
        now = utc_now()
        with runtime.writing() as db:
            if draft is None:
                key = f"form:{access.current().id}:{request.form.get('form', '')[:40]}"
                draft_id = complaints.open_draft(db, runtime, Filing(channel="agent", source_key=key, **values), _actor(), now)
            else:
                draft_id = draft.id
            complaints.update_draft(db, draft_id, now, **values, incomplete=False)
            filed = complaints.register(db, runtime, draft_id, _actor(), now)
            if (entry := request.form.get("callback", "")).isascii() and entry.isdigit() and len(entry) < 19:
                ledger.reached_by_form(db, int(entry), access.current().id, now)
        return redirect(url_for("console.registered", key=filed.ack))

    @blueprint.get("/registered/<key>")
    def registered(key: str) -> str:
        with runtime.reading() as db:
            row = db.execute(select(Complaint.__table__).where(Complaint.ack == key, scope.visible(access.current()))).first()
            if row is None:
                abort(404)
            sent = db.execute(select(Outgoing.body).where(Outgoing.complaint_id == row.id).order_by(Outgoing.id)).first()
        by_sms = runtime.catalogue.text("voice.registered.sms", row.language) if sent else ""
        spoken = runtime.catalogue.text("voice.registered", row.language, ack=" ".join(row.ack), sms=by_sms)
        return render_template("registered.html", row=row, sms=sent.body if sent else "", spoken=spoken)

    @blueprint.get("/new/caller")
    def caller() -> str:
        """Who calls from this number: names, language, earlier complaints."""
        number = numbers.e164(request.args.get("phone"))
        with runtime.reading() as db:
            rows = db.execute(select(Complaint.__table__).where(Complaint.phone == number, Complaint.ack.is_not(None))
                              .order_by(Complaint.created_at.desc()).limit(10)).all() if number else []  # fmt: skip
            language = db.scalar(select(Phone.language).where(Phone.number == number)) if number else None
        return render_template("caller.html", rows=rows, names=list(dict.fromkeys(r.name for r in rows if r.name)), number=number, language=language)

    @blueprint.get("/new/similar")
    def similar() -> str:
        """What the words suggest, and whether the same is open already."""
        number, code = numbers.e164(request.args.get("phone")), request.args.get("category", "").partition(" ")[0]
        with runtime.reading() as db:
            rows = complaints.similar(db.connection(), runtime, number, code if code in runtime.reference.categories else None, utc_now())
            about = _values(runtime, request.args) | {"phone": number}
            alike = duplicates.find(db, runtime, about, utc_now(), scope.visible(access.current()))
        found = learning.classifier(runtime).classify(request.args.get("description", "")[:4000])
        category = runtime.reference.categories.get(code)
        suggested = [] if category else [runtime.reference.categories[candidate.code] for candidate in found.candidates if candidate.share >= LIKELY]
        urgent = category.priority == "urgent" if category else found.urgent
        alike = [like for like in alike if like.row.id not in {row.id for row in rows}]
        return render_template("similar.html", rows=rows, alike=alike, suggested=suggested, urgent=urgent)


def _actor() -> Actor:
    user = access.current()
    return Actor(user.role, "agent", user.id)


def _lists(runtime: Runtime) -> dict[str, Any]:
    return {"categories": runtime.reference.categories.values(), "districts": sorted(runtime.reference.districts.values(), key=lambda d: d.name("en")),
            "languages": LANGUAGES, "priorities": sla.PRIORITIES}  # fmt: skip


def _values(runtime: Runtime, form: Any) -> dict[str, Any]:
    """The form's fields as a complaint has them; what cannot be understood yet is left empty, never refused."""
    code = form.get("category", "").partition(" ")[0]
    category = runtime.reference.categories.get(code)
    pin = runtime.reference.pincodes.get(form.get("pincode", "").strip())
    district = form.get("district", "")
    known = district if district in runtime.reference.districts else (pin.district_code if pin else None)
    priority = form.get("priority", "")
    language = form.get("language", "bn")
    return {
        "phone": numbers.e164(form.get("phone")),
        "caller_number": form.get("phone", "")[:64] or None,
        "language": language if language in LANGUAGES else "bn",
        "name": form.get("name", "").strip(),
        "email": letters.address(form.get("email")),
        "told_by": "call" if form.get("told_by") == "call" else "sms",
        "category_code": category.code if category else None,
        "description": form.get("description", "").strip(),
        "pincode": pin.pincode if pin else None,
        "district_code": known,
        "place": form.get("place", "").strip() or (pin.area if pin else ""),
        "priority": priority if priority in sla.PRIORITIES else (category.priority if category else "normal"),
    }


def _faults(runtime: Runtime, form: Any) -> dict[str, str]:
    values = _values(runtime, form)
    found = {}
    if form.get("phone", "").strip() and values["phone"] is None:
        found["phone"] = "bad.phone"
    if values["category_code"] is None:
        found["category"] = "bad.category"
    if not values["description"]:
        found["description"] = "bad.description"
    if form.get("pincode", "").strip() and values["pincode"] is None:
        found["pincode"] = "bad.pincode"
    if form.get("email", "").strip() and values["email"] is None:
        found["email"] = "bad.email"
    return found


def _own_draft(runtime: Runtime, key: str | None, *, registered: bool = False) -> Any:
    """A draft that this person may go on with: begun by themselves, or left by a call that broke off."""
    if not key or not key.isascii() or not key.isdigit() or len(key) > 19:
        return None
    states = [str(State.DRAFT)] + ([str(State.REGISTERED)] if registered else [])
    with runtime.reading() as db:
        row = db.execute(select(Complaint.__table__).where(Complaint.id == int(key), Complaint.state.in_(states))).first()
        if row is None or row.channel != "agent":
            return row
        begun = db.scalar(select(Event.actor_id).where(Event.complaint_id == row.id, Event.seq == 1))
    return row if begun == access.current().id else None


def _drafts(runtime: Runtime) -> list[Any]:
    """This person's unfinished forms."""
    mine = or_(*[Complaint.source_key.startswith(f"form:{access.current().id}:", autoescape=True)])
    with runtime.reading() as db:
        return list(db.execute(select(Complaint.__table__).where(Complaint.state == str(State.DRAFT), Complaint.channel == "agent", mine)
                               .order_by(Complaint.id.desc()).limit(10)))  # fmt: skip


def _begun(draft: Any, entry: Any) -> dict[str, Any]:
    """What the form begins with: a draft, whom one is ringing back, or a number in the address."""
    if draft:
        return _as_form(draft)
    if entry:
        return {"phone": numbers.national(entry.number), "language": entry.language}
    return {"phone": request.args.get("phone", "")[:20], "language": "bn"}


def _ringing(entry: Any) -> dict[str, Any]:
    return {"entry": entry, "where": callbacks.where, "outcomes": ledger.OUTCOMES}


def _as_form(draft: Any) -> dict[str, Any]:
    return {"phone": numbers.national(draft.phone) or draft.caller_number or "", "language": draft.language, "name": draft.name,
            "category": draft.category_code or "", "description": draft.description, "pincode": draft.pincode or "",
            "district": draft.district_code or "", "email": draft.email or "", "told_by": draft.told_by, "place": draft.place, "priority": ""}  # fmt: skip
