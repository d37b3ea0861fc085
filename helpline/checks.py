"""What is missing or inconsistent, in plain words: at start, for `/readyz` and for `flask check`."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from helpline import events, files, lifecycle, numbers, pacing, store, templates
from helpline.config import ROOT, carrier_faults
from helpline.runtime import Runtime, utc_now
from models import Complaint, Heartbeat, User, is_away

SYNTHETIC = "SYNTHETIC.txt"  # stands among recordings that nobody spoke
PROMPTS = ("call", "notify", "sms", "staff", "status", "voice")  # the files of prompts/
WORKER_SILENT = timedelta(seconds=60)


class LifecycleError(Exception):
    """The lifecycle table, the call tree, the prompts or the reference data do not fit together; one line a fault."""


def refuse_to_start_broken(runtime: Runtime) -> None:
    found = lifecycle.faults() + missing_prompts(runtime) + data_faults(runtime)
    if found:
        raise LifecycleError("\n".join(found))


def missing_prompts(runtime: Runtime) -> list[str]:
    needed = {row.tells for row in lifecycle.TABLE if row.tells} | {f"reason.{r}" for r in lifecycle.REJECTION_REASONS}
    found = [f"prompts: {key} is missing" for key in sorted(needed) if key not in runtime.catalogue]
    there = {entry.key.partition(".")[0] for entry in runtime.catalogue}
    return found + [f"prompts: no sentence {kind}.… is there" for kind in PROMPTS if kind not in there]


def data_faults(runtime: Runtime) -> list[str]:
    return [f"reference: {fault}" for fault in runtime.shelf.book().faults]


def readiness(runtime: Runtime) -> list[str]:
    """Faults that keep this process from serving; the worker's silence is told by `everything`, not here."""
    try:
        if not store.is_migrated(runtime.engine):
            return ["the store is not migrated: run `flask upgrade`"]
    except Exception as error:
        if not (isinstance(error, SQLAlchemyError) or is_away(error)):
            raise
        return [f"the store cannot be reached ({type(error).__name__})"]
    return [] if (why := store.refuses(runtime.engine)) is None else [f"the store takes nothing more just now ({why}): callers leave messages"]


def full_disks(runtime: Runtime) -> list[str]:
    """Disks of this machine with less room than `storage.min_free_mb`."""
    least = runtime.config.storage.min_free_mb
    return [f"{name}: only {free >> 20} MB free on its disk" for name, free in disks(runtime).items() if free >> 20 < least]


def disks(runtime: Runtime) -> dict[str, int]:
    """What is kept on this machine → bytes free there."""
    settings = runtime.config.storage
    places = {"storage.recordings": files.directory(settings.recordings), "storage.attachments": files.directory(settings.attachments),
              "storage.journal": settings.journal, "database.url": store.file_of(runtime.engine)}  # fmt: skip
    return {name: files.free_bytes(place) for name, place in places.items() if place is not None}


def journal_notes(runtime: Runtime) -> list[str]:
    """What waits in this machine's journal, and whether it could take more; nothing of it keeps the process from serving."""
    left = runtime.journal.backlog()
    notes = [f"{left.waiting} requests of carriers wait in the journal: the worker takes them in when the store is there"] if left.waiting else []
    if left.failed:
        notes.append(f"{left.failed} lines of the journal could not be taken in: see {runtime.config.storage.journal}/failed.jsonl")
    if not runtime.journal.is_writable():
        notes.append(f"the journal cannot be written: {runtime.config.storage.journal}")
    return notes


def everything(runtime: Runtime) -> list[str]:
    """All that `flask check` tells, one sentence each."""
    found = missing_prompts(runtime) + data_faults(runtime) + lifecycle.faults() + _numbers(runtime) + _voices(runtime)
    found += carrier_faults(runtime.config) + templates.faults(runtime)
    store_faults = readiness(runtime)
    return found + store_faults + full_disks(runtime) + journal_notes(runtime) + ([] if store_faults else _people(runtime) + _worker(runtime) + _carriers(runtime))


def _numbers(runtime: Runtime) -> list[str]:
    settings = runtime.config
    given = {"helpline.number": settings.helpline.number}
    if not numbers.is_short_code(settings.helpline.sms_number):  # telephones are called, messages may go to a short code
        given["helpline.sms_number"] = settings.helpline.sms_number
    given |= {f"voice.agent_numbers[{i}]": number for i, number in enumerate(settings.voice.agent_numbers)}
    return [f"{name}: {number} is not a telephone number in the form +91…" for name, number in given.items()
            if numbers.e164(number) != number]  # fmt: skip


def _voices(runtime: Runtime) -> list[str]:
    settings = runtime.config
    name = "voice.somleng_voices" if settings.carriers.voice_engine == "somleng" else "voice.voices"
    missing = [f"{name}: no voice for {lang}" for lang in settings.helpline.languages if not settings.voices.get(lang)]
    if "bn-IN" not in settings.voices.get("bn", "bn-IN"):
        missing.append(f"{name}.bn: only a bn-IN voice speaks Bengali")
    if (ROOT / settings.voice.audio_dir / SYNTHETIC).is_file():
        missing.append(f"voice.audio_dir: the recordings there are synthetic ({SYNTHETIC}): to review, not for citizens")
    if not settings.voice.agent_numbers:
        missing.append("voice.agent_numbers: empty, so callers who press 0 always leave a message")
    return missing


def _carriers(runtime: Runtime) -> list[str]:
    """What the workers found of the carriers of SMS."""
    with runtime.reading() as db:
        troubled = pacing.resting(db.connection(), utc_now())
    return [f"carriers: {name} could not send just now, and is tried last (the console lists the messages that wait)" for name in sorted(troubled)]


def _people(runtime: Runtime) -> list[str]:
    with runtime.reading() as db:
        count = db.scalar(select(func.count()).select_from(User).where(User.active))
    return [] if count else ["nobody can sign in to the console: run `flask add-user`"]


def _worker(runtime: Runtime) -> list[str]:
    with runtime.reading() as db:
        last = db.scalar(select(func.max(Heartbeat.at)))
    if last is None or utc_now() - last > WORKER_SILENT:
        return ["no worker is running: messages are not sent; start `flask worker`"]
    return []


def broken_chains(runtime: Runtime) -> list[tuple[int, list[int]]]:
    """(complaint id, seqs) of every complaint whose events were tampered with; read in pages, so any size will do."""
    found: list[tuple[int, list[int]]] = []
    last = 0
    while True:
        with runtime.reading() as session:
            db = session.connection()
            ids = list(db.scalars(select(Complaint.id).where(Complaint.id > last).order_by(Complaint.id).limit(500)))
            found += [(key, seqs) for key in ids if (seqs := events.broken_links(db, key))]
        if not ids:
            return found
        last = ids[-1]
