"""Staff who sign in, over the real application; and a real browser on a real port."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import get_ready
from helpline import people
from helpline.lifecycle import STAFF_ROLES

PASSWORD = "a long pass-phrase"


class Staff:
    """Somebody of the staff with a browser, without scripts."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def get(self, path: str, **values: Any) -> Any:
        return self.client.get(path, **values)

    def post(self, path: str, data: dict[str, Any] | None = None, *, token: bool = True) -> Any:
        form = dict(data or {})
        if token:
            form["csrf_token"] = self.token()
        return self.client.post(path, data=form)

    def token(self) -> str:
        page = self.client.get("/console/password").text
        if "csrf" not in page:
            page = self.client.get("/console/sign-in").text
        return re.search(r'name="csrf" content="([^"]+)"', page)[1]  # type: ignore[index]

    def signs_in(self, username: str, password: str = PASSWORD) -> Any:
        page = self.client.get("/console/sign-in").text
        token = re.search(r'name="csrf" content="([^"]+)"', page)[1]  # type: ignore[index]
        return self.client.post("/console/sign-in", data={"csrf_token": token, "username": username, "password": password})


@pytest.fixture
def accounts(app: Flask) -> None:
    runtime = app.extensions["runtime"]
    for role in STAFF_ROLES:
        people.add(runtime, username=role, name=f"Test {role}", role=role, password=PASSWORD, must_change_password=False,
                   office_code="pwd" if role == "officer" else None)  # fmt: skip


@pytest.fixture
def staff(app: Flask, accounts: None) -> Any:
    def somebody(role: str | None = None) -> Staff:
        one = Staff(app.test_client())
        if role:
            assert one.signs_in(role).status_code == 302
            one.post("/console/language")  # to English
        return one

    return somebody


@pytest.fixture
def live(app: Flask, accounts: None) -> Iterator[str]:
    """The address of the application, served on a free port."""
    from werkzeug.serving import make_server

    get_ready(app.extensions["runtime"])  # no page waits for that
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    let_the_carrier_finish()
    server.shutdown()
    server.server_close()
    thread.join()


def let_the_carrier_finish() -> None:
    """What the simulated carrier was asked to do in a moment is done before its store goes."""
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):
            thread.join(timeout=10)
