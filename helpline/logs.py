"""Structured logs: one JSON object a line in production, readable lines in development. Ids only, never numbers or texts."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO, cast

import structlog

from helpline.config import Config


def set_up(config: Config) -> None:
    before: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _exception_without_values,
    ]
    rendered = structlog.processors.JSONRenderer(ensure_ascii=False) if config.is_production else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    file = cast(TextIO, _Unfailing(sys.stderr))
    structlog.configure(
        processors=[*before, rendered],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=file),
        cache_logger_on_first_use=False,
    )
    _take_libraries_lines(file, structlog.stdlib.ProcessorFormatter(foreign_pre_chain=before, processors=[_plain, rendered]))


def _take_libraries_lines(file: TextIO, formatter: logging.Formatter) -> None:
    """What Flask, the scheduler and the like log goes the same way: an exception of theirs would quote a row just as well."""
    root = logging.getLogger()
    for handler in [one for one in root.handlers if isinstance(one, _Libraries)]:
        root.removeHandler(handler)
    handler = _Libraries(file)
    handler.setLevel(logging.WARNING)
    handler.setFormatter(formatter)
    root.addHandler(handler)


class _Libraries(logging.StreamHandler[TextIO]):
    """The one handler of the root logger that is ours."""


def _plain(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return structlog.stdlib.ProcessorFormatter.remove_processors_meta(logger, method, event)


class _Unfailing:
    """Where lines are written that must not fail their writer: a disk that is full is no reason to leave a caller unanswered."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, text: str) -> int:
        try:
            return self._file.write(text)
        except OSError:
            return 0

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._file.flush()


def _exception_without_values(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """An exception's type and place, without its message: database errors quote the row they failed on."""
    error = event.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()[1]
    elif isinstance(error, tuple):
        error = error[1]
    if isinstance(error, BaseException):
        trace, last = error.__traceback__, ""
        while trace:
            last = f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}"
            trace = trace.tb_next
        event["error"], event["where"] = type(error).__name__, last
    return event
