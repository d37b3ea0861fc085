"""One POST to a carrier, and what its failing means: nothing was sent, or nobody knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from carriers.base import Temporary, Unknown, Unusable

if TYPE_CHECKING:
    import httpx


def post(
    url: str,
    *,
    timeout: float,
    content: bytes | None = None,
    form: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> httpx.Response:
    """The answer, whatever its status. Raises Temporary (it was not reached), Unusable (no such address) or Unknown."""
    import httpx

    try:
        return httpx.post(url, content=content, data=form, headers=headers, timeout=timeout)
    except (httpx.ConnectError, httpx.ConnectTimeout):
        raise Temporary("connect") from None
    except (httpx.UnsupportedProtocol, httpx.InvalidURL):
        raise Unusable("address") from None
    except httpx.HTTPError:
        raise Unknown("timeout") from None
