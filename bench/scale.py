"""What many complaints cost, as ratios to few: `python -m bench.scale`.

Status look-up by SMS on PostgreSQL over ten million complaints and over ten thousand; the console's worklist and search
over a hundred thousand and over a thousand, on SQLite and PostgreSQL. Whole requests, in-process; the two stores are asked
in turn, and the median of the rounds' ratios is shown.
"""

from __future__ import annotations

import re
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from flask import Flask
from sqlalchemy import event, insert, text

from app import create_app
from bench.load import postgres
from helpline import acknowledgement, effects, people, search, store
from helpline.config import load
from helpline.runtime import Runtime, utc_now
from models import Complaint, SearchWord
from simulator.network import sign

TOKEN = "token-of-the-benchmark"
PUBLIC = "http://127.0.0.1"
PASSWORD = "only for the benchmark"
ROUNDS = 9
LOOK_UPS = 100
FEW, MANY = 10_000, 10_000_000
SHORT, LONG = 1_000, 100_000
_WORDS = ["রাস্তা", "জল", "আলো", "রেশন", "হাসপাতাল", "স্কুল", "নর্দমা", "সেতু", "bidyut", "pension", "pothole", "ration"]


def build(url: str, directory: Path) -> Flask:
    environ = {"DATABASE_URL": url, "HELPLINE_VAR": str(directory), "PUBLIC_URL": PUBLIC, "TWILIO_AUTH_TOKEN": TOKEN,
               "TWILIO_ACCOUNT_SID": "AC" + "0" * 32, "HELPLINE_SMS__REPLIES_PER_HOUR": "1000000"}  # fmt: skip
    app = create_app(load(environ=environ))
    runtime: Runtime = app.extensions["runtime"]
    store.upgrade(runtime.engine)
    return app


# ── status look-up ──


def fill_by_the_server(runtime: Runtime, count: int) -> None:
    """`count` complaints made by PostgreSQL itself; the n-th has `_number(n)` and `_telephone(n)`."""
    with runtime.writing() as db:
        db.execute(text("""
            INSERT INTO complaints (id, ack, state, incomplete, channel, language, name, phone, category_code, district_code, place, description,
                priority, department_code, level, due_at, escalate_at, reopen_count, last_seq, last_hash, indexed_seq, created_at, updated_at,
                registered_at)
            SELECT n, '25' || lpad(n::text, 9, '0'), 'forwarded', false, 'sms', 'bn', '', '+919' || lpad(n::text, 9, '0'), 'WATER.NONE', '306',
                '', 'পাড়ার কলে তিন দিন জল নেই', 'normal', 'phe', 1, at + interval '20 days', at + interval '20 days', 0, 1, repeat('0', 64), 1, at,
                at, at
            FROM (SELECT n, now() - interval '300 days' + n * interval '2 seconds' AS at FROM generate_series(1, :count) AS n) AS numbered
        """), {"count": count})  # fmt: skip
    with runtime.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
        db.execute(text("VACUUM ANALYZE complaints"))


def _number(n: int) -> str:
    return f"25{n:09d}"


def ask_status(app: Flask, count: int, turn: int) -> float:
    """Seconds of the median request of LOOK_UPS, spread over all complaints."""
    client, seconds, step, n = app.test_client(), [], count // (LOOK_UPS * ROUNDS * 2), turn + 1
    for asked in range(LOOK_UPS):
        n += step
        while not acknowledgement.is_valid(_number(n)):
            n += 1
        fields = {"MessageSid": f"SM{count}-{turn}-{asked}", "From": f"+919{n:09d}", "To": "+913322145555", "Body": f"STATUS {_number(n)}"}
        headers = {"X-Twilio-Signature": sign(f"{PUBLIC}/sms/incoming", fields, TOKEN)}
        start = time.perf_counter()
        answer = client.post("/sms/incoming", data=urlencode(fields), headers=headers, content_type="application/x-www-form-urlencoded")
        seconds.append(time.perf_counter() - start)
        if acknowledgement.display(_number(n)) not in answer.text:
            raise SystemExit(f"wrong answer: {answer.text!r}")
    return statistics.median(seconds)


# ── the console ──


def fill(runtime: Runtime, count: int) -> None:
    """`count` complaints, closed for the most part, with their words; the newest thousand are alike in any count."""
    now, states = utc_now(), ("registered", "under_review", "forwarded", "in_progress", "resolved", "closed")
    departments, districts = list(runtime.reference.departments), list(runtime.reference.districts)
    rows: list[dict[str, Any]] = []
    for n in range(1, count + 1):
        at = now - timedelta(minutes=count - n)
        newest = n > count - SHORT
        state = states[n % 6] if newest or n % 100 == 0 else "closed"
        rows.append({"id": n, "ack": _number(n), "state": state, "incomplete": newest and n % 5 == 0, "channel": "sms", "language": "bn", "name": f"Demo N{n:06d}",
                     "phone": f"+919{n:09d}", "category_code": "WATER.NONE", "district_code": districts[n % len(districts)], "registered_at": at,
                     "place": "", "description": " ".join(_WORDS[(n * k) % len(_WORDS)] for k in (1, 5, 7)), "priority": "normal",
                     "department_code": departments[n % len(departments)], "due_at": at + timedelta(days=20 if n % 4 else 0), "created_at": at,
                     "updated_at": at, "last_seq": 1, "indexed_seq": 1})  # fmt: skip
    for row in rows:
        row["urgency"] = effects.urgency({"harm_at": None, **row})
    with runtime.writing() as db:
        db.execute(insert(Complaint), rows)
        words = [{"complaint_id": row["id"], "word": word} for row in rows for word in search.words(f"{row['name']} {row['description']}")]
        db.execute(insert(SearchWord), words)
    with runtime.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
        db.execute(text("ANALYZE"))


def sign_in(app: Flask) -> Any:
    people.add(app.extensions["runtime"], username="measurer", name="Benchmark", role="supervisor", password=PASSWORD, must_change_password=False)
    client = app.test_client()
    token = re.search(r'name="csrf" content="([^"]+)"', client.get("/console/sign-in").text)[1]  # type: ignore[index]
    client.post("/console/sign-in", data={"csrf_token": token, "username": "measurer", "password": PASSWORD})
    return client


def page_time(path: str) -> Callable[[Any], float]:
    def seconds(client: Any) -> float:
        times = []
        for _ in range(8):
            start = time.perf_counter()
            answer = client.get(path)
            times.append(time.perf_counter() - start)
            if answer.status_code != 200:
                raise SystemExit(f"{path}: {answer.status_code}")
        return statistics.median(times)

    return seconds


PAGES = {f"worklist, {tab}": f"/console/complaints?tab={tab}" for tab in ("new", "incomplete", "overdue", "open", "all")} | {
    "search, a word": "/console/complaints?tab=all&q=pothole",
    "search, two words": "/console/complaints?tab=all&q=ration+স্কুল",
    "search, never together": "/console/complaints?tab=all&q=pothole+ration",
    "search, Bengali word": "/console/complaints?tab=all&q=রেশন",
    "search, a name": "/console/complaints?tab=all&q=Demo+N000777",
    "search, a phone": "/console/complaints?tab=all&q=9000000777",
}


def statements(app: Flask, client: Any, path: str) -> int:
    """How many statements a page takes."""
    engine, seen = app.extensions["runtime"].engine, []

    def listen(*arguments: Any) -> None:
        if not arguments[2].startswith(("BEGIN", "PRAGMA")):
            seen.append(arguments[2])

    event.listen(engine, "before_cursor_execute", listen)
    client.get(path)
    event.remove(engine, "before_cursor_execute", listen)
    return len(seen)


def compare(title: str, few: Callable[[int], float], many: Callable[[int], float], rounds: int, note: str = "") -> None:
    few(0), many(0)
    pairs = [(few(turn), many(turn)) for turn in range(1, rounds)]
    ratio = statistics.median(b / a for a, b in pairs)
    print(f"{title:42} {ratio:5.2f} x   {statistics.median(b for _, b in pairs) * 1000:6.2f} ms {note}", flush=True)


def console(name: str, urls: list[str], directory: Path) -> None:
    clients, apps = [], []
    for url, count in zip(urls, (SHORT, LONG), strict=True):
        app = build(url, directory)
        fill(app.extensions["runtime"], count)
        apps.append(app)
        clients.append(sign_in(app))
    for title, path in PAGES.items():
        note = f"{statements(apps[1], clients[1], path)} queries"
        measured = page_time(path)
        compare(f"{name:11} {title}", lambda _, m=measured: m(clients[0]), lambda _, m=measured: m(clients[1]), 6, note)  # type: ignore[misc]
    for app in apps:
        app.extensions["runtime"].dispose()


def main() -> None:
    with tempfile.TemporaryDirectory() as made:
        directory = Path(made)
        console("SQLite", [f"sqlite:///{directory}/{name}.db" for name in ("few", "many")], directory)
        with postgres(directory) as database:
            console("PostgreSQL", [database("few"), database("many")], directory)
            apps = []
            for name, count in (("thousands", FEW), ("millions", MANY)):
                app = build(database(name), directory)
                fill_by_the_server(app.extensions["runtime"], count)
                apps.append(app)
            compare(f"PostgreSQL  SMS STATUS, {MANY:,} to {FEW:,}", lambda turn: ask_status(apps[0], FEW, turn), lambda turn: ask_status(apps[1], MANY, turn), ROUNDS)
            for app in apps:
                app.extensions["runtime"].dispose()


if __name__ == "__main__":
    main()
