"""Messages that wait for a person: list, show, replay, drop; and what still waits in outboxes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from amqp import Message
from amqp.exceptions import AMQPError, NotFound

from ops.services import SERVICES
from ops.settings import Problem
from shared.broker import topology
from shared.entrypoints.inbox import ORIGIN

KEEP = ("content_type", "message_id")


class ParkingLot:
    """The parked queues of all services."""

    def __init__(self, amqp: str) -> None:
        self._amqp = amqp

    def rows(self, services: tuple[str, ...] = SERVICES, limit: int = 500) -> list[dict[str, Any]]:
        """What is parked, as rows; the messages stay where they are."""
        rows = []
        for service in services:
            with self._messages(service, limit) as (_, messages):
                rows += [_row(service, message) for message in messages]
        return rows

    def show(self, id: str) -> dict[str, Any]:
        """One message whole: headers and body. Raises Problem."""
        for service in SERVICES:
            with self._messages(service) as (_, messages):
                for message in messages:
                    if _id(message) == id:
                        return _row(service, message) | {"headers": _headers(message), "body": _text(message)}
        raise Problem(f"no parked message {id}")

    def replay(self, id: str) -> int:
        """Send one message (or `all`) back to its inbox, confirmed before it leaves the parking place. Returns how many."""
        return self._take(id, back=True)

    def drop(self, id: str) -> int:
        """Forget one message (or `all`). Returns how many."""
        return self._take(id, back=False)

    def _take(self, id: str, back: bool) -> int:
        done = 0
        for service in SERVICES:
            with self._messages(service) as (channel, messages):
                for message in messages:
                    if id not in ("all", _id(message)):
                        continue
                    if back:
                        self._send_back(service, message)
                    channel.basic_ack(message.delivery_tag)
                    done += 1
        if not done:
            raise Problem("nothing is parked" if id == "all" else f"no parked message {id}")
        return done

    def _send_back(self, service: str, message: Any) -> None:
        headers = {ORIGIN: _origin(service, message)}
        headers |= {k: v for k, v in _headers(message).items() if not k.startswith("x-")}
        properties = {k: v for k, v in message.properties.items() if k in KEEP}
        again = Message(message.body, application_headers=headers, delivery_mode=2, **properties)
        with topology.connection(self._amqp, transport_options={"confirm_publish": True}) as connection:
            connection.channel().basic_publish(again, exchange=topology.retry(service), routing_key="inbox", mandatory=True)

    @contextmanager
    def _messages(self, service: str, limit: int = 10_000) -> Iterator[tuple[Any, list[Any]]]:
        """The parked messages of a service, unacknowledged: what is not acked goes back when the connection ends."""
        try:
            with topology.connection(self._amqp, connect_timeout=5) as connection:
                channel = connection.channel()
                found: list[Any] = []
                try:
                    while len(found) < limit and (message := channel.basic_get(topology.parked(service))) is not None:
                        found.append(message)
                except NotFound:
                    pass  # this service has never listened
                yield channel, found
        except (AMQPError, OSError) as error:
            raise Problem(f"the broker does not answer: {type(error).__name__}") from error


def _id(message: Any) -> str:
    return str(message.properties.get("message_id", "") or message.delivery_tag)


def _headers(message: Any) -> dict[str, Any]:
    return dict(message.properties.get("application_headers") or {})


def _origin(service: str, message: Any) -> str:
    """How it came at first, as the broker says where it parked the message itself: it came back too often, unhandled."""
    for death in _headers(message).get("x-death", ()):
        if death["queue"] == topology.inbox(service):
            return f"{death['exchange']}/{death['routing-keys'][0]}"
    return ""


def _text(message: Any) -> str:
    return message.body if isinstance(message.body, str) else bytes(message.body).decode(errors="replace")


def _row(service: str, message: Any) -> dict[str, Any]:
    headers = _headers(message)
    kind = str(headers.get("cloudEvents:type", ""))
    return {
        "service": service,
        "id": _id(message),
        "event": kind.rpartition(".")[2] or "?",
        "community": headers.get("cloudEvents:community", "?"),
        "error": headers.get("x-error", "crash" if "x-death" in headers else "?"),
        "detail": headers.get("x-detail", ""),
        "handler": headers.get("x-handler", ""),
        "attempts": headers.get("x-attempt", 0),
        "failed_at": headers.get("x-failed-at", ""),
    }
