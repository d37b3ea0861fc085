"""Who may come to our webhooks where a carrier does not sign as Twilio does: listed addresses, a shared secret, an HMAC."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Networks = tuple[IPv4Network | IPv6Network, ...]


@lru_cache(maxsize=64)
def networks(listed: tuple[str, ...]) -> Networks:
    """Addresses and networks as written, `10.0.0.7` or `10.0.0.0/24`. Raises ValueError."""
    return tuple(ip_network(entry, strict=False) for entry in listed)


def is_listed(address: str | None, listed: tuple[str, ...]) -> bool:
    """Whether a request from `address` may come; an empty list lets nobody in."""
    try:
        found = ip_address(address or "")
    except ValueError:
        return False
    if isinstance(found, IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    return any(found.version == network.version and found in network for network in networks(listed))


def is_secret(given: str, secrets: Iterable[str]) -> bool:
    """Whether `given` is one of `secrets`, compared in constant time; empty ones are nobody's."""
    claimed = given.encode("utf-8", "replace")
    return any(hmac.compare_digest(claimed, secret.encode()) for secret in secrets if secret)


def mac(secret: str, content: bytes | str) -> str:
    """HMAC-SHA256, in hexadecimal."""
    return hmac.new(secret.encode(), content.encode() if isinstance(content, str) else content, hashlib.sha256).hexdigest()
