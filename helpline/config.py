"""Configuration: `config.yaml`, overridden by the environment, checked and frozen.

Secrets (`SECRET_KEY`, `TWILIO_ACCOUNT_SID`, `TWILIO_AUTH_TOKEN`) come from the environment alone. In development those
that are missing are made once and kept in `var/secrets.json`; production refuses to start without them.
"""

from __future__ import annotations

import json
import os
import re
import secrets as token
from datetime import time
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator

from carriers import guard

Language = Literal["bn", "en", "hi"]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
ROOT = Path(__file__).resolve().parent.parent


class ConfigurationError(Exception):
    """The configuration cannot be used; the message says which setting and what to do."""


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _addresses(value: tuple[str, ...]) -> tuple[str, ...]:
    guard.networks(value)  # raises ValueError
    return value


Addresses = Annotated[tuple[str, ...], AfterValidator(_addresses)]


class Helpline(Section):
    name_en: str
    name_bn: str
    name_hi: str
    short_name: str = Field(max_length=20)
    number: str
    sms_number: str
    display_number: str
    languages: tuple[Language, ...]
    default_language: Language
    emergency_number: str

    def name(self, language: str) -> str:
        return str(getattr(self, f"name_{language}", self.name_en))


class Database(Section):
    url: str
    pool_size: int = Field(ge=1)


class Server(Section):
    processes: int = Field(ge=1)
    trusted_proxies: int = Field(ge=0)
    max_request_bytes: int = Field(ge=10_000)


class TextCarrier(Section):
    """What every carrier of outgoing SMS has. `entity_id` and `header` are of TRAI's register; "" means those of `sms`."""

    timeout_seconds: float = Field(gt=0)
    per_second: float = Field(gt=0, le=1000)
    max_characters: int = Field(ge=160)
    entity_id: str = ""
    header: str = ""
    templates_required: bool = False


class Twilio(TextCarrier):
    api_base: str
    app_sid: str
    check_signatures: bool
    media_hosts: tuple[str, ...]


class Kannel(TextCarrier):
    url: str
    username: str
    report_url: str
    allow: Addresses


class Cdac(TextCarrier):
    url: str
    username: str


class MobileSeva(Section):
    allow: Addresses
    keywords: tuple[str, ...]


class Aggregator(TextCarrier):
    url: str
    format: Literal["json", "form"]
    timestamp_header: str
    signature_header: str
    replay_seconds: int = Field(ge=1, le=3600)
    numbers: Literal["e164", "digits"]
    outgoing: dict[str, str]
    constant: dict[str, str]
    answer: dict[str, str]
    incoming: dict[str, str]
    report: dict[str, str]
    statuses: dict[str, Literal["accepted", "sent", "delivered", "failed"]]
    errors: dict[str, Literal["retry", "ours", "permanent", "stopped"]]


Inbound = Literal["simulator", "twilio", "kannel", "mobile_seva", "aggregator"]
Outbound = Literal["simulator", "twilio", "kannel", "cdac", "aggregator"]


class Carriers(Section):
    voice: Literal["simulator", "twilio"]
    voice_engine: Literal["twilio", "somleng"]
    inbound_sms: tuple[Inbound, ...]
    outbound_sms: tuple[Outbound, ...] = Field(min_length=1)
    rest_seconds: int = Field(ge=0)
    twilio: Twilio
    kannel: Kannel
    cdac: Cdac
    mobile_seva: MobileSeva
    aggregator: Aggregator

    @field_validator("inbound_sms", "outbound_sms", mode="before")
    @classmethod
    def _one_is_a_list(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @property
    def chosen(self) -> frozenset[str]:
        """Every carrier that is in use for anything."""
        return frozenset({self.voice, *self.inbound_sms, *self.outbound_sms})

    def sending(self, name: str) -> TextCarrier:
        """The section of a carrier of outgoing SMS; the simulator speaks as Twilio does."""
        section: TextCarrier = getattr(self, "twilio" if name == "simulator" else name)
        return section


class Hours(Section):
    """Opening hours on the named days, Asia/Kolkata."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
    days: tuple[Day, ...]
    from_: time = Field(alias="from")
    to: time

    @field_validator("to")
    @classmethod
    def _ends_after_start(cls, value: time, info: Any) -> time:
        if value <= info.data.get("from_", time(0)):
            raise ValueError("'to' must be later than 'from'")
        return value


class Line(Section):
    """A number with opening hours of its own."""

    office_hours: Hours
    closed_on_holidays: bool = False


class Voice(Section):
    voices: dict[Language, str]
    somleng_voices: dict[Language, str]
    speech_recognition: bool
    gather_timeout_seconds: int = Field(ge=1, le=60)
    record_max_seconds: int = Field(ge=10, le=600)
    name_max_seconds: int = Field(ge=3, le=60)
    agent_numbers: tuple[str, ...]
    agent_ring_seconds: int = Field(ge=5, le=120)
    office_hours: Hours
    closed_on_holidays: bool
    lines: dict[str, Line]
    call_silent_minutes: int = Field(ge=1)
    audio_dir: str


class Callbacks(Section):
    """Calls that ended before what the caller came for was done."""

    after_seconds: int = Field(ge=0, le=600)
    promise_minutes: int = Field(ge=1)
    retry_minutes: int = Field(ge=1)
    max_tries: int = Field(ge=1, le=20)
    claim_minutes: int = Field(ge=1)
    continue_minutes: int = Field(ge=0)
    missed_seconds: int = Field(ge=0)
    missed_sms_hours: int = Field(ge=1, le=40)
    unnamed_categories: tuple[str, ...]


class Queue(Section):
    ring_seconds: int = Field(ge=5, le=120)
    wrap_up_seconds: int = Field(ge=0)
    unseen_seconds: int = Field(ge=10)
    any_language_seconds: int = Field(ge=0)
    target_seconds: int = Field(ge=1)
    announce_seconds: int = Field(ge=5)
    most_waiting: int = Field(ge=1)
    listening_in: bool


class Reconcile(Section):
    """Asking the carrier what was missed."""

    minutes: int = Field(ge=0)
    after_minutes: int = Field(ge=0)


class Fairness(Section):
    messages_per_hour: int = Field(ge=1)
    messages_per_day: int = Field(ge=1)
    calls_per_hour: int = Field(ge=1)
    calls_per_day: int = Field(ge=1)
    complaints_per_day: int = Field(ge=1)
    summary_minutes: int = Field(ge=5, le=1440)
    behind_seconds: int = Field(ge=0, le=1800)
    helper_replies_per_hour: int = Field(ge=1)
    decision_days: int = Field(ge=1, le=366)


class Sms(Section):
    replies_per_hour: int = Field(ge=1)
    conversation_minutes: int = Field(ge=1)
    correction_minutes: int = Field(ge=0)
    parts_seconds: int = Field(ge=0, le=600)
    marked_parts_minutes: int = Field(ge=0, le=1440)
    dlt_entity_id: str
    dlt_header: str
    cost_per_segment: float = Field(ge=0)


class StatusLookups(Section):
    per_caller_per_hour: int = Field(ge=1)


class Casework(Section):
    working_hours: Hours
    escalate_after_share: float = Field(gt=0)
    max_transfers: int = Field(ge=0)
    report_min_characters: int = Field(ge=0)
    officers_by_sms: bool
    answer_days: int = Field(ge=1)
    news_days: int = Field(ge=1)
    feedback_days: int = Field(ge=1)
    reopen_days: int = Field(ge=1)
    similar_days: int = Field(ge=1)


class Telling(Section):
    sms_hours: Hours


class Calls(Section):
    enabled: bool
    hours: Hours
    per_minute: int = Field(ge=1, le=600)
    at_once: int = Field(ge=1)
    ring_seconds: int = Field(ge=10, le=120)
    first_after_minutes: int = Field(ge=0)
    retry_minutes: tuple[int, ...] = Field(min_length=1)
    heard_after_seconds: int = Field(ge=1)
    answering_machine: Literal["hang_up", "leave_message", "ignore"]


class Smtp(Section):
    host: str
    port: int = Field(ge=1, le=65535)
    security: Literal["none", "starttls", "tls"]
    username: str
    sender: str
    timeout_seconds: float = Field(gt=0)


class Feedback(Section):
    tries: int = Field(ge=1)
    days_apart: int = Field(ge=1)
    answer_days: int = Field(ge=1)


class Translation(Section):
    enabled: bool
    retry_minutes: int = Field(ge=1)
    timeout_seconds: float = Field(gt=0)


class Storage(Section):
    recordings: str
    attachments: str
    min_free_mb: int = Field(ge=0)
    journal: Path


class Attachments(Section):
    max_bytes: int = Field(ge=10_000)
    max_files: int = Field(ge=1, le=20)
    max_pixels: int = Field(ge=10_000)
    photo_side: int = Field(ge=400)
    thumbnail_side: int = Field(ge=40, le=800)
    proof_categories: tuple[str, ...]
    proof_priorities: tuple[Literal["urgent", "high", "normal", "low"], ...]


class Console(Section):
    session_hours: int = Field(ge=1)
    idle_minutes: int = Field(ge=1)
    lockout_attempts: int = Field(ge=1)
    lockout_minutes: int = Field(ge=1)
    due_soon_days: int = Field(ge=1)
    rows_per_page: int = Field(ge=5, le=500)


class Worker(Section):
    poll_seconds: float = Field(gt=0)
    give_up_hours: float = Field(ge=0)
    claim_seconds: int = Field(ge=10)


class Simulator(Section):
    enabled: bool
    database: str


class Secrets(BaseModel):
    """Never in a file under version control; `repr` shows none of them."""

    model_config = ConfigDict(frozen=True)
    secret_key: str = Field(repr=False)
    twilio_account_sid: str = Field(repr=False)
    twilio_auth_token: str = Field(repr=False)
    twilio_auth_token_next: str = Field(default="", repr=False)  # the second token while one is being changed
    twilio_api_key: str = Field(default="", repr=False)  # for the agents' telephones in the browser: an API key's id and secret
    twilio_api_secret: str = Field(default="", repr=False)
    metrics_token: str = Field(default="", repr=False)
    smtp_password: str = Field(default="", repr=False)
    kannel_password: str = Field(default="", repr=False)
    kannel_secret: str = Field(default="", repr=False)  # what smsbox's requests carry
    cdac_password: str = Field(default="", repr=False)
    cdac_secure_key: str = Field(default="", repr=False)
    aggregator_secret: str = Field(default="", repr=False)
    aggregator_secret_next: str = Field(default="", repr=False)


class Config(Section):
    mode: Literal["development", "production"]
    helpline: Helpline
    database: Database
    server: Server
    carriers: Carriers
    voice: Voice
    callbacks: Callbacks
    reconcile: Reconcile
    queue: Queue
    fairness: Fairness
    sms: Sms
    status_lookups: StatusLookups
    casework: Casework
    telling: Telling
    calls: Calls
    feedback: Feedback
    smtp: Smtp
    translation: Translation
    storage: Storage
    attachments: Attachments
    console: Console
    worker: Worker
    simulator: Simulator
    public_url: str
    port: int
    var: Path
    secrets: Secrets

    @property
    def voices(self) -> dict[Language, str]:
        """The voices of the engine that carries the calls."""
        return self.voice.somleng_voices if self.carriers.voice_engine == "somleng" else self.voice.voices

    @property
    def is_production(self) -> bool:
        return self.mode == "production"


def load(path: Path | None = None, environ: dict[str, str] | None = None, **overrides: Any) -> Config:
    """The configuration of `path` (default: `config.yaml`), the environment and `overrides` ("section.name": value).

    Raises ConfigurationError with one line a fault.
    """
    env = dict(os.environ if environ is None else environ)
    raw = _read(path or Path(env.get("HELPLINE_CONFIG", str(ROOT / "config.yaml"))))
    _override_from_environment(raw, env)
    for dotted, value in overrides.items():
        _put(raw, dotted.split("."), value)
    raw["port"] = _port(env.get("PORT") or "5000")
    raw.setdefault("var", env.get("HELPLINE_VAR", str(ROOT / "var")))
    raw["public_url"] = (raw.get("public_url") or env.get("PUBLIC_URL") or f"http://127.0.0.1:{raw['port']}").rstrip("/")
    _place_in_var(raw)
    _use_account_of_environment(raw, env)
    raw.setdefault("secrets", _secrets(raw, env))
    try:
        config = Config.model_validate(raw)
    except ValidationError as error:
        lines = [f"{'.'.join(str(part) for part in e['loc'])}: {e['msg']}" for e in error.errors()]
        raise ConfigurationError("\n".join(lines)) from None
    wrong = _unusable_addresses(config) + contradictions(config) + faults(config)
    if wrong:
        raise ConfigurationError("\n".join(wrong))
    return config


def _unusable_addresses(config: Config) -> list[str]:
    found = []
    if not config.database.url.startswith(("sqlite://", "postgresql+psycopg://")):
        found.append("DATABASE_URL (or database.url): must begin with sqlite:/// or postgresql://")
    if not re.fullmatch(r"https?://[^/\s]+\S*", config.public_url):
        found.append("PUBLIC_URL: must begin with https:// (or http://) and name a host")
    return found


def contradictions(config: Config) -> list[str]:
    """Settings that do not go together, one sentence each."""
    asking, closing = config.feedback.tries * config.feedback.days_apart, config.casework.feedback_days
    if closing > asking:
        return []
    return [f"casework.feedback_days: {closing} days, but the citizen is asked feedback.tries × feedback.days_apart = {asking} days long: "
            f"it must be at least {asking + 1}, or complaints are closed before the last question is answered"]  # fmt: skip


def faults(config: Config) -> list[str]:
    """What must not be in production, one sentence each; empty in development."""
    if not config.is_production:
        return []
    found = []
    if config.simulator.enabled or "simulator" in config.carriers.chosen:
        found.append("simulator: production must not run with the simulated carrier; set carriers and simulator.enabled")
    if not config.public_url.startswith("https://"):
        found.append("PUBLIC_URL: production needs an https:// address")
    if not config.carriers.twilio.check_signatures:
        found.append("carriers.twilio.check_signatures: production must check signatures")
    if len(config.secrets.secret_key) < 32:
        found.append("SECRET_KEY: set it in the environment to at least 32 random characters")
    return found + carrier_faults(config)


def carrier_faults(config: Config) -> list[str]:
    """What the carriers in use still need; with it missing, production does not start and `flask check` complains."""
    found, secrets = [], config.secrets
    if not config.carriers.inbound_sms:
        found.append("carriers.inbound_sms: empty, so no citizen's SMS is taken in")
    if "simulator" in config.carriers.chosen and not config.simulator.enabled:
        found.append("carriers: the simulator is chosen, and simulator.enabled is false")
    for name, settings in _NEEDED.items():
        used = config.carriers.outbound_sms if name == "kannel" else config.carriers.chosen  # its password is for sending
        missing = [setting for setting in settings if not getattr(secrets, setting.lower())]
        if missing and (name in used or (name == "twilio" and "simulator" in used)):
            found.append(f"{', '.join(missing)}: set in the environment; {name} needs {'them' if len(missing) > 1 else 'it'}")
    sections = {"kannel": ("url", "username"), "cdac": ("url", "username"), "aggregator": ("url",)}
    found += [f"carriers.{name}.{setting}: {name} sends SMS and needs it" for name, settings in sections.items()
              if name in config.carriers.outbound_sms for setting in settings if not getattr(config.carriers.sending(name), setting)]  # fmt: skip
    return found + _open_doors(config)


_NEEDED = {
    "twilio": ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"),
    "kannel": ("KANNEL_PASSWORD",),
    "cdac": ("CDAC_PASSWORD", "CDAC_SECURE_KEY"),
    "aggregator": ("AGGREGATOR_SECRET",),
}


def _open_doors(config: Config) -> list[str]:
    """Inbound SMS that listed addresses guard: nobody could come, or everybody through a proxy on this machine."""
    found, carriers = [], config.carriers
    guarded = {"kannel": (carriers.kannel.allow, config.secrets.kannel_secret), "mobile_seva": (carriers.mobile_seva.allow, "")}
    for name, (allowed, secret) in guarded.items():
        if name not in carriers.inbound_sms:
            continue
        if not allowed:
            found.append(f"carriers.{name}.allow: empty, so no message of {name} is taken in")
        if guard.is_listed("127.0.0.1", allowed) and not secret and not config.server.trusted_proxies and config.is_production:
            found.append(f"carriers.{name}.allow: 127.0.0.1 is listed, and behind a proxy everybody comes from there: set server.trusted_proxies"
                         + (" or KANNEL_SECRET" if name == "kannel" else ""))  # fmt: skip
    return found


def _read(path: Path) -> dict[str, Any]:
    try:
        raw = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    except FileNotFoundError:
        raise ConfigurationError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{path}: {error}") from None
    if not isinstance(raw, dict):
        raise ConfigurationError(f"{path}: must be a mapping of sections")
    return raw


def _override_from_environment(raw: dict[str, Any], env: dict[str, str]) -> None:
    for name, value in env.items():
        if name.startswith("HELPLINE_") and "__" in name:
            try:
                _put(raw, name.removeprefix("HELPLINE_").lower().split("__"), yaml.load(value, Loader=yaml.CSafeLoader))
            except (yaml.YAMLError, TypeError, AttributeError) as error:  # no YAML; a setting taken for a section
                raise ConfigurationError(f"{name}: {error}") from None
    if env.get("HELPLINE_MODE"):
        raw["mode"] = env["HELPLINE_MODE"]
    if env.get("DATABASE_URL"):
        _put(raw, ["database", "url"], with_driver(env["DATABASE_URL"]))


def with_driver(url: str) -> str:
    """`postgres://` and `postgresql://` addresses name psycopg 3, the driver that is installed."""
    for scheme in ("postgresql://", "postgres://"):
        if url.startswith(scheme):
            return "postgresql+psycopg://" + url.removeprefix(scheme)
    return url


def _put(raw: dict[str, Any], path: list[str], value: Any) -> None:
    for part in path[:-1]:
        raw = raw.setdefault(part, {})
    raw[path[-1]] = value


def _place_in_var(raw: dict[str, Any]) -> None:
    """`var/…` in a setting means the directory of HELPLINE_VAR, wherever the process was started."""
    for section, name in (("database", "url"), ("storage", "recordings"), ("storage", "attachments"), ("storage", "journal"), ("simulator", "database"),
                          ("voice", "audio_dir")):  # fmt: skip
        for prefix in ("", "sqlite:///"):
            value = str(raw.get(section, {}).get(name, ""))
            if value.startswith(f"{prefix}var/"):
                raw[section][name] = f"{prefix}{raw['var']}/{value.removeprefix(f'{prefix}var/')}"


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= 65535):
        raise ConfigurationError("PORT: must be a number from 1 to 65535")
    return int(text)


def _use_account_of_environment(raw: dict[str, Any], env: dict[str, str]) -> None:
    """A Twilio account and a public address in the environment are meant to be used: no further setting is needed.

    The simulator is then off unless asked for by name: on a public address anybody could file with it.
    """
    public = str(raw["public_url"]).startswith("https://")
    if not (env.get("TWILIO_ACCOUNT_SID") and env.get("TWILIO_AUTH_TOKEN") and public):
        return
    if "HELPLINE_SIMULATOR__ENABLED" not in env:
        _put(raw, ["simulator", "enabled"], False)
    for channel in ("voice", "inbound_sms", "outbound_sms"):
        if f"HELPLINE_CARRIERS__{channel.upper()}" not in env and raw.get("carriers", {}).get(channel) in ("simulator", ["simulator"]):
            _put(raw, ["carriers", channel], "twilio")
    if env.get("TWILIO_NUMBER"):
        _put(raw, ["helpline", "number"], env["TWILIO_NUMBER"])
        _put(raw, ["helpline", "sms_number"], env["TWILIO_NUMBER"])


def _secrets(raw: dict[str, Any], env: dict[str, str]) -> dict[str, str]:
    names = list(Secrets.model_fields)
    found = {name: env[name.upper()] for name in names if env.get(name.upper())}
    if raw.get("mode") == "production":
        return {"secret_key": "", "twilio_account_sid": "", "twilio_auth_token": "", **found}
    try:
        return {**_development_secrets(Path(raw["var"])), **found}
    except OSError as error:
        raise ConfigurationError(f"{raw['var']}: cannot be used ({error.strerror}); name another directory by HELPLINE_VAR") from None


def _development_secrets(var: Path) -> dict[str, str]:
    path = var / "secrets.json"
    if not path.exists():
        var.mkdir(parents=True, exist_ok=True)
        made = {
            "secret_key": token.token_urlsafe(48),
            "twilio_account_sid": "AC" + token.token_hex(16),
            "twilio_auth_token": token.token_hex(16),
        }
        fresh = path.with_suffix(f".{os.getpid()}")
        fresh.touch(mode=0o600)
        fresh.write_text(json.dumps(made), encoding="utf-8")
        try:
            os.link(fresh, path)  # fails when another process was first: its secrets stand
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except ValueError as error:
        raise ConfigurationError(f"{path}: {error}; without this file new secrets are made") from None
