"""The on-call form: a complaint entered for a person on the line, kept as a draft from the first letter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, abort, jsonify, redirect, render_template, request, url_for
from sqlalchemy import or_, select

from agent_console import access, callbacks
from helpline import callbacks as ledger
from helpline import complaints, duplicates, learning, letters, numbers, queueing, scope, sla, status
from helpline.complaints import Actor, Filing
from helpline.lifecycle import State
from helpline.reference import Category
from helpline.runtime import Runtime, utc_now
from helpline.text import normalise, row_id
from models import Complaint, Event, Outgoing, Phone

LANGUAGES = ("bn", "en", "hi")
LIKELY = 0.1  # a category this likely is worth a button


def register(blueprint: Blueprint, runtime: Runtime) -> None:
    @blueprint.get("/new")
    def new() -> str:
        draft = _own_draft(runtime, request.args.get("draft"))
        entry = callbacks.mine(runtime, request.args.get("callback"))
        return render_template("new.html", form=_begun(runtime, draft, entry), draft=draft, faults={}, focus="phone", drafts=_drafts(runtime), **_ringing(entry), **_lists(runtime))

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
        form = request.form.to_dict()
        values, faults = _values(runtime, form), _faults(runtime, form)
        draft = _own_draft(runtime, request.form.get("draft"), registered=True)
        if draft is not None and draft.ack:
            return redirect(url_for("console.registered", key=draft.ack))
        if faults:
            entry = callbacks.mine(runtime, request.form.get("callback"))
            return render_template("new.html", form=form, draft=draft, faults=faults, focus=next(iter(faults)), drafts=[], **_ringing(entry), **_lists(runtime)), 422
        now = utc_now()
        with runtime.writing() as db:
            if draft is None:
                key = f"form:{access.current().id}:{request.form.get('form', '')[:40]}"
                draft_id = complaints.open_draft(db, runtime, Filing(channel="agent", source_key=key, **values), _actor(), now)
            else:
                draft_id = draft.id
            complaints.update_draft(db, draft_id, now, **values, incomplete=False)
            filed = complaints.register(db, runtime, draft_id, _actor(), now)
            if entry_id := row_id(request.form.get("callback")):
                ledger.reached_by_form(db, entry_id, access.current().id, now)
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

    @blueprint.post("/new/caller")
    def caller() -> str:
        """Who calls from this number: names, language, earlier complaints."""
        number = numbers.e164(request.form.get("phone"))
        with runtime.reading() as db:
            rows = db.execute(select(Complaint.__table__).where(Complaint.phone == number, Complaint.ack.is_not(None), scope.visible(access.current()))
                              .order_by(Complaint.created_at.desc()).limit(10)).all() if number else []  # fmt: skip
            language = db.scalar(select(Phone.language).where(Phone.number == number)) if number else None
        return render_template("caller.html", people=_people(rows), number=number, language=language)

    @blueprint.post("/new/similar")
    def similar() -> str:
        """What the words suggest, and whether the same is open already."""
        number, category = numbers.e164(request.form.get("phone")), _category(runtime, request.form.get("category", ""))
        with runtime.reading() as db:
            rows = complaints.similar(db.connection(), runtime, number, category.code if category else None, utc_now(), scope.visible(access.current()))
            about = _values(runtime, request.form) | {"phone": number}
            alike = duplicates.find(db, runtime, about, utc_now(), scope.visible(access.current()))
        found = learning.classifier(runtime).classify(request.form.get("description", "")[:4000])
        suggested = [] if category else [runtime.reference.categories[candidate.code] for candidate in found.candidates if candidate.share >= LIKELY]
        likely = category or runtime.reference.categories.get(found.code or "")
        alike = [like for like in alike if like.row.id not in {row.id for row in rows}]
        pin, typed = _pin(runtime, request.form), request.form.get("pincode", "").strip()
        return render_template("similar.html", rows=rows, alike=alike, suggested=suggested, danger=likely is not None and likely.danger, pin=pin, pin_unknown=bool(typed) and pin is None)


def _people(rows: Sequence[Any]) -> list[tuple[str, list[Any]]]:
    """The complaints of a number by the people who share it, whoever came last first; a name sounds the same in every spelling."""
    found: dict[frozenset[str], tuple[str, list[Any]]] = {}
    for row in rows:
        found.setdefault(frozenset(status.people_of([row])), (row.name, []))[1].append(row)
    return list(found.values())


def _actor() -> Actor:
    user = access.current()
    return Actor(user.role, "agent", user.id)


def _lists(runtime: Runtime) -> dict[str, Any]:
    return {"categories": runtime.reference.categories.values(), "districts": sorted(runtime.reference.districts.values(), key=lambda d: d.name("en")),
            "languages": LANGUAGES, "priorities": sla.PRIORITIES}  # fmt: skip


def _values(runtime: Runtime, form: Any) -> dict[str, Any]:
    """The form's fields as a complaint has them; what cannot be understood yet is left empty, never refused."""
    category = _category(runtime, form.get("category", ""))
    pin = _pin(runtime, form)
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
        "discreet": form.get("discreet") == "yes",
        "category_code": category.code if category else None,
        "description": form.get("description", "").strip(),
        "pincode": pin.pincode if pin else None,
        "district_code": known,
        "place": form.get("place", "").strip() or (pin.area if pin else ""),
        "priority": priority if priority in sla.PRIORITIES else (category.priority if category else "normal"),
    }


def _pin(runtime: Runtime, form: Any) -> Any:
    """The PIN code as it may be typed (৭১৩১০১, 713 101), in the reference data; None for any other."""
    return runtime.reference.pincodes.get("".join(normalise(form.get("pincode", "")).split()))


def _category(runtime: Runtime, text: str) -> Category | None:
    """The category that a code or a name (in any language) stands for."""
    wanted = text.strip().casefold()
    known = runtime.reference.categories.get(text.partition(" ")[0])
    return known or next((c for c in runtime.reference.categories.values() if wanted in {name.casefold() for name in c.names.values()}), None)


def _meant(runtime: Runtime, text: str) -> Category | None:
    """The category that typed words (road, ration, জল নেই) mean, when they mean one: to be confirmed."""
    found = learning.classifier(runtime).classify(text[:200])
    return runtime.reference.categories.get(found.code or "") if text.strip() else None


def _faults(runtime: Runtime, form: dict[str, str]) -> dict[str, str]:
    """Field → what is wrong with it, in the order of the form. Words in place of a category are put right in `form`, to be confirmed."""
    values = _values(runtime, form)
    found = {}
    if form.get("phone", "").strip() and values["phone"] is None:
        found["phone"] = "bad.phone"
    if not values["description"]:
        found["description"] = "bad.description"
    if values["category_code"] is None:
        meant = _meant(runtime, form.get("category", ""))
        found["category"] = "confirm.category" if meant else "bad.category"
        if meant:
            form["category"] = meant.name(access.language())
    if form.get("pincode", "").strip() and values["pincode"] is None:
        found["pincode"] = "bad.pincode"
    if form.get("email", "").strip() and values["email"] is None:
        found["email"] = "bad.email"
    return found


def _own_draft(runtime: Runtime, key: str | None, *, registered: bool = False) -> Any:
    """A draft that this person may go on with: begun by themselves, or left by a call that broke off."""
    draft_id = row_id(key)
    if draft_id is None:
        return None
    states = [str(State.DRAFT)] + ([str(State.REGISTERED)] if registered else [])
    with runtime.reading() as db:
        row = db.execute(select(Complaint.__table__).where(Complaint.id == draft_id, Complaint.state.in_(states))).first()
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


def _begun(runtime: Runtime, draft: Any, entry: Any) -> dict[str, Any]:
    """What the form begins with: a draft, whom one is ringing back, or a number in the address."""
    if draft:
        return _as_form(runtime, draft)
    if entry:
        return {"phone": numbers.national(entry.number), "language": entry.language}
    return {"phone": request.args.get("phone", "")[:20], "language": "bn"}


def _ringing(entry: Any) -> dict[str, Any]:
    return {"entry": entry, "where": callbacks.where, "outcomes": ledger.OUTCOMES}


def _as_form(runtime: Runtime, draft: Any) -> dict[str, Any]:
    category = runtime.reference.categories.get(draft.category_code or "")
    return {"phone": numbers.national(draft.phone) or draft.caller_number or "", "language": draft.language, "name": draft.name,
            "category": category.name(access.language()) if category else "", "description": draft.description, "pincode": draft.pincode or "",
            "district": draft.district_code or "", "email": draft.email or "", "told_by": draft.told_by, "discreet": "yes" if draft.discreet else "", "place": draft.place, "priority": ""}  # fmt: skip
