"""What travels: a bare JSON body, CloudEvents 1.0 attributes in headers, and CC for one community's listeners."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, get_args, get_type_hints

import msgspec
from amqp import Message

from shared.events.base import Event
from shared.rules.errors import Permanent

PREFIX = "cloudEvents:"
_decoders: dict[type[Event], tuple[msgspec.json.Decoder[Any], tuple[str, ...]]] = {}


@dataclass(frozen=True)
class Heard:
    """An event as a listener gets it: what was said, and the circumstances."""

    event: Event
    id: str
    community: str
    subject: str
    sequence: int
    time: datetime
    correlation: str
    trace: str


def message_for(service: str, community: str, row: dict[str, Any]) -> Message:
    """The AMQP message of one outbox row."""
    name = row["name"]
    headers = {
        "CC": [f"{name}.{community}"],
        "cloudEvents:specversion": "1.0",
        "cloudEvents:id": row["id"],
        "cloudEvents:source": f"/linli/{service}",
        "cloudEvents:type": f"linli.{service}.{name}",
        "cloudEvents:subject": row["subject"],
        "cloudEvents:time": row["at"].isoformat(timespec="milliseconds"),
        "cloudEvents:dataschema": f"/api/events/{name}.json",
        "cloudEvents:sequence": str(row["sequence"]),
        "cloudEvents:community": community,
        "cloudEvents:traceparent": row["trace"],
        "cloudEvents:correlationid": row["correlation"],
    }
    return Message(
        row["body"].encode(),
        content_type="application/json",
        content_encoding="utf-8",
        delivery_mode=2,
        message_id=row["id"],
        application_headers=headers,
    )


def _decoder(event: type[Event]) -> tuple[msgspec.json.Decoder[Any], tuple[str, ...]]:
    """What reads an event's body, and the fields of it that are times; built once."""
    if event not in _decoders:
        times = tuple(name for name, hint in get_type_hints(event).items() if datetime in (hint, *get_args(hint)))
        _decoders[event] = msgspec.json.Decoder(event), times
    return _decoders[event]


def decode(event: type[Event], body: bytes) -> Event:
    """The event that a body tells of, by its dataclass; fields that nobody knows are read over. Raises Permanent."""
    decoder, times = _decoder(event)
    try:
        decoded: Event = decoder.decode(body)
    except msgspec.ValidationError as error:
        raise Permanent("schema", str(error)) from error  # it names the field and its types, never the value
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Permanent("broken_json", "the body is not JSON") from error
    for name in times:
        if (time := getattr(decoded, name)) is not None and time.tzinfo is None:
            raise Permanent("schema", f"Expected an offset from UTC - at `$.{name}`")
    return event(**vars(decoded))  # a default, msgspec leaves to the class: who looks into the object would miss it


def type_of(headers: dict[str, Any]) -> tuple[str, str]:
    """Who says it, and the event's name, by its headers. Raises Permanent where this is no event of ours."""
    kind = headers.get("cloudEvents:type")
    if not isinstance(kind, str) or not kind.startswith("linli."):
        raise Permanent("no_envelope", "the CloudEvents headers are missing")
    if headers.get("cloudEvents:specversion") != "1.0":
        raise Permanent("unknown_version", "not CloudEvents 1.0")
    speaker, _, name = kind.removeprefix("linli.").partition(".")
    return speaker, name


def read(event: type[Event], body: bytes, content_type: str, headers: dict[str, Any]) -> Heard:
    """Check and read one message. Raises Permanent: what is wrong with it will still be wrong the next time."""
    if content_type != "application/json":
        raise Permanent("content_type", "not application/json")
    if headers.get("cloudEvents:dataschema", f"/api/events/{event.name}.json") != f"/api/events/{event.name}.json":
        raise Permanent("unknown_version", "a data schema that this service does not know")
    decoded = decode(event, body)
    try:
        time = datetime.fromisoformat(headers["cloudEvents:time"])
        if time.tzinfo is None:
            raise ValueError("a time without an offset")
        return Heard(
            event=decoded,
            id=headers["cloudEvents:id"],
            community=headers["cloudEvents:community"],
            subject=headers["cloudEvents:subject"],
            sequence=int(headers["cloudEvents:sequence"]),
            time=time,
            correlation=headers.get("cloudEvents:correlationid", ""),
            trace=headers.get("cloudEvents:traceparent", ""),
        )
    except (KeyError, ValueError, TypeError) as error:
        raise Permanent("no_envelope", "a CloudEvents header is missing or wrong") from error
