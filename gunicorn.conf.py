"""Gunicorn's hooks, read from this directory by whoever starts it."""

import gc
from typing import Any


def post_worker_init(_worker: Any) -> None:
    """The reference data and the prompts stay for ever: the collector need not look at them at every pass."""
    gc.collect()
    gc.freeze()
