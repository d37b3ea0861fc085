"""C-DAC's Mobile Seva push service, the government's own way out: a POST with hashed password and a key over the content.

As published (mgov.gov.in/RegisterPushService, integration document 1.8): `password` is the SHA-1 of the password, `key` the
SHA-512 of username + senderid + content + secure key. Bengali goes as decimal entities, and the key is over these. Success
is HTTP 200 with a body that begins `402,MsgID`. The service sends no delivery reports and answers no look-ups.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from datetime import datetime

from carriers.base import (
    Accepted,
    Codes,
    Message,
    Outcome,
    Temporary,
    Trouble,
    Unknown,
    Unusable,
    codes,
    statuses,
)
from carriers.posting import post
from prompts.catalogue import is_gsm7

NAME = "cdac"
URL = "https://msdgweb.mgov.gov.in/esms/sendsmsrequestDLT"
SUBMITTED = "402"
LATE = "409"  # "SMSC response timed out, message will be submitted"
CODES = Codes(
    statuses=statuses(0, Outcome.SENT, "accepted"),
    errors={
        # 404, 405: faults inside; 407, 408: the SMSC's network; 410, 418: a limit for now
        **codes(Trouble.RETRY, "cdac-404", "cdac-405", "cdac-407", "cdac-408", "cdac-410", "cdac-418"),
        # 401: user or password; 403: no credits; 411, 412: sender id not approved; 415, 416: the key
        **codes(Trouble.OURS, "cdac-401", "cdac-403", "cdac-411", "cdac-412", "cdac-415", "cdac-416"),
        # 406: invalid number; 413: taken for spam; 414: refused by the operator
        **codes(Trouble.PERMANENT, "cdac-406", "cdac-413", "cdac-414"),
    },
    unlisted=Trouble.OURS,
)
_ANSWER = re.compile(r"\s*(\d{3})\s*(?:,\s*MsgID\s*=?\s*(\S+))?", re.IGNORECASE)


def as_entities(text: str) -> str:
    """Every character as its decimal entity: `অ` is `&#2437;`."""
    return "".join(f"&#{ord(character)};" for character in text)


class Cdac:
    name = NAME
    answers_lookups = False

    def __init__(self, *, url: str, username: str, password: str, secure_key: str, timeout: float = 10) -> None:
        self._url, self._username, self._secure_key, self._timeout = url, username, secure_key, timeout
        self._password = hashlib.sha1(password.encode("latin-1", "replace")).hexdigest()  # noqa: S324 - the service's own form

    def send_sms(self, message: Message) -> Accepted:
        if not re.fullmatch(r"\+91\d{10}", message.to):
            raise Unusable("not_indian")
        answer = post(self._url, form=self._fields(message), timeout=self._timeout)
        return self._read(answer.status_code, answer.text, message.reference)

    def _fields(self, message: Message) -> dict[str, str]:
        is_plain, text = is_gsm7(message.text), message.text.strip()
        content = text if is_plain else as_entities(text)
        return {
            "username": self._username,
            "password": self._password,
            "senderid": message.header,
            "content": content,
            "smsservicetype": "singlemsg" if is_plain else "unicodemsg",
            "mobileno": message.to.removeprefix("+91"),
            "key": hashlib.sha512(f"{self._username}{message.header}{content}{self._secure_key}".encode()).hexdigest(),
            "templateid": message.template_id,
        }

    @staticmethod
    def _read(status: int, body: str, reference: int) -> Accepted:
        """What the service answered. A number of ours stands in where it gives no id."""
        found = _ANSWER.match(body)
        if status != 200 or not found:
            raise Unknown(f"http-{status}")
        code, sid = found.groups()
        if code in (SUBMITTED, LATE):
            return Accepted((sid or str(reference))[:64], "accepted")
        raise CODES.refusal(f"cdac-{code}")

    def find_sms(self, to: str, text: str, since: datetime) -> Sequence[Accepted]:
        raise Temporary("lookup")
