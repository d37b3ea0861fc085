"""`make run`: prepares the store and starts web and worker together; Ctrl-C stops both.

Each process's lines are marked with its name. Should one end by itself, the other is stopped too.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

from app import create_app
from helpline import people, store
from helpline.checks import LifecycleError
from helpline.config import Config, ConfigurationError, load
from prompts.catalogue import CatalogueError

HERE = Path(__file__).resolve().parent
# A developer's telephones do not sleep: whatever the hour, an agent can be rung and an SMS arrives. What the environment says goes before.
ALL_DAY = '{days: [mon, tue, wed, thu, fri, sat, sun], from: "00:00", to: "23:59:59.999999"}'
HOURS = ("HELPLINE_VOICE__OFFICE_HOURS", "HELPLINE_TELLING__SMS_HOURS", "HELPLINE_CALLS__HOURS")


def main() -> int:
    os.umask(0o077)  # complaints, recordings and the database are for nobody else on this machine
    try:
        config = load()
    except ConfigurationError as error:
        print(f"The configuration cannot be used:\n{error}", file=sys.stderr)
        return 2
    try:
        refuse_a_taken_port(config)
        prepare(config)
        address = config.var / "address"  # for `flask call` and `flask text` in another terminal
        address.write_text(f"{config.public_url}\n")
    except (CannotStart, ConfigurationError, CatalogueError, LifecycleError, store.Unreachable, OSError) as error:
        print(f"The helpline cannot start:\n{error}", file=sys.stderr)
        return 2
    try:
        return start(config)
    finally:
        address.unlink(missing_ok=True)


class CannotStart(Exception):
    """Why, in plain words."""


def refuse_a_taken_port(config: Config) -> None:
    """Another helpline, perhaps on the same store, is left alone: nothing is started beside it."""
    try:
        socket.create_server((host(config), config.port)).close()
    except OSError as error:
        raise CannotStart(f"Port {config.port} cannot be used ({os.strerror(error.errno or 0)}). Choose another: PORT=5001 make run") from None


def host(config: Config) -> str:
    return "0.0.0.0" if config.is_production else "127.0.0.1"  # noqa: S104 - a proxy or the carrier comes from elsewhere


def prepare(config: Config) -> None:
    """Migrate, load the reference data, make the demonstration accounts (development), say where everything is."""
    runtime = create_app(config).extensions["runtime"]
    with store.reaching(runtime.engine):
        store.upgrade(runtime.engine)
    print(f"\n  Console          {config.public_url}/console/")
    if config.simulator.enabled:
        print(f"  Simulated phone  {config.public_url}/simulator/")
    if not config.is_production:
        print("\n  " + people.demo_accounts(runtime, config.var / "accounts.txt").replace("\n", "\n  "))
        print(f"  (kept in {config.var / 'accounts.txt'})\n", flush=True)
    runtime.dispose()


def start(config: Config) -> int:
    binaries = Path(sys.executable).parent
    web = [str(binaries / "gunicorn"), "app:web()", "--bind", f"{host(config)}:{config.port}",
           "--workers", str(config.server.processes), "--timeout", "30", "--graceful-timeout", "10",
           "--max-requests", "20000", "--max-requests-jitter", "2000", "--log-level", "warning"]  # fmt: skip
    worker = [str(binaries / "flask"), "--app", "app", "worker"]
    surroundings = environment(config)
    running = {name: _begin(name, command, surroundings) for name, command in (("web", web), ("worker", worker))}
    return _until_one_ends(running)


def environment(config: Config) -> dict[str, str]:
    """What both processes begin with."""
    hours = dict.fromkeys(HOURS, ALL_DAY) if config.simulator.enabled else {}
    return {**hours, **os.environ, "PYTHONUNBUFFERED": "1"}


def _begin(name: str, command: list[str], environment: dict[str, str]) -> subprocess.Popen[str]:
    process = subprocess.Popen(command, cwd=HERE, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)
    threading.Thread(target=_show, args=(name, process), daemon=True).start()
    return process


def _show(name: str, process: subprocess.Popen[str]) -> None:
    for line in process.stdout or ():
        print(f"{name:>6} | {line}", end="", flush=True)


def _until_one_ends(running: dict[str, subprocess.Popen[str]]) -> int:
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    while not ended.wait(0.3):
        gone = [name for name, process in running.items() if process.poll() is not None]
        if gone:
            print(f"{gone[0]} has ended; stopping.", file=sys.stderr)
            break
    for process in running.values():
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
    codes = [process.wait(timeout=30) for process in running.values()]
    return 0 if ended.is_set() else max(1, *map(abs, codes))


if __name__ == "__main__":
    sys.exit(main())
