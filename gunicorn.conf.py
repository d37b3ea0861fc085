"""Gunicorn's hooks, read from this directory by whoever starts it."""

import gc
import os
import shutil
import tempfile
from typing import Any

# Where the processes count their requests, so that any of them can tell the sum of all. Named before they import anything.
_counts = os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="helpline-metrics-")

worker_class = "web_worker.DurableWorker"


def post_worker_init(_worker: Any) -> None:
    """The reference data and the prompts stay for ever: the collector need not look at them at every pass."""
    gc.collect()
    gc.freeze()


def child_exit(_server: Any, worker: Any) -> None:
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(worker.pid)


def on_exit(_server: Any) -> None:
    shutil.rmtree(_counts, ignore_errors=True)
