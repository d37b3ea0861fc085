"""What dashboards cost over a million complaints on PostgreSQL: `python -m bench.figures`.

Whole requests, in-process: the ratio of a million to ten thousand, and the 95th percentile of many requests in milliseconds.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from sqlalchemy import text

from bench.load import postgres
from bench.scale import build, sign_in
from helpline.figures import upkeep
from helpline.runtime import Runtime

FEW, MANY = 10_000, 1_000_000
ROUNDS = 25
PAGES = {
    "dashboard, 30 days": "dashboard?period=30",
    "dashboard, a year": "dashboard?period=365",
    "dashboard, a department, a year": "dashboard?period=365&department=phe",
    "dashboard, a district, 90 days": "dashboard?period=90&district=305",
    "dashboard, a category, 90 days": "dashboard?period=90&category=WATER",
    "dashboard, department and district": "dashboard?period=365&department=phe&district=305",
    "dashboard, a level, 90 days": "dashboard?period=90&level=2",
    "dashboard, a level, a year": "dashboard?period=365&level=2",
    "offices compared, 90 days": "dashboard/offices?period=90",
    "offices compared, a year": "dashboard/offices?period=365",
    "places, 90 days": "dashboard/places?period=90",
    "list of the overdue": "figures/overdue",
}


def fill(runtime: Runtime, count: int) -> None:
    """`count` complaints over a year, made by PostgreSQL: nine in ten closed, in all districts, of all categories, with holdings and events."""
    reference = runtime.reference
    offices = [(c.code, f"{c.department_code}.{d}" if f"{c.department_code}.{d}" in reference.offices else c.department_code, d)
               for c in reference.categories.values() for d in reference.districts]  # fmt: skip
    with runtime.writing() as db:
        db.execute(text("CREATE TEMPORARY TABLE places (n int PRIMARY KEY, category text, office text, district text, body text) ON COMMIT DROP"))
        bodies = {d: [b.code for b in reference.local_bodies if b.district_code == d and b.type != "subdivision"] for d in reference.districts}
        db.execute(text("INSERT INTO places VALUES (:n, :category, :office, :district, :body)"),
                   [{"n": n, "category": c, "office": o, "district": d, "body": bodies[d][n % len(bodies[d])]} for n, (c, o, d) in enumerate(offices)])  # fmt: skip
        db.execute(text("""
            INSERT INTO complaints (id, ack, state, incomplete, channel, language, name, phone, category_code, district_code, local_body_code, place, description,
                priority, department_code, office_code, level, due_at, held_since, held_paused_minutes, transfers, paused_minutes, told_by, joined, reopen_count,
                last_seq, last_hash, indexed_seq, created_at, updated_at, registered_at, responded_at, response_minutes, resolved_at, resolution_minutes, closed_at, outcome)
            SELECT nth, '25' || lpad(nth::text, 9, '0'), CASE WHEN done THEN 'closed' ELSE 'in_progress' END, false, 'sms', 'bn', 'Demo', '+919' || lpad(nth::text, 9, '0'),
                category, district, body, '', 'পাড়ার কলে তিন দিন জল নেই', 'normal', split_part(office, '.', 1), office, 3 - least(2, length(office) - length(replace(office, '.', ''))),
                at + interval '20 days', at, 0, 0, 0, 'sms', 0, 0, 2, repeat('0', 64), 2, at, at, at, at + interval '4 hours', (nth % 900)::int,
                CASE WHEN done THEN at + (nth % 28) * interval '1 day' END, CASE WHEN done THEN ((nth % 28) * 450 + nth % 400)::int END,
                CASE WHEN done THEN at + (nth % 28 + 3) * interval '1 day' END, CASE WHEN done THEN CASE WHEN nth % 3 = 0 THEN 'unconfirmed' ELSE 'confirmed' END END
            FROM (SELECT n AS nth, now() - interval '365 days' + n * (interval '365 days' / :count) AS at, n % 10 <> 0 AND n < :count * 0.93 AS done
                  FROM generate_series(1, :count) AS n) AS numbered JOIN places ON places.n = (numbered.nth::bigint * 7919) % :places
        """), {"count": count, "places": len(offices)})  # fmt: skip
        db.execute(text("""
            INSERT INTO holdings (id, complaint_id, office_code, since, until, working_minutes, ended_by)
            SELECT id, id, office_code, registered_at, resolved_at, resolution_minutes, 'resolve' FROM complaints WHERE resolved_at IS NOT NULL"""))  # fmt: skip
        db.execute(text("""
            INSERT INTO events (id, complaint_id, seq, at, action, actor_kind, channel, before, after, data, hash)
            SELECT id, id, 1, resolved_at, 'resolve', 'staff', 'agent', jsonb_build_object('office_code', office_code, 'news_at', '2026-01-01'), '{}'::jsonb, '{}'::jsonb, repeat('0', 64)
            FROM complaints WHERE resolved_at IS NOT NULL"""))  # fmt: skip
        upkeep.count_anew(db)
    with runtime.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
        for table in ("complaints", "counted_complaints", "daily_counts", "monthly_counts", "events", "holdings"):
            db.execute(text(f"VACUUM ANALYZE {table}"))


def ask(client: Any, path: str) -> float:
    start = time.perf_counter()
    answer = client.get(f"/console/{path}")
    seconds = time.perf_counter() - start
    if answer.status_code != 200:
        raise SystemExit(f"{path}: {answer.status_code}")
    return seconds


def main() -> None:
    with tempfile.TemporaryDirectory() as made, postgres(Path(made)) as database:
        clients = []
        for name, count in (("few", FEW), ("many", MANY)):
            app = build(database(name), Path(made))
            start = time.perf_counter()
            fill(app.extensions["runtime"], count)
            print(f"{count:>9,} complaints made and counted in {time.perf_counter() - start:.0f} s", flush=True)
            clients.append(sign_in(app))
        few, many = clients
        for title, path in PAGES.items():
            ask(few, path), ask(many, path)
            pairs = [(ask(few, path), ask(many, path)) for _ in range(ROUNDS)]
            slow = statistics.quantiles([b for _, b in pairs], n=20)[-1]
            ratio = statistics.median(b / a for a, b in pairs)
            print(f"PostgreSQL  {title:36} {ratio:5.2f} x   p95 {slow * 1000:6.1f} ms   median {statistics.median(b for _, b in pairs) * 1000:6.1f} ms", flush=True)


if __name__ == "__main__":
    main()
