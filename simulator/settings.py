"""Which helpline the simulated network rings, and the account it signs with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    public_url: str
    account_sid: str
    auth_token: str
    helpline_number: str
    database: str
    incoming_call: str = "/ivr/incoming"
    call_status: str = "/ivr/status"
    browser_call: str = "/ivr/dial"  # what a call from an agent's browser asks (a TwiML application's voice address), and where its end is told
    browser_status: str = "/ivr/dial-status"
    incoming_sms: str = "/sms/incoming"
    call_fallback: str = "/ivr/fallback"  # asked when an address of the helpline's has failed
    fallback_files: str = ""  # a directory: what is done when that fails too (docs/fallback), as a carrier fetches it from another host
    engine: str = "twilio"  # twilio | somleng: what is done with a voice answer


# Demonstration numbers: who may call from the simulated telephones.
LINES = (
    ("+919830012345", "Demo phone 1"),
    ("+919830054321", "Demo phone 2"),
    ("+919434011111", "Demo phone 3"),
    ("+918900022222", "Demo phone 4"),
    ("+913325551234", "Demo landline"),
    ("anonymous", "Withheld number"),
)
# What the simulated network answers to a message for these numbers, with the carrier's real codes.
FAILING = {"+919999930003": "30003", "+919999930005": "30005", "+919999921610": "21610"}
