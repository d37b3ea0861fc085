"""A carrier's HTTP edge: a real server that keeps what it is sent, and answers as it is told."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Got:
    path: str
    headers: dict
    body: bytes


class Edge:
    """`answers`: (status, body) or (status, body, content type), the last of them again and again; or a function of what came."""

    def __init__(self, *answers):
        self.answers, self.got = list(answers), []

    def __enter__(self):
        edge = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

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
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}/send"

    @staticmethod
    def _answer(handler, answer):
        if answer == "silence":
            time.sleep(1)
            return
        status, body, *kind = answer
        content = body.encode()
        handler.send_response(status)
        handler.send_header("Content-Type", kind[0] if kind else "text/plain")
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)
