"""The command line: `flask upgrade`, `flask worker`, `flask check`, `flask call`, `flask text`, `flask sms-parse`, …"""

from __future__ import annotations

import io
import json
import mimetypes
import os
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from flask import Flask

from helpline import carriers_in_use, checks, lifecycle, numbers, people, seals, sla, store, templates
from helpline.config import ROOT, Config
from helpline.runtime import Runtime, utc_now

if TYPE_CHECKING:
    from simulator.settings import Settings

FALLBACK = ROOT / "docs" / "fallback"
T = TypeVar("T")
DEMO_ROLES = ("agent", "cell", "officer", "supervisor", "administrator", "monitor")


def simulator_settings(config: Config) -> Settings:
    """The simulated carrier, told where this helpline is and with which account it signs."""
    from simulator.settings import Settings

    return Settings(
        public_url=config.public_url,
        account_sid=config.secrets.twilio_account_sid,
        auth_token=config.secrets.twilio_auth_token,
        helpline_number=config.helpline.number,
        database=config.simulator.database,
        engine=config.carriers.voice_engine,
    )


def register(app: Flask, runtime: Runtime) -> None:
    """Give `app` the commands. Each is a thin reader of arguments around one function."""
    for adder in (_store_commands, _people_commands, _text_commands, _phone_commands, _voice_commands, _running_commands):
        adder(app, runtime)


def _reached(do: Callable[[], T], runtime: Runtime) -> T:
    try:
        with store.reaching(runtime.engine):
            return do()
    except store.Unreachable as error:
        raise click.ClickException(str(error)) from None


def _needs_tables(runtime: Runtime) -> None:
    """End in plain words where the store is away, was never migrated, or not since the helpline was renewed."""
    if not _reached(lambda: store.is_migrated(runtime.engine), runtime):
        raise click.ClickException("the store is not migrated: run `flask upgrade` first, then this again")


def _store_commands(app: Flask, runtime: Runtime) -> None:
    @app.cli.command("upgrade")
    def upgrade() -> None:
        """Migrate the store to the newest version."""
        _reached(lambda: store.upgrade(runtime.engine), runtime)
        click.echo(f"The store is at version {store.newest_revision()}.")

    @app.cli.command("report")
    @click.option("--month", required=True, help="2026-10")
    @click.option("--language", type=click.Choice(["bn", "en"]), default="bn", show_default=True)
    @click.option("--out", type=click.Path(dir_okay=False, path_type=Path), default=None, help="report-<month>-<language>.pdf unless given")
    def monthly_report(month: str, language: str, out: Path | None) -> None:
        """The printable report of a month, for the whole state, as PDF."""
        from agent_console import report

        begins = report.month_of(month)
        if begins is None:
            raise click.ClickException(f"{month} is not a month: write it as 2026-10")
        if not report.has_begun(begins, utc_now()):
            raise click.ClickException(f"{month} has not begun yet")
        _needs_tables(runtime)
        path = out or Path(f"report-{begins:%Y-%m}-{language}.pdf")
        path.write_bytes(report.make(runtime, begins, language, utc_now()))
        click.echo(path)

    @app.cli.command("count-anew")
    def count_anew() -> None:
        """Make the dashboards' sums from the beginning. Needed only for a store that was filled in another way."""
        from helpline.figures import upkeep

        _needs_tables(runtime)
        with runtime.writing() as db:
            upkeep.count_anew(db)
        click.echo("Counted.")

    @app.cli.command("lifecycle")
    def show_lifecycle() -> None:
        """The life of a complaint as a table (docs/lifecycle.md)."""
        click.echo(lifecycle.as_markdown(), nl=False)

    @app.cli.command("check")
    def check() -> None:
        """Say in plain words what is missing or inconsistent. Ends with 1 when something is."""
        found = checks.everything(runtime)
        for fault in found:
            click.echo(f"- {fault}")
        click.echo("Everything fits together." if not found else f"{len(found)} to mend.")
        sys.exit(1 if found else 0)

    @app.cli.group("audit")
    def audit() -> None:
        """Proofs over what was done."""

    @audit.command("verify")
    def verify() -> None:
        """Recompute every complaint's chain of hashes and the audit's seals. Ends with 1 when something was changed."""
        _needs_tables(runtime)
        broken = checks.broken_chains(runtime)
        for complaint_id, seqs in broken:
            click.echo(f"complaint {complaint_id}: events {seqs} do not follow from what stands before them")
        torn = seals.broken(runtime)
        for first, last in torn:
            click.echo(f"audit: rows {first} to {last} are not what was sealed")
        click.echo("Every chain is whole." if not broken and not torn else f"{len(broken)} chains and {len(torn)} seals are broken.")
        sys.exit(1 if broken or torn else 0)


def _people_commands(app: Flask, runtime: Runtime) -> None:
    @app.cli.command("add-user")
    @click.argument("username")
    @click.option("--name", required=True)
    @click.option("--role", required=True, type=click.Choice(DEMO_ROLES))
    @click.option("--office", default=None, help="code of reference/offices.csv; for officers")
    @click.option("--password", envvar="HELPLINE_NEW_PASSWORD", default=None, help="made and printed unless given")
    def add_user(username: str, name: str, role: str, office: str | None, password: str | None) -> None:
        """Add somebody who may sign in to the console."""
        _needs_tables(runtime)
        word = password or secrets.token_urlsafe(9)
        people.add(runtime, username=username, name=name, role=role, office_code=office, password=word)
        click.echo(f"{username}: {word if not password else 'added'}")

    @app.cli.command("demo-accounts")
    def demo_accounts() -> None:
        """One account for each role, with random passwords, printed and kept in var/accounts.txt (development only)."""
        if runtime.config.is_production:
            raise click.ClickException("demonstration accounts are made in development only")
        _needs_tables(runtime)
        click.echo(people.demo_accounts(runtime, runtime.config.var / "accounts.txt"))

    @app.cli.command("demo")
    @click.option("--complaints", "count", type=click.IntRange(min=1), default=4000, show_default=True)
    @click.option("--seed", default=1, show_default=True, help="another seed, other complaints")
    def demo(count: int, seed: int) -> None:
        """A year of invented complaints, plainly marked, made through the rules (development only)."""
        from helpline import demonstration

        _needs_tables(runtime)
        click.echo(f"Making {count} invented complaints of the last year: this takes some minutes.")
        try:
            states = demonstration.make(runtime, utc_now(), count=count, seed=seed)
        except demonstration.NotHere:
            raise click.ClickException("demonstration data is made in development only") from None
        click.echo(", ".join(f"{number} {state}" for state, number in states.items() if number))
        click.echo(f"Staff: demo-supervisor, demo-monitor, demo-phe-305, …; their password is in {runtime.config.var / 'demonstration.txt'}")


def _text_commands(app: Flask, runtime: Runtime) -> None:
    @app.cli.command("sms-parse")
    def sms_parse() -> None:
        """JSON lines {"text": …} on standard input to JSON lines with what the text line understands."""
        from sms.keywords import understand

        _map_lines(understand)

    @app.cli.command("classify")
    def classify() -> None:
        """JSON lines {"text": …} on standard input to JSON lines with category and district."""
        from helpline.classify import describe

        _map_lines(describe)


    @app.cli.group("sms")
    def sms() -> None:
        """What the text line sends."""

    @sms.command("templates")
    @click.option("--csv", "as_csv", is_flag=True, help="the list for TRAI's register, as CSV")
    @click.option("--registered", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="a CSV of what was registered, to compare with")
    def sms_templates(as_csv: bool, registered: Path | None) -> None:
        """Every SMS template: parts and cost by language. With --registered ends with 1 when something differs."""
        if registered is None:
            click.echo(templates.as_csv(runtime) if as_csv else templates.as_table(runtime), nl=not as_csv)
            return
        try:
            found = templates.differences(runtime, templates.read_registered(registered))
        except templates.NotReadable as error:
            raise click.ClickException(str(error)) from None
        for difference in found:
            click.echo(f"- {difference}")
        click.echo("What we send is what was registered." if not found else f"{len(found)} to mend.")
        sys.exit(1 if found else 0)


def _map_lines(function: Callable[[str], dict[str, Any]]) -> None:
    """One line out for each line in that is not empty; what is no JSON is a text itself."""
    for line in io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8-sig", errors="replace"):
        if line.strip():
            try:
                given = json.loads(line)
            except (ValueError, RecursionError):
                given = {"text": line.rstrip("\n")}
            text = str((given.get("text") if isinstance(given, dict) else given) or "")
            whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")  # half a character, which JSON can escape, is none
            click.echo(json.dumps(function(whole), ensure_ascii=False))


def _telephone(_context: click.Context, _option: click.Parameter, given: str) -> str:
    """As a carrier writes it; `anonymous` withholds it."""
    number = given if given == "anonymous" else numbers.e164(given)
    if number is None:
        raise click.BadParameter(f"{given} is no telephone number; `anonymous` withholds it")
    return number


@contextmanager
def _plainly() -> Iterator[None]:
    """That no helpline answers is said, without where in the program it was found."""
    from simulator.terminal import NoAnswer

    try:
        yield
    except NoAnswer as error:
        raise click.ClickException(str(error)) from None


def _phone_commands(app: Flask, runtime: Runtime) -> None:
    @app.cli.command("call")
    @click.option("--from", "number", default="+919830012345", show_default=True, callback=_telephone, help="the number that calls")
    def call(number: str) -> None:
        """Telephone the running helpline from this terminal."""
        from simulator import terminal

        with _plainly():
            terminal.call(_simulator(runtime.config), number, sys.stdin, sys.stdout)

    @app.cli.command("answer")
    @click.option("--from", "number", default="+919830012345", show_default=True, callback=_telephone, help="the number that is called")
    def answer(number: str) -> None:
        """Wait for a call of the running helpline's and answer it in this terminal."""
        from simulator import terminal

        with _plainly():
            terminal.wait_for_call(_simulator(runtime.config), number, sys.stdin, sys.stdout)

    @app.cli.command("text")
    @click.argument("body", default="")
    @click.option("--from", "number", default="+919830012345", show_default=True, callback=_telephone, help="the number that texts")
    @click.option("--media", "paths", type=click.Path(exists=True, dir_okay=False, path_type=Path), multiple=True, help="a picture or PDF to send along")
    def text(body: str, number: str, paths: tuple[Path, ...]) -> None:
        """Send the running helpline an SMS, with pictures if you like, and print what comes back."""
        from simulator import terminal

        media = [(mimetypes.guess_type(path.name)[0] or "application/octet-stream", path.read_bytes()) for path in paths]
        with _plainly():
            terminal.text(_simulator(runtime.config), number, body, sys.stdout, media=media)


def _voice_commands(app: Flask, runtime: Runtime) -> None:
    @app.cli.command("tree")
    @click.option("--language", type=click.Choice(["bn", "en", "hi"]), default="en", show_default=True)
    @click.option("--svg", "picture", type=click.Path(dir_okay=False, path_type=Path), default=None, help="write a picture to this file instead")
    def tree(language: str, picture: Path | None) -> None:
        """Draw the call tree, with the seconds that each part and the quickest ways take."""
        from ivr import drawing
        from ivr.speaking import Speaker

        drawn = drawing.Drawing(Speaker(runtime), language)
        if picture is None:
            click.echo(drawn.text(), nl=False)
        else:
            picture.write_text(drawing.svg(drawn), encoding="utf-8")
            click.echo(f"Drawn to {picture}.")

    @app.cli.group("prompts")
    def prompts() -> None:
        """Recorded prompts: the studio's list, what there is, a synthetic set to review."""

    languages = click.option("--language", "languages", multiple=True, type=click.Choice(["bn", "en", "hi"]), help="one of them, repeatable; all unless given")

    @prompts.command("script")
    @languages
    @click.option("--csv", "as_table", is_flag=True, help="as a table: id, language, text, file, seconds, sentence")
    def prompts_script(languages: tuple[str, ...], as_table: bool) -> None:
        """What a studio records: every file that can be played, and its words."""
        from ivr import studio

        lines = studio.script(runtime, utc_now().year, languages or runtime.config.helpline.languages)
        click.echo(studio.as_csv(lines) if as_table else studio.as_text(lines), nl=False)

    @prompts.command("check")
    @languages
    def prompts_check(languages: tuple[str, ...]) -> None:
        """Find recordings that are missing, silent, clipped, too long, of another format, or played by nobody. Ends with 1 when there are any."""
        from ivr import studio
        from ivr.recorded import audio_directory

        directory = audio_directory(runtime.config)
        lines = studio.script(runtime, utc_now().year, languages or runtime.config.helpline.languages)
        found = studio.check(directory, lines)
        for sentence in [*found, *studio.coverage(directory, lines)]:
            click.echo(f"- {sentence}")
        if studio.is_synthetic(runtime.config):
            click.echo(f"- {directory}: {studio.MARKED.strip()}")
        sys.exit(1 if found else 0)

    @prompts.command("render")
    @languages
    @click.option("--to", "directory", type=click.Path(file_okay=False, path_type=Path), default=None, help="unless given: prompts-audio in var/")
    def prompts_render(languages: tuple[str, ...], directory: Path | None) -> None:
        """Speak the script with espeak-ng: a set to review until there are studio recordings, marked as synthetic."""
        from ivr import studio

        directory = directory or runtime.config.var / "prompts-audio"
        lines = studio.script(runtime, utc_now().year, languages or runtime.config.helpline.languages)
        try:
            studio.render(directory, lines)
        except studio.NoVoice:
            raise click.ClickException("espeak-ng is not installed: sh .ci/install-espeak") from None
        click.echo(f"{len(lines)} recordings in {directory}. To hear them: HELPLINE_VOICE__AUDIO_DIR={directory} make run")


def _simulator(config: Config) -> Settings:
    if not config.simulator.enabled:
        raise click.ClickException("the simulated telephone is off (simulator.enabled)")
    return replace(simulator_settings(config), public_url=_running_at(config))


def _running_at(config: Config) -> str:
    """Where `make run` serves the helpline, unless the environment says it."""
    if os.environ.get("PORT") or os.environ.get("PUBLIC_URL"):
        return config.public_url
    try:
        return (config.var / "address").read_text().strip() or config.public_url
    except FileNotFoundError:
        return config.public_url


def _running_commands(app: Flask, runtime: Runtime) -> None:
    @app.cli.command("worker")
    @click.option("--once", is_flag=True, help="do what is due now, then end")
    def worker(once: bool) -> None:
        """Send what is owed, fetch recordings, translate, escalate: until Ctrl-C."""
        from helpline import worker as jobs
        from sms.routes import take_up

        if once:
            jobs.run_once(runtime, utc_now(), take_up={"sms": take_up}, take_in=take_in())
        else:
            jobs.run(runtime, take_up={"sms": take_up}, take_in=take_in())

    @app.cli.command("journal")
    def journal() -> None:
        """Take in what carriers sent to this machine while the store was away (the worker does so by itself); say what is left."""
        from helpline import worker as jobs

        done, left = jobs.take_in_journal(runtime, take_in()), runtime.journal.backlog()
        click.echo(f"{done} taken in, {left.waiting} wait, {left.failed} failed (see {runtime.config.storage.journal}).")
        sys.exit(1 if left.waiting or left.failed else 0)


    @app.cli.command("reconcile")
    @click.option("--since", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"]), default=None, help="in India; else since the last time")
    def reconcile_(since: datetime | None) -> None:
        """Ask the carrier for calls, recordings and messages that did not reach us, and take them in (the worker does so by itself)."""
        from carriers.base import CarrierError
        from helpline import reconcile

        handlers = {kind: partial(handler, runtime) for kind, handler in take_in().items()}
        config = runtime.config.model_copy(update={"public_url": _running_at(runtime.config)}) if runtime.config.simulator.enabled else runtime.config
        history, now = carriers_in_use.history(config), utc_now()
        try:
            if since is None:
                found = reconcile.work(runtime, history, handlers, now)
            else:
                found = reconcile.take_in(runtime, history, handlers, since.replace(tzinfo=sla.IST), now + history.clock_ahead())
        except CarrierError as error:
            raise click.ClickException(f"the carrier could not be asked ({error.code}); what was taken in stays") from None
        click.echo(f"Missed and taken in: {found}." if found is not None else "A worker is asking the carrier just now.")

    @app.cli.command("fallback")
    @click.option("--to", "directory", type=click.Path(path_type=Path), default=FALLBACK, show_default=True)
    def fallback(directory: Path) -> None:
        """Write what the carrier says by itself when this server cannot be reached: host the files anywhere else."""
        directory.mkdir(parents=True, exist_ok=True)
        for name, document in fallback_documents(runtime).items():
            (directory / name).write_text(document, encoding="utf-8")
            click.echo(directory / name)


def fallback_documents(runtime: Runtime) -> dict[str, str]:
    """File name → TwiML, of the voice line and of the text line."""
    import ivr.fallback
    import sms.routes

    return {**ivr.fallback.documents(runtime), "sms.xml": sms.routes.fallback_document(runtime)}


def take_in() -> dict[str, Any]:
    """Who takes in what the journal kept."""
    import ivr.routes
    import sms.routes

    return {"voice": ivr.routes.take_in, "message": sms.routes.take_in_message, "report": sms.routes.take_in_report}
