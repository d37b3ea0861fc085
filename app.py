"""The application: builds the runtime, registers the parts, answers for its health."""

from __future__ import annotations

import os
import time
from typing import cast

import click
from flask import Flask, Request, Response, g, redirect, request, url_for
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface

import commands
from helpline import checks, logs, metrics
from helpline.config import Config, ConfigurationError, load
from helpline.runtime import Runtime, build_runtime, utc_now
from models import engine, patience
from prompts.catalogue import CatalogueError


class ConsoleSessions(SecureCookieSessionInterface):
    """Cookies are the console's; a carrier's request has none, and need not pay for looking."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        return super().open_session(app, request) if request.path.startswith("/console") else self.session_class()


def create_app(config: Config | None = None) -> Flask:
    """The WSGI application of `config` (default: `config.yaml` and the environment).

    Raises ConfigurationError, CatalogueError or LifecycleError when something does not fit together; a command of `flask` says it instead.
    """
    try:
        return _make_app(config or load())
    except (ConfigurationError, CatalogueError, checks.LifecycleError) as error:
        if click.get_current_context(silent=True) is None:
            raise
        raise click.ClickException(f"the helpline cannot start:\n{error}") from None


def _make_app(config: Config) -> Flask:
    logs.set_up(config)
    runtime = build_runtime(config)
    checks.refuse_to_start_broken(runtime)
    app = Flask(__name__, static_folder=None)
    app.session_interface = ConsoleSessions()
    app.config.update(SECRET_KEY=config.secrets.secret_key, MAX_CONTENT_LENGTH=config.server.max_request_bytes)
    app.extensions["runtime"] = runtime
    _limit_patience(app)
    _trust_proxies(app, config)
    _count_requests(app)
    _register_parts(app, runtime)
    _register_health(app, runtime)
    commands.register(app, runtime)
    return app


def web() -> Flask:
    """The application of a web process."""
    app = create_app()
    get_ready(app.extensions["runtime"])
    return app


def get_ready(runtime: Runtime) -> None:
    """What takes a moment to make is made before the first call or message comes in."""
    from helpline import learning, places
    from sms.keywords import parse

    parse("status of my complaint")
    parse("not road, water")
    learning.classifier(runtime).classify("road")
    places.find_place("Kolkata", runtime.reference)
    runtime.calendar.is_working_day(utc_now().date())


def _limit_patience(app: Flask) -> None:
    """What carriers and watchers ask is answered within the time that they wait; people wait longer."""
    quick = ("/ivr/", "/sms/", "/readyz", "/metrics")
    app.wsgi_app = patience.patient(app.wsgi_app, lambda path: engine.WAIT if path.startswith(quick) else engine.PEOPLE_WAIT)  # type: ignore[method-assign, assignment]


def _trust_proxies(app: Flask, config: Config) -> None:
    if hops := config.server.trusted_proxies:
        from werkzeug.middleware.proxy_fix import ProxyFix

        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=0)  # type: ignore[method-assign]


def _count_requests(app: Flask) -> None:
    @app.before_request
    def begin() -> None:
        g.began = time.perf_counter()

    @app.after_request
    def end(response: Response) -> Response:
        metrics.observe(request.endpoint or "none", response.status_code, time.perf_counter() - g.began)
        return response


def _register_parts(app: Flask, runtime: Runtime) -> None:
    import agent_console
    import ivr.routes
    import sms.routes

    app.register_blueprint(ivr.routes.create_blueprint(runtime))
    app.register_blueprint(sms.routes.create_blueprint(runtime))
    agent_console.register(app, runtime)
    if runtime.config.simulator.enabled:
        from simulator.web import create_blueprint

        app.register_blueprint(create_blueprint(commands.simulator_settings(runtime.config)))


def _register_health(app: Flask, runtime: Runtime) -> None:
    @app.get("/")
    def front_door() -> Response:
        """Who types the bare address is looking for the console."""
        return cast(Response, redirect(url_for("console.home")))

    @app.get("/healthz")
    def healthz() -> Response:
        """The process answers."""
        return Response("ok\n", mimetype="text/plain")

    @app.get("/readyz")
    def readyz() -> Response:
        """The store is reachable, migrated and takes what is written; 503 with the faults otherwise. What waits in the journal, and
        which disks are nearly full, is told in either case."""
        found = checks.readiness(runtime)
        said = [*(found or ["ok"]), *checks.full_disks(runtime), *checks.journal_notes(runtime)]
        return Response("\n".join(said) + "\n", status=503 if found else 200, mimetype="text/plain")

    @app.get("/metrics")
    def metrics_page() -> Response:
        """For Prometheus: open in development, behind METRICS_TOKEN (Bearer) in production."""
        if not metrics.may_read(runtime.config, request.headers.get("Authorization", "")):
            return Response("unauthorised\n", status=401, mimetype="text/plain")
        return Response(metrics.render(runtime), mimetype="text/plain; version=0.0.4; charset=utf-8")


os.environ.setdefault("FLASK_SKIP_DOTENV", "1")
