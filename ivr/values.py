"""What the prompts' placeholders are filled with: the names, numbers and dates of the complaint that a call is about."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

from helpline import complaints, notices, numbers, resuming, status
from helpline.lifecycle import State as Life
from helpline.places import named_in
from helpline.runtime import Runtime, utc_now
from helpline.text import row_id
from ivr import speech
from ivr.menu import State
from ivr.speech import Spoken

Db = Callable[[], Connection]


class Values:
    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime

    def of(self, state: State, db: Db, call: Row[Any] | None) -> dict[str, object]:
        """The values of the prompt at `state`, by placeholder; `db` is called only where something of the store is told."""
        rule = getattr(self, f"_{state.at}", None)
        return rule(state, db, call) if rule else {}

    # ── names ──

    def category(self, code: str | None, language: str) -> Spoken:
        known = self.runtime.reference.categories.get(code or "")
        return Spoken(known.name(language), f"category.{known.code}") if known else self.quoted("as_told", language)

    def district(self, code: str | None, language: str) -> Spoken:
        known = self.runtime.reference.districts.get(code or "")
        return Spoken(known.name(language), f"district.{known.code}") if known else self.quoted("as_told", language)

    def place(self, name: str, district_code: str | None, language: str) -> Spoken:
        """A place and its district; the district alone where the place has no name that the voice can say."""
        district = self.district(district_code, language)
        said = named_in(self.runtime.reference, district_code, name, language)
        if not said or said == district:
            return district
        return Spoken(f"{said}, {district}" if district_code else said)

    def own(self, ack: str, language: str, db: Db | None) -> Spoken:
        """What tells a complaint of a shared telephone from the others: the name; else its subject, where that may be said; else
        the end of its number."""
        row = complaints.get_by_ack(db(), ack) if db is not None else None
        if row is not None and row.name.strip():
            return Spoken(row.name.strip()[:40])
        code = resuming.named(self.runtime, row.category_code) if row is not None and not row.discreet else ""
        if code:
            return self.category(code, language)
        return Spoken(self.runtime.catalogue.text("voice.ending_in", language, ending=speech.digits(ack[-4:], language)))

    def quoted(self, key: str, language: str) -> Spoken:
        """A prompt as a value of another."""
        return Spoken(self.runtime.catalogue.text(f"voice.{key}", language), key)

    # ── of a node ──

    def _emergency(self, state: State, db: Db, call: Row[Any] | None) -> dict[str, object]:
        return self.emergency(state.language)

    def emergency(self, language: str) -> dict[str, object]:
        """The values of the prompt `emergency`, which may be said before any other."""
        return {"emergency": speech.digits(self.runtime.config.helpline.emergency_number, language)}

    def _genuine(self, state: State, db: Db, call: Row[Any] | None) -> dict[str, object]:
        """`arg`: the day and the last digits of the number it went to, YYYYMMDD9999."""
        try:
            sent = datetime.fromisoformat(f"{state.arg[:8]}T120000+0000")
            day = speech.date(sent, state.language, self.runtime.catalogue)
        except ValueError:
            day = Spoken("")
        return {"date": day, "ending": speech.digits(state.arg[8:12], state.language)}

    def _resume(self, state: State, db: Db, call: Row[Any] | None) -> dict[str, object]:
        return {"category": self.category(state.arg, state.language)} if state.arg else {}

    def _spoken_category(self, state: State, db: Db, call: Row[Any] | None) -> dict[str, object]:
        return {"category": self.category(state.arg, state.language)}

    def _spoken_place(self, state: State, db: Db, call: Row[Any] | None) -> dict[str, object]:
        code, _, rest = state.arg.partition("~")
        return {"place": self.place(rest.partition("~")[2], code, state.language)}

    def _pin_confirm(self, state: State, db: Db, call: Row[Any] | None) -> dict[str, object]:
        entry = self.runtime.reference.pincodes.get(state.arg)
        if entry is None:
            return {"place": self.quoted("as_told", state.language)}
        return {"place": self.place(entry.area, entry.district_code, state.language)}

    def _summary(self, state: State, db: Db, call: Row[Any] | None) -> dict[str, object]:
        draft = call.answers.get("draft") if call is not None else None
        row = complaints.get(db(), draft) if draft else None
        language = state.language
        told, here, none = (self.quoted(key, language) for key in ("as_told", "no_contact", "none_given"))
        if row is None:
            return {"category": told, "place": told, "contact": here}
        answers = call.answers if call is not None else {}
        known = {**row._mapping, **answers.get("told", {})}
        place = self.place(known["place"], known["district_code"], language)
        caller = numbers.e164(call.from_number) if call is not None else None
        contact = speech.digits(numbers.national(known["phone"]), language) if known["phone"] and known["phone"] != caller else here if caller else none
        code = resuming.named(self.runtime, known["category_code"]) if answers.get("resumed") else known["category_code"]
        return {"category": self.category(code, language), "place": place, "contact": contact}

    def _registered(self, state: State, db: Db, call: Row[Any] | None) -> dict[str, object]:
        row = self.row(state, db)
        return self.number_told(row.ack, row.phone, state.language) if row is not None else {}

    def number_told(self, ack: str, phone: str | None, language: str) -> dict[str, object]:
        """The values of the prompt `registered`: the number, and whether an SMS can carry it; then calls are offered in its place."""
        sms = numbers.is_mobile(phone)
        return {"ack": speech.ack(ack, language), "sms": sms, "offers": ("registered.calls", "registered.discreet") if sms else ("registered.discreet",) if phone else ()}

    def _told(self, state: State, db: Db, call: Row[Any] | None) -> dict[str, object]:
        values = self._solved(state, db, call)
        row = self.row(state, db)
        return values | {"offers": self._offers(row, call, db) if row is not None else ()}

    def _solved(self, state: State, db: Db, call: Row[Any] | None) -> dict[str, object]:
        row, language = self.row(state, db), state.language
        if row is None:
            return {}
        department = row.department_code or "cmo"
        due = row.due_at if row.due_at and row.due_at > utc_now() else None  # no date that has passed
        return {
            "ack": speech.ack(row.ack or "", language),
            "standing": status.standing(row),
            "question": status.question(db(), row),
            "office": Spoken(notices.office_name(self.runtime, department, language), f"department.{department}"),
            "date": speech.date(due, language, self.runtime.catalogue) if due else "",
        }

    def _offers(self, row: Row[Any], call: Row[Any] | None, db: Db) -> tuple[str, ...]:
        """What can be done about a complaint after hearing of it: prompts `told.…`."""
        over = row.state in (Life.CLOSED, Life.REJECTED)
        offers = ["told.reopen" if over else "told.add"] if not over or status.may_reopen(self.runtime, row, utc_now()) else []
        caller = numbers.e164(call.from_number) if call is not None else None
        if caller == row.phone and status.earlier_open(db(), caller, row.id) is not None:
            offers.append("told.next")
        if not row.discreet and row.phone:
            offers.append("told.discreet")
        return tuple(offers)

    def row(self, state: State, db: Db) -> Row[Any] | None:
        """The complaint that the state names."""
        key = row_id(state.arg)
        return complaints.get(db(), key) if key is not None else None
