"""The carriers that the configuration chose, built; and their words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from carriers import aggregator, cdac, kannel, twilio
from carriers.base import Codes, MediaCarrier, SmsCarrier, VoiceCarrier
from carriers.twilio_history import History, TwilioHistory
from helpline.config import Config

_CODES = {twilio.Twilio.name: twilio.CODES, kannel.NAME: kannel.CODES, cdac.NAME: cdac.CODES}


@dataclass(frozen=True)
class InUse:
    """`outbound`: for SMS, in the order in which they are tried. `known`: every one that may be asked about a message."""

    voice: VoiceCarrier
    outbound: tuple[SmsCarrier, ...]
    known: Mapping[str, SmsCarrier]
    history: History | None = None  # who can be asked what was missed
    media: MediaCarrier | None = None  # whom pictures are fetched from


def in_use(config: Config) -> InUse:
    outbound = tuple(_sms_carrier(config, name) for name in config.carriers.outbound_sms)
    answering = tuple(_twilio(config, name) for name in config.carriers.inbound_sms if name in ("simulator", "twilio"))
    known = {carrier.name: carrier for carrier in (*answering, *outbound)}
    return InUse(_twilio(config, config.carriers.voice), outbound, known, history(config), next(iter(answering), None))


def history(config: Config) -> TwilioHistory:
    """The voice carrier's memory; of messages too, where it brings them."""
    settings = config.carriers.twilio
    return TwilioHistory(account_sid=config.secrets.twilio_account_sid, auth_token=config.secrets.twilio_auth_token,
                         api_base=_api_base(config, config.carriers.voice), timeout=settings.timeout_seconds)  # fmt: skip


def _api_base(config: Config, name: str) -> str:
    """The simulator is a Twilio-compatible server of our own."""
    return f"{config.public_url}/simulator/carrier" if name == "simulator" else config.carriers.twilio.api_base


def codes_of(config: Config, carrier: str | None) -> Codes:
    """A carrier's words, by the name that stands on its messages."""
    if carrier == aggregator.NAME:
        return dialect(config).codes()
    return _CODES.get(carrier or "", twilio.CODES)


def _sms_carrier(config: Config, name: str) -> SmsCarrier:
    makers = {"kannel": _kannel, "cdac": _cdac, "aggregator": _aggregator}
    return makers[name](config) if name in makers else _twilio(config, name)


def _twilio(config: Config, name: str) -> twilio.Twilio:
    settings = config.carriers.twilio
    return twilio.Twilio(
        account_sid=config.secrets.twilio_account_sid,
        auth_token=config.secrets.twilio_auth_token,
        sender=config.helpline.sms_number,
        status_callback=f"{config.public_url}/sms/status",
        caller_id=config.helpline.number,
        api_base=_api_base(config, name),
        media_hosts=settings.media_hosts,
        timeout=settings.timeout_seconds,
    )


def _kannel(config: Config) -> SmsCarrier:
    settings = config.carriers.kannel
    return kannel.Kannel(
        url=settings.url,
        username=settings.username,
        password=config.secrets.kannel_password,
        sender=config.helpline.sms_number,
        report_url=f"{settings.report_url or config.public_url}/sms/kannel/status",
        secret=report_secret(config),
        timeout=settings.timeout_seconds,
    )


def report_secret(config: Config) -> str:
    """What the addresses of Kannel's delivery reports are signed with."""
    return config.secrets.kannel_secret or config.secrets.secret_key


def _cdac(config: Config) -> SmsCarrier:
    settings, secrets = config.carriers.cdac, config.secrets
    return cdac.Cdac(url=settings.url, username=settings.username, password=secrets.cdac_password,
                     secure_key=secrets.cdac_secure_key, timeout=settings.timeout_seconds)  # fmt: skip


def _aggregator(config: Config) -> SmsCarrier:
    settings = config.carriers.aggregator
    return aggregator.Aggregator(url=settings.url, secret=config.secrets.aggregator_secret, sender=config.helpline.sms_number,
                                 dialect=dialect(config), timeout=settings.timeout_seconds)  # fmt: skip


def dialect(config: Config) -> aggregator.Dialect:
    """How the configured aggregator names things."""
    settings = config.carriers.aggregator
    names = aggregator.Dialect.__dataclass_fields__
    return aggregator.Dialect(**{name: getattr(settings, name) for name in names})
