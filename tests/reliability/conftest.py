"""PostgreSQL servers that the tests of this folder may stop and freeze."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def servers_to_take_away(postgres_url):
    """kind → the server, as `stores.prepare` made it. (`postgres_url` sets where servers put their sockets.)"""
    servers = {}
    yield servers
    for made in servers.values():
        made.end()
