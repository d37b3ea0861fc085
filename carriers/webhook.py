"""What a carrier sends, read once and verified: the form, and the signature over the public address.

Signature (Twilio and what speaks like it): base64 of HMAC-SHA1 with the account's token over the full public URL followed
by the POST fields sorted by name, name and value run together; a repeated name counts once for each different value. A JSON
body is covered by the URL's `bodySHA256`. Kept equal to the SDK's validator by a differential test.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, parse_qsl, quote, urlsplit

from carriers.base import Refused as Refused

MAX_FIELDS = 500


@dataclass(frozen=True)
class Webhook:
    """One request of a carrier: `fields` holds the first value of each name, query included under its own names."""

    fields: Mapping[str, str]
    query: Mapping[str, str]
    at: datetime | None = None  # when it came, of one that was kept and is given again

    def get(self, name: str, default: str = "") -> str:
        return self.fields.get(name, default)


def receive(environ: Mapping[str, Any], body: bytes, public_url: str, tokens: Iterable[str]) -> Webhook:
    """Read and verify a request. `tokens`: the valid ones, none of them empty; no tokens: nothing is verified.

    Raises Refused for a missing or wrong signature, and for a body that is not a form.
    """
    pairs = _form(environ, body)
    valid = [token for token in tokens if token]
    if valid:
        given = str(environ.get("HTTP_X_TWILIO_SIGNATURE", ""))
        address = requested_url(environ, public_url)
        if not any(is_signed(address, pairs, body, given, token) for token in valid):
            raise Refused("signature")
    query = parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True, errors="replace")
    return Webhook(_first(pairs), _first(query))


def _form(environ: Mapping[str, Any], body: bytes) -> list[tuple[str, str]]:
    if not str(environ.get("CONTENT_TYPE", "")).startswith("application/x-www-form-urlencoded"):
        return []
    try:
        text = body.decode("utf-8", "replace")
        return parse_qsl(text, keep_blank_values=True, errors="replace", max_num_fields=MAX_FIELDS)
    except ValueError:
        raise Refused("form") from None


def _first(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    first: dict[str, str] = {}
    for name, value in pairs:
        first.setdefault(name, value)
    return first


def requested_url(environ: Mapping[str, Any], public_url: str) -> str:
    """The address the carrier used: the configured public one with the raw path and query, never the Host header's."""
    raw = environ.get("RAW_URI") or environ.get("REQUEST_URI") or ""
    if not raw.startswith("/"):
        raw = urlsplit(raw)._replace(scheme="", netloc="").geturl() if raw else ""
    if not raw:
        path = (environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")).encode("latin-1")
        query = environ.get("QUERY_STRING", "")
        raw = quote(path, safe="/~!$&'()*+,;=:@-._") + (f"?{query}" if query else "")
    return public_url + raw


def is_signed(url: str, pairs: list[tuple[str, str]], body: bytes, given: str, token: str) -> bool:
    """Whether `given` is right for `url`, with and without the scheme's standard port; compared in constant time."""
    if not pairs and body and not _body_matches(url, body):
        return False
    claimed, content = given.encode("utf-8", "replace"), _content(pairs)
    return any(hmac.compare_digest(_digest(address + content, token), claimed) for address in _with_and_without_port(url))


def signature(url: str, pairs: Iterable[tuple[str, str]], token: str) -> str:
    return _digest(url + _content(pairs), token).decode()


def _content(pairs: Iterable[tuple[str, str]]) -> str:
    return "".join(name + value for name, value in sorted(set(pairs)))


def _digest(text: str, token: str) -> bytes:
    return b64encode(hmac.digest(token.encode(), text.encode("utf-8", "surrogatepass"), "sha1"))


def _with_and_without_port(url: str) -> tuple[str, ...]:
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    port = ":443" if scheme == "https" else ":80"
    if host.endswith(port):
        return url, f"{scheme}://{host.removesuffix(port)}{slash}{path}"
    if ":" in host.rpartition("]")[2]:
        return url, f"{scheme}://{host.rpartition(':')[0]}{slash}{path}"
    return url, f"{scheme}://{host}{port}{slash}{path}"


def _body_matches(url: str, body: bytes) -> bool:
    wanted = parse_qs(urlsplit(url).query).get("bodySHA256", [""])[0]
    return hmac.compare_digest(hashlib.sha256(body).hexdigest(), wanted)
