"""`make run` from the outside: what it prints, that the terminal's telephone finds it, and that Ctrl-C stops all of it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from flask.cli import cli

import serve
from bench.load import free_port
from helpline import sla
from helpline.config import load

pytestmark = pytest.mark.xdist_group("serve")
HERE = Path(__file__).resolve().parent.parent
NOT_GIVEN = ("PORT", "PUBLIC_URL", "DATABASE_URL", "TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "SECRET_KEY", "HELPLINE_MODE")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    bare = {name: value for name, value in os.environ.items() if name not in NOT_GIVEN}
    return {**bare, "HELPLINE_VAR": str(tmp_path), "PYTHONUNBUFFERED": "1"}


@pytest.fixture
def running(environment: dict[str, str]) -> Iterator[tuple[str, list[str], subprocess.Popen[str]]]:
    """(address, lines printed so far, process) of a helpline that answers."""
    port, said = free_port(), list[str]()
    process = subprocess.Popen([sys.executable, "serve.py"], cwd=HERE, env={**environment, "PORT": str(port)}, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)  # fmt: skip
    reader = threading.Thread(target=lambda: said.extend(process.stdout or ()), daemon=True)
    reader.start()
    address = f"http://127.0.0.1:{port}"
    for _ in range(600):
        try:
            if httpx.get(f"{address}/readyz").status_code == 200:
                break
        except httpx.TransportError:
            assert process.poll() is None, "".join(said)
        time.sleep(0.1)
    yield address, said, process
    if process.poll() is None:
        process.terminate()
    process.wait(timeout=40)
    reader.join()
    assert process.stdout
    process.stdout.close()


def _flask(environment: dict[str, str], *words: str, typed: str = "") -> str:
    ran = subprocess.run([sys.executable, "-m", "flask", "--app", "app", *words], cwd=HERE, env=environment, input=typed, capture_output=True, text=True, timeout=60, check=False)
    return ran.stdout + ran.stderr


def _in_process(environment: dict[str, str], *words: str) -> str:
    """What the same command says, without starting Python for it."""
    said = CliRunner().invoke(cli, ["--app", "app", *words], env=environment)
    assert isinstance(said.exception, SystemExit), said.exception
    assert said.exit_code in (1, 2), said.output
    return said.output


def test_make_run_call_text_and_stop(running, environment, tmp_path):
    address, said, process = running
    printed = "".join(said)
    assert f"{address}/console/" in printed
    assert f"{address}/simulator/" in printed
    accounts = dict(re.findall(r"^ +(agent|cell|officer|supervisor|administrator|monitor) +(\S+)$", printed, re.M))
    assert len(set(accounts.values())) == 6
    assert accounts["cell"] in (tmp_path / "accounts.txt").read_text()
    assert [path.name for path in tmp_path.glob("*.db*") if path.stat().st_mode & 0o077] == [], "for nobody else on this machine"
    assert list(tmp_path.glob("helpline.db"))

    filed = _flask(environment, "text", "FILE no water for three days, PIN 713101", "--from", "+919830012345")
    number = re.search(r"\b\d{3} \d{4} \d{4}\b", filed)
    assert number, filed
    assert "is under review" in _flask(environment, "text", f"STATUS {number[0]}", "--from", "+919830012345")
    assert "is under review" not in _flask(environment, "text", f"STATUS {number[0]}", "--from", "+919830054321"), "a stranger"
    assert "press" in _flask(environment, "call", "--from", "+919830012345", typed="\nhang\n")

    assert "no telephone number" in _flask(environment, "call", "--from", "xyz")
    assert "taken in" in _flask(environment, "reconcile"), "it finds the simulated carrier too"

    for _ in range(8):
        httpx.get(f"{address}/healthz")
    counted = re.findall(r'^helpline_request_seconds_count\{endpoint="healthz",status="200"\} (\d+)', httpx.get(f"{address}/metrics").text, re.M)
    assert [int(float(count)) for count in counted] == [8], "the sum over the processes, whichever answers"
    assert "helpline_worker_silent_seconds" in httpx.get(f"{address}/metrics").text

    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 0
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{address}/healthz")
    for words in (("text", "STATUS"), ("call",)):
        said = _flask(environment, *words, "--from", "+919830012345")
        assert "is it running" in said
        assert "Traceback" not in said


@pytest.mark.parametrize(("name", "value", "says"), [("HELPLINE_MODE", "production", "PUBLIC_URL: production needs"), ("HELPLINE_NONSENSE__X", "1", "nonsense"),
                                                      ("HELPLINE_CONFIG", "/nowhere.yaml", "/nowhere.yaml"), ("PORT", "abc", "PORT"), ("PORT", "0", "PORT: must be a number from 1"), ("PORT", "70000", "PORT: must be a number from 1"),
                                                      ("HELPLINE_VAR", __file__, f"{__file__}: cannot be used"), ("DATABASE_URL", "nonsense", "DATABASE_URL"),
                                                      ("DATABASE_URL", "mysql://x/y", "DATABASE_URL")])  # fmt: skip
def test_what_is_wrong_with_the_configuration_is_said_in_plain_words(environment, name, value, says):
    said = _in_process({**environment, name: value}, "check")
    assert says in said
    assert "Traceback" not in said, said


@pytest.mark.parametrize("command", ["sms-parse", "classify"])
def test_every_json_line_is_answered_whatever_stands_in_it(environment, command):
    """Half of an emoji, bytes that are no UTF-8, JSON nested without end, a mark of the byte order: one line out for each that is not empty."""
    lines = [b'\xef\xbb\xbf{"text": "HELP"}', b'{"text": "\\ud83d no water"}', b'{"text": "no \xff water"}', b"[" * 100_000, b"", b'{"text": ""}', b"no JSON", b'{"text": "LANG"}']
    ran = subprocess.run([sys.executable, "-m", "flask", "--app", "app", command], cwd=HERE, env={**environment, "PYTHONIOENCODING": "utf-8:strict"},
                         input=b"\n".join(lines), capture_output=True, timeout=60, check=False)  # fmt: skip
    assert ran.returncode == 0, ran.stderr.decode()[-500:]
    texts = [json.loads(line)["text"] for line in ran.stdout.decode().splitlines()]
    assert texts[:3] == ["HELP", "\ufffd no water", "no \ufffd water"]
    assert texts[4:] == ["", "no JSON", "LANG"]


AWAY = "postgresql://nobody@127.0.0.1:1/x"


def _serve(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "serve.py"], cwd=HERE, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(("name", "value", "says"), [("DATABASE_URL", AWAY, "cannot be reached"), ("HELPLINE_VAR", __file__, "cannot be used"), ("PORT", "70000", "PORT")])
def test_make_run_says_in_plain_words_why_it_cannot_start(environment, name, value, says):
    ran = _serve({**environment, "PORT": str(free_port()), name: value})
    assert says in ran.stderr
    assert "Traceback" not in ran.stdout + ran.stderr
    assert ran.returncode == 2


def test_a_port_that_is_taken_is_said_and_the_helpline_that_runs_is_left_alone(environment, tmp_path):
    (tmp_path / "address").write_text("http://127.0.0.1:5001\n")
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ran = _serve({**environment, "PORT": str(port)})
    assert f"Port {port} cannot be used" in ran.stderr
    assert "PORT=" in ran.stderr, "and what to do"
    assert ran.returncode == 2
    assert "worker" not in ran.stdout, "nothing was started"
    assert (tmp_path / "address").read_text() == "http://127.0.0.1:5001\n", "the telephone in the terminal finds the one that runs"


@pytest.mark.parametrize("words", [("upgrade",), ("add-user", "x", "--name", "X", "--role", "agent"), ("audit", "verify")])
def test_a_store_that_is_away_is_said_in_plain_words(environment, words):
    said = _in_process({**environment, "DATABASE_URL": AWAY}, *words)
    assert "cannot be reached" in said
    assert "Traceback" not in said


def test_the_simulated_telephones_do_not_sleep(monkeypatch):
    """At any hour an agent can be rung and an SMS arrives, unless the environment says otherwise; a real carrier has the hours of config.yaml."""
    for name in serve.HOURS:
        monkeypatch.delenv(name, raising=False)
    config = load(environ={})
    open_ = load(environ=serve.environment(config))
    midnight = datetime(2026, 11, 24, 18, 30, tzinfo=UTC)  # in Kolkata
    for hours in (open_.voice.office_hours, open_.telling.sms_hours, open_.calls.hours):
        assert all(sla.open_at(hours, midnight + timedelta(minutes=minutes)) for minutes in range(24 * 60))
    monkeypatch.setenv("HELPLINE_TELLING__SMS_HOURS", "mine")
    assert serve.environment(config)["HELPLINE_TELLING__SMS_HOURS"] == "mine"
    real = replace_simulator(config)
    assert "HELPLINE_VOICE__OFFICE_HOURS" not in serve.environment(real)


def replace_simulator(config):
    return config.model_copy(update={"simulator": config.simulator.model_copy(update={"enabled": False})})
