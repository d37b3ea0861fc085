"""The migrations make exactly the tables that the code names, and can be undone with rows in them."""

from __future__ import annotations

import json
import logging

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text

from helpline import callbacks, calls, complaints, store
from helpline.complaints import Actor, Filing
from models import Base


def test_the_migrated_store_is_what_the_models_say(runtime):
    with runtime.engine.connect() as db:
        context = MigrationContext.configure(db, opts={"compare_type": False})
        differences = [d for d in compare_metadata(context, Base.metadata) if "expression" not in str(d)]
    assert differences == []
    assert store.is_migrated(runtime.engine)


def test_down_and_up_again_with_rows(runtime, now):
    with runtime.writing() as db:
        complaints.file(db, runtime, Filing(channel="sms", language="bn", phone="+919830012345"), Actor("citizen", "sms"), now)
    store.downgrade(runtime.engine, "base")
    assert store.current_revision(runtime.engine) is None
    store.upgrade(runtime.engine)
    assert store.is_migrated(runtime.engine)


def test_a_call_that_was_asked_for_by_sms_has_no_call_before(runtime, now):
    """Undone, the migration keeps what the ledger had of calls, and its indexes; done again, what it has by SMS too."""
    with runtime.writing() as db:
        call = calls.begin(db, "CA1", "+919830012345", "+913322140000", now)
        callbacks.note(db, runtime, "+919830012345", call, None, "menu", now)
        callbacks.request(db, runtime, "+919830054321", "bn", None, now)
    store.downgrade(runtime.engine, "0020")
    with runtime.engine.connect() as db:
        assert db.execute(text("SELECT number FROM callbacks")).scalars().all() == ["+919830012345"]
    store.upgrade(runtime.engine)
    for number in ("+919830012345", "+919830054321"):
        with runtime.writing() as db:
            callbacks.request(db, runtime, number, "bn", None, now)
    with runtime.engine.connect() as db:
        assert db.execute(text("SELECT count(*) FROM callbacks")).scalar() == 2
        indexes = {index["name"]: index for index in inspect(db).get_indexes("callbacks")}
    assert {"ix_callbacks_open_number", "ix_callbacks_promised_at", "ix_callbacks_call_id"} <= set(indexes)
    assert indexes["ix_callbacks_open_number"]["unique"]
    with runtime.writing() as db:
        db.execute(text("UPDATE callbacks SET closed_at = updated_at"))
        callbacks.request(db, runtime, "+919830054321", "bn", None, now)  # only what is open is one a number
    store.downgrade(runtime.engine, "0020")
    store.upgrade(runtime.engine)


def test_the_newest_migration_is_named_in_one_place():
    from pathlib import Path

    assert Path("migrations/.current-alembic-head").read_text().strip() == store.newest_revision()


def test_no_personal_data_in_the_logs(app, config, caller, capsys, monkeypatch):
    """Everything that is told of a person stays out, also when something fails."""
    from helpline import logs, status

    logs.set_up(config)
    app.logger.setLevel(logging.DEBUG)
    caller.dials().presses("2", "1", "1", "1").speaks("my secret trouble", "en").presses("1", "3").speaks("Rahima", "en").presses("1", "1").hangs_up()
    caller.texts("FILE private words of Rahima in Barasat")

    def fails(*_args, **_kwargs):
        raise ValueError("private words of Rahima +919830012345")

    monkeypatch.setattr(status, "message", fails)
    caller.texts("STATUS")
    logged = capsys.readouterr()
    text = logged.out + logged.err
    assert "sms.failed" in text
    for private in ("9830012345", "Rahima", "secret", "private"):
        assert private not in text


def test_health(app):
    client = app.test_client()
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 200
    assert b"helpline_backlog" in client.get("/metrics").data


def test_imports_of_the_web_process_are_light():
    """Neither the SDK's REST client nor the translator nor the scheduler is loaded by the webhooks' process."""
    import subprocess
    import sys

    code = "import app, sys, json; print(json.dumps([m for m in ('twilio', 'googletrans', 'apscheduler') if m in sys.modules]))"
    assert json.loads(subprocess.check_output([sys.executable, "-c", code])) == []
