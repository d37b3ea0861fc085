"""Email: the same words as the SMS, with a subject before and a footer after."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from helpline import acknowledgement
from helpline.runtime import Runtime
from prompts.catalogue import Sms


def letter(runtime: Runtime, sms: Sms, row: Mapping[str, Any]) -> Sms:
    """The text of the email that says what `sms` says: its first line is the subject, then an empty line."""
    catalogue, language, helpline = runtime.catalogue, sms.language, runtime.config.helpline
    subject = catalogue.text("email.subject", language, name=helpline.name(language), ack=acknowledgement.display(row["ack"]))
    footer = catalogue.text("email.footer", language, name=helpline.name(language), phone=helpline.display_number)
    return replace(sms, text=f"{subject}\n\n{sms.text}\n\n-- \n{footer}")
