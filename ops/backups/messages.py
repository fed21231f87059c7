"""What lies in the broker, in files and back: what waits for a person, what was said of late, and what was said meanwhile to
those alone that are meant to hear it, of which there is no stream."""

from __future__ import annotations

import contextlib
import inspect
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Any

import bson
from amqp import Message
from amqp.exceptions import AMQPError, MessageNacked, NotFound
from bson.raw_bson import RawBSONDocument
from nameko.extensions import ENTRYPOINT_EXTENSIONS_ATTR
from uuid_utils import uuid7

from ops.services import RECORDS
from ops.settings import Installation, Problem
from shared.broker import topology
from shared.entrypoints.inbox import On
from shared.storage.store import REMEMBER_CAUSE

MESSAGES_A_TIME = 200  # of a stream, unconfirmed
QUIET_SECONDS = 1.0  # in which a stream has nothing more to say, once it has said something
PATIENCE_SECONDS = 60.0  # for a broker that opens what it wrote yesterday
CALM_LOOKS = 6  # in a row: longer than a handler may wait for its database
DRAIN_SECONDS = 60.0
KEPT_PROPERTIES = ("content_type", "content_encoding", "message_id")


@contextmanager
def broker(installation: Installation, user: str) -> Iterator[Any]:
    """A channel that hears whether the broker took what was published. Raises Problem where it does not answer."""
    try:
        # No heartbeat: whoever copies a database meanwhile shows no sign of life.
        how = {"connect_timeout": 5, "heartbeat": 0, "transport_options": {"confirm_publish": True}}
        with topology.connection(installation.amqp(user), **how) as connection:
            topology.connect(connection)
            yield connection.channel()
    except (AMQPError, MessageNacked, OSError) as error:
        raise Problem(f"the broker does not answer {user}: {type(error).__name__}") from error


def _kept(message: Any) -> RawBSONDocument:
    """A message, as it is written."""
    body = message.body if isinstance(message.body, bytes) else str(message.body).encode()
    properties = {name: message.properties[name] for name in KEPT_PROPERTIES if name in message.properties}
    # What the broker itself set does not hold where it is published again.
    headers = {k: v for k, v in (message.headers or {}).items() if k not in ("x-death", "x-stream-offset", "x-delivery-count")}
    return RawBSONDocument(bson.encode({"body": body, "properties": properties, "headers": headers}))


def _again(kept: RawBSONDocument) -> Message:
    found = bson.decode(kept.raw)
    return Message(bytes(found["body"]), application_headers=found["headers"], delivery_mode=2, **found["properties"])


def waiting(installation: Installation) -> dict[str, int]:
    """The queues of those that hear what is restricted, with how many messages wait in each; empty ones are left out."""
    queues = []
    for service, record in RECORDS.items():
        if record.hears_restricted:
            queues += [topology.inbox(service), *(topology.tier(service, name) for name in topology.TIERS)]
    found = {}
    for queue in queues:
        with broker(installation, "operator") as channel, contextlib.suppress(NotFound):  # it has never listened
            found[queue] = channel.queue_declare(queue, passive=True).message_count
    return {queue: count for queue, count in found.items() if count}


def drained(installation: Installation, seconds: float = DRAIN_SECONDS) -> dict[str, int]:
    """Wait until those have taken what was said before, a few looks in a row; what is left after so many seconds."""
    end, calm = time.monotonic() + seconds, 0
    while True:
        left = waiting(installation)
        calm = 0 if left else calm + 1
        if calm == CALM_LOOKS or time.monotonic() > end:
            return left
        time.sleep(1)


class Restricted:
    """Takes down what is said on restricted exchanges, from the moment that it is entered."""

    def __init__(self, installation: Installation) -> None:
        self._installation, self._open = installation, ExitStack()
        self._heard: dict[str, tuple[Any, str]] = {}

    def __enter__(self) -> Restricted:
        for service in (name for name, record in RECORDS.items() if record.restricted):
            channel = self._open.enter_context(broker(self._installation, service))
            topology.declare_speaker(channel, service, True)
            queue = f"{service}.backup.{uuid7()}"
            channel.queue_declare(queue, exclusive=True, durable=False)
            channel.queue_bind(queue, topology.restricted(service), "#")
            self._heard[service] = channel, queue
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def said(self, service: str) -> Iterator[RawBSONDocument]:
        """What has been said so far."""
        channel, queue = self._heard.get(service, (None, ""))
        while channel is not None and (message := channel.basic_get(queue, no_ack=True)) is not None:
            yield _kept(message)


def parked(installation: Installation, service: str) -> Iterator[RawBSONDocument]:
    """What waits for a person; it stays where it is."""
    with broker(installation, "operator") as channel, contextlib.suppress(NotFound):
        while (message := channel.basic_get(topology.parked(service))) is not None:
            yield _kept(message)


def said(installation: Installation, service: str, since: datetime, until: datetime) -> Iterator[RawBSONDocument]:
    """What a service's stream got in this time; of what came before, perhaps a little. Raises Problem where it falls silent."""
    with broker(installation, "operator") as channel:
        last = _last(channel, topology.stream(service))
        for message in _heard(channel, topology.stream(service), since) if last is not None else ():
            # What is said after `until` was published after it, and all behind it, too.
            if _time(message) > until:
                return
            yield _kept(message)
            if message.headers["x-stream-offset"] >= last:
                return


def _last(channel: Any, stream: str) -> int | None:
    """Where a stream ends now; None where it is empty, or nobody has ever spoken."""
    try:
        if not channel.queue_declare(stream, passive=True).message_count:
            return None
    except NotFound:
        channel.open()  # the broker closed it
        return None
    found = None
    try:
        for message in _heard(channel, stream, "last", QUIET_SECONDS):
            found = message.headers["x-stream-offset"]
    except TimeoutError:
        pass  # that was all
    return found


def _heard(channel: Any, stream: str, since: Any, patience: float = PATIENCE_SECONDS) -> Iterator[Any]:
    """What a stream says from there on. Raises TimeoutError where it is silent: at first for long, then for `patience`."""
    waiting: list[Any] = []
    channel.basic_qos(0, MESSAGES_A_TIME, False)
    tag = channel.basic_consume(stream, callback=waiting.append, arguments={"x-stream-offset": since})
    seconds = PATIENCE_SECONDS
    try:
        while True:
            channel.connection.drain_events(timeout=seconds)
            yield from waiting
            if waiting:
                channel.basic_ack(waiting[-1].delivery_tag, multiple=True)
                seconds = patience
            waiting.clear()
    finally:
        channel.basic_cancel(tag)


def _time(message: Any) -> datetime:
    return datetime.fromisoformat(message.headers["cloudEvents:time"])


def declare(installation: Installation, service: str, kind: type) -> None:
    """What a service speaks on and listens to, before it does."""
    record = RECORDS[service]
    heard = {(event.speaker, event.name) for listener in _listeners(kind) for event in listener.events}
    with broker(installation, service) as channel:
        topology.declare_speaker(channel, service, record.restricted)
        topology.declare_public(channel, service)
        topology.declare_inbox(channel, service, heard, frozenset(record.hears_restricted))


def _listeners(kind: type) -> Iterator[On]:
    for _, method in inspect.getmembers(kind, inspect.isfunction):
        yield from (e for e in getattr(method, ENTRYPOINT_EXTENSIONS_ATTR, ()) if isinstance(e, On))


def publish(installation: Installation, user: str, exchange: str, key: str, messages: Iterable[RawBSONDocument]) -> int:
    """Publish them, each confirmed; `key` where it is not the event's name. Returns how many."""
    count = 0
    with broker(installation, user) as channel:
        for message in map(_again, messages):
            kind = str(message.headers.get("cloudEvents:type", "")).rpartition(".")[2]
            channel.basic_publish(message, exchange=exchange, routing_key=key or kind)
            count += 1
    return count


def known_again(began: datetime) -> Callable[[RawBSONDocument], bool]:
    """Whether to publish an event again: those who have handled it still know it, or it was said while the backup was made."""
    young = datetime.now(UTC) - REMEMBER_CAUSE * 0.9

    def wanted(kept: RawBSONDocument) -> bool:
        at = datetime.fromisoformat(kept["headers"]["cloudEvents:time"])
        return at > young or at >= began

    return wanted
