"""Logs (JSON, one line each, to standard output), metrics, and the ids that follow a command."""

from __future__ import annotations

import logging
import sys
import traceback
from functools import cache
from typing import Any

import orjson
import structlog
from prometheus_client import Counter, Gauge, Histogram

REQUESTS = Counter("linli_http_requests_total", "HTTP requests", ["route", "status"])
LATENCY = Histogram(
    "linli_http_seconds", "HTTP latency", ["route"], buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
)
PUBLISHED = Counter("linli_events_published_total", "Events confirmed by the broker")
NACKED = Counter("linli_events_nacked_total", "Events the broker refused; they stay in the outbox and are repeated")
UNTIDIED = Gauge("linli_outbox_untidied", "Published events that still stand in their documents, to be taken out in a lull")
PENDING = Gauge("linli_relay_pending", "Events that this replica holds and has not had confirmed")
CONSUMED = Counter("linli_events_consumed_total", "Events handled", ["event", "outcome"])
INBOX = Gauge("linli_inbox_taken", "Messages taken from the inbox and not yet acknowledged")
PARKED = Counter("linli_events_parked_total", "Messages parked", ["reason"])
BROKER_UP = Gauge("linli_broker_up", "1 while the relay's connection stands")
DATABASE_UP = Gauge("linli_database_up", "1 while the last database operation succeeded")
SIGN_INS = Counter("linli_sign_ins_total", "Tries to sign in, by way and outcome", ["way", "outcome"])
DELIVERIES = Counter("linli_deliveries_total", "Deliveries by channel and outcome", ["channel", "state"])
TIMERS = Counter("linli_timer_runs_total", "Work by the clock, where its lease is: begun, done or failed", ["timer", "outcome"])


_shows_exceptions = False


def configure(service: str, level: str, shows_exceptions: bool = False) -> None:
    """Set up structlog and the standard library's logging for one process. With `shows_exceptions`, errors are logged with
    their texts, which may quote personal data: for development alone."""
    global _shows_exceptions  # noqa: PLW0603
    _shows_exceptions = shows_exceptions
    number = getattr(logging, level.upper())

    def say_who(logger: Any, method: str, fields: Any) -> Any:
        fields["service"] = service
        return fields

    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            say_who,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(serializer=orjson.dumps),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.BytesLoggerFactory(sys.stdout.buffer),
        cache_logger_on_first_use=True,
    )
    log.cache_clear()  # who spoke before was told otherwise
    if shows_exceptions:
        log("telemetry").warning("exceptions_are_shown", why="LINLI_SHOW_EXCEPTIONS: what they quote may be personal data")
    logging.basicConfig(level=logging.WARNING, handlers=[_Bridge()], force=True)
    # nameko logs the text of every exception that a worker raises; ours are logged where they are answered.
    logging.getLogger("nameko.containers").setLevel(logging.CRITICAL)
    logging.getLogger("nameko.web.server").setLevel(logging.CRITICAL)


@cache
def log(name: str) -> Any:
    """A logger; each call is one JSON line: an event name and fields. Never pass personal data."""
    return structlog.get_logger(component=name)


def where(error: BaseException) -> list[str]:
    """An error's stack for the log: `frames`, or whole and with all texts, where the process shows exceptions."""
    return "".join(traceback.format_exception(error)).splitlines() if _shows_exceptions else frames(error)


def frames(error: BaseException) -> list[str]:
    """The stack of an error as "file:line function", innermost last: enough to mend it, without any value."""
    last = traceback.extract_tb(error.__traceback__)[-8:]
    return [f"{'/'.join(f.filename.split('/')[-2:])}:{f.lineno} {f.name}" for f in last]


class _Bridge(logging.Handler):
    """Libraries' own log records, as JSON too, without exception texts: these may quote values."""

    def emit(self, record: logging.LogRecord) -> None:
        fields: dict[str, Any] = {"message": str(record.msg)[:300]}
        if record.exc_info and record.exc_info[1]:
            fields["error"] = type(record.exc_info[1]).__name__
            fields["where"] = where(record.exc_info[1])
        structlog.get_logger(component=record.name).log(record.levelno, "library", **fields)
