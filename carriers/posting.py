"""One POST to a carrier, and what its failing means: nothing was sent, or nobody knows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from carriers.base import Temporary, Unknown, Unusable, retry_after

if TYPE_CHECKING:
    import httpx

BUSY = (429, 503)  # nothing was taken


def post(
    url: str,
    *,
    timeout: float,
    content: bytes | None = None,
    form: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> httpx.Response:
    """The answer. Raises Temporary (it was not reached, or asks us to slow down), Unusable (no such address) or Unknown."""
    import httpx

    try:
        answer = httpx.post(url, content=content, data=form, headers=headers, timeout=timeout)
    except (httpx.ConnectError, httpx.ConnectTimeout):
        raise Temporary("connect") from None
    except (httpx.UnsupportedProtocol, httpx.InvalidURL):
        raise Unusable("address") from None
    except httpx.HTTPError:
        raise Unknown("timeout") from None
    if answer.status_code in BUSY:
        raise Temporary(f"http-{answer.status_code}", retry_after(answer.headers.get("Retry-After"), datetime.now(UTC)))
    return answer
