"""Exchanges and queues, by name. Arguments are constant: a queue that exists with others stops the start-up."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit, urlunsplit

from kombu import Connection
from kombu.exceptions import OperationalError

TIERS = ("5s", "30s", "5m")
STREAM_BYTES = 1_000_000_000
STREAM_AGE = "30D"


def out(service: str) -> str:
    """The exchange that the service publishes to; its neighbours' inboxes hang here."""
    return f"{service}.out"


def events(service: str) -> str:
    """The public exchange, for anybody outside."""
    return f"{service}.events"


def restricted(service: str) -> str:
    """The exchange for what is nobody's business but that of who tells people: no stream hangs here, no outsider may."""
    return f"{service}.restricted.events"


def stream(service: str) -> str:
    """The stream that late subscribers replay."""
    return f"{service}.events.log"


def inbox(service: str) -> str:
    """The one queue that the service listens to."""
    return f"{service}.inbox"


def retry(service: str) -> str:
    """The direct exchange of the service's inbox, tiers and parking place."""
    return f"{service}.retry"


def tier(service: str, name: str) -> str:
    """A delay queue."""
    return f"{service}.retry.{name}"


def parked(service: str) -> str:
    """Where messages wait for a person."""
    return f"{service}.parked"


def connection(uri: str, **options: Any) -> Connection:
    """A connection that is not open yet. `amqps://…//?ca=FILE` is encrypted, with a broker whose certificate is for that host
    and signed by an authority in FILE; without FILE, by one that the system knows."""
    parts = urlsplit(uri)
    if parts.scheme != "amqps":
        return Connection(uri, **options)
    # Py-amqp looks at whose certificate it is only where it is told whose it should be.
    how: dict[str, Any] = {"server_hostname": parts.hostname, "cert_reqs": ssl.CERT_REQUIRED}
    if "ca" in (asked := parse_qs(parts.query)):
        how["ca_certs"] = asked["ca"][0]
    return Connection(urlunsplit(parts._replace(query="")), ssl=how, **options)


BYTES_A_READ = 8192  # bytes asked of a connection at once


def connect(connection: Connection) -> None:
    """Connect, or raise at once what is in the way: kombu's own `connect` waits for two seconds before it tries again.

    Then read what there is: py-amqp keeps what it has too much, but asks for a frame's 7 bytes, its body, its last byte. And
    read when there is something to read: py-amqp looks before each publishing whether the broker has said that it is full,
    while a connection of ours has one reader, who hears that too.
    """
    try:
        connection.ensure_connection(max_retries=1, interval_start=0)
    except OperationalError as error:
        raise error.__cause__ or error from None
    connection.connection.client_properties["capabilities"]["connection.blocked"] = False
    transport = connection.connection.transport
    receive = transport._quick_recv
    transport._quick_recv = lambda wanted: receive(max(wanted, BYTES_A_READ))


@contextlib.contextmanager
def sent_together(connection: Connection) -> Iterator[None]:
    """What is published meanwhile goes out in one piece, at the end: each send wakes the broker. For who writes here alone."""
    transport, pieces = connection.connection.transport, list[bytes]()
    send = transport._write
    transport._write = lambda frame: pieces.append(bytes(frame))  # the frame's memory is written over by the next one
    try:
        yield
    finally:
        transport._write = send
    if pieces:
        transport.write(b"".join(pieces))


def declare_speaker(channel: Any, service: str, says_restricted: bool) -> None:
    """What a service needs to speak: its own exchange, the stream, one for what is restricted. Nobody else touches these."""
    channel.exchange_declare(out(service), "topic", durable=True, auto_delete=False)
    if says_restricted:
        channel.exchange_declare(restricted(service), "topic", durable=True, auto_delete=False)
    channel.queue_declare(
        stream(service),
        durable=True,
        auto_delete=False,
        arguments={"x-queue-type": "stream", "x-max-length-bytes": STREAM_BYTES, "x-max-age": STREAM_AGE},
    )
    channel.queue_bind(stream(service), out(service), "#")


def declare_public(channel: Any, service: str) -> None:
    """The exchange for anybody outside, behind the service's own. Subscribers may delete it: as nameko declares what it listens
    to, their rights cannot be less."""
    channel.exchange_declare(events(service), "topic", durable=True, auto_delete=False)
    channel.exchange_bind(events(service), out(service), "#")


SAFE = {"x-queue-type": "quorum", "x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish"}


def declare_inbox(channel: Any, service: str, heard: set[tuple[str, str]], restricted_of: frozenset[str]) -> None:
    """Where what is said to a service waits for it, and what it could not take; bound to exactly (speaker, event) in `heard`,
    and to what the speakers in `restricted_of` say to nobody else."""
    channel.exchange_declare(retry(service), "direct", durable=True, auto_delete=False)
    channel.queue_declare(parked(service), durable=True, auto_delete=False, arguments={"x-queue-type": "quorum"})
    channel.queue_bind(parked(service), retry(service), "parked")
    dead = {"x-dead-letter-exchange": retry(service), "x-dead-letter-routing-key": "parked", "x-delivery-limit": 20}
    channel.queue_declare(inbox(service), durable=True, auto_delete=False, arguments=SAFE | dead)
    channel.queue_bind(inbox(service), retry(service), "inbox")
    for speaker, event in sorted(heard):
        # The neighbour may not have started yet: its exchange is declared the same way by whoever comes first.
        channel.queue_bind(inbox(service), out(speaker), event)
        if speaker in restricted_of:
            channel.queue_bind(inbox(service), restricted(speaker), event)


def declare_tiers(channel: Any, service: str, seconds: tuple[float, ...]) -> None:
    """Where messages wait before they are tried again."""
    for name, hold in zip(TIERS, seconds, strict=True):
        again = {"x-dead-letter-exchange": retry(service), "x-dead-letter-routing-key": "inbox"}
        arguments = SAFE | again | {"x-message-ttl": int(hold * 1000)}
        channel.queue_declare(tier(service, name), durable=True, auto_delete=False, arguments=arguments)
        channel.queue_bind(tier(service, name), retry(service), name)
