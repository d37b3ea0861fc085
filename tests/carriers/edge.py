"""A carrier's HTTP edge: a real server that keeps what it is sent, and answers as it is told, also badly."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Got:
    path: str
    headers: dict
    body: bytes


class Edge:
    """`answers`: (status, body), (status, body, content type) or (status, body, content type, headers), the last of them again and
    again; "silence" or "reset"; or a function of what came."""

    def __init__(self, *answers):
        self.answers, self.got = list(answers), []

    def __enter__(self):
        edge = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                edge._answer(self, edge.asked(self.path))

            def do_POST(self):
                edge.got.append(Got(self.path, dict(self.headers), self.rfile.read(int(self.headers.get("Content-Length") or 0))))
                answer = edge.answers.pop(0) if len(edge.answers) > 1 else edge.answers[0]
                edge._answer(self, answer(edge.got[-1]) if callable(answer) else answer)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    @property
    def base(self):
        return f"http://127.0.0.1:{self.server.server_port}"

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}/send"

    def asked(self, path):
        return 404, ""

    @staticmethod
    def _answer(handler, answer):
        if answer == "silence":
            time.sleep(1)
            return
        if answer == "reset":
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            handler.connection.close()
            return
        status, body, *kind = answer
        content = body.encode()
        handler.send_response(status)
        handler.send_header("Content-Type", kind[0] if kind else "text/plain")
        for name, value in (kind[1] if len(kind) > 1 else {}).items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)


class Accounts(Edge):
    """A Twilio-compatible server: what it took is listed afterwards. `troubles`: how each message in turn is answered, "" for well;
    with "taken" in it the message is on its way all the same. Then all goes well. `lists`: how it answers who asks what it has."""

    def __init__(self, *troubles, lists=()):
        super().__init__(self._create)
        self.troubles, self.lists, self.taken, self._turn = list(troubles), list(lists), [], threading.Lock()
        self.clock = lambda: datetime.now(UTC)

    def _create(self, got):
        form = {name: values[0] for name, values in parse_qs(got.body.decode()).items()}
        with self._turn:
            trouble = self.troubles.pop(0) if self.troubles else ""
            if not trouble or "taken" in trouble:
                row = {"sid": f"SM{len(self.taken):032x}", "to": form["To"], "body": form["Body"], "status": "queued", "date_created": format_datetime(self.clock())}
                self.taken.append(row)
        return self._troubled(trouble) if trouble else (201, json.dumps(self.taken[-1]), "application/json")

    @staticmethod
    def _troubled(trouble):
        kind = trouble.removesuffix(" taken")
        if kind in ("silence", "reset"):
            return kind
        if kind.isdigit():
            return int(kind), json.dumps({"code": 20000 + int(kind), "message": "no", "status": int(kind)}), "application/json"
        return {
            "slow down": (429, json.dumps({"code": 20429, "message": "slow down", "status": 429}), "application/json", {"Retry-After": "40"}),
            "page": (200, "<html>Sign in to the network</html>", "text/html"),
            "elsewhere": (302, "", "text/html", {"Location": "https://elsewhere.example/"}),
            "nothing": (201, "", "application/json"),
            "half": (201, '{"sid": "SM', "application/json"),
            "list": (201, "[]", "application/json"),
            "no id": (201, '{"status": "queued"}', "application/json"),
            "no page": (503, "<html>", "text/html"),
        }[kind]

    def asked(self, path):
        trouble = self.lists.pop(0) if self.lists else ""
        if trouble:
            return self._troubled(trouble)
        wanted = parse_qs(urlsplit(path).query).get("To", [""])[0]
        rows = [row for row in reversed(self.taken) if row["to"] == wanted]
        return 200, json.dumps({"messages": rows, "page": 0, "page_size": 200, "next_page_uri": None}), "application/json"

    @property
    def texts(self):
        return [row["body"] for row in self.taken]
