"""A real Kannel with its fake SMS centre: the configuration that docs/kannel.md shows, on free ports."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path
from urllib.parse import quote_plus, unquote_to_bytes

ROOT = Path(__file__).parent.parent.parent
BEARERBOX, SMSBOX, FAKESMSC = "/usr/sbin/bearerbox", "/usr/sbin/smsbox", "/usr/lib/kannel/test/fakesmsc"
PASSWORD, SECRET = "password-of-the-tests", "secret-of-the-tests"


def free_ports(count):
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def until(what, seconds=30):
    """The first true value of `what`; a test that waits in vain fails."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := what():
            return found
        time.sleep(0.05)
    raise AssertionError("waited in vain")


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Kannel:
    """bearerbox and smsbox, begun and ended; `helpline` is the port of the application."""

    def __init__(self, directory, helpline, sendsms, by="post"):
        self.admin, self.boxes, self.smsc = free_ports(3)
        self.directory, self.sendsms, self.helpline, self.running = directory, sendsms, helpline, []
        (directory / "messages").mkdir()
        (directory / "reports").mkdir()
        self.file = directory / "kannel.conf"
        self.file.write_text(self.configuration(by), encoding="utf-8")

    def configuration(self, by):
        """The documented one, with our ports and directories, and the fake SMS centre for the operator's."""
        page = (ROOT / "docs" / "kannel.md").read_text(encoding="utf-8")
        text = re.search(r"```kannel\.conf\n(.*?)```", page, re.S)[1]
        if by == "get":
            text = re.sub(r"post-url = .*", re.search(r"    (get-url = .*)", page)[1], text)
        smsc = re.search(r"group = smsc\n.*?\n\n", text, re.S)[0]
        text = text.replace(smsc, f"group = smsc\nsmsc = fake\nsmsc-id = operator\nport = {self.smsc}\nconnect-allow-ip = 127.0.0.1\n\n")
        for before, after in (("= 13000", f"= {self.admin}"), ("= 13001", f"= {self.boxes}"), ("= 13013", f"= {self.sendsms}"), ("127.0.0.1:5000", f"127.0.0.1:{self.helpline}"),
                              ("/var/log/kannel", str(self.directory)), ("/var/spool/kannel", str(self.directory)), ("KANNEL-PASSWORD", PASSWORD),
                              ("KANNEL-SECRET", SECRET), ("log-level = 1", "log-level = 0"),
                              ("store-type", f'access-log = "{self.directory}/access.log"\nstore-type'), ("http-queue-delay = 30", "http-queue-delay = 1")):  # fmt: skip
            assert before in text, before
            text = text.replace(before, after)
        return text

    def __enter__(self):
        for binary, port in ((BEARERBOX, self.boxes), (SMSBOX, self.sendsms)):
            self.running.append(subprocess.Popen([binary, str(self.file)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.directory))
            until(lambda port=port: listens(port))
        return self

    def __exit__(self, *_):
        for process in reversed(self.running):
            process.send_signal(signal.SIGTERM)
        for process in self.running:
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


class Phone:
    """The telephones behind the fake SMS centre: they send, and read what comes."""

    def __init__(self, kannel):
        self.kannel, self.got, self._parts = kannel, [], {}

    def __enter__(self):
        command = [FAKESMSC, "-H", "127.0.0.1", "-r", str(self.kannel.smsc)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8")
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        until(lambda: "Fakesmsc client connected" in (self.kannel.directory / "bearerbox.log").read_text(errors="replace"))
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._reader.join(timeout=10)
        self._process.__exit__(None, None, None)

    def sends(self, number, text):
        kind, body = ("text", text) if max(text) < "\u0900" or "€" in text else ("ucs2", quote_plus(text.encode("utf-16-be")))
        before = self._arrived()
        self._types(f"{number} 56070 {kind} {body}\n")
        until(lambda: self._arrived() > before or self._types("\n"))  # it reads a long line to its end only when more comes

    def _types(self, text):
        self._process.stdin.write(text)
        self._process.stdin.flush()
        time.sleep(0.1)

    def _arrived(self):
        return (self.kannel.directory / "bearerbox.log").read_text(errors="replace").count("smsc_fake: new message received")

    def reads(self, number, having=""):
        """What comes for `number` and has these words in it."""
        return until(lambda: next((text for sender, to, text in self.got if to == number and having in text), None))

    def _read(self):
        for line in self._process.stdout:
            if found := re.search(r"Got message \d+: <(\S+) (\S+) (.*)>$", line):
                self._take(*found.groups())

    def _take(self, sender, to, content):
        kind, _, body = content.partition(" ")
        if kind == "udh":
            header, _, body = body.partition(" data ")
            _, _, _, reference, total, number = unquote_to_bytes(header.replace("+", " "))
            parts = self._parts.setdefault((to, reference), {})
            parts[number] = unquote_to_bytes(body.replace("+", " "))
            if len(parts) == total:
                whole = b"".join(parts[n] for n in sorted(parts))
                self.got.append((sender, to, whole.decode("utf-16-be") if b"\t" in whole or b"\x00" in whole else whole.decode()))
        elif kind == "ucs-2":
            self.got.append((sender, to, unquote_to_bytes(body.replace("+", " ")).decode("utf-16-be")))
        else:
            self.got.append((sender, to, body))
